package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The lines of the Cleartext Signature Framework (RFC 9580, section 7).
const (
	beginSignedMessage = armorBegin + "PGP SIGNED MESSAGE" + armorDash
	beginSignature     = armorBegin + armorSignature + armorDash
	endSignature       = armorEnd + armorSignature + armorDash
)

// maxClearSignedSize is the size in bytes of the largest clear-signed message
// that is read: a receipt has about 2 KiB.
const maxClearSignedSize = 1 << 20

// maxClearSignedLines is how many lines it may have, signature included. The
// largest signature accepted has 1,400.
const maxClearSignedLines = 10_000

// ClearSign signs a text in the Cleartext Signature Framework (RFC 9580, section
// 7; SHA-512), which gpg verifies with: gpg --verify FILE. now is cut to seconds.
//
// The framework forgets white space at the ends of lines and how the last line
// ends, so a text that would not come back unchanged is refused: it must be UTF-8,
// every line must end with a line feed and with no space or tab before it, and
// the last one must not be empty.
//
// A key whose certificate would not be believed at now is refused.
func ClearSign(k *Key, purpose Purpose, text []byte, now time.Time) ([]byte, error) {
	if err := checkSignable(text); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	s, err := k.sign(packet.SigTypeText, purpose, []byte(strings.Join(lines, "\r\n")), now)
	if err != nil {
		return nil, err
	}
	raw, err := serializeSignature(s)
	if err != nil {
		return nil, err
	}
	return writeClearSigned(lines, s, raw), nil
}

// writeClearSigned writes what GnuPG verifies: with the hash function announced
// and the signature's checksum.
func writeClearSigned(lines []string, s *packet.Signature, raw []byte) []byte {
	var b bytes.Buffer
	b.WriteString(beginSignedMessage + "\n")
	if s.Version == 4 {
		b.WriteString("Hash: " + strings.ReplaceAll(s.Hash.String(), "-", "") + "\n") // without it GnuPG assumes another hash function
	}
	b.WriteString("\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "-") {
			b.WriteString("- ")
		}
		b.WriteString(line + "\n")
	}
	b.WriteString(armor(armorSignature, raw))
	return b.Bytes()
}

func checkSignable(text []byte) error {
	if len(text) > maxClearSignedSize/2 {
		return errors.New("the text is too long to be clear-signed")
	}
	if !utf8.Valid(text) {
		return errors.New("a text that is clear-signed must be UTF-8")
	}
	rest, ok := strings.CutSuffix(string(text), "\n")
	if !ok || rest == "" || strings.HasSuffix(rest, "\n") {
		return errors.New("a text that is clear-signed must end with one line feed")
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if strings.Contains(line, "\r") || strings.TrimRight(line, " \t") != line {
			return errors.New("a text that is clear-signed must have no white space at the ends of its lines, and no carriage return")
		}
	}
	return nil
}

// VerifyClearSigned verifies one clear-signed text and returns it with line ends
// LF: exactly what was signed, without the white space at the ends of lines that
// a signature doesn't cover, and without empty lines at its end, as programs
// differ in whether the last line's end is signed. The signature must satisfy what
// VerifyDetached demands. Nothing but empty lines may stand before or after.
//
// For PurposeLogIn and PurposeAcknowledgement a signature without a purpose is
// accepted, so that "gpg --clearsign" can make it; one for another purpose never
// is.
func VerifyClearSigned(c *Certificate, purpose Purpose, message []byte, now time.Time) (text []byte, s *Signature, err error) {
	text, s, _, err = verifyClearSigned(c, purpose, message, now)
	return text, s, err
}

// verifyClearSigned is VerifyClearSigned, and returns the message in the spelling
// that GnuPG verifies, whatever the one was in which it came.
func verifyClearSigned(c *Certificate, purpose Purpose, message []byte, now time.Time) (text []byte, s *Signature, respelt []byte, err error) {
	signed, err := readClearSigned(message)
	if err != nil {
		return nil, nil, nil, err
	}
	read, err := readSignature(signed.signature)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := checkPurpose(read, purpose, purpose.mayLackNotation()); err != nil {
		return nil, nil, nil, err
	}
	if s, err = c.verify(read, packet.SigTypeText, purpose, signed.hashed(), now); err != nil {
		return nil, nil, nil, err
	}
	return signed.text(), s, writeClearSigned(signed.lines, read, signed.signature), nil
}

