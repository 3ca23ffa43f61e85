package dispatch

import (
	"context"
	"strings"

	"valise/crypto"
	"valise/portal"
)

// checkPersonal says whether there is exactly one personal part for each mailbox and suite of an audience, as was signed, or none at all; and whether what opens
// them for the desk is sealed to just those of the staff who have an envelope of the notice.
func (d *Dispatch) checkPersonal(audience *crypto.Audience, s *crypto.SealedNotice, staff []*crypto.Certificate) error {
	if err := crypto.CheckAllPersonal(audience, s.PersonalKey, s.PersonalParts); err != nil {
		return invalid("invalid-personal", "%s Seal the notice again.", portal.Sentence(err))
	}
	if len(s.PersonalParts) == 0 {
		return nil
	}
	var desk []*crypto.Certificate
	for _, e := range s.Envelopes {
		for _, c := range staff {
			if strings.HasPrefix(e.Holder, "staff:") && e.Holder == portal.StaffHolder(c.Fingerprint()) {
				desk = append(desk, c)
			}
		}
	}
	to, err := crypto.RecordAddressees(s.PersonalKey, desk)
	if err != nil {
		return invalid("invalid-personal", "What opens the personal parts for the desk: %v. Seal the notice again.", err)
	}
	if len(to) != len(desk) {
		return invalid("invalid-personal", "What opens the personal parts is not sealed to everybody of the desk who can open the notice. Seal the notice again.")
	}
	return nil
}

// checkPersonalEnvelope says whether a member of the audience has an envelope for the personal part, addressed to their certificate, just when there is one.
func checkPersonalEnvelope(m crypto.AudienceMember, e crypto.Envelope, to *crypto.Certificate) error {
	switch {
	case m.Personal.IsZero() && len(e.Personal) == 0:
		return nil
	case m.Personal.IsZero():
		return invalid("extra-envelope", "There is a personal envelope for %s, and no personal part. Seal the notice again.", m.Representative)
	case len(e.Personal) == 0:
		return invalid("missing-envelope", "There is no personal envelope for %s, whose mailbox has a personal part. Seal the notice again.", m.Representative)
	}
	if err := crypto.CheckEnvelope(e.Personal, to); err != nil {
		return invalid("invalid-envelope", "The personal envelope for %s: %v. Seal the notice again.", m.Representative, err)
	}
	return nil
}

// PersonalParts returns the personal parts of a notice for its author or an approver, if it was sealed to them: the bytes that recipients get. None when it has none.
func (d *Dispatch) PersonalParts(ctx context.Context, actor portal.Actor, n crypto.Number) (portal.PersonalParts, error) {
	if err := d.staffAct(ctx, actor, "dispatch.personal", string(n), crypto.RoleApprover, crypto.RoleAuthor); err != nil {
		return portal.PersonalParts{}, err
	}
	if _, err := d.store.Envelope(ctx, n, actor.Holder()); err != nil {
		return portal.PersonalParts{}, err
	}
	return d.store.PersonalParts(ctx, n)
}
