package evidence

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

// errTwoReadings refuses a zip that programs read differently: whoever checks a bundle with Valise and unpacks it with something else must get the files that were checked.
var errTwoReadings = errors.New("the zip can be read in more than one way, so another program may unpack other files than the ones that are checked here; it wasn't packed so by Valise")

// A zip tells everything twice: before each file, and in a directory at its end (APPNOTE.TXT 6.3.10, sections 4.3 and 4.4). These are the sizes of what is fixed in it, and its signatures.
const (
	localSize, directorySize, descriptorSize = 30, 46, 16
	endSize, end64Size, locatorSize          = 22, 56, 20

	localSignature, directorySignature, descriptorSignature = 0x04034b50, 0x02014b50, 0x08074b50
	endSignature, end64Signature, locatorSignature          = 0x06054b50, 0x06064b50, 0x07064b50

	sizesFollow = 1 << 3  // flag: checksum and sizes stand after the file
	packedHow   = 3 << 1  // flags: how hard it was compressed, which says nothing of the content
	inUTF8      = 1 << 11 // flag: the name is UTF-8
)

// harmless are the extra fields that say nothing but times and owners. Others give a file another name or another size.
var harmless = []uint16{0x000a, 0x5455, 0x5855, 0x7855, 0x7875}

// reading walks through a zip twice at once: along its files, and along its directory.
type reading struct {
	r                io.ReaderAt
	local, directory int64 // where it is
}

// oneReading refuses a zip in which files and directory differ, or in which anything lies that is no file of the directory: before, between or behind the files, or in a comment.
func oneReading(r io.ReaderAt, size int64, files []*zip.File) error {
	if size > math.MaxUint32 {
		return fmt.Errorf("the zip has more than %d GiB; no bundle is so large", math.MaxUint32>>30+1)
	}
	end, begin, err := directoryOf(r, size, len(files))
	if err != nil {
		return err
	}
	at := &reading{r: r, directory: begin}
	for _, f := range files {
		if err := at.next(f); err != nil {
			return err
		}
	}
	if at.local != begin || at.directory != end {
		return errTwoReadings
	}
	return nil
}

// directoryOf returns where the directory begins and ends.
func directoryOf(r io.ReaderAt, size int64, files int) (end, begin int64, err error) {
	tail, err := read(r, max(size-endSize-locatorSize-end64Size, 0), size)
	if err != nil {
		return 0, 0, err
	}
	last := tail[len(tail)-min(endSize, len(tail)):]
	if len(last) < endSize || uint32At(last, 0) != endSignature || uint16At(last, 20) != 0 { // the size of a comment
		return 0, 0, errTwoReadings
	}
	count, length, start := uint64(uint16At(last, 10)), uint64(uint32At(last, 12)), uint64(uint32At(last, 16))
	end = size - endSize
	before := tail[:len(tail)-endSize]
	switch {
	case uint32At(last, 4) != 0 || uint16At(last, 8) != uint16At(last, 10): // it lies on one disk
		return 0, 0, errTwoReadings
	case count == math.MaxUint16: // so many that it says so in a larger record
		end -= locatorSize + end64Size
		if count, length, start, err = largerEnd(before, uint64(end), length, start); err != nil {
			return 0, 0, err
		}
	case len(before) >= locatorSize && uint32At(before, len(before)-locatorSize) == locatorSignature: // some programs look for the larger record wherever there is this, and find another directory
		return 0, 0, errTwoReadings
	}
	if count != uint64(files) || start > uint64(end) || length != uint64(end)-start {
		return 0, 0, errTwoReadings
	}
	return end, int64(start), nil
}

// largerEnd reads the larger record of the end, which lies at a place, and its locator. What the smaller one says of length and begin is the same, or nothing.
func largerEnd(both []byte, at, smallLength, smallBegin uint64) (count, length, begin uint64, err error) {
	if len(both) < end64Size+locatorSize {
		return 0, 0, 0, errTwoReadings
	}
	record, locator := both[:end64Size], both[end64Size:]
	count, length, begin = uint64At(record, 32), uint64At(record, 40), uint64At(record, 48)
	same := uint32At(record, 0) == end64Signature && uint64At(record, 4) == end64Size-12 && uint64At(record, 16) == 0 && uint64At(record, 24) == count &&
		uint32At(locator, 0) == locatorSignature && uint32At(locator, 4) == 0 && uint64At(locator, 8) == at && uint32At(locator, 16) == 1 &&
		(smallLength == length || smallLength == math.MaxUint32) && (smallBegin == begin || smallBegin == math.MaxUint32)
	if !same {
		return 0, 0, 0, errTwoReadings
	}
	return count, length, begin, nil
}

