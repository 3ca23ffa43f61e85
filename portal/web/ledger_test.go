package web_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ledger"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// follower is somebody who knows the root's fingerprint, and fetches the rest.
func (v *visitor) follower() *ledger.Follower {
	v.t.Helper()
	var institution api.Institution
	v.get("/institution").into(v.t, 200, &institution)
	key, err := v.portal.Portal.Root.VerifyLedgerKey([]byte(institution.LedgerKey), v.portal.Portal.Now())
	if err != nil {
		v.t.Fatal(err)
	}
	policy, err := ledger.PolicyOf(key)
	if err != nil {
		v.t.Fatal(err)
	}
	return &ledger.Follower{Policy: policy, State: filepath.Join(v.t.TempDir(), "seen"), Fetch: func(_ context.Context, path string) ([]byte, error) {
		a := v.do("GET", "/ledger/"+path, nil)
		if a.StatusCode != 200 {
			return nil, fmt.Errorf("%s: %d", path, a.StatusCode)
		}
		return a.body, nil
	}}
}

// acknowledged lets a person open and acknowledge a notice, and returns the receipt.
func acknowledged(v *visitor, person *live.Person, n crypto.Number) []byte {
	t, p := v.t, v.portal
	t.Helper()
	var notice api.Notice
	v.get("/notices/"+string(n)).into(t, 200, &notice)
	manifest, err := p.Portal.Root.VerifyManifest(notice.Signed(), p.Staff(), p.Portal.Now())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := crypto.OpenNotice(manifest, notice.Envelope, notice.Body, person.Bundle.Keys())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := crypto.Acknowledge(opened, person.Key, person.Number, crypto.DecisionAcknowledged, notice.Nonce, p.Portal.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.post("/notices/"+string(n)+"/acknowledgement", api.Receipt{Receipt: string(receipt)}).want(t, 201)
	return receipt
}

// TestTheLedgerIsThereForEverybody: its files, with no session and no Redis; the proofs, for those whom they concern.
func TestTheLedgerIsThereForEverybody(t *testing.T) {
	redis := portaltest.StartRedis(t)
	p := live.Portal(t, live.Options{Redis: redis.URL})
	anybody := newVisitor(t, p)
	anybody.do("GET", "/ledger/checkpoint", nil).want(t, 404)

	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	stranger := p.Claim(p.Issue(crypto.KindIndividual, crypto.ProfilePQ), crypto.ProfilePQ)
	n := p.Release(p.Draft(), person)
	v, foreign, staff := newVisitor(t, p), newVisitor(t, p), newVisitor(t, p)
	v.logIn(person.Number.String(), person.Key)
	foreign.logIn(stranger.Number.String(), stranger.Key)
	staff.logIn(fingerprint(p.Approver), p.Approver)
	path := "/notices/" + string(n)
	v.get(path+"/acknowledgement/proof").wantFailure(t, 404, "no-acknowledgement")
	receipt := acknowledged(v, person, n)
	early := v.get(path + "/acknowledgement/proof")
	early.wantFailure(t, 404, "not-in-ledger-yet")
	if early.Header.Get("Retry-After") == "" {
		t.Error("who comes too early is not told when to come again")
	}
	evidence := func() (e api.Evidence) {
		anybody.post("/evidence", api.EvidenceRequest{Receipt: string(receipt)}).into(t, 200, &e)
		return e
	}
	if e := evidence(); e.LedgerProof != "" {
		t.Errorf("a proof before there is a checkpoint: %s", e.LedgerProof)
	}

	p.SignLedger()
	var public, private int
	follower := anybody.follower()
	follower.Each = func(_ int64, leaf []byte) error {
		if strings.Contains(string(leaf), "kind: private") {
			private++
		} else {
			public++
		}
		if strings.Contains(string(leaf), string(n)) || strings.Contains(string(leaf), string(person.Number.Mailbox)) {
			t.Errorf("a leaf says whom it is about:\n%s", leaf)
		}
		return nil
	}
	followed, err := follower.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if public != 3 || private != 2*2+1+1+1+1 { // three staff; two issued and claimed, a dispatch, its delivery, its being opened, an acknowledgement
		t.Errorf("%d public and %d private leaves", public, private)
	}

	// Proofs.
	verify := func(name string, a answer) *ledger.Event {
		t.Helper()
		a.want(t, 200)
		if !strings.Contains(a.Header.Get("Content-Disposition"), `filename="`+name+`.tlog-proof"`) {
			t.Errorf("%s is saved as %s", name, a.Header.Get("Content-Disposition"))
		}
		return verifyProof(t, follower.Policy, a.body)
	}
	ofReceipt := "/acknowledgement/proof"
	for _, e := range []*ledger.Event{
		verify(string(n)+"-acknowledgement", v.get(path+ofReceipt)),
		verify(string(n)+"-acknowledgement", staff.get("/staff"+path+"/acknowledgements/"+string(person.Number.Mailbox)+"/proof")),
		verifyProof(t, follower.Policy, []byte(evidence().LedgerProof)),
	} {
		if e.Kind != ledger.NoticeAcknowledged || e.Notice != n || e.Representative != person.Number || e.Receipt != sha256.Sum256(receipt) {
			t.Errorf("the receipt's proof is of %+v", e)
		}
	}
	for _, e := range []*ledger.Event{verify(string(n), v.get(path+"/proof")), verify(string(n), staff.get(path+"/proof"))} {
		if e.Kind != ledger.NoticeDispatched || e.Notice != n {
			t.Errorf("the notice's proof is of %+v", e)
		}
	}
	certificate := "/certificates/" + strings.ReplaceAll(person.Number.String(), "/", ".") + "/proof"
	for _, who := range []*visitor{v, staff} {
		e := verify(strings.ReplaceAll(person.Number.String(), "/", "."), who.get(certificate))
		if e.Kind != ledger.RepresentativeClaimed || e.Fingerprint != person.Key.Certificate().Fingerprint() {
			t.Errorf("the certificate's proof is of %+v", e)
		}
	}
	foreign.get(path+ofReceipt).want(t, 404)
	foreign.get(path+"/proof").want(t, 404)
	foreign.get(certificate).want(t, 404)

	// Files.
	checkpoint := anybody.do("GET", "/ledger/checkpoint", nil)
	if cache := checkpoint.Header.Get("Cache-Control"); cache != "public, max-age=5" || !strings.HasPrefix(checkpoint.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("the checkpoint comes as %v", checkpoint.Header)
	}
	tile := fmt.Sprintf("/ledger/tile/entries/000.p/%d", followed.Now.Size)
	if a := anybody.do("GET", tile, nil); a.StatusCode != 200 || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || len(a.Header.Values("Set-Cookie")) != 0 {
		t.Errorf("a tile comes as %d %v", a.StatusCode, a.Header)
	}
	for _, wrong := range []string{
		"tile/entries/000", fmt.Sprintf("tile/entries/000.p/%d", followed.Now.Size+1), "tile/0/0", "tile/9/000", "tile/x", "tile/", "tile/entries/000.p/0",
		"tile/0/x000/000", "tile/-1/000", "tile/0/" + strings.Repeat("x000/", 40) + "000", "other",
	} {
		if a := anybody.do("GET", "/ledger/"+wrong, nil); a.StatusCode != 404 || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", wrong, a.StatusCode, a.Header)
		}
	}

	redis.Stop()
	p.Release(p.Draft(), person)
	p.SignLedger()
	again, err := follower.Follow(t.Context())
	if err != nil || again.Checked != 2 || again.Before.Size != followed.Now.Size {
		t.Errorf("while Redis is down: %+v, %v", again, err)
	}
}

