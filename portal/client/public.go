package client

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
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
	err = persist(ctx, func() (bool, error) {
		a = PublicAnswer{}
		answer, err := c.public(ctx, path, header)
		if err != nil {
			return true, err
		}
		defer answer.Body.Close()
		if answer.StatusCode == http.StatusServiceUnavailable || answer.StatusCode == http.StatusTooManyRequests {
			return true, c.noFile(answer, path)
		}
		a.Status, a.Header = answer.StatusCode, answer.Header
		a.Body, err = c.readPublic(answer, path, limit)
		return true, err
	})
	return a, err
}

// PublicFile fetches what the world reads, without cookie and without a wish of languages: path with its query, in a content coding when one is named, of at most so
// many bytes. An address at which nothing is has status 404 (IsStatus).
func (c *Client) PublicFile(ctx context.Context, path, coding string, limit int64) (f PublicFile, err error) {
	err = persist(ctx, func() (bool, error) {
		f, err = c.publicFile(ctx, path, coding, limit)
		return true, err
	})
	return f, err
}

func (c *Client) publicFile(ctx context.Context, path, coding string, limit int64) (f PublicFile, err error) {
	answer, err := c.public(ctx, path, http.Header{"Accept-Encoding": {cmp.Or(coding, "identity")}})
	if err != nil {
		return f, err
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusMovedPermanently:
		f.Location = answer.Header.Get("Location")
		return f, nil
	case answer.StatusCode != http.StatusOK:
		return f, c.noFile(answer, path)
	}
	f.Type, f.Coding = answer.Header.Get("Content-Type"), strings.ToLower(answer.Header.Get("Content-Encoding"))
	if f.Body, err = c.readPublic(answer, path, limit); err == nil && f.Coding != "" && f.Coding != coding {
		err = fmt.Errorf("what the portal has at %s came as %s, which was not asked for", printable(path), printable(f.Coding))
	}
	return f, err
}

// public asks once, with these headers and no cookie.
func (c *Client) public(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.origin+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header = header.Clone()
	request.Header.Set("User-Agent", c.UserAgent)
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(err)
	}
	return answer, nil
}

// noFile is what an answer says that has no file in it.
func (c *Client) noFile(answer *http.Response, path string) error {
	return &Error{
		Status: answer.StatusCode, RetryAfter: retryAfter(answer.Header.Get("Retry-After")),
		Message: fmt.Sprintf("%s answered %d %s for %s", c.origin, answer.StatusCode, http.StatusText(answer.StatusCode), printable(path)),
	}
}

// readPublic reads what was answered, of at most so many bytes.
func (c *Client) readPublic(answer *http.Response, path string, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	switch {
	case err != nil:
		return body, c.unreachable(err)
	case int64(len(body)) > limit:
		return body, fmt.Errorf("what the portal has at %s is more than %.0f MiB, which can't be right", printable(path), mib(int(limit)))
	}
	return body, nil
}