// next compares what is said of a file before it and in the directory, and goes on behind both.
func (a *reading) next(f *zip.File) error {
	listed, err := read(a.r, a.directory, a.directory+directorySize)
	if err != nil {
		return err
	}
	named, extra, comment := int64(uint16At(listed, 28)), int64(uint16At(listed, 30)), uint16At(listed, 32)
	ahead, err := read(a.r, a.local, a.local+localSize)
	if err != nil {
		return err
	}
	localExtra := int64(uint16At(ahead, 28))
	names, err := read(a.r, a.directory+directorySize, a.directory+directorySize+named+extra)
	if err != nil {
		return err
	}
	localNames, err := read(a.r, a.local+localSize, a.local+localSize+named+localExtra)
	if err != nil {
		return err
	}
	flags, data := uint16At(listed, 8), a.local+localSize+named+localExtra
	same := uint32At(listed, 0) == directorySignature && uint32At(ahead, 0) == localSignature &&
		!(f.Method == zip.Store && flags&sizesFollow != 0) && // who reads from the beginning can only guess where it ends
		comment == 0 && flags&^(sizesFollow|packedHow|inUTF8) == 0 && int64(uint32At(listed, 42)) == a.local && uint16At(listed, 34) == 0 && f.Mode().IsRegular() &&
		bytes.Equal(listed[6:16], ahead[4:14]) && // version, flags, method, time
		int64(uint16At(ahead, 26)) == named && string(names[:named]) == f.Name && string(localNames[:named]) == f.Name &&
		plain(names[named:]) && plain(localNames[named:])
	if !same {
		return errTwoReadings
	}
	sums := listed[16:28] // checksum, size in the zip, size unpacked
	a.local, a.directory = data+int64(uint32At(sums, 4)), a.directory+directorySize+named+extra
	if flags&sizesFollow == 0 {
		if !bytes.Equal(ahead[14:26], sums) {
			return errTwoReadings
		}
		return nil
	}
	behind, err := read(a.r, a.local, a.local+descriptorSize)
	if err != nil {
		return err
	}
	if !bytes.Equal(ahead[14:26], make([]byte, 12)) || uint32At(behind, 0) != descriptorSignature || !bytes.Equal(behind[4:], sums) {
		return errTwoReadings
	}
	a.local += descriptorSize
	return nil
}

// unpack returns what is in a file of the zip. Nothing may lie behind the end of the compressed text and yet be counted to it: programs that read from the beginning would take it for further files.
func unpack(f *zip.File) ([]byte, error) {
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, err
	}
	packed := bufio.NewReader(raw) // an io.ByteReader, from which flate takes no octet too many
	var text io.Reader = packed
	switch f.Method {
	case zip.Store:
	case zip.Deflate:
		text = flate.NewReader(packed)
	default:
		return nil, zip.ErrAlgorithm
	}
	data, err := io.ReadAll(io.LimitReader(text, int64(f.UncompressedSize64)+1)) // what the zip says is what was counted
	if err != nil {
		return nil, err
	}
	if uint64(len(data)) != f.UncompressedSize64 {
		return nil, errors.New("its size is not the one that the zip says")
	}
	if crc32.ChecksumIEEE(data) != f.CRC32 {
		return nil, zip.ErrChecksum
	}
	if _, err := packed.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, errors.Join(errTwoReadings, err)
	}
	return data, nil
}

// plain says whether extra fields are whole, and harmless.
func plain(extra []byte) bool {
	for len(extra) > 0 {
		if len(extra) < 4 || !slices.Contains(harmless, uint16At(extra, 0)) {
			return false
		}
		size := 4 + int(uint16At(extra, 2))
		if size > len(extra) {
			return false
		}
		extra = extra[size:]
	}
	return true
}

func read(r io.ReaderAt, from, to int64) ([]byte, error) {
	b := make([]byte, to-from)
	if n, err := r.ReadAt(b, from); n < len(b) {
		if errors.Is(err, io.EOF) {
			err = errTwoReadings
		}
		return nil, err
	}
	return b, nil
}

func uint16At(b []byte, at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
func uint32At(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
func uint64At(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
