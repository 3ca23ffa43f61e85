package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/registry"
	"valise/portal/session/recordstest"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

// onBoth runs a test on SQLite and on PostgreSQL. node opens the same database: on PostgreSQL once more, as another node would; on SQLite, which one
// process has to itself, it is always the same.
func onBoth(t *testing.T, test func(t *testing.T, node func() *DB)) {
	t.Run("SQLite", func(t *testing.T) {
		db := openForTest(t, filepath.Join(t.TempDir(), "portal ü?#%41.db"))
		test(t, func() *DB { return db })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := portaltest.PostgreSQL(t)
		test(t, func() *DB { return openForTest(t, dsn) })
	})
}

func openForTest(t testing.TB, dsn string) *DB {
	t.Helper()
	db, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	must(t, db.Migrate(t.Context()))
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, kind portal.Kind, code string) {
	t.Helper()
	var e *portal.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Fatalf("got %v (kind %d), want kind %d, code %q", err, portal.KindOf(err), kind, code)
	}
}

// noon is when things happen in these tests; finer than a microsecond, so that what is kept is seen to be cut.
var noon = time.Date(2026, 1, 5, 12, 0, 0, 123456789, time.FixedZone("", 3600))

func kept(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }

// keys are a few certificates, made once: the store looks at nothing in them but their fingerprints.
var keys = sync.OnceValue(func() (made []*crypto.Certificate) {
	for i := range 4 {
		k, err := crypto.GenerateKey(crypto.ProfileCompat, fmt.Sprintf("key %d", i), noon)
		if err != nil {
			panic(err)
		}
		made = append(made, k.Certificate())
	}
	return made
})

func certificate(i int) []byte { return keys()[i].Bytes() }

func fingerprint(i int) crypto.Fingerprint { return keys()[i].Fingerprint() }

// issued puts a representative with certificate 0 into the database.
func issued(t testing.TB, db *DB, r crypto.Representative) portal.RepresentativeRecord {
	t.Helper()
	record := portal.RepresentativeRecord{
		Representative: r, State: portal.Issued, Profile: crypto.ProfilePQ, Salt: []byte("salt"), Verifier: []byte("verifier"), LockedBundle: []byte("locked by a claim code"),
		Chain: [][]byte{certificate(0)}, Details: []byte("sealed details"), IssuedAt: kept(noon),
	}
	must(t, db.Issue(t.Context(), record, []byte("sealed label")))
	return record
}

func newRepresentative() crypto.Representative {
	return crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}
}

// claimed is the record of who took key 1.
func claimed(r portal.RepresentativeRecord) portal.RepresentativeRecord {
	r.State, r.ClaimedAt = portal.Claimed, kept(noon.Add(time.Hour))
	r.Salt, r.Verifier, r.LockedBundle = []byte("own salt"), []byte("own verifier"), []byte("locked by a passphrase")
	r.Chain = append(slices.Clone(r.Chain), certificate(1))
	return r
}

const staffHolder = "staff:0123456789ABCDEF0123456789ABCDEF01234567"

// submit puts a notice to representatives with certificate 0 into the database.
func submit(t testing.TB, db *DB, to ...crypto.Representative) crypto.Number {
	t.Helper()
	n, err := trySubmit(t.Context(), db, to...)
	must(t, err)
	return n
}

func trySubmit(ctx context.Context, db *DB, to ...crypto.Representative) (crypto.Number, error) {
	n := notice(crypto.NewNumber(crypto.KindNotice))
	bodies := map[crypto.Suite][]byte{crypto.SuitePQ: []byte("body pq"), crypto.SuiteCompat: bytes.Repeat([]byte("body compat "), 1000)}
	return n.Number, db.Submit(ctx, n, bodies, envelopes(to...), portal.PersonalParts{}, memberships(envelopes(to...), []byte("membership of ")))
}

func notice(number crypto.Number) portal.NoticeRecord {
	return portal.NoticeRecord{
		Number: number, State: portal.Submitted, SubmittedAt: kept(noon), Audience: []byte("audience"),
		Signed:   crypto.SignedManifest{Manifest: manifestOf(number, nil), AuthorSignature: []byte("author")},
		Headings: map[crypto.Suite][]byte{crypto.SuitePQ: []byte("heading pq"), crypto.SuiteCompat: []byte("heading compat")},
	}
}

