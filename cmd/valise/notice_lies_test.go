package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// lyingHouse is a real portal with notices in it, and somebody before it who holds its web server: they can change every answer, show what they like of the
// directory, and have the key of one staff member. What they can't do is have a second person sign, or have a representative's key.
type lyingHouse struct {
	*live.Server
	t     *testing.T
	url   string
	trust *ceremony.Trust

	state, deputy, office, elsewhere *live.Person  // state and deputy are of one mailbox; elsewhere gets nothing of told
	told, another, private           crypto.Number // to state, deputy and office, both; to elsewhere alone
	waiting, other                   crypto.Number // for approval; to state, deputy and office
	stranger                         *crypto.Key   // calls themself an approver, and no root has certified them
	foreign                          *crypto.Key   // the root of another institution
	ada, bela                        string        // key files
	passphrase                       string        // file

	mu  sync.Mutex
	lie answerLie
}

// answerLie changes an answer of the portal; nil tells the truth. A nil body is a 404.
type answerLie func(path string, body []byte) []byte

func newLyingHouse(t *testing.T) *lyingHouse {
	h := &lyingHouse{Server: live.Portal(t, live.Options{}), t: t}
	h.open()
	h.state = h.Claim(h.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	h.deputy = h.Claim(h.IssueAs(crypto.Representative{Mailbox: h.state.Number.Mailbox, Ordinal: 2}, crypto.ProfilePQ), crypto.ProfilePQ)
	h.office = h.Claim(h.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	h.elsewhere = h.Claim(h.Issue(crypto.KindOrganisation, crypto.ProfilePQ), crypto.ProfilePQ)
	all := []*live.Person{h.state, h.deputy, h.office}
	h.told, h.another = h.Release(h.Draft(), all...), h.Release(h.Draft(), all...)
	h.private = h.Release(h.Draft(), h.elsewhere)
	h.waiting, h.other = h.submits(h.Draft(), all...), h.submits(h.Draft(), all...)

	// The author was certified as an approver, too: a careless root ceremony, which two signatures still have to survive.
	both, err := crypto.CertifyStaff(h.Root, h.Author.Certificate(), []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover}, time.Now())
	h.must(err)
	_, err = h.Portal.Registry.AddStaff(t.Context(), both.Bytes())
	h.must(err)
	h.stranger, err = crypto.GenerateKey(crypto.ProfilePQ, live.ApproverName, time.Now())
	h.must(err)
	h.foreign, err = crypto.GenerateRoot("Another court", time.Now())
	h.must(err)

	h.trust = h.believe()
	return h
}

// open opens the house: the portal with who can lie before it, and the staff's key files.
func (h *lyingHouse) open() {
	server := httptest.NewUnstartedServer(nil)
	site := *h.Portal
	h.url = "http://" + server.Listener.Addr().String()
	site.Origin, site.InsecureHTTP = h.url, true
	honest, err := site.Handler()
	h.must(err)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, honest) })
	server.Start()
	h.t.Cleanup(server.Close)
	folder := h.t.TempDir()
	h.ada, h.bela = h.keyFile(folder, "ada.key", live.AuthorName, h.Author), h.keyFile(folder, "bela.key", live.ApproverName, h.Approver)
	h.passphrase = filepath.Join(folder, "passphrase")
	h.must(os.WriteFile(h.passphrase, []byte(live.Passphrase+"\n"), 0o600))
}

func (h *lyingHouse) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *lyingHouse) submits(d *crypto.Draft, to ...*live.Person) crypto.Number {
	h.t.Helper()
	m, err := crypto.ParseManifest(h.Submit(d, to...).Manifest)
	h.must(err)
	return m.Notice
}

func (h *lyingHouse) keyFile(folder, name, holder string, key *crypto.Key) string {
	h.t.Helper()
	file, err := lockKeyFile(&crypto.Bundle{Holder: holder, Pin: h.Pin, Key: key}, live.Passphrase)
	h.must(err)
	path := filepath.Join(folder, name)
	h.must(os.WriteFile(path, file, 0o600))
	return path
}

func (h *lyingHouse) believe() *ceremony.Trust {
	h.t.Helper()
	c := h.client()
	institution, err := c.Institution(h.t.Context())
	h.must(err)
	trust, err := ceremony.Believe(h.Pin, institution)
	h.must(err)
	return trust
}

func (h *lyingHouse) client() *client.Client {
	h.t.Helper()
	c, err := client.New(h.url, true)
	h.must(err)
	h.t.Cleanup(c.Close)
	return c
}

func (h *lyingHouse) visitor(as string, key *crypto.Key) *client.Client {
	h.t.Helper()
	c := h.client()
	_, err := c.LogIn(h.t.Context(), as, key)
	h.must(err)
	return c
}

// tell lies from now on, until the test or subtest ends.
func (h *lyingHouse) tell(t *testing.T, lie answerLie) {
	set := func(lie answerLie) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.lie = lie
	}
	set(lie)
	t.Cleanup(func() { set(nil) })
}

func (h *lyingHouse) serve(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	h.mu.Lock()
	lie := h.lie
	h.mu.Unlock()
	if lie == nil {
		honest.ServeHTTP(w, r)
		return
	}
	r.Header.Del("Accept-Encoding")
	recorder := httptest.NewRecorder()
	honest.ServeHTTP(recorder, r)
	status, body := recorder.Code, recorder.Body.Bytes()
	if changed := lie(r.URL.Path, body); changed == nil {
		status, body = http.StatusNotFound, []byte(`{"error":{"code":"not-found","message":"There is nothing here."}}`)
	} else if !bytes.Equal(changed, body) {
		status, body = http.StatusOK, changed
	}
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.Header().Del("ETag")
	w.WriteHeader(status)
	w.Write(body)
}

// altering lies at one path of the API: the answer, as it would be read there, is changed.
func altering[T any](path string, change func(*T)) answerLie {
	return func(at string, body []byte) []byte {
		if at != api.Root+path {
			return body
		}
		var answer T
		if err := json.Unmarshal(body, &answer); err != nil {
			return body // a refusal
		}
		change(&answer)
		changed, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		return changed
	}
}

