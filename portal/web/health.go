package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"valise/portal"
)

// readyTime is how long a part may take to show that it is there.
const readyTime = 2 * time.Second

// healthz says that the process runs.
func (s *server) healthz(w http.ResponseWriter, r *http.Request) error {
	writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// readyz says whether every part that is needed to serve can be reached: 200, or 503 that names those that can't.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	missing := s.missingParts(r.Context())
	if len(missing) == 0 {
		writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ready\n"))
		return nil
	}
	traceOf(r).code = "not-ready"
	w.Header().Set("Retry-After", "5")
	writeBytes(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("missing: "+strings.Join(missing, ", ")+"\n"))
	return nil
}

// missingParts asks all parts at once and returns the names of those that gave an error, sorted.
func (s *server) missingParts(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	var (
		wait    sync.WaitGroup
		mu      sync.Mutex
		missing []string
	)
	for name, check := range s.Ready {
		wait.Go(func() {
			if err := check(ctx); err != nil {
				s.Log.Warn("part is missing", "part", name, "cause", portal.Scrubbed(err), "kind", int(portal.KindOf(err)))
				mu.Lock()
				defer mu.Unlock()
				missing = append(missing, name)
			}
		})
	}
	wait.Wait()
	slices.Sort(missing)
	return missing
}
