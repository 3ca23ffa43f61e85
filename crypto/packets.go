package crypto

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// OpenPGP packet types that this package names (RFC 9580, section 5).
const (
	packetPKESK            = 1
	packetSignature        = 2
	packetSKESK            = 3
	packetOnePassSignature = 4
	packetSecretKey        = 5
	packetPublicKey        = 6
	packetSecretSubkey     = 7
	packetCompressed       = 8
	packetMarker           = 10
	packetLiteral          = 11
	packetTrust            = 12
	packetUserID           = 13
	packetPublicSubkey     = 14
	packetUserAttribute    = 17
	packetSEIPD            = 18
	packetPadding          = 21
)

// rawPacket is one OpenPGP packet as it was received: whole is header and body,
// body is the same memory without the header.
type rawPacket struct {
	kind  byte
	body  []byte
	whole []byte
}

var errTooManyPackets = errors.New("it holds too many OpenPGP packets")

// splitPackets cuts data into its packets without looking into them. Both header
// formats are read (RFC 9580, sections 4.2.1 and 4.2.2), but only definite
// lengths: nothing here is so long that it must be written in parts. More than
// limit packets are refused.
func splitPackets(data []byte, limit int) ([]rawPacket, error) {
	var packets []rawPacket
	for len(data) > 0 {
		if len(packets) == limit {
			return nil, fmt.Errorf("%w: more than %d", errTooManyPackets, limit)
		}
		p, rest, err := cutPacket(data)
		if err != nil {
			return nil, err
		}
		packets, data = append(packets, p), rest
	}
	return packets, nil
}

// cutPacket takes the first packet, of definite length, off data.
func cutPacket(data []byte) (p rawPacket, rest []byte, err error) {
	kind, header, size, err := packetHeader(data)
	if err != nil {
		return p, nil, err
	}
	if size > uint64(len(data)-header) {
		return p, nil, errors.New("an OpenPGP packet is cut off")
	}
	end := header + int(size)
	return rawPacket{kind: kind, body: data[header:end:end], whole: data[:end:end]}, data[end:], nil
}

// packetHeader reads one packet header: the packet's type, and the sizes of header and body.
func packetHeader(data []byte) (kind byte, header int, size uint64, err error) {
	cut := errors.New("an OpenPGP packet header is cut off")
	first := data[0]
	if first&0x80 == 0 {
		return 0, 0, 0, errors.New("it is not a sequence of OpenPGP packets")
	}
	if first&0x40 == 0 { // legacy format
		lengthOctets := 1 << (first & 3)
		if lengthOctets == 8 {
			return 0, 0, 0, errors.New("an OpenPGP packet has no definite length")
		}
		if len(data) < 1+lengthOctets {
			return 0, 0, 0, cut
		}
		for _, b := range data[1 : 1+lengthOctets] {
			size = size<<8 | uint64(b)
		}
		return first >> 2 & 0x0f, 1 + lengthOctets, size, nil
	}
	if len(data) < 2 {
		return 0, 0, 0, cut
	}
	kind = first & 0x3f
	switch l := data[1]; {
	case l < 192:
		return kind, 2, uint64(l), nil
	case l < 224:
		if len(data) < 3 {
			return 0, 0, 0, cut
		}
		return kind, 3, uint64(l-192)<<8 + uint64(data[2]) + 192, nil
	case l == 255:
		if len(data) < 6 {
			return 0, 0, 0, cut
		}
		return kind, 6, uint64(binary.BigEndian.Uint32(data[2:6])), nil
	default:
		return 0, 0, 0, errors.New("an OpenPGP packet has no definite length")
	}
}

// appendPacket appends a packet with a header in the OpenPGP format and the
// shortest definite length (RFC 9580, section 4.2.1).
func appendPacket(to []byte, kind byte, body []byte) []byte {
	return append(appendPacketHeader(to, kind, len(body)), body...)
}

// appendPacketHeader appends the header of a packet whose body has size bytes.
func appendPacketHeader(to []byte, kind byte, size int) []byte {
	to = append(to, 0xc0|kind)
	switch {
	case size < 192:
		return append(to, byte(size))
	case size < 8384:
		return append(to, byte((size-192)>>8)+192, byte(size-192))
	default:
		return binary.BigEndian.AppendUint32(append(to, 255), uint32(size))
	}
}
