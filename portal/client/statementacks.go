package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"valise/crypto"
	"valise/portal/api"
)

func mailboxStatementPath(n crypto.Number, rest string) string {
	return "/mailbox" + statementPath(n) + rest
}

// ofVersion asks for a version; 0 for none in particular.
func ofVersion(version int) string {
	if version == 0 {
		return ""
	}
	return "?version=" + strconv.Itoa(version)
}

// MailboxStatements lists the statements that stand in the mailbox. That fetches none of them.
func (c *Client) MailboxStatements(ctx context.Context) ([]api.MailboxStatement, error) {
	return get[[]api.MailboxStatement](ctx, c, "/mailbox/statements", maxNoticeList)
}

// StatementAsListed fetches the versions of a listed statement from where everybody reads them, which marks nothing as fetched. The version in the address keeps a cache from
// answering with an older one.
func (c *Client) StatementAsListed(ctx context.Context, s api.MailboxStatement) (api.Statement, error) {
	return get[api.Statement](ctx, c, statementPath(s.Statement)+"?newest="+strconv.Itoa(s.Version), maxStatement)
}

// MailboxStatement fetches one with all its versions, for acknowledging it; ceremony.ReadMailboxStatement verifies it.
func (c *Client) MailboxStatement(ctx context.Context, n crypto.Number) (api.MailboxStatement, error) {
	return get[api.MailboxStatement](ctx, c, mailboxStatementPath(n, ""), maxStatement)
}

// AcknowledgeStatement hands in a receipt. The same one again is the same acknowledgement.
func (c *Client) AcknowledgeStatement(ctx context.Context, n crypto.Number, r api.Receipt) (api.ReceivedReceipt, error) {
	return ask[api.ReceivedReceipt](ctx, c, call{method: http.MethodPost, path: mailboxStatementPath(n, "/acknowledgement"), body: r, repeatable: true})
}

// StatementReceipt fetches the mailbox's receipt of a version, to the byte; version 0 is the newest that it has acknowledged.
func (c *Client) StatementReceipt(ctx context.Context, n crypto.Number, version int) ([]byte, error) {
	return get[[]byte](ctx, c, mailboxStatementPath(n, "/acknowledgement")+ofVersion(version), 0)
}

// StatementStatus tells staff who has acknowledged a version; version 0 is the newest that asks.
func (c *Client) StatementStatus(ctx context.Context, n crypto.Number, version int) (api.StatementStatus, error) {
	return get[api.StatementStatus](ctx, c, workPath(n, "/acknowledgements")+ofVersion(version), maxNoticeList)
}

// StaffStatementReceipt fetches a mailbox's receipt of a version, to the byte.
func (c *Client) StaffStatementReceipt(ctx context.Context, n crypto.Number, version int, mailbox crypto.Number) ([]byte, error) {
	return get[[]byte](ctx, c, workPath(n, "/acknowledgements/"+url.PathEscape(strings.TrimSpace(string(mailbox))))+ofVersion(version), 0)
}