func verifyProof(t *testing.T, policy ledger.Policy, file []byte) *ledger.Event {
	t.Helper()
	proof, err := ledger.ParseProof(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	in, err := policy.VerifyProof(proof, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in.Event
}

// TestEachVersionOfAStatementIsInTheLedger, for everybody to read in clear.
func TestEachVersionOfAStatementIsInTheLedger(t *testing.T) {
	n := newNewsroom(t, live.Portal(t, live.Options{}))
	d := announcement()
	n.publish(d)
	n.publish(corrected(d, crypto.StatementCorrection, "The date was wrong."))
	n.publish(corrected(d, crypto.StatementWithdrawal, "It concerned another system."))
	path := "/statements/" + string(d.Statement)
	n.reader.get(path+"/1/proof").wantFailure(t, 404, "not-in-ledger-yet")
	n.p.SignLedger()
	var published api.Statement
	n.reader.get(path).into(t, 200, &published)
	for i, kind := range []ledger.Kind{ledger.StatementPublished, ledger.StatementCorrected, ledger.StatementWithdrawn} {
		a := n.reader.get(fmt.Sprintf("%s/%d/proof", path, i+1))
		a.want(t, 200)
		e := verifyProof(t, n.p.LedgerPolicy(), a.body)
		if e.Kind != kind || e.Statement != d.Statement || e.Version != i+1 || e.Manifest.String() != published.Versions[i].ManifestSHA256 {
			t.Errorf("version %d is in the ledger as %+v", i+1, e)
		}
	}
	n.reader.get(path+"/4/proof").wantFailure(t, 404, "no-statement")
	n.reader.get(path+"/x/proof").wantFailure(t, 400, "invalid-version")
}
