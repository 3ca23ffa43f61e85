package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/ledger"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/verdict"
)

// lyingPortal is a real portal with somebody in front of it who holds its web server: they can change every answer, have the ledger's key, and the key
// of one staff member; what they can't do is have a second person sign.
type lyingPortal struct {
	*live.Server
	t    *testing.T
	url  string
	root crypto.Fingerprint

	about, other *crypto.VerifiedStatement // a statement in its first version, and another one
	correction   *crypto.VerifiedStatement // the second version of the first
	stranger     *crypto.Key               // calls themself an approver, and no root has certified them
	foreign      *crypto.Key               // the root of another institution

	mu      sync.Mutex
	lie     untruth
	watched []*http.Request // while a reader verifies
}

// untruth is what is changed. The zero value is the truth.
type untruth struct {
	answer   func(path string, body []byte) (int, []byte)                        // any answer
	version  func(version int, s crypto.SignedStatement) *crypto.SignedStatement // a version of the statement, in whatever form it is served; nil: it isn't there
	institut func(*api.Institution)
	history  *ledger.Ledger // in place of the ledger
}

func newLyingPortal(t *testing.T) *lyingPortal {
	p := &lyingPortal{Server: live.Portal(t, live.Options{}), t: t}
	server := httptest.NewUnstartedServer(nil)
	site := *p.Portal
	p.url = "http://" + server.Listener.Addr().String()
	site.Origin, site.InsecureHTTP = p.url, true
	honest, err := site.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, honest) })
	server.Start()
	t.Cleanup(server.Close)
	p.root = p.Pin.Fingerprint

	// The author was certified as an approver, too: a careless root ceremony, which two signatures still have to survive.
	both, err := crypto.CertifyStaff(p.Root, p.Author.Certificate(), []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover}, time.Now())
	p.must(err)
	_, err = p.Portal.Registry.AddStaff(t.Context(), both.Bytes())
	p.must(err)
	p.stranger, err = crypto.GenerateKey(crypto.ProfilePQ, live.ApproverName, time.Now())
	p.must(err)
	p.foreign, err = crypto.GenerateRoot("Another court", time.Now())
	p.must(err)

	d := &crypto.StatementDraft{Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1, Topic: "security", Languages: []crypto.StatementLanguage{
		{Language: "en", Title: "Anomalous activity on our systems", Body: "Two systems were affected.\n"},
		{Language: "fr", Title: "Activité anormale sur nos systèmes", Body: "Deux systèmes ont été touchés.\n"},
	}}
	p.PublishStatement(d)
	other := *d
	other.Statement = crypto.NewNumber(crypto.KindStatement)
	p.PublishStatement(&other)
	p.SignLedger()
	c := *d
	c.Kind = crypto.StatementCorrection
	c.Languages = slices.Clone(d.Languages)
	for i := range c.Languages {
		c.Languages[i].Reason, c.Languages[i].Body = "A number was wrong.", "Three systems were affected.\n"
	}
	p.PublishStatement(&c)
	p.SignLedger()
	versions := p.versions(d.Statement)
	p.about, p.correction, p.other = versions[0], versions[1], p.versions(other.Statement)[0]
	return p
}

func (p *lyingPortal) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *lyingPortal) client() *client.Client {
	c, err := client.New(p.url, true)
	p.must(err)
	p.t.Cleanup(c.Close)
	return c
}

// versions verifies what is published, as any program does that uses the client library.
func (p *lyingPortal) versions(n crypto.Number) []*crypto.VerifiedStatement {
	p.t.Helper()
	versions, err := p.library(n)
	p.must(err)
	return versions
}

func (p *lyingPortal) library(n crypto.Number) ([]*crypto.VerifiedStatement, error) {
	c := p.client()
	i, err := c.Institution(p.t.Context())
	p.must(err)
	trust, err := ceremony.Believe(p.Pin, i)
	if err != nil {
		return nil, err
	}
	s, err := c.Statement(p.t.Context(), n)
	p.must(err)
	return ceremony.ReadStatement(trust, n, s, time.Now())
}

func (p *lyingPortal) tell(l untruth) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = l
}

