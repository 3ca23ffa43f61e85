package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// court is an institution with one State, as its portal would answer.
type court struct {
	t      *testing.T
	now    time.Time
	root   *crypto.Key
	wire   api.Institution
	as     crypto.Representative
	issued *ceremony.Issued
	notice api.Notice
}

func newCourt(t *testing.T, profile crypto.Profile) *court {
	c := &court{t: t, now: time.Now()}
	var err error
	c.root, err = crypto.GenerateRoot("International Court (test)", c.now)
	c.must(err)
	c.wire = api.Institution{Root: c.root.Certificate().Armor()}
	author, approver, registrar := c.hire("Amara Diallo", crypto.RoleAuthor), c.hire("Benoît Laurent", crypto.RoleApprover), c.hire("Chen Wei", crypto.RoleRegistrar)
	trust := c.trust()
	c.as, err = ceremony.NewMailbox(crypto.KindState)
	c.must(err)
	c.issued, err = ceremony.Issue(trust, registrar, ceremony.Order{Representative: c.as, Profile: profile, Stakeholder: "Elbonia", Person: "Ama"}, c.now)
	c.must(err)
	recipient, err := trust.VerifyChain([]string{c.issued.Request.Certificate}, c.as, c.now)
	c.must(err)
	draft := &crypto.Draft{
		Acknowledge: true, Deadline: c.now.Add(48 * time.Hour).In(time.FixedZone("", 3600)),
		Languages: []crypto.LanguageVersion{
			{Language: "en", Subject: "First notice", Text: "Something **happened**.\n"},
			{Language: "fr", Subject: "Premier avis", Text: "Il s’est passé quelque chose.\n"},
		},
		Attachments: []crypto.Attachment{{Name: "timeline.csv", Type: "text/csv", Data: []byte("day,event\n")}},
	}
	s, number, err := ceremony.Seal(trust, author, draft, []*crypto.Recipient{recipient}, c.now, nil)
	c.must(err)
	c.approve(s, number, approver)
	return c
}

func (c *court) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *court) hire(name string, role crypto.Role) *crypto.Key {
	key, err := crypto.GenerateKey(crypto.ProfilePQ, name, c.now)
	c.must(err)
	certificate, err := crypto.CertifyStaff(c.root, key.Certificate(), []crypto.Role{role}, c.now)
	c.must(err)
	c.wire.Staff = append(c.wire.Staff, certificate.Armor())
	return key
}

func (c *court) trust() *ceremony.Trust {
	trust, err := ceremony.Believe(crypto.Pin{Fingerprint: c.root.Certificate().Fingerprint()}, c.wire)
	c.must(err)
	return trust
}

func (c *court) approve(s *api.Submission, number crypto.Number, approver *crypto.Key) {
	find := func(holder string) api.Envelope {
		for _, e := range s.Envelopes {
			if e.Holder == holder {
				return e
			}
		}
		c.t.Fatalf("no envelope for %s", holder)
		return api.Envelope{}
	}
	desk, mine := find(portal.StaffHolder(approver.Certificate().Fingerprint())), find(c.as.String())
	n := api.StaffNotice{
		Notice: number, SignedManifest: api.SignedManifest{Manifest: s.Manifest, AuthorSignature: s.AuthorSignature}, Audience: s.Audience,
		Headings: s.Headings, Bodies: s.Bodies, Envelope: desk.Data, Suite: desk.Suite,
	}
	directory, err := ceremony.ReadDirectory(c.trust(), []*crypto.Key{approver}, []api.Mailbox{{
		Mailbox: c.as.Mailbox, Representatives: []api.Representative{{
			Representative: c.as.String(), State: portal.Issued, Profile: c.issued.Request.Profile, Chain: []string{c.issued.Request.Certificate},
		}},
	}}, c.now, nil)
	c.must(err)
	examined, err := ceremony.Examine(c.trust(), []*crypto.Key{approver}, number, n, directory, c.now)
	c.must(err)
	approval, err := ceremony.Approve(c.trust(), approver, examined, c.now)
	c.must(err)
	audience, err := crypto.ParseAudience([]byte(s.Audience))
	c.must(err)
	membership, err := audience.Prove(c.as)
	c.must(err)
	shown, err := membership.Encode()
	c.must(err)
	c.notice = api.Notice{
		Notice: number, SignedManifest: api.SignedManifest{Manifest: s.Manifest, AuthorSignature: s.AuthorSignature, ApproverSignature: approval.Signature},
		Membership: string(shown), Suite: mine.Suite, Envelope: mine.Data, Heading: s.Headings[mine.Suite],
	}
	c.notice.Body, c.notice.Nonce = s.Bodies[mine.Suite], crypto.NewNonce()
}

