//go:build desk || !js

package main

import (
	"valise/crypto"
	"valise/portal/ceremony"
)

// The calls of a helper: a worker that runs this program beside the one that holds the key, and never sees it. It is shown certificates, the session keys of
// mailboxes' names, and those of a notice that is being sealed.
func init() {
	register(table{
		"helper-begin": handle((*engine).helperBegin),
		"helper-judge": handle((*engine).helperJudge),
		"helper-wrap":  handle((*engine).helperWrap),
	})
}

// helping is what a helper has.
type helping struct{ judge *ceremony.Judge }

func (e *engine) helperBegin(p trustShown) (none, error) {
	trust, err := ceremony.Believe(crypto.Pin{Fingerprint: p.Pin}, p.Institution)
	if err != nil {
		return none{}, err
	}
	judge, err := ceremony.NewJudge(trust)
	if err != nil {
		return none{}, err
	}
	e.helping = &helping{judge}
	return none{}, nil
}

func (e *engine) helperJudge(p someMailboxes) ([]ceremony.Judgement, error) {
	if e.helping == nil {
		return nil, errEngine
	}
	return e.helping.judge.Judge(p.Mailboxes, p.Keys, e.now())
}

type wrapping struct {
	sealingWork
	At []int `json:"at"` // which members of the notice they are; handed back
}

// helperWrap wraps to members whom this helper judged.
func (e *engine) helperWrap(p wrapping) (wrappedEnvelopes, error) {
	if e.helping == nil || len(p.At) != len(p.Members) {
		return wrappedEnvelopes{}, errEngine
	}
	keys := map[crypto.Suite]*crypto.SessionKey{}
	for suite, secret := range p.Keys {
		k, err := crypto.SessionKeyOf(suite, secret)
		if err != nil {
			return wrappedEnvelopes{}, err
		}
		keys[suite] = k
	}
	members := make([]crypto.AudienceMember, len(p.Members))
	for i, m := range p.Members {
		r, err := crypto.ParseRepresentative(m.Representative)
		if err != nil {
			return wrappedEnvelopes{}, err
		}
		members[i] = crypto.AudienceMember{Representative: r, Certificate: m.Certificate}
	}
	envelopes, err := e.helping.judge.Wrap(keys, members, e.now())
	if err != nil {
		return wrappedEnvelopes{}, &refusal{"stale-certificate", err}
	}
	wrapped := wrappedEnvelopes{At: p.At, Envelopes: envelopes}
	if p.Personal != nil {
		personal, err := crypto.PersonalKeysOf(p.Notice, p.Personal)
		if err != nil {
			return wrappedEnvelopes{}, err
		}
		if wrapped.Personal, err = e.helping.judge.WrapPersonal(personal, members); err != nil {
			return wrappedEnvelopes{}, err
		}
	}
	return wrapped, nil
}
