package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/publish"
)

// ------------------------------------------------------------------ anyone

// publicCache lets any cache carry what is public: what is newly published is seen after a quarter of a minute, and while the
// portal can't be reached, caches go on showing what they have for a day.
const publicCache = "public, max-age=15, stale-while-revalidate=60, stale-if-error=86400"

// writePublic answers with something that anyone may see and keep, or says that whoever asks has it already.
func writePublic(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:16])
	h := w.Header()
	h.Set("Cache-Control", publicCache)
	h.Set("ETag", `"`+tag+`"`)
	if etagMatches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeBytes(w, http.StatusOK, contentType, body)
}

func writePublicJSON(w http.ResponseWriter, r *http.Request, answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	writePublic(w, r, "application/json", body)
	return nil
}

// getStatements gives a page of the archive.
func (s *server) getStatements(w http.ResponseWriter, r *http.Request) error {
	q, err := archiveQuery(r.URL.Query())
	if err != nil {
		return err
	}
	entries, next, err := s.Publish.Archive(r.Context(), q)
	if err != nil {
		return err
	}
	archive := api.Archive{Statements: make([]api.ArchiveLine, len(entries)), Next: int64(next)}
	for i, e := range entries {
		archive.Statements[i] = wireArchiveLine(e)
	}
	return writePublicJSON(w, r, archive)
}

// maxSearch is how many characters somebody may search for.
const maxSearch = 200

func archiveQuery(v url.Values) (q publish.Query, err error) {
	text := v.Get("q")
	if utf8.RuneCountInString(text) > maxSearch || !utf8.ValidString(text) {
		return q, portal.Errorf(portal.Invalid, "invalid-query", "Search for at most %d characters.", maxSearch)
	}
	q = publish.Query{Language: v.Get("language"), Topic: v.Get("topic"), Words: publish.QueryWords(text)}
	if text != "" && len(q.Words) == 0 {
		return q, portal.Errorf(portal.Invalid, "invalid-query", "There is no word in what you search for. Search for words or numbers.")
	}
	if series := v.Get("series"); series != "" {
		if q.Series, err = parseStatement(series); err != nil {
			return q, err
		}
	}
	if q.From, err = archiveTime(v.Get("from"), 0); err != nil {
		return q, err
	}
	if q.To, err = archiveTime(v.Get("to"), 1); err != nil {
		return q, err
	}
	before, err := archiveNumber(v.Get("before"))
	if err != nil {
		return q, err
	}
	limit, err := archiveNumber(v.Get("limit"))
	q.Before, q.Limit = publish.Place(before), int(min(limit, publish.MaxPage+1))
	return q, err
}

// archiveTime reads a time, or a date, to whose beginning days are added.
func archiveTime(text string, days int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, days), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, portal.Errorf(portal.Invalid, "invalid-date", "%.40q is neither a date, such as 2026-01-31, nor a time, such as 2026-01-31T17:00:00Z.", text)
	}
	return t, nil
}

func archiveNumber(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, portal.Errorf(portal.Invalid, "invalid-page", "%.40q is no page of the archive. Start from the first one.", text)
	}
	return n, nil
}

func wireArchiveLine(e publish.Entry) api.ArchiveLine {
	line := api.ArchiveLine{
		Statement: e.Statement, Version: e.Version, Kind: e.Kind, Topic: e.Topic, Series: e.Series,
		FirstPublished: wireTime(e.FirstAt), Published: wireTime(e.PublishedAt), Titles: make([]api.StatementTitle, len(e.Titles)),
	}
	for i, t := range e.Titles {
		line.Titles[i] = api.StatementTitle(t)
	}
	return line
}

// getStatement gives all versions of one statement, with all signatures.
func (s *server) getStatement(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	versions, err := s.Publish.Statement(r.Context(), n)
	if err != nil {
		return err
	}
	statement := api.Statement{Statement: n, Versions: make([]api.StatementVersion, len(versions))}
	for i, v := range versions {
		statement.Versions[i] = api.StatementVersion{
			Version: v.Version, Kind: v.Kind, ManifestSHA256: v.ManifestSHA256, Published: wireTime(v.PublishedAt), Signed: string(v.Signed),
		}
	}
	return writePublicJSON(w, r, statement)
}

func pathStatement(r *http.Request) (crypto.Number, error) {
	return parseStatement(r.PathValue("statement"))
}

func parseStatement(text string) (crypto.Number, error) {
	n, err := crypto.ParseNumber(text)
	if err != nil {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no statement's number: %v.", err)
	}
	if n.Kind() != crypto.KindStatement {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no statement's number; a statement's starts with P.")
	}
	return n, nil
}

