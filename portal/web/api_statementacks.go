package web

import (
	"fmt"
	"net/http"
	"strconv"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/publish"
	"valise/portal/session"
)

// This file is about statements that stand in mailboxes. What they say is public; who was asked, has fetched and acknowledged them is not.

// queryVersion reads "version"; 0 when there is none.
func queryVersion(r *http.Request) (int, error) {
	text := r.URL.Query().Get("version")
	if text == "" {
		return 0, nil
	}
	version, err := strconv.Atoi(text)
	if err != nil || version < 1 || strconv.Itoa(version) != text {
		return 0, portal.Errorf(portal.Invalid, "invalid-version", "Versions of a statement are counted from 1.")
	}
	return version, nil
}

// getMailboxStatements lists them. Listing is not fetching.
func (s *server) getMailboxStatements(w http.ResponseWriter, r *http.Request) error {
	statements, err := s.Publish.Mailbox(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	lines := make([]api.MailboxStatement, len(statements))
	for i, m := range statements {
		lines[i] = s.wireMailboxStatement(m)
	}
	return writeJSON(w, http.StatusOK, lines)
}

func (s *server) wireMailboxStatement(m publish.MailboxStatement) api.MailboxStatement {
	line := api.MailboxStatement{
		Statement: m.Statement, Version: m.Version, Kind: m.Kind, Topic: m.Topic, Titles: wireTitles(m.Titles), Published: wireTime(m.PublishedAt), Asks: m.Asks,
		Deadline: wireTimeOrNull(m.Deadline), Overdue: m.Overdue(s.Now()), Fetched: wireTimeOrNull(m.FetchedAt), Acknowledgements: make([]api.StatementAcknowledgement, len(m.Acknowledgements)),
	}
	for i, a := range m.Acknowledgements {
		line.Acknowledgements[i] = api.StatementAcknowledgement{Version: a.Version, Acknowledgement: api.Acknowledgement{
			Representative: a.Representative.String(), Certificate: a.Certificate, Decision: a.Decision, Received: wireTime(a.ReceivedAt),
		}}
	}
	return line
}

func wireTitles(titles []publish.Title) []api.StatementTitle {
	wire := make([]api.StatementTitle, len(titles))
	for i, t := range titles {
		wire[i] = api.StatementTitle(t)
	}
	return wire
}

func wireVersions(versions []publish.Version) []api.StatementVersion {
	wire := make([]api.StatementVersion, len(versions))
	for i, v := range versions {
		wire[i] = api.StatementVersion{Version: v.Version, Kind: v.Kind, ManifestSHA256: v.ManifestSHA256, Published: wireTime(v.PublishedAt), Signed: string(v.Signed)}
	}
	return wire
}

// getMailboxStatement fetches a statement from the mailbox, with the nonce that the acknowledgement must carry.
func (s *server) getMailboxStatement(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		return s.headMailboxStatement(w, r, n, "application/json")
	}
	m, versions, nonce, err := s.fetchStatement(w, r, n)
	if err != nil {
		return err
	}
	answer := s.wireMailboxStatement(m)
	answer.Versions, answer.Nonce = wireVersions(versions), nonce
	return writeJSON(w, http.StatusOK, answer)
}

// getMailboxStatementText is getMailboxStatement for other OpenPGP programs: one text of the newest version, clear-signed by both.
func (s *server) getMailboxStatementText(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	const contentType = "text/plain; charset=utf-8"
	if r.Method == http.MethodHead {
		return s.headMailboxStatement(w, r, n, contentType)
	}
	_, versions, _, err := s.fetchStatement(w, r, n)
	if err != nil {
		return err
	}
	signed, m, err := readVersion(versions[len(versions)-1])
	if err != nil {
		return err
	}
	at := 0
	for i, tag := range m.Languages() {
		if tag == r.URL.Query().Get("language") {
			at = i
		}
	}
	text, err := signed.Texts[at].ClearSigned()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(n)+`.txt"`)
	writeBytes(w, http.StatusOK, contentType, text)
	return nil
}

// headMailboxStatement answers HEAD, which fetches nothing.
func (s *server) headMailboxStatement(w http.ResponseWriter, r *http.Request, n crypto.Number, contentType string) error {
	if _, _, err := s.Publish.Peek(r.Context(), visitOf(r).actor, n); err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	return nil
}

// fetchStatement marks a statement as fetched by the mailbox, and the session remembers that it fetched this version.
func (s *server) fetchStatement(w http.ResponseWriter, r *http.Request, n crypto.Number) (publish.MailboxStatement, []publish.Version, string, error) {
	m, versions, err := s.Publish.Fetch(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return m, nil, "", err
	}
	nonce, err := s.fetchedVersion(w, r, n, m.Version)
	return m, versions, nonce, err
}

// fetchedVersion returns the nonce for acknowledging a version in this session: the one that it has, or a new one.
func (s *server) fetchedVersion(w http.ResponseWriter, r *http.Request, n crypto.Number, version int) (string, error) {
	if known := visitOf(r).session.Statements[n]; known.Version == version {
		return known.Nonce, nil
	}
	fresh := session.FetchedStatement{Version: version, Nonce: crypto.NewNonce()}
	state, err := s.Sessions.Update(w, r, func(state *session.State) {
		if state.Statements[n].Version == version { // another request of this session was faster
			return
		}
		if state.Statements == nil {
			state.Statements = make(map[crypto.Number]session.FetchedStatement)
		}
		state.Statements[n] = fresh
	})
	if err != nil {
		return "", err
	}
	return state.Statements[n].Nonce, nil
}

