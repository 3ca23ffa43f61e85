//go:build desk || !js

package crypto

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// MaxSignedMail is the size in bytes of the largest part and signature together that are taken.
const MaxSignedMail = 32 << 10

// maxSignedMailParts is how many parts what is signed may have; one of them is the text, others may be the signer's certificate.
const maxSignedMailParts = 6

// maxSignedMailLines is how many lines what is signed may have: a certificate beside the text has most of them.
const maxSignedMailLines = 1000

// maxSignedMailDepth is how many parts may lie in one another: Thunderbird puts three around a text.
const maxSignedMailDepth = 4

const (
	signedMailNext  = ";" + crlf + ` boundary="`
	signatureFields = typeField + `application/pgp-signature; name="signature.asc"` + crlf + crlf
)

// SignedMail puts what a mail program signed into the one spelling in which it is read and kept: part is the signed part of a multipart/signed entity, as it came, header fields
// included and without the line end before the boundary; signature is the armored signature beside it. It verifies nothing.
func SignedMail(part, signature []byte) ([]byte, error) {
	if len(part)+len(signature) > MaxSignedMail {
		return nil, errNoSignedMail("it is too large; sign it without your certificate attached")
	}
	part = withLineEnds(part)
	raw, err := dearmor(armorSignature, signature)
	if err != nil {
		return nil, errNoSignature(err)
	}
	s, err := readSignature(raw)
	if err != nil {
		return nil, err
	}
	return writeSignedMail(part, s, raw), nil
}

func writeSignedMail(part []byte, s *packet.Signature, raw []byte) []byte {
	boundary := "=_valise_" + sha256Hex(part)[:32] // which the part can't hold
	hash := strings.ToLower(strings.ReplaceAll(s.Hash.String(), "-", ""))
	var b bytes.Buffer
	b.WriteString(signedMailStart + hash + signedMailNext + boundary + `"` + crlf + crlf + "--" + boundary + crlf)
	b.Write(part)
	b.WriteString(crlf + "--" + boundary + crlf + signatureFields + strings.ReplaceAll(armor(armorSignature, raw), "\n", crlf))
	b.WriteString("--" + boundary + "--" + crlf)
	return b.Bytes()
}

func errNoSignedMail(why string) error {
	return fmt.Errorf("this is not a signed mail that can be taken: %s", why)
}

// readSignedMail reads what writeSignedMail writes, and nothing else; only the line ends may have been changed.
func readSignedMail(message []byte) (*handSigned, error) {
	damaged := errNoSignedMail("it was altered since it was taken; use it as it was given out")
	if len(message) > 2*MaxSignedMail {
		return nil, errNoSignedMail("it is too large")
	}
	message = withLineEnds(message)
	rest, ok := bytes.CutPrefix(message, []byte(signedMailStart))
	_, rest, ok2 := bytes.Cut(rest, []byte(signedMailNext))
	boundary, rest, ok3 := bytes.Cut(rest, []byte(`"`+crlf+crlf))
	if !ok || !ok2 || !ok3 {
		return nil, damaged
	}
	rest, ok = bytes.CutPrefix(rest, []byte("--"+string(boundary)+crlf))
	part, rest, ok2 := bytes.Cut(rest, []byte(crlf+"--"+string(boundary)+crlf+signatureFields))
	armored, _, ok3 := bytes.Cut(rest, []byte("--"+string(boundary)+"--"+crlf))
	if !ok || !ok2 || !ok3 {
		return nil, damaged
	}
	raw, err := dearmor(armorSignature, armored)
	if err != nil {
		return nil, errNoSignature(err)
	}
	s, err := readSignature(raw)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(writeSignedMail(part, s, raw), message) {
		return nil, damaged
	}
	text, err := signedText(part)
	if err != nil {
		return nil, err
	}
	return &handSigned{
		text: text, hashed: part, signature: raw,
		kinds: []packet.SignatureType{packet.SigTypeBinary, packet.SigTypeText}, // programs do either; over CR LF both are over the same octets
		spell: func(s *packet.Signature) []byte { return writeSignedMail(part, s, raw) },
	}, nil
}

// signedText returns what a signed part says: its one text, alone, without empty lines around it and without what programs put below it ("-- ", RFC 3676, section 4.3). Beside the text
// may stand the signer's certificate, which many programs attach. There is one reading, so that it is the same for everybody who verifies it later.
func signedText(part []byte) ([]byte, error) {
	r := mailPartReader{}
	if bytes.Count(part, []byte("\n")) > maxSignedMailLines || !utf8.Valid(part) || bytes.IndexByte(part, 0) >= 0 || !r.read(strings.Split(string(part), crlf), 0) || len(r.text) == 0 {
		return nil, errNoSignedMail("what is signed is not one text, alone: write it as plain text, with nothing above it, and no file but your certificate")
	}
	text := ""
	for i, line := range r.text {
		if line == "-- " {
			break
		}
		line = trimLine(line)
		// A program broke the line behind "key:", since digits followed that were longer than its lines.
		if i > 0 && strings.HasSuffix(text, ":\n") && len(line) >= 32 && strings.Trim(line, "0123456789abcdefABCDEF") == "" {
			text = text[:len(text)-1] + " "
		}
		text += line + "\n"
	}
	return []byte(strings.Trim(text, "\n") + "\n"), nil
}

