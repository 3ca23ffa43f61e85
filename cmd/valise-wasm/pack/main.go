// Pack compresses the portal's assets ahead of time, with brotli and gzip, so that the server never compresses anything itself
// (a page that compresses secrets beside what an attacker chose leaks them: BREACH).
//
//	pack portal/web/assets
//
// For each asset NAME in the folder, or in its subfolder generated (where the build leaves the WASM), it writes
// generated/NAME.br and generated/NAME.gz, and removes those whose asset is gone. What is there and still decompresses to
// the asset is left alone. It fails when the compressed WASM has outgrown what a bad line can bear.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
)

// maxWASM is how large the brotli-compressed WASM may be, in octets.
const maxWASM = 2_000_000

// compressible are the endings of text and code; pictures and fonts are compressed already.
var compressible = []string{".css", ".js", ".svg", ".wasm", ".txt", ".json"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pack ASSETS-FOLDER")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(folder string, report io.Writer) error {
	generated := filepath.Join(folder, "generated")
	assets, err := find(folder, generated)
	if err != nil {
		return err
	}
	current := map[string]bool{}
	for _, asset := range assets {
		data, err := os.ReadFile(asset.path)
		if err != nil {
			return err
		}
		for _, c := range codings {
			target := filepath.Join(generated, asset.name+c.ending)
			current[target] = true
			size, done, err := compress(data, target, c)
			if err != nil {
				return fmt.Errorf("%s: %w", target, err)
			}
			if done {
				fmt.Fprintf(report, "%s: %d of %d bytes\n", target, size, len(data))
			}
			if c.ending == ".br" && strings.HasSuffix(asset.name, ".wasm") && size > maxWASM {
				return fmt.Errorf("%s has %d bytes after brotli; the limit is %d: look what came in with the last change (go tool nm -size -sort size)", asset.name, size, maxWASM)
			}
		}
	}
	return removeOthers(generated, current)
}

// asset is a file to compress; name is where it lies below its folder, with slashes.
type asset struct{ path, name string }

// find lists the assets: hand-written ones in folder, built ones in generated.
func find(folder, generated string) ([]asset, error) {
	var assets []asset
	names := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains(compressible, filepath.Ext(path)) {
			return err
		}
		base := folder
		if strings.HasPrefix(path, generated+string(filepath.Separator)) {
			base = generated
		}
		name, err := filepath.Rel(base, path)
		if err != nil {
			return err
		}
		if other, ok := names[name]; ok {
			return fmt.Errorf("%s and %s have the same name", other, path)
		}
		names[name] = path
		assets = append(assets, asset{path, name})
		return nil
	})
	return assets, err
}

type coding struct {
	ending string
	writer func(io.Writer) (io.WriteCloser, error)
	reader func(io.Reader) (io.Reader, error)
}

var codings = []coding{
	{
		".br",
		func(w io.Writer) (io.WriteCloser, error) {
			return brotli.NewWriterLevel(w, brotli.BestCompression), nil
		},
		func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	},
	{
		".gz",
		func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) },
		func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	},
}

// compress writes data to target, unless target holds just that already. It returns the compressed size.
func compress(data []byte, target string, c coding) (size int, done bool, err error) {
	old, err := os.ReadFile(target)
	switch {
	case err == nil:
		if holds(old, data, c) {
			return len(old), false, nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return 0, false, err
	}
	var out bytes.Buffer
	w, err := c.writer(&out)
	if err != nil {
		return 0, false, err
	}
	if _, err := w.Write(data); err != nil {
		return 0, false, err
	}
	if err := w.Close(); err != nil {
		return 0, false, err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return 0, false, err
	}
	// Under another name first: a build that is interrupted must not leave half a file.
	if err := os.WriteFile(target+".part", out.Bytes(), 0o644); err != nil {
		return 0, false, err
	}
	return out.Len(), true, os.Rename(target+".part", target)
}

func holds(compressed, data []byte, c coding) bool {
	r, err := c.reader(bytes.NewReader(compressed))
	if err != nil {
		return false
	}
	got, err := io.ReadAll(io.LimitReader(r, int64(len(data))+1))
	return err == nil && bytes.Equal(got, data)
}

// removeOthers removes compressed files whose asset is gone: they would be built into the binary.
func removeOthers(generated string, current map[string]bool) error {
	return filepath.WalkDir(generated, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || current[path] {
			return err
		}
		switch filepath.Ext(path) {
		case ".br", ".gz", ".part":
			return os.Remove(path)
		}
		return nil
	})
}
