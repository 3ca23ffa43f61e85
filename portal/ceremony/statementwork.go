package ceremony

import (
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

// BeginVersion makes the draft of what follows a published version, with its texts: a correction starts with all that it says, a withdrawal with its titles.
// Neither has a reason yet, nor a time. revision 1 is the first to be saved.
func BeginVersion(previous *crypto.VerifiedStatement, kind crypto.StatementKind) (*crypto.StatementDraft, error) {
	if previous == nil || previous.Manifest() == nil {
		return nil, fmt.Errorf("a %s needs a published statement", kind)
	}
	m := previous.Manifest()
	switch {
	case kind != crypto.StatementCorrection && kind != crypto.StatementWithdrawal:
		return nil, fmt.Errorf("what follows a published version is a %s or a %s", crypto.StatementCorrection, crypto.StatementWithdrawal)
	case m.Kind == crypto.StatementWithdrawal:
		return nil, fmt.Errorf("statement %s was withdrawn; publish a new statement", m.Statement)
	}
	d := DraftOf(previous)
	d.Revision, d.Kind, d.PublishAt, d.Deadline = 1, kind, time.Time{}, time.Time{}
	for i := range d.Languages {
		d.Languages[i].Reason = ""
		if kind == crypto.StatementWithdrawal {
			d.Languages[i].Body = ""
		}
	}
	if kind == crypto.StatementWithdrawal {
		d.Attachments, d.Acknowledge = nil, nil
	}
	return d, nil
}

// StatementVersion is what the two forms of a statement have in common that are compared, or begun anew from: one that was submitted, and one that is approved or published.
type StatementVersion interface {
	Manifest() *crypto.StatementManifest
	Texts() []*crypto.StatementText
}

// DraftOf writes a version in the form of a draft, without a revision: what editors show beside what is being written.
func DraftOf(v StatementVersion) *crypto.StatementDraft {
	m := v.Manifest()
	d := &crypto.StatementDraft{Statement: m.Statement, Kind: m.Kind, PublishAt: m.PublishAt, Acknowledge: m.Acknowledge, Deadline: m.Deadline}
	for _, text := range v.Texts() {
		d.Topic, d.Series, d.Attachments = text.Topic, text.Series, text.Attachments
		d.Languages = append(d.Languages, crypto.StatementLanguage{Language: text.Language, Title: text.Title, Reason: text.Reason, Body: text.Body})
	}
	return d
}

// NameOf returns the name that the root certified for a holder of a session, as the portal says who did something: "" when it isn't a staff member then.
// That they did it, only a signature shows.
func (t *Trust) NameOf(holder string, at time.Time) string {
	for _, c := range t.staff {
		if portal.StaffHolder(c.Fingerprint()) != holder {
			continue
		}
		if member, err := t.root.VerifyStaff(c, at); err == nil {
			return member.Name()
		}
	}
	return ""
}

// checkSubmission says whether what a portal shows as submitted, or approved, is what it names.
func checkSubmission(want crypto.Number, w api.StatementWork) error {
	if len(w.Sealed) == 0 {
		return fmt.Errorf("statement %s is not submitted", want)
	}
	if digestOf(w.Sealed) != w.Submission {
		return fmt.Errorf("the portal shows something else than was submitted as %s: don't approve it, and tell the administrators", want)
	}
	return nil
}

// OpenApproved opens a statement that is approved and waits for its minute, with a staff member's keys, and verifies it as readers will then. previous is the
// newest published version, nil when there is none.
func OpenApproved(t *Trust, keys []*crypto.Key, want crypto.Number, w api.StatementWork, previous *crypto.VerifiedStatement, now time.Time) (*crypto.VerifiedStatement, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	if w.State != api.StatementApproved {
		return nil, fmt.Errorf("statement %s is not approved", want)
	}
	if err := checkSubmission(want, w); err != nil {
		return nil, err
	}
	signed, _, err := t.root.OpenStatement(w.Sealed, want, keys, t.staff, now)
	if err != nil {
		return nil, err
	}
	return t.root.VerifyStatement(signed, previous, t.staff, now)
}
