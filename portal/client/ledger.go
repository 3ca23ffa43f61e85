package client

import (
	"context"
	"net/http"
)

// LedgerFile fetches one of the ledger's files, of at most so many bytes: "checkpoint", or the path of a tile. It is verified by who asked.
func (c *Client) LedgerFile(ctx context.Context, path string, limit int64) (file []byte, err error) {
	err = c.ask(ctx, call{method: http.MethodGet, root: "/ledger", path: "/" + path, maxAnswer: limit, repeatable: true}, &file)
	return file, err
}
