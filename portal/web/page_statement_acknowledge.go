package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/publish"
)

// A statement in the mailbox, which asks to be acknowledged. What it says, the script fetches and verifies; who has no scripts reads it where everybody does.

// mailboxStatementPath is where it stands.
func mailboxStatementPath(n crypto.Number, rest string) string {
	return "/mailbox/statements/" + string(n) + rest
}

type mailboxStatementPage struct {
	noticeLine
	Version     int
	Acknowledge bool // is asked for
	Overdue     bool
	Own         bool
	Receipt     string
	ReceiptBy   string // sentence
	Me          string // whose page it is, as in paths
	Signer      string // whose certificate verifies the receipt, as in paths
	Public      string // address where everybody reads it
	Earlier     []earlierReceipt
	Files       receiptFiles
}

// earlierReceipt is that of a version that was replaced.
type earlierReceipt struct {
	Version  int
	Sentence string
	Address  string
}

// getMailboxStatementPage shows a statement as far as everybody knows it, and what the mailbox has said to it. It fetches nothing: the script does.
func (s *server) getMailboxStatementPage(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	m, versions, err := s.Publish.Peek(r.Context(), actor, n)
	if err != nil {
		return err
	}
	me, err := s.Registry.Me(r.Context(), actor)
	if err != nil {
		return err
	}
	l := s.pages.languages.pick(w, r, s.pages.secure)
	page := mailboxStatementPage{
		noticeLine: s.statementLine(m, l), Version: m.Version, Acknowledge: m.Asks, Own: me.Profile == crypto.ProfileOwn, Me: fileOf(me.Representative), Files: statementFiles(n, m.Version),
	}
	page.Overdue, page.Signer = page.State == "overdue", page.Me
	page.Public = statementAddress(n, page.Statement.Language)
	if page.Deadline != nil {
		if page.Deadline, err = signedDeadline(versions[len(versions)-1]); err != nil {
			return err
		}
	}
	for _, a := range m.Acknowledgements {
		sentence, err := receiptSentence(l, a.Decision, a.Representative, a.ReceivedAt)
		if err != nil {
			return err
		}
		if a.Version != m.Version {
			page.Earlier = append(page.Earlier, earlierReceipt{a.Version, sentence, statementFiles(n, a.Version).Receipt})
			continue
		}
		kept, err := s.Publish.StatementReceipt(r.Context(), actor, n, a.Version, me.Representative.Mailbox)
		if err != nil {
			return err
		}
		page.Receipt, page.ReceiptBy, page.Signer = string(kept.Receipt), sentence, fileOf(a.Representative)
	}
	return s.pages.render(w, r, http.StatusOK, "mailbox_statement", page)
}

func statementFiles(n crypto.Number, version int) receiptFiles {
	return receiptFiles{
		About: "statement", Receipt: fmt.Sprintf("%s%s?version=%d", api.Root, mailboxStatementPath(n, "/acknowledgement"), version),
		Proof: fmt.Sprintf("%s%s?version=%d", api.Root, mailboxStatementPath(n, "/acknowledgement/proof"), version), Name: fmt.Sprintf("%s-%d-acknowledgement", n, version),
		Manifest: statementAddress(n, strconv.Itoa(version), "manifest.txt"), ManifestName: "manifest.txt", ManifestCommand: "sha256sum manifest.txt",
	}
}

// signedDeadline is the deadline at the offset from UTC that was signed.
func signedDeadline(v publish.Version) (*time.Time, error) {
	m, err := manifestOf(v)
	if err != nil {
		return nil, err
	}
	return &m.Deadline, nil
}

func manifestOf(v publish.Version) (*crypto.StatementManifest, error) {
	_, m, err := readVersion(v)
	return m, err
}

// readVersion reads what was published. That it can't be read is our fault.
func readVersion(v publish.Version) (crypto.SignedStatement, *crypto.StatementManifest, error) {
	signed, err := crypto.ParseSignedStatement(v.Signed)
	if err != nil {
		return signed, nil, fmt.Errorf("a published statement: %w", err)
	}
	m, err := crypto.ParseStatementManifest(signed.Manifest)
	if err != nil {
		return signed, nil, fmt.Errorf("a published statement: %w", err)
	}
	return signed, m, nil
}

// statementAcknowledgePage is the way to acknowledge with a text that one signs oneself.
type statementAcknowledgePage struct {
	Number    crypto.Number
	Statement titleLine
	Version   int
	Download  string // address: fetches the statement from the mailbox
	Text      string // to sign; "" until this session has fetched the newest version
	Signed    string // as it was pasted
	Problem   string
}

// Action is where the signed text goes.
func (p statementAcknowledgePage) Action() string {
	return mailboxStatementPath(p.Number, "/acknowledge")
}

func (s *server) getStatementAcknowledge(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	return s.showStatementAcknowledge(w, r, statementAcknowledgePage{Number: n}, http.StatusOK)
}

// showStatementAcknowledge fills in the text.
func (s *server) showStatementAcknowledge(w http.ResponseWriter, r *http.Request, page statementAcknowledgePage, status int) error {
	visit := visitOf(r)
	m, versions, err := s.Publish.Peek(r.Context(), visit.actor, page.Number)
	if err != nil {
		return err
	}
	if !m.Awaiting() {
		http.Redirect(w, r, mailboxStatementPath(page.Number, ""), http.StatusSeeOther)
		return nil
	}
	line := s.statementLine(m, s.pages.languages.pick(w, r, s.pages.secure))
	page.Statement, page.Version = *line.Statement, m.Version
	page.Download = api.Root + mailboxStatementPath(page.Number, "/text.asc?language="+line.Statement.Language)
	if fetched := visit.session.Statements[page.Number]; fetched.Version == m.Version {
		if page.Text, err = s.statementReceiptForm(r, page.Number, versions[len(versions)-1], fetched.Nonce); err != nil {
			return err
		}
	}
	return s.pages.render(w, r, status, "statement_acknowledge", page)
}

func (s *server) statementReceiptForm(r *http.Request, n crypto.Number, v publish.Version, nonce string) (string, error) {
	me, err := s.Registry.Me(r.Context(), visitOf(r).actor)
	if err != nil {
		return "", err
	}
	current, err := wireMe(me)
	if err != nil {
		return "", err
	}
	text, err := (&crypto.StatementAcknowledgement{
		Institution: s.Root.Fingerprint(), Statement: n, Version: v.Version, ManifestSHA256: v.ManifestSHA256, Representative: me.Representative, Certificate: current.Fingerprint,
		Decision: crypto.DecisionAcknowledged, Time: wireTime(s.Now()), SessionNonce: nonce,
	}).Encode()
	return string(text), err
}

// postStatementAcknowledge takes the signed text, as POST /api/v1/mailbox/statements/{statement}/acknowledgement does.
func (s *server) postStatementAcknowledge(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	return s.handIn(w, r, mailboxStatementPath(n, ""), func(signed []byte) error {
		_, _, err := s.acknowledgeStatement(r, n, signed)
		return err
	}, func(signed, problem string, status int) error {
		return s.showStatementAcknowledge(w, r, statementAcknowledgePage{Number: n, Signed: signed, Problem: problem}, status)
	})
}
