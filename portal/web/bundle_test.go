package web_test

import (
	"bytes"
	"net/http"
	"testing"

	"valise/crypto"
	"valise/portal/evidence"
	"valise/portal/portaltest/live"
)

// TestEvidenceBundle: staff fetch it, representatives and strangers don't; what comes holds up to the root.
func TestEvidenceBundle(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	n := p.Release(p.Draft(), person)
	v, staff, anybody := newVisitor(t, p), newVisitor(t, p), newVisitor(t, p)
	v.logIn(person.Number.String(), person.Key)
	staff.logIn(fingerprint(p.Registrar), p.Registrar)
	acknowledged(v, person, n)
	path := "/staff/notices/" + string(n) + "/bundle"

	staff.get(path).wantFailure(t, 404, "no-checkpoint")
	p.SignLedger()
	v.get(path).wantFailure(t, 403, "staff-only")
	anybody.get(path).wantFailure(t, 401, "no-session")
	staff.get("/staff/notices/"+string(crypto.NewNumber(crypto.KindNotice))+"/bundle").wantFailure(t, 404, "no-notice")

	a := staff.get(path)
	a.want(t, http.StatusOK)
	if a.Header.Get("Content-Type") != "application/zip" || a.Header.Get("Content-Disposition") != `attachment; filename="`+string(n)+`-evidence.zip"` || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.Header)
	}
	held, err := evidence.Verify(bytes.NewReader(a.body), int64(len(a.body)), p.Pin, p.Portal.Now())
	if err != nil {
		t.Fatal(err)
	}
	if held.Mailboxes != 1 || held.Acknowledged != 1 || held.EnteredReceipts != 1 || held.Manifest.Manifest().Notice != n {
		t.Errorf("%+v", held)
	}
}