func (p *lyingPortal) serve(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	p.mu.Lock()
	l := p.lie
	p.watched = append(p.watched, r)
	p.mu.Unlock()
	if path, ok := strings.CutPrefix(r.URL.Path, "/ledger/"); ok && l.history != nil {
		file, err := l.history.Resource(r.Context(), path)
		if path == ledger.CheckpointPath {
			file, err = l.history.Checkpoint(r.Context())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Write(file)
		return
	}
	recorder := httptest.NewRecorder()
	r.Header.Del("Accept-Encoding")
	honest.ServeHTTP(recorder, r)
	status, body := recorder.Code, recorder.Body.Bytes()
	if l.answer != nil && status == http.StatusOK {
		status, body = l.answer(r.URL.Path, body)
	}
	if status == http.StatusOK {
		body = p.changed(l, r.URL.Path, body)
	}
	header := w.Header()
	for name, values := range recorder.Header() {
		header[name] = values
	}
	header.Del("Content-Length")
	header.Del("ETag")
	if body == nil {
		status = http.StatusNotFound
	}
	w.WriteHeader(status)
	w.Write(body)
}

// changed applies a lie to the forms in which a statement, or the institution, is served.
func (p *lyingPortal) changed(l untruth, path string, body []byte) []byte {
	switch {
	case l.institut != nil && path == api.Root+"/institution":
		var i api.Institution
		p.must(json.Unmarshal(body, &i))
		l.institut(&i)
		body, err := json.Marshal(i)
		p.must(err)
		return body
	case l.version == nil || p.about == nil:
	case path == verdict.StatementPath(p.about.Manifest().Statement):
		var s api.Statement
		p.must(json.Unmarshal(body, &s))
		var shown []api.StatementVersion
		for i, v := range s.Versions {
			signed, err := crypto.ParseSignedStatement([]byte(v.Signed))
			p.must(err)
			if changed := l.version(i+1, signed); changed != nil {
				v.Signed = encodeLie(*changed)
				shown = append(shown, v)
			}
		}
		s.Versions = shown
		body, err := json.Marshal(s)
		p.must(err)
		return body
	case strings.HasPrefix(path, "/statements/"+string(p.about.Manifest().Statement)+"/"):
		version, v := 2, p.correction
		if strings.Contains(path, "/1/") {
			version, v = 1, p.about
		}
		changed := l.version(version, v.Signed())
		switch name := filepath.Base(path); {
		case changed == nil:
			return nil
		case name == "en.txt":
			return clearSignedLie(changed.Texts[0])
		case name == "signed.json":
			return []byte(encodeLie(*changed))
		}
	}
	return body
}

// encodeLie writes a signed statement without asking whether it is one.
func encodeLie(s crypto.SignedStatement) string {
	type text struct {
		Text             string `json:"text"`
		AuthorClear      string `json:"author-clear"`
		AuthorDetached   string `json:"author-detached"`
		ApproverClear    string `json:"approver-clear,omitempty"`
		ApproverDetached string `json:"approver-detached,omitempty"`
	}
	j := struct {
		Form     string `json:"form"`
		Manifest string `json:"manifest"`
		Author   string `json:"author"`
		Approver string `json:"approver,omitempty"`
		Texts    []text `json:"texts"`
	}{"valise signed statement v1", string(s.Manifest), string(s.AuthorSignature), string(s.ApproverSignature), nil}
	for _, t := range s.Texts {
		j.Texts = append(j.Texts, text{string(t.Text), string(t.Author.Clear), string(t.Author.Detached), string(t.Approver.Clear), string(t.Approver.Detached)})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(j); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// clearSignedLie writes a text with whatever signatures there are.
func clearSignedLie(t crypto.SignedStatementText) []byte {
	var b bytes.Buffer
	b.WriteString("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n")
	for line := range strings.SplitAfterSeq(strings.TrimSuffix(string(t.Text), "\n")+"\n", "\n") {
		if strings.HasPrefix(line, "-") {
			b.WriteString("- ")
		}
		b.WriteString(line)
	}
	var raw []byte
	for _, signature := range [][]byte{t.Author.Clear, t.Approver.Clear} {
		if len(signature) == 0 {
			continue
		}
		block, err := armor.Decode(bytes.NewReader(signature))
		if err != nil {
			panic(err)
		}
		packet, err := io.ReadAll(block.Body)
		if err != nil {
			panic(err)
		}
		raw = append(raw, packet...)
	}
	w, err := armor.Encode(&b, "PGP SIGNATURE", nil)
	if err != nil {
		panic(err)
	}
	w.Write(raw)
	w.Close()
	return append(b.Bytes(), '\n')
}

// approvedBy has a key sign in the approver's place.
func (p *lyingPortal) approvedBy(k *crypto.Key, s crypto.SignedStatement) crypto.SignedStatement {
	p.t.Helper()
	const purpose = crypto.PurposeStatementApproval
	var err error
	s.ApproverSignature, err = crypto.SignDetached(k, purpose, s.Manifest, time.Now())
	p.must(err)
	s.Texts = slices.Clone(s.Texts)
	for i, t := range s.Texts {
		clear, err := crypto.ClearSign(k, purpose, t.Text, time.Now())
		p.must(err)
		at := bytes.Index(clear, []byte("-----BEGIN PGP SIGNATURE-----"))
		detached, err := crypto.SignDetached(k, purpose, t.Text, time.Now())
		p.must(err)
		s.Texts[i].Approver = crypto.TextSignatures{Clear: clear[at:], Detached: detached}
	}
	return s
}

// approval gives a statement the approvals of another.
func approval(s, of crypto.SignedStatement) *crypto.SignedStatement {
	s.ApproverSignature = of.ApproverSignature
	s.Texts = slices.Clone(s.Texts)
	for i := range s.Texts {
		s.Texts[i].Approver = of.Texts[i].Approver
	}
	return &s
}

// replaced changes words wherever a statement is served.
func replaced(from, to string) untruth {
	return untruth{version: func(_ int, s crypto.SignedStatement) *crypto.SignedStatement {
		s.Texts = slices.Clone(s.Texts)
		for i := range s.Texts {
			s.Texts[i].Text = bytes.ReplaceAll(s.Texts[i].Text, []byte(from), []byte(to))
		}
		return &s
	}}
}

// get fetches a file as a reader does.
func (p *lyingPortal) get(path string) []byte {
	p.t.Helper()
	answer, err := http.Get(p.url + path)
	p.must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	p.must(err)
	if answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d", path, answer.StatusCode)
	}
	return body
}

// told is one row of the table: a lie, and what each tool says of it. A tool for which nothing stands here can't tell.
type told struct {
	name string
	lie  untruth
	hand string // what the reader has in hand: "en.txt" as the portal serves it, or a name in kept, from a better day

	library string // portal/client and ceremony, reading what is published; or following the ledger
	command string // valise verify
	page    string // the verify page, in a browser
	cause   string // which the page's element carries
}

// TestLiesAboutStatements: what a portal can lie about, and what the client library, the command line and the verify page say of it, in words.
func TestLiesAboutStatements(t *testing.T) {
	p := newLyingPortal(t)
	n := string(p.about.Manifest().Statement)
	at := "/statements/" + n + "/"
	kept := map[string][]byte{ // fetched before anybody lied
		"v1.txt":         p.get(at + "1/en.txt"),
		"v2.txt":         p.get(at + "2/en.txt"),
		"v1.tlog-proof":  p.get(verdict.ProofPath(p.about.Manifest().Statement, 1)),
		"another.txt":    p.ofAnotherInstitution(),
		"another-leaf":   p.get(verdict.ProofPath(p.other.Manifest().Statement, 1)),
		"the-checkpoint": p.get("/ledger/checkpoint"),
	}
	now, err := p.LedgerPolicy().Open(kept["the-checkpoint"])
	p.must(err)
	other, both, stranger := p.other.Signed(), p.approvedBy(p.Author, p.correction.Signed()), p.approvedBy(p.stranger, p.correction.Signed())
	second := func(s crypto.SignedStatement) untruth { // in place of the second version
		return untruth{version: func(version int, honest crypto.SignedStatement) *crypto.SignedStatement {
			if version == 2 {
				return &s
			}
			return &honest
		}}
	}
	onlyTheFirst := untruth{version: func(version int, s crypto.SignedStatement) *crypto.SignedStatement {
		if version == 2 {
			return nil
		}
		return &s
	}}
	unapproved := p.correction.Signed()
	unapproved.ApproverSignature = nil
	for i := range unapproved.Texts {
		unapproved.Texts[i].Approver = crypto.TextSignatures{}
	}
	twice := p.correction.Signed()
	twice.ApproverSignature = twice.AuthorSignature
	for i := range twice.Texts {
		twice.Texts[i].Approver = twice.Texts[i].Author
	}
	listing := second(stranger)
	listing.institut = func(i *api.Institution) { i.Staff = append(i.Staff, p.stranger.Certificate().Armor()) }

	table := []told{
		{name: "nothing", hand: "en.txt", page: "genuine text of statement " + n, command: ""},
		{
			name: "a text is altered", lie: replaced("Three systems", "No systems"), hand: "en.txt",
			library: "the text in en is missing, or it is not the one that was signed",
			command: "The text was altered after it was signed", page: "The text was altered after it was signed", cause: "altered",
		}, {
			name: "a title is altered", lie: replaced("Anomalous activity", "Routine activity"), hand: "en.txt",
			library: "it is not the one that was signed",
			command: "The text was altered after it was signed", page: "The text was altered after it was signed", cause: "altered",
		}, {
			name: "the approval is dropped", lie: second(unapproved), hand: "en.txt",
			library: "has not been approved: a second person's signature is missing",
			command: "The approval is missing: only one person signed", page: "The approval is missing: only one person signed", cause: "not-approved",
		}, {
			name: "the approval is that of another statement", lie: second(*approval(p.correction.Signed(), other)), hand: "en.txt",
			library: "the approver's signature over the manifest",
			command: "it was given to another text, statement or version", page: "it was given to another text, statement or version", cause: "other-approval",
		}, {
			name: "the approval is that of the version before", lie: second(*approval(p.correction.Signed(), p.about.Signed())), hand: "en.txt",
			library: "the approver's signature over the manifest",
			command: "it was given to another text, statement or version", page: "it was given to another text, statement or version", cause: "other-approval",
		}, {
			name: "the same, in hand while the portal shows the truth", hand: "reused.txt",
			command: "it is that of version 1", page: "it is that of version 1", cause: "version-approval",
		}, {
			name: "the author's signature stands there twice", lie: second(twice), hand: "en.txt",
			library: "made for another purpose",
			command: "The same person signed twice", page: "The same person signed twice", cause: "one-person",
		}, {
			name: "one stolen account signs as both", lie: second(both), hand: "en.txt",
			library: "is the author, so somebody else must approve",
			command: "The same person signed twice", page: "The same person signed twice", cause: "one-person",
		}, {
			name: "an approver whom the root never certified", lie: listing, hand: "en.txt",
			library: "is not that of a staff member",
			command: "signed with a key that this root never certified", page: "signed with a key that this root never certified", cause: "unknown-signer",
		}, {
			name: "a statement of another institution", hand: "another.txt",
			command: "It is of another institution", page: "It is of another institution", cause: "other-institution",
		}, {
			name: "another root", hand: "en.txt", lie: untruth{institut: func(i *api.Institution) { i.Root = p.foreign.Certificate().Armor() }},
			library: "not the one on paper",
			command: "another root than the one whose fingerprint you entered", page: "another root than the one whose fingerprint you entered", cause: "other-root",
		}, {
			name: "an old version is shown as the newest", lie: onlyTheFirst, hand: "v2.txt", // what is shown holds; who has the newer one sees it
			page: "What you have is newer, and genuine: the portal keeps it back",
		}, {
			name: "a correction is kept back", lie: onlyTheFirst, hand: "v1.txt", // the ledger has it
			command: "There is a newer version, and the portal keeps it back: the ledger has it", page: "There is a newer version, and the portal keeps it back: the ledger has it", cause: "withheld",
		}, {
			name: "a correction is kept back, and the proof with it", hand: "v1.txt", lie: untruth{version: onlyTheFirst.version, answer: func(path string, body []byte) (int, []byte) {
				if strings.HasSuffix(path, ".tlog-proof") {
					return http.StatusNotFound, nil
				}
				return http.StatusOK, body
			}},
			command: "There is a newer version, and the portal keeps it back: the ledger has it", page: "There is a newer version, and the portal keeps it back: the ledger has it", cause: "withheld",
		}, {
			name: "the proof is that of something else", hand: "en.txt", lie: untruth{answer: func(path string, body []byte) (int, []byte) {
				if strings.HasSuffix(path, ".tlog-proof") {
					body = kept["another-leaf"]
				}
				return http.StatusOK, body
			}},
			command: "it is of something else, or was altered", page: "it is of something else, or was altered", cause: "ledger-missing",
		}, {
			name: "two readers are shown two ledgers", hand: "the-checkpoint", lie: untruth{history: p.AnotherHistory(int(now.Size))},
			library: "there are two different logs",
			command: "There are two different ledgers", page: "There are two different ledgers", cause: "ledger-forked",
		}, {
			name: "the ledger is rewritten", hand: "v1.tlog-proof", lie: untruth{history: p.AnotherHistory(int(now.Size) + 20)},
			library: "was rewritten",
			command: "The ledger was rewritten", page: "The ledger was rewritten", cause: "ledger-rewritten",
		}, {
			name: "the ledger is cut off", hand: "the-checkpoint", lie: untruth{history: p.AnotherHistory(2)},
			library: "can't be fetched, so nothing can be said about it", // 'valise ledger verify' says more, as it knows what it saw last
			page:    "an old copy, or some were taken away",
		},
	}
	kept["reused.txt"] = clearSignedLie(approval(p.correction.Signed(), p.about.Signed()).Texts[0])

	page := newVerifyPage(t, p)
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			p.tell(row.lie)
			defer p.tell(untruth{})
			data := kept[row.hand]
			if data == nil {
				data = p.get(at + row.hand)
			}
			hand := filepath.Join(t.TempDir(), row.hand)
			p.must(os.WriteFile(hand, data, 0o600))

			wantWords(t, "the library", p.librarySays(row), row.library)
			wantWords(t, "the command line", p.commandSays(hand, row.command != ""), row.command)
			page.judges(t, hand, row)
		})
	}
	t.Run("the page in other hands", func(t *testing.T) { page.inOtherHands(t, at) })
	t.Run("valise ledger verify finds what is kept back", func(t *testing.T) {
		p.tell(untruth{version: onlyTheFirst.version, answer: p.archiveWithoutCorrection})
		defer p.tell(untruth{})
		var out, problems bytes.Buffer
		status := run(t.Context(), []string{"ledger", "verify", p.url, "--root-fingerprint", string(p.root), "--state", filepath.Join(t.TempDir(), "seen")}, strings.NewReader(""), &out, &problems)
		if status != exitAlarm || !strings.Contains(problems.String(), "holds a correction, a withdrawal or a statement back") {
			t.Errorf("%d: %s", status, problems.String())
		}
	})
}

