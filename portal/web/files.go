package web

import (
	"context"
	"errors"
	"sync"

	"valise/portal/publish"
)

// files are the published files that are being served just now. A file has up to 25 MiB, and who fetches it may be slow, or many, or mean it badly: all of them are
// served out of the same octets, which are forgotten with the last one. The zero value is ready.
type files struct {
	mu     sync.Mutex
	shared map[string]*sharedFile // by digest
}

type sharedFile struct {
	readers int
	load    sync.Once
	data    []byte
	err     error
}

var errFileNotLoaded = errors.New("a file could not be loaded")

// take returns the file of a digest, loaded by whoever comes first, and what is to be called when it has been served. With an error there is nothing to call.
func (f *files) take(digest string, load func() ([]byte, error)) ([]byte, func(), error) {
	f.mu.Lock()
	file := f.shared[digest]
	if file == nil {
		if f.shared == nil {
			f.shared = make(map[string]*sharedFile)
		}
		file = &sharedFile{err: errFileNotLoaded} // what who waits is told when load falls over
		f.shared[digest] = file
	}
	file.readers++
	f.mu.Unlock()
	release := sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if file.readers--; file.readers == 0 {
			delete(f.shared, digest)
		}
	})
	loaded := false
	defer func() {
		if !loaded {
			release()
		}
	}()
	file.load.Do(func() { file.data, file.err = load() })
	if loaded = file.err == nil; !loaded {
		return nil, nil, file.err
	}
	return file.data, release, nil
}

// takeFile is take for a file of a statement. Whoever came first may leave while others wait, so the loading does not end with their request.
func (s *server) takeFile(ctx context.Context, f publish.File) ([]byte, func(), error) {
	return s.files.take(f.SHA256, func() ([]byte, error) { return s.Publish.FileData(context.WithoutCancel(ctx), f) })
}
