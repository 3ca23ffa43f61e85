package crypto

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Message joins an envelope and a body: a complete OpenPGP message (RFC 9580,
// section 10.3), which the envelope's owner can open with any program that knows
// the suite.
func Message(envelope, body []byte) []byte {
	return slices.Concat(envelope, body)
}

// ArmorMessage returns a message as ASCII armor with CRC-24.
func ArmorMessage(message []byte) []byte {
	return []byte(armor(armorMessage, message))
}

// AppendArmoredMail appends a message to dst as ArmorMessage returns it, but with the line ends of mail, CR LF.
func AppendArmoredMail(dst, message []byte) []byte {
	return appendArmor(dst, armorMessage, message, "\r\n")
}

// SplitMessage takes a message, armored or binary, apart again: exactly one
// envelope, then one body with a definite length.
func SplitMessage(message []byte) (envelope, body []byte, err error) {
	raw, err := binaryMessage(message)
	if err != nil {
		return nil, nil, err
	}
	packets, err := splitPackets(raw, 2)
	if err != nil {
		return nil, nil, errNoMessage(err)
	}
	if len(packets) != 2 || packets[0].kind != packetPKESK || packets[1].kind != packetSEIPD {
		return nil, nil, errNoMessage(errors.New("it is not one envelope and one body"))
	}
	return packets[0].whole, packets[1].whole, nil
}

func errNoMessage(cause error) error {
	return fmt.Errorf("this is not a sealed message that can be read: %w", cause)
}

// binaryMessage takes off the armor, if there is one, and returns memory of its own.
func binaryMessage(message []byte) ([]byte, error) {
	const limit = MaxBodySize + maxRecordRecipients*MaxEnvelopeSize
	if len(message) > limit/3*4+limit/16 {
		return nil, errNoMessage(errors.New("it is too large"))
	}
	raw := bytes.Clone(message)
	if isArmored(message) {
		var err error
		if raw, err = dearmor(armorMessage, message); err != nil {
			return nil, errNoMessage(err)
		}
	}
	if len(raw) > limit {
		return nil, errNoMessage(errors.New("it is too large"))
	}
	return raw, nil
}

// Sizes in the two versions of encrypted data packets (RFC 9580, section 5.13).
const (
	seipd1Minimum = 1 + 16 + 2 + 22           // version, random block and its check, digest
	seipd2Minimum = 1 + 3 + 32 + seipdTag + 1 // version, cipher/mode/chunk size, salt, final tag
	seipdTag      = 16
	maxChunkOctet = 16
)

// CheckBody is the server's look at what a client calls a sealed body: one
// encrypted data packet of a known version with a definite length, AES-256 in OCB
// or GCM mode for version 2, of at most MaxBodySize. It returns the suite. That the
// packet is what it seems can only be told by who opens it.
func CheckBody(body []byte) (Suite, error) {
	if len(body) > MaxBodySize {
		return "", fmt.Errorf("the body has %d bytes; at most %d are accepted", len(body), MaxBodySize)
	}
	packets, err := splitPackets(body, 1)
	if err != nil {
		return "", fmt.Errorf("the body is not one sealed packet: %w", err)
	}
	if len(packets) != 1 || packets[0].kind != packetSEIPD || len(packets[0].body) == 0 {
		return "", errors.New("the body is not a sealed packet: seal it before sending it")
	}
	switch b := packets[0].body; b[0] {
	case 1:
		if len(b) < seipd1Minimum {
			return "", errors.New("the body is cut off")
		}
		return SuiteCompat, nil
	case 2:
		if len(b) < seipd2Minimum {
			return "", errors.New("the body is cut off")
		}
		if b[1] != byte(packet.CipherAES256) || b[2] != byte(packet.AEADModeOCB) && b[2] != byte(packet.AEADModeGCM) || b[3] > maxChunkOctet {
			return "", fmt.Errorf("the body is encrypted in a way (cipher %d, mode %d, chunk size %d) that is not accepted: it must be AES-256 in OCB mode", b[1], b[2], b[3])
		}
		return SuitePQ, nil
	default:
		return "", fmt.Errorf("the body is of version %d; 1 and 2 are known", b[0])
	}
}

// maxInsidePackets is how many packets are looked at inside encrypted data.
const maxInsidePackets = 8

// insidePackets returns the packets that were encrypted, without padding and
// markers. Other programs may have compressed them.
func insidePackets(plain []byte) ([]rawPacket, error) {
	packets, err := contentPackets(plain)
	if err != nil || len(packets) != 1 || packets[0].kind != packetCompressed {
		return packets, err
	}
	if plain, err = decompress(packets[0].body); err != nil {
		return nil, err
	}
	return contentPackets(plain)
}

func contentPackets(plain []byte) ([]rawPacket, error) {
	packets, err := joinPackets(plain, maxInsidePackets)
	if err != nil {
		return nil, fmt.Errorf("the sealed content can't be read: %w", err)
	}
	return slices.DeleteFunc(packets, func(p rawPacket) bool { return p.kind == packetPadding || p.kind == packetMarker }), nil
}

// decompress reads a compressed data packet (RFC 9580, section 5.6), whose content
// may not be larger than a body.
func decompress(body []byte) ([]byte, error) {
	damaged := errors.New("the sealed content is compressed in a way that can't be read")
	if len(body) == 0 {
		return nil, damaged
	}
	var r io.Reader = bytes.NewReader(body[1:])
	switch body[0] {
	case 1:
		r = flate.NewReader(r)
	case 2:
		var err error
		if r, err = zlib.NewReader(r); err != nil {
			return nil, damaged
		}
	case 3:
		r = bzip2.NewReader(r)
	default:
		return nil, damaged
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxBodySize+1))
	if err != nil {
		return nil, damaged
	}
	if len(plain) > MaxBodySize {
		return nil, errors.New("the sealed content is too large when it is decompressed")
	}
	return plain, nil
}