// RespellClearSigned returns a clear-signed message, however it was spelt, in the
// one spelling of ClearSign, as Receipt.Bytes does, but verifies nothing: it serves
// to find what is kept, in that spelling, with what somebody shows.
func RespellClearSigned(message []byte) ([]byte, error) {
	signed, err := readClearSigned(message)
	if err != nil {
		return nil, err
	}
	s, err := readSignature(signed.signature)
	if err != nil {
		return nil, err
	}
	return writeClearSigned(signed.lines, s, signed.signature), nil
}

// ReadClearSigned returns the text of a clear-signed message as VerifyClearSigned
// would, but verifies nothing: it serves to find out whose certificate to fetch.
func ReadClearSigned(message []byte) (text []byte, err error) {
	signed, err := readClearSigned(message)
	if err != nil {
		return nil, err
	}
	return signed.text(), nil
}

// clearSigned is a clear-signed message, taken apart.
type clearSigned struct {
	lines     []string // without dash escapes, line ends, and white space before them
	signature []byte   // without armor
}

// hashed returns what the signature is over: the line end before the signature's
// first line doesn't belong to it.
func (m *clearSigned) hashed() []byte { return []byte(strings.Join(m.lines, "\r\n")) }

func (m *clearSigned) text() []byte {
	return []byte(strings.TrimRight(strings.Join(m.lines, "\n"), "\n") + "\n")
}

func errNoClearSigned(why string) error {
	return fmt.Errorf("this is not a clear-signed text that can be read: %s; paste everything from %q to %q and nothing else", why, beginSignedMessage, endSignature)
}

func readClearSigned(message []byte) (*clearSigned, error) {
	switch {
	case len(message) > maxClearSignedSize, bytes.Count(message, []byte("\n")) > maxClearSignedLines:
		return nil, errNoClearSigned("it is too long")
	case !utf8.Valid(message):
		return nil, errNoClearSigned("it is not UTF-8")
	}
	lines := strings.Split(string(message), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
		if strings.Contains(lines[i], "\r") {
			return nil, errNoClearSigned("it holds a carriage return within a line")
		}
	}
	for len(lines) > 0 && trimLine(lines[0]) == "" {
		lines = lines[1:]
	}
	if len(lines) == 0 || trimLine(lines[0]) != beginSignedMessage {
		return nil, errNoClearSigned("it starts with something else")
	}
	lines, err := skipHashHeaders(lines[1:])
	if err != nil {
		return nil, err
	}
	m := &clearSigned{}
	for {
		if len(lines) == 0 {
			return nil, errNoClearSigned("its signature is missing")
		}
		line := lines[0]
		lines = lines[1:]
		if trimLine(line) == beginSignature {
			break
		}
		if strings.HasPrefix(line, "-") {
			var escaped bool
			if line, escaped = strings.CutPrefix(line, "- "); !escaped {
				return nil, errNoClearSigned("a line of the text starts with a hyphen that is not escaped")
			}
		}
		m.lines = append(m.lines, trimLine(line))
	}
	end := slices.IndexFunc(lines, func(line string) bool { return trimLine(line) == endSignature })
	if end < 0 {
		return nil, errNoClearSigned("its signature was cut off")
	}
	if slices.ContainsFunc(lines[end+1:], func(line string) bool { return trimLine(line) != "" }) {
		return nil, errNoClearSigned("something stands behind it")
	}
	if m.signature, err = dearmorBody([]byte("\n" + strings.Join(lines[:end], "\n"))); err != nil {
		return nil, errNoClearSigned(err.Error())
	}
	if len(m.signature) > maxSignatureSize {
		return nil, errNoClearSigned("its signature is too large")
	}
	return m, nil
}

// trimLine drops the white space that a signature doesn't cover (RFC 9580, section 7.1).
func trimLine(line string) string { return strings.TrimRight(line, " \t") }

// skipHashHeaders returns the lines behind the empty one that ends the headers.
// Only "Hash" may stand there, and it says nothing that is believed.
func skipHashHeaders(lines []string) ([]string, error) {
	for i, line := range lines {
		if trimLine(line) == "" {
			return lines[i+1:], nil
		}
		names, ok := strings.CutPrefix(trimLine(line), "Hash: ")
		if !ok || strings.Trim(names, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-, ") != "" {
			return nil, errNoClearSigned("a line that doesn't belong there stands before the text")
		}
	}
	return nil, errNoClearSigned("its text is missing")
}
