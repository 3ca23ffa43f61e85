//go:build desk || !js

package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of staff. They are in desk.wasm only; a representative on a bad line doesn't wait for them.
func init() {
	register(table{
		"staff-unlock":      (*engine).unlockStaff,
		"staff-restore":     handle((*engine).restoreStaff),
		"staff-certificate": handle((*engine).staffCertificate),
	})
}

// onDuty returns the staff member whose key is unlocked.
func (e *engine) onDuty() (*officer, error) {
	if e.desk == nil {
		return nil, errLocked
	}
	return e.desk, nil
}

type unlockingStaff struct {
	Passphrase  string          `json:"passphrase"`
	Holder      string          `json:"holder,omitempty"` // who is logged in already; "" nobody
	Institution api.Institution `json:"institution"`
}

// staffIdentity is who the unlocked key belongs to, and whom it believes.
type staffIdentity struct {
	Holder      string             `json:"holder"` // staff:FINGERPRINT
	Name        string             `json:"name"`
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Roles       []crypto.Role      `json:"roles"`
	Institution string             `json:"institution"` // its name in the root certificate
	Root        string             `json:"root"`        // fingerprint, spaced
	PostQuantum bool               `json:"post_quantum"`
}

// unlockStaff opens a key file; data is the file as it was chosen, or kept.
func (e *engine) unlockStaff(parameters, data []byte) (any, error) {
	var p unlockingStaff
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, fmt.Errorf("%w (%v)", errEngine, err)
	}
	locked, err := ceremony.KeyFile(data)
	if err != nil {
		return nil, err
	}
	bundle, err := ceremony.UnlockKeyFile(locked, p.Passphrase)
	if err != nil {
		return nil, err
	}
	if holder := crypto.StaffHolder(bundle.Key.Certificate().Fingerprint()); p.Holder != "" && p.Holder != holder {
		return nil, &refusal{"other-key", fmt.Errorf("this is the key of %s, and somebody else is logged in here; log out first, or take your own key file", bundle.Holder)}
	}
	return e.takeStaff(bundle, p.Institution)
}

// takeStaff makes a staff member's bundle the engine's own, if the institution is the one that it pins, and its root has certified them.
func (e *engine) takeStaff(bundle *crypto.Bundle, i api.Institution) (staffIdentity, error) {
	trust, err := ceremony.Believe(bundle.Pin, i)
	if err != nil {
		return staffIdentity{}, &refusal{"other-root", err}
	}
	e.uncertified = nil
	key, member, err := trust.Officer(bundle.Key, e.now())
	if err != nil {
		e.uncertified = bundle.Key.Certificate()
		return staffIdentity{}, err
	}
	e.as, e.bundle, e.trust, e.opened, e.letters = crypto.Representative{}, bundle, trust, nil, letters{}
	e.desk = &officer{member: member, key: key, keys: append([]*crypto.Key{key}, bundle.Past...)}
	return staffIdentity{
		Holder: e.holder(), Name: member.Name(), Fingerprint: key.Certificate().Fingerprint(), Roles: member.Roles(),
		Institution: trust.Institution(), Root: trust.Pin().Fingerprint.Spaced(), PostQuantum: key.Certificate().PostQuantum(),
	}, nil
}

// restoreStaff takes the key back from the session storage, as restore does for representatives.
func (e *engine) restoreStaff(p restoring) (staffIdentity, error) {
	b, err := openKept(p.Kept, p.Session.Holder, p.Session.Share)
	if err != nil {
		return staffIdentity{}, err
	}
	if crypto.StaffHolder(b.Key.Certificate().Fingerprint()) != p.Session.Holder {
		return staffIdentity{}, errNotKept
	}
	return e.takeStaff(b, p.Institution)
}

// staffCertificate returns the public certificate of the key that could not log in because the root has not certified it, for its owner to hand
// to whoever keeps the root.
func (e *engine) staffCertificate(none) (rawData, error) {
	if e.uncertified == nil {
		return nil, errors.New("there is no certificate to save; open your key file first")
	}
	return rawData(e.uncertified.Armor()), nil
}
