package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"valise/crypto"
	"valise/portal/api"
)

// Size caps of answers about statements, in bytes.
const (
	maxStatement     = 256 << 20 // dozens of versions of 8 MiB
	maxStatementWork = 32 << 20  // a draft and a submission, as base64
	maxStatementList = 256 << 20
)

func statementPath(n crypto.Number) string { return "/statements/" + url.PathEscape(string(n)) }

func workPath(n crypto.Number, rest string) string { return "/staff" + statementPath(n) + rest }

// Statements fetches a page of the archive. No session is needed.
func (c *Client) Statements(ctx context.Context, q api.StatementQuery) (api.Archive, error) {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("language", q.Language)
	set("topic", q.Topic)
	set("series", string(q.Series))
	set("q", q.Text)
	set("from", q.From)
	set("to", q.To)
	if q.Before != 0 {
		v.Set("before", strconv.FormatInt(q.Before, 10))
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	path := "/statements"
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	return get[api.Archive](ctx, c, path, maxAnswer)
}

// Statement fetches all versions of a published statement; ceremony.ReadStatement verifies them. No session is needed.
func (c *Client) Statement(ctx context.Context, n crypto.Number) (api.Statement, error) {
	return get[api.Statement](ctx, c, statementPath(n), maxStatement)
}

// StatementWorks fetches all statements that staff work on.
func (c *Client) StatementWorks(ctx context.Context) ([]api.StatementWork, error) {
	return get[[]api.StatementWork](ctx, c, "/staff/statements", maxStatementList)
}

// StatementWork fetches one of them, with what was submitted.
func (c *Client) StatementWork(ctx context.Context, n crypto.Number) (api.StatementWork, error) {
	return get[api.StatementWork](ctx, c, workPath(n, ""), maxStatementWork)
}

// SaveStatement saves a draft. The code "draft-changed" says that somebody else did so meanwhile.
func (c *Client) SaveStatement(ctx context.Context, n crypto.Number, s api.SaveStatement) (api.SavedStatement, error) {
	return ask[api.SavedStatement](ctx, c, call{method: http.MethodPut, path: workPath(n, "/draft"), body: s, maxRequest: api.MaxStatementRequest, repeatable: true})
}

// DiscardStatement forgets a draft.
func (c *Client) DiscardStatement(ctx context.Context, n crypto.Number, revision int) error {
	return c.ask(ctx, call{method: http.MethodPost, path: workPath(n, "/discard"), body: api.DiscardStatement{Revision: revision}}, nil)
}

// SubmitStatement hands in what its author signed.
func (c *Client) SubmitStatement(ctx context.Context, n crypto.Number, s api.SubmitStatement) (api.SubmittedStatement, error) {
	return ask[api.SubmittedStatement](ctx, c, call{method: http.MethodPost, path: workPath(n, "/submission"), body: s, maxRequest: api.MaxStatementRequest, repeatable: true})
}

// ApproveStatement hands in what its approver signed.
func (c *Client) ApproveStatement(ctx context.Context, n crypto.Number, a api.ApproveStatement) (api.ApprovedStatement, error) {
	return ask[api.ApprovedStatement](ctx, c, call{method: http.MethodPost, path: workPath(n, "/approval"), body: a, maxRequest: api.MaxStatementApproval, repeatable: true})
}

// ReturnStatement sends it back with a sealed reason.
func (c *Client) ReturnStatement(ctx context.Context, n crypto.Number, r api.ReturnStatement) error {
	return c.ask(ctx, call{method: http.MethodPost, path: workPath(n, "/return"), body: r}, nil)
}

// CancelStatement makes a draft again of what was submitted or approved.
func (c *Client) CancelStatement(ctx context.Context, n crypto.Number, submission string) error {
	return c.ask(ctx, call{method: http.MethodPost, path: workPath(n, "/cancel"), body: api.CancelStatement{Submission: submission}}, nil)
}

// Attach uploads a sealed file of a statement that staff work on; id is the SHA-256 digest of its octets.
func (c *Client) Attach(ctx context.Context, n crypto.Number, id string, sealed []byte) error {
	return c.ask(ctx, call{method: http.MethodPut, path: workPath(n, "/attachments/"+url.PathEscape(id)), octets: sealed, maxRequest: crypto.MaxSealedAttachment, repeatable: true}, nil)
}

// Attachment fetches a sealed file; ceremony.OpenAttachment opens it.
func (c *Client) Attachment(ctx context.Context, n crypto.Number, id string) ([]byte, error) {
	return get[[]byte](ctx, c, workPath(n, "/attachments/"+url.PathEscape(id)), crypto.MaxSealedAttachment)
}

// ErrOtherFile says that the portal gave another file than the one that was signed.
var ErrOtherFile = errors.New("it is not the file that was signed: it has been altered, or damaged on the way")

// StatementFile fetches an attachment of a published version, and compares it with what was signed. No session is needed.
func (c *Client) StatementFile(ctx context.Context, n crypto.Number, version int, a crypto.StatementAttachment) ([]byte, error) {
	path := "/" + strconv.Itoa(version) + "/files/" + url.PathEscape(a.Name)
	data, err := ask[[]byte](ctx, c, call{method: http.MethodGet, root: "/statements/" + url.PathEscape(string(n)), path: path, maxAnswer: crypto.MaxAttachmentsSize, repeatable: true})
	if err != nil {
		return nil, err
	}
	if got := crypto.AttachmentOf(a.Name, a.Type, data); got != a {
		return nil, fmt.Errorf("the attachment %s of %s, version %d: %w", a.Name, n, version, ErrOtherFile)
	}
	return data, nil
}
