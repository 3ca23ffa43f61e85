package client

import (
	"context"
	"net/http"
	"net/url"

	"valise/crypto"
	"valise/portal/api"
)

// Address fetches where a representative gets e-mail, sealed; crypto.Root.OpenAddress opens it.
func (c *Client) Address(ctx context.Context, of crypto.Representative) (api.Address, error) {
	return get[api.Address](ctx, c, "/addresses/"+pathOf(of), 0)
}

// SetAddress hands in where a representative gets e-mail.
func (c *Client) SetAddress(ctx context.Context, of crypto.Representative, a api.SetAddress) error {
	return c.ask(ctx, call{method: http.MethodPut, path: "/addresses/" + pathOf(of), body: a, maxRequest: api.MaxAddressRequest}, nil)
}

// RemoveAddress has the portal forget it.
func (c *Client) RemoveAddress(ctx context.Context, of crypto.Representative) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/addresses/" + pathOf(of) + "/remove", body: struct{}{}}, nil)
}

// Outbox fetches what goes by e-mail: of a notice ("": of all), in one state ("": in any).
func (c *Client) Outbox(ctx context.Context, n crypto.Number, state string) ([]api.Mail, error) {
	return get[[]api.Mail](ctx, c, "/staff/outbox?"+url.Values{"notice": {string(n)}, "state": {state}}.Encode(), 0)
}

// RetryOutbox has what could not be sent tried again.
func (c *Client) RetryOutbox(ctx context.Context, n crypto.Number, of crypto.Representative) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/staff/outbox/" + url.PathEscape(string(n)) + "/" + pathOf(of) + "/retry", body: struct{}{}}, nil)
}
