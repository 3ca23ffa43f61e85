package publish

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Pages of the archive.
const (
	DefaultPage = 20
	MaxPage     = 100
)

// Statement returns all versions of a published statement, the original first. Anyone may read it.
func (p *Publish) Statement(ctx context.Context, n crypto.Number) ([]Version, error) {
	if err := checkNumber(n); err != nil {
		return nil, err
	}
	return p.store.Statement(ctx, n)
}

// Archive returns a page of the archive, newest first, and where the next one begins; the zero Cursor when there is no next one. Anyone may read it.
func (p *Publish) Archive(ctx context.Context, q Query) ([]Entry, Cursor, error) {
	switch {
	case q.Limit == 0:
		q.Limit = DefaultPage
	case q.Limit < 1 || q.Limit > MaxPage:
		return nil, Cursor{}, invalid("invalid-limit", "A page has 1 to %d statements.", MaxPage)
	}
	if q.Series != "" {
		if err := checkNumber(q.Series); err != nil {
			return nil, Cursor{}, err
		}
	}
	limit := q.Limit
	q.Limit++ // one more tells whether there is a next page
	entries, err := p.store.Statements(ctx, q)
	if err != nil || len(entries) <= limit {
		return entries, Cursor{}, err
	}
	entries = entries[:limit]
	last := entries[limit-1]
	return entries, Cursor{At: last.PublishedAt, Statement: last.Statement}, nil
}

// String is how a cursor travels; "" for the zero one.
func (c Cursor) String() string {
	if c.Statement == "" {
		return ""
	}
	return fmt.Sprintf("%d.%s", c.At.UnixMicro(), c.Statement)
}

// ParseCursor reads what String wrote.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	micros, number, _ := strings.Cut(text, ".")
	at, err := strconv.ParseInt(micros, 10, 64)
	if err != nil || checkNumber(crypto.Number(number)) != nil {
		return Cursor{}, portal.Errorf(portal.Invalid, "invalid-cursor", "There is no such page. Start from the first one.")
	}
	return Cursor{At: time.UnixMicro(at).UTC(), Statement: crypto.Number(number)}, nil
}
