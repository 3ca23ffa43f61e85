package courier

import (
	"bytes"
	"sync"
)

// sheets are what mails are written on: octets that were another mail's before. So a courier that has much to send leaves no garbage of a mail's size behind each. The sheets of one size lie
// together, and none is larger than what most mails need.
type sheets struct{ pools [3]sync.Pool }

// signatureRoom is how many octets are left free before a mail, for DKIM signatures: one of Ed25519 and one of RSA with 4096 bits have 1.7 KiB together.
const signatureRoom = 2 << 10

// take returns a sheet for a mail of about so many octets; what is written on it stands behind signatureRoom.
func (s *sheets) take(octets int) *bytes.Buffer {
	for i := range s.pools {
		if octets > sizes[i] {
			continue
		}
		if b, ok := s.pools[i].Get().(*bytes.Buffer); ok {
			b.Truncate(signatureRoom)
			return b
		}
		octets = sizes[i]
		break
	}
	return bytes.NewBuffer(make([]byte, signatureRoom, signatureRoom+octets))
}

// give gives a sheet back, when nobody reads it any more.
func (s *sheets) give(b *bytes.Buffer) {
	for i := range s.pools {
		if b.Cap() == signatureRoom+sizes[i] {
			s.pools[i].Put(b)
		}
	}
}
