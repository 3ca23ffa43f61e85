package crypto

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func exampleLedgerKey() LedgerKey {
	return LedgerKey{
		Log: "court.example/ledger", Keys: []string{"court.example/ledger+c4821acd+AXg="}, Quorum: 1,
		Witnesses: []string{"witness.example/w1+6828871a+BHE=", "witness.example/w2+6828871b+BHI="},
	}
}

func TestTheRootNamesTheLedgersKey(t *testing.T) {
	key := mustRoot(t)
	root, err := OpenRoot(Pin{Fingerprint: key.Certificate().Fingerprint()}, key.Certificate().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]LedgerKey{
		"with witnesses":   exampleLedgerKey(),
		"alone":            {Log: "court.example/ledger", Keys: []string{"court.example/ledger+c4821acd+AXg="}},
		"changing its key": {Log: "court.example/ledger", Keys: []string{"a+1+AXg=", "b+2+AXg="}},
	} {
		signed, err := SignLedgerKey(key, k, noon.Add(time.Millisecond))
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := root.VerifyLedgerKey(signed, noon)
		if err != nil {
			t.Fatal(name, err)
		}
		k.Institution, k.Time = root.Certificate().Fingerprint(), noon
		if !bytes.Equal(got.text(), k.text()) {
			t.Errorf("%s: signed\n%s\nread\n%s", name, k.text(), got.text())
		}
	}
}

func TestFalseKeysOfTheLedgerAreRefused(t *testing.T) {
	key := mustRoot(t)
	root, err := OpenRoot(Pin{Fingerprint: key.Certificate().Fingerprint()}, key.Certificate().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := SignLedgerKey(key, exampleLedgerKey(), noon)
	if err != nil {
		t.Fatal(err)
	}
	for i := range signed {
		changed := bytes.Clone(signed)
		changed[i] ^= 1
		if got, err := root.VerifyLedgerKey(changed, noon); err == nil && !bytes.Equal(got.text(), mustVerifyLedgerKey(t, root, signed).text()) {
			t.Fatalf("octet %d was changed, and it says another thing", i)
		}
	}
	other := mustKey(t, ProfilePQ, "somebody else")
	foreign, err := SignLedgerKey(other, exampleLedgerKey(), noon)
	if err != nil {
		t.Fatal(err)
	}
	text := mustVerifyLedgerKey(t, root, signed).text()
	received, err := ClearSign(key, PurposeAcknowledgement, text, noon)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ClearSign(key, PurposeLedgerKey, bytes.ReplaceAll(text, []byte(root.Certificate().Fingerprint()), []byte(other.Certificate().Fingerprint())), noon)
	if err != nil {
		t.Fatal(err)
	}
	for say, message := range map[string][]byte{
		"not signed by the root": foreign, "another purpose": received, "another institution": stranger, "at most": make([]byte, MaxSignedLedgerKeySize+1),
	} {
		_, err := root.VerifyLedgerKey(message, noon)
		wantError(t, err, say)
	}
	var none *Root
	_, err = none.VerifyLedgerKey(signed, noon)
	wantError(t, err, "needs the institution's root")
	_, err = SignLedgerKey(nil, exampleLedgerKey(), noon)
	wantError(t, err, "key")
}

func mustVerifyLedgerKey(t *testing.T, root *Root, signed []byte) *LedgerKey {
	t.Helper()
	k, err := root.VerifyLedgerKey(signed, noon)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseLedgerKey(t *testing.T) {
	k := exampleLedgerKey()
	k.Institution, k.Time = mustRoot(t).Certificate().Fingerprint(), noon
	good := string(k.text())
	if _, err := ParseLedgerKey([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, say string }{
		{"valise ledger key v1", "valise ledger key v2", "newer version"},
		{"quorum: 1", "quorum: 3", "a number from 0"},
		{"quorum: 1", "quorum: 01", "a number from 0"},
		{"log: court", "log: the court", "without spaces"},
		{"key: ", "kez: ", "must start with"},
		{"witness.example/w2+6828871b+BHI=", "witness.example/w1+6828871a+BHE=", "twice"},
		{"witness.example/w2+6828871b+BHI=", "court.example/ledger+c4821acd+AXg=", "as one"},
		{"time: ", "key: x\ntime: ", "must start with"},
	} {
		_, err := ParseLedgerKey([]byte(strings.Replace(good, c.old, c.new, 1)))
		wantError(t, err, c.say)
	}
	_, err := ParseLedgerKey([]byte(strings.Replace(good, "key: ", strings.Repeat("key: x\n", 4)+"key: ", 1)))
	wantError(t, err, "quorum")
}

func FuzzParseLedgerKey(f *testing.F) {
	k := exampleLedgerKey()
	k.Institution, k.Time = "4438A73AE3D8028A366777D5B466E1600CBA9275", noon
	f.Add(k.text())
	f.Fuzz(func(t *testing.T, text []byte) {
		if k, err := ParseLedgerKey(text); err == nil && !bytes.Equal(k.text(), text) {
			t.Errorf("%q is read as %q", text, k.text())
		}
	})
}
