package portaltest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// npmPackage is one that tests judge by. It is fetched once, into the cache folder of whoever runs the tests, and is no part of the repository. None of its own
// scripts are run.
type npmPackage struct {
	name, version string
	// integrity is what npm's lock files call so: the SHA-512 of the package. Whatever doesn't have it is not used.
	integrity string
}

// maxPackage is the size in bytes of the largest file in a package, and of the package.
const maxPackage = 8 << 20

// packed returns the package, fetching it when it isn't there yet.
func (p npmPackage) packed() ([]byte, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("%s needs a folder to be kept in: %w", p.name, err)
	}
	folder := filepath.Join(cache, "valise-tests")
	packed, err := os.ReadFile(filepath.Join(folder, p.file()))
	if err == nil && p.check(packed) == nil {
		return packed, nil
	}
	return p.fetch(folder)
}

func (p npmPackage) file() string { return p.name + "-" + p.version + ".tgz" }

// fetch fetches the package and keeps it. Several test processes may do so at once.
func (p npmPackage) fetch(folder string) ([]byte, error) {
	npm, err := find("npm", "npm")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	apart, err := os.MkdirTemp(folder, "fetching-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(apart)
	command := exec.Command(npm, "pack", "--silent", p.name+"@"+p.version)
	command.Dir = apart
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("fetching %s: %w: %s", p.name, err, said)
	}
	packed, err := os.ReadFile(filepath.Join(apart, p.file()))
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", p.name, err)
	}
	if err := p.check(packed); err != nil {
		return nil, err
	}
	return packed, os.Rename(filepath.Join(apart, p.file()), filepath.Join(folder, p.file()))
}

func (p npmPackage) check(packed []byte) error {
	if sum := sha512.Sum512(packed); base64.StdEncoding.EncodeToString(sum[:]) != p.integrity {
		return errors.New("what npm gave for " + p.name + " " + p.version + " is not the package that was reviewed: its SHA-512 is another")
	}
	return nil
}

// each calls do with every file of the package, until it returns an error; fs.SkipAll is none.
func (p npmPackage) each(do func(name string, data []byte) error) error {
	packed, err := p.packed()
	if err != nil {
		return err
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(files, maxPackage))
		if err == nil {
			err = do(strings.TrimPrefix(header.Name, "package/"), data)
		}
		if err == fs.SkipAll {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// unpack writes the package's files where node looks for it from folder.
func (p npmPackage) unpack(folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	return p.each(func(name string, data []byte) error {
		file := filepath.Join("node_modules", p.name, filepath.FromSlash(name))
		if err := root.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return root.WriteFile(file, data, 0o644)
	})
}
