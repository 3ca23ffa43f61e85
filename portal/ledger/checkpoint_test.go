package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// The examples of C2SP tlog-checkpoint and signed-note.
func TestCheckpointsAndKeysOfTheSpecification(t *testing.T) {
	const text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	c, err := ParseCheckpoint(text)
	if err != nil || c.Origin != "example.com/behind-the-sofa" || c.Size != 20852163 || c.Text() != text {
		t.Errorf("%+v, %v", c, err)
	}
	v, err := ParseLogVerifier("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
	if err != nil {
		t.Fatal(err)
	}
	const signed = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
	if _, err := note.Open([]byte(signed), note.VerifierList(v)); err != nil {
		t.Error(err)
	}
}

// Keys are those of golang.org/x/mod/sumdb/note, so other programs can use them.
func TestKeysOfOtherPrograms(t *testing.T) {
	k, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := note.NewSigner(k.Secret())
	if err != nil {
		t.Fatal(err)
	}
	theirVerifier, err := note.NewVerifier(k.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []note.Signer{k, theirs} {
		signed, err := note.Sign(&note.Note{Text: "text\n"}, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []note.Verifier{k.Verifier(), theirVerifier} {
			if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestKeysComeBackAndAreNotMixedUp(t *testing.T) {
	logKey, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	witnessKey, err := NewWitnessKey("witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseLogKey(logKey.Secret() + "\n"); err != nil || again.Secret() != logKey.Secret() {
		t.Error(err)
	}
	if again, err := ParseWitnessKey(witnessKey.Secret()); err != nil || again.Secret() != witnessKey.Secret() {
		t.Error(err)
	}
	if _, err := ParseWitnessKey(logKey.Secret()); err == nil {
		t.Error("a log's key witnesses")
	}
	if _, err := ParseLogKey(witnessKey.Secret()); err == nil {
		t.Error("a witness's key signs a log")
	}
	if _, err := ParseWitnessVerifier(logKey.VerifierKey()); err == nil {
		t.Error("a log's verifier key verifies a witness")
	}
	if _, err := ParseLogVerifier(witnessKey.VerifierKey()); err == nil {
		t.Error("a witness's verifier key verifies a log")
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb", "\xff", strings.Repeat("a", 256)} {
		if _, err := NewLogKey(name); err == nil {
			t.Errorf("a key is called %q", name)
		}
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		secret := strings.SplitN(logKey.Secret(), "+", 5)[4] // which may itself have a plus in it
		if strings.Contains(fmt.Sprintf(format, logKey), secret) {
			t.Errorf("printing with %s shows the secret", format)
		}
	}
}

// witnessed returns a key of a witness and c with its cosignature.
func witnessed(t testing.TB, c *SignedCheckpoint, name string) (*Key, *SignedCheckpoint) {
	t.Helper()
	k, err := NewWitnessKey(name)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, k)
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := c.Cosigned(signed[len(c.Text())+1:], k.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	return k, cosigned
}

func TestWhichCheckpointsAreBelieved(t *testing.T) {
	i := newInstitution(t)
	plain := i.publish(t, statement(t, 1))
	w1, once := witnessed(t, plain, "witness.example/w1")
	w2, twice := witnessed(t, once, "witness.example/w2")
	ask := func(quorum int, witnesses ...*Key) Policy {
		p := i.policy
		p.Quorum = quorum
		for _, k := range witnesses {
			p.Witnesses = append(p.Witnesses, k.Verifier())
		}
		return p
	}

	c, err := ask(2, w1, w2).Open(twice.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Cosignatures(); len(got) != 2 || got[0].Witness != "witness.example/w1" || time.Since(got[0].At) > time.Minute {
		t.Errorf("the cosignatures are %+v", got)
	}
	if _, err := ask(1, w1, w2).Open(once.Bytes()); err != nil {
		t.Error(err)
	}
	_, err = ask(2, w1, w2).Open(once.Bytes())
	wantAlarm(t, err, Unwitnessed)
	_, err = ask(1, w2).Open(once.Bytes())
	wantAlarm(t, err, Unwitnessed)
	if _, err := ask(2, w1).Open(twice.Bytes()); err == nil {
		t.Error("two of one witness were had")
	}
	if _, err := ask(-1).Open(twice.Bytes()); err == nil {
		t.Error("less than no witness was asked for")
	}

	// One witness under two names, or the log itself, isn't two.
	again := *w1
	again.name = "witness.example/w3"
	self := Key{"witness.example/w4", typeCosignature, i.key.secret, time.Now}
	for _, witnesses := range [][]*Key{{w1, w1}, {w1, &again}, {w1, &self}} {
		if _, err := ask(1, witnesses...).Open(twice.Bytes()); err == nil {
			t.Errorf("%s counts as a second witness", witnesses[1])
		}
	}

	// A witness's cosignature alone is no checkpoint of the log.
	alone, err := note.Sign(&note.Note{Text: plain.Text()}, w1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ask(1, w1).Open(alone)
	wantAlarm(t, err, WrongKey)

	stranger, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := note.Sign(&note.Note{Text: plain.Text()}, stranger)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ask(0).Open(forged)
	wantAlarm(t, err, WrongKey)

	elsewhere := Checkpoint{Origin: "other.example/ledger", Size: plain.Size, Root: plain.Root}
	for _, signer := range []*Key{stranger, i.key} { // the same key may sign two logs
		other, err := note.Sign(&note.Note{Text: elsewhere.Text()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ask(0).Open(other)
		wantAlarm(t, err, WrongOrigin)
	}

	falseSignature := strings.Replace(string(plain.Bytes()), "\n1\n", "\n2\n", 1)
	_, err = ask(0).Open([]byte(falseSignature))
	wantAlarm(t, err, WrongKey)

	for _, p := range []Policy{{}, {Origin: origin}, {Log: i.policy.Log}} {
		if _, err := p.Open(plain.Bytes()); err == nil {
			t.Errorf("%+v believes something", p)
		}
	}
	for _, text := range []string{"", "\n", "hello", plain.Text(), string(plain.Bytes()[:len(plain.Bytes())-3]), strings.Repeat("a", MaxCheckpointSize+1)} {
		if _, err := ask(0).Open([]byte(text)); err == nil {
			t.Errorf("%.60q is believed", text)
		}
	}
}

func TestAnyFlippedBitOfACheckpointIsRefused(t *testing.T) {
	i := newInstitution(t)
	w, c := witnessed(t, i.publish(t, statements(t, 0, 3)...), "witness.example/w1")
	policy := i.policy
	policy.Witnesses, policy.Quorum = []note.Verifier{w.Verifier()}, 1
	if _, err := policy.Open(c.Bytes()); err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(c.Bytes()) {
		signed := c.Bytes()
		signed[bit/8] ^= 1 << (bit % 8)
		if _, err := policy.Open(signed); err == nil {
			t.Fatalf("bit %d was flipped, and nobody noticed:\n%s", bit, signed)
		}
	}
}

func TestACosignatureIsReplacedByANewerOne(t *testing.T) {
	i := newInstitution(t)
	w, c := witnessed(t, i.publish(t, statement(t, 1)), "witness.example/w1")
	later := time.Now().Add(time.Hour).Truncate(time.Second)
	w.now = func() time.Time { return later }
	signed, err := note.Sign(&note.Note{Text: c.Text()}, w)
	if err != nil {
		t.Fatal(err)
	}
	stray := "— witness.example/w9 " + strings.Repeat("A", 96) + "\n"
	again, err := c.Cosigned(append([]byte(stray), signed[len(c.Text())+1:]...), w.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	policy := i.policy
	policy.Witnesses = []note.Verifier{w.Verifier()}
	opened, err := policy.Open(again.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := opened.Cosignatures(); len(got) != 1 || !got[0].At.Equal(later) || strings.Contains(string(again.Bytes()), "witness.example/w9") {
		t.Errorf("the checkpoint is\n%s", again.Bytes())
	}
	for _, lines := range []string{"", stray, "nonsense\n"} {
		if _, err := c.Cosigned([]byte(lines), w.Verifier()); err == nil {
			t.Errorf("%q is a cosignature", lines)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add("example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
	f.Add("a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ParseCheckpoint(text); err == nil && c.Text() != text {
			t.Errorf("%q and %q are the same", text, c.Text())
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
	for _, make := range []func(string) (*Key, error){NewLogKey, NewWitnessKey} {
		if k, err := make(origin); err == nil {
			f.Add(k.Secret())
			f.Add(k.VerifierKey())
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) (*Key, error){ParseLogKey, ParseWitnessKey} {
			if k, err := parse(text); err == nil && strings.TrimSuffix(text, "\n") != k.Secret() {
				t.Errorf("%q has another spelling", text)
			}
		}
		for _, parse := range []func(string) (note.Verifier, error){ParseLogVerifier, ParseWitnessVerifier} {
			if v, err := parse(text); err == nil && !strings.HasPrefix(text, fmt.Sprintf("%s+%08x+", v.Name(), v.KeyHash())) {
				t.Errorf("%q is read as %s", text, v.Name())
			}
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	k, err := NewLogKey(origin)
	if err != nil {
		f.Fatal(err)
	}
	policy := Policy{Origin: origin, Log: []note.Verifier{k.Verifier()}}
	c, err := signCheckpoint(Checkpoint{Origin: origin, Root: emptyRoot()}, []*Key{k}, policy)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.Bytes())
	f.Fuzz(func(t *testing.T, signed []byte) {
		if got, err := policy.Open(signed); err == nil && got.Text() != c.Text() {
			t.Errorf("a checkpoint that was never signed is believed: %q", got.Text())
		}
	})
}
