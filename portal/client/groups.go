package client

import (
	"context"
	"net/http"
	"net/url"

	"valise/crypto"
	"valise/portal/api"
)

// Groups fetches the newest revision of every group; ceremony.ReadGroups opens them.
func (c *Client) Groups(ctx context.Context) ([]api.Group, error) {
	return get[[]api.Group](ctx, c, "/groups", maxMailboxList)
}

// GroupRevisions fetches all revisions of a group.
func (c *Client) GroupRevisions(ctx context.Context, n crypto.Number) ([]api.Group, error) {
	return get[[]api.Group](ctx, c, "/groups/"+url.PathEscape(string(n)), maxMailboxList)
}

// SaveGroup hands in a group's next revision.
func (c *Client) SaveGroup(ctx context.Context, n crypto.Number, g api.SaveGroup) error {
	return c.ask(ctx, call{method: http.MethodPut, path: "/groups/" + url.PathEscape(string(n)), body: g, maxRequest: api.MaxGroupRequest}, nil)
}