// archiveWithoutCorrection lists the statement as if it had its first version only.
func (p *lyingPortal) archiveWithoutCorrection(path string, body []byte) (int, []byte) {
	if path != api.Root+"/statements" {
		return http.StatusOK, body
	}
	var a api.Archive
	p.must(json.Unmarshal(body, &a))
	for i := range a.Statements {
		a.Statements[i].Version = 1
	}
	body, err := json.Marshal(a)
	p.must(err)
	return http.StatusOK, body
}

func wantWords(t *testing.T, who, said, want string) {
	t.Helper()
	switch {
	case want == "" && said != "":
		t.Errorf("%s complains: %s", who, said)
	case !strings.Contains(said, want):
		t.Errorf("%s says %q, want %q", who, said, want)
	case want != "":
		t.Logf("%s: %s", who, said)
	}
}

// librarySays reads the statement, and follows the ledger from the checkpoint in hand, with the client library.
func (p *lyingPortal) librarySays(row told) string {
	p.t.Helper()
	if row.lie.history == nil {
		if _, err := p.library(p.about.Manifest().Statement); err != nil {
			return err.Error()
		}
		return ""
	}
	follower := ledger.Follower{Policy: p.LedgerPolicy(), Fetch: fetchFrom(p.client())}
	shown, err := follower.Fetch(p.t.Context(), ledger.CheckpointPath)
	p.must(err)
	now, err := follower.Policy.Open(shown)
	p.must(err)
	p.tell(untruth{}) // what they had seen
	before, err := p.Portal.Ledger.Checkpoint(p.t.Context())
	p.must(err)
	p.tell(row.lie)
	seen, err := follower.Policy.Open(before)
	p.must(err)
	if err := follower.Compare(p.t.Context(), now, seen); err != nil {
		return err.Error()
	}
	return ""
}

