package evidence_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A zip tells twice what is in it, and programs differ in what they believe. A portal that lies could show Valise one bundle, and whoever unpacks it another.
func TestABundleCanBeReadInOneWayOnly(t *testing.T) {
	c := tell(t)
	genuine := c.bundle()
	files := unpack(t, genuine)
	if _, err := c.verify(genuine); err != nil {
		t.Fatal(err)
	}

	t.Run("whichever bit is turned", func(t *testing.T) {
		const closely = 2 << 10 // heads and directory lie here; between them it is mostly compressed files, which have checksums
		for i := 0; i < len(genuine); i += 5 {
			if i > closely && i < len(genuine)-closely {
				i += 97
			}
			altered := bytes.Clone(genuine)
			altered[i] ^= 1 << (i % 8)
			if _, err := c.verify(altered); err == nil && !maps.EqualFunc(files, unpack(t, altered), bytes.Equal) {
				t.Errorf("a bit of octet %d was turned, and Verify took other files for genuine", i)
			}
		}
	})

	const manifest = "notice/manifest.txt"
	first := bytes.Index(genuine, []byte(manifest)) // before the file; the last is in the directory
	listed := bytes.LastIndex(genuine, []byte(manifest))
	for name, altered := range map[string][]byte{
		"another name before the file":           slices.Replace(bytes.Clone(genuine), first, first+len(manifest), []byte("notice/MANIFEST.txt")...),
		"something before the first file":        append([]byte("#!/bin/sh\n"), genuine...),
		"something behind it":                    append(bytes.Clone(genuine), 0),
		"a comment":                              packed(t, files, func(w *zip.Writer) { w.SetComment("PK") }),
		"a file that the directory hides":        hidden(t, files, manifest),
		"another name in an extra field":         repacked(t, files, func(h *zip.FileHeader) { h.Extra = unicodePath(h.Name) }),
		"a comment of a file":                    repacked(t, files, func(h *zip.FileHeader) { h.Comment = "x" }),
		"a link":                                 repacked(t, files, func(h *zip.FileHeader) { h.SetMode(0o777 | 1<<27) }),
		"a size that is said in another way":     slices.Replace(bytes.Clone(genuine), listed-46+24, listed-46+28, 1, 0, 0, 0),
		"not compressed, its size behind it":     repacked(t, files, func(h *zip.FileHeader) { h.Method, h.Flags = zip.Store, 1<<3 }),
		"a file behind another's compressed end": behindTheEnd(t, files, manifest),
		"another directory in an extra field":    anotherDirectory(t, files, manifest),
		"fewer files on this disk":               slices.Replace(bytes.Clone(genuine), len(genuine)-14, len(genuine)-13, 1),
		"a place where there is another file":    slices.Replace(bytes.Clone(genuine), listed-4, listed, genuine[first-30:first-26]...),
	} {
		if _, err := c.verify(altered); err == nil {
			t.Errorf("%s: it holds", name)
		} else if strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: %v", name, err)
		}
	}

	t.Run("packed anew, it holds", func(t *testing.T) {
		for name, again := range map[string][]byte{
			"by Valise":                             pack(files),
			"with times and owners, not compressed": repacked(t, files, func(h *zip.FileHeader) { h.Method, h.Extra = zip.Store, []byte{0x75, 0x78, 3, 0, 1, 0, 0} }),
		} {
			if _, err := c.verify(again); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func packed(t *testing.T, files map[string][]byte, more func(*zip.Writer)) []byte {
	t.Helper()
	return write(t, files, func(*zip.FileHeader) {}, more)
}

func repacked(t *testing.T, files map[string][]byte, change func(*zip.FileHeader)) []byte {
	t.Helper()
	return write(t, files, change, func(*zip.Writer) {})
}

func write(t *testing.T, files map[string][]byte, change func(*zip.FileHeader), more func(*zip.Writer)) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		change(h)
		create := w.CreateHeader
		if h.Method == zip.Store && h.Flags == 0 { // with its size before it
			size := uint64(len(files[name]))
			h.CRC32, h.CompressedSize64, h.UncompressedSize64 = crc32.ChecksumIEEE(files[name]), size, size
			create = w.CreateRaw
		}
		f, err := create(h)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	more(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unicodePath is Info-ZIP's extra field that gives a file another name (APPNOTE.TXT, section 4.6.9).
func unicodePath(string) []byte {
	other := "evil.txt"
	field := binary.LittleEndian.AppendUint16(nil, 0x7075)
	field = binary.LittleEndian.AppendUint16(field, uint16(5+len(other)))
	return append(append(field, 1, 0, 0, 0, 0), other...)
}

// anotherDirectory is a bundle whose last extra field, of owners, holds another bundle with another file of a name, and ends like the end of a large zip: programs that look for that wherever they see
// its locator (Python's zipfile, for one) read that other bundle.
func anotherDirectory(t *testing.T, files map[string][]byte, name string) []byte {
	t.Helper()
	other := repacked(t, map[string][]byte{name: []byte("something else\n")}, func(h *zip.FileHeader) { h.Method = zip.Store })
	directory := bytes.Index(other, []byte("PK\x01\x02"))
	field := other[:len(other)-22]
	length := uint64(len(field) - directory)
	field = append(field, "PK\x06\x06"...)
	field = binary.LittleEndian.AppendUint64(field, 44)
	field = append(field, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, n := range []uint64{1, 1, length, uint64(directory)} {
		field = binary.LittleEndian.AppendUint64(field, n)
	}
	field = append(field, "PK\x06\x07\x00\x00\x00\x00"...)
	field = binary.LittleEndian.AppendUint64(field, uint64(directory)+length)
	field = append(field, 1, 0, 0, 0)
	last := slices.Max(slices.Collect(maps.Keys(files)))
	return repacked(t, files, func(h *zip.FileHeader) {
		if h.Name == last {
			h.Extra = append(binary.LittleEndian.AppendUint16([]byte{0x75, 0x78}, uint16(len(field))), field...)
		}
	})
}

// hidden is a bundle with another file of a name before the genuine one, which the directory doesn't list: programs that read from the beginning take it.
func hidden(t *testing.T, files map[string][]byte, name string) []byte {
	t.Helper()
	other := repacked(t, map[string][]byte{name: []byte("something else\n")}, func(*zip.FileHeader) {})
	directory := bytes.Index(other, []byte("PK\x01\x02"))
	var out bytes.Buffer
	out.Write(other[:directory])
	w := zip.NewWriter(&out)
	w.SetOffset(int64(directory))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// behindTheEnd is a bundle whose README says that it is longer in the zip than its compressed text, and has another file of a name there: programs that read from the beginning take where the
// text ends for the end, and the other file for the next.
func behindTheEnd(t *testing.T, files map[string][]byte, name string) []byte {
	t.Helper()
	other := repacked(t, map[string][]byte{name: []byte("something else\n")}, func(*zip.FileHeader) {})
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, n := range slices.Sorted(maps.Keys(files)) {
		var text bytes.Buffer
		c, err := flate.NewWriter(&text, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		c.Write(files[n])
		c.Close()
		h := &zip.FileHeader{Name: n, Method: zip.Deflate, Flags: 1 << 3, CRC32: crc32.ChecksumIEEE(files[n]), UncompressedSize64: uint64(len(files[n]))}
		if n == "README.md" {
			end := binary.LittleEndian.AppendUint32([]byte("PK\x07\x08"), h.CRC32)
			end = binary.LittleEndian.AppendUint32(end, uint32(text.Len()))
			text.Write(binary.LittleEndian.AppendUint32(end, uint32(len(files[n]))))
			text.Write(other[:bytes.Index(other, []byte("PK\x01\x02"))])
		}
		h.CompressedSize64 = uint64(text.Len())
		f, err := w.CreateRaw(h)
		if err == nil {
			_, err = f.Write(text.Bytes())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
