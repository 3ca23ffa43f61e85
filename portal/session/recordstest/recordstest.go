// Package recordstest is the suite that every place where sessions are kept must pass: Redis (package session) and SQL
// (package store) run the same tests.
package recordstest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"valise/portal/session"
)

// Place is what is tested.
type Place interface {
	session.Records
	session.Nonces
	session.Limits
}

// Run tests a place. It uses ids and holders of its own, so the place need not be empty. wait lets time pass for the place: time.Sleep where the
// place has a clock of its own, else by moving the clock that it was given. It is called with a few hundred milliseconds.
func Run(t *testing.T, place Place, wait func(time.Duration)) {
	for name, test := range map[string]func(*testing.T, Place, func(time.Duration)){
		"a record is created once":                 createdOnce,
		"an unknown record is nothing":             unknown,
		"an update is compare-and-set":             compareAndSet,
		"an ended record is not revived":           notRevived,
		"a record expires":                         expires,
		"an update extends":                        updateExtends,
		"updates at the same time lose nothing":    concurrentUpdates,
		"a holder's records are listed":            listed,
		"revoking raises the epoch and deletes":    revoked,
		"holders have nothing to do with another":  apart,
		"a nonce is taken once":                    nonceOnce,
		"a nonce is taken once by many at a time":  nonceRace,
		"a nonce expires":                          nonceExpires,
		"nonces of different purposes are apart":   noncePurpose,
		"a limit gives its burst, then its period": limitBurst,
		"limits of different keys are apart":       limitApart,
		"a limit holds when many come at a time":   limitRace,
	} {
		t.Run(name, func(t *testing.T) { test(t, place, wait) })
	}
}

const (
	long  = time.Minute
	short = 200 * time.Millisecond
)

func name(prefix string) string { return prefix + rand.Text() }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, p Place, holder, data string, ttl time.Duration) (idHash string) {
	t.Helper()
	idHash = name("id")
	must(t, p.Create(t.Context(), idHash, holder, []byte(data), ttl))
	return idHash
}

func wantData(t *testing.T, p Place, idHash, want string) {
	t.Helper()
	data, err := p.Load(t.Context(), idHash)
	must(t, err)
	if string(data) != want {
		t.Fatalf("the record holds %q, want %q", data, want)
	}
	if want == "" && data != nil {
		t.Fatal("an unknown record is empty, it must be nil")
	}
}

func update(t *testing.T, p Place, idHash, old, data string, ttl time.Duration, want bool) {
	t.Helper()
	kept, err := p.Update(t.Context(), idHash, []byte(old), []byte(data), ttl)
	must(t, err)
	if kept != want {
		t.Fatalf("updating %q to %q: %t, want %t", old, data, kept, want)
	}
}

func createdOnce(t *testing.T, p Place, _ func(time.Duration)) {
	idHash := create(t, p, name("holder"), "one", long)
	if err := p.Create(t.Context(), idHash, name("holder"), []byte("two"), long); err == nil {
		t.Error("a record was created over another")
	}
	wantData(t, p, idHash, "one")
}

func unknown(t *testing.T, p Place, _ func(time.Duration)) {
	wantData(t, p, name("id"), "")
	must(t, p.Delete(t.Context(), name("id"), name("holder")))
	found, err := p.List(t.Context(), name("holder"))
	must(t, err)
	if len(found) != 0 {
		t.Errorf("a holder without records has %d", len(found))
	}
}

func compareAndSet(t *testing.T, p Place, _ func(time.Duration)) {
	idHash := create(t, p, name("holder"), "one", long)
	update(t, p, idHash, "other", "two", long, false)
	wantData(t, p, idHash, "one")
	update(t, p, idHash, "one", "two", long, true)
	wantData(t, p, idHash, "two")
	update(t, p, idHash, "one", "three", long, false)
	wantData(t, p, idHash, "two")
}

func notRevived(t *testing.T, p Place, wait func(time.Duration)) {
	holder := name("holder")
	deleted, expired := create(t, p, holder, "one", long), create(t, p, holder, "one", short)
	must(t, p.Delete(t.Context(), deleted, holder))
	must(t, p.Delete(t.Context(), deleted, holder))
	wait(2 * short)
	for _, idHash := range []string{deleted, expired} {
		update(t, p, idHash, "one", "two", long, false)
		wantData(t, p, idHash, "")
	}
	never := name("id")
	update(t, p, never, "", "two", long, false)
	wantData(t, p, never, "")
}

