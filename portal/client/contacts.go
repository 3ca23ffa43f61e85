package client

import (
	"context"
	"net/http"

	"valise/crypto"
	"valise/portal/api"
)

// RecordContact hands in a contact outside the portal. The same again changes nothing.
func (c *Client) RecordContact(ctx context.Context, number crypto.Number, r api.RecordContact) (api.RecordedContact, error) {
	return ask[api.RecordedContact](ctx, c, call{method: http.MethodPost, path: staffNoticePath(number, "/contacts"), body: r, maxRequest: api.MaxKeyRequest, repeatable: true})
}

// Contacts lists the contacts of a notice, newest first.
func (c *Client) Contacts(ctx context.Context, number crypto.Number) ([]api.Contact, error) {
	return get[[]api.Contact](ctx, c, staffNoticePath(number, "/contacts"), maxNoticeList)
}

// Remind reminds mailboxes on the portal. Who was reminded within the hour isn't again, so it can be repeated.
func (c *Client) Remind(ctx context.Context, number crypto.Number, r api.Remind) (api.Reminded, error) {
	return ask[api.Reminded](ctx, c, call{method: http.MethodPost, path: staffNoticePath(number, "/reminders"), body: r})
}
