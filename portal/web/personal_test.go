package web_test

import (
	"bytes"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest/live"
)

// TestTheWayOfAPersonalPart goes over HTTP, with both kinds of database, from the submission to a representative who claims only then, and one who was revoked.
func TestTheWayOfAPersonalPart(t *testing.T) {
	for name, options := range standings {
		t.Run(name, func(t *testing.T) {
			p := live.Portal(t, options(t))
			personalJourney(t, p)
			wantNobodyInLog(t, p.Log.String())
		})
	}
}

func personalJourney(t *testing.T, p *live.Server) {
	first := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	second := p.IssueAs(crypto.Representative{Mailbox: first.Number.Mailbox, Ordinal: 2}, crypto.ProfilePQ)
	office := p.Claim(p.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	draft := p.Draft()
	draft.Personal = map[crypto.Number][]crypto.PersonalText{first.Number.Mailbox: {{Language: "en", Text: "Your file was read.\n"}}}
	sealed := p.Seal(draft, first, second, office)

	submission := api.Submission{
		Manifest: string(sealed.Manifest), AuthorSignature: string(sealed.AuthorSignature), Audience: string(sealed.Audience),
		Headings: sealed.Headings, Bodies: sealed.Bodies, PersonalParts: api.PersonalParts{PersonalKey: sealed.PersonalKey},
	}
	for _, e := range sealed.Envelopes {
		submission.Envelopes = append(submission.Envelopes, api.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data, Personal: e.Personal})
	}
	author, approver, registrar := newVisitor(t, p), newVisitor(t, p), newVisitor(t, p)
	author.logIn(fingerprint(p.Author), p.Author)
	approver.logIn(fingerprint(p.Approver), p.Approver)
	registrar.logIn(fingerprint(p.Registrar), p.Registrar)
	author.post("/notices", submission).wantFailure(t, 400, "invalid-personal")
	for _, part := range sealed.PersonalParts {
		submission.PersonalParts.PersonalParts = append(submission.PersonalParts.PersonalParts, api.PersonalPart(part))
	}
	var submitted api.Submitted
	author.post("/notices", submission).into(t, 201, &submitted)
	n := string(submitted.Notice)

	// The desk gets all of it, nobody else.
	var examined api.StaffNotice
	approver.get("/staff/notices/"+n).into(t, 200, &examined)
	if !examined.HasPersonal() || examined.PersonalKey != nil {
		t.Errorf("the notice says of its personal parts: %v", examined.HasPersonal())
	}
	approver.get("/staff/notices/"+n+"/personal").into(t, 200, &examined.PersonalParts)
	registrar.get("/staff/notices/"+n+"/personal").want(t, 403)
	v, err := p.Portal.Root.VerifySubmission(sealed.Signed(), p.Staff(), p.Portal.Now())
	must(t, err)
	o, err := crypto.OpenNotice(v, examined.Envelope, examined.Bodies[examined.Suite], []*crypto.Key{p.Approver})
	must(t, err)
	var parts []crypto.SealedPersonal
	for _, part := range examined.PersonalParts.PersonalParts {
		parts = append(parts, crypto.SealedPersonal(part))
	}
	all, err := crypto.OpenAllPersonal(o, []byte(examined.Audience), examined.PersonalKey, parts, []*crypto.Key{p.Approver}, nil)
	if err != nil || len(all) != 2 {
		t.Fatalf("the approver opens %d parts: %v", len(all), err)
	}
	signature, err := crypto.Approve(p.Portal.Root, p.Approver, o, sealed.Manifest, p.Portal.Now())
	must(t, err)
	approver.post("/staff/notices/"+n+"/approval", api.Approval{Signature: string(signature)}).want(t, 200)

	// Who claims only now carries both envelopes over; a claim that drops one is refused.
	held := newVisitor(t, p)
	held.logIn(second.Number.String(), second.Key)
	var envelopes []api.HeldEnvelope
	held.get("/envelopes").into(t, 200, &envelopes)
	if len(envelopes) != 1 || len(envelopes[0].Personal) == 0 {
		t.Fatalf("%d envelopes are held", len(envelopes))
	}
	second = p.Claim(second, crypto.ProfileCompat)

	told := func(person *live.Person) string {
		t.Helper()
		v := newVisitor(t, p)
		v.logIn(person.Number.String(), person.Key)
		var notice api.Notice
		v.get("/notices/"+n).into(t, 200, &notice)
		verified, err := p.Portal.Root.VerifyManifest(notice.Signed(), p.Staff(), p.Portal.Now())
		must(t, err)
		o, err := crypto.OpenNotice(verified, notice.Envelope, notice.Body, person.Bundle.Keys())
		must(t, err)
		part, err := crypto.OpenPersonal(o, []byte(notice.Membership), notice.PersonalEnvelope, notice.Personal, person.Bundle.Keys())
		must(t, err)

		file := v.get("/notices/" + n + "/personal.asc")
		file.want(t, 200)
		envelope, body, err := crypto.SplitMessage(file.body)
		if err != nil || !bytes.Equal(envelope, notice.PersonalEnvelope) || !bytes.Equal(body, notice.Personal) {
			t.Errorf("personal.asc is another message (%v)", err)
		}
		page := string(v.do("GET", "/notices/"+n, nil).body)
		if !strings.Contains(page, "/api/v1/notices/"+n+"/personal.asc") {
			t.Error("the page does not offer it to who has no script")
		}
		if part.Empty() {
			return ""
		}
		return part.Languages()[0].Text
	}
	for _, person := range []*live.Person{first, second} {
		if got := told(person); got != "Your file was read.\n" {
			t.Errorf("%s is told %q", person.Number, got)
		}
	}
	if got := told(office); got != "" {
		t.Errorf("%s is told %q", office.Number, got)
	}

	// A notice without personal parts offers none.
	plain := string(p.Release(p.Draft(), first))
	reader := newVisitor(t, p)
	reader.logIn(first.Number.String(), first.Key)
	reader.get("/notices/"+plain+"/personal.asc").wantFailure(t, 404, "no-personal")
	if page := string(reader.do("GET", "/notices/"+plain, nil).body); strings.Contains(page, "personal.asc") {
		t.Error("the page offers a personal part that there isn't")
	}
	outsider := p.Claim(p.Issue(crypto.KindIndividual, crypto.ProfilePQ), crypto.ProfilePQ)
	stranger := newVisitor(t, p)
	stranger.logIn(outsider.Number.String(), outsider.Key)
	stranger.get("/notices/"+n+"/personal.asc").want(t, 404)
}
