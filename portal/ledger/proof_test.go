package ledger

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

func TestProofsToHandOut(t *testing.T) {
	i := newInstitution(t)
	acknowledged := everyKind(t)[9]
	private, opening, err := Commit(acknowledged)
	if err != nil {
		t.Fatal(err)
	}
	leaves := append(statements(t, 0, 10), private)
	c := i.publish(t, append(leaves, statements(t, 11, 20)...)...)

	// The receipt's proof: who gets the file sees the event.
	receipt, err := NewProof(t.Context(), i, 10, c, opening.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseProof(receipt.Bytes())
	if err != nil || !bytes.Equal(parsed.Bytes(), receipt.Bytes()) {
		t.Fatalf("%v\n%s", err, receipt.Bytes())
	}
	in, err := i.policy.VerifyProof(parsed, nil)
	if err != nil || in.Event == nil || *in.Event != acknowledged || in.Index != 10 {
		t.Fatalf("%+v, %v", in, err)
	}

	// Without the opening it proves the leaf, and tells nothing.
	bare, err := NewProof(t.Context(), i, 10, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if in, err := i.policy.VerifyProof(bare, &private); err != nil || in.Event != nil {
		t.Errorf("%+v, %v", in, err)
	}
	if _, err := i.policy.VerifyProof(bare, nil); err == nil {
		t.Error("nobody said of what, yet it is proved")
	}

	// The statement's proof.
	public, err := NewProof(t.Context(), i, 3, c, leaves[3].Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if in, err := i.policy.VerifyProof(public, nil); err != nil || in.Event.Manifest != digestOf(3) {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err := i.policy.VerifyProof(public, &leaves[3]); err != nil || in.Event == nil {
		t.Errorf("%+v, %v", in, err)
	}
	// Extra data of another program don't disturb.
	public.Extra = []byte("something else")
	if in, err := i.policy.VerifyProof(public, &leaves[3]); err != nil || in.Event.Manifest != digestOf(3) {
		t.Errorf("%+v, %v", in, err)
	}

	_, err = i.policy.VerifyProof(receipt, &leaves[3])
	wantAlarm(t, err, Missing)
	_, err = i.policy.VerifyProof(bare, &leaves[3])
	wantAlarm(t, err, Missing)
	if _, err := i.policy.VerifyProof(bare, &Leaf{}); err == nil {
		t.Error("the zero leaf is proved")
	}
	moved := *receipt
	moved.Index = 11
	_, err = i.policy.VerifyProof(&moved, nil)
	wantAlarm(t, err, Missing)

	if _, err := NewProof(t.Context(), i, 4, c, leaves[3].Bytes()); err == nil {
		t.Error("a proof of another leaf was handed out")
	}
	if _, err := NewProof(t.Context(), i, 31, c, nil); err == nil {
		t.Error("a proof of a leaf beyond the checkpoint was handed out")
	}
	i.rewrite(t, statements(t, 5, 31)...)
	if _, err := NewProof(t.Context(), i, 4, c, nil); err == nil {
		t.Error("a proof that doesn't hold was handed out")
	}
}

func TestAnyFlippedBitOfAProofIsRefused(t *testing.T) {
	i := newInstitution(t)
	leaves := statements(t, 0, 300)
	w, c := witnessed(t, i.publish(t, leaves...), "witness.example/w1")
	policy := i.policy
	policy.Witnesses, policy.Quorum = []note.Verifier{w.Verifier()}, 1
	rapid.Check(t, func(r *rapid.T) {
		index := rapid.IntRange(0, 299).Draw(r, "index")
		p, err := NewProof(t.Context(), i, int64(index), c, leaves[index].Bytes())
		if err != nil {
			r.Fatal(err)
		}
		file := p.Bytes()
		for range 20 {
			bit := rapid.IntRange(0, 8*len(file)-1).Draw(r, "bit")
			file[bit/8] ^= 1 << (bit % 8)
			if altered, err := ParseProof(file); err == nil {
				if _, err := policy.VerifyProof(altered, nil); err == nil {
					r.Fatalf("bit %d was flipped, and nobody noticed:\n%s", bit, file)
				}
			}
			file[bit/8] ^= 1 << (bit % 8)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	i := newInstitution(f)
	leaves := statements(f, 0, 5)
	c := i.publish(f, leaves...)
	p, err := NewProof(f.Context(), i, 2, c, leaves[2].Bytes())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Bytes())
	f.Add([]byte(strings.Replace(string(p.Bytes()), "extra ", "index ", 1)))
	policy := i.policy
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := ParseProof(file)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Bytes(), file) {
			t.Errorf("%q and %q are the same", file, p.Bytes())
		}
		if in, err := policy.VerifyProof(p, nil); err == nil && !bytes.Equal(in.Leaf.Bytes(), leaves[in.Index].Bytes()) {
			t.Error("a leaf that was never entered is proved")
		}
	})
}
