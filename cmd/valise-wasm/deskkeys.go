//go:build desk || !js

package main

import (
	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of a member of the desk who gives its key for mail programs to those who lack it.
func init() {
	register(table{
		"desk-keys-give": withData((*engine).deskKeysGive),
	})
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
	given := []givenDeskKey{}
	for _, k := range keys {
		if k.Key == nil {
			continue
		}
		g := givenDeskKey{Fingerprint: k.Certificate.Fingerprint(), Names: []string{}}
		if len(k.Lacking) > 0 {
			if g.Request, err = ceremony.GiveDeskKey(e.trust, o.key, k.Key, k.Lacking, e.now()); err != nil {
				return nil, err
			}
		}
		for _, m := range k.Lacking {
			g.Names = append(g.Names, m.Name())
		}
		given = append(given, g)
	}
	return given, nil
}
