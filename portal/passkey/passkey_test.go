package passkey_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/passkey"
	"valise/portal/portaltest"
	"valise/portal/portaltest/people"
	"valise/portal/store"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

const origin = "https://portal.example"

// noon is where a test's clock begins.
var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

type staff struct {
	root               *crypto.Root
	certificates       []*crypto.Certificate
	ada, bela, chandra portal.Actor
}

var theStaff = sync.OnceValue(func() *staff {
	court := people.Found(noon.Add(-time.Hour))
	s := &staff{root: court.Pin()}
	hire := func(name string, role crypto.Role) portal.Actor {
		key := court.Hire(name, role)
		s.certificates = append(s.certificates, key.Certificate())
		return court.Acting(key, noon)
	}
	s.ada, s.bela, s.chandra = hire("Ada", crypto.RoleAuthor), hire("Bela", crypto.RoleAdministrator), hire("Chandra", crypto.RoleAdministrator)
	return s
})

// office is the step over a real database, with a clock that the test moves.
type office struct {
	*staff
	*passkey.Passkeys
	t     *testing.T
	db    *trail
	now   time.Time
	ended []string // whose sessions were ended
}

func (o *office) RevokeHolder(_ context.Context, holder string) error {
	o.ended = append(o.ended, holder)
	return nil
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, demanded bool, test func(t *testing.T, o *office)) {
	for name, dsn := range map[string]func() string{
		"SQLite":     func() string { return filepath.Join(t.TempDir(), "portal.db") },
		"PostgreSQL": func() string { return portaltest.PostgreSQL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := store.Open(t.Context(), dsn())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			o := &office{staff: theStaff(), t: t, db: &trail{DB: db}, now: noon}
			for _, c := range o.certificates {
				if err := db.AddStaff(t.Context(), c.Fingerprint(), func([]byte) ([]byte, error) { return c.Bytes(), nil }); err != nil {
					t.Fatal(err)
				}
			}
			o.Passkeys, err = passkey.New(o.db, o, passkey.Config{Origin: origin, Name: "International Court (test)", Secret: bytes.Repeat([]byte{7}, 32), InsecureSingleFactor: !demanded}, func() time.Time { return o.now })
			if err != nil {
				t.Fatal(err)
			}
			test(t, o)
		})
	}
}

func (o *office) want(err error, code string) {
	o.t.Helper()
	var e *portal.Error
	if !errors.As(err, &e) || e.Code != code {
		o.t.Fatalf("got %v, want %s", err, code)
	}
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		var e *portal.Error
		if errors.As(err, &e) {
			o.t.Fatalf("%s: %v", e.Code, err)
		}
		o.t.Fatal(err)
	}
}

// enrol enrols a device; shown is nil for the key alone.
func (o *office) enrol(actor portal.Actor, device *portaltest.Authenticator, label string, shown *passkey.Shown) (*passkey.Passkey, error) {
	q, err := o.BeginEnrolment(o.t.Context(), actor, shown)
	if err != nil {
		return nil, err
	}
	return o.FinishEnrolment(o.t.Context(), actor, q.Data, device.Enrol(q.Options), label)
}

func (o *office) show(actor portal.Actor, device *portaltest.Authenticator, purpose passkey.Purpose, object string) (*passkey.Shown, error) {
	q, err := o.BeginShow(o.t.Context(), actor, purpose, object)
	if err != nil {
		return nil, err
	}
	return o.FinishShow(o.t.Context(), actor, q.Data, device.Show(q.Options), purpose, object)
}

func (o *office) audit() string { return strings.Join(o.db.entries, "\n") }

// trail is a database whose audit entries can be read back.
type trail struct {
	*store.DB
	entries []string
}

func (d *trail) RecordAudit(ctx context.Context, e portal.AuditEntry) error {
	d.entries = append(d.entries, e.Act+" "+e.Object)
	return d.DB.RecordAudit(ctx, e)
}

