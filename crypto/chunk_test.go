package crypto

import (
	"bytes"
	"testing"
)

// TestASmallContentIsOneSmallChunk: who opens it needs no memory for a large one. Contents of any length around the ends of chunks open.
func TestASmallContentIsOneSmallChunk(t *testing.T) {
	key, err := newSessionKey(SuitePQ)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 63, 64, 65, 4095, 4096, 4097, 1<<18 - 1, 1 << 18, 1<<18 + 1, 3 << 18} {
		plain := bytes.Repeat([]byte("x"), size)
		sealed, err := key.encrypt(plain)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := key.decrypt(sealed)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		packets, err := splitPackets(sealed, 1)
		if err != nil {
			t.Fatal(err)
		}
		chunk := 1 << (packets[0].body[3] + 6)
		if fits := size < chunk; fits != (size < 1<<18) || chunk > 1<<18 || fits && chunk > max(64, 2*size) {
			t.Errorf("%d bytes are sealed in chunks of %d", size, chunk)
		}
	}
}
