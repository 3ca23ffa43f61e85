package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEveryAssetIsCompressedBothWays(t *testing.T) {
	folder := t.TempDir()
	style := bytes.Repeat([]byte("body { margin: 0 }\n"), 100)
	write(t, filepath.Join(folder, "style.css"), style)
	write(t, filepath.Join(folder, "js", "app.js"), []byte("export {}"))
	write(t, filepath.Join(folder, "seal.png"), []byte("a picture"))
	write(t, filepath.Join(folder, "generated", "valise.wasm"), []byte("\x00asm"))
	write(t, filepath.Join(folder, "generated", "old.css.br"), []byte("of an asset that is gone"))
	if err := pack(folder, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, c := range codings {
		for _, name := range []string{"style.css", "js/app.js", "valise.wasm"} {
			if _, err := os.Stat(filepath.Join(folder, "generated", name+c.ending)); err != nil {
				t.Error(err)
			}
		}
		compressed, err := os.ReadFile(filepath.Join(folder, "generated", "style.css"+c.ending))
		if err != nil {
			t.Fatal(err)
		}
		if !holds(compressed, style, c) || len(compressed) >= len(style) {
			t.Errorf("style.css%s does not hold the style sheet, smaller", c.ending)
		}
		if _, err := os.Stat(filepath.Join(folder, "generated", "seal.png"+c.ending)); err == nil {
			t.Errorf("a picture was compressed again")
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "generated", "old.css.br")); err == nil {
		t.Error("what was left of a removed asset is still there")
	}
}

func TestOnlyWhatChangedIsCompressedAgain(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "a.css"), []byte("a {}"))
	write(t, filepath.Join(folder, "b.css"), []byte("b {}"))
	write(t, filepath.Join(folder, "generated", "valise.wasm"), []byte("\x00asm"))
	if err := pack(folder, io.Discard); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	for _, name := range []string{"a.css.br", "b.css.br"} {
		if err := os.Chtimes(filepath.Join(folder, "generated", name), long, long); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(folder, "b.css"), []byte("b { color: red }"))
	if err := pack(folder, io.Discard); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a.css.br": false, "b.css.br": true} {
		info, err := os.Stat(filepath.Join(folder, "generated", name))
		if err != nil {
			t.Fatal(err)
		}
		if again := info.ModTime().After(long.Add(time.Minute)); again != want {
			t.Errorf("%s: compressed again is %t, want %t", name, again, want)
		}
	}
}

func TestTheLimitOfEachWASMIsHeld(t *testing.T) {
	noise := make([]byte, maxSizes["desk.wasm"]+1)
	random := rand.NewChaCha8([32]byte{})
	random.Read(noise)
	for name, limit := range maxSizes {
		folder := t.TempDir()
		write(t, filepath.Join(folder, "generated", name), noise[:limit+1])
		err := pack(folder, io.Discard)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "limit") {
			t.Errorf("%s was accepted with more than %d bytes: %v", name, limit, err)
		}
	}
}
