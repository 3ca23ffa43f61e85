package publish

import (
	"bytes"
	"context"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Drafts returns all statements that are being worked on, last saved first, without submissions. Authors and approvers.
func (p *Publish) Drafts(ctx context.Context, actor portal.Actor) ([]Work, error) {
	if err := p.act(ctx, actor, "publish.drafts", "all", crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return nil, err
	}
	return p.store.StatementWorks(ctx)
}

// Work returns one of them with everything. Authors and approvers.
func (p *Publish) Work(ctx context.Context, actor portal.Actor, n crypto.Number) (Work, error) {
	if err := checkNumber(n); err != nil {
		return Work{}, err
	}
	if err := p.act(ctx, actor, "publish.draft", string(n), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return Work{}, err
	}
	return p.store.StatementWork(ctx, n)
}

// maxRevision is that of crypto.StatementDraft.
const maxRevision = 1 << 30

// MaxDraftsOfPerson is how many bytes, sealed, those drafts may have together that one person saved last. All drafts are read for the list of work: one account must not make that
// more than a server, or a browser, can hold.
const MaxDraftsOfPerson = 4 * crypto.MaxSealedStatement

// Save keeps a draft, sealed to the desk, that follows the revision before it; the first has revision 1. It voids what was submitted or
// approved. attachments names the sealed files that the draft does, which must be there (Attach). Authors and approvers.
func (p *Publish) Save(ctx context.Context, actor portal.Actor, n crypto.Number, revision int, sealed []byte, attachments ...string) (saved time.Time, err error) {
	if err := checkNumber(n); err != nil {
		return time.Time{}, err
	}
	if err := p.act(ctx, actor, "publish.save", string(n), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return time.Time{}, err
	}
	if revision < 1 || revision > maxRevision {
		return time.Time{}, invalid("invalid-revision", "The revision must be 1 for a new draft, and one more than the last for another.")
	}
	if err := checkFileIDs(attachments); err != nil {
		return time.Time{}, err
	}
	h, err := p.house(ctx)
	if err != nil {
		return time.Time{}, err
	}
	to, err := checkSealed("draft", sealed, h.desk)
	if err != nil {
		return time.Time{}, err
	}
	if !among(to, actor.Staff().Certificate().Fingerprint()) {
		return time.Time{}, invalid("not-sealed", "The draft is not sealed to yourself, so you could not open it again. Seal it anew.")
	}
	w := Work{Statement: n, Revision: revision, Draft: sealed, Attachments: attachments, SavedBy: actor.Holder(), SavedAt: p.now()}
	return w.SavedAt, p.store.SaveStatementDraft(ctx, w, MaxDraftsOfPerson)
}

// Discard forgets a draft that is neither submitted nor approved. Authors and approvers.
func (p *Publish) Discard(ctx context.Context, actor portal.Actor, n crypto.Number, revision int) error {
	if err := checkNumber(n); err != nil {
		return err
	}
	if err := p.act(ctx, actor, "publish.discard", string(n), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return err
	}
	return p.store.DiscardStatementDraft(ctx, n, revision)
}

// Submit keeps what an author signed, sealed to the desk, until another person approves it or sends it back. revision is that of the draft
// that it was made of. Authors only.
func (p *Publish) Submit(ctx context.Context, actor portal.Actor, n crypto.Number, revision int, sealed []byte) (submission string, err error) {
	if err := checkNumber(n); err != nil {
		return "", err
	}
	if err := p.act(ctx, actor, "publish.submit", string(n), crypto.RoleAuthor); err != nil {
		return "", err
	}
	h, err := p.house(ctx)
	if err != nil {
		return "", err
	}
	to, err := checkSealed("statement", sealed, h.desk)
	if err != nil {
		return "", err
	}
	switch {
	case !among(to, actor.Staff().Certificate().Fingerprint()):
		return "", invalid("not-sealed", "The statement is not sealed to yourself, so you could not open it again. Seal it anew.")
	case !anotherApprover(to, actor.Staff()):
		return "", invalid("no-approver", "Nobody who may approve the statement could open it. Seal it to an approver other than yourself, too.")
	}
	w := Work{Statement: n, Revision: revision, Submission: sealed, SubmissionSHA256: SHA256Of(sealed), SubmittedBy: actor.Holder(), SubmittedAt: p.now()}
	return w.SubmissionSHA256, p.store.SubmitStatement(ctx, w)
}

// Return sends what was submitted, or approved and not published yet, back to its author, with a reason that is sealed to the desk. Approvers only.
func (p *Publish) Return(ctx context.Context, actor portal.Actor, n crypto.Number, submission string, reason []byte) error {
	if err := checkNumber(n); err != nil {
		return err
	}
	if err := p.act(ctx, actor, "publish.return", string(n), crypto.RoleApprover); err != nil {
		return err
	}
	h, err := p.house(ctx)
	if err != nil {
		return err
	}
	if _, err := checkSealed("reason", reason, h.desk); err != nil {
		return err
	}
	return p.store.ReturnStatement(ctx, n, submission, reason, actor.Holder(), p.now())
}

// Cancel makes a draft again of what was submitted, or approved and not published yet. Authors and approvers.
func (p *Publish) Cancel(ctx context.Context, actor portal.Actor, n crypto.Number, submission string) error {
	if err := checkNumber(n); err != nil {
		return err
	}
	if err := p.act(ctx, actor, "publish.cancel", string(n), crypto.RoleAuthor, crypto.RoleApprover); err != nil {
		return err
	}
	return p.store.ReturnStatement(ctx, n, submission, nil, actor.Holder(), p.now())
}

var errOwnStatement = portal.Errorf(portal.Forbidden, "own-statement", "You are the author, so somebody else must approve.")

// Schedule keeps what an approver signed, sealed to desk and notaries, to be published at its minute. submission names what was approved,
// attachments the sealed files that were handed on to the notaries (Attach). Approvers only, and never their own.
func (p *Publish) Schedule(ctx context.Context, actor portal.Actor, n crypto.Number, submission string, sealed []byte, attachments ...string) error {
	if err := checkNumber(n); err != nil {
		return err
	}
	if err := p.act(ctx, actor, "publish.approve", string(n), crypto.RoleApprover); err != nil {
		return err
	}
	if err := checkFileIDs(attachments); err != nil {
		return err
	}
	w, err := p.store.StatementWork(ctx, n)
	if err != nil {
		return err
	}
	if w.SubmittedBy == actor.Holder() {
		return errOwnStatement
	}
	if w.State == Approved && w.ApprovedBy == actor.Holder() && bytes.Equal(w.Submission, sealed) { // the answer was lost
		return nil
	}
	h, err := p.house(ctx)
	if err != nil {
		return err
	}
	if len(h.notaries) == 0 {
		return portal.Errorf(portal.Conflict, "no-notary", "The institution has no notary, so nothing can be published at a set minute. Let the root certify one, or send the statement back to be published as soon as it is approved.")
	}
	everybody := append(h.desk, h.notaries...)
	to, err := checkSealed("approved statement", sealed, everybody)
	if err != nil {
		return err
	}
	switch {
	case !among(to, actor.Staff().Certificate().Fingerprint()):
		return invalid("not-sealed", "The statement is not sealed to yourself, so you could not open it again. Seal it anew.")
	case !anyNotary(to):
		return invalid("not-sealed", "The statement is sealed to no notary, so nobody could publish it at its minute. Fetch the list of staff again, and seal it anew.")
	}
	return p.store.ApproveStatement(ctx, Work{
		Statement: n, Submission: sealed, SubmissionSHA256: SHA256Of(sealed), Attachments: attachments, ApprovedBy: actor.Holder(), ApprovedAt: p.now(),
	}, submission)
}

func anyNotary(members []*crypto.Staff) bool {
	for _, m := range members {
		if m.Has(crypto.RoleNotary) {
			return true
		}
	}
	return false
}

// Approve publishes, at once, what is due: signed is the statement with all signatures, files are the attachments that it names but for those that an earlier
// version has. Approvers only, and never their own. Again with the same statement: the same outcome.
func (p *Publish) Approve(ctx context.Context, actor portal.Actor, n crypto.Number, submission string, signed []byte, files ...[]byte) (Version, error) {
	if err := checkNumber(n); err != nil {
		return Version{}, err
	}
	if err := p.act(ctx, actor, "publish.approve", string(n), crypto.RoleApprover); err != nil {
		return Version{}, err
	}
	s, err := crypto.ParseSignedStatement(signed)
	if err != nil {
		return Version{}, invalid("invalid-statement", "%s", portal.Sentence(err))
	}
	if again, ok, err := p.published(ctx, n, s); err != nil || ok {
		return again, err
	}
	w, err := p.store.StatementWork(ctx, n)
	if err != nil {
		return Version{}, err
	}
	if w.SubmittedBy == actor.Holder() {
		return Version{}, errOwnStatement
	}
	v, err := p.verify(ctx, n, s)
	if err != nil {
		return Version{}, err
	}
	self := actor.Staff().Certificate().Fingerprint()
	switch {
	case v.Author().Certificate().Fingerprint() == self:
		return Version{}, errOwnStatement
	case v.Approver().Certificate().Fingerprint() != self:
		return Version{}, portal.Errorf(portal.Forbidden, "other-approver", "Another approver signed than the one who is logged in. Who signed must hand it in.")
	case portal.StaffHolder(v.Author().Certificate().Fingerprint()) != w.SubmittedBy:
		return Version{}, portal.Errorf(portal.Conflict, "other-author", "Another author signed this than the one who submitted it. Fetch the submission again.")
	case !v.Due(p.now()):
		return Version{}, invalid("not-due", "The statement is to be published later. Seal the approved statement to the notaries instead, so that nobody can read it before.")
	}
	if err := checkHanded(v, files); err != nil {
		return Version{}, err
	}
	return p.publish(ctx, v, Submitted, submission, files)
}

// published returns the version if the same one is published already.
func (p *Publish) published(ctx context.Context, n crypto.Number, s crypto.SignedStatement) (Version, bool, error) {
	versions, err := p.store.Statement(ctx, n)
	if err != nil && portal.KindOf(err) != portal.NotFound {
		return Version{}, false, err
	}
	for _, v := range versions {
		if v.ManifestSHA256 == SHA256Of(s.Manifest) {
			return v, true, nil
		}
	}
	return Version{}, false, nil
}