// manifestOf is the manifest of a notice, as far as the store reads it; change may give it a policy.
func manifestOf(number crypto.Number, change func(*crypto.Manifest)) []byte {
	body := map[crypto.Suite]crypto.BodyRef{crypto.SuitePQ: crypto.RefTo([]byte("body"))}
	digest := body[crypto.SuitePQ].SHA256
	m := &crypto.Manifest{
		Institution: "0123456789ABCDEF0123456789ABCDEF01234567", Notice: number, Version: 1, Author: "0123456789ABCDEF0123456789ABCDEF01234567", Created: noon.UTC().Truncate(time.Second),
		ContentSHA256: digest, HeadingSHA256: digest, OpeningSHA256: digest, AudienceRoot: digest, Mailboxes: 1, Members: 1, Bodies: body, Headings: body, Fallback: crypto.FallbackNone,
	}
	if change != nil {
		change(m)
	}
	text, err := m.Encode()
	if err != nil {
		panic(err)
	}
	return text
}

// memberships are texts for the holders who aren't staff; the store doesn't read them.
func memberships(sealed []crypto.Envelope, text []byte) map[string][]byte {
	made := map[string][]byte{}
	for _, e := range sealed {
		if e.Holder != staffHolder {
			made[e.Holder] = append(slices.Clone(text), e.Holder...)
		}
	}
	return made
}

func envelopes(to ...crypto.Representative) []crypto.Envelope {
	made := []crypto.Envelope{{Holder: staffHolder, Certificate: "0123456789ABCDEF0123456789ABCDEF01234567", Suite: crypto.SuitePQ, Data: []byte("for the desk")}}
	for _, r := range to {
		made = append(made, crypto.Envelope{Holder: r.String(), Certificate: fingerprint(0), Suite: crypto.SuitePQ, Data: []byte("for " + r.String())})
	}
	return made
}

// delivered releases a notice to representatives.
func delivered(t testing.TB, db *DB, to ...crypto.Representative) crypto.Number {
	t.Helper()
	n := submit(t, db, to...)
	_, err := db.Release(t.Context(), n, []byte("approver"), noon)
	must(t, err)
	return n
}

func TestSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db := node()
		recordstest.Run(t, db, time.Sleep)

		must(t, db.Purge(t.Context(), time.Now().Add(24*time.Hour)))
		for _, table := range []string{"sessions", "nonces", "limits"} {
			var left int
			must(t, db.readers.QueryRow("SELECT count(*) FROM "+table).Scan(&left))
			if left != 0 {
				t.Errorf("%d rows of %s are left after all have expired", left, table)
			}
		}
	})
}

func TestIssue(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newRepresentative()
		record := issued(t, db, r)
		got, err := db.Representative(ctx, r)
		must(t, err)
		wantRepresentative(t, got, record)

		wantCode(t, db.Issue(ctx, record, []byte("another label")), portal.Conflict, "representative-exists")

		// A second representative needs no label, and changes nothing of the first one's.
		second := record
		second.Representative.Ordinal = 2
		second.Profile, second.Salt, second.Verifier, second.LockedBundle = crypto.ProfileOwn, nil, nil, nil
		must(t, db.Issue(ctx, second, nil))
		got, err = db.Representative(ctx, second.Representative)
		must(t, err)
		wantRepresentative(t, got, second)
		if got.Salt != nil || got.Verifier != nil || got.LockedBundle != nil {
			t.Error("what is not there came back as empty octets")
		}

		other := record
		other.Representative = newRepresentative()
		wantCode(t, db.Issue(ctx, other, nil), portal.Invalid, "invalid-label")
		_, err = db.Representative(ctx, other.Representative)
		wantCode(t, err, portal.NotFound, "no-representative")

		directory, err := db.Directory(ctx)
		must(t, err)
		if len(directory) != 1 || directory[0].Number != r.Mailbox || string(directory[0].Label) != "sealed label" || len(directory[0].Representatives) != 2 {
			t.Fatalf("the directory holds %+v", directory)
		}
		for i, want := range []portal.RepresentativeRecord{record, second} {
			want.Salt, want.Verifier, want.LockedBundle = nil, nil, nil
			wantRepresentative(t, directory[0].Representatives[i], want)
		}
	})
}

