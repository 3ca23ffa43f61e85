package publish

import (
	"context"
	"regexp"
	"strings"

	"valise/crypto"
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

// topicShape is how topics are written (crypto.StatementText).
var topicShape = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Archive returns a page of the archive, newest first, and where the next one begins; 0 when there is no next one. Anyone may read it.
func (p *Publish) Archive(ctx context.Context, q Query) ([]Entry, Place, error) {
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	switch {
	case q.Limit < 1 || q.Limit > MaxPage:
		return nil, 0, invalid("invalid-limit", "A page has 1 to %d statements.", MaxPage)
	case strings.ContainsFunc(q.Language, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}):
		return nil, 0, invalid("invalid-language", "A language is named by its tag, such as en, fr or zh-Hant.")
	case q.Topic != "" && (len(q.Topic) > crypto.MaxTopic || !topicShape.MatchString(q.Topic)):
		return nil, 0, invalid("invalid-topic", "A topic is made of small letters, digits and hyphens between them, such as press-release.")
	case q.Before < 0:
		return nil, 0, invalid("invalid-place", "There is no such page. Start from the first one.")
	}
	if q.Series != "" {
		if err := checkNumber(q.Series); err != nil {
			return nil, 0, err
		}
	}
	limit := q.Limit
	q.Limit++ // one more tells whether there is a next page
	entries, err := p.store.Statements(ctx, q)
	if err != nil || len(entries) <= limit {
		return entries, 0, err
	}
	return entries[:limit], entries[limit-1].Place, nil
}
