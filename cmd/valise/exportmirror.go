package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"valise/crypto"
)

// mirror is a folder that any web server can serve: what stands at an address lies in a file of that name, and a page whose address has no ending lies in
// index.html in a folder of that name, which every web server shows there. A folder of our own, .valise-mirror, says whose mirror it is.
type mirror struct {
	dir  string
	lock *os.File

	mu             sync.Mutex
	files, written int
	bytes          int64
}

// ownFolder is not for the world, and does no harm there.
const ownFolder = ".valise-mirror"

// openMirror makes the folder, or takes up one from before. One that holds something else is left alone.
func openMirror(dir, origin string, root crypto.Fingerprint) (*mirror, error) {
	m := &mirror{dir: dir}
	is := "valise mirror v1\nportal: " + origin + "\nroot: " + string(root) + "\n"
	was, err := os.ReadFile(m.own("mirror"))
	switch {
	case err == nil && string(was) != is:
		return nil, fmt.Errorf("%s is the mirror of another portal or of another root:\n%s\nname another folder, or remove this one", dir, cleanText(string(was)))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if len(entries) > 0 {
			return nil, fmt.Errorf("%s holds something else already (%s …), which would be served along with the mirror: name a new or an empty folder", dir, entries[0].Name())
		}
		if err := os.MkdirAll(filepath.Join(dir, ownFolder), 0o755); err != nil {
			return nil, err
		}
	}
	if m.lock, err = os.OpenFile(m.own("lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return nil, err
	}
	if err := lockFile(m.lock); err != nil {
		m.lock.Close()
		return nil, fmt.Errorf("%s is being brought up to date by another process: %w", dir, err)
	}
	if was == nil {
		err = m.replace(m.own("mirror"), []byte(is))
	}
	return m, err
}

func (m *mirror) close() { m.lock.Close() }

// own is a file of ours.
func (m *mirror) own(name string) string { return filepath.Join(m.dir, ownFolder, name) }

// file is where an address lies. The portal is not believed about paths, either.
func (m *mirror) file(address string) (string, error) {
	path, _, _ := strings.Cut(address, "?")
	if !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("%q is no address", clean(address))
	}
	if path == "/" {
		return m.dir, nil
	}
	file := m.dir
	for i, part := range strings.Split(path[1:], "/") {
		name, err := url.PathUnescape(part)
		if err != nil || name == "" || len(name) > 255 || strings.HasPrefix(name, ".") && !(i == 0 && name == ".well-known") || strings.ContainsAny(name, `/\:`) || strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name) {
			return "", fmt.Errorf("the address %q can't be a file", clean(address))
		}
		file = filepath.Join(file, name)
	}
	return file, nil
}

// read returns what lies there for an address.
func (m *mirror) read(address string) ([]byte, error) {
	file, err := m.file(address)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

func (m *mirror) exists(address string) bool {
	file, err := m.file(address)
	if err != nil {
		return false
	}
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	m.count(info.Size(), false)
	return true
}

// has says whether exactly this lies there.
func (m *mirror) has(address string, want []byte) bool {
	kept, err := m.read(address)
	if err != nil || !bytes.Equal(kept, want) {
		return false
	}
	m.count(int64(len(want)), false)
	return true
}

// put writes a file, unless exactly this lies there.
func (m *mirror) put(address string, data []byte) error {
	file, err := m.file(address)
	if err != nil {
		return err
	}
	return m.putFile(file, data)
}

// putPage writes a page: its address has no ending.
func (m *mirror) putPage(address string, data []byte) error {
	file, err := m.file(address)
	if err != nil {
		return err
	}
	return m.putFile(filepath.Join(file, "index.html"), data)
}

func (m *mirror) putFile(file string, data []byte) error {
	if kept, err := os.ReadFile(file); err == nil && bytes.Equal(kept, data) {
		m.count(int64(len(data)), false)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := m.replace(file, data); err != nil {
		return err
	}
	m.count(int64(len(data)), true)
	return nil
}

// replace puts a file in place whole or not at all, readable by the web server.
func (m *mirror) replace(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Join(m.dir, ownFolder), "new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

func (m *mirror) count(size int64, written bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files++
	m.bytes += size
	if written {
		m.written++
	}
}