func wantRepresentative(t *testing.T, got, want portal.RepresentativeRecord) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Fatalf("kept\n%s\nwant\n%s", g, w)
	}
}

func TestStaffIsReplacedOnlyAsDecided(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		add := func(keep []byte, wantStored string) error {
			return db.AddStaff(ctx, fingerprint(0), func(stored []byte) ([]byte, error) {
				if string(stored) != wantStored {
					t.Errorf("%q is stored, want %q", stored, wantStored)
				}
				if keep == nil {
					return nil, portal.Errorf(portal.Conflict, "older", "older")
				}
				return keep, nil
			})
		}
		must(t, add([]byte("one"), ""))
		must(t, add([]byte("two"), "one"))
		wantCode(t, add(nil, "two"), portal.Conflict, "older")
		staff, err := db.Staff(ctx)
		must(t, err)
		if len(staff) != 1 || string(staff[0]) != "two" {
			t.Errorf("staff is %q", staff)
		}
	})
}

func TestClaim(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newRepresentative()
		record := issued(t, db, r)
		first, second := submit(t, db, r), delivered(t, db, r)
		next := claimed(record)

		held, err := db.Envelopes(ctx, r.String())
		must(t, err)
		if len(held) != 2 || held[0].Certificate != fingerprint(0) || string(held[0].Data) != "for "+r.String() {
			t.Fatalf("holds %+v", held)
		}
		rewrapped := []registry.HeldEnvelope{
			{Notice: first, Certificate: fingerprint(1), Suite: crypto.SuitePQ, Data: []byte("first again")},
			{Notice: second, Certificate: fingerprint(1), Suite: crypto.SuitePQ, Data: []byte("second again")},
		}
		otherSuite := slices.Clone(rewrapped)
		otherSuite[0].Suite = crypto.SuiteCompat
		for name, wrong := range map[string][]registry.HeldEnvelope{
			"one missing":       rewrapped[:1],
			"none":              nil,
			"one twice":         {rewrapped[0], rewrapped[0]},
			"one never held":    append(slices.Clone(rewrapped), registry.HeldEnvelope{Notice: "N-00000000", Suite: crypto.SuitePQ}),
			"one of other kind": otherSuite,
		} {
			if err := db.Claim(ctx, next, wrong); portal.KindOf(err) != portal.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		got, err := db.Representative(ctx, r)
		must(t, err)
		wantRepresentative(t, got, record)

		must(t, db.Claim(ctx, next, rewrapped))
		got, err = db.Representative(ctx, r)
		must(t, err)
		wantRepresentative(t, got, next)
		held, err = db.Envelopes(ctx, r.String())
		must(t, err)
		if len(held) != 2 || held[0].Certificate != fingerprint(1) || held[1].Certificate != fingerprint(1) {
			t.Errorf("after the claim it holds %+v", held)
		}
		delivery, err := db.Delivery(ctx, r, second)
		must(t, err)
		// What shows that a notice was meant for them names the key that it was sealed to, and stays.
		if string(delivery.Envelope) != "second again" || string(delivery.Membership) != "membership of "+r.String() {
			t.Errorf("delivered with envelope %q, membership %q", delivery.Envelope, delivery.Membership)
		}
		wantCode(t, db.Claim(ctx, next, rewrapped), portal.Conflict, "already-claimed")

		// The notice that waited can still be released.
		_, err = db.Release(ctx, first, []byte("approver"), noon)
		must(t, err)

		must(t, db.ChangeLock(ctx, r, []byte("s2"), []byte("v2"), []byte("b2")))
		got, err = db.Representative(ctx, r)
		must(t, err)
		if string(got.Salt)+string(got.Verifier)+string(got.LockedBundle) != "s2v2b2" {
			t.Errorf("the lock is %q %q %q", got.Salt, got.Verifier, got.LockedBundle)
		}
		unclaimed := newRepresentative()
		issued(t, db, unclaimed)
		wantCode(t, db.ChangeLock(ctx, unclaimed, []byte("s2"), []byte("v2"), []byte("b2")), portal.Conflict, "no-lock")
	})
}