func TestASecondDeviceTakesTheFirst(t *testing.T) {
	onBoth(t, true, func(t *testing.T, o *office) {
		phone, key := portaltest.NewAuthenticator(t, origin), portaltest.NewAuthenticator(t, origin)
		_, err := o.BeginShow(t.Context(), o.ada, passkey.PurposeLogIn, "")
		o.want(err, "no-passkey")
		first, err := o.enrol(o.ada, phone, "  Ada's\tphone ", nil)
		o.must(err)
		if !first.KeyAlone || first.Label != "Ada's phone" {
			t.Errorf("enrolled %+v", first)
		}

		_, err = o.enrol(o.ada, key, "security key", nil)
		o.want(err, "passkey-first")
		shownElse, err := o.show(o.ada, phone, passkey.PurposeLogIn, "")
		o.must(err)
		_, err = o.enrol(o.ada, key, "security key", shownElse) // shown for something else
		o.want(err, "passkey-first")
		shown, err := o.show(o.ada, phone, passkey.PurposeEnrol, "")
		o.must(err)
		_, err = o.enrol(o.bela, key, "security key", shown) // somebody else's proof is none: it is Bela's first, with the key alone
		o.must(err)
		_, err = o.enrol(o.ada, key, "security key", shown)
		o.want(err, "passkey-exists")
		key = portaltest.NewAuthenticator(t, origin)
		second, err := o.enrol(o.ada, key, "security key", shown)
		o.must(err)
		if second.KeyAlone {
			t.Error("the second one says that it was enrolled with the key alone")
		}
		for _, device := range []*portaltest.Authenticator{phone, key, phone} {
			s, err := o.show(o.ada, device, passkey.PurposeLogIn, "")
			o.must(err)
			o.must(s.For(o.ada, passkey.PurposeLogIn, ""))
			o.want(s.For(o.bela, passkey.PurposeLogIn, ""), "passkey-not-shown")
			o.want(s.For(o.ada, passkey.PurposeRemove, first.ID), "passkey-not-shown")
		}

		o.want(o.Remove(t.Context(), o.ada, first.ID, nil), "passkey-not-shown")
		shown, err = o.show(o.ada, key, passkey.PurposeRemove, first.ID)
		o.must(err)
		o.want(o.Remove(t.Context(), o.ada, second.ID, shown), "passkey-not-shown")
		o.must(o.Rename(t.Context(), o.ada, second.ID, "the key in the safe"))
		o.want(o.Rename(t.Context(), o.bela, second.ID, "mine"), "no-such-passkey")
		o.must(o.Remove(t.Context(), o.ada, first.ID, shown))
		_, err = o.show(o.ada, phone, passkey.PurposeLogIn, "")
		o.want(err, "passkey-refused")
		shown, err = o.show(o.ada, key, passkey.PurposeRemove, second.ID)
		o.must(err)
		o.want(o.Remove(t.Context(), o.ada, second.ID, shown), "last-passkey")

		have, last, err := o.Own(t.Context(), o.ada)
		o.must(err)
		if len(have) != 1 || have[0].Label != "the key in the safe" || !have[0].Used.Equal(o.now) || last != nil {
			t.Errorf("Ada has %+v, %v", have, last)
		}
		audit := o.audit()
		for _, want := range []string{"passkey.enrol-with-key-alone " + first.ID, "passkey.enrol " + second.ID, "passkey.remove " + first.ID, "passkey.show log-in " + second.ID, "passkey.show refused log-in"} {
			if !strings.Contains(audit, want) {
				t.Errorf("the trail has no %q:\n%s", want, audit)
			}
		}
	})
}

