package client

import (
	"context"
	"net/url"

	"valise/portal/api"
)

// maxAuditPage is the size in bytes of the largest page of the trail: a thousand entries.
const maxAuditPage = 1 << 20

// AuditTrail fetches a page of the trail; q are the parameters of GET /staff/audit.
func (c *Client) AuditTrail(ctx context.Context, q url.Values) (api.AuditTrail, error) {
	path := "/staff/audit"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return get[api.AuditTrail](ctx, c, path, maxAuditPage)
}