// together tells several lies.
func together(lies ...answerLie) answerLie {
	return func(path string, body []byte) []byte {
		for _, lie := range lies {
			if body = lie(path, body); body == nil {
				return nil
			}
		}
		return body
	}
}

// instead shows something in place of what is at a path.
func instead(path string, shown []byte) answerLie {
	return func(at string, body []byte) []byte {
		if at == api.Root+path {
			return shown
		}
		return body
	}
}

// says runs a command, and returns what it says and how it ends.
func (h *lyingHouse) says(t *testing.T, input string, args ...string) (status int, said string) {
	t.Helper()
	var out, problems bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(input), &out, &problems)
	return status, out.String() + problems.String()
}

func (h *lyingHouse) byAda(args ...string) []string {
	return append(args, "--server", h.url, "--key", h.ada, "--secret-file", h.passphrase)
}

func (h *lyingHouse) byBela(args ...string) []string {
	return append(args, "--server", h.url, "--key", h.bela, "--secret-file", h.passphrase)
}

func (h *lyingHouse) by(p *live.Person, args ...string) []string {
	return append(args, "--server", h.url, "--as", p.Number.String(), "--secret-file", h.passphrase)
}

// holds demands that a command succeeds, and says something.
func (h *lyingHouse) holds(t *testing.T, want string, args ...string) string {
	t.Helper()
	status, said := h.says(t, "", args...)
	if status != exitDone || !saysIt(said, want) {
		t.Errorf("valise %s: %d, want success and %q:\n%s", args[0], status, want, said)
	}
	return said
}

// fails demands that a command fails, and says why in words, with nothing of what the notice says.
func (h *lyingHouse) fails(t *testing.T, want string, args ...string) {
	t.Helper()
	status, said := h.says(t, "", args...)
	if status != exitFailed || !strings.Contains(said, want) {
		t.Errorf("valise %s: %d, want failure and %q:\n%s", args[0], status, want, said)
		return
	}
	t.Logf("valise %s: %s", args[0], said)
}

const noticeText, noticeSubject = "have been read", "Findings that concern you"

// ------------------------------------------------------------------ recipients

// notice is as the portal would show it to somebody.
func (h *lyingHouse) notice(person *live.Person, n crypto.Number) api.Notice {
	h.t.Helper()
	shown, err := h.visitor(person.Number.String(), person.Key).Notice(h.t.Context(), n)
	h.must(err)
	return shown
}

// opened is a notice that somebody opened.
func (h *lyingHouse) opened(person *live.Person, n crypto.Number) (*crypto.OpenedNotice, api.Notice) {
	h.t.Helper()
	shown := h.notice(person, n)
	self, err := ceremony.SelfOf(person.Bundle)
	h.must(err)
	o, err := ceremony.Open(h.trust, self, n, shown, time.Now())
	h.must(err)
	return o, shown
}

// onNotice lies about one notice, in the list and alone.
func (h *lyingHouse) onNotice(n crypto.Number, change func(*api.Notice)) answerLie {
	return together(
		altering("/notices", func(list *[]api.Notice) {
			for i := range *list {
				if (*list)[i].Notice == n {
					change(&(*list)[i])
				}
			}
		}),
		altering("/notices/"+string(n), change))
}