func (p *lyingPortal) commandSays(hand string, fails bool) string {
	p.t.Helper()
	var out, problems bytes.Buffer
	status := run(p.t.Context(), []string{"verify", hand, "--server", p.url, "--root-fingerprint", string(p.root)}, strings.NewReader(""), &out, &problems)
	if fails == (status == exitDone) {
		p.t.Errorf("valise verify %s exits with %d: %s%s", hand, status, out.String(), problems.String())
	}
	if strings.Contains(problems.String(), "Anomalous") {
		p.t.Errorf("what doesn't hold is shown: %s", problems.String())
	}
	return problems.String()
}

// ofAnotherInstitution is a statement that holds, under another root.
func (p *lyingPortal) ofAnotherInstitution() []byte {
	p.t.Helper()
	made := time.Now().Add(-time.Minute)
	member := func(name string, role crypto.Role) *crypto.Key {
		k, err := crypto.GenerateKey(crypto.ProfilePQ, name, made)
		p.must(err)
		c, err := crypto.CertifyStaff(p.foreign, k.Certificate(), []crypto.Role{role}, time.Now())
		p.must(err)
		k, err = k.WithCertificate(c)
		p.must(err)
		return k
	}
	author, approver := member("Ada Other", crypto.RoleAuthor), member("Bela Other", crypto.RoleApprover)
	root, err := crypto.OpenRoot(crypto.Pin{Fingerprint: p.foreign.Certificate().Fingerprint()}, p.foreign.Certificate().Bytes())
	p.must(err)
	signed, err := crypto.PrepareStatement(root, author, &crypto.StatementDraft{
		Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1, Topic: "security",
		Languages: []crypto.StatementLanguage{{Language: "en", Title: "Anomalous activity on our systems", Body: "Nothing happened.\n"}},
	}, nil, time.Now())
	p.must(err)
	submitted, err := root.VerifyStatementSubmission(signed, nil, []*crypto.Certificate{author.Certificate(), approver.Certificate()}, time.Now())
	p.must(err)
	signed, err = crypto.ApproveStatement(root, approver, submitted, time.Now())
	p.must(err)
	text, err := signed.Texts[0].ClearSigned()
	p.must(err)
	return text
}

