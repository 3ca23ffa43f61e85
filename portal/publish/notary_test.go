package publish_test

import (
	"bytes"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/publish"
)

func (n *newsroom) notaryWith(k *crypto.Key) *publish.Notary {
	n.t.Helper()
	notary, err := publish.NewNotary(n.db, n.pin, workingLanguages, k, nil, slog.New(slog.DiscardHandler), n.clock)
	must(n.t, err)
	return notary
}

// look lets a notary look, and returns when it wants to look again.
func (n *newsroom) look(notary *publish.Notary) time.Time {
	n.t.Helper()
	next, err := notary.Look(n.t.Context())
	must(n.t, err)
	return next
}

func (n *newsroom) isPublic(statement crypto.Number) bool {
	n.t.Helper()
	_, err := n.Statement(n.t.Context(), statement)
	if portal.KindOf(err) == portal.NotFound {
		return false
	}
	must(n.t, err)
	return true
}

func TestEmbargo(t *testing.T) {
	n := newNewsroom(t)
	notary := n.notaryWith(n.notary)
	d := n.findings()
	minute := n.clock().Add(3 * time.Hour).Truncate(time.Minute)
	d.PublishAt = minute
	n.submit(d)
	if next := n.look(notary); !next.IsZero() {
		t.Errorf("what nobody approved is due at %s", next)
	}
	n.schedule(d.Statement)
	if w := n.state(d.Statement); !w.CheckedAt.IsZero() {
		t.Error("it is checked already")
	}
	if next := n.look(notary); !next.Equal(minute) {
		t.Errorf("the notary wants to look again at %s", next)
	}
	if w := n.state(d.Statement); !w.CheckedAt.Equal(n.clock()) {
		t.Errorf("checked at %s", w.CheckedAt)
	}

	// Until then nothing of it can be read or guessed from what is stored, and not even when.
	var stored []byte
	for _, file := range []string{n.path, n.path + "-wal"} {
		data, err := os.ReadFile(file)
		must(t, err)
		stored = append(stored, data...)
	}
	for _, secret := range []string{"Anomalous", "Activité anormale", "valise statement v1", "valise statement manifest", "security", minute.Format("2006-01-02T15:04")} {
		if bytes.Contains(stored, []byte(secret)) {
			t.Errorf("%q can be read in the database", secret)
		}
	}
	if !bytes.Contains(stored, []byte(d.Statement)) {
		t.Error("this test looks in the wrong place")
	}

	n.wait(minute.Sub(n.clock()) - time.Second)
	n.look(notary)
	if n.isPublic(d.Statement) {
		t.Fatal("published before its minute")
	}
	n.wait(time.Second)
	n.look(notary)
	if !n.isPublic(d.Statement) {
		t.Fatal("not published at its minute")
	}
	if !slices.Contains(n.acts(), "publish.publish") {
		t.Error("it is not written down")
	}
}