// TestLiesToRecipients: what a portal can show to who should read a notice, and what the library, the command line and the page say of it.
func TestLiesToRecipients(t *testing.T) {
	h := newLyingHouse(t)
	honest, another := h.notice(h.state, h.told), h.notice(h.state, h.another)
	theirs, private := h.notice(h.office, h.told), h.notice(h.elsewhere, h.private)
	approvedBy := func(k *crypto.Key) string {
		signature, err := crypto.SignDetached(k, crypto.PurposeNoticeApproval, []byte(honest.Manifest), time.Now())
		h.must(err)
		return string(signature)
	}
	rewrapped, err := crypto.Rewrap(private.Envelope, h.elsewhere.Bundle.Keys(), h.state.Key.Certificate())
	h.must(err)
	alters := func(change func(*api.Notice)) answerLie { return h.onNotice(h.told, change) }
	flipped := func(data []byte) []byte {
		if data = bytes.Clone(data); len(data) == 0 {
			return nil // of the list
		}
		data[len(data)/2] ^= 1
		return data
	}
	byAda, byStranger := approvedBy(h.Author), approvedBy(h.stranger)
	withStranger := altering("/institution", func(i *api.Institution) { i.Staff = append(i.Staff, h.stranger.Certificate().Armor()) })
	withoutApprover := altering("/institution", func(i *api.Institution) {
		i.Staff = slices.DeleteFunc(i.Staff, func(armored string) bool {
			c, err := crypto.ParseCertificate([]byte(armored))
			return err == nil && c.Fingerprint() == h.Approver.Certificate().Fingerprint()
		})
	})

	table := []struct {
		name   string
		lie    answerLie
		says   string // everybody
		listed bool   // the list of the mailbox notices, too
		root   bool   // it is the whole portal that is not believed
	}{
		{"the approval is dropped", alters(func(n *api.Notice) { n.ApproverSignature = "" }), "has not been approved", true, false},
		{"the approval is that of another notice", alters(func(n *api.Notice) { n.ApproverSignature = another.ApproverSignature }), "the approver's signature", true, false},
		{"the author's signature stands there twice", alters(func(n *api.Notice) { n.ApproverSignature = n.AuthorSignature }), "made for another purpose", true, false},
		{"one stolen account signs as both", alters(func(n *api.Notice) { n.ApproverSignature = byAda }), "is the author, so somebody else must approve", true, false},
		{"an approver whom the root never certified", together(withStranger, alters(func(n *api.Notice) { n.ApproverSignature = byStranger })), "not that of a staff member", true, false},
		{"the approver's certificate is kept back", withoutApprover, "not among those of the staff", true, false},
		{"a word of the manifest is changed", alters(func(n *api.Notice) {
			n.Manifest = strings.Replace(n.Manifest, "mailboxes: 2", "mailboxes: 1", 1)
		}), "the author's signature", true, false},
		{"the body is altered", alters(func(n *api.Notice) { n.Body = flipped(n.Body) }), "is not the one that was signed", false, false},
		{"the body is that of another notice", alters(func(n *api.Notice) {
			if n.Body != nil {
				n.Body = another.Body
			}
		}), "is not the one that was signed", false, false},
		{"the subject is that of another notice", alters(func(n *api.Notice) { n.Heading = another.Heading }), "is not the one that was signed", true, false},
		{"the place in the audience is another mailbox's", alters(func(n *api.Notice) { n.Membership = theirs.Membership }), "passed on to you", true, false},
		{"a notice that was meant for somebody else", alters(func(n *api.Notice) {
			number, body := n.Notice, n.Body != nil
			*n = private
			n.Notice, n.Envelope = number, rewrapped
			if !body {
				n.Body = nil
			}
		}), "the portal shows", true, false},
		{"an old notice under a new number", alters(func(n *api.Notice) {
			body := n.Body != nil
			*n = another
			n.Notice = h.told
			if !body {
				n.Body = nil
			}
		}), "the portal shows " + string(h.another) + " as " + string(h.told), true, false},
		{"another root", altering("/institution", func(i *api.Institution) { i.Root = h.foreign.Certificate().Armor() }), "not the one on paper", false, true},
	}
	page := h.sits(t, h.state)
	self, err := ceremony.SelfOf(h.state.Bundle)
	h.must(err)
	reader := h.visitor(h.state.Number.String(), h.state.Key)
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			h.tell(t, row.lie)
			h.fails(t, row.says, h.by(h.state, "open", string(h.told))...)
			if row.root { // nothing of the portal is believed: the browser does not even take the key back
				page.visit("/notices/" + string(h.told))
				page.mustSay(t, "#unlock-passphrase-error", row.says)
				if page.shows("#text", noticeText) {
					t.Error("the notice is shown")
				}
				return
			}
			institution, err := reader.Institution(t.Context())
			h.must(err)
			trust, err := ceremony.Believe(h.Pin, institution)
			h.must(err)
			list, err := reader.Notices(t.Context())
			h.must(err)
			for _, l := range ceremony.List(trust, self, list, time.Now()) {
				if l.Notice == h.told && row.listed != (l.Problem != nil && strings.Contains(l.Problem.Error(), row.says) && l.Subject() == "") {
					t.Errorf("the list says %q, %v", l.Subject(), l.Problem)
				}
			}
			page.visit("/notices/" + string(h.told))
			said := page.mustSay(t, "#notice-problem", row.says)
			if strings.Contains(said, noticeText) || page.shows("#text", noticeText) || page.shows("#subject", noticeSubject) {
				t.Errorf("what doesn't hold is shown: %s", said)
			}
			if page.shows("#acknowledging", "") {
				t.Error("what doesn't hold can be acknowledged")
			}
		})
	}
	t.Run("the mailbox says so, too", func(t *testing.T) {
		h.tell(t, table[0].lie)
		h.fails(t, "DOES NOT HOLD: notice "+string(h.told)+" has not been approved", h.by(h.state, "list")...)
		page.visit("/mailbox")
		page.mustSay(t, "[data-notice="+string(h.told)+"] .row-problem", "has not been approved")
	})
	t.Run("a silent extra recipient", func(t *testing.T) {
		// Who could open it wrapped its key once more, and the portal gives it out: both signatures hold, and the body opens.
		passed := private
		passed.Envelope = rewrapped
		data, err := json.Marshal(passed)
		h.must(err)
		h.tell(t, together(instead("/notices/"+string(h.private), data), altering("/notices", func(list *[]api.Notice) {
			listed := passed
			listed.Body, listed.Nonce = nil, ""
			*list = append(*list, listed)
		})))
		for _, args := range [][]string{{"open", string(h.private)}, {"list"}, {"ack", string(h.private), "--out", filepath.Join(t.TempDir(), "receipt.asc"), "--yes"}} {
			h.fails(t, "was sealed to somebody else's mailbox and passed on to you", h.by(h.state, args...)...)
		}
		h.fails(t, "don't acknowledge it, and tell the institution by another way than this portal", h.by(h.state, "open", string(h.private))...)
	})
	t.Run("an old notice as a new one", func(t *testing.T) {
		h.tell(t, alters(func(n *api.Notice) { n.Delivered, n.Opened = n.Delivered.Add(72*time.Hour), nil }))
		for _, args := range [][]string{{"open", string(h.told)}, {"list"}} {
			h.holds(t, "an old notice is shown as a new one; ask the institution, by another way than this portal", h.by(h.state, args...)...)
		}
		page.visit("/notices/" + string(h.told))
		page.mustSay(t, "#notice-late", "an old notice is shown as a new one")
	})
	t.Run("a notice that is hidden", func(t *testing.T) {
		// Nothing in the portal's answers can show what they leave out: other ways do. What is asked for by number is said not to be there.
		h.tell(t, together(altering("/notices", func(list *[]api.Notice) {
			*list = slices.DeleteFunc(*list, func(n api.Notice) bool { return n.Notice == h.told })
		}), instead("/notices/"+string(h.told), nil)))
		if said := h.holds(t, noticeSubject, h.by(h.state, "list")...); strings.Contains(said, string(h.told)) {
			t.Errorf("it is listed: %s", said)
		}
		h.fails(t, "There is nothing here", h.by(h.state, "open", string(h.told))...)
	})
	h.invented(t, page)
	h.receiptsOfMailbox(t, page)
}

