package client

import (
	"context"
	"net/http"
	"strings"
)

// LedgerFile fetches one of the ledger's files, of at most so many bytes: "checkpoint", or the path of a tile. It is verified by who asked.
func (c *Client) LedgerFile(ctx context.Context, path string, limit int64) (file []byte, err error) {
	err = c.ask(ctx, call{method: http.MethodGet, root: "/ledger", path: "/" + path, maxAnswer: limit, repeatable: true}, &file)
	return file, err
}

// Public fetches something that anyone may have, by its whole path, of at most so many bytes. It is verified by who asked.
func (c *Client) Public(ctx context.Context, path string, limit int64) (body []byte, err error) {
	err = c.ask(ctx, call{method: http.MethodGet, root: "/", path: strings.TrimPrefix(path, "/"), maxAnswer: limit, repeatable: true}, &body)
	return body, err
}