// fetched is the answer of GET /notices/{notice}.
func (c *court) fetched() []byte {
	data, err := json.Marshal(c.notice)
	c.must(err)
	return data
}

// worker calls an engine as worker.js does: with JSON.
type worker struct {
	t *testing.T
	e *engine
}

func newWorker(t *testing.T) *worker {
	w := &worker{t, &engine{now: time.Now}}
	w.call("begin", map[string]any{"origin": "https://portal.example"}, nil)
	return w
}

func (w *worker) try(name string, parameters any, data []byte, into any) error {
	w.t.Helper()
	text, err := json.Marshal(parameters)
	if err != nil {
		w.t.Fatal(err)
	}
	result, err := w.e.call(name, text, data)
	if err != nil || into == nil {
		return err
	}
	if raw, ok := result.(rawData); ok {
		*into.(*[]byte) = raw
		return nil
	}
	text, err = json.Marshal(result)
	if err != nil {
		w.t.Fatal(err)
	}
	return json.Unmarshal(text, into)
}

func (w *worker) call(name string, parameters, into any) {
	w.t.Helper()
	if err := w.try(name, parameters, nil, into); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
}

func (w *worker) wantRefused(code, name string, parameters any, data []byte) {
	w.t.Helper()
	err := w.try(name, parameters, data, nil)
	if err == nil || codeOf(err) != code {
		w.t.Errorf("%s: %v (%s), want %s", name, err, codeOf(err), code)
	}
}

type object = map[string]any

// unlocked is a worker that holds the issued key.
func (c *court) unlocked() *worker {
	w := newWorker(c.t)
	typed := strings.ToLower(strings.ReplaceAll(string(c.issued.Code), "-", " "))
	var unlock api.Unlock
	w.call("derive", object{"as": c.as.String(), "typed": typed, "challenge": api.LogInChallenge{Salt: c.issued.Request.Salt}}, &unlock)
	if string(crypto.LogInVerifier(unlock.LogInSecret)) != string(c.issued.Request.Verifier) {
		c.t.Fatal("the server would not know this log-in secret")
	}
	var who identity
	w.call("unlock", object{"unlocked": api.Unlocked{LockedBundle: c.issued.Request.LockedBundle, State: portal.Issued}, "institution": c.wire}, &who)
	if who.Representative != c.as.String() || who.State != "issued" || who.Root != c.root.Certificate().Fingerprint().Spaced() {
		c.t.Fatalf("%+v", who)
	}
	return w
}

