//go:build desk || !js

package main

import (
	"encoding/json"
	"fmt"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of a registrar who looks at, or sets, where a representative gets e-mail.
func init() {
	register(table{
		"registry-address-open": (*engine).registryAddressOpen,
		"registry-address-seal": handle((*engine).registryAddressSeal),
	})
}

// registryAddress is an address as a page shows it.
type registryAddress struct {
	Representative string `json:"representative"`
	Email          string `json:"email"`
	Subject        string `json:"subject"`
	Quiet          string `json:"quiet"` // "22-7", "" or "none"
	Zone           string `json:"zone"`
	Policy         string `json:"policy"`
	Asked          bool   `json:"asked"`
	By             string `json:"by,omitempty"` // who set it; the rest is when it is shown only
	Set            string `json:"set,omitempty"`
}

// registryAddressOpen opens one; data is the answer of GET /addresses/{representative} as it came.
func (e *engine) registryAddressOpen(parameters, data []byte) (any, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	var p struct {
		Representative string `json:"representative"`
	}
	var wire api.Address
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, fmt.Errorf("%w (%v)", errEngine, err)
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return nil, fmt.Errorf("what the portal sent can't be read: %w", err)
	}
	of, err := crypto.ParseRepresentative(p.Representative)
	if err != nil {
		return nil, err
	}
	a, by, err := ceremony.OpenAddress(e.trust, o.keys, of, wire, e.now())
	if err != nil {
		return nil, err
	}
	return registryAddress{of.String(), a.Email, a.Subject, a.Quiet.String(), a.Zone, string(a.Policy), a.Asked, by.Name(), rfc3339(wire.Set)}, nil
}

// registryAddressSeal seals one to couriers and registrars.
func (e *engine) registryAddressSeal(p registryAddress) (*api.SetAddress, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	of, err := crypto.ParseRepresentative(p.Representative)
	if err != nil {
		return nil, err
	}
	if err := crypto.CheckEmail(p.Email); err != nil {
		return nil, &refusal{"address-email", err}
	}
	quiet, err := crypto.ParseQuietHours(p.Quiet)
	if err != nil {
		return nil, &refusal{"address-quiet", err}
	}
	a := crypto.Address{Representative: of, Email: p.Email, Subject: p.Subject, Quiet: quiet, Zone: p.Zone, Policy: crypto.MailPolicy(p.Policy), Asked: p.Asked}
	if len(e.trust.Staff(e.now(), crypto.RoleCourier)) == 0 {
		return nil, &refusal{"address-no-courier", fmt.Errorf("the institution has no courier")}
	}
	return ceremony.SealAddress(e.trust, o.key, a, e.now())
}