func TestRevokeRepresentative(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newRepresentative()
		record := issued(t, db, r)
		n := delivered(t, db, r)
		gone := record
		gone.State, gone.RevokedAt, gone.Reason = portal.Revoked, kept(noon.Add(time.Hour)), []byte("sealed reason")

		other := gone
		other.Chain = claimed(record).Chain
		wantCode(t, db.RevokeRepresentative(ctx, other), portal.Conflict, "claimed-meanwhile")
		must(t, db.RevokeRepresentative(ctx, gone))
		wantCode(t, node().RevokeRepresentative(ctx, gone), portal.Conflict, "already-revoked")
		wantCode(t, db.RevokeRepresentative(ctx, portal.RepresentativeRecord{Representative: newRepresentative(), Chain: gone.Chain}), portal.NotFound, "no-representative")

		gone.Verifier, gone.LockedBundle = nil, nil
		got, err := node().Representative(ctx, r)
		must(t, err)
		wantRepresentative(t, got, gone)
		wantCode(t, db.ChangeLock(ctx, r, []byte("salt"), []byte("verifier"), []byte("locked")), portal.Conflict, "no-lock")
		// What was sealed to them is evidence, and stays.
		held, err := db.Envelopes(ctx, r.String())
		must(t, err)
		if len(held) != 1 || held[0].Notice != n {
			t.Errorf("they hold %+v", held)
		}
		if _, err := trySubmit(ctx, db, r); portal.KindOf(err) != portal.Conflict {
			t.Errorf("a notice was sealed to them: %v", err)
		}
		if got := subjects(t, db); !slices.Contains(got, "representative-revoked "+r.String()+" "+hexOf(gone.Chain[0])) {
			t.Errorf("the ledger has entries about %q", got)
		}
	})
}

func TestSubmit(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newRepresentative()
		record := issued(t, db, r)
		number := submit(t, db, r)
		want := notice(number)

		got, err := db.Notice(ctx, number)
		must(t, err)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("kept\n%+v\nwant\n%+v", got, want)
		}
		body, err := db.Body(ctx, number, crypto.SuiteCompat)
		must(t, err)
		if len(body) != 12_000 {
			t.Errorf("the body has %d bytes", len(body))
		}
		e, err := db.Envelope(ctx, number, staffHolder)
		must(t, err)
		if string(e.Data) != "for the desk" || e.Holder != staffHolder {
			t.Errorf("the desk holds %+v", e)
		}
		_, err = db.Envelope(ctx, number, "staff:somebody else")
		wantCode(t, err, portal.NotFound, "no-envelope")
		_, err = db.Notice(ctx, "N-00000000")
		wantCode(t, err, portal.NotFound, "no-notice")
		must(t, db.Submit(ctx, want, nil, envelopes(r), portal.PersonalParts{}, nil)) // the very same
		other := want
		other.Signed.AuthorSignature = []byte("another signature")
		wantCode(t, db.Submit(ctx, other, nil, envelopes(r), portal.PersonalParts{}, nil), portal.Conflict, "notice-exists")

		// Not to a certificate that is no longer in use, not to one who isn't there; and then nothing of it is kept.
		must(t, db.Claim(ctx, claimed(record), []registry.HeldEnvelope{{Notice: number, Certificate: fingerprint(1), Suite: crypto.SuitePQ, Data: []byte("again")}}))
		for _, to := range []crypto.Representative{r, newRepresentative()} {
			refused, err := trySubmit(ctx, db, to)
			wantCode(t, err, portal.Conflict, "stale-certificate")
			if !strings.Contains(err.Error(), to.String()) {
				t.Errorf("%v does not name %s", err, to)
			}
			if _, err := db.Signed(ctx, refused); portal.KindOf(err) != portal.NotFound {
				t.Errorf("a refused submission was kept: %v", err)
			}
		}
		notices, err := db.Notices(ctx)
		must(t, err)
		if len(notices) != 1 || notices[0].Audience != nil {
			t.Errorf("notices: %+v", notices)
		}
	})
}

