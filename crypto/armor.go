package crypto

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

// Types of ASCII-armored blocks (RFC 9580, section 6.2).
const (
	armorPublicKey  = "PGP PUBLIC KEY BLOCK"
	armorPrivateKey = "PGP PRIVATE KEY BLOCK"
	armorMessage    = "PGP MESSAGE"
	armorSignature  = "PGP SIGNATURE"
)

const (
	armorBegin = "-----BEGIN "
	armorEnd   = "-----END "
	armorDash  = "-----"
	armorLine  = 64 // characters of base 64 per line
)

// armor writes data as an ASCII-armored block with a CRC-24 line. RFC 9580,
// section 6.1, makes the checksum optional and readers ignore it, but GnuPG
// 2.2 exits with 2 on a third of the blocks that lack it.
func armor(blockType string, data []byte) string {
	return string(appendArmor(nil, blockType, data, "\n"))
}

// appendArmor appends the block to dst, with end after each line.
func appendArmor(dst []byte, blockType string, data []byte, end string) []byte {
	const octets = armorLine / 4 * 3
	lines := (len(data) + octets - 1) / octets
	dst = slices.Grow(dst, base64.StdEncoding.EncodedLen(len(data))+lines*len(end)+2*len(armorBegin+armorDash+blockType)+16+4*len(end))
	dst = append(append(append(dst, armorBegin+blockType+armorDash...), end...), end...)
	crc := crc24(data)
	for len(data) > 0 {
		n := min(octets, len(data))
		dst = append(base64.StdEncoding.AppendEncode(dst, data[:n]), end...)
		data = data[n:]
	}
	dst = append(dst, '=')
	dst = append(base64.StdEncoding.AppendEncode(dst, []byte{byte(crc >> 16), byte(crc >> 8), byte(crc)}), end...)
	return append(append(dst, armorEnd+blockType+armorDash...), end...)
}

// ArmorCertificate returns a certificate, kept as Certificate.Bytes gave it, as ASCII armor without reading it: a directory of
// thousands would cost a signature check each. Whoever gets it parses it.
func ArmorCertificate(data []byte) string { return armor(armorPublicKey, data) }

// crc24 is the checksum of RFC 9580, section 6.1.1.
func crc24(data []byte) uint32 {
	crc := uint32(0xb704ce)
	t := &crc24Tables
	for ; len(data) >= len(t); data = data[len(t):] { // the first three octets meet all that was before
		crc = t[5][byte(crc>>16)^data[0]] ^ t[4][byte(crc>>8)^data[1]] ^ t[3][byte(crc)^data[2]] ^ t[2][data[3]] ^ t[1][data[4]] ^ t[0][data[5]]
	}
	for _, octet := range data {
		crc = crc<<8 ^ t[0][byte(crc>>16)^octet]
	}
	return crc & 0xffffff
}

// crc24Tables hold what each octet does to the checksum, with so many octets behind it: bit by
// bit, the armor of a message with attachments would cost more than its encryption, and octet by octet a tenth of a mail.
var crc24Tables = func() (tables [6][256]uint32) {
	for octet := range tables[0] {
		crc := uint32(octet) << 16
		for range 8 {
			crc <<= 1
			if crc&0x1000000 != 0 {
				crc ^= 0x1864cfb
			}
		}
		tables[0][octet] = crc & 0xffffff
	}
	for behind := 1; behind < len(tables); behind++ {
		for octet, crc := range tables[behind-1] {
			tables[behind][octet] = (crc<<8 ^ tables[0][byte(crc>>16)]) & 0xffffff
		}
	}
	return tables
}()

// isArmored says whether data is meant to be text: packets start with an octet ≥ 0x80.
func isArmored(data []byte) bool {
	return bytes.Contains(data, []byte(armorBegin)) && (len(data) == 0 || data[0] < 0x80 || bytes.HasPrefix(data, []byte("\xef\xbb\xbf")))
}

var errSeveralBlocks = errors.New("there is more than one armored block; only one is taken at a time")

// dearmor returns the content of the one armored block of the given type in
// text. Text before and after it is passed over (people paste whole mails), a
// second block isn't. The checksum is not looked at, as RFC 9580, section 6.1,
// demands.
func dearmor(blockType string, text []byte) ([]byte, error) {
	begin := []byte(armorBegin + blockType + armorDash)
	end := []byte(armorEnd + blockType + armorDash)
	start := bytes.Index(text, begin)
	if start < 0 {
		return nil, fmt.Errorf("no line %q was found", begin)
	}
	rest := text[start+len(begin):]
	stop := bytes.Index(rest, end)
	if stop < 0 {
		return nil, fmt.Errorf("the line %q is missing: the text was cut off", end)
	}
	if bytes.Contains(rest[stop:], []byte(armorBegin)) || bytes.Contains(text[:start], []byte(armorBegin)) {
		return nil, errSeveralBlocks
	}
	return dearmorBody(rest[:stop])
}

// dearmorBody decodes what stands between the first and the last line of a block.
func dearmorBody(text []byte) ([]byte, error) {
	first, text, _ := bytes.Cut(text, []byte("\n"))
	if len(bytes.TrimSpace(first)) != 0 {
		return nil, errors.New("the first line of the armored block is damaged")
	}
	encoded := make([]byte, 0, len(text))
	headers, checksum := true, false
	for line := range bytes.SplitSeq(text, []byte("\n")) { // not Split: a text of line ends would become 24 times as large
		if headers = headers && bytes.Contains(line, []byte(":")); headers { // "Version: …", "Comment: …"
			continue
		}
		line = bytes.TrimSpace(line)
		if checksum && len(line) != 0 {
			return nil, errors.New("something stands behind the checksum of the armored block")
		}
		if len(line) == 5 && line[0] == '=' {
			checksum = true
			continue
		}
		encoded = append(encoded, line...)
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(data, encoded)
	if err != nil {
		return nil, errors.New("the armored block is damaged; copy it again, or send the file")
	}
	return data[:n], nil
}
