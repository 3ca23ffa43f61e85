package web_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// correspondents are a State's representative, another mailbox's, and a member of the desk, each at their own client.
type correspondents struct {
	p                    *live.Server
	state, other         *live.Person
	stateV, otherV, desk *visitor
	trust                *ceremony.Trust
}

func newCorrespondents(t *testing.T, p *live.Server) *correspondents {
	t.Helper()
	c := &correspondents{p: p, stateV: newVisitor(t, p), otherV: newVisitor(t, p), desk: newVisitor(t, p)}
	c.state = p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	c.other = p.Claim(p.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	c.stateV.logIn(c.state.Number.String(), c.state.Key)
	c.otherV.logIn(c.other.Number.String(), c.other.Key)
	c.desk.logIn(fingerprint(p.Approver), p.Approver)
	var i api.Institution
	c.desk.get("/institution").into(t, 200, &i)
	var err error
	if c.trust, err = ceremony.Believe(p.Pin, i); err != nil {
		t.Fatal(err)
	}
	return c
}

// write is a reply of the State, or an answer of the desk, in a thread.
func (c *correspondents) write(t *testing.T, v *visitor, thread crypto.Number, subject string, after ...string) *api.NewMessage {
	t.Helper()
	m := crypto.NewThreadMessage(c.p.Pin.Fingerprint, thread, c.state.Number.Mailbox, "", after, c.p.Portal.Now())
	m.Text = crypto.LanguageVersion{Language: "en", Subject: subject, Text: "Words that nobody else reads.\n"}
	var to api.Addressees
	v.get("/addressees/"+string(m.Mailbox)).into(t, 200, &to)
	sealed, err := ceremony.SealReply(c.trust, c.state.Key, c.state.Number, m, to, c.p.Portal.Now())
	if v == c.desk {
		sealed, err = ceremony.SealAnswer(c.trust, c.p.Approver, m, to, c.p.Portal.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func (c *correspondents) thread(t *testing.T, v *visitor, n crypto.Number) (d api.ThreadDetail) {
	t.Helper()
	v.get("/threads/"+string(n)).into(t, 200, &d)
	return d
}

func (c *correspondents) read(t *testing.T, n crypto.Number, d api.ThreadDetail) *ceremony.Conversation {
	t.Helper()
	conversation, err := ceremony.ReadThread(c.trust, ceremony.DeskReader([]*crypto.Key{c.p.Approver}), n, d, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return conversation
}

func TestARepliesWayToTheDeskAndBack(t *testing.T) {
	p := live.Portal(t, live.Options{})
	c := newCorrespondents(t, p)
	thread := crypto.NewNumber(crypto.KindThread)
	path := "/threads/" + string(thread)
	first := c.write(t, c.stateV, thread, "A subject that nobody else reads")
	c.stateV.post(path+"/messages", first).want(t, 201)
	c.stateV.post(path+"/messages", first).want(t, 200)
	c.otherV.post(path+"/messages", first).wantFailure(t, 403, "other-mailbox")
	c.otherV.get(path).wantFailure(t, 404, "no-thread")
	c.otherV.get(path+"/messages/"+first.ID).wantFailure(t, 404, "no-thread")
	c.otherV.get("/addressees/"+string(c.state.Number.Mailbox)).wantFailure(t, 404, "no-mailbox")
	newVisitor(t, p).get(path).wantFailure(t, 401, "no-session")
	c.stateV.post(path+"/close", struct{}{}).wantFailure(t, 403, "staff-only")

	c.desk.do("HEAD", api.Root+path+"/messages/"+first.ID, nil).want(t, 200)
	if d := c.thread(t, c.desk, thread); d.Unread != 1 || d.List[0].Read != nil {
		t.Error("a HEAD request counts as reading")
	}
	conversation := c.read(t, thread, c.thread(t, c.desk, thread))
	if conversation.Subject() != "A subject that nobody else reads" || conversation.Gaps() {
		t.Errorf("%+v", conversation)
	}
	var message api.ThreadMessage
	c.desk.get(path+"/messages/"+first.ID).into(t, 200, &message)
	opened, err := ceremony.ReadMessage(conversation, message, time.Now())
	if err != nil || !strings.Contains(opened.Message().Text.Text, "nobody else") {
		t.Fatal(opened, err)
	}
	if a := c.desk.get(path + "/messages/" + first.ID + "/message.asc"); a.StatusCode != 200 || !strings.HasPrefix(string(a.body), "-----BEGIN PGP MESSAGE-----") {
		t.Errorf("%d %.60s", a.StatusCode, a.body)
	}
	c.desk.post(path+"/assignment", api.Assignment{Assignee: crypto.StaffHolder(p.Approver.Certificate().Fingerprint())}).want(t, 204)
	c.desk.post(path+"/messages", c.write(t, c.desk, thread, "An answer", conversation.Heads()...)).want(t, 201)
	c.desk.post(path+"/close", struct{}{}).want(t, 204)
	var threads api.Threads
	c.stateV.get("/threads").into(t, 200, &threads)
	if len(threads.Threads) != 1 || !threads.Threads[0].Closed || threads.Threads[0].Unread != 1 || threads.Threads[0].Assignee != "" || threads.Threads[0].Label != nil {
		t.Errorf("%+v", threads.Threads)
	}
	c.desk.post(path+"/reopen", struct{}{}).want(t, 204)
	c.desk.get("/threads?state=other").wantFailure(t, 400, "invalid-state")
	registrar := newVisitor(t, p)
	registrar.logIn(fingerprint(p.Registrar), p.Registrar)
	registrar.get("/threads").wantFailure(t, 403, "desk-only")

	// Neither the log nor the database has a word of it.
	if log := p.Log.String(); strings.Contains(log, string(thread)) || strings.Contains(log, first.ID) || strings.Contains(log, string(c.state.Number.Mailbox)) {
		t.Error("the log names a thread, a message or a mailbox")
	}
}

// Whoever holds the server can change every answer, and can't sign: the reader's client names what it did.
func TestALyingServerIsCaughtInAThread(t *testing.T) {
	c := newCorrespondents(t, live.Portal(t, live.Options{}))
	thread, elsewhere := crypto.NewNumber(crypto.KindThread), crypto.NewNumber(crypto.KindThread)
	var heads []string
	for i := range 4 {
		v := c.stateV
		if i%2 == 1 {
			v = c.desk
		}
		m := c.write(t, v, thread, "Message", heads...)
		v.post("/threads/"+string(thread)+"/messages", m).want(t, 201)
		heads = []string{m.SHA256}
	}
	c.stateV.post("/threads/"+string(elsewhere)+"/messages", c.write(t, c.stateV, elsewhere, "Elsewhere")).want(t, 201)
	honest, other := c.thread(t, c.desk, thread), c.thread(t, c.desk, elsewhere)
	lie := func(change func(*api.ThreadDetail)) *ceremony.Conversation {
		var d api.ThreadDetail
		text, err := json.Marshal(honest)
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			t.Fatal(err)
		}
		change(&d)
		return c.read(t, thread, d)
	}
	if told := lie(func(*api.ThreadDetail) {}); told.Gaps() || slices.ContainsFunc(told.Messages, func(m ceremony.Written) bool { return m.Problem != nil || len(m.Missing) > 0 }) {
		t.Fatalf("the truth was taken for a lie: %+v", told.Messages)
	}
	for what, change := range map[string]func(*api.ThreadDetail){
		"drops the second": func(d *api.ThreadDetail) { d.List = slices.Delete(d.List, 1, 2) },
		"drops the first":  func(d *api.ThreadDetail) { d.List = d.List[1:] },
		"reorders":         func(d *api.ThreadDetail) { d.List[1], d.List[2] = d.List[2], d.List[1] },
	} {
		if told := lie(change); !told.Gaps() {
			t.Errorf("a server that %s is not caught", what)
		}
	}
	for what, change := range map[string]func(*api.ThreadDetail){
		"moves a message here":            func(d *api.ThreadDetail) { d.List[1], d.Chains = other.List[0], other.Chains },
		"moves the thread":                func(d *api.ThreadDetail) { d.Mailbox = c.other.Number.Mailbox },
		"says it is about another notice": func(d *api.ThreadDetail) { d.About = crypto.NewNumber(crypto.KindNotice) },
		"shows a reply as an answer":      func(d *api.ThreadDetail) { d.List[0].Kind = crypto.Answer },
		"shows a message twice":           func(d *api.ThreadDetail) { d.List = append(d.List, d.List[3]) },
		"shows one under another's id":    func(d *api.ThreadDetail) { d.List[0].ID = d.List[1].ID },
		"alters a heading":                func(d *api.ThreadDetail) { d.List[0].Heading[len(d.List[0].Heading)-25] ^= 1 },
		"swaps the writer's chain": func(d *api.ThreadDetail) {
			d.Chains[c.state.Number.String()] = []string{c.other.Key.Certificate().Armor()}
		},
		"claims another digest for it":     func(d *api.ThreadDetail) { d.List[0].SHA256 = d.List[1].SHA256 },
		"hides who wrote, without a chain": func(d *api.ThreadDetail) { d.Chains = nil },
	} {
		if told := lie(change); !slices.ContainsFunc(told.Messages, func(m ceremony.Written) bool { return m.Problem != nil }) {
			t.Errorf("a server that %s is not caught", what)
		}
	}
	var body api.ThreadMessage
	c.desk.get("/threads/"+string(thread)+"/messages/"+honest.List[0].ID).into(t, 200, &body)
	body.Body[len(body.Body)/2] ^= 1
	if o, err := ceremony.ReadMessage(c.read(t, thread, honest), body, time.Now()); err == nil || o != nil {
		t.Error("an altered body was shown")
	}
	if _, err := ceremony.ReadThread(c.trust, ceremony.DeskReader([]*crypto.Key{c.p.Approver}), elsewhere, honest, time.Now()); err == nil {
		t.Error("a thread was shown as another")
	}

	// A stranger among the addressees is not sealed to; the client stops.
	var to api.Addressees
	c.stateV.get("/addressees/"+string(c.state.Number.Mailbox)).into(t, 200, &to)
	m := crypto.NewThreadMessage(c.p.Pin.Fingerprint, thread, c.state.Number.Mailbox, "", nil, time.Now())
	m.Text = crypto.LanguageVersion{Language: "en", Subject: "S", Text: "T\n"}
	to.Representatives = append(to.Representatives, api.Addressee{Representative: c.other.Number.String(), Chain: []string{c.other.Key.Certificate().Armor()}})
	if _, err := ceremony.SealReply(c.trust, c.state.Key, c.state.Number, m, to, c.p.Portal.Now()); err == nil {
		t.Error("sealed to a stranger")
	}
	// One dressed up as a colleague, whom nobody certified, is left out.
	forged, err := crypto.GenerateKey(crypto.ProfilePQ, string(c.state.Number.Mailbox)+"/2", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	to.Representatives[1] = api.Addressee{Representative: string(c.state.Number.Mailbox) + "/2", Chain: []string{forged.Certificate().Armor()}}
	sealed, err := ceremony.SealReply(c.trust, c.state.Key, c.state.Number, m, to, c.p.Portal.Now())
	if err != nil || len(sealed.Envelopes) != 3 {
		t.Errorf("%d envelopes, %v", len(sealed.Envelopes), err)
	}
}

// Whose access was ended reads nothing more; what they wrote before stays believed.
func TestWhoseAccessWasEndedIsOutOfTheThread(t *testing.T) {
	p := live.Portal(t, live.Options{})
	c := newCorrespondents(t, p)
	thread := crypto.NewNumber(crypto.KindThread)
	path := "/threads/" + string(thread)
	first := c.write(t, c.stateV, thread, "Written before")
	c.stateV.post(path+"/messages", first).want(t, 201)
	number := c.state.Number
	record, err := p.Store.Representative(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := crypto.ParseCertificate(record.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // signatures have seconds
	revoked, err := crypto.RevokeRepresentative(p.Registrar, issued, number, p.Portal.Now())
	if err != nil {
		t.Fatal(err)
	}
	reason, err := crypto.SealRecord([]byte("left"), p.Registrar, crypto.PurposeDetails, []*crypto.Certificate{p.Registrar.Certificate()}, p.Portal.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Portal.Registry.Revoke(t.Context(), p.Acting(p.Registrar), registry.Revoking{Representative: number, Certificate: revoked.Bytes(), Reason: reason}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/threads", path, path + "/messages/" + first.ID, "/lacking"} {
		if status := c.stateV.get(path).StatusCode; status != 401 {
			t.Errorf("%s: %d for somebody whose access was ended", path, status)
		}
	}
	conversation := c.read(t, thread, c.thread(t, c.desk, thread))
	if m := conversation.Messages[0]; m.Problem != nil || conversation.Subject() != "Written before" {
		t.Errorf("what was written before is no longer believed: %v", m.Problem)
	}
	var to api.Addressees
	c.desk.get("/addressees/"+string(number.Mailbox)).into(t, 200, &to)
	if len(to.Representatives) != 0 {
		t.Errorf("%+v", to.Representatives)
	}
}
