package ceremony

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"valise/crypto"
)

// A sealed record says who somebody is. It is JSON, padded with spaces so that its
// sealed size doesn't tell the length of a name, and it names the number it belongs to:
// a server that swaps two records makes both unreadable, not two States changing places.
//
//	{"record":"valise label v1","of":"S-7K2M9QXD","name":"Republic of Elbonia"}
//	{"record":"valise details v1","of":"S-7K2M9QXD/2","name":"Ama Mensah"}
type record struct {
	Record string `json:"record"`
	Of     string `json:"of"`
	Name   string `json:"name"`
}

const (
	labelRecord   = "valise label v1"
	detailsRecord = "valise details v1"

	recordBlock = 256 // bytes; a record's size is a multiple of it

	// MaxName is the size in bytes of the longest name of a stakeholder or a person.
	MaxName = 200
)

func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the %s is missing", what)
	case len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.TrimSpace(name) != name:
		return fmt.Errorf("the %s must be 1 to %d bytes in one line, without space at its ends", what, MaxName)
	}
	return nil
}

func sealRecord(r record, registrar *crypto.Key, to []*crypto.Staff, now time.Time) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return sealText(text, registrar, to, now)
}

// sealText seals the text of a record, padded.
func sealText(text []byte, registrar *crypto.Key, to []*crypto.Staff, now time.Time) ([]byte, error) {
	text = append(text, bytes.Repeat([]byte{' '}, (recordBlock-len(text)%recordBlock)%recordBlock)...)
	certificates := make([]*crypto.Certificate, len(to))
	for i, member := range to {
		certificates[i] = member.Certificate()
	}
	return crypto.SealRecord(text, registrar, crypto.PurposeDetails, certificates, now)
}

// openRecord opens a record, and demands that somebody sealed it who was a registrar then.
func openRecord(t *Trust, keys []*crypto.Key, sealed []byte, kind, of string, now time.Time) (name string, err error) {
	if len(sealed) == 0 {
		return "", errors.New("the portal has no record of the name")
	}
	text, err := openText(t, keys, sealed, now)
	if err != nil {
		return "", err
	}
	return readName(text, kind, of)
}

// openText opens the text of a record, and demands that somebody sealed it who was a registrar then.
func openText(t *Trust, keys []*crypto.Key, sealed []byte, now time.Time) ([]byte, error) {
	text, s, err := crypto.OpenRecord(sealed, keys, t.staff, crypto.PurposeDetails, now)
	if err != nil {
		return nil, err
	}
	if err := t.byRegistrar(s); err != nil {
		return nil, err
	}
	return text, nil
}