// invented: the portal says to a State that its other representative has acknowledged, so that nobody does.
func (h *lyingHouse) invented(t *testing.T, page *visitor) {
	o, _ := h.opened(h.state, h.told)
	by := func(p *live.Person, key *crypto.Key, o *crypto.OpenedNotice) []byte {
		receipt, err := ceremony.Acknowledge(o, key, p.Number, crypto.DecisionAcknowledged, crypto.NewNonce(), time.Now())
		h.must(err)
		return []byte(receipt.Receipt)
	}
	imposter, err := crypto.GenerateKey(crypto.ProfilePQ, h.deputy.Number.String(), time.Now())
	h.must(err)
	of, _ := h.opened(h.deputy, h.another)
	path := "/notices/" + string(h.told) + "/acknowledgement"
	saysSo := h.onNotice(h.told, func(n *api.Notice) {
		n.Acknowledgement = &api.Acknowledgement{Representative: h.deputy.Number.String(), Certificate: h.deputy.Key.Certificate().Fingerprint(), Decision: crypto.DecisionAcknowledged, Received: time.Now()}
	})
	altered := bytes.Replace(by(h.deputy, h.deputy.Key, o), []byte("decision: acknowledged"), []byte("decision: refused"), 1)
	for _, row := range []struct {
		name    string
		receipt []byte
		says    string
	}{
		{"without a receipt", nil, "There is nothing here"},
		{"with that of another notice", by(h.deputy, h.deputy.Key, of), "another notice, " + string(h.another)},
		{"with that of another mailbox", by(h.office, h.office.Key, o), "another mailbox, " + string(h.office.Number.Mailbox)},
		{"by a key that isn't theirs", by(h.deputy, imposter, o), "is not in the chain"},
		{"with an altered one", altered, "the receipt"},
		{"with rubbish", []byte("acknowledged, honestly\n"), "is no receipt"},
	} {
		t.Run("an acknowledgement is invented "+row.name, func(t *testing.T) {
			h.tell(t, together(saysSo, instead(path, row.receipt)))
			status, said := h.says(t, "", h.by(h.state, "open", string(h.told))...)
			for _, want := range []string{noticeText, "no receipt proves it", "answer it yourself", "by another way than this portal", row.says} {
				if status != exitFailed || !strings.Contains(said, want) {
					t.Errorf("%d, want %q:\n%s", status, want, said)
				}
			}
			page.visit("/notices/" + string(h.told))
			page.mustSay(t, "#receipt-problem", row.says)
			page.mustSay(t, "#receipt-problem", "answer it yourself")
			page.mustSay(t, "#acknowledging", "Acknowledge")
			if page.shows("#receipt-section", "") || !page.shows("#text", noticeText) {
				t.Error("the page shows a receipt that doesn't hold, or not the notice")
			}
		})
	}
}

// receiptsOfMailbox: acknowledging against a portal that says that it was done already, and then keeps something else than was signed; then honestly.
func (h *lyingHouse) receiptsOfMailbox(t *testing.T, page *visitor) {
	path := "/notices/" + string(h.told) + "/acknowledgement"
	t.Run("the receipt that is kept is another one", func(t *testing.T) {
		h.tell(t, func(at string, body []byte) []byte {
			if at != api.Root+path {
				return body
			}
			changed, err := json.Marshal(api.ReceivedReceipt{Received: time.Now(), Receipt: "kept, honestly"})
			h.must(err)
			return changed
		})
		out := filepath.Join(t.TempDir(), "receipt.asc")
		h.fails(t, "did not keep the receipt as it was signed", h.by(h.office, "ack", string(h.told), "--out", out, "--yes")...)
		page.visit("/notices/" + string(h.told))
		page.press("#acknowledge")
		page.mustSay(t, "#acknowledge-error", "did not keep the receipt as you signed it")
	})
	t.Run("honestly, it holds", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "receipt.asc")
		h.holds(t, "already acknowledged by", h.by(h.deputy, "ack", string(h.told), "--out", out, "--yes")...) // the server had kept it all the same
		h.holds(t, "acknowledged by "+h.state.Number.String(), h.by(h.deputy, "open", string(h.told))...)
		page.visit("/notices/" + string(h.told))
		page.mustSay(t, "#receipt-by", h.state.Number.String())
		if page.shows("#receipt-problem", "") || page.shows("#acknowledging", "") {
			t.Error("the page distrusts a genuine receipt")
		}
		h.evidence(t, out)
	})
}

// evidence: what the portal hands to who verifies a receipt can lie, too.
func (h *lyingHouse) evidence(t *testing.T, receipt string) {
	theirs, another := h.notice(h.office, h.told), h.notice(h.state, h.another)
	for name, row := range map[string]struct {
		change func(*api.Evidence)
		says   string
	}{
		"nothing":                 {func(*api.Evidence) {}, ""},
		"the approval is dropped": {func(e *api.Evidence) { e.ApproverSignature = "" }, "The approval is missing"},
		"another notice's manifest": {func(e *api.Evidence) {
			e.Manifest, e.AuthorSignature, e.ApproverSignature = another.Manifest, another.AuthorSignature, another.ApproverSignature
		}, "another"},
		"another's place":                {func(e *api.Evidence) { e.Membership = theirs.Membership }, "was meant for"},
		"the chain is cut":               {func(e *api.Evidence) { e.Chain = e.Chain[:1] }, "is not"},
		"the chain is somebody else's":   {func(e *api.Evidence) { e.Chain = []string{h.office.Key.Certificate().Armor()} }, "is not"},
		"a key that nobody certified is": {func(e *api.Evidence) { e.Chain[len(e.Chain)-1] = h.stranger.Certificate().Armor() }, "is not"},
	} {
		t.Run("evidence: "+name, func(t *testing.T) {
			h.tell(t, altering("/evidence", row.change))
			args := []string{"verify", receipt, "--server", h.url, "--root-fingerprint", string(h.Pin.Fingerprint)}
			if row.says == "" {
				h.holds(t, "", args...)
				return
			}
			h.fails(t, row.says, args...)
		})
	}
}

// ------------------------------------------------------------------ pages

// sits logs a representative in to a browser.
func (h *lyingHouse) sits(t *testing.T, p *live.Person) *visitor {
	v := newVisitor(t, h.url, portaltest.Desktop, "")
	v.visit("/login?next=%2Fmailbox")
	v.typeInto("#login-number", p.Number.String())
	v.typeInto("#login-passphrase", live.Passphrase)
	v.press("#login-submit")
	v.arrive("mailbox")
	return v
}

