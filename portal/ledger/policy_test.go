package ledger

import (
	"testing"

	"valise/crypto"
)

func TestThePolicyIsWhatTheRootSays(t *testing.T) {
	log, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWitnessKey("witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	said := crypto.LedgerKey{Log: origin, Keys: []string{log.VerifierKey()}, Witnesses: []string{w.VerifierKey()}, Quorum: 1}
	p, err := PolicyOf(&said)
	if err != nil || p.Origin != origin || len(p.Log) != 1 || p.Log[0].KeyHash() != log.KeyHash() || len(p.Witnesses) != 1 || p.Quorum != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	for name, change := range map[string]func(*crypto.LedgerKey){
		"a witness's key for the log": func(k *crypto.LedgerKey) { k.Keys = k.Witnesses },
		"the log's key for a witness": func(k *crypto.LedgerKey) { k.Witnesses = k.Keys },
		"no key":                      func(k *crypto.LedgerKey) { k.Keys = nil },
		"nonsense":                    func(k *crypto.LedgerKey) { k.Keys = []string{"nonsense"} },
		"more than there are":         func(k *crypto.LedgerKey) { k.Quorum = 2 },
	} {
		wrong := said
		change(&wrong)
		if _, err := PolicyOf(&wrong); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := PolicyOf(nil); err == nil {
		t.Error("nothing makes a policy")
	}
}