func TestFromTheLetterToTheReceipt(t *testing.T) {
	c := newCourt(t, crypto.ProfilePQ)
	w := c.unlocked()

	// Claim; press the button twice.
	var words passphrase
	w.call("passphrase", object{}, &words)
	var first, second claimKey
	w.call("claim", object{"profile": "pq", "passphrase": words.Passphrase}, &first)
	w.call("claim", object{"profile": "pq", "passphrase": words.Passphrase}, &second)
	if first != second {
		t.Error("pressing the button again made another key")
	}
	var request api.Claim
	w.call("claim-request", object{"envelopes": []api.HeldEnvelope{{Notice: c.notice.Notice, Suite: c.notice.Suite, Data: c.notice.Envelope}}}, &request)
	c.notice.Envelope = request.Envelopes[0].Data
	var is isSame
	if w.call("claim-is", api.Me{Fingerprint: first.Fingerprint}, &is); !is.Same {
		t.Error("the new key isn't known again")
	}
	w.call("claim-done", object{}, nil)

	// The next page gets the key from the session storage.
	share := crypto.NewSalt()
	share = append(share, crypto.NewSalt()...)
	var stored kept
	w.call("keep", object{"share": share}, &stored)
	next := newWorker(t)
	session := api.Session{Holder: c.as.String(), State: portal.Claimed, Share: share}
	next.wantRefused("locked", "list", object{}, nil)
	var who identity
	next.call("restore", object{"kept": stored, "session": session, "institution": c.wire}, &who)
	if who.State != "claimed" || !who.PostQuantum || who.Institution != "International Court (test)" {
		t.Errorf("%+v", who)
	}

	var lines []listedNotice
	next.call("list", object{"notices": []api.Notice{c.notice}, "languages": []string{"xx", "fr"}}, &lines)
	if l := lines[0]; l.Subject != "Premier avis" || l.Language != "fr" || !l.Awaiting || !strings.HasSuffix(l.Deadline, "+01:00") || l.Problem != "" {
		t.Errorf("%+v", l)
	}

	next.wantRefused("not-opened", "acknowledge", object{"notice": c.notice.Notice, "decision": "acknowledged"}, nil)
	var shown shownNotice
	if err := next.try("open", object{"notice": c.notice.Notice}, c.fetched(), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.Author.Name != "Amara Diallo" || shown.Approver.Name != "Benoît Laurent" || shown.Attachments[0].Name != "timeline.csv" ||
		shown.Languages[0].Text[0].Inside[1].Kind != "strong" {
		t.Errorf("%+v", shown)
	}
	var file []byte
	next.call("attachment", object{"notice": c.notice.Notice, "index": 0}, &file)
	if string(file) != "day,event\n" {
		t.Errorf("attachment %q", file)
	}
	next.wantRefused("engine", "attachment", object{"notice": c.notice.Notice, "index": 1}, nil)

	// Acknowledge; the line breaks, and the same receipt goes again.
	var receipt, again api.Receipt
	next.call("acknowledge", object{"notice": c.notice.Notice, "decision": "acknowledged"}, &receipt)
	next.call("acknowledge", object{"notice": c.notice.Notice, "decision": "acknowledged"}, &again)
	if receipt != again {
		t.Error("the second try signs another receipt")
	}
	v, err := ceremony.VerifyReceipt(c.trust(), []byte(receipt.Receipt), api.Evidence{
		SignedManifest: api.SignedManifest{Manifest: c.notice.Manifest, AuthorSignature: c.notice.AuthorSignature, ApproverSignature: c.notice.ApproverSignature},
		Chain:          []string{c.issued.Request.Certificate, request.Certificate},
	}, time.Now())
	if err != nil || v.Receipt.Acknowledgement().SessionNonce != c.notice.Nonce {
		t.Errorf("the receipt: %v", err)
	}
	// In another session it carries that one's nonce.
	next.call("renonce", object{"notice": c.notice.Notice, "nonce": crypto.NewNonce()}, nil)
	next.call("acknowledge", object{"notice": c.notice.Notice, "decision": "acknowledged"}, &again)
	if receipt == again {
		t.Error("another session's receipt is the same")
	}

	next.call("forget", object{}, nil)
	next.wantRefused("locked", "keep", object{"share": share}, nil)
}

func TestWhatIsKeptOpensWithItsSessionOnly(t *testing.T) {
	c := newCourt(t, crypto.ProfileCompat)
	w := c.unlocked()
	share := []byte(strings.Repeat("s", shareSize))
	var stored kept
	w.call("keep", object{"share": share}, &stored)
	text, _ := json.Marshal(stored)
	if armored := w.e.bundle.Key.Armor(); strings.Contains(string(text), base64.StdEncoding.EncodeToString([]byte(armored))[100:140]) {
		t.Error("the key lies there in clear")
	}
	session := api.Session{Holder: c.as.String(), Share: share}
	refused := func(what string, k kept, s api.Session) {
		t.Helper()
		fresh := newWorker(t)
		fresh.wantRefused("not-kept", "restore", object{"kept": k, "session": s, "institution": c.wire}, nil)
		if fresh.e.bundle != nil {
			t.Errorf("%s: a key is there", what)
		}
	}
	other := session
	other.Share = []byte(strings.Repeat("t", shareSize))
	refused("another session", stored, other)
	other = session
	other.Share = nil
	refused("no share", stored, other)
	other = session
	other.Holder = "S-7K2M9QXD/1"
	refused("another holder", stored, other)
	changed := stored
	changed.Data = append([]byte(nil), stored.Data...)
	changed.Data[len(changed.Data)/2] ^= 1
	refused("changed", changed, session)
	refused("nothing", kept{}, session)

	// A server that shows another root gets nothing opened.
	fresh := newWorker(t)
	fresh.wantRefused("other-root", "restore", object{"kept": stored, "session": session, "institution": newCourt(t, crypto.ProfilePQ).wire}, nil)
	if fresh.e.bundle != nil {
		t.Error("a key is there for another root")
	}
	fresh.call("restore", object{"kept": stored, "session": session, "institution": c.wire}, nil)
	var private []byte
	fresh.call("export", object{}, &private)
	if !strings.HasPrefix(string(private), "-----BEGIN PGP PRIVATE KEY BLOCK-----") {
		t.Errorf("exported %q", private)
	}
}

func TestWhatDoesNotHoldIsNotShown(t *testing.T) {
	c := newCourt(t, crypto.ProfilePQ)
	w := c.unlocked()
	honest := c.notice
	for what, spoil := range map[string]func(n *api.Notice){
		"no approval":    func(n *api.Notice) { n.ApproverSignature = "" },
		"a changed body": func(n *api.Notice) { n.Body = append([]byte(nil), n.Body...); n.Body[len(n.Body)/2] ^= 1 },
		"another body":   func(n *api.Notice) { n.Body = n.Heading },
		"another number": func(n *api.Notice) { n.Notice = crypto.NewNumber(crypto.KindNotice) },
		"nothing that shows for whom it was meant": func(n *api.Notice) { n.Membership = "" },
	} {
		c.notice = honest
		spoil(&c.notice)
		t.Run(what, func(t *testing.T) {
			w.t = t
			w.wantRefused("refused", "open", object{"notice": honest.Notice}, c.fetched())
			w.wantRefused("not-opened", "acknowledge", object{"notice": honest.Notice, "decision": "acknowledged"}, nil)
		})
	}
	w.t = t
	var lines []listedNotice
	spoilt := honest
	spoilt.ApproverSignature = ""
	w.call("list", object{"notices": []api.Notice{spoilt, honest}}, &lines)
	if lines[0].Problem == "" || lines[0].Subject != "" || lines[1].Subject != "First notice" {
		t.Errorf("%+v", lines)
	}
}

func TestLogInIsSignedForOurOriginOnly(t *testing.T) {
	c := newCourt(t, crypto.ProfileCompat)
	w := c.unlocked()
	challenge := api.LogInChallenge{Origin: "https://portal.example", As: c.as.String(), Nonce: crypto.NewNonce(), Time: time.Now()}
	var signed api.LogIn
	w.call("sign-in", object{"challenge": challenge}, &signed)
	if !strings.Contains(signed.SignedText, "origin: https://portal.example\n") {
		t.Errorf("signed %s", signed.SignedText)
	}
	challenge.Origin = "https://evil.example"
	w.wantRefused("refused", "sign-in", object{"challenge": challenge}, nil)
}

func TestMistakesAreNamed(t *testing.T) {
	w := newWorker(t)
	w.wantRefused("number", "number", object{"text": "S-7K2M9QXX"}, nil)
	w.wantRefused("mistyped", "code", object{"text": "FVK7Y-S2ZH6-WKMKY-GKTS0-J2G3T-P9HB3"}, nil)
	w.wantRefused("weak", "check-passphrase", object{"passphrase": "password123456789"}, nil)
	w.wantRefused("engine", "no-such-call", object{}, nil)
	w.wantRefused("engine", "unlock", object{}, nil)
	w.wantRefused("engine", "claim-request", object{}, nil)
	w.wantRefused("locked", "claim", object{"profile": "pq", "passphrase": "x"}, nil)
	w.wantRefused("engine", "number", "no object", nil)
	if err := w.try("number", object{"text": "x"}, nil, nil); !strings.HasSuffix(err.Error(), ".") || err.Error()[0] < 'A' || err.Error()[0] > 'Z' {
		t.Errorf("no sentence: %q", err)
	}
}
