package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Publish is the step from a draft to a public statement. Use New.
type Publish struct {
	store     Store
	root      *crypto.Root
	languages []string
	now       func() time.Time
	verified  portal.Certificates
	readings  readings
}

// New makes the step. languages are the institution's working languages: what lacks one of them is not published. now is the clock.
func New(store Store, root *crypto.Root, languages []string, now func() time.Time) *Publish {
	return &Publish{store: store, root: root, languages: languages, now: now}
}

func invalid(code, format string, args ...any) *portal.Error {
	return portal.Errorf(portal.Invalid, code, format, args...)
}

// act admits staff with one of the roles, and writes down what is about to be done. When it can't be written, it must not be done.
// Staff without the role are written down, too, since that is how a stolen account looks.
func (p *Publish) act(ctx context.Context, actor portal.Actor, act, object string, roles ...crypto.Role) error {
	if actor.Staff() == nil {
		if _, ok := actor.Representative(); ok {
			return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
		}
		return portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")
	}
	if slices.ContainsFunc(roles, actor.Has) {
		return p.store.RecordAudit(ctx, portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: object})
	}
	if err := p.store.RecordAudit(ctx, portal.AuditEntry{Actor: actor.Holder(), Act: act + " refused", Object: object}); err != nil {
		return err
	}
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return portal.Errorf(portal.Forbidden, names[0]+"-only", "This takes the role %s, which the institution's root did not give you.", strings.Join(names, " or "))
}

// checkNumber refuses what is no statement's number, before it is written down anywhere.
func checkNumber(n crypto.Number) error {
	again, err := crypto.ParseNumber(string(n))
	if err != nil || again != n || n.Kind() != crypto.KindStatement {
		return invalid("invalid-number", "That is no statement's number; a statement's starts with P.")
	}
	return nil
}

// house is the staff as things stand now.
type house struct {
	all            []*crypto.Certificate // whoever was ever staff: their old signatures count
	desk, notaries []*crypto.Staff
}

// staffCertificates are those of whoever was ever staff.
func (p *Publish) staffCertificates(ctx context.Context) ([]*crypto.Certificate, error) {
	stored, err := p.store.StaffCertificates(ctx)
	if err != nil {
		return nil, err
	}
	return p.verified.ParseAll(stored)
}

func (p *Publish) house(ctx context.Context) (*house, error) {
	all, err := p.staffCertificates(ctx)
	if err != nil {
		return nil, err
	}
	h := &house{all: all}
	for _, c := range h.all {
		member, err := p.root.VerifyStaff(c, p.now())
		switch {
		case err != nil: // has left
		case member.Has(crypto.RoleNotary):
			h.notaries = append(h.notaries, member)
		case member.Has(crypto.RoleAuthor) || member.Has(crypto.RoleApprover):
			h.desk = append(h.desk, member)
		}
	}
	return h, nil
}

// member returns who of the staff has a certificate now, nil when nobody has.
func (h *house) member(f crypto.Fingerprint) *crypto.Staff {
	for _, m := range slices.Concat(h.desk, h.notaries) {
		if m.Certificate().Fingerprint() == f {
			return m
		}
	}
	return nil
}

// checkSealed refuses what isn't sealed, whatever the client calls it, or is sealed to others than some of those named. It returns to whom it is.
func checkSealed(what string, sealed []byte, among []*crypto.Staff) ([]*crypto.Staff, error) {
	if len(sealed) > crypto.MaxSealedStatement {
		return nil, portal.Errorf(portal.TooLarge, "too-large", "The sealed %s has more than %d KiB. Shorten it.", what, crypto.MaxSealedStatement>>10)
	}
	return checkAddressees(what, sealed, among)
}

// checkAddressees is checkSealed for what has a size of its own.
func checkAddressees(what string, sealed []byte, among []*crypto.Staff) ([]*crypto.Staff, error) {
	certificates := make([]*crypto.Certificate, len(among))
	for i, m := range among {
		certificates[i] = m.Certificate()
	}
	to, err := crypto.RecordAddressees(sealed, certificates)
	if err != nil {
		return nil, invalid("not-sealed", "The %s must be sealed to staff who author and approve, and to nobody else: %v. Fetch the list of staff again, and seal it anew.", what, err)
	}
	var members []*crypto.Staff
	for _, c := range to {
		members = append(members, among[slices.Index(certificates, c)])
	}
	return members, nil
}

// anotherApprover says whether somebody who may approve what author wrote is among members.
func anotherApprover(members []*crypto.Staff, author *crypto.Staff) bool {
	return slices.ContainsFunc(members, func(m *crypto.Staff) bool {
		return m.Has(crypto.RoleApprover) && m.Certificate().Fingerprint() != author.Certificate().Fingerprint() && !strings.EqualFold(m.Name(), author.Name())
	})
}

// among says whether a staff member is among members.
func among(members []*crypto.Staff, f crypto.Fingerprint) bool {
	return slices.ContainsFunc(members, func(m *crypto.Staff) bool { return m.Certificate().Fingerprint() == f })
}

// SHA256Of names a submission.
func SHA256Of(sealed []byte) string {
	sum := sha256.Sum256(sealed)
	return hex.EncodeToString(sum[:])
}