func TestRelease(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newRepresentative()
		colleague, other := crypto.Representative{Mailbox: r.Mailbox, Ordinal: 2}, newRepresentative()
		for _, r := range []crypto.Representative{r, colleague, other} {
			issued(t, db, r)
		}
		n := submit(t, db, r, colleague)
		if d, err := db.Deliveries(ctx, r); err != nil || len(d) != 0 {
			t.Fatalf("before release: %v, %v", d, err)
		}
		lines, err := db.Status(ctx, n)
		must(t, err)
		if len(lines) != 1 || lines[0] != (portal.MailboxStatus{Mailbox: r.Mailbox}) {
			t.Fatalf("before release the status is %+v", lines)
		}

		released, err := db.Release(ctx, n, []byte("approver"), noon)
		must(t, err)
		again, err := db.Release(ctx, n, []byte("approver"), noon.Add(time.Hour))
		must(t, err)
		if !released.Equal(kept(noon)) || !again.Equal(released) {
			t.Errorf("released at %v, again %v", released, again)
		}
		_, err = db.Release(ctx, n, []byte("another approver"), noon)
		wantCode(t, err, portal.Conflict, "already-released")
		_, err = db.Release(ctx, "N-00000000", []byte("approver"), noon)
		wantCode(t, err, portal.NotFound, "no-notice")

		for _, r := range []crypto.Representative{r, colleague} {
			d, err := db.Delivery(ctx, r, n)
			must(t, err)
			if string(d.Envelope) != "for "+r.String() || string(d.Membership) != "membership of "+r.String() || d.Suite != crypto.SuitePQ || string(d.Notice.Headings[crypto.SuitePQ]) != "heading pq" ||
				!d.DeliveredAt.Equal(released) || !d.OpenedAt.IsZero() || d.Acknowledgement != nil || d.Notice.Audience != nil ||
				d.Notice.State != portal.Released || string(d.Notice.Signed.ApproverSignature) != "approver" {
				t.Errorf("delivered %+v", d)
			}
		}
		_, err = db.Delivery(ctx, other, n)
		wantCode(t, err, portal.NotFound, "no-notice")

		later := submit(t, db, r)
		_, err = db.Release(ctx, later, []byte("approver"), noon.Add(time.Minute))
		must(t, err)
		d, err := db.Deliveries(ctx, r)
		must(t, err)
		if len(d) != 2 || string(d[1].Membership) != "membership of "+r.String() || d[0].Notice.Number != later || d[1].Notice.Number != n {
			t.Errorf("listed %+v", d)
		}
	})
}

// A key that was replaced without rewrapping (as a later version may do it) stops a release when nobody could open it any more.
func TestReleaseIsRefusedForStaleCertificates(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		replaced := func(profileOwn bool, keyInChain int) error {
			r := newRepresentative()
			issued(t, db, r)
			n := submit(t, db, r)
			for _, statement := range []string{
				`UPDATE representatives SET certificate = 'FF' WHERE holder = $1`,
				fmt.Sprintf(`UPDATE certificates SET fingerprint = '%s' WHERE holder = $1`, fingerprint(keyInChain)),
			} {
				_, err := db.writers.Exec(statement, r.String())
				must(t, err)
			}
			if profileOwn {
				_, err := db.writers.Exec(`UPDATE representatives SET locked_bundle = NULL WHERE holder = $1`, r.String())
				must(t, err)
			}
			_, err := db.Release(ctx, n, []byte("approver"), noon)
			return err
		}
		if err := replaced(false, 0); err != nil {
			t.Errorf("an earlier key that rests in the bundle: %v", err)
		}
		wantCode(t, replaced(true, 0), portal.Conflict, "stale-certificate")
		wantCode(t, replaced(false, 2), portal.Conflict, "stale-certificate")
	})
}

func receipt(n crypto.Number, r crypto.Representative, text string) portal.AcknowledgementRecord {
	return portal.AcknowledgementRecord{
		Notice: n, Representative: r, Certificate: fingerprint(0), Decision: crypto.DecisionAcknowledged, Receipt: []byte(text), ReceivedAt: kept(noon.Add(time.Hour)),
	}
}

