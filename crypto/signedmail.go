package crypto

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A text that a person signs with a tool of their own comes clear-signed, or as a mail program signs: with a signature beside the text (multipart/signed, RFC 3156, section 5).
//
// What a mail program signs has none of our notations, as a text that gpg clear-signs has none. That is safe for the same reason: the first line of the text says what it is for, and
// everything that makes it count stands in it. Three things are different, and are looked after here. The signature is over a part of a mail, header fields included, to the octet, so
// what was signed can't be put right before it is verified: it has one reading, or none. A mail says more than its text, so nothing may stand in the part beside the text, and nothing
// above it: what somebody quotes, or writes about, they didn't say. And a signature over a part is none over a text: the part must say of itself that it is text/plain, and have an empty
// line behind its header, while no text that counts when it is clear-signed holds an empty line; so neither is ever taken for the other.

// signedMailStart is how a signed mail begins in the spelling of SignedMail.
const signedMailStart = "MIME-Version: 1.0" + crlf + typeField + `multipart/signed; protocol="application/pgp-signature"; micalg=pgp-`

// handSigned is a text that a person signed with a tool of their own, taken apart.
type handSigned struct {
	text      []byte // LF
	hashed    []byte // what the signature is over
	signature []byte // without armor
	kinds     []packet.SignatureType
	spell     func(s *packet.Signature) []byte // what is kept of it
}

// ErrSignedMail is that a program can't check what a mail program signed: that takes more code than the pages of recipients load.
var ErrSignedMail = errors.New("it was signed by a mail program, which this page can't check: save it, and check it on the page for verifying, or with 'valise verify'")

// withLineEnds gives every line the end CR LF.
func withLineEnds(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(crlf), []byte("\n")), []byte("\n"), []byte(crlf))
}

// isSignedMail says whether a message is in the spelling of SignedMail, and not clear-signed.
func isSignedMail(message []byte) bool {
	return bytes.HasPrefix(withLineEnds(message[:min(len(message), 200)]), []byte(signedMailStart))
}

// readHandSigned reads a clear-signed text, or a signed mail in the spelling of SignedMail.
func readHandSigned(message []byte) (*handSigned, error) {
	if isSignedMail(message) {
		return readSignedMail(message)
	}
	m, err := readClearSigned(message)
	if err != nil {
		return nil, err
	}
	return &handSigned{
		text: m.text(), hashed: m.hashed(), signature: m.signature, kinds: []packet.SignatureType{packet.SigTypeText},
		spell: func(s *packet.Signature) []byte { return writeClearSigned(m.lines, s, m.signature) },
	}, nil
}

// verifyHandSigned is VerifyClearSigned for either form, and returns what is to be kept.
func verifyHandSigned(c *Certificate, purpose Purpose, message []byte, now time.Time) (text []byte, s *Signature, respelt []byte, err error) {
	m, err := readHandSigned(message)
	if err != nil {
		return nil, nil, nil, err
	}
	read, err := readSignature(m.signature)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := checkPurpose(read, purpose, purpose.mayLackNotation()); err != nil {
		return nil, nil, nil, err
	}
	kind := m.kinds[0]
	if slices.Contains(m.kinds, read.SigType) {
		kind = read.SigType
	}
	if s, err = c.verify(read, kind, purpose, m.hashed, now); err != nil {
		return nil, nil, nil, err
	}
	return m.text, s, m.spell(read), nil
}

// ReadHandSigned returns the text of a clear-signed message or of one in the spelling of SignedMail, but verifies nothing: it serves to find out whose certificate to fetch.
func ReadHandSigned(message []byte) (text []byte, err error) {
	m, err := readHandSigned(message)
	if err != nil {
		return nil, err
	}
	return m.text, nil
}

// RespellHandSigned returns such a message in the one spelling in which it is kept; it verifies nothing.
func RespellHandSigned(message []byte) ([]byte, error) {
	m, err := readHandSigned(message)
	if err != nil {
		return nil, err
	}
	s, err := readSignature(m.signature)
	if err != nil {
		return nil, err
	}
	return m.spell(s), nil
}