// sitsAtDesk logs a staff member in to a browser.
func (h *lyingHouse) sitsAtDesk(t *testing.T, keyFile string) *visitor {
	v := newVisitor(t, h.url, portaltest.Desktop, "")
	v.visit("/staff/login?next=%2Fstaff%2Fnotices")
	v.choose("#key-file", keyFile)
	v.typeInto("#key-passphrase", live.Passphrase)
	v.press("#staff-login-submit")
	v.arrive("dispatch")
	return v
}

// mustSay waits until an element says something, and returns all that it says.
func (v *visitor) mustSay(t *testing.T, selector, want string) (said string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		said = v.said(selector)
		if said != "" && saysIt(said, want) {
			return said
		}
	}
	t.Errorf("%s says %q, want %q", selector, said, want)
	return said
}

// saysIt looks for words in a page, which begins sentences with capitals and has other apostrophes than a terminal.
func saysIt(said, want string) bool {
	plain := func(text string) string { return strings.ToLower(strings.ReplaceAll(text, "’", "'")) }
	return strings.Contains(plain(said), plain(want))
}

func (v *visitor) said(selector string) string {
	return portaltest.Read(v.Browser, chromedp.Evaluate[string]("(e => e && e.checkVisibility() ? e.innerText : '')(document.querySelector("+quoted(selector)+"))"))
}

// shows says whether an element is there to be seen, with a text.
func (v *visitor) shows(selector, text string) bool {
	said := v.said(selector)
	return said != "" && strings.Contains(said, text)
}

// ------------------------------------------------------------------ sealing

// representative changes what the directory shows of somebody.
func inDirectory(change func(*api.Mailbox)) answerLie {
	return altering("/mailboxes", func(all *[]api.Mailbox) {
		for i := range *all {
			change(&(*all)[i])
		}
	})
}

func (h *lyingHouse) chain(p *live.Person) []string {
	h.t.Helper()
	stored, err := h.Portal.Registry.Chain(h.t.Context(), h.Acting(h.Author), p.Number)
	h.must(err)
	var chain []string
	for _, data := range stored {
		c, err := crypto.ParseCertificate(data)
		h.must(err)
		chain = append(chain, c.Armor())
	}
	return chain
}

// swapping shows other certificates as those of a representative.
func swapping(who crypto.Representative, chain []string) answerLie {
	return inDirectory(func(m *api.Mailbox) {
		for i := range m.Representatives {
			if m.Representatives[i].Representative == who.String() {
				m.Representatives[i].Chain = chain
			}
		}
	})
}

// hiding leaves a mailbox out of the directory, or a representative.
func hidingMailbox(n crypto.Number) answerLie {
	return altering("/mailboxes", func(all *[]api.Mailbox) {
		*all = slices.DeleteFunc(*all, func(m api.Mailbox) bool { return m.Mailbox == n })
	})
}

func hiding(who crypto.Representative) answerLie {
	return inDirectory(func(m *api.Mailbox) {
		m.Representatives = slices.DeleteFunc(m.Representatives, func(r api.Representative) bool { return r.Representative == who.String() })
	})
}

// TestLiesToTheAuthor: a portal that wants a notice sealed to somebody else, or not to somebody.
func TestLiesToTheAuthor(t *testing.T) {
	h := newLyingHouse(t)
	text := filepath.Join(t.TempDir(), "en.md")
	h.must(os.WriteFile(text, []byte(noticeSubject+"\n\nData may have been read.\n"), 0o600))
	spy, err := crypto.GenerateKey(crypto.ProfilePQ, h.state.Number.String(), time.Now())
	h.must(err)
	spied := []string{h.chain(h.state)[0], spy.Certificate().Armor()}
	extra := crypto.Representative{Mailbox: h.state.Number.Mailbox, Ordinal: 3}
	adding := func(r api.Representative) answerLie {
		return inDirectory(func(m *api.Mailbox) {
			if m.Mailbox == h.state.Number.Mailbox {
				m.Representatives = append(m.Representatives, r)
			}
		})
	}
	third, err := crypto.GenerateKey(crypto.ProfilePQ, extra.String(), time.Now())
	h.must(err)
	everybody := string(h.state.Number.Mailbox) + "," + string(h.office.Number.Mailbox)
	for _, row := range []struct {
		name string
		lie  answerLie
		says string
	}{
		{"a certificate is swapped", swapping(h.state.Number, spied), h.state.Number.String() + " ("},
		{"a certificate is somebody else's genuine one", swapping(h.state.Number, h.chain(h.elsewhere)), h.state.Number.String() + " ("},
		{"an extra representative, whom no registrar certified", adding(api.Representative{Representative: extra.String(), State: portal.Claimed, Chain: []string{third.Certificate().Armor()}}), extra.String() + " ("},
		{"an extra representative, who is another mailbox's", adding(api.Representative{Representative: h.elsewhere.Number.String(), State: portal.Claimed, Chain: h.chain(h.elsewhere)}), "the portal shows " + h.elsewhere.Number.String() + " twice"},
		{"somebody stands there twice", adding(api.Representative{Representative: h.state.Number.String(), State: portal.Claimed, Chain: h.chain(h.state)}), "twice"},
		{"somebody is called revoked", inDirectory(func(m *api.Mailbox) {
			if m.Mailbox == h.office.Number.Mailbox {
				m.Representatives[0].State = portal.Revoked
			}
		}), h.office.Number.String()},
		{"a mailbox is kept back", hidingMailbox(h.office.Number.Mailbox), "the portal has no mailbox " + string(h.office.Number.Mailbox)},
		{"everybody of a mailbox is kept back", hiding(h.office.Number), string(h.office.Number.Mailbox) + " (nobody left)"},
		{"the approvers are kept back", altering("/institution", func(i *api.Institution) {
			i.Staff = slices.DeleteFunc(i.Staff, func(armored string) bool {
				c, err := crypto.ParseCertificate([]byte(armored))
				return err == nil && c.Fingerprint() == h.Approver.Certificate().Fingerprint()
			})
		}), "nobody who could approve the notice could open it"},
		{"another root", altering("/institution", func(i *api.Institution) { i.Root = h.foreign.Certificate().Armor() }), "not the one on paper"},
		{"another notice's number", func(path string, body []byte) []byte {
			if path == api.Root+"/notices" && bytes.Contains(body, []byte(`"notice"`)) {
				body, _ = json.Marshal(api.Submitted{Notice: h.told})
			}
			return body
		}, "the portal calls the notice " + string(h.told)},
	} {
		t.Run(row.name, func(t *testing.T) {
			h.tell(t, row.lie)
			h.fails(t, row.says, h.byAda("seal", text, "--to", everybody, "--yes")...)
		})
	}
	t.Run("a stranger is called an approver", func(t *testing.T) {
		// They would open it before anybody approves. It is sealed, and not to them.
		h.tell(t, altering("/institution", func(i *api.Institution) { i.Staff = append(i.Staff, h.stranger.Certificate().Armor()) }))
		h.holds(t, "Submitted", h.byAda("seal", text, "--to", everybody, "--yes")...)
	})
	t.Run("a representative is kept back from the author", func(t *testing.T) {
		h.tell(t, hiding(h.deputy.Number))
		var sealed sealJSON
		_, said := h.says(t, "", h.byAda("seal", text, "--to", everybody, "--yes", "--json")...)
		h.must(json.Unmarshal([]byte(said[strings.Index(said, "{"):]), &sealed))
		h.tell(t, nil)
		status, said := h.says(t, "no\n", h.byBela("approve", string(sealed.Notice))...)
		if status == exitDone || !strings.Contains(said, "NOT AMONG THEM") || !strings.Contains(said, h.deputy.Number.String()) {
			t.Errorf("%d: %s", status, said)
		}
	})
}

