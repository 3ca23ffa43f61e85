package publish_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

func TestAStatementIsWrittenApprovedAndPublished(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	n.submit(d)
	if _, err := n.Statement(t.Context(), d.Statement); portal.KindOf(err) != portal.NotFound {
		t.Fatalf("before approval: %v", err)
	}
	n.wait(time.Hour)
	v, err := n.approve(d.Statement)
	must(t, err)
	if v.Version != 1 || !v.PublishedAt.Equal(n.clock()) {
		t.Errorf("%+v", v)
	}
	if again, err := n.Statement(t.Context(), d.Statement); err != nil || len(again) != 1 || string(again[0].Signed) != string(v.Signed) {
		t.Errorf("%v", err)
	}
	if _, err := n.Work(t.Context(), n.acting(n.author), d.Statement); portal.KindOf(err) != portal.NotFound {
		t.Errorf("the draft is still there: %v", err)
	}

	// A correction, then a withdrawal: every version stays as it was.
	c := *d
	c.Kind = crypto.StatementCorrection
	c.Languages = slices.Clone(d.Languages)
	for i := range c.Languages {
		c.Languages[i].Reason, c.Languages[i].Body = "A number was wrong.", c.Languages[i].Body+"\nThree systems, not two.\n"
	}
	n.wait(24 * time.Hour)
	n.submit(&c)
	_, err = n.approve(d.Statement)
	must(t, err)
	w := c
	w.Kind, w.Languages = crypto.StatementWithdrawal, slices.Clone(c.Languages)
	for i := range w.Languages {
		w.Languages[i].Title, w.Languages[i].Body = "Withdrawn", ""
	}
	n.wait(24 * time.Hour)
	n.submit(&w)
	_, err = n.approve(d.Statement)
	must(t, err)
	versions, err := n.Statement(t.Context(), d.Statement)
	if err != nil || len(versions) != 3 || string(versions[0].Signed) != string(v.Signed) || versions[2].Kind != crypto.StatementWithdrawal {
		t.Fatalf("%d versions, %v", len(versions), err)
	}
	entries, _, err := n.Archive(t.Context(), publish.Query{})
	if err != nil || len(entries) != 1 || entries[0].Version != 3 || entries[0].Titles[0].Title != "Withdrawn" || !entries[0].FirstAt.Equal(v.PublishedAt) {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestNobodyApprovesAlone(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	submission := n.submit(d)
	approved, _ := n.endorse(n.approver, d.Statement)
	encoded, err := approved.Encode()
	must(t, err)
	for _, c := range []struct {
		name string
		as   *crypto.Key
		code string
	}{
		{"an author", n.author, "approver-only"}, {"an administrator", n.admin, "approver-only"}, {"an auditor", n.auditor, "approver-only"},
		{"another approver than who signed", n.both, "other-approver"},
	} {
		_, err := n.Approve(t.Context(), n.acting(c.as), d.Statement, submission, encoded)
		wantCode(t, err, portal.Forbidden, c.code)
	}
	_, err = n.Approve(t.Context(), portal.Actor{}, d.Statement, submission, encoded)
	wantCode(t, err, portal.Unauthenticated, "no-session")
	_, err = n.Approve(t.Context(), portal.ActingRepresentative(crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}), d.Statement, submission, encoded)
	wantCode(t, err, portal.Forbidden, "staff-only")

	// Without the approver's signatures there is nothing to publish.
	half := approved
	half.ApproverSignature = nil
	encoded, err = half.Encode()
	must(t, err)
	_, err = n.Approve(t.Context(), n.acting(n.approver), d.Statement, submission, encoded)
	wantCode(t, err, portal.Invalid, "invalid-statement")

	// Who may do both may not do both with the same statement.
	own := n.findings()
	must(t, n.save(n.both, own))
	signed, err := crypto.PrepareStatement(n.pin, n.both, own, nil, n.clock())
	must(t, err)
	sealed, err := crypto.SealStatement(signed, n.both, n.desk(), n.clock())
	must(t, err)
	submission, err = n.Submit(t.Context(), n.acting(n.both), own.Statement, 1, sealed)
	must(t, err)
	encoded, err = signed.Encode()
	must(t, err)
	_, err = n.Approve(t.Context(), n.acting(n.both), own.Statement, submission, encoded)
	wantCode(t, err, portal.Forbidden, "own-statement")
	wantCode(t, n.Schedule(t.Context(), n.acting(n.both), own.Statement, submission, sealed), portal.Forbidden, "own-statement")
}

func TestWhoMayNotReadOrWrite(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	n.submit(d)
	for _, k := range []*crypto.Key{n.admin, n.auditor, n.registrar} {
		_, err := n.Drafts(t.Context(), n.acting(k))
		wantCode(t, err, portal.Forbidden, "author-only")
		_, err = n.Work(t.Context(), n.acting(k), d.Statement)
		wantCode(t, err, portal.Forbidden, "author-only")
		_, err = n.Save(t.Context(), n.acting(k), d.Statement, 2, nil)
		wantCode(t, err, portal.Forbidden, "author-only")
		wantCode(t, n.Cancel(t.Context(), n.acting(k), d.Statement, ""), portal.Forbidden, "author-only")
		wantCode(t, n.Return(t.Context(), n.acting(k), d.Statement, "", nil), portal.Forbidden, "approver-only")
		wantCode(t, n.Discard(t.Context(), n.acting(k), d.Statement, 1), portal.Forbidden, "author-only")
	}
	_, err := n.Submit(t.Context(), n.acting(n.approver), d.Statement, 1, nil)
	wantCode(t, err, portal.Forbidden, "author-only")
	if acts := n.acts(); !slices.Contains(acts, "publish.save refused") || !slices.Contains(acts, "publish.drafts refused") {
		t.Errorf("refused acts are not written down: %q", acts)
	}
	if n.acting(n.notary) != (portal.Actor{}) {
		t.Error("a notary acts")
	}
}

func TestTwoEditorsOverwriteNothing(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	must(t, n.save(n.author, d))
	mine, theirs := *d, *d
	mine.Revision, theirs.Revision = 2, 2
	mine.Topic, theirs.Topic = "mine", "theirs"
	must(t, n.save(n.author, &mine))
	err := n.save(n.secondAuthor, &theirs)
	wantCode(t, err, portal.Conflict, "draft-changed")
	if !strings.Contains(err.Error(), "revision 2") {
		t.Errorf("%v does not say what to fetch", err)
	}
	kept, _, err := n.pin.OpenStatementDraft(n.state(d.Statement).Draft, d.Statement, []*crypto.Key{n.secondAuthor}, n.staff(), n.clock())
	if err != nil || kept.Topic != "mine" {
		t.Errorf("%+v, %v", kept, err)
	}
	theirs.Revision = 3
	must(t, n.save(n.secondAuthor, &theirs))
	gap := theirs
	gap.Revision = 7
	wantCode(t, n.save(n.author, &gap), portal.Conflict, "draft-changed")
	// The answer to a save was lost: the same again is fine.
	sealed := n.state(d.Statement).Draft
	_, err = n.Save(t.Context(), n.acting(n.secondAuthor), d.Statement, 3, sealed)
	must(t, err)
	fresh := n.findings()
	fresh.Revision = 2
	wantCode(t, n.save(n.author, fresh), portal.NotFound, "no-draft")
}

func TestAnEditVoidsTheApproval(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	d.PublishAt = n.clock().Add(time.Hour)
	n.submit(d)
	approved, submission := n.endorse(n.approver, d.Statement)
	n.schedule(d.Statement)
	if w := n.state(d.Statement); w.State != publish.Approved || w.ApprovedBy != n.acting(n.approver).Holder() {
		t.Fatalf("%+v", w)
	}
	edited := *d
	edited.Revision = 2
	must(t, n.save(n.secondAuthor, &edited))
	if w := n.state(d.Statement); w.State != publish.Draft || w.Submission != nil || w.ApprovedBy != "" || w.SubmissionSHA256 != "" {
		t.Fatalf("%+v", w)
	}
	n.wait(2 * time.Hour)
	encoded, err := approved.Encode()
	must(t, err)
	_, err = n.Approve(t.Context(), n.acting(n.approver), d.Statement, submission, encoded)
	wantCode(t, err, portal.Conflict, "other-author") // nobody has submitted anything
	if _, err := n.Statement(t.Context(), d.Statement); portal.KindOf(err) != portal.NotFound {
		t.Errorf("it was published: %v", err)
	}
}

func TestSentBackWithAReason(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	submission := n.submit(d)
	approved, _ := n.endorse(n.approver, d.Statement)
	reason, err := crypto.SealStatementReturn(crypto.StatementReturn{Statement: d.Statement, ManifestSHA256: publish.SHA256Of(approved.Manifest), Reason: "The police asked us not to say this yet."},
		n.approver, n.desk(), n.clock())
	must(t, err)
	wantCode(t, n.Return(t.Context(), n.acting(n.approver), d.Statement, submission, []byte("The police asked us")), portal.Invalid, "not-sealed")
	wantCode(t, n.Return(t.Context(), n.acting(n.approver), d.Statement, strings.Repeat("0", 64), reason), portal.Conflict, "statement-moved-on")
	must(t, n.Return(t.Context(), n.acting(n.approver), d.Statement, submission, reason))
	w := n.state(d.Statement)
	why, by, err := n.pin.OpenStatementReturn(w.Reason, d.Statement, []*crypto.Key{n.author}, n.staff(), n.clock())
	if err != nil || w.State != publish.Draft || !strings.HasPrefix(why.Reason, "The police") || by.Name() != "Benoît Laurent" {
		t.Errorf("%+v %+v %v", w, why, err)
	}
	encoded, err := approved.Encode()
	must(t, err)
	_, err = n.Approve(t.Context(), n.acting(n.approver), d.Statement, submission, encoded)
	wantCode(t, err, portal.Conflict, "other-author")
	d.Revision = 2
	n.submit(d)
	if w := n.state(d.Statement); w.Reason != nil {
		t.Error("the reason is still there after the next submission")
	}
	must(t, n.Cancel(t.Context(), n.acting(n.author), d.Statement, n.state(d.Statement).SubmissionSHA256))
	if w := n.state(d.Statement); w.State != publish.Draft {
		t.Errorf("%+v", w)
	}
	wantCode(t, n.Discard(t.Context(), n.acting(n.author), d.Statement, 1), portal.Conflict, "draft-changed")
	must(t, n.Discard(t.Context(), n.acting(n.author), d.Statement, 2))
}

func TestOnlyWhatIsSealedIsKept(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	author := n.acting(n.author)
	plain, err := d.Encode()
	must(t, err)
	_, err = n.Save(t.Context(), author, d.Statement, 1, plain)
	wantCode(t, err, portal.Invalid, "not-sealed")
	for name, to := range map[string][]*crypto.Staff{
		"an administrator": append(n.desk(), n.member(n.admin)), "a notary": append(n.desk(), n.member(n.notary)), "not oneself": n.members(n.approver),
	} {
		sealed, err := crypto.SealStatementDraft(d, n.author, to, n.clock())
		must(t, err)
		if _, err = n.Save(t.Context(), author, d.Statement, 1, sealed); err == nil {
			t.Errorf("a draft sealed to %s was kept", name)
		}
	}
	must(t, n.save(n.author, d))
	signed, err := crypto.PrepareStatement(n.pin, n.author, d, nil, n.clock())
	must(t, err)
	sealed, err := crypto.SealStatement(signed, n.author, n.members(n.author, n.secondAuthor), n.clock())
	must(t, err)
	_, err = n.Submit(t.Context(), author, d.Statement, 1, sealed)
	wantCode(t, err, portal.Invalid, "no-approver")
	sealed, err = crypto.SealStatement(signed, n.author, n.desk(), n.clock())
	must(t, err)
	_, err = n.Submit(t.Context(), author, d.Statement, 2, sealed)
	wantCode(t, err, portal.Conflict, "draft-changed")
	_, err = n.Submit(t.Context(), author, crypto.NewNumber(crypto.KindNotice), 1, sealed)
	wantCode(t, err, portal.Invalid, "invalid-number")
	submission, err := n.Submit(t.Context(), author, d.Statement, 1, sealed)
	must(t, err)
	if again, err := n.Submit(t.Context(), author, d.Statement, 1, sealed); err != nil || again != submission {
		t.Errorf("the same again: %v", err)
	}
	// Approved for later, but no notary could open it.
	wantCode(t, n.Schedule(t.Context(), n.acting(n.approver), d.Statement, submission, sealed), portal.Invalid, "not-sealed")
}

func TestWhatHasChangedSinceTheySigned(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	submission := n.submit(d)
	approved, _ := n.endorse(n.approver, d.Statement)
	encoded, err := approved.Encode()
	must(t, err)
	n.wait(time.Hour)
	gone, err := crypto.CertifyStaff(n.Root, n.author.Certificate(), nil, n.clock())
	must(t, err)
	n.keepStaff(gone)
	n.wait(time.Minute)
	_, err = n.Approve(t.Context(), n.acting(n.approver), d.Statement, submission, encoded)
	wantCode(t, err, portal.Conflict, "author-withdrawn")
}

func TestWhatIsNotDueIsNotPublishedInTheClear(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	d.PublishAt = n.clock().Add(time.Hour)
	n.submit(d)
	_, err := n.approve(d.Statement)
	wantCode(t, err, portal.Invalid, "not-due")
}

func TestWhatCannotBeWrittenDownIsNotDone(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	raw := n.db
	must(t, n.save(n.author, d))
	must(t, raw.Close())
	if err := n.save(n.author, d); portal.KindOf(err) != portal.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestWorkingLanguagesAreRequired(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	d.Languages = d.Languages[:1]
	n.submit(d)
	_, err := n.approve(d.Statement)
	wantCode(t, err, portal.Invalid, "language-missing")
	if n.isPublic(d.Statement) {
		t.Error("it is published")
	}

	// For its minute: the server can't see it, the notary sends it back at once.
	late := n.findings()
	late.Languages, late.PublishAt = late.Languages[1:], n.clock().Add(time.Hour)
	n.submit(late)
	n.schedule(late.Statement)
	n.look(n.notaryWith(n.notary))
	w := n.state(late.Statement)
	if w.State != publish.Draft {
		t.Fatalf("it is %s", w.State)
	}
	why, _, err := n.pin.OpenStatementReturn(w.Reason, late.Statement, []*crypto.Key{n.author}, n.staff(), n.clock())
	must(t, err)
	if !strings.Contains(why.Reason, "missing in en") {
		t.Errorf("%q", why.Reason)
	}
}
