package courier

import (
	stdcrypto "crypto"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"valise/crypto"
)

// Identity is as whom the courier writes: the institution to States and organisations, and a neutral one to individuals, whose mail must not show that the institution
// writes to them.
type Identity struct {
	From    string // an address, with a name before it or not: "Registry <registry@court.example>"
	Subject string // of mails to those who have none of their own; "": DefaultSubject
	Bounces string // the address to which mail servers return what they can't deliver; each mail gets one of its own (bounces+…@). "": From's
	Reader  string // URL of the offline reader; "": none is named
	Cover   string // what stands before the sealed message for those who can't open it in their mail program; "": DefaultCover
	DKIM    []DKIMKey
	Server  Server
}

// DKIMKey signs mails of the domain of From (RFC 6376, RFC 8463).
type DKIMKey struct {
	Selector string
	Key      stdcrypto.Signer // Ed25519, or RSA of at least 2048 bits
}

const (
	// DefaultSubject is what most encrypted mail shows outside (RFC 9788, section 11.2).
	DefaultSubject = "..."

	// DefaultCover stands before a sealed message that no mail program opens. It says neither from whom nor about what.
	DefaultCover = "The attached file is a sealed message for you.\n\nSave it, and open it where you usually open your messages.\n" +
		"\nLe fichier joint est un message scellé qui vous est destiné.\n\nEnregistrez-le et ouvrez-le là où vous ouvrez d’habitude vos messages.\n"

	maxCover = 4 << 10
)

// Check says what is wrong with it.
func (i *Identity) Check() error {
	from, err := mail.ParseAddress(i.From)
	if err != nil {
		return fmt.Errorf(`from = %q is not of the form "Registry <registry@court.example>"`, i.From)
	}
	if err := crypto.CheckEmail(from.Address); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if i.Bounces != "" {
		if err := crypto.CheckEmail(i.Bounces); err != nil {
			return fmt.Errorf("bounces: %w", err)
		}
	}
	oneLine := func(text string) bool {
		return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
	}
	if !oneLine(from.Name) || !oneLine(i.Subject) || len(i.Subject) > 100 {
		return errors.New("the sender's name and the subject are one line each, of at most 100 bytes")
	}
	if len(i.Cover) > maxCover || !utf8.ValidString(i.Cover) {
		return fmt.Errorf("cover is text of at most %d KiB", maxCover>>10)
	}
	if i.Reader != "" {
		if u, err := url.Parse(i.Reader); err != nil || u.Scheme != "https" || u.Host == "" || !oneLine(i.Reader) {
			return fmt.Errorf("reader = %q is not an address that starts with https://", i.Reader)
		}
	}
	for _, k := range i.DKIM {
		if k.Selector == "" || k.Key == nil {
			return errors.New("each key for DKIM has a selector and a file")
		}
	}
	return i.Server.Check()
}

// address returns the address of From.
func (i *Identity) address() string {
	from, err := mail.ParseAddress(i.From)
	if err != nil {
		return "" // Check refused it
	}
	return from.Address
}

func (i *Identity) domain() string {
	_, domain, _ := strings.Cut(i.address(), "@")
	return domain
}

func (i *Identity) subject(a *crypto.Address) string {
	switch {
	case a.Subject != "":
		return a.Subject
	case i.Subject != "":
		return i.Subject
	}
	return DefaultSubject
}

// sender is where a mail is returned to that can't be delivered: an address of its own, so that what comes back is known (VERP).
func (i *Identity) sender(token string) string {
	bounces := i.Bounces
	if bounces == "" {
		return i.address()
	}
	local, domain, _ := strings.Cut(bounces, "@")
	return local + "+" + token + "@" + domain
}
