package session

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"valise/portal"
)

// Limiter limits by mailbox and by address. What it hands to Limits is an HMAC under a key that changes every day (UTC) and comes from the
// portal secret: who has the storage can't tell the addresses, and who gets the secret later can't either once the day's entries
// have expired. Use NewLimiter.
type Limiter struct {
	limits Limits
	secret []byte
	now    func() time.Time
}

// NewLimiter makes a limiter; secret is the portal secret (32 bytes, in no database).
func NewLimiter(limits Limits, secret []byte, now func() time.Time) *Limiter {
	return &Limiter{limits: limits, secret: secret, now: now}
}

// Rule is how often: Burst at once, then one per Every. Rules of different names count apart.
type Rule struct {
	Name  string
	Burst int
	Every time.Duration
}

// Allow counts one act of who. It returns nil, or a *portal.Error of kind TooMany with RetryAfter, or Unavailable.
func (l *Limiter) Allow(ctx context.Context, rule Rule, who string) error {
	ok, retryAfter, err := l.limits.Allow(ctx, l.key(rule, who), rule.Burst, rule.Every)
	if err != nil {
		return err
	}
	if ok {
		return nil
	}
	seconds := max(1, int((retryAfter+time.Second-1)/time.Second))
	wait := fmt.Sprintf("%d seconds", seconds)
	if seconds == 1 {
		wait = "a second"
	}
	e := portal.Errorf(portal.TooMany, "too-many", "Too many tries in a short time. Wait %s and try again.", wait)
	e.RetryAfter = seconds
	return e
}

// key is HMAC(HMAC(secret, day), rule ‖ who), 128 bits of it in hex.
func (l *Limiter) key(rule Rule, who string) string {
	day := mac(l.secret, "valise limits v1\x00"+l.now().UTC().Format(time.DateOnly))
	return hex.EncodeToString(mac(day, rule.Name+"\x00"+who)[:16])
}

func mac(key []byte, message string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(message))
	return m.Sum(nil)
}