// ------------------------------------------------------------------ approving

// TestLiesToTheApprover: a portal that wants something else approved than what is shown, or for somebody else.
func TestLiesToTheApprover(t *testing.T) {
	h := newLyingHouse(t)
	desk := h.visitor(string(h.Approver.Certificate().Fingerprint()), h.Approver)
	other, err := desk.StaffNotice(t.Context(), h.other)
	h.must(err)
	path := "/staff/notices/" + string(h.waiting)
	alters := func(change func(*api.StaffNotice)) answerLie { return altering(path, change) }
	lineOf := func(audience string, p *live.Person) string {
		for line := range strings.Lines(audience) {
			if strings.HasPrefix(line, p.Number.String()+" ") {
				return line
			}
		}
		t.Fatalf("%s is not in\n%s", p.Number, audience)
		return ""
	}
	spy, err := crypto.GenerateKey(crypto.ProfilePQ, h.state.Number.String(), time.Now())
	h.must(err)
	spied := []string{h.chain(h.state)[0], spy.Certificate().Armor()}
	issued := h.chain(h.deputy)[:1]
	foreign := h.chain(h.elsewhere)
	flip := func(bodies map[crypto.Suite][]byte, suite crypto.Suite) {
		body := bytes.Clone(bodies[suite])
		body[len(body)/2] ^= 1
		bodies[suite] = body
	}
	page := h.sitsAtDesk(t, h.bela)
	for _, row := range []struct {
		name string
		lie  answerLie
		says string
	}{
		{"a recipient is left out of the audience", alters(func(n *api.StaffNotice) {
			n.Audience = strings.Replace(n.Audience, lineOf(n.Audience, h.office), "", 1)
		}), "is not the one that was signed"},
		{"a recipient is added to the audience", alters(func(n *api.StaffNotice) {
			line := lineOf(n.Audience, h.office)
			n.Audience += strings.Replace(line, string(h.office.Number.Mailbox), string(h.elsewhere.Number.Mailbox), 1)
		}), "is not the one that was signed"},
		{"a recipient is exchanged", alters(func(n *api.StaffNotice) {
			n.Audience = strings.Replace(n.Audience, string(h.office.Number.Mailbox), string(h.elsewhere.Number.Mailbox), 1)
		}), "is not the one that was signed"},
		{"the audience is that of another notice", alters(func(n *api.StaffNotice) { n.Audience = other.Audience }), "is not the one that was signed"},
		{"the body is altered", alters(func(n *api.StaffNotice) { flip(n.Bodies, n.Suite) }), "is not the one that was signed"},
		{"the body for other keys is altered", alters(func(n *api.StaffNotice) { flip(n.Bodies, crypto.SuiteCompat) }), "is not the one that was signed"},
		{"the subject is altered", alters(func(n *api.StaffNotice) { flip(n.Headings, n.Suite) }), "is not the one that was signed"},
		{"a word of the manifest is changed", alters(func(n *api.StaffNotice) {
			n.Manifest = strings.Replace(n.Manifest, "mailboxes: 2", "mailboxes: 3", 1)
		}), "the author's signature"},
		{"another notice is shown under its number", alters(func(n *api.StaffNotice) {
			number := n.Notice
			*n = other
			n.Notice = number
		}), "the portal shows " + string(h.other) + " as " + string(h.waiting)},
		{"a recipient's certificate is swapped", swapping(h.state.Number, spied), h.state.Number.String()},
		{"a recipient's certificate is an earlier one", swapping(h.deputy.Number, issued), "was never that of " + h.deputy.Number.String()},
		{"a recipient's certificate is somebody else's", swapping(h.state.Number, foreign), h.state.Number.String()},
		{"a mailbox is kept back from the directory", hidingMailbox(h.office.Number.Mailbox), h.office.Number.String() + " is not in the directory"},
		{"a representative is kept back from the directory", hiding(h.deputy.Number), h.deputy.Number.String() + " is not in the directory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			h.tell(t, row.lie)
			h.fails(t, row.says, h.byBela("approve", string(h.waiting), "--yes")...)
			page.visit(string("/staff/notices/" + h.waiting))
			page.mustSay(t, ":is(#dispatch-problem, #problems):not([hidden])", row.says)
			if page.shows("#approve", "") {
				t.Error("the page offers to approve")
			}
			if got := h.standing(h.waiting); got != portal.Submitted {
				t.Fatalf("it is %s", got)
			}
		})
	}
	t.Run("the author's own notice, who is an approver, too", func(t *testing.T) {
		h.fails(t, "somebody else must", h.byAda("approve", string(h.waiting), "--yes")...)
	})
	t.Run("the author's own notice, as if it were another's", func(t *testing.T) {
		own, err := h.visitor(string(h.Author.Certificate().Fingerprint()), h.Author).StaffNotice(t.Context(), h.waiting)
		h.must(err)
		h.tell(t, alters(func(n *api.StaffNotice) {
			*n = own
			n.Manifest = strings.Replace(n.Manifest, string(h.Author.Certificate().Fingerprint()), string(h.Approver.Certificate().Fingerprint()), 1)
		}))
		h.fails(t, "the author's signature", h.byAda("approve", string(h.waiting), "--yes")...)
	})
	t.Run("a notice that is hidden", func(t *testing.T) {
		// Nothing in the answers shows it: its author, who sees that it still waits, asks.
		h.tell(t, altering("/staff/notices", func(list *[]api.StaffNotice) {
			*list = slices.DeleteFunc(*list, func(n api.StaffNotice) bool { return n.Notice == h.waiting })
		}))
		if said := h.holds(t, string(h.other), h.byBela("approve")...); strings.Contains(said, string(h.waiting)) {
			t.Error(said)
		}
	})
	t.Run("honestly, it is approved", func(t *testing.T) {
		h.holds(t, "Released "+string(h.waiting), h.byBela("approve", string(h.waiting), "--yes")...)
	})
}

