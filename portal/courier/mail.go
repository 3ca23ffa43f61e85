package courier

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"valise/crypto"
)

// MaxMail is the size in bytes of the largest mail that is sent, without what DKIM adds: many servers take no larger ones. A message that would be larger waits on the
// portal, and the mail says so.
const MaxMail = 10 << 20

// sizes of mails: each is filled up to the next one, so that who counts octets on the line learns little. (Whoever holds the mail itself can take the filling off.)
var sizes = []int{16 << 10, 64 << 10, 256 << 10, 1 << 20, 5 << 19, 5 << 20, MaxMail}

// letterhead is what a mail shows outside.
type letterhead struct {
	identity  *Identity
	to        string
	subject   string
	date      time.Time
	messageID string // without angle brackets
	boundary  string
	autocrypt string   // value of the field that announces the desk's certificate; "": there is none
	more      [][]byte // further messages, which go into the same mail below a cover

	sheets *sheets
	sheet  *bytes.Buffer // on which it was written
}

// tokens makes names from entries that nobody without the courier's key can connect with them.
type tokens struct{ secret []byte }

// of returns 32 small hexadecimal digits, for one use, always the same for an entry.
func (t tokens) of(use string, n crypto.Number, r crypto.Representative) string {
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte(use + "\x00" + string(n) + "\x00" + r.String()))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// ofMail is like of, for one mail of several about a notice to the same representative. Mails of the first message have no reminder.
func (t tokens) ofMail(use string, n crypto.Number, r crypto.Representative, reminder time.Time) string {
	if !reminder.IsZero() {
		use += "\x00" + reminder.UTC().Format(time.RFC3339Nano)
	}
	return t.of(use, n, r)
}

// journal is what stands for an entry in the journal.
func (t tokens) journal(e *Entry) token {
	return t.binary("journal", e)
}

// piece is what stands for one mail of an entry to an address in the journal.
func (t tokens) piece(of, email string, e *Entry) token {
	return t.binary("piece\x00"+of+"\x00"+email, e)
}

func (t tokens) binary(use string, e *Entry) (b token) {
	_, _ = hex.Decode(b[:], []byte(t.ofMail(use, e.Notice, e.Representative, e.Reminder))) // it is hexadecimal
	return b
}

// ofQueued is the name for a use of those of inbox.go. Where a mail comes back to is the same for all mails about a notice to somebody.
func (t tokens) ofQueued(use string, q Queued) string {
	if use == "return" || use == "report" {
		return t.of(use, q.Notice, q.Representative)
	}
	return t.ofMail(use, q.Notice, q.Representative, q.Reminder)
}

// roundDate cuts to full hours, so that a mail doesn't tell at which minute something was approved.
func roundDate(now time.Time) time.Time { return now.UTC().Truncate(time.Hour) }

// write returns the mail: a message in the form that mail programs open by themselves (RFC 3156) or, with cover, as an attachment below a few words. It stands on h.sheet.
func (h *letterhead) write(message []byte, cover bool) ([]byte, error) {
	expected := 3<<10 + len(h.autocrypt)
	for _, m := range append(h.more[:len(h.more):len(h.more)], message) {
		expected += len(m)*11/8 + 1<<8 // base64 in lines of 64, and CR LF
	}
	b := h.sheets.take(expected)
	h.sheet = b
	if cover {
		h.header(b, `multipart/mixed; boundary="`+h.boundary+`"`)
		h.part(b, `Content-Type: text/plain; charset="utf-8"`, "Content-Transfer-Encoding: quoted-printable", "Content-Disposition: inline")
		writeQuoted(b, h.identity.cover())
		h.part(b, `Content-Type: application/octet-stream; name="message.asc"`, "Content-Transfer-Encoding: 7bit", `Content-Disposition: attachment; filename="message.asc"`)
	} else {
		h.header(b, `multipart/encrypted; protocol="application/pgp-encrypted";`+"\r\n"+` boundary="`+h.boundary+`"`)
		h.part(b, "Content-Type: application/pgp-encrypted", "Content-Description: PGP/MIME version identification")
		b.WriteString("Version: 1\r\n")
		h.part(b, `Content-Type: application/octet-stream; name="encrypted.asc"`, "Content-Description: OpenPGP encrypted message", `Content-Disposition: inline; filename="encrypted.asc"`)
	}
	armorOn(b, message)
	for i, message := range h.more {
		name := fmt.Sprintf("message-%d.asc", i+2)
		h.part(b, `Content-Type: application/octet-stream; name="`+name+`"`, "Content-Transfer-Encoding: 7bit", `Content-Disposition: attachment; filename="`+name+`"`)
		armorOn(b, message)
	}
	b.WriteString("\r\n--" + h.boundary + "--\r\n")
	if err := fill(b); err != nil {
		return nil, err
	}
	return h.identity.sign(b)
}

func armorOn(b *bytes.Buffer, message []byte) {
	b.Write(crypto.AppendArmoredMail(b.AvailableBuffer(), message))
}