func TestAnswersThatDoNotHold(t *testing.T) {
	onBoth(t, true, func(t *testing.T, o *office) {
		ctx := t.Context()
		phone := portaltest.NewAuthenticator(t, origin)
		_, err := o.enrol(o.ada, phone.At("https://portal.example.evil.example"), "phone", nil)
		o.want(err, "enrolment-refused")
		_, err = o.enrol(o.ada, phone.Unverified(), "phone", nil)
		o.want(err, "enrolment-refused")
		_, err = o.enrol(o.ada, phone, " ", nil)
		o.want(err, "invalid-label")
		q, err := o.BeginEnrolment(ctx, o.ada, nil)
		o.must(err)
		_, err = o.FinishEnrolment(ctx, o.ada, q.Data, []byte("{}"), "phone")
		o.want(err, "enrolment-refused")
		_, err = o.FinishEnrolment(ctx, o.bela, q.Data, phone.Enrol(q.Options), "phone") // somebody else's question
		o.want(err, "question-over")
		_, err = o.FinishEnrolment(ctx, o.ada, nil, phone.Enrol(q.Options), "phone")
		o.want(err, "question-over")
		o.now = o.now.Add(passkey.QuestionPeriod)
		_, err = o.FinishEnrolment(ctx, o.ada, q.Data, phone.Enrol(q.Options), "phone")
		o.want(err, "question-over")
		_, err = o.enrol(o.ada, phone, "phone", nil)
		o.must(err)
		// Two pages asked before there was one; only the first answer is taken with the key alone.
		o.want(second(o, func() (*passkey.Question, error) { return q, nil }), "question-over")

		for name, device := range map[string]*portaltest.Authenticator{
			"another page": phone.At("https://portal.example.evil.example"), "nobody asked": phone.Unverified(), "another device": portaltest.NewAuthenticator(t, origin),
		} {
			if _, err := o.show(o.ada, device, passkey.PurposeLogIn, ""); err == nil {
				t.Errorf("%s: taken", name)
			} else {
				o.want(err, "passkey-refused")
			}
		}
		q, err = o.BeginShow(ctx, o.ada, passkey.PurposeLogIn, "")
		o.must(err)
		answer := phone.Show(q.Options)
		_, err = o.FinishShow(ctx, o.ada, q.Data, answer, passkey.PurposeConfirm, "")
		o.want(err, "question-over")
		_, err = o.FinishShow(ctx, o.ada, q.Data, bytes.Repeat([]byte(" "), passkey.MaxAnswer+1), passkey.PurposeLogIn, "")
		o.want(err, "too-large")
		_, err = o.FinishShow(ctx, o.bela, q.Data, answer, passkey.PurposeLogIn, "")
		o.want(err, "question-over")
		_, err = o.BeginShow(ctx, o.ada, "anything", "")
		o.want(err, "invalid-purpose")

		// Nobody, and who is no staff.
		person, err := crypto.ParseRepresentative(string(crypto.NewNumber(crypto.KindState)))
		o.must(err)
		_, err = o.BeginEnrolment(ctx, portal.ActingRepresentative(person), nil)
		o.want(err, "staff-only")
		_, err = o.BeginShow(ctx, portal.Actor{}, passkey.PurposeLogIn, "")
		o.want(err, "no-session")
	})
}

func second(o *office, ask func() (*passkey.Question, error)) error {
	q, err := ask()
	o.must(err)
	_, err = o.FinishEnrolment(o.t.Context(), o.ada, q.Data, portaltest.NewAuthenticator(o.t, origin).Enrol(q.Options), "another")
	return err
}

func TestTwoFirstEnrolmentsAtOnce(t *testing.T) {
	onBoth(t, true, func(t *testing.T, o *office) {
		ctx := t.Context()
		one, err := o.BeginEnrolment(ctx, o.ada, nil)
		o.must(err)
		other, err := o.BeginEnrolment(ctx, o.ada, nil)
		o.must(err)
		_, err = o.FinishEnrolment(ctx, o.ada, one.Data, portaltest.NewAuthenticator(t, origin).Enrol(one.Options), "the owner's")
		o.must(err)
		_, err = o.FinishEnrolment(ctx, o.ada, other.Data, portaltest.NewAuthenticator(t, origin).Enrol(other.Options), "a thief's")
		o.want(err, "passkey-first")
	})
}

