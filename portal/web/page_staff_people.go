package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

type peoplePage struct {
	Administrator bool
	MayReset      bool // and has a passkey of their own to show for it
	SignOn        bool // is asked for
	People        []personLine
	Former        []personLine // whose roles have ended
	Resets        []memberResetLine

	Desk     bool // of the desk or a registrar: sees its certificates for mail programs
	DeskMail []deskMailLine
	MayGive  bool // has a key of the desk that somebody lacks
	Unmade   bool // there is no certificate, or one that nobody can open
}

// deskMailLine is one of the desk's certificates for mail programs.
type deskMailLine struct {
	Name        string // with its address
	Fingerprint crypto.Fingerprint
	Certified   time.Time
	Published   bool
	Own         bool // who reads was given its key
	Nobody      bool // of the desk can open it
	Lacking     []string
	Former      []string // names; only of one that is published
}

// Digits is the fingerprint in groups of four.
func (l deskMailLine) Digits() []string { return strings.Fields(l.Fingerprint.Spaced()) }

// memberResetLine tells an auditor or administrator of a reset.
type memberResetLine struct {
	Of string
	resetLine
}

// personLine is a staff member as colleagues see them.
type personLine struct {
	staffFrame
	Fingerprint crypto.Fingerprint
	Self        bool
	Process     bool // a notary: nobody who logs in
	Passkeys    int
	SignOn      bool
}

// Digits is the fingerprint in groups of four.
func (p personLine) Digits() []string { return strings.Fields(p.Fingerprint.Spaced()) }

// getPeople shows who is staff, to staff; administrators reset second factors here.
func (s *server) getPeople(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	standings, err := s.Passkeys.Standings(r.Context(), actor)
	if err != nil {
		return err
	}
	staff, err := s.Registry.Staff(r.Context())
	if err != nil {
		return err
	}
	page := peoplePage{Administrator: actor.Has(crypto.RoleAdministrator), SignOn: s.SignOn != nil}
	page.Desk = portal.IsOfDesk(actor.Staff()) || actor.Has(crypto.RoleRegistrar)
	desk := 0 // people of it
	page.MayReset = page.Administrator && standings[actor.Holder()].Passkeys > 0
	for _, c := range staff {
		record := s.Root.StaffRecord(c, s.Now())
		if record == nil || page.Desk && slices.Contains(record.Roles, crypto.RoleDeskMail) { // those have a place of their own below
			continue
		}
		holder := portal.StaffHolder(c.Fingerprint())
		line := personLine{
			staffFrame: staffFrame{Name: record.Name, Roles: record.Roles}, Fingerprint: c.Fingerprint(), Self: holder == actor.Holder(),
			Process: slices.ContainsFunc(record.Roles, crypto.Role.IsProcess), Passkeys: standings[holder].Passkeys, SignOn: standings[holder].SignOn,
		}
		member, err := s.Root.VerifyStaff(c, s.Now())
		if err != nil {
			page.Former = append(page.Former, line)
			continue
		}
		if portal.IsOfDesk(member) {
			desk++
		}
		page.People = append(page.People, line)
	}
	byName := func(a, b personLine) int { return strings.Compare(a.Name, b.Name) }
	slices.SortStableFunc(page.People, byName)
	slices.SortStableFunc(page.Former, byName)
	if page.Administrator || actor.Has(crypto.RoleAuditor) {
		if page.Resets, err = s.resets(r, actor); err != nil {
			return err
		}
	}
	if err := s.deskMail(r, actor, desk, &page); err != nil {
		return err
	}
	return s.renderPasskeys(w, r, http.StatusOK, "staff_people", page)
}

// deskMail fills in the desk's certificates for mail programs, for those whom they concern; desk is how many people are of it.
func (s *server) deskMail(r *http.Request, actor portal.Actor, desk int, page *peoplePage) error {
	if !page.Desk {
		return nil
	}
	ofDesk := portal.IsOfDesk(actor.Staff())
	keys, err := s.Registry.DeskKeys(r.Context(), actor)
	if err != nil {
		return err
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	for _, k := range keys {
		line := deskMailLine{Name: strings.Join(k.Certificate.UserIDs(), ", "), Fingerprint: k.Certificate.Fingerprint(), Certified: k.Certified, Published: k.Published, Own: len(k.Shares) > 0, Nobody: len(k.Lacking) >= desk}
		for _, holder := range k.Lacking {
			line.Lacking = append(line.Lacking, names.of(holder))
		}
		if k.Published {
			for _, holder := range k.Former {
				line.Former = append(line.Former, names.of(holder))
			}
		}
		page.MayGive = page.MayGive || ofDesk && line.Own && len(line.Lacking) > 0
		page.DeskMail = append(page.DeskMail, line)
	}
	page.Unmade = !slices.ContainsFunc(page.DeskMail, func(l deskMailLine) bool { return !l.Nobody })
	return nil
}

func (s *server) resets(r *http.Request, actor portal.Actor) (lines []memberResetLine, err error) {
	resets, err := s.Passkeys.Resets(r.Context(), actor)
	if err != nil || len(resets) == 0 {
		return nil, err
	}
	names, err := s.names(r.Context())
	for _, reset := range resets {
		lines = append(lines, memberResetLine{names.of(reset.Holder), resetLine{By: names.of(reset.By), Reason: reset.Reason, At: reset.At.UTC()}})
	}
	return lines, err
}