func (h *lyingHouse) standing(n crypto.Number) portal.NoticeState {
	h.t.Helper()
	record, err := h.Portal.Dispatch.Standing(h.t.Context(), h.Acting(h.Approver), n)
	h.must(err)
	return record.State
}

// ------------------------------------------------------------------ who has acknowledged

// TestLiesAboutWhoHasAcknowledged: what a portal can say to staff about a released notice.
func TestLiesAboutWhoHasAcknowledged(t *testing.T) {
	h := newLyingHouse(t)
	acknowledge := func(p *live.Person, n crypto.Number) []byte {
		v := h.visitor(p.Number.String(), p.Key)
		fetched, err := v.Notice(t.Context(), n)
		h.must(err)
		self, err := ceremony.SelfOf(p.Bundle)
		h.must(err)
		o, err := ceremony.Open(h.trust, self, n, fetched, time.Now())
		h.must(err)
		receipt, err := ceremony.Acknowledge(o, p.Key, p.Number, crypto.DecisionAcknowledged, fetched.Nonce, time.Now())
		h.must(err)
		kept, err := v.Acknowledge(t.Context(), n, receipt)
		h.must(err)
		return []byte(kept.Receipt)
	}
	acknowledge(h.deputy, h.told)
	ofAnother := acknowledge(h.office, h.another)
	o, _ := h.opened(h.office, h.told)
	imposter, err := crypto.GenerateKey(crypto.ProfileCompat, h.office.Number.String(), time.Now())
	h.must(err)
	forged, err := crypto.Acknowledge(o, imposter, h.office.Number, crypto.DecisionAcknowledged, crypto.NewNonce(), time.Now())
	h.must(err)
	passedOn, err := crypto.Acknowledge(o, h.elsewhere.Key, h.elsewhere.Number, crypto.DecisionAcknowledged, crypto.NewNonce(), time.Now())
	h.must(err)

	at, receipts := "/staff/notices/"+string(h.told)+"/status", "/staff/notices/"+string(h.told)+"/receipts"
	mailbox, office := h.state.Number.Mailbox, h.office.Number.Mailbox
	line := func(s *api.Status, n crypto.Number) *api.MailboxStatus {
		for i := range s.Mailboxes {
			if s.Mailboxes[i].Mailbox == n {
				return &s.Mailboxes[i]
			}
		}
		t.Fatalf("%s has no line", n)
		return nil
	}
	now := time.Now()
	saysOffice := altering(at, func(s *api.Status) {
		l := line(s, office)
		l.Acknowledged, l.By, l.Decision = &now, h.office.Number.String(), crypto.DecisionAcknowledged
	})
	with := func(n crypto.Number, receipt []byte) answerLie {
		return altering(receipts, func(r *api.Receipts) {
			r.Receipts = append(r.Receipts, api.MailboxReceipt{Mailbox: n, Receipt: string(receipt)})
		})
	}
	page := h.sitsAtDesk(t, h.bela)
	page.visit("/staff/notices/" + string(h.told))
	const proves = "count it as not acknowledged, reach them by another way, and tell the administrators"
	for _, row := range []struct {
		name string
		lie  answerLie
		says []string
	}{
		{"an acknowledgement is invented", saysOffice, []string{string(office), "shows no receipt", proves}},
		{"with the receipt of another mailbox", together(saysOffice, altering(receipts, func(r *api.Receipts) {
			r.Receipts = append(r.Receipts, api.MailboxReceipt{Mailbox: office, Receipt: r.Receipts[0].Receipt})
		})), []string{"that of another mailbox, " + string(mailbox), proves}},
		{"with the receipt of another notice", together(saysOffice, with(office, ofAnother)), []string{"that of another notice, " + string(h.another), proves}},
		{"with a receipt by a key that isn't theirs", together(saysOffice, with(office, forged)), []string{"is not in the chain", proves}},
		{"with rubbish", together(saysOffice, with(office, []byte("acknowledged"))), []string{"is no receipt", proves}},
		{"with an altered receipt", altering(receipts, func(r *api.Receipts) {
			r.Receipts[0].Receipt = strings.Replace(r.Receipts[0].Receipt, "decision: acknowledged", "decision: refused", 1)
		}), []string{"NOT PROVED", proves}},
		{"of a mailbox that it never went to", together(altering(at, func(s *api.Status) {
			s.Mailboxes = append(s.Mailboxes, api.MailboxStatus{Mailbox: h.elsewhere.Number.Mailbox, Delivered: &now, Opened: &now})
		})), []string{string(h.elsewhere.Number.Mailbox) + ": INVENTED by the portal"}},
		{"and signed by one to whom it was passed on", with(h.elsewhere.Number.Mailbox, passedOn), []string{"nothing of " + string(h.told) + " is shown", "never went to"}},
		{"a receipt is called another decision", altering(at, func(s *api.Status) { line(s, mailbox).Decision = crypto.DecisionRefused }), []string{"believe the receipt"}},
		{"a receipt is given to another representative", altering(at, func(s *api.Status) { line(s, mailbox).By = h.state.Number.String() }), []string{"believe the receipt"}},
		{"an acknowledgement is denied, and its receipt shown", altering(at, func(s *api.Status) { l := line(s, mailbox); l.Acknowledged, l.By, l.Decision = nil, "", "" }),
			[]string{"there is a receipt: it was acknowledged by " + h.deputy.Number.String()}},
		{"a mailbox is kept back", altering(at, func(s *api.Status) {
			s.Mailboxes = slices.DeleteFunc(s.Mailboxes, func(m api.MailboxStatus) bool { return m.Mailbox == office })
		}), []string{string(office) + ": NOT SHOWN by the portal"}},
		{"a mailbox is kept back, and the audience fits", together(altering(at, func(s *api.Status) {
			s.Mailboxes = slices.DeleteFunc(s.Mailboxes, func(m api.MailboxStatus) bool { return m.Mailbox == office })
		}), altering(receipts, func(r *api.Receipts) {
			var kept strings.Builder
			for l := range strings.Lines(r.Audience) {
				if !strings.HasPrefix(l, string(office)) {
					kept.WriteString(l)
				}
			}
			r.Audience = kept.String()
		})), []string{"nothing of " + string(h.told) + " is shown", "is not the one that was signed"}},
		{"the approval is dropped", altering(receipts, func(r *api.Receipts) { r.ApproverSignature = "" }), []string{"has not been approved"}},
		{"the signer's key is exchanged in the directory", swapping(h.deputy.Number, h.chain(h.elsewhere)), []string{"NOT PROVED", proves}},
		{"another root", altering("/institution", func(i *api.Institution) { i.Root = h.foreign.Certificate().Armor() }), []string{"not the one on paper"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			h.tell(t, row.lie)
			status, said := h.says(t, "", h.byBela("status", string(h.told))...)
			for _, want := range row.says {
				if status != exitFailed || !strings.Contains(said, want) {
					t.Errorf("valise status: %d, want failure and %q:\n%s", status, want, said)
				}
			}
			t.Logf("valise status: %s", said)
			if row.name == "another root" {
				return // the browser took it in when the key was unlocked
			}
			page.press("#receipts-verify")
			words := row.says[len(row.says)-1]
			switch {
			case strings.Contains(words, "INVENTED"):
				words = "never went to this mailbox"
			case strings.Contains(words, "NOT SHOWN"):
				words = "the portal says nothing of it"
			}
			page.mustSay(t, "#receipts-wrong", words)
			page.mustSay(t, "#receipts-wrong", "reach those mailboxes by another way, and tell the administrators")
		})
	}
	t.Run("an old notice as a new one", func(t *testing.T) {
		whole := "/staff/notices/" + string(h.told)
		later := func(released **time.Time) {
			at := (*released).Add(72 * time.Hour)
			*released = &at
		}
		h.tell(t, together(altering(at, func(s *api.Status) { later(&s.Released) }), altering(whole, func(n *api.StaffNotice) { later(&n.Released) }), altering("/staff/notices", func(list *[]api.StaffNotice) {
			for i := range *list {
				if (*list)[i].Notice == h.told {
					later(&(*list)[i].Released)
				}
			}
		})))
		for _, args := range [][]string{{"status", string(h.told)}, {"status"}} {
			h.holds(t, "it was held back meanwhile, or the time is wrong; ask the administrators", h.byBela(args...)...)
		}
		const differs = "it was held back meanwhile, or the portal's times are wrong"
		page.press("#receipts-verify")
		page.mustSay(t, "#dispatch-late", differs)
		page.visit(whole)
		page.press("#reading summary")
		page.mustSay(t, "#dispatch-late", differs)
		h.tell(t, nil)
		page.visit(whole)
	})
	t.Run("honestly, it holds", func(t *testing.T) {
		page.press("#receipts-verify")
		page.mustSay(t, "#receipts-status", "Verified in this browser: 1 acknowledged, 0 declined, of 2 mailboxes")
		if page.shows("#receipts-wrong", "") {
			t.Error("the page complains of what holds")
		}
		portaltest.Axe(t, page.Browser, "receipts-verified")
		said := h.holds(t, "acknowledged by "+h.deputy.Number.String(), h.byBela("status", string(h.told))...)
		if !strings.Contains(said, "2 mailboxes: 2 opened, 1 acknowledged, 0 declined") || !strings.Contains(said, "The receipts of 1 mailbox were verified on this machine") {
			t.Error(said)
		}
	})
	h.bundles(t)
}

