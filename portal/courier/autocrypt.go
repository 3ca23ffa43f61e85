package courier

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"valise/portal"
)

// autocryptHeader is the field by which mail programs learn of the desk's certificate (Autocrypt level 1), as it was made of the staff certificates of a time.
type autocryptHeader struct {
	at    time.Time
	value string // "": none
}

// autocrypt returns the field's value for mails of the institution; "" when the desk has no certificate for the address that they come from. Mails to individuals have none, and the caller doesn't ask: it
// would say who writes.
//
// The certificate is the one that the root certified, whatever somebody put into the database; when there is none, or it can't be read now, mails go out without.
func (c *Courier) autocrypt(ctx context.Context) string {
	staff, err := c.staffCertificates(ctx)
	if err != nil {
		return ""
	}
	c.mutex.Lock()
	known, at := c.announced, c.staffAt
	c.mutex.Unlock()
	if known.at.Equal(at) && !at.IsZero() {
		return known.value
	}
	holders, err := c.store.DeskKeyHolders(ctx)
	if err != nil {
		return known.value
	}
	value := ""
	own := c.config.Institution.address()
	for _, member := range portal.DeskMail(c.root, staff, holders, c.now()) {
		if _, email, ok := member.DeskAddress(); !ok || !strings.EqualFold(email, own) {
			continue
		}
		if certificate, err := member.MailCertificate(nil); err == nil {
			value = autocryptValue(own, certificate)
		}
		break
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.announced = autocryptHeader{at, value}
	return value
}

// autocryptValue is folded, so that no line is longer than mail servers take.
func autocryptValue(address string, certificate []byte) string {
	const line = 76
	var b strings.Builder
	b.WriteString("addr=" + address + "; prefer-encrypt=mutual; keydata=")
	for encoded := base64.StdEncoding.EncodeToString(certificate); encoded != ""; {
		n := min(line, len(encoded))
		b.WriteString("\r\n " + encoded[:n])
		encoded = encoded[n:]
	}
	return b.String()
}