func TestACopiedPasskeyIsRefusedAndWrittenDown(t *testing.T) {
	onBoth(t, true, func(t *testing.T, o *office) {
		phone := portaltest.NewAuthenticator(t, origin)
		enrolled, err := o.enrol(o.ada, phone, "phone", nil)
		o.must(err)
		stolen := phone.Copy()
		_, err = o.show(o.ada, phone, passkey.PurposeLogIn, "")
		o.must(err)
		_, err = o.show(o.ada, stolen, passkey.PurposeLogIn, "") // counts 1 again
		o.want(err, "passkey-copied")
		if !strings.Contains(o.audit(), "passkey.copied refused "+enrolled.ID) {
			t.Errorf("the trail says nothing of the copy:\n%s", o.audit())
		}
		// Compared in the database, too: of two answers under way at the same time, one counts.
		a, err := o.BeginShow(t.Context(), o.ada, passkey.PurposeLogIn, "")
		o.must(err)
		again := phone.Copy()
		mine, theirs := phone.Show(a.Options), again.Show(a.Options)
		_, err = o.FinishShow(t.Context(), o.ada, a.Data, mine, passkey.PurposeLogIn, "")
		o.must(err)
		_, err = o.FinishShow(t.Context(), o.ada, a.Data, theirs, passkey.PurposeLogIn, "")
		o.want(err, "passkey-copied")
	})
}

func TestLosingAllPasskeys(t *testing.T) {
	onBoth(t, true, func(t *testing.T, o *office) {
		ctx, lost := t.Context(), portaltest.NewAuthenticator(t, origin)
		_, err := o.enrol(o.ada, lost, "phone", nil)
		o.must(err)
		theirs := portaltest.NewAuthenticator(t, origin)
		_, err = o.BeginShow(ctx, o.bela, passkey.PurposeReset, o.ada.Holder()) // without a passkey of their own
		o.want(err, "no-passkey")
		_, err = o.enrol(o.bela, theirs, "security key", nil)
		o.must(err)

		_, err = o.show(o.ada, lost, passkey.PurposeReset, o.bela.Holder())
		o.want(err, "administrator-only")
		_, err = o.show(o.bela, theirs, passkey.PurposeReset, o.bela.Holder())
		o.want(err, "not-yourself")
		_, err = o.show(o.bela, theirs, passkey.PurposeReset, "S-7K2M9QXD/1")
		o.want(err, "invalid-member")
		shown, err := o.show(o.bela, theirs, passkey.PurposeReset, o.ada.Holder())
		o.must(err)
		o.want(o.Reset(ctx, o.bela, o.ada.Holder(), "lost", nil), "passkey-not-shown")
		o.want(o.Reset(ctx, o.bela, o.chandra.Holder(), "lost", shown), "passkey-not-shown")
		o.want(o.Reset(ctx, o.bela, o.ada.Holder(), " \n", shown), "invalid-reason")
		o.want(o.Reset(ctx, o.ada, o.bela.Holder(), "because", shown), "administrator-only")
		if len(o.ended) > 0 {
			t.Fatal("a refused reset ended sessions")
		}
		bound, err := o.db.BindAccount(ctx, o.ada.Holder(), "an account", o.now)
		o.must(err)
		if bound != "an account" {
			t.Fatal(bound)
		}
		o.must(o.Reset(ctx, o.bela, o.ada.Holder(), "The phone was lost in a taxi.", shown))
		if len(o.ended) == 0 || o.ended[0] != o.ada.Holder() {
			t.Errorf("ended the sessions of %v", o.ended)
		}
		standings, err := o.Standings(ctx, o.chandra)
		o.must(err)
		if (standings[o.ada.Holder()] != passkey.Standing{}) || (standings[o.bela.Holder()] != passkey.Standing{Passkeys: 1}) {
			t.Errorf("standings %v", standings)
		}
		_, err = o.show(o.ada, lost, passkey.PurposeLogIn, "")
		o.want(err, "no-passkey")
		have, last, err := o.Own(ctx, o.ada)
		o.must(err)
		if len(have) != 0 || last == nil || last.By != o.bela.Holder() || last.Reason != "The phone was lost in a taxi." {
			t.Errorf("Ada has %v, %+v", have, last)
		}
		_, err = o.Resets(ctx, o.ada)
		o.want(err, "auditor-only")
		resets, err := o.Resets(ctx, o.chandra)
		o.must(err)
		if len(resets) != 1 || resets[0] != *last {
			t.Errorf("resets %+v, and Ada's is %+v", resets, last)
		}
		for _, want := range []string{"passkey.reset " + o.ada.Holder(), "passkey.reset refused " + o.bela.Holder()} {
			if !strings.Contains(o.audit(), want) {
				t.Errorf("the trail has no %q", want)
			}
		}

		q, err := o.BeginEnrolment(ctx, o.ada, nil)
		o.must(err)
		o.now = o.now.Add(passkey.ResetPeriod - time.Minute)
		late, err := o.BeginEnrolment(ctx, o.ada, nil)
		o.must(err)
		o.now = o.now.Add(time.Minute)
		_, err = o.FinishEnrolment(ctx, o.ada, late.Data, portaltest.NewAuthenticator(t, origin).Enrol(late.Options), "phone")
		o.want(err, "reset-expired")
		_, err = o.FinishEnrolment(ctx, o.ada, q.Data, portaltest.NewAuthenticator(t, origin).Enrol(q.Options), "phone")
		o.want(err, "question-over")
		_, err = o.BeginEnrolment(ctx, o.ada, nil)
		o.want(err, "reset-expired")

		// Another reset opens the door once more; what was shown for the first one counts for it while it is the same request.
		shown, err = o.show(o.bela, theirs, passkey.PurposeReset, o.ada.Holder())
		o.must(err)
		o.must(o.Reset(ctx, o.bela, o.ada.Holder(), "She was on leave.", shown))
		_, err = o.enrol(o.ada, portaltest.NewAuthenticator(t, origin), "new phone", nil)
		o.must(err)
	})
}