// ------------------------------------------------------------------ the page

// verifyPage is a reader before the verify page.
type verifyPage struct {
	*portaltest.Browser
	p *lyingPortal
}

func newVerifyPage(t *testing.T, p *lyingPortal) *verifyPage {
	b := &verifyPage{portaltest.Chromium(t), p}
	b.Do(chromedp.Navigate(p.url+"/en/verify"), chromedp.WaitReady(chromedp.CSS("html[data-ready]")))
	b.Do(chromedp.SendKeys(chromedp.CSS("#verify-root"), p.root.Spaced()+"\t"))
	b.sees(t, "#verify-root-status", "The same as the portal shows")
	return b
}

// sees waits until an element shows a text.
func (b *verifyPage) sees(t *testing.T, selector, want string) string {
	t.Helper()
	text := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		text = portaltest.Read(b.Browser, chromedp.Evaluate[string](fmt.Sprintf("(e => e && e.checkVisibility() ? e.innerText : '')(document.querySelector(%q))", selector)))
		if strings.Contains(text, want) {
			return text
		}
	}
	t.Fatalf("%s shows %q, want %q", selector, text, want)
	return ""
}

// judges gives a file to the page.
func (b *verifyPage) judges(t *testing.T, hand string, row told) {
	t.Helper()
	b.p.mu.Lock()
	b.p.watched = nil
	b.p.mu.Unlock()
	b.Do(chromedp.SetUploadFiles(chromedp.CSS("#verify-files"), []string{hand}))
	outcome := "holds"
	if row.cause != "" {
		outcome = "fails"
	}
	said := b.sees(t, fmt.Sprintf(".verdict[data-outcome=%s][data-cause=%q]", outcome, row.cause), row.page)
	signed := strings.HasPrefix(row.cause, "ledger-") || row.cause == "withheld" // then both signatures held, and may be named
	if outcome == "fails" && (strings.Contains(said, "Anomalous") || !signed && strings.Contains(said, live.AuthorName)) {
		t.Errorf("what doesn't hold is shown: %s", said)
	}
	b.Screenshot("verify " + row.name)
	b.wantNothingSent(t, hand)
	b.Do(chromedp.Evaluate[chromedp.Void]("document.querySelector('#verify-clear').click()"))
}