// bundles: the evidence that a portal packs can be another notice's, or altered.
func (h *lyingHouse) bundles(t *testing.T) {
	h.SignLedger()
	fetch := func(n crypto.Number) []byte {
		var zip bytes.Buffer
		h.must(h.visitor(string(h.Approver.Certificate().Fingerprint()), h.Approver).Bundle(t.Context(), n, &zip))
		return zip.Bytes()
	}
	genuine, another := fetch(h.told), fetch(h.another)
	altered := bytes.Clone(genuine)
	altered[bytes.Index(altered, []byte("PK\x07\x08"))+4] ^= 1 // the checksum behind the first file
	for name, row := range map[string]struct {
		shown []byte
		says  string
	}{
		"of another notice": {another, "the portal gave the bundle of " + string(h.another)},
		"altered":           {altered, "does not hold, so nothing was written"},
		"cut off":           {genuine[:len(genuine)/2], "does not hold, so nothing was written"},
	} {
		t.Run("the bundle is "+name, func(t *testing.T) {
			h.tell(t, instead("/staff/notices/"+string(h.told)+"/bundle", row.shown))
			out := filepath.Join(t.TempDir(), "bundle.zip")
			h.fails(t, row.says, h.byBela("bundle", string(h.told), "--out", out)...)
			if _, err := os.Stat(out); err == nil {
				t.Error("it was written")
			}
		})
	}
}