// notify returns a mail that only says that a message waits which is too large for one. There is nothing in it to click on, which somebody else could send as well.
func (h *letterhead) notify(key crypto.Fingerprint) ([]byte, error) {
	b := h.sheets.take(0)
	h.sheet = b
	h.header(b, `text/plain; charset="utf-8"`+"\r\nContent-Transfer-Encoding: quoted-printable")
	b.WriteString("\r\n")
	writeQuoted(b, "A sealed message for you is waiting. It is too large to be sent here: fetch it where you usually open your messages.\n"+
		"\nUn message scellé vous attend. Il est trop volumineux pour être envoyé ici : allez le chercher là où vous ouvrez d’habitude vos messages.\n"+
		"\n"+key.Spaced()+"\n")
	return h.identity.sign(b)
}

func (h *letterhead) header(b *bytes.Buffer, contentType string) {
	from, _ := mail.ParseAddress(h.identity.From)
	line := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	line("Date", h.date.Format("Mon, 02 Jan 2006 15:04:05 +0000"))
	line("From", from.String())
	line("To", h.to)
	line("Subject", mime.QEncoding.Encode("utf-8", h.subject))
	line("Message-ID", "<"+h.messageID+">")
	if h.autocrypt != "" {
		line("Autocrypt", h.autocrypt)
	}
	line("MIME-Version", "1.0")
	line("Content-Type", contentType)
}

func (h *letterhead) part(b *bytes.Buffer, fields ...string) {
	b.WriteString("\r\n--" + h.boundary + "\r\n")
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	b.WriteString("\r\n")
}

func (i *Identity) cover() string {
	text := i.Cover
	if text == "" {
		text = DefaultCover
	}
	if i.Reader != "" {
		text = strings.TrimRight(text, "\n") + "\n\n" + i.Reader + "\n"
	}
	return text
}

var errTooLarge = errors.New("the message is too large for a mail")

// fill brings a multipart mail to the next size with lines below its end, which every program passes over (the epilogue of RFC 2046, section 5.1.1). So the sealed octets
// stay as they are.
func fill(b *bytes.Buffer) error {
	const line = 76 // and CR LF
	size, written := 0, b.Len()-signatureRoom
	for _, size = range sizes {
		if written+3 <= size || written == size {
			break
		}
	}
	missing := size - written
	if missing < 0 {
		return errTooLarge
	}
	full := strings.Repeat("x", line) + "\r\n"
	for missing > 0 {
		n := min(missing, len(full))
		if rest := missing - n; rest > 0 && rest < 3 { // no room for a line of its own
			n -= 3
		}
		b.WriteString(full[len(full)-n:])
		missing -= n
	}
	return nil
}

// writeQuoted writes text as quoted-printable (RFC 2045, section 6.7).
func writeQuoted(b *bytes.Buffer, text string) {
	const hexDigits = "0123456789ABCDEF"
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		column := 0
		for i := range len(line) {
			c := line[i]
			piece := string(c)
			if c < ' ' || c > '~' || c == '=' || c == ' ' && i == len(line)-1 || c == '.' && column == 0 {
				piece = string([]byte{'=', hexDigits[c>>4], hexDigits[c&15]})
			}
			if column+len(piece) > 72 {
				b.WriteString("=\r\n")
				column = 0
			}
			b.WriteString(piece)
			column += len(piece)
		}
		b.WriteString("\r\n")
	}
}

// signed are the fields that DKIM signatures cover; also that there is no Autocrypt field when there is none.
var signed = []string{"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Autocrypt"}

// sign puts a DKIM signature of each key before the mail on a sheet, into the room for it.
func (i *Identity) sign(sheet *bytes.Buffer) ([]byte, error) {
	all := sheet.Bytes()
	raw := all[signatureRoom:]
	if len(i.DKIM) == 0 {
		return raw, nil
	}
	var head []byte
	for _, k := range i.DKIM {
		signer, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: i.domain(), Selector: k.Selector, Signer: k.Key, HeaderKeys: signed,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			return nil, fmt.Errorf("signing for DKIM: %w", err)
		}
		if _, err := signer.Write(raw); err != nil {
			signer.Close()
			return nil, fmt.Errorf("signing for DKIM: %w", err)
		}
		if err := signer.Close(); err != nil {
			return nil, fmt.Errorf("signing for DKIM: %w", err)
		}
		head = append(head, signer.Signature()...)
	}
	if len(head) > signatureRoom {
		return append(head, raw...), nil
	}
	all = all[signatureRoom-len(head):]
	copy(all, head)
	return all, nil
}

const minRSA = 2048

// CheckDKIMKey refuses keys that receivers don't take.
func CheckDKIMKey(key any) error {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return nil
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSA {
			return fmt.Errorf("the RSA key for DKIM has %d bits; make one with %d", k.N.BitLen(), minRSA)
		}
		return nil
	}
	return errors.New("a key for DKIM is Ed25519 or RSA, in PKCS #8 (PEM): openssl genpkey -algorithm ed25519")
}