// Nobody writes sentences of their own into the trail: what is no passkey's id, no code and no member's holder name is refused before it is written down.
func TestOnlyNamesGetIntoTheTrail(t *testing.T) {
	onBoth(t, true, func(t *testing.T, o *office) {
		ctx, sentence := t.Context(), "7K2M-9QXD. Bela approved P-7K2M9QXD\x00"
		o.want(o.Rename(ctx, o.ada, sentence, "phone"), "no-such-passkey")
		o.want(o.RefusingLogIn(ctx, o.ada, sentence), "nobody-waits")
		o.want(o.ConfirmingLogIn(ctx, o.ada, sentence, nil), "nobody-waits")
		for _, member := range []string{sentence, "", strings.ToLower(o.chandra.Holder()[6:]), o.chandra.Holder()[6:] + " "} {
			for _, actor := range []portal.Actor{o.ada, o.bela} {
				_, err := o.BeginShow(ctx, actor, passkey.PurposeReset, portal.StaffHolder(crypto.Fingerprint(member)))
				o.want(err, "invalid-member")
			}
		}
		if trail := o.audit(); trail != "" {
			t.Errorf("written down:\n%s", trail)
		}
	})
}

func TestWherePasskeysAreImpossible(t *testing.T) {
	for address, possible := range map[string]bool{
		"https://portal.example": true, "https://portal.example:8443": true, "https://localhost:8300": true, "http://localhost:8300": true,
		"https://127.0.0.1:8300": false, "http://127.0.0.1": false, "https://[::1]": false, "http://portal.example": false, "": false,
	} {
		if err := passkey.CheckOrigin(address); (err == nil) != possible {
			t.Errorf("%q: %v", address, err)
		}
	}
	c := passkey.Config{Origin: "https://127.0.0.1", Name: "Court", Secret: make([]byte, 32), InsecureSingleFactor: true}
	k, err := passkey.New(nil, nil, c, time.Now)
	if err != nil || k.Possible() == nil {
		t.Errorf("not demanded: %v, %v", err, k.Possible())
	}
	c.InsecureSingleFactor = false
	if _, err := passkey.New(nil, nil, c, time.Now); err == nil {
		t.Error("demanded where they are impossible, without an error")
	}
}
