package live

import (
	"context"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// PublishStatement takes a draft, with attachments put into it, to the world by the steps, signed by Author and Approver: an original, or the version that follows the
// newest one of the same number.
func (p *Server) PublishStatement(d *crypto.StatementDraft, attachments ...crypto.Attachment) {
	p.t.Helper()
	must := func(err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatal(err)
		}
	}
	ctx, now, n := context.Background(), p.Portal.Now(), d.Statement
	author, approver := p.Acting(p.Author), p.Acting(p.Approver)
	registered, err := p.Portal.Registry.Staff(ctx)
	must(err)
	armored := make([]string, len(registered))
	for i, c := range registered {
		armored[i] = c.Armor()
	}
	trust, err := ceremony.Believe(p.Pin, api.Institution{Root: p.Root.Certificate().Armor(), Staff: armored})
	must(err)
	var previous *crypto.VerifiedStatement
	if versions, err := p.Portal.Publish.Statement(ctx, n); err == nil {
		signed := make([]crypto.SignedStatement, len(versions))
		for i, v := range versions {
			signed[i], err = crypto.ParseSignedStatement(v.Signed)
			must(err)
		}
		verified, err := p.Portal.Root.VerifyStatementVersions(signed, registered, now)
		must(err)
		previous = verified[len(verified)-1]
	}
	for _, a := range attachments {
		sealed, err := ceremony.SealAttachment(trust, p.Author, n, a.Name, a.Type, a.Data, now)
		must(err)
		must(p.Portal.Publish.Attach(ctx, author, n, sealed.ID, sealed.Sealed))
		sealed.Attach(d)
	}
	save, err := ceremony.SaveStatement(trust, p.Author, d, now)
	must(err)
	_, err = p.Portal.Publish.Save(ctx, author, n, d.Revision, save.Draft)
	must(err)
	submit, err := ceremony.SubmitStatement(trust, p.Author, d, previous, now)
	must(err)
	submission, err := p.Portal.Publish.Submit(ctx, author, n, d.Revision, submit.Sealed)
	must(err)
	work := api.StatementWork{Statement: n, State: api.StatementSubmitted, Revision: d.Revision, Draft: save.Draft, Sealed: submit.Sealed, Submission: submission}
	examined, err := ceremony.ExamineStatement(trust, []*crypto.Key{p.Approver}, n, work, previous, now)
	must(err)
	for _, f := range examined.Needed() {
		var octets []byte
		if f.Version == 0 {
			octets, err = p.Portal.Publish.Attachment(ctx, approver, n, f.ID)
		} else {
			kept, findErr := p.Portal.Publish.File(ctx, n, f.Version, f.Name)
			must(findErr)
			octets, err = p.Portal.Publish.FileData(ctx, kept)
		}
		must(err)
		must(examined.Hold(trust, []*crypto.Key{p.Approver}, f, octets, now))
	}
	approval, err := ceremony.ApproveStatement(trust, p.Approver, examined, now)
	must(err)
	_, err = p.Portal.Publish.Approve(ctx, approver, n, submission, []byte(approval.Signed), approval.Files...)
	must(err)
}
