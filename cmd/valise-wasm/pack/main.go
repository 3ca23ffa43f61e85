// Pack compresses the portal's assets ahead of time, with brotli and gzip, so that the server never compresses anything itself
// (a page that compresses secrets beside what an attacker chose leaks them: BREACH).
//
//	pack portal/web/assets
//
// For each asset NAME in the folder, or in its subfolder generated (where the build leaves the WASM), it writes
// generated/NAME.br and generated/NAME.gz, and removes those whose asset is gone. What is there and still decompresses to
// the asset is left alone. Of the WASM in generated/.reader.wasm and what runs it, it also makes generated/reader.html, the offline reader (reader.go). It fails when a compressed WASM has outgrown what a line can bear.
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
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// maxSizes are how large an asset may be after brotli, in octets: the WASM of representatives, who may have a bad line, and that of staff.
var maxSizes = map[string]int{"valise.wasm": 2_000_000, "desk.wasm": 2_600_000}

// compressible are the endings of text and code; pictures and fonts are compressed already.
var compressible = []string{".css", ".js", ".svg", ".wasm", ".txt", ".json", ".html"}

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
	if err := makeReader(folder, generated); err != nil {
		return fmt.Errorf("the offline reader: %w", err)
	}
	assets, err := find(folder, generated)
	if err != nil {
		return err
	}
	current := map[string]bool{}
	var work []packing
	for _, asset := range assets {
		for _, c := range codings {
			if asset.name == readerFile && c.ending == ".br" {
				continue // it is compressed inside, and brotli would take long to find nothing
			}
			target := filepath.Join(generated, asset.name+c.ending)
			current[target] = true
			work = append(work, packing{asset: asset, coding: c, target: target})
		}
	}
	// Brotli takes half a minute over a WASM, and there are two.
	var group sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range work {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			work[i].run()
		})
	}
	group.Wait()
	for _, p := range work {
		if p.err != nil {
			return fmt.Errorf("%s: %w", p.target, p.err)
		}
		if p.done {
			fmt.Fprintf(report, "%s: %d of %d bytes\n", p.target, p.size, p.from)
		}
		if limit := maxSizes[p.asset.name]; limit > 0 && p.coding.ending == ".br" && p.size > limit {
			return fmt.Errorf("%s has %d bytes after brotli; the limit is %d: look what came in with the last change (go tool nm -size -sort size)", p.asset.name, p.size, limit)
		}
	}
	return removeOthers(generated, current)
}

// packing is one asset in one coding, and what came of it.
type packing struct {
	asset      asset
	coding     coding
	target     string
	from, size int
	done       bool
	err        error
}

func (p *packing) run() {
	data, err := os.ReadFile(p.asset.path)
	if err != nil {
		p.err = err
		return
	}
	p.from = len(data)
	p.size, p.done, p.err = compress(data, p.target, p.coding)
}

// asset is a file to compress; name is where it lies below its folder, with slashes.
type asset struct{ path, name string }

// find lists the assets: hand-written ones in folder, built ones in generated.
func find(folder, generated string) ([]asset, error) {
	var assets []asset
	names := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains(compressible, filepath.Ext(path)) || strings.HasPrefix(entry.Name(), ".") {
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
