package route

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// keepMark begins a file of policies, and is sealed with them.
const keepMark = "valise mail policies v1\n"

// maxKeepFile is more than the policies of all domains that are remembered take.
const maxKeepFile = 64 << 20

// file keeps policies over a restart: whoever can alter DNS while a courier starts could else take them away. Domains are parts of addresses, so what is in it is sealed.
type file struct {
	path string
	aead cipher.AEAD
}

// newFile makes one, sealed under a key made of a secret.
func newFile(path string, secret []byte) (*file, error) {
	if len(secret) < 16 {
		return nil, errors.New("policies are kept under a secret of at least 16 octets")
	}
	key := sha256.Sum256(append([]byte(keepMark), secret...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &file{path, aead}, err
}

// read returns what is in it. Without it, nothing is kept yet.
func (f *file) read() (map[string]policy, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKeepFile {
		return nil, errors.New("it is too large")
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	wrong := errors.New("it is damaged, or was written with another courier's key")
	if len(data) < len(keepMark) || string(data[:len(keepMark)]) != keepMark {
		return nil, wrong
	}
	text, err := f.aead.Open(nil, nil, data[len(keepMark):], []byte(keepMark))
	if err != nil {
		return nil, wrong
	}
	var all map[string]policy
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, wrong
	}
	return all, nil
}

// write replaces what is in it, or leaves it as it is.
func (f *file) write(all map[string]policy) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	data := f.aead.Seal([]byte(keepMark), nil, text, []byte(keepMark))
	next, err := os.CreateTemp(filepath.Dir(f.path), filepath.Base(f.path)+".*") // readable to its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(next.Name())
	_, err = next.Write(data)
	if err == nil {
		err = next.Sync()
	}
	if closing := next.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(next.Name(), f.path)
	}
	return err
}

// because says what the system said, and not about which file.
func because(what string, err error) string {
	var code syscall.Errno
	if errors.As(err, &code) {
		return what + ": " + code.Error()
	}
	return what + ": " + err.Error()
}