func expires(t *testing.T, p Place, wait func(time.Duration)) {
	holder := name("holder")
	idHash := create(t, p, holder, "one", short)
	wantData(t, p, idHash, "one")
	wait(2 * short)
	wantData(t, p, idHash, "")
	found, err := p.List(t.Context(), holder)
	must(t, err)
	if len(found) != 0 {
		t.Error("an expired record is still listed")
	}
	must(t, p.Create(t.Context(), idHash, holder, []byte("two"), long))
	wantData(t, p, idHash, "two")
}

func updateExtends(t *testing.T, p Place, wait func(time.Duration)) {
	idHash := create(t, p, name("holder"), "one", short)
	update(t, p, idHash, "one", "one", long, true)
	wait(2 * short)
	wantData(t, p, idHash, "one")
}

// concurrentUpdates lets eight at a time add a letter each, as the session store does it: load, change, compare-and-set, again.
func concurrentUpdates(t *testing.T, p Place, _ func(time.Duration)) {
	const writers, each = 8, 5
	idHash := create(t, p, name("holder"), "-", long)
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			for added := 0; added < each; {
				data, err := p.Load(t.Context(), idHash)
				if err != nil {
					t.Error(err)
					return
				}
				kept, err := p.Update(t.Context(), idHash, data, append(data[:len(data):len(data)], 'x'), long)
				if err != nil {
					t.Error(err)
					return
				}
				if kept {
					added++
				}
			}
		})
	}
	wait.Wait()
	data, err := p.Load(t.Context(), idHash)
	must(t, err)
	if len(data) != 1+writers*each {
		t.Errorf("%d updates succeeded, %d are there", writers*each, len(data)-1)
	}
}

func listed(t *testing.T, p Place, _ func(time.Duration)) {
	holder := name("holder")
	first, second := create(t, p, holder, "one", long), create(t, p, holder, "two", long)
	gone := create(t, p, holder, "three", long)
	must(t, p.Delete(t.Context(), gone, holder))
	found, err := p.List(t.Context(), holder)
	must(t, err)
	if len(found) != 2 || string(found[first]) != "one" || string(found[second]) != "two" {
		t.Errorf("listed %q", found)
	}
}

func epoch(t *testing.T, p Place, holder string) int64 {
	t.Helper()
	e, err := p.Epoch(t.Context(), holder)
	must(t, err)
	return e
}

func revoked(t *testing.T, p Place, _ func(time.Duration)) {
	holder := name("holder")
	first, second := create(t, p, holder, "one", long), create(t, p, holder, "two", long)
	before := epoch(t, p, holder)
	if again := epoch(t, p, holder); again != before {
		t.Fatalf("the epoch went from %d to %d by itself", before, again)
	}
	must(t, p.Revoke(t.Context(), holder))
	after := epoch(t, p, holder)
	if after <= before {
		t.Errorf("the epoch went from %d to %d", before, after)
	}
	wantData(t, p, first, "")
	wantData(t, p, second, "")
	update(t, p, first, "one", "one", long, false)
	must(t, p.Revoke(t.Context(), holder))
	if later := epoch(t, p, holder); later <= after {
		t.Errorf("the second time the epoch went from %d to %d", after, later)
	}
	wantData(t, p, create(t, p, holder, "three", long), "three")
}

func apart(t *testing.T, p Place, _ func(time.Duration)) {
	one, other := name("holder"), name("holder")
	kept := create(t, p, other, "kept", long)
	before := epoch(t, p, other)
	create(t, p, one, "gone", long)
	must(t, p.Revoke(t.Context(), one))
	wantData(t, p, kept, "kept")
	if after := epoch(t, p, other); after != before {
		t.Errorf("another's epoch went from %d to %d", before, after)
	}
}

// ------------------------------------------------------------------ nonces

const purpose = "test"

func take(ctx context.Context, t *testing.T, p Place, purpose, nonce string) bool {
	t.Helper()
	ok, err := p.TakeNonce(ctx, purpose, nonce)
	must(t, err)
	return ok
}