// mailPartReader finds the text in what is signed.
type mailPartReader struct {
	parts int
	text  []string // lines
}

// read reads a part, and those in it. It returns false for what can't be taken.
func (r *mailPartReader) read(lines []string, depth int) bool {
	header := ""
	for len(lines) > 0 && lines[0] != "" {
		folded := strings.TrimLeft(lines[0], " \t")
		if folded == lines[0] {
			header += "\n" + folded
		} else {
			header += " " + folded
		}
		lines = lines[1:]
	}
	if r.parts++; r.parts > maxSignedMailParts || depth >= maxSignedMailDepth || len(lines) == 0 || !isPrintableASCII(strings.ReplaceAll(header, "\n", "")) {
		return false
	}
	kind, once := mailField(header, "content-type:")
	encoding, once2 := mailField(header, "content-transfer-encoding:")
	disposition, once3 := mailField(header, "content-disposition:")
	if !once || !once2 || !once3 {
		return false
	}
	media, _, _ := strings.Cut(kind+";", ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/pgp-keys":
		return true
	case "multipart/mixed":
		return r.readParts(lines, "--"+mailParameter(kind, "boundary="), depth)
	case "text/plain":
	default:
		return false
	}
	charset := strings.ToLower(mailParameter(kind, "charset="))
	if r.text != nil || strings.HasPrefix(strings.ToLower(disposition), "attachment") || strings.HasPrefix(charset, "utf-16") || strings.HasPrefix(charset, "utf-32") || strings.HasPrefix(charset, "utf-7") {
		return false
	}
	text, ok := decodePart(lines[1:], strings.ToLower(encoding))
	r.text = strings.Split(strings.ReplaceAll(text, crlf, "\n"), "\n")
	if strings.EqualFold(mailParameter(kind, "format="), "flowed") {
		r.text = unflow(r.text, strings.EqualFold(mailParameter(kind, "delsp="), "yes"))
	}
	return ok
}

// readParts reads those of a multipart body (RFC 2046, section 5.1.1). Nothing may stand before the first and behind the last, where no program shows it.
func (r *mailPartReader) readParts(lines []string, delimiter string, depth int) bool {
	begin, ended := -1, false
	for i, line := range lines {
		line = trimLine(line)
		if !ended && delimiter != "--" && (line == delimiter || line == delimiter+"--") {
			if begin >= 0 && !r.read(lines[begin:i], depth+1) {
				return false
			}
			begin, ended = i+1, line != delimiter
		} else if (begin < 0 || ended) && line != "" {
			return false
		}
	}
	return ended
}

// mailField returns the value of a field of an unfolded header; once is false when there are several.
func mailField(header, name string) (value string, once bool) {
	at := strings.Index(strings.ToLower(header), "\n"+name)
	if at < 0 {
		return "", true
	}
	value, rest, _ := strings.Cut(header[at+1+len(name):], "\n")
	return strings.TrimSpace(value), !strings.Contains("\n"+strings.ToLower(rest), "\n"+name)
}

// mailParameter returns the value of a field's parameter (RFC 2045, section 5.1).
func mailParameter(value, name string) string {
	at := strings.Index(strings.ToLower(value), name)
	if at < 1 || strings.IndexByte("; \t", value[at-1]) < 0 {
		return ""
	}
	value = value[at+len(name):]
	if strings.HasPrefix(value, `"`) {
		value, _, _ = strings.Cut(value[1:], `"`)
		return value
	}
	value, _, _ = strings.Cut(value, ";")
	return strings.TrimSpace(value)
}

func decodePart(lines []string, encoding string) (string, bool) {
	switch encoding {
	case "", "7bit", "8bit", "binary":
		return strings.Join(lines, crlf), true
	case "quoted-printable":
		for i, line := range lines {
			lines[i] = trimLine(line) // added on the way (RFC 2045, section 6.7, rule 3)
		}
		text, err := decodeQuotedPrintable(strings.Join(lines, crlf))
		return text, err == nil
	case "base64":
		text, err := base64.StdEncoding.DecodeString(strings.Join(lines, ""))
		return string(text), err == nil
	}
	return "", false
}

// unflow puts flowed lines together (RFC 3676, section 4).
func unflow(lines []string, deleteSpace bool) (flowed []string) {
	text := ""
	for _, line := range lines {
		line = strings.TrimPrefix(line, " ") // space-stuffed
		if strings.HasSuffix(line, " ") && line != "-- " {
			if deleteSpace {
				line = line[:len(line)-1]
			}
			text += line
			continue
		}
		flowed = append(flowed, text+line)
		text = ""
	}
	return append(flowed, text)
}
