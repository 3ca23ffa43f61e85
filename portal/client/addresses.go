package client

import (
	"context"
	"net/http"

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