func nonceOnce(t *testing.T, p Place, _ func(time.Duration)) {
	nonce := name("nonce")
	if take(t.Context(), t, p, purpose, nonce) {
		t.Error("a nonce that was never put was taken")
	}
	must(t, p.PutNonce(t.Context(), purpose, nonce, long))
	if !take(t.Context(), t, p, purpose, nonce) {
		t.Error("the nonce could not be taken")
	}
	if take(t.Context(), t, p, purpose, nonce) {
		t.Error("the nonce was taken twice")
	}
}

func nonceRace(t *testing.T, p Place, _ func(time.Duration)) {
	nonce := name("nonce")
	must(t, p.PutNonce(t.Context(), purpose, nonce, long))
	var wait sync.WaitGroup
	var taken atomic.Int32
	for range 16 {
		wait.Go(func() {
			ok, err := p.TakeNonce(t.Context(), purpose, nonce)
			if err != nil {
				t.Error(err)
			}
			if ok {
				taken.Add(1)
			}
		})
	}
	wait.Wait()
	if taken.Load() != 1 {
		t.Errorf("the nonce was taken %d times", taken.Load())
	}
}

func nonceExpires(t *testing.T, p Place, wait func(time.Duration)) {
	nonce := name("nonce")
	must(t, p.PutNonce(t.Context(), purpose, nonce, short))
	wait(2 * short)
	if take(t.Context(), t, p, purpose, nonce) {
		t.Error("the nonce could be taken after its time")
	}
}

func noncePurpose(t *testing.T, p Place, _ func(time.Duration)) {
	nonce := name("nonce")
	must(t, p.PutNonce(t.Context(), purpose, nonce, long))
	if take(t.Context(), t, p, "other", nonce) {
		t.Error("the nonce was taken for another purpose")
	}
	if !take(t.Context(), t, p, purpose, nonce) {
		t.Error("the nonce is gone")
	}
}

// ------------------------------------------------------------------ limits

func allow(t *testing.T, p Place, key string, burst int, period time.Duration) (bool, time.Duration) {
	t.Helper()
	ok, retryAfter, err := p.Allow(t.Context(), key, burst, period)
	must(t, err)
	if ok && retryAfter != 0 || !ok && (retryAfter <= 0 || retryAfter > period) {
		t.Fatalf("allowed %t, retry after %v, with a period of %v", ok, retryAfter, period)
	}
	return ok, retryAfter
}

func limitBurst(t *testing.T, p Place, wait func(time.Duration)) {
	key := name("key")
	const burst, period = 3, time.Second
	for i := range burst {
		if ok, _ := allow(t, p, key, burst, period); !ok {
			t.Fatalf("number %d of a burst of %d was refused", i+1, burst)
		}
	}
	ok, retryAfter := allow(t, p, key, burst, period)
	if ok {
		t.Fatal("one more than the burst was allowed")
	}
	if ok, _ := allow(t, p, key, burst, period); ok {
		t.Fatal("a refused one counted as time passed")
	}
	wait(retryAfter + 50*time.Millisecond)
	if ok, _ := allow(t, p, key, burst, period); !ok {
		t.Error("refused after waiting as long as was said")
	}
	if ok, _ := allow(t, p, key, burst, period); ok {
		t.Error("one period gave two")
	}
}

func limitApart(t *testing.T, p Place, _ func(time.Duration)) {
	for i := range 3 {
		if ok, _ := allow(t, p, fmt.Sprint(name("key"), i), 1, long); !ok {
			t.Error("another key's count was taken for this one's")
		}
	}
}

func limitRace(t *testing.T, p Place, _ func(time.Duration)) {
	key := name("key")
	var wait sync.WaitGroup
	var allowed atomic.Int32
	for range 16 {
		wait.Go(func() {
			ok, _, err := p.Allow(t.Context(), key, 5, long)
			if err != nil {
				t.Error(err)
			}
			if ok {
				allowed.Add(1)
			}
		})
	}
	wait.Wait()
	if allowed.Load() != 5 {
		t.Errorf("a burst of 5 allowed %d", allowed.Load())
	}
}
