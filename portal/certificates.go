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
	parsed map[[sha256.Size]byte]*crypto.Certificate
}

// maxRemembered certificates, of some 20 kB each in memory.
const maxRemembered = 4096

// Parse is crypto.ParseCertificate.
func (c *Certificates) Parse(data []byte) (*crypto.Certificate, error) {
	digest := sha256.Sum256(data)
	c.mu.RLock()
	known := c.parsed[digest]
	c.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	parsed, err := crypto.ParseCertificate(data)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil {
		c.parsed = make(map[[sha256.Size]byte]*crypto.Certificate)
	}
	for any := range c.parsed { // a map's order is random enough to choose whom to forget
		if len(c.parsed) < maxRemembered {
			break
		}
		delete(c.parsed, any)
	}
	c.parsed[digest] = parsed
	return parsed, nil
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
