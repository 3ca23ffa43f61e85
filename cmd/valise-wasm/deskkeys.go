//go:build desk || !js

package main

import (
	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of a member of the desk who gives its key for mail programs to those who lack it.
func init() {
	register(table{
		"desk-keys-give": withData((*engine).deskKeysGive),
		"of-desk":        handle((*engine).ofDesk),
	})
}

// ofDesk says whether the unlocked key is that of a member of the desk.
func (e *engine) ofDesk(none) (bool, error) {
	return e.desk != nil && portal.IsOfDesk(e.desk.member), nil
}

// givenDeskKey is what goes to the portal for one of the desk's certificates.
type givenDeskKey struct {
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Names       []string           `json:"names"` // to whom it is given; may be none
	Request     *api.ShareDeskKey  `json:"request"`
}

// deskKeysGive seals each key that this member opens to those of the desk who lack it; data is the answer of GET /staff/desk-keys as it came. The list is empty when they open none.
func (e *engine) deskKeysGive(_ none, data []byte) ([]givenDeskKey, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	var wire api.DeskKeys
	if err := read(data, &wire); err != nil {
		return nil, err
	}
	keys, err := ceremony.ReadDeskKeys(e.trust, o.keys, wire, e.now())
	if err != nil {
		return nil, err
	}
	sealed, err := ceremony.GiveDeskKeys(e.trust, o.key, keys, e.now())
	if err != nil {
		return nil, err
	}
	given := make([]givenDeskKey, len(sealed))
	for i, s := range sealed {
		given[i] = givenDeskKey{Fingerprint: s.Of, Names: []string{}, Request: s.Request}
		for _, m := range s.To {
			given[i].Names = append(given[i].Names, m.Name())
		}
	}
	return given, nil
}