// wantNothingSent looks at every request since the file was given.
func (b *verifyPage) wantNothingSent(t *testing.T, hand string) {
	t.Helper()
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	if len(b.p.watched) == 0 {
		t.Error("the page asked for nothing, so nothing was watched")
	}
	for _, r := range b.p.watched {
		path := r.URL.Path
		public := path == verdict.InstitutionPath || strings.HasPrefix(path, api.Root+"/statements/P-") || strings.HasPrefix(path, "/statements/P-") && strings.HasSuffix(path, "/ledger.tlog-proof") || strings.HasPrefix(path, verdict.LedgerRoot)
		if r.Method != http.MethodGet || !public || r.URL.RawQuery != "" || r.ContentLength > 0 || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" || strings.Contains(path, filepath.Base(hand)) {
			t.Errorf("the page sends %s %s, %d bytes, with %v", r.Method, r.URL, r.ContentLength, r.Header)
		}
	}
}

// inOtherHands tries what readers do besides giving one file with the fingerprint at hand.
func (b *verifyPage) inOtherHands(t *testing.T, at string) {
	folder := t.TempDir()
	give := func(names ...string) {
		t.Helper()
		var paths []string
		for _, name := range names {
			path := filepath.Join(folder, name)
			b.p.must(os.WriteFile(path, b.p.get(at+name), 0o600))
			paths = append(paths, path)
		}
		b.Do(chromedp.SetUploadFiles(chromedp.CSS("#verify-files"), paths))
	}
	evaluate := func(script string) { b.Do(chromedp.Evaluate[chromedp.Void](script)) }
	visit := func(language string) {
		b.Do(chromedp.Navigate(b.p.url+"/"+language+"/verify"), chromedp.WaitReady(chromedp.CSS("html[data-page=verify][data-ready]")))
	}

	// Nobody has the fingerprint: it is said on whose word the root is taken. Text and signatures come one after the other.
	visit("en")
	give("fr.md")
	b.sees(t, ".verdict[data-outcome=undecided][data-cause=signatures]", "Give both together")
	give("fr.md.asc")
	b.sees(t, ".verdict[data-outcome=holds] .warnings", "The root was taken on the portal’s word")
	b.sees(t, ".verdict > h2", "It holds, if this portal is the institution’s")
	b.Screenshot("verify without paper")
	portaltest.Axe(t, b.Browser, "verify-holds")

	// A fingerprint that is none, and one that is another.
	b.Do(chromedp.SendKeys(chromedp.CSS("#verify-root"), "ABCD\t"))
	b.sees(t, "#verify-root-error", "no whole fingerprint")
	evaluate("document.querySelector('#verify-root').value = ''")
	b.Do(chromedp.SendKeys(chromedp.CSS("#verify-root"), strings.Repeat("0123 4567 ", 5)+"\t"))
	b.sees(t, "#verify-root-error", "NOT the one that the portal shows")
	b.sees(t, ".verdict[data-outcome=fails][data-cause=other-root]", "Stop here")
	portaltest.Axe(t, b.Browser, "verify-fails")

	// By keyboard alone, in French, on a phone: what was pasted.
	b.Resize(portaltest.Phone)
	visit("fr")
	evaluate("document.querySelector('#verify-text').value = " + quoted(strings.Replace(string(b.p.get(at+"en.txt")), "Three", "No", 1)))
	b.Do(chromedp.SendKeys(chromedp.CSS("#verify-root"), string(b.p.root)+"\r"))
	b.sees(t, ".verdict[data-outcome=fails][data-cause=altered]", "Le texte a été modifié après sa signature")
	b.Screenshot("verify phone fails")
	evaluate("document.querySelector('#verify-clear').click()")
	give("signed.json")
	b.sees(t, ".verdict[data-outcome=holds]", "C’est une déclaration authentique")
	if wide := portaltest.Read(b.Browser, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > innerWidth")); wide {
		t.Error("the page is wider than a phone")
	}
	b.Screenshot("verify phone")
	b.Dark(true)
	b.Screenshot("verify phone dark")
	b.Resize(portaltest.Desktop)
	b.Screenshot("verify dark")
	evaluate("document.documentElement.dir = 'rtl'")
	b.Screenshot("verify rtl dark")
	b.Dark(false)

	// Without scripts, the ways that need none.
	b.WithoutJavaScript()
	b.Do(chromedp.Navigate(b.p.url + "/en/verify"))
	b.sees(t, "#by-hand-verify", "gpg --verify en.txt")
	b.sees(t, "noscript", "The programs below do the same")
	b.Screenshot("verify without scripts")
	for _, problem := range b.Problems() {
		if !strings.Contains(problem, "404") { // a statement that isn't published, and what the lies took away
			t.Errorf("the browser complains: %s", problem)
		}
	}
}

func quoted(text string) string {
	q, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(q)
}
