package portal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"valise/crypto"
)

// Certificates parses certificates and remembers them by their digest: verifying all
// self-signatures of a staff list or of a mailbox's chain anew for every request
// would be most of a server's work. What depends on the time (expiry, revocation, who
// certified) is not remembered; ask crypto.Root each time. The zero value is ready, and
// may be used by many goroutines.
type Certificates struct {
	mu     sync.RWMutex
	parsed map[[sha256.Size]byte]remembered
	size   int // of all, as they were read
}

type remembered struct {
	certificate *crypto.Certificate
	size        int
}

// maxRemembered is the size in bytes, as they were read, of all certificates that are remembered: some four thousand, which take about ten
// times as much in memory.
const maxRemembered = 8 << 20

// Parse is crypto.ParseCertificate.
func (c *Certificates) Parse(data []byte) (*crypto.Certificate, error) {
	digest := sha256.Sum256(data)
	c.mu.RLock()
	known, ok := c.parsed[digest]
	c.mu.RUnlock()
	if ok {
		return known.certificate, nil
	}
	parsed, err := crypto.ParseCertificate(data)
	if err != nil {
		return nil, err
	}
	c.remember(digest, remembered{parsed, len(data)})
	return parsed, nil
}

func (c *Certificates) remember(digest [sha256.Size]byte, r remembered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.parsed[digest]; ok { // another request was faster
		return
	}
	if c.parsed == nil {
		c.parsed = make(map[[sha256.Size]byte]remembered)
	}
	for other, forgotten := range c.parsed { // a map's order is random enough to choose whom to forget
		if c.size+r.size <= maxRemembered {
			break
		}
		delete(c.parsed, other)
		c.size -= forgotten.size
	}
	c.parsed[digest] = r
	c.size += r.size
}

// ParseAll parses what is stored; that it can't be parsed is our fault (Internal).
func (c *Certificates) ParseAll(stored [][]byte) ([]*crypto.Certificate, error) {
	all := make([]*crypto.Certificate, len(stored))
	for i, data := range stored {
		parsed, err := c.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("a stored certificate: %w", err)
		}
		all[i] = parsed
	}
	return all, nil
}

// CertificateError is portal.Invalid for a certificate that was refused: with the code "policy-" and the rule when it breaks the policy.
func CertificateError(err error) *Error {
	code := "invalid-certificate"
	var policy *crypto.PolicyError
	if errors.As(err, &policy) {
		code = "policy-" + policy.Rule
	}
	return Errorf(Invalid, code, "%s", Sentence(err))
}

// Sentence makes of an error's text what can be shown to a person: with a capital first and a full stop last.
func Sentence(err error) string {
	text := strings.TrimSpace(err.Error())
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
