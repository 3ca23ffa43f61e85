package client

import (
	"context"
	"net/http"
	"net/url"

	"valise/crypto"
	"valise/portal/api"
)

// SaveNoticeDraft saves a revision of a notice's draft; ceremony.SaveNoticeDraft makes it.
func (c *Client) SaveNoticeDraft(ctx context.Context, draft crypto.Number, s api.SaveNoticeDraft) (api.SavedNoticeDraft, error) {
	return ask[api.SavedNoticeDraft](ctx, c, call{method: http.MethodPut, path: "/staff/notice-drafts/" + url.PathEscape(string(draft)), body: s, maxRequest: api.MaxNoticeDraftRequest})
}
