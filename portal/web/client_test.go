package web_test

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ledger"
	"valise/portal/portaltest/live"
	"valise/portal/web"
)

// signedClient is a manifest of a client, signed by people of the staff one after the other.
func signedClient(t *testing.T, p *live.Server, m crypto.ClientManifest, at time.Time, signers ...*crypto.Key) string {
	t.Helper()
	signed, err := crypto.SignClientManifest(p.Pin, signers[0], m, at)
	must(t, err)
	for _, k := range signers[1:] {
		signed, err = crypto.CosignClientManifest(p.Pin, k, signed, m, at)
		must(t, err)
	}
	return string(signed)
}

func (v *visitor) file(path string) string {
	v.t.Helper()
	a := v.do("GET", path, nil)
	a.want(v.t, 200)
	return string(a.body)
}

func TestWhatBrowsersRunIsEnteredInTheLedger(t *testing.T) {
	p := live.Portal(t, live.Options{})
	v := newVisitor(t, p)
	own, _, err := web.Client()
	must(t, err)
	now := time.Now().Add(-time.Hour)
	post := func(signed string) answer {
		return v.do("POST", "/api/v1/client-manifests", api.ClientManifest{Signed: signed})
	}

	v.do("GET", "/client-manifest/current.asc", nil).want(t, 404)
	if strings.Contains(v.page("/en/certificates", 200), `id="client"`) {
		t.Error("the page speaks of a list that there isn't")
	}
	post(signedClient(t, p, own, now, p.Author)).wantFailure(t, 400, "invalid-client-manifest")
	post("nothing").wantFailure(t, 400, "invalid-client-manifest")
	signed := signedClient(t, p, own, now, p.Author, p.Approver)
	var entered api.EnteredClientManifest
	post(signed).into(t, 201, &entered)
	if !entered.Served || entered.Files != len(own.Files) || len(entered.Signers) != 2 || entered.Signers[0].Name != live.AuthorName {
		t.Errorf("%+v", entered)
	}
	post(signed).want(t, 201) // again: nothing new
	if early := v.do("GET", "/client-manifest/current.tlog-proof", nil); early.StatusCode != 404 || early.Header.Get("Retry-After") == "" {
		t.Errorf("a proof before there is one: %d %v", early.StatusCode, early.Header)
	}
	p.SignLedger()
	for _, name := range []string{"current", entered.SHA256} {
		if got := v.file("/client-manifest/" + name + ".asc"); got != signed {
			t.Errorf("%s is another", name)
		}
		file, err := ledger.ParseProof([]byte(v.file("/client-manifest/" + name + ".tlog-proof")))
		must(t, err)
		in, err := p.LedgerPolicy().VerifyProof(file, nil)
		must(t, err)
		if in.Event == nil || in.Event.Kind != ledger.ClientManifest || in.Event.Manifest.String() != entered.SHA256 {
			t.Errorf("the proof is of %+v", in.Event)
		}
	}
	for language, words := range map[string]string{"en": "What your browser runs", "fr": "Ce que votre navigateur exécute"} {
		page := v.page("/"+language+"/certificates", 200)
		for _, want := range []string{words, entered.SHA256[:8], entered.SHA256[56:], live.AuthorName, live.ApproverName, "valise verify-client " + p.Portal.Origin, `href="/client-manifest/current.tlog-proof"`} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", language, want)
			}
		}
	}

	// Another release comes: this server still serves the old one, and says so.
	next := own
	next.Files = append([]crypto.ClientFile{{Path: "/assets/1/new.js", SHA256: hex.EncodeToString(make([]byte, 32))}}, own.Files...)
	post(signedClient(t, p, next, now.Add(time.Minute), p.Registrar, p.Author)).into(t, 201, &entered)
	if entered.Served {
		t.Error("this server serves what it doesn't have")
	}
	if page := v.page("/en/certificates", 200); !strings.Contains(page, "A newer list has been entered") {
		t.Error("the page doesn't say that there is a newer client")
	}
	// An old list is not brought back by who has it; today's signatures can do that.
	post(signedClient(t, p, own, now.Add(-time.Minute), p.Author, p.Approver)).wantFailure(t, 409, "client-manifest-older")
	again := signedClient(t, p, own, now.Add(2*time.Minute), p.Author, p.Approver)
	post(again).want(t, 201)
	if v.file("/client-manifest/current.asc") != again {
		t.Error("the newest signatures are not shown")
	}
	if page := v.page("/en/certificates", 200); strings.Contains(page, "A newer list has been entered") {
		t.Error("the client that was entered last is the newest")
	}
	v.do("GET", "/client-manifest/"+strings.Repeat("0", 64)+".asc", nil).want(t, 404)
	v.do("GET", "/client-manifest/current", nil).want(t, 404)
}

func TestWhoHasLeftBeginsNoClient(t *testing.T) {
	p := live.Portal(t, live.Options{})
	own, _, err := web.Client()
	must(t, err)
	signed := signedClient(t, p, own, time.Now().Add(-2*time.Minute), p.Author, p.Approver)
	gone, err := crypto.CertifyStaff(p.Root, p.Approver.Certificate(), nil, time.Now().Add(-time.Minute))
	must(t, err)
	_, _ = p.Portal.Registry.AddStaff(context.Background(), gone.Bytes())
	newVisitor(t, p).do("POST", "/api/v1/client-manifests", api.ClientManifest{Signed: signed}).wantFailure(t, 400, "invalid-client-manifest")
}
