//go:build desk || !js

package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"valise/crypto"
	"valise/portal/verdict"
)

// The calls of the verify page. Files come in with verify-begin and never leave; verify says which public paths of the portal have to be fetched
// first, or what holds; verify-given takes what was fetched. They are in desk.wasm, as the smaller one has no room left for the ledger's proofs.
func init() {
	register(table{
		"verify-begin": (*engine).verifyBegin,
		"verify-given": (*engine).verifyGiven,
		"verify":       handle((*engine).verify),
		"fingerprint":  handle((*engine).fingerprint),
	})
}

func parsed[P any](parameters []byte) (p P, err error) {
	if err := json.Unmarshal(parameters, &p); err != nil {
		return p, fmt.Errorf("%w (%v)", errEngine, err)
	}
	return p, nil
}

// judging is a case between the calls.
type judging struct{ verdict.Case }

type givenFiles struct {
	Files []struct {
		Name string `json:"name"`
		Size int    `json:"size"`
	} `json:"files"`
}

// verifyBegin takes files, whose bytes stand one behind the other in data.
func (e *engine) verifyBegin(parameters, data []byte) (any, error) {
	p, err := parsed[givenFiles](parameters)
	if err != nil {
		return nil, err
	}
	c := &judging{verdict.Case{Answers: map[string]verdict.Answer{}}}
	for _, f := range p.Files {
		if f.Size < 0 || f.Size > len(data) {
			return nil, fmt.Errorf("%w (sizes of files)", errEngine)
		}
		c.Files = append(c.Files, verdict.File{Name: f.Name, Data: data[:f.Size]})
		data = data[f.Size:]
	}
	e.judged = c
	return none{}, nil
}

type givenAnswer struct {
	Path   string `json:"path"`
	Status int    `json:"status"` // 0: it couldn't be reached
}

// verifyGiven takes what the portal answered.
func (e *engine) verifyGiven(parameters, data []byte) (any, error) {
	p, err := parsed[givenAnswer](parameters)
	switch {
	case err != nil:
		return nil, err
	case e.judged == nil:
		return nil, errEngine
	}
	a := verdict.Answer{Status: p.Status}
	if p.Status == 200 {
		a.Body = data
	}
	e.judged.Answers[p.Path] = a
	return none{}, nil
}

type verifying struct {
	Fingerprint string `json:"fingerprint"` // from paper, as typed; "" when nobody has looked
}

type verified struct {
	Verdicts []verdict.Verdict `json:"verdicts,omitempty"`
	Wanted   []string          `json:"wanted,omitempty"`
}

func (e *engine) verify(p verifying) (verified, error) {
	if e.judged == nil {
		return verified{}, errEngine
	}
	c := e.judged.Case
	c.Now = e.now()
	if p.Fingerprint != "" {
		f, err := crypto.ParseFingerprint(p.Fingerprint)
		if err != nil {
			return verified{}, &refusal{"fingerprint", err}
		}
		c.Pin = crypto.Pin{Fingerprint: f}
	}
	var v verified
	v.Verdicts, v.Wanted = c.Judge()
	return v, nil
}

type typedFingerprint struct {
	Fingerprint string `json:"fingerprint"`
	Shown       string `json:"shown"` // by the portal
}

// fingerprint says whether what was typed is the fingerprint that the portal shows.
func (e *engine) fingerprint(p typedFingerprint) (isSame, error) {
	typed, err := crypto.ParseFingerprint(p.Fingerprint)
	if err != nil {
		return isSame{}, &refusal{"fingerprint", err}
	}
	shown, err := crypto.ParseFingerprint(p.Shown)
	if err != nil {
		return isSame{}, errors.New("the portal shows no fingerprint that can be read")
	}
	return isSame{typed == shown}, nil
}
