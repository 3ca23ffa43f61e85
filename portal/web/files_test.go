package web

import (
	"errors"
	"sync"
	"testing"
)

// A file that many are being served at a time is in memory once, and no longer than that.
func TestAFileIsSharedByItsReaders(t *testing.T) {
	var f files
	loads := 0
	load := func() ([]byte, error) { loads++; return []byte("file"), nil }
	var readers sync.WaitGroup
	var held []func()
	var mu sync.Mutex
	for range 50 {
		readers.Go(func() {
			data, release, err := f.take("a", load)
			if err != nil || string(data) != "file" {
				t.Errorf("%q, %v", data, err)
			}
			mu.Lock()
			held = append(held, release)
			mu.Unlock()
		})
	}
	readers.Wait()
	if loads != 1 || len(f.shared) != 1 {
		t.Errorf("loaded %d times, %d in memory", loads, len(f.shared))
	}
	for _, release := range held {
		release()
	}
	if len(f.shared) != 0 {
		t.Errorf("%d stay in memory", len(f.shared))
	}
	// What failed, or fell over, is tried again.
	if _, _, err := f.take("a", func() ([]byte, error) { return nil, errors.New("the database is away") }); err == nil || len(f.shared) != 0 {
		t.Errorf("%v, %d in memory", err, len(f.shared))
	}
	func() {
		defer func() { _ = recover() }()
		_, _, _ = f.take("a", func() ([]byte, error) { panic("fell over") })
	}()
	data, release, err := f.take("a", load)
	if err != nil || string(data) != "file" {
		t.Errorf("%q, %v", data, err)
	}
	release()
	if len(f.shared) != 0 {
		t.Errorf("%d stay in memory", len(f.shared))
	}
}
