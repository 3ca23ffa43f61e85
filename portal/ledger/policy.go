package ledger

import (
	"errors"

	"valise/crypto"
)

// PolicyOf returns whom to believe about a log, as the institution's root says
// (crypto.Root.VerifyLedgerKey): the root's fingerprint on paper then is all that anybody needs.
func PolicyOf(k *crypto.LedgerKey) (Policy, error) {
	if k == nil {
		return Policy{}, errors.New("it wasn't said with which key the ledger signs")
	}
	p := Policy{Origin: k.Log, Quorum: k.Quorum}
	for _, key := range k.Keys {
		v, err := ParseLogVerifier(key)
		if err != nil {
			return Policy{}, err
		}
		p.Log = append(p.Log, v)
	}
	for _, key := range k.Witnesses {
		v, err := ParseWitnessVerifier(key)
		if err != nil {
			return Policy{}, err
		}
		p.Witnesses = append(p.Witnesses, v)
	}
	return p, p.check()
}
