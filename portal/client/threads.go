package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// Size caps of answers about threads, in bytes.
const (
	maxThreads    = 64 << 20
	maxAddressees = 16 << 20
)

func threadPath(n crypto.Number, rest string) string {
	return "/threads/" + url.PathEscape(string(n)) + rest
}

// Threads fetches the threads of the mailbox, or of the desk: the open ones, or the closed ones.
func (c *Client) Threads(ctx context.Context, closed bool) (api.Threads, error) {
	path := "/threads"
	if closed {
		path += "?state=closed"
	}
	return get[api.Threads](ctx, c, path, maxThreads)
}

// Thread fetches a thread's messages without their bodies; ceremony.ReadThread verifies them.
func (c *Client) Thread(ctx context.Context, n crypto.Number) (api.ThreadDetail, error) {
	return get[api.ThreadDetail](ctx, c, threadPath(n, ""), maxThreads)
}

// ThreadMessage fetches one with its body; for the portal it is read from now on.
func (c *Client) ThreadMessage(ctx context.Context, n crypto.Number, id string) (api.ThreadMessage, error) {
	return get[api.ThreadMessage](ctx, c, threadPath(n, "/messages/"+url.PathEscape(id)), maxNotice)
}

// Addressees fetches those to whom a mailbox's messages are sealed.
func (c *Client) Addressees(ctx context.Context, mailbox crypto.Number) (api.Addressees, error) {
	return get[api.Addressees](ctx, c, "/addressees/"+url.PathEscape(string(mailbox)), maxAddressees)
}

// PostMessage hands in a reply or an answer.
func (c *Client) PostMessage(ctx context.Context, thread crypto.Number, m *api.NewMessage) (api.ReceivedMessage, error) {
	return ask[api.ReceivedMessage](ctx, c, call{method: http.MethodPost, path: threadPath(thread, "/messages"), body: m, maxRequest: api.MaxNoticeRequest, repeatable: true})
}

// AssignThread gives a thread to a member of the desk, or with "" to nobody.
func (c *Client) AssignThread(ctx context.Context, n crypto.Number, assignee string) error {
	return c.ask(ctx, call{method: http.MethodPost, path: threadPath(n, "/assignment"), body: api.Assignment{Assignee: assignee}, repeatable: true}, nil)
}

// CloseThread closes a thread.
func (c *Client) CloseThread(ctx context.Context, n crypto.Number) error {
	return c.ask(ctx, call{method: http.MethodPost, path: threadPath(n, "/close"), body: struct{}{}, repeatable: true}, nil)
}

// ReopenThread undoes CloseThread.
func (c *Client) ReopenThread(ctx context.Context, n crypto.Number) error {
	return c.ask(ctx, call{method: http.MethodPost, path: threadPath(n, "/reopen"), body: struct{}{}, repeatable: true}, nil)
}

// maxSeals is how often a message is sealed anew while its addressees change, and maxShares how many times 500 envelopes are shared in one go.
const (
	maxSeals  = 3
	maxShares = 20
)

// Send seals a message to those who may read it now and hands it in; and again, when they have changed in between.
func (c *Client) Send(ctx context.Context, m *crypto.ThreadMessage, seal func(api.Addressees) (*api.NewMessage, error)) (api.ReceivedMessage, error) {
	for try := 1; ; try++ {
		to, err := c.Addressees(ctx, m.Mailbox)
		if err != nil {
			return api.ReceivedMessage{}, err
		}
		sealed, err := seal(to)
		if err != nil {
			return api.ReceivedMessage{}, err
		}
		received, err := c.PostMessage(ctx, m.Thread, sealed)
		if try == maxSeals || !IsCode(err, "addressees-changed") {
			return received, err
		}
	}
}

// ShareThreads gives messages that the reader can open to those who should and can't yet: new members of the desk, new representatives. It returns
// how many envelopes were new.
func (c *Client) ShareThreads(ctx context.Context, t *ceremony.Trust, r *ceremony.Reader) (added int, err error) {
	for range maxShares {
		lacking, err := get[[]api.Lack](ctx, c, "/lacking", maxThreads)
		if err != nil || len(lacking) == 0 {
			return added, err
		}
		round := 0
		for len(lacking) > 0 {
			n := 1
			for n < len(lacking) && lacking[n].Thread == lacking[0].Thread {
				n++
			}
			shared, err := c.shareThread(ctx, t, r, lacking[:n])
			if err != nil {
				return added, err
			}
			round, lacking = round+shared, lacking[n:]
		}
		if added += round; round == 0 { // those left do not hold
			return added, nil
		}
	}
	return added, nil
}

// shareThread is ShareThreads for one thread.
func (c *Client) shareThread(ctx context.Context, t *ceremony.Trust, r *ceremony.Reader, lacking []api.Lack) (int, error) {
	to, err := c.Addressees(ctx, lacking[0].Mailbox)
	if err != nil {
		return 0, err
	}
	envelopes, err := ceremony.ShareWith(t, r, lacking[0].Mailbox, lacking, to, time.Now())
	if err != nil || len(envelopes) == 0 {
		return 0, err
	}
	done, err := ask[api.Sharing](ctx, c, call{
		method: http.MethodPost, path: threadPath(lacking[0].Thread, "/envelopes"), body: api.Share{Envelopes: envelopes}, maxRequest: api.MaxShareRequest, repeatable: true,
	})
	return done.Added, err
}
