package ceremony_test

import (
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ceremony"
)

// revoke ends somebody's access, and puts what comes of it where the portal would.
func (i *institution) revoke(as crypto.Representative, reason ceremony.RevocationReason) {
	i.t.Helper()
	r, err := ceremony.Revoke(i.trust(), i.registrar, i.directory(i.registrar).Entry(as), reason, "told by telephone", i.now)
	must(i.t, err)
	for m := range i.mailboxes {
		for k := range i.mailboxes[m].Representatives {
			if line := &i.mailboxes[m].Representatives[k]; line.Representative == as.String() {
				line.State, line.Chain[0], line.Reason, line.Revoked = portal.Revoked, r.Certificate, r.Reason, &i.now
			}
		}
	}
}

func TestRevocationAsClientsSeeIt(t *testing.T) {
	court := newInstitution(t)
	gone := court.issue(crypto.KindIndividual, crypto.ProfilePQ, "Ama Mensah", "Ama Mensah")
	staying := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Kofi Owusu")
	if d := court.directory(court.registrar); d.Entry(gone).Revoked() || d.Mailbox(gone.Mailbox).LastClaimed(d.Entry(gone)) {
		t.Error("somebody who has not claimed is the last who did")
	}
	court.revoke(gone, ceremony.Compromised)

	e := court.directory(court.registrar).Entry(gone)
	if !e.Revoked() || e.Recipient != nil || e.Reason != ceremony.Compromised || e.Note != "told by telephone" || e.Revocation.By().Name() != "Chen Wei" {
		t.Errorf("the registrar sees %+v", e)
	}
	if e := court.directory(court.author).Entry(gone); !e.Revoked() || e.Reason != "" || e.Note != "" {
		t.Errorf("the author sees %+v", e)
	}
	if d := court.directory(court.author); !d.Mailbox(staying.Mailbox).Representatives[0].PostQuantum() {
		t.Error("somebody else suffered for it")
	}

	// A portal that says the word without the signature leaves nobody out in silence.
	court.mailboxes[1].Representatives[0].State = portal.Revoked
	choice, err := court.directory(court.author).Choose("all")
	must(t, err)
	if len(choice.Recipients) != 0 || len(choice.Revoked) != 1 || len(choice.Refused) != 1 || !strings.Contains(choice.Refused[0].Refused.Error(), "no registrar's signature") {
		t.Errorf("an author sees %+v", choice)
	}
	// One that hides the state, and not the signature, deceives nobody.
	court.mailboxes[0].Representatives[0].State = portal.Claimed
	if e := court.directory(court.author).Entry(gone); e.Recipient != nil || crypto.CauseOf(e.Refused) != crypto.CauseRevoked {
		t.Errorf("with the state hidden: %+v", e)
	}
}

func TestRevokeIsRefused(t *testing.T) {
	court := newInstitution(t)
	as := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	e := court.directory(court.registrar).Entry(as)
	for want, try := range map[string]func() error{
		"role": func() error {
			_, err := ceremony.Revoke(court.trust(), court.author, e, ceremony.PersonLeft, "", court.now)
			return err
		},
		"no reason": func() error {
			_, err := ceremony.Revoke(court.trust(), court.registrar, e, "because", "", court.now)
			return err
		},
		"one line": func() error {
			_, err := ceremony.Revoke(court.trust(), court.registrar, e, ceremony.KeyLost, "two\nlines", court.now)
			return err
		},
		"no certificate": func() error {
			_, err := ceremony.Revoke(court.trust(), court.registrar, nil, ceremony.KeyLost, "", court.now)
			return err
		},
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want an error that says %q", err, want)
		}
	}
}
