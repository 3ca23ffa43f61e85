package client

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"valise/crypto"
	"valise/portal/api"
)

// MaxBundle is the size in bytes of the largest evidence bundle that is fetched: that of the largest audience.
const MaxBundle = 2 << 30

// Bundle fetches the evidence bundle of a released notice as it is packed. What was written to w after an error is not whole; evidence.Verify says
// whether it holds.
func (c *Client) Bundle(ctx context.Context, number crypto.Number, w io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.origin+api.Root+staffNoticePath(number, "/bundle"), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/zip, application/json;q=0.9")
	request.Header.Set("User-Agent", "valise")
	patient := *c.http // its time limit is one for answers that are there at once
	patient.Timeout = 0
	answer, err := patient.Do(request)
	if err != nil {
		return c.unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return c.refusal(answer)
	}
	n, err := io.Copy(w, io.LimitReader(answer.Body, MaxBundle+1))
	switch {
	case err != nil:
		return fmt.Errorf("the bundle didn't arrive whole, so nothing was written; try again: %w", err)
	case n > MaxBundle:
		return fmt.Errorf("the portal's answer has more than %.0f MiB, which can't be right", mib(MaxBundle))
	}
	return nil
}
