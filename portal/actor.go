package portal

import (
	"context"
	"strings"

	"valise/crypto"
)

// Actor is who asks for something: nobody, a representative, or a staff member.
// The zero Actor is nobody and may do nothing.
type Actor struct {
	representative crypto.Representative
	staff          *crypto.Staff
}

// ActingRepresentative is an actor who proved to hold the representative's key.
func ActingRepresentative(r crypto.Representative) Actor { return Actor{representative: r} }

// ActingStaff is an actor who proved to hold a key that the root certified; the
// value exists only when that chain held. The zero Staff is nobody, and so are a notary and
// a courier: they are processes that publish and carry what others approved, and ask for nothing.
func ActingStaff(s *crypto.Staff) Actor {
	if s == nil || s.Certificate() == nil || s.IsProcess() {
		return Actor{}
	}
	return Actor{staff: s}
}

// Representative is the actor's, and whether it is one.
func (a Actor) Representative() (crypto.Representative, bool) {
	return a.representative, a.representative.Ordinal > 0
}

// Staff is the actor's, or nil.
func (a Actor) Staff() *crypto.Staff { return a.staff }

// Has tells whether the actor is staff with the role.
func (a Actor) Has(role crypto.Role) bool { return a.staff != nil && a.staff.Has(role) }

// Holder is how the actor is named where something is theirs (an envelope, a session):
// "S-7K2M9QXD/2" or "staff:" + fingerprint; "" for nobody.
func (a Actor) Holder() string {
	switch {
	case a.staff != nil:
		return StaffHolder(a.staff.Certificate().Fingerprint())
	case a.representative.Ordinal > 0:
		return a.representative.String()
	}
	return ""
}

// StaffHolder is the holder name of a staff member, as crypto.StaffHolder spells it.
func StaffHolder(f crypto.Fingerprint) string { return crypto.StaffHolder(f) }

// StaffFingerprint takes a holder name apart; ok is false when it isn't a staff member's.
func StaffFingerprint(holder string) (f crypto.Fingerprint, ok bool) {
	rest, ok := strings.CutPrefix(holder, crypto.StaffHolder(""))
	return crypto.Fingerprint(rest), ok
}

// AuditEntry is written before the act that it names.
type AuditEntry struct {
	Actor  string // holder name
	Act    string // "registry.issue", "dispatch.approve"
	Object string // a number; never a name
}

// Auditor keeps audit entries; when it fails, the act does not happen.
type Auditor interface {
	RecordAudit(ctx context.Context, e AuditEntry) error
}