func TestAcknowledgement(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, ctx := node(), t.Context()
		r := newRepresentative()
		colleague, outsider := crypto.Representative{Mailbox: r.Mailbox, Ordinal: 2}, newRepresentative()
		for _, r := range []crypto.Representative{r, colleague, outsider} {
			issued(t, db, r)
		}
		n := delivered(t, db, r, colleague)
		a := receipt(n, r, "receipt")

		_, _, err := db.RecordAcknowledgement(ctx, a)
		wantCode(t, err, portal.Conflict, "not-opened")
		_, err = db.MarkOpened(ctx, outsider, n, noon)
		wantCode(t, err, portal.NotFound, "no-notice")
		opened, err := db.MarkOpened(ctx, r, n, noon)
		must(t, err)
		again, err := db.MarkOpened(ctx, colleague, n, noon.Add(time.Hour))
		must(t, err)
		if !opened.Equal(kept(noon)) || !again.Equal(opened) {
			t.Errorf("opened at %v, then at %v", opened, again)
		}
		_, err = db.Acknowledgement(ctx, n, r.Mailbox)
		wantCode(t, err, portal.NotFound, "no-acknowledgement")

		got, created, err := db.RecordAcknowledgement(ctx, a)
		must(t, err)
		if !created || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", a) {
			t.Errorf("kept %+v, %t", got, created)
		}
		late := a
		late.ReceivedAt = a.ReceivedAt.Add(time.Hour)
		got, created, err = db.RecordAcknowledgement(ctx, late)
		must(t, err)
		if created || !got.ReceivedAt.Equal(a.ReceivedAt) {
			t.Errorf("the same again: %+v, %t", got, created)
		}
		_, _, err = db.RecordAcknowledgement(ctx, receipt(n, colleague, "another"))
		wantCode(t, err, portal.Conflict, "already-acknowledged")
		if !strings.Contains(err.Error(), "/1") || !strings.Contains(err.Error(), "2026-01-05T12:00:00Z") {
			t.Errorf("%v says neither who nor when", err)
		}
		_, _, err = db.RecordAcknowledgement(ctx, receipt(n, outsider, "an outsider's"))
		wantCode(t, err, portal.Conflict, "not-opened")

		d, err := db.Delivery(ctx, colleague, n)
		must(t, err)
		if d.Acknowledgement == nil || fmt.Sprintf("%+v", *d.Acknowledgement) != fmt.Sprintf("%+v", a) || !d.OpenedAt.Equal(opened) {
			t.Errorf("the colleague sees %+v", d)
		}
		lines, err := db.Status(ctx, n)
		must(t, err)
		if len(lines) != 1 || lines[0].Acknowledgement == nil || lines[0].Acknowledgement.Receipt != nil || lines[0].Acknowledgement.Representative != r || !lines[0].OpenedAt.Equal(opened) {
			t.Errorf("status %+v", lines)
		}
	})
}

func TestAnUnknownHostIsUnavailable(t *testing.T) {
	_, err := Open(t.Context(), "postgres://valise:secret-password@127.0.0.1:1/valise?connect_timeout=2")
	if portal.KindOf(err) != portal.Unavailable {
		t.Errorf("kind %d: %v", portal.KindOf(err), err)
	}
	var e *portal.Error
	if errors.As(err, &e) && (e.RetryAfter == 0 || strings.Contains(e.Error(), "secret-password")) {
		t.Errorf("%+v", e)
	}
	for _, dsn := range []string{"", "sqlite:", filepath.Join(t.TempDir(), "missing", "portal.db"), "postgres://%zz", "mysql://valise:secret-password@host/valise"} {
		if _, err := Open(t.Context(), dsn); err == nil || strings.Contains(err.Error(), "secret-password") {
			t.Errorf("%q: %v", dsn, err)
		}
	}
}

func TestTablesThatAreMissingAreNoticed(t *testing.T) {
	for _, dsn := range []string{filepath.Join(t.TempDir(), "portal.db"), portaltest.PostgreSQL(t)} {
		db, err := Open(t.Context(), dsn)
		must(t, err)
		defer db.Close()
		if err := db.Migrated(t.Context()); !errors.Is(err, ErrNotMigrated) {
			t.Errorf("before: %v", err)
		}
		must(t, db.Migrate(t.Context()))
		must(t, db.Migrated(t.Context()))
	}
}

func TestTheFileIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portal.db")
	db := openForTest(t, "sqlite:"+path)
	issued(t, db, newRepresentative())
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}