func TestSeveralNotariesPublishOnce(t *testing.T) {
	n := newNewsroom(t)
	notaries := []*publish.Notary{n.notaryWith(n.notary), n.notaryWith(n.notary), n.notaryWith(n.secondNotary)}
	var all []crypto.Number
	for range 5 {
		d := n.findings()
		d.PublishAt = n.clock().Add(time.Hour)
		n.submit(d)
		n.schedule(d.Statement)
		all = append(all, d.Statement)
	}
	n.wait(time.Hour)
	var group sync.WaitGroup
	for _, notary := range notaries {
		group.Go(func() {
			if _, err := notary.Look(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, statement := range all {
		versions, err := n.Statement(t.Context(), statement)
		if err != nil || len(versions) != 1 {
			t.Errorf("%s: %d versions, %v", statement, len(versions), err)
		}
	}
	entries, _, err := n.Archive(t.Context(), publish.Query{})
	if err != nil || len(entries) != len(all) {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

func TestTakenBackBeforeItsMinute(t *testing.T) {
	n := newNewsroom(t)
	notary := n.notaryWith(n.notary)
	d := n.findings()
	d.PublishAt = n.clock().Add(time.Hour)
	n.submit(d)
	n.schedule(d.Statement)
	n.look(notary) // has it in memory
	must(t, n.Cancel(t.Context(), n.acting(n.author), d.Statement, n.state(d.Statement).SubmissionSHA256))
	n.wait(2 * time.Hour)
	n.look(notary)
	if n.isPublic(d.Statement) {
		t.Error("it was published all the same")
	}
}

func TestTheNotarySendsBackWhatIsNotRight(t *testing.T) {
	n := newNewsroom(t)
	notary := n.notaryWith(n.notary)
	d := n.findings()
	d.PublishAt = n.clock().Add(time.Hour)
	submission := n.submit(d)
	approved, _ := n.endorse(n.approver, d.Statement)
	approved.Texts[1].Approver = approved.Texts[0].Approver // the approval of another text
	sealed, err := crypto.SealStatement(approved, n.approver, slices.Concat(n.desk(), n.notaries()), n.clock())
	must(t, err)
	must(t, n.Schedule(t.Context(), n.acting(n.approver), d.Statement, submission, sealed))
	n.look(notary)
	w := n.state(d.Statement)
	if w.State != publish.Draft {
		t.Fatalf("%+v", w)
	}
	why, by, err := n.pin.OpenStatementReturn(w.Reason, d.Statement, []*crypto.Key{n.author}, n.staff(), n.clock())
	if err != nil || by.Name() != "Notary 1" || !strings.Contains(why.Reason, "approver's signature over the text in fr") {
		t.Errorf("%+v, %v", why, err)
	}

	// The author left between approval and minute.
	other := n.findings()
	other.PublishAt = n.clock().Add(time.Hour)
	n.submit(other)
	n.schedule(other.Statement)
	n.look(notary)
	n.wait(30 * time.Minute)
	gone, err := crypto.CertifyStaff(n.Root, n.author.Certificate(), nil, n.clock())
	must(t, err)
	n.keepStaff(gone)
	n.wait(time.Hour)
	n.look(notary)
	if w := n.state(other.Statement); w.State != publish.Draft || w.Reason == nil || n.isPublic(other.Statement) {
		t.Errorf("%+v", w)
	}
}

func TestANotaryLeavesToOthersWhatIsNotSealedToIt(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	d.PublishAt = n.clock().Add(time.Hour)
	submission := n.submit(d)
	approved, _ := n.endorse(n.approver, d.Statement)
	sealed, err := crypto.SealStatement(approved, n.approver, append(n.desk(), n.member(n.secondNotary)), n.clock())
	must(t, err)
	must(t, n.Schedule(t.Context(), n.acting(n.approver), d.Statement, submission, sealed))
	n.wait(2 * time.Hour)
	n.look(n.notaryWith(n.notary))
	if n.isPublic(d.Statement) || n.state(d.Statement).State != publish.Approved {
		t.Error("the first notary did something")
	}
	n.look(n.notaryWith(n.secondNotary))
	if !n.isPublic(d.Statement) {
		t.Error("the second notary did nothing")
	}
}

func TestOnlyANotarysKeyMakesANotary(t *testing.T) {
	n := newNewsroom(t)
	for _, k := range []*crypto.Key{n.author, n.both, n.admin} {
		if _, err := publish.NewNotary(n.db, n.pin, workingLanguages, k, nil, slog.New(slog.DiscardHandler), n.clock); err == nil {
			t.Errorf("%s is a notary", k.Certificate().UserIDs())
		}
	}
}

func TestANotaryRuns(t *testing.T) {
	n := newNewsroom(t)
	n.now = time.Now()
	notary, err := publish.NewNotary(n.db, n.pin, workingLanguages, n.notary, nil, slog.New(slog.DiscardHandler), time.Now)
	must(t, err)
	d := n.findings()
	minute := time.Now().Add(2 * time.Second).Truncate(time.Second)
	d.PublishAt = minute
	n.submit(d)
	n.schedule(d.Statement)
	var group sync.WaitGroup
	group.Go(func() { notary.Run(t.Context()) })
	for deadline := time.Now().Add(20 * time.Second); !n.isPublic(d.Statement); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not published")
		}
	}
	versions, err := n.Statement(t.Context(), d.Statement)
	must(t, err)
	if at := versions[0].PublishedAt; at.Before(minute) {
		t.Errorf("to be published at %s, published at %s", minute, at)
	}
}
