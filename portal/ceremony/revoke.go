package ceremony

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

// RevocationReason is why a registrar ends a representative's access.
type RevocationReason string

// The reasons. Only registrars read them.
const (
	KeyLost     RevocationReason = "key-lost"    // passphrase or key are gone; somebody may still find them
	PersonLeft  RevocationReason = "left"        // they don't represent the stakeholder any more
	Compromised RevocationReason = "compromised" // somebody else has, or may have, the key
)

// ParseRevocationReason reads one of the reasons.
func ParseRevocationReason(text string) (RevocationReason, error) {
	switch r := RevocationReason(text); r {
	case KeyLost, PersonLeft, Compromised:
		return r, nil
	}
	return "", fmt.Errorf("%q is no reason for ending an access; the reasons are key-lost, left and compromised", printable(text))
}

// MaxNote is the size in bytes of the longest note to a revocation.
const MaxNote = 500

// revocationRecord is a sealed record of its own kind:
//
//	{"record":"valise revocation v1","of":"S-7K2M9QXD/2","reason":"key-lost","note":"telephone call of 5 May"}
type revocationRecord struct {
	Record string           `json:"record"`
	Of     string           `json:"of"`
	Reason RevocationReason `json:"reason"`
	Note   string           `json:"note,omitempty"`
}

const revocationKind = "valise revocation v1"

// Revoke ends a representative's access: the registrar signs the revocation into their
// issued certificate, where whoever verifies the chain finds it, and seals the reason to the
// registrars. Somebody whose chain doesn't hold can be revoked, too.
func Revoke(t *Trust, registrar *crypto.Key, e *DirectoryEntry, reason RevocationReason, note string, now time.Time) (*api.Revocation, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	registrar, _, err := t.StaffKey(registrar, now, crypto.RoleRegistrar)
	if err != nil {
		return nil, err
	}
	if _, err := ParseRevocationReason(string(reason)); err != nil {
		return nil, err
	}
	if len(note) > MaxNote || !utf8.ValidString(note) || containsControl(note) {
		return nil, fmt.Errorf("the note must be at most %d bytes in one line", MaxNote)
	}
	if e == nil || len(e.chain) == 0 {
		return nil, fmt.Errorf("the portal shows no certificate of theirs that could be revoked")
	}
	issued, err := crypto.ParseCertificate([]byte(e.chain[0]))
	if err != nil {
		return nil, fmt.Errorf("their issued certificate: %w", err)
	}
	revoked, err := crypto.RevokeRepresentative(registrar, issued, e.Representative, now)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(revocationRecord{revocationKind, e.Representative.String(), reason, note})
	if err != nil {
		return nil, err
	}
	sealed, err := sealText(text, registrar, t.Staff(now, crypto.RoleRegistrar), now)
	if err != nil {
		return nil, fmt.Errorf("sealing the reason: %w", err)
	}
	return &api.Revocation{Certificate: revoked.Armor(), Reason: sealed}, nil
}

func containsControl(text string) bool {
	for _, r := range text {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}

// openReason returns why somebody was revoked, to those whom that is sealed to.
func openReason(t *Trust, keys []*crypto.Key, sealed []byte, of string, now time.Time) (RevocationReason, string, error) {
	text, err := openText(t, keys, sealed, now)
	if err != nil {
		return "", "", err
	}
	var r revocationRecord
	if err := json.Unmarshal(text, &r); err != nil || r.Record != revocationKind || r.Of != of {
		return "", "", fmt.Errorf("the record of the reason is not that of %s", of)
	}
	reason, err := ParseRevocationReason(string(r.Reason))
	if err != nil || len(r.Note) > MaxNote || containsControl(r.Note) {
		return "", "", fmt.Errorf("the record of the reason is malformed")
	}
	return reason, r.Note, nil
}

// readRevoked fills in what there is to know of somebody of whom the portal says that they
// were revoked. It is believed only with a registrar's signature: otherwise a portal could
// leave people out of audiences by saying a word.
func (e *DirectoryEntry) readRevoked(t *Trust, keys []*crypto.Key, r api.Representative, now time.Time) {
	chain, err := parseChain(r.Chain)
	if err != nil {
		e.Refused = err
		return
	}
	if e.Revocation = t.root.Revocation(t.staff, chain, e.Representative, now.Add(crypto.ClockSkew)); e.Revocation == nil {
		e.Refused = fmt.Errorf("is revoked, the portal says, and shows no registrar's signature for it: don't rely on it, and tell the institution's administrators")
		return
	}
	e.Refused = fmt.Errorf("was revoked by %s at %s", e.Revocation.By().Name(), e.Revocation.At().UTC().Format(time.RFC3339))
	if len(r.Reason) > 0 {
		e.Reason, e.Note, _ = openReason(t, keys, r.Reason, e.Representative.String(), now) // it is for registrars alone; others see none
	}
}

// Revoked says whether a registrar's signature shows that their access was ended.
func (e *DirectoryEntry) Revoked() bool { return e.Revocation != nil }

// LastClaimed says whether e is the only representative of the mailbox who has a key of
// their own: when they go, nobody is left who can open anything.
func (m *DirectoryMailbox) LastClaimed(e *DirectoryEntry) bool {
	if e.State != portal.Claimed {
		return false
	}
	for i := range m.Representatives {
		if other := &m.Representatives[i]; other.Representative != e.Representative && other.State == portal.Claimed && other.Recipient != nil {
			return false
		}
	}
	return true
}
