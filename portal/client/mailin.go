package client

import (
	"context"
	"net/http"
	"net/url"

	"valise/portal/api"
)

// maxSealedMail is the size in bytes of the largest answer with a kept mail: 64 MiB in base 64, and room around it.
const maxSealedMail = 96 << 20

// MailIn fetches what came by e-mail and could not be dealt with, and how much came.
func (c *Client) MailIn(ctx context.Context) (api.MailIn, error) {
	return get[api.MailIn](ctx, c, "/staff/mail", 0)
}

// KeptMail fetches one of them, sealed.
func (c *Client) KeptMail(ctx context.Context, id string) (api.SealedMail, error) {
	return get[api.SealedMail](ctx, c, "/staff/mail/"+url.PathEscape(id), maxSealedMail)
}

// RemoveKeptMail removes one that was dealt with.
func (c *Client) RemoveKeptMail(ctx context.Context, id string) error {
	return c.ask(ctx, call{method: http.MethodDelete, path: "/staff/mail/" + url.PathEscape(id)}, nil)
}
