package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	"valise/portal/publish"
)

// memory keeps public pages and files as they were last written, so that a rush of readers costs next to nothing. All of them follow from what is
// published, and every publication has a new place in the archive; so what was written at the newest place is right. The place is asked for
// again after placeLasts, which is how much later than in the database something can be seen here.
type memory struct {
	mu    sync.Mutex
	place publish.Place
	asked time.Time // when that was so
	kept  map[string]keptPage
	size  int

	asking    bool      // a request is asking
	downUntil time.Time // nobody is to ask before
}

type keptPage struct {
	header http.Header
	tag    string
	body   []byte
}

const (
	placeLasts = 5 * time.Millisecond
	// placePatience is how long an answer is waited for, and after none how long nobody asks.
	placePatience = time.Second
	// Bounds; when one is reached, everything is forgotten.
	maxKeptPages = 2000
	maxKeptBytes = 64 << 20
)

// find returns what was kept under the first of these names that there is one for.
func (m *memory) find(names ...string) (keptPage, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if page, ok := m.kept[name]; ok {
			return page, true
		}
	}
	return keptPage{}, false
}

// keep keeps a page that was written when place, or something newer, was the newest.
func (m *memory) keep(name string, place publish.Place, page keptPage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if place != m.place {
		return
	}
	if m.kept == nil || len(m.kept) >= maxKeptPages || m.size+len(page.body) > maxKeptBytes {
		m.kept, m.size = make(map[string]keptPage), 0
	}
	m.kept[name] = page
	m.size += len(page.body)
}

// newestPlace returns the newest place in the archive, and forgets what was written before it. One request at a time asks the database; the others go by
// the last answer meanwhile. A database that doesn't answer is left alone for a while.
func (s *server) newestPlace(r *http.Request) (publish.Place, error) {
	m := &s.memory
	m.mu.Lock()
	now := time.Now()
	switch {
	case now.Before(m.downUntil):
		m.mu.Unlock()
		return 0, errPlaceUnknown
	case !m.asked.IsZero() && (m.asking || now.Sub(m.asked) < placeLasts):
		defer m.mu.Unlock()
		return m.place, nil
	}
	m.asking = true
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.asking = false
		m.mu.Unlock()
	}()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), placePatience)
	defer cancel()
	entries, _, err := s.Publish.Archive(ctx, publish.Query{Limit: 1})

	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.downUntil = time.Now().Add(placePatience)
		return 0, err
	}
	var place publish.Place
	if len(entries) > 0 {
		place = entries[0].Place
	}
	if place != m.place {
		m.kept, m.size = nil, 0
	}
	m.place, m.asked = place, now
	return place, nil
}

var errPlaceUnknown = errors.New("the archive did not answer a moment ago")

// remembered answers from memory what it can. Searches are not kept: there is no end of them.
func (s *server) remembered(handle handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.URL.RawQuery != "" {
			return handle(w, r)
		}
		place, err := s.newestPlace(r)
		name := r.URL.EscapedPath()
		inLanguage := name + "\x00" + wishOf(r) // not the language of the frame: a statement may be in others, and is chosen by all that is wished for
		if page, ok := s.memory.find(name, inLanguage); ok {
			page.write(w, r) // also when the database doesn't answer: rather what was right a moment ago than nothing
			return nil
		}
		if err != nil {
			return handle(w, r)
		}
		whole := r.Clone(r.Context())
		whole.Header.Del("If-None-Match")
		c := capture{ResponseWriter: w, header: w.Header().Clone()}
		if err := handle(&c, whole); err != nil {
			return err
		}
		page := keptPage{c.header, c.header.Get("ETag"), c.body}
		if page.tag != "" && c.status == http.StatusOK && c.header.Get("Cache-Control") == publicCache {
			if c.header.Get("Vary") != "" {
				name = inLanguage
			}
			s.memory.keep(name, place, page)
			page.write(w, r)
			return nil
		}
		maps.Copy(w.Header(), c.header)
		w.WriteHeader(c.status)
		_, _ = w.Write(c.body) // who is gone can't be told
		return nil
	}
}

// write answers with a page, or says that whoever asks has it already.
func (page keptPage) write(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), page.header)
	if match := r.Header.Get("If-None-Match"); match != "" && etagMatches(match, page.tag[1:len(page.tag)-1]) {
		w.Header().Del("Content-Type")
		w.Header().Del("Content-Length")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(page.body) // who is gone can't be told
}

// capture takes what a handler writes.
type capture struct {
	http.ResponseWriter
	header http.Header
	status int
	body   []byte
}

func (c *capture) Header() http.Header { return c.header }

func (c *capture) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *capture) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	c.body = append(c.body, b...)
	return len(b), nil
}
