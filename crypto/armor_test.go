package crypto

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
)

// TestTheChecksumOfArmor: several octets at once give what bits one by one give, as RFC 9580, section 6.1.1, has it.
func TestTheChecksumOfArmor(t *testing.T) {
	data := make([]byte, 100)
	rand.Read(data)
	for n := range data {
		crc := uint32(0xb704ce)
		for _, octet := range data[:n] {
			crc ^= uint32(octet) << 16
			for range 8 {
				if crc <<= 1; crc&0x1000000 != 0 {
					crc ^= 0x1864cfb
				}
			}
		}
		if got := crc24(data[:n]); got != crc&0xffffff {
			t.Fatalf("of %d octets: %06x in place of %06x", n, got, crc&0xffffff)
		}
	}
}

// TestArmorForMail: it differs from other armor in the ends of lines, and comes apart again.
func TestArmorForMail(t *testing.T) {
	data := make([]byte, 200)
	rand.Read(data)
	for n := range data {
		got := string(AppendArmoredMail([]byte("before"), data[:n]))
		if want := "before" + strings.ReplaceAll(string(ArmorMessage(data[:n])), "\n", "\r\n"); got != want {
			t.Fatalf("of %d octets:\n%s", n, got)
		}
		if back, err := dearmor(armorMessage, []byte(got)); err != nil || !bytes.Equal(back, data[:n]) {
			t.Fatalf("of %d octets: %v", n, err)
		}
	}
}
