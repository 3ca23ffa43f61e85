package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// PublicFile is what a portal answers everybody at an address outside the API.
type PublicFile struct {
	Body     []byte
	Type     string // media type, with parameters
	Coding   string // of the content: "gzip", "br"; "" when the body is the file itself
	Location string // where a redirect leads; then there is no body
}

// PublicAnswer is all that a portal answered to GET, whatever its status. A redirect is not followed.
type PublicAnswer struct {
	Status int
	Header http.Header
	Body   []byte // as it came, in the coding that Content-Encoding names
}

// PublicAnswer fetches what stands at a path, with these headers and no cookie, of at most so many bytes.
func (c *Client) PublicAnswer(ctx context.Context, path string, header http.Header, limit int64) (a PublicAnswer, err error) {
	wait := firstRetryAfter
	for attempt := 1; ; attempt++ {
		a, err = c.answerOnce(ctx, path, header, limit)
		pause, again := retry(err, wait)
		if err == nil || attempt == attempts || !again {
			return a, err
		}
		wait *= 2
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (c *Client) answerOnce(ctx context.Context, path string, header http.Header, limit int64) (a PublicAnswer, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.origin+path, nil)
	if err != nil {
		return a, err
	}
	request.Header = header.Clone()
	request.Header.Set("User-Agent", c.UserAgent)
	answer, err := c.http.Do(request)
	if err != nil {
		return a, c.unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusServiceUnavailable || answer.StatusCode == http.StatusTooManyRequests {
		return a, &Error{Status: answer.StatusCode, RetryAfter: retryAfter(answer.Header.Get("Retry-After")), Message: fmt.Sprintf("%s answered %d %s for %s", c.origin, answer.StatusCode, http.StatusText(answer.StatusCode), printable(path))}
	}
	a.Status, a.Header = answer.StatusCode, answer.Header
	a.Body, err = io.ReadAll(io.LimitReader(answer.Body, limit+1))
	switch {
	case err != nil:
		return a, c.unreachable(err)
	case int64(len(a.Body)) > limit:
		return a, fmt.Errorf("what the portal has at %s is more than %.0f MiB, which can't be right", printable(path), mib(int(limit)))
	}
	return a, nil
}

// PublicFile fetches what the world reads, without cookie and without a wish of languages: path with its query, in a content coding when one is named, of at most so
// many bytes. An address at which nothing is has status 404 (IsStatus).
func (c *Client) PublicFile(ctx context.Context, path, coding string, limit int64) (PublicFile, error) {
	wait := firstRetryAfter
	for attempt := 1; ; attempt++ {
		f, err := c.publicOnce(ctx, path, coding, limit)
		if err == nil || attempt == attempts || ctx.Err() != nil {
			return f, err
		}
		pause, again := retry(err, wait)
		if !again {
			return f, err
		}
		wait *= 2
		select {
		case <-ctx.Done():
			return f, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (c *Client) publicOnce(ctx context.Context, path, coding string, limit int64) (f PublicFile, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.origin+path, nil)
	if err != nil {
		return f, err
	}
	request.Header.Set("User-Agent", c.UserAgent)
	request.Header.Set("Accept-Encoding", "identity")
	if coding != "" {
		request.Header.Set("Accept-Encoding", coding)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return f, c.unreachable(err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusMovedPermanently:
		f.Location = answer.Header.Get("Location")
		return f, nil
	case answer.StatusCode != http.StatusOK:
		refusal := &Error{Status: answer.StatusCode, RetryAfter: retryAfter(answer.Header.Get("Retry-After"))}
		refusal.Message = fmt.Sprintf("%s answered %d %s for %s", c.origin, answer.StatusCode, http.StatusText(answer.StatusCode), printable(path))
		return f, refusal
	}
	f.Type, f.Coding = answer.Header.Get("Content-Type"), strings.ToLower(answer.Header.Get("Content-Encoding"))
	f.Body, err = io.ReadAll(io.LimitReader(answer.Body, limit+1))
	switch {
	case err != nil:
		return f, c.unreachable(err)
	case int64(len(f.Body)) > limit:
		return f, fmt.Errorf("what the portal has at %s is more than %.0f MiB, which can't be right", printable(path), mib(int(limit)))
	case f.Coding != "" && f.Coding != coding:
		return f, fmt.Errorf("what the portal has at %s came as %s, which was not asked for", printable(path), printable(f.Coding))
	}
	return f, nil
}
