package client

import (
	"context"
	"net/http"
	"net/url"

	"valise/crypto"
	"valise/portal/api"
)

// DeskKeys fetches the desk's certificates for mail programs, with the records of their keys for who asks; ceremony.ReadDeskKeys opens them.
func (c *Client) DeskKeys(ctx context.Context) (api.DeskKeys, error) {
	return get[api.DeskKeys](ctx, c, "/staff/desk-keys", 0)
}

// ShareDeskKey hands in records of such a key for members of the desk.
func (c *Client) ShareDeskKey(ctx context.Context, of crypto.Fingerprint, shares *api.ShareDeskKey) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/staff/desk-keys/" + url.PathEscape(string(of)) + "/shares", body: shares, maxRequest: api.MaxDeskKeyRequest, repeatable: true}, nil)
}