// ------------------------------------------------------------------ staff

func (s *server) getStaffStatements(w http.ResponseWriter, r *http.Request) error {
	works, err := s.Publish.Drafts(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	lines := make([]api.StatementWork, len(works))
	for i, work := range works {
		lines[i] = wireStatementWork(work)
	}
	return writeJSON(w, http.StatusOK, lines)
}

func wireStatementWork(w publish.Work) api.StatementWork {
	return api.StatementWork{
		Statement: w.Statement, State: api.StatementState(w.State), Revision: w.Revision, Draft: w.Draft, Saved: wireTime(w.SavedAt), SavedBy: w.SavedBy,
		Submission: w.SubmissionSHA256, Sealed: w.Submission, Submitted: wireTimeOrNull(w.SubmittedAt), SubmittedBy: w.SubmittedBy,
		Approved: wireTimeOrNull(w.ApprovedAt), ApprovedBy: w.ApprovedBy, Checked: wireTimeOrNull(w.CheckedAt),
		Reason: w.Reason, Returned: wireTimeOrNull(w.ReturnedAt), ReturnedBy: w.ReturnedBy,
	}
}

// aboutStatement reads the number in the path and the request, if there is to be one.
func aboutStatement(w http.ResponseWriter, r *http.Request, request any) (crypto.Number, error) {
	n, err := pathStatement(r)
	if err == nil && request != nil {
		err = decode(w, r, request)
	}
	return n, err
}

func (s *server) getStaffStatement(w http.ResponseWriter, r *http.Request) error {
	n, err := aboutStatement(w, r, nil)
	if err != nil {
		return err
	}
	work, err := s.Publish.Work(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireStatementWork(work))
}

// putStatementDraft keeps a draft; what it confirms is on disk.
func (s *server) putStatementDraft(w http.ResponseWriter, r *http.Request) error {
	var request api.SaveStatement
	n, err := aboutStatement(w, r, &request)
	if err != nil {
		return err
	}
	saved, err := s.Publish.Save(r.Context(), visitOf(r).actor, n, request.Revision, request.Draft, request.Attachments...)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.SavedStatement{Revision: request.Revision, Saved: wireTime(saved)})
}

func (s *server) postStatementDiscard(w http.ResponseWriter, r *http.Request) error {
	var request api.DiscardStatement
	n, err := aboutStatement(w, r, &request)
	if err != nil {
		return err
	}
	if err := s.Publish.Discard(r.Context(), visitOf(r).actor, n, request.Revision); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) postStatementSubmission(w http.ResponseWriter, r *http.Request) error {
	var request api.SubmitStatement
	n, err := aboutStatement(w, r, &request)
	if err != nil {
		return err
	}
	submission, err := s.Publish.Submit(r.Context(), visitOf(r).actor, n, request.Revision, request.Sealed)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, api.SubmittedStatement{Submission: submission})
}

// postStatementApproval publishes what is due, and keeps what is not for the notaries.
func (s *server) postStatementApproval(w http.ResponseWriter, r *http.Request) error {
	var request api.ApproveStatement
	n, err := aboutStatement(w, r, &request)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	switch {
	case (request.Signed == "") == (len(request.Sealed) == 0):
		return portal.Errorf(portal.Invalid, "invalid-approval", "Send either the signed statement, when it is due, or the statement sealed to the notaries.")
	case request.Signed == "" && len(request.Files) > 0 || request.Signed != "" && len(request.Attachments) > 0:
		return portal.Errorf(portal.Invalid, "invalid-approval", "Send files with the signed statement only, and upload them sealed, and name them, with the sealed one.")
	case request.Signed == "":
		if err := s.Publish.Schedule(r.Context(), actor, n, request.Submission, request.Sealed, request.Attachments...); err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, api.ApprovedStatement{State: api.StatementApproved})
	}
	v, err := s.Publish.Approve(r.Context(), actor, n, request.Submission, []byte(request.Signed), request.Files...)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.ApprovedStatement{State: api.StatementPublished, Version: v.Version, Published: wireTimeOrNull(v.PublishedAt)})
}

func (s *server) postStatementReturn(w http.ResponseWriter, r *http.Request) error {
	var request api.ReturnStatement
	n, err := aboutStatement(w, r, &request)
	if err != nil {
		return err
	}
	if err := s.Publish.Return(r.Context(), visitOf(r).actor, n, request.Submission, request.Reason); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) postStatementCancel(w http.ResponseWriter, r *http.Request) error {
	var request api.CancelStatement
	n, err := aboutStatement(w, r, &request)
	if err != nil {
		return err
	}
	if err := s.Publish.Cancel(r.Context(), visitOf(r).actor, n, request.Submission); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