// postStatementAcknowledgement keeps a receipt; what it confirms is on disk.
func (s *server) postStatementAcknowledgement(w http.ResponseWriter, r *http.Request) error {
	var request api.Receipt
	n, err := aboutStatement(w, r, &request)
	if err != nil {
		return err
	}
	kept, created, err := s.acknowledgeStatement(r, n, []byte(request.Receipt))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return writeJSON(w, status, api.ReceivedReceipt{Received: wireTime(kept.ReceivedAt), Receipt: string(kept.Receipt)})
}

// acknowledgeStatement hands a receipt to publish with what this session has fetched. A session that fetched nothing may only repeat what was kept before.
func (s *server) acknowledgeStatement(r *http.Request, n crypto.Number, receipt []byte) (portal.StatementAcknowledgement, bool, error) {
	v := visitOf(r)
	return s.Publish.Acknowledge(r.Context(), v.actor, n, receipt, publish.Fetched(v.session.Statements[n]))
}

// getStatementAcknowledgement gives the mailbox's receipt, to the byte.
func (s *server) getStatementAcknowledgement(w http.ResponseWriter, r *http.Request) error {
	kept, err := s.statementReceipt(r, false)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+statementReceiptName(kept)+`.asc"`)
	writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", kept.Receipt)
	return nil
}

func statementReceiptName(a portal.StatementAcknowledgement) string {
	return fmt.Sprintf("%s-%d-acknowledgement", a.Statement, a.Version)
}

// statementReceipt returns the receipt that the path and the query name: of the visitor's own mailbox, or of the one in the path.
func (s *server) statementReceipt(r *http.Request, ofPath bool) (a portal.StatementAcknowledgement, err error) {
	n, err := pathStatement(r)
	if err != nil {
		return a, err
	}
	version, err := queryVersion(r)
	if err != nil {
		return a, err
	}
	actor := visitOf(r).actor
	person, _ := actor.Representative()
	mailbox := person.Mailbox
	if ofPath {
		if mailbox, err = pathMailbox(r); err != nil {
			return a, err
		}
	}
	return s.Publish.StatementReceipt(r.Context(), actor, n, version, mailbox)
}

func (s *server) getStatementAcknowledgementProof(w http.ResponseWriter, r *http.Request) error {
	return s.writeStatementReceiptProof(w, r, false)
}

func (s *server) writeStatementReceiptProof(w http.ResponseWriter, r *http.Request, ofPath bool) error {
	kept, err := s.statementReceipt(r, ofPath)
	if err != nil {
		return err
	}
	proof, err := s.Ledger.StatementReceiptProof(r.Context(), kept)
	if err != nil {
		return err
	}
	return writeProof(w, statementReceiptName(kept), proof)
}

// statementEvidence is the answer of POST /evidence for the receipt of a statement.
func (s *server) statementEvidence(r *http.Request, receipt []byte) (api.Evidence, error) {
	e, err := s.Publish.Evidence(r.Context(), receipt)
	if err != nil {
		return api.Evidence{}, err
	}
	proof, err := s.Ledger.StatementReceiptProof(r.Context(), e.Kept)
	if err != nil && portal.KindOf(err) != portal.NotFound {
		return api.Evidence{}, err
	}
	return api.Evidence{
		Statement: &api.Statement{Statement: e.Kept.Statement, Versions: wireVersions(e.Versions)}, Chain: wireChain(e.Chain), Received: wireTime(e.Kept.ReceivedAt), LedgerProof: string(proof),
	}, nil
}

// ------------------------------------------------------------------ staff

func (s *server) statementStatus(r *http.Request) (*publish.Acknowledgements, error) {
	n, err := pathStatement(r)
	if err != nil {
		return nil, err
	}
	version, err := queryVersion(r)
	if err != nil {
		return nil, err
	}
	return s.Publish.Acknowledgements(r.Context(), visitOf(r).actor, n, version)
}

// getStatementStatus tells who has acknowledged a statement.
func (s *server) getStatementStatus(w http.ResponseWriter, r *http.Request) error {
	a, err := s.statementStatus(r)
	if err != nil {
		return err
	}
	status := api.StatementStatus{
		Statement: a.Statement, Version: a.Version, Asking: a.Asking, Newest: a.Newest, Kind: a.Kind, Titles: wireTitles(a.Titles), Published: wireTime(a.PublishedAt),
		Deadline: wireTimeOrNull(a.Deadline), Mailboxes: make([]api.StatementMailboxLine, len(a.Mailboxes)),
	}
	for _, c := range a.Counts() {
		status.Kinds = append(status.Kinds, api.StatementKindStatus{
			Kind: string(rune(c.Kind)), Mailboxes: c.Mailboxes, Acknowledged: c.Acknowledged, Refused: c.Refused, Overdue: c.Overdue, Fetched: c.Fetched, Waiting: c.Waiting,
		})
	}
	for i, m := range a.Mailboxes {
		line := api.StatementMailboxLine{Mailbox: m.Mailbox, Fetched: wireTimeOrNull(m.FetchedAt), Overdue: a.Overdue(m)}
		if k := m.Acknowledgement; k != nil {
			line.Acknowledged, line.By, line.Decision = wireTimeOrNull(k.ReceivedAt), k.Representative.String(), k.Decision
		}
		status.Mailboxes[i] = line
	}
	return writeJSON(w, http.StatusOK, status)
}

func (s *server) getStaffStatementAcknowledgement(w http.ResponseWriter, r *http.Request) error {
	kept, err := s.statementReceipt(r, true)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+statementReceiptName(kept)+`.asc"`)
	writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", kept.Receipt)
	return nil
}

func (s *server) getStaffStatementAcknowledgementProof(w http.ResponseWriter, r *http.Request) error {
	return s.writeStatementReceiptProof(w, r, true)
}