// joinPackets is splitPackets for what other programs wrote: packets that hold
// data may come in parts (RFC 9580, section 4.2.1.4), which are joined, or in the
// legacy format without a length (section 4.2.2), up to the end. whole is then nil.
func joinPackets(data []byte, limit int) ([]rawPacket, error) {
	var packets []rawPacket
	for len(data) > 0 {
		if len(packets) == limit {
			return nil, fmt.Errorf("%w: more than %d", errTooManyPackets, limit)
		}
		first := data[0]
		switch {
		case first&0xc0 == 0x80 && first&3 == 3:
			kind := first >> 2 & 0x0f
			if kind != packetCompressed && kind != packetLiteral {
				return nil, errors.New("an OpenPGP packet has no definite length")
			}
			return append(packets, rawPacket{kind: kind, body: data[1:]}), nil
		case first&0xc0 == 0xc0 && len(data) > 1 && data[1] >= 224 && data[1] < 255:
			p, rest, err := joinParts(data)
			if err != nil {
				return nil, err
			}
			packets, data = append(packets, p), rest
		default:
			p, rest, err := cutPacket(data)
			if err != nil {
				return nil, err
			}
			packets, data = append(packets, p), rest
		}
	}
	return packets, nil
}

// joinParts reads one packet with partial lengths.
func joinParts(data []byte) (p rawPacket, rest []byte, err error) {
	cut := errors.New("an OpenPGP packet is cut off")
	p.kind = data[0] & 0x3f
	switch p.kind {
	case packetCompressed, packetLiteral, packetSEIPD:
	default:
		return p, nil, errors.New("an OpenPGP packet comes in parts that may not")
	}
	p.body = make([]byte, 0, len(data))
	data = data[1:]
	for {
		if len(data) == 0 {
			return p, nil, cut
		}
		var size, octets int
		last := true
		switch l := data[0]; {
		case l < 192:
			size, octets = int(l), 1
		case l < 224:
			if len(data) < 2 {
				return p, nil, cut
			}
			size, octets = int(l-192)<<8+int(data[1])+192, 2
		case l == 255:
			if len(data) < 5 {
				return p, nil, cut
			}
			n := binary.BigEndian.Uint32(data[1:5])
			if uint64(n) > uint64(len(data)) {
				return p, nil, cut
			}
			size, octets = int(n), 5
		default:
			size, octets, last = 1<<(l&0x1f), 1, false
		}
		if size > len(data)-octets {
			return p, nil, cut
		}
		p.body = append(p.body, data[octets:octets+size]...)
		data = data[octets+size:]
		if last {
			return p, data, nil
		}
	}
}
