package ceremony

import (
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

// StatementDesk returns who drafts and submissions are sealed to: whoever may author or approve.
func (t *Trust) StatementDesk(at time.Time) []*crypto.Staff {
	return t.Staff(at, crypto.RoleAuthor, crypto.RoleApprover)
}

// SaveStatement seals a draft, whose Revision is one more than the one that it follows, to the desk.
func SaveStatement(t *Trust, writer *crypto.Key, d *crypto.StatementDraft, now time.Time) (api.SaveStatement, error) {
	if err := t.exists(); err != nil {
		return api.SaveStatement{}, err
	}
	writer, _, err := t.StaffKey(writer, now, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return api.SaveStatement{}, err
	}
	sealed, err := crypto.SealStatementDraft(d, writer, t.StatementDesk(now), now)
	if err != nil {
		return api.SaveStatement{}, err
	}
	return api.SaveStatement{Revision: d.Revision, Draft: sealed, Attachments: sealedIDs(d)}, nil
}

// WorkedOn is a statement that staff work on, as a member of the desk reads it.
type WorkedOn struct {
	api.StatementWork
	Content    *crypto.StatementDraft
	Writer     *crypto.Staff           // who saved it
	Why        *crypto.StatementReturn // why it was sent back; nil when it wasn't
	ReturnedBy *crypto.Staff           // who did
}

// OpenWork opens a draft, and the reason for which it was sent back, with the keys of a member of the desk. It refuses a draft of another
// revision than the portal names: an old one would undo what was written since.
func OpenWork(t *Trust, keys []*crypto.Key, w api.StatementWork, now time.Time) (*WorkedOn, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	o := &WorkedOn{StatementWork: w}
	var err error
	if o.Content, o.Writer, err = t.root.OpenStatementDraft(w.Draft, w.Statement, keys, t.staff, now); err != nil {
		return nil, err
	}
	if o.Content.Revision != w.Revision {
		return nil, fmt.Errorf("the portal shows revision %d of the draft of %s as revision %d: don't go on, and tell the administrators", o.Content.Revision, w.Statement, w.Revision)
	}
	if len(w.Reason) == 0 {
		return o, nil
	}
	why, by, err := t.root.OpenStatementReturn(w.Reason, w.Statement, keys, t.staff, now)
	if err != nil {
		return nil, err
	}
	o.Why, o.ReturnedBy = &why, by
	return o, nil
}

// ReadStatement verifies all versions of a published statement, the original first,
// and that they are those of the statement that was asked for.
func ReadStatement(t *Trust, want crypto.Number, s api.Statement, now time.Time) ([]*crypto.VerifiedStatement, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	signed := make([]crypto.SignedStatement, len(s.Versions))
	for i, v := range s.Versions {
		var err error
		if signed[i], err = crypto.ParseSignedStatement([]byte(v.Signed)); err != nil {
			return nil, fmt.Errorf("version %d: %w", i+1, err)
		}
	}
	verified, err := t.root.VerifyStatementVersions(signed, t.staff, now)
	if err != nil {
		return nil, err
	}
	if got := verified[0].Manifest().Statement; got != want {
		return nil, fmt.Errorf("the portal shows statement %s as %s: tell the institution", got, want)
	}
	return verified, nil
}

// SubmitStatement signs what a draft says as its author, and seals it to the desk.
// previous is the newest published version, nil for a new statement. One that lacks a working language is refused.
func SubmitStatement(t *Trust, author *crypto.Key, d *crypto.StatementDraft, previous *crypto.VerifiedStatement, now time.Time) (api.SubmitStatement, error) {
	if err := t.exists(); err != nil {
		return api.SubmitStatement{}, err
	}
	author, _, err := t.StaffKey(author, now, crypto.RoleAuthor)
	if err != nil {
		return api.SubmitStatement{}, err
	}
	if err := t.checkLanguages(d); err != nil {
		return api.SubmitStatement{}, err
	}
	for _, a := range d.Attachments {
		if d.Sealed[a.SHA256] == "" && !has(previous, a) {
			return api.SubmitStatement{}, portal.Errorf(portal.Invalid, "attachment-not-uploaded", "The attachment %s was not uploaded. Attach it again.", a.Name)
		}
	}
	signed, err := crypto.PrepareStatement(t.root, author, d, previous, now)
	if err != nil {
		return api.SubmitStatement{}, err
	}
	sealed, err := crypto.SealStatement(signed, author, t.StatementDesk(now), now)
	if err != nil {
		return api.SubmitStatement{}, err
	}
	return api.SubmitStatement{Revision: d.Revision, Sealed: sealed}, nil
}

// checkLanguages says which working languages a draft lacks.
func (t *Trust) checkLanguages(d *crypto.StatementDraft) error {
	if d == nil {
		return errors.New("there is no draft of a statement")
	}
	languages := make([]string, len(d.Languages))
	for i, l := range d.Languages {
		languages[i] = l.Language
	}
	return portal.CheckLanguages(t.languages, languages)
}

// ExaminedStatement is a submitted statement as an approver must see it before they sign: the very texts that the world will read.
type ExaminedStatement struct {
	Submitted *crypto.SubmittedStatement
	Previous  *crypto.VerifiedStatement // the version that it replaces; nil: none

	submission string
	sealed     map[string]string // where the attachments are, as the draft says, by their digests
	files      map[string][]byte // those that were compared with what was signed, by their digests
	handedOn   []string          // sealed to the notaries; nil: not yet
}

// ExamineStatement opens a submission with a staff member's keys, and verifies it as readers will. previous is the newest published version,
// nil when there is none.
func ExamineStatement(t *Trust, keys []*crypto.Key, want crypto.Number, w api.StatementWork, previous *crypto.VerifiedStatement, now time.Time) (*ExaminedStatement, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	if w.State == api.StatementApproved {
		return nil, fmt.Errorf("statement %s is approved already, and waits for its minute", want)
	}
	if err := checkSubmission(want, w); err != nil {
		return nil, err
	}
	signed, sender, err := t.root.OpenStatement(w.Sealed, want, keys, t.staff, now)
	if err != nil {
		return nil, err
	}
	e := &ExaminedStatement{Previous: previous, submission: w.Submission}
	if e.Submitted, err = t.root.VerifyStatementSubmission(signed, previous, t.staff, now); err != nil {
		return nil, err
	}
	if author := e.Submitted.Author(); sender.Certificate().Fingerprint() != author.Certificate().Fingerprint() {
		return nil, fmt.Errorf("statement %s was written by %s but handed in by %s: ask them both", want, author.Name(), sender.Name())
	}
	if len(e.Submitted.Attachments()) > 0 {
		d, _, err := t.root.OpenStatementDraft(w.Draft, want, keys, t.staff, now)
		if err != nil {
			return nil, err
		}
		e.sealed = d.Sealed
	}
	return e, nil
}

// Due says whether it will be published as soon as it is approved.
func (e *ExaminedStatement) Due(now time.Time) bool {
	return e != nil && e.Submitted != nil && !now.Before(e.Submitted.Manifest().PublishAt)
}

// CheckApproval says what stands against approving a statement that was examined. Each of its attachments must have been compared with what was signed (Hold).
func CheckApproval(t *Trust, approver *crypto.Key, e *ExaminedStatement, now time.Time) error {
	_, err := signApproval(t, approver, e, now)
	return err
}

// MayApprove is CheckApproval before the attachments are there.
func MayApprove(t *Trust, approver *crypto.Key, e *ExaminedStatement, now time.Time) error {
	_, err := trySigning(t, approver, e, now)
	return err
}

var errNoNotary = errors.New("the institution has no notary, so nothing can be published at a set minute: let the root certify one, or send the statement back to be published as soon as it is approved")

func signApproval(t *Trust, approver *crypto.Key, e *ExaminedStatement, now time.Time) (crypto.SignedStatement, error) {
	if e != nil && e.Submitted != nil {
		if needed := e.Needed(); len(needed) > 0 {
			return crypto.SignedStatement{}, portal.Errorf(portal.Invalid, "attachment-not-compared", "The attachment %s was not compared with what the author signed. Load it first.", needed[0].Name)
		}
	}
	return trySigning(t, approver, e, now)
}

func trySigning(t *Trust, approver *crypto.Key, e *ExaminedStatement, now time.Time) (crypto.SignedStatement, error) {
	if err := t.exists(); err != nil {
		return crypto.SignedStatement{}, err
	}
	if e == nil || e.Submitted == nil {
		return crypto.SignedStatement{}, errors.New("only a statement that was examined can be approved")
	}
	approver, _, err := t.StaffKey(approver, now, crypto.RoleApprover)
	if err != nil {
		return crypto.SignedStatement{}, err
	}
	if err := portal.CheckLanguages(t.languages, e.Submitted.Manifest().Languages()); err != nil {
		return crypto.SignedStatement{}, err
	}
	if !e.Due(now) && len(t.Staff(now, crypto.RoleNotary)) == 0 {
		return crypto.SignedStatement{}, errNoNotary
	}
	return crypto.ApproveStatement(t.root, approver, e.Submitted, now)
}

// ApproveStatement signs a statement that was examined. One that is due is handed in in the clear with its attachments, to be published at once; one that
// isn't, sealed to the desk and all notaries. Its attachments then must have been handed on to them (HandOn) and uploaded.
func ApproveStatement(t *Trust, approver *crypto.Key, e *ExaminedStatement, now time.Time) (api.ApproveStatement, error) {
	signed, err := signApproval(t, approver, e, now)
	if err != nil {
		return api.ApproveStatement{}, err
	}
	approval := api.ApproveStatement{Submission: e.submission}
	if e.Due(now) {
		encoded, err := signed.Encode()
		approval.Signed = string(encoded)
		for _, a := range e.handing() {
			approval.Files = append(approval.Files, e.files[a.SHA256])
		}
		return approval, err
	}
	if len(e.handing()) > 0 && e.handedOn == nil {
		return api.ApproveStatement{}, errors.New("the attachments must be handed on to the notaries first")
	}
	approver, _, err = t.StaffKey(approver, now, crypto.RoleApprover)
	if err != nil {
		return api.ApproveStatement{}, err
	}
	approval.Attachments = e.handedOn
	approval.Sealed, err = crypto.SealStatement(signed, approver, append(t.StatementDesk(now), t.Staff(now, crypto.RoleNotary)...), now)
	return approval, err
}

// ReturnStatement seals to the desk why a statement that was examined is sent back.
func ReturnStatement(t *Trust, approver *crypto.Key, e *ExaminedStatement, reason string, now time.Time) (api.ReturnStatement, error) {
	if err := t.exists(); err != nil {
		return api.ReturnStatement{}, err
	}
	if e == nil || e.Submitted == nil {
		return api.ReturnStatement{}, errors.New("only a statement that was examined can be sent back")
	}
	approver, _, err := t.StaffKey(approver, now, crypto.RoleApprover)
	if err != nil {
		return api.ReturnStatement{}, err
	}
	sealed, err := crypto.SealStatementReturn(crypto.StatementReturn{
		Statement: e.Submitted.Manifest().Statement, ManifestSHA256: e.Submitted.SHA256(), Reason: reason,
	}, approver, t.StatementDesk(now), now)
	return api.ReturnStatement{Submission: e.submission, Reason: sealed}, err
}
