package registry_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest/people"
	"valise/portal/registry"
	"valise/portal/store"
)

var (
	noon         = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	portalSecret = []byte("a portal secret of 32 octets ...")
)

const origin = "https://portal.example"

// office are the keys of an institution, made once: no test changes them.
type office struct {
	*people.Institution
	author, approver, registrar, secondRegistrar, auditor, former *crypto.Key
	stranger                                                      *crypto.Key // of whom nobody knows
	secrets                                                       *crypto.Secrets
	locked                                                        []byte // under secrets; the portal can't tell what is in it
	record                                                        []byte // sealed to the registrar
}

var theOffice = sync.OnceValue(func() *office {
	o := &office{Institution: people.Found(noon), stranger: people.Stranger("Eve", noon)}
	o.author = o.Hire("Amara Diallo", crypto.RoleAuthor)
	o.approver = o.Hire("Benoît Laurent", crypto.RoleApprover)
	o.registrar = o.Hire("Chen Wei", crypto.RoleRegistrar)
	o.secondRegistrar = o.Hire("Dora Novák", crypto.RoleRegistrar)
	o.auditor = o.Hire("Emil Sato", crypto.RoleAuditor)
	o.former = o.Certify(o.Hire("Femi Grant", crypto.RoleRegistrar), noon.Add(time.Minute))
	var err error
	if o.secrets, err = crypto.DeriveSecrets([]byte("a claim code"), crypto.NewSalt()); err != nil {
		panic(err)
	}
	bundle := &crypto.Bundle{Holder: "somebody", Pin: crypto.Pin{Fingerprint: o.Root.Certificate().Fingerprint()}, Key: o.stranger}
	if o.locked, err = crypto.LockBundle(bundle, o.secrets); err != nil {
		panic(err)
	}
	if o.record, err = crypto.SealRecord([]byte("Republic of Elbonia"), o.registrar, crypto.PurposeDetails, []*crypto.Certificate{o.registrar.Certificate()}, noon); err != nil {
		panic(err)
	}
	return o
})

// court is a registry over a fresh database, with a clock that tests move.
type court struct {
	*office
	*registry.Registry
	db   *store.DB
	pin  *crypto.Root
	path string
	now  time.Time
}

func newCourt(t testing.TB) *court {
	t.Helper()
	c := &court{office: theOffice(), now: noon.Add(time.Hour), path: filepath.Join(t.TempDir(), "portal.db")}
	var err error
	c.db, err = store.Open(t.Context(), c.path)
	must(t, err)
	t.Cleanup(func() { c.db.Close() })
	must(t, c.db.Migrate(t.Context()))
	c.pin = c.Pin()
	c.Registry = registry.New(c.db, c.pin, portalSecret, func() time.Time { return c.now })
	for _, k := range []*crypto.Key{c.author, c.approver, c.registrar, c.secondRegistrar, c.auditor} {
		_, err := c.AddStaff(t.Context(), k.Certificate().Bytes())
		must(t, err)
	}
	return c
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
		t.Errorf("got %v (kind %d), want kind %d, code %q", err, portal.KindOf(err), kind, code)
	}
}

// staff acts as the holder of a staff key.
func (c *court) staff(t testing.TB, k *crypto.Key) portal.Actor {
	t.Helper()
	member, err := c.pin.VerifyStaff(k.Certificate(), c.now)
	must(t, err)
	return portal.ActingStaff(member)
}

// issuance is what a registrar's honest client makes for a new State.
func (c *court) issuance(registrar *crypto.Key, profile crypto.Profile) (registry.Issuance, *crypto.Key) {
	return c.issuanceFor(crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}, registrar, profile)
}

func (c *court) issuanceFor(r crypto.Representative, registrar *crypto.Key, profile crypto.Profile) (registry.Issuance, *crypto.Key) {
	issued := people.Issued(registrar, profile, r, noon)
	return registry.Issuance{
		Representative: r, Profile: profile, Certificate: []byte(issued.Certificate().Armor()),
		Salt: c.secrets.Salt(), Verifier: crypto.LogInVerifier(c.secrets.LogInSecret()), LockedBundle: c.locked, Label: c.record, Details: c.record,
	}, issued
}

// issue issues a mailbox and returns its first representative and their issued key.
func (c *court) issue(t testing.TB) (crypto.Representative, *crypto.Key) {
	t.Helper()
	i, issued := c.issuance(c.registrar, crypto.ProfilePQ)
	must(t, c.Issue(t.Context(), c.staff(t, c.registrar), i))
	return i.Representative, issued
}

// successor makes the representative's own key, certified by the one before.
func successor(r crypto.Representative, old *crypto.Key, profile crypto.Profile) *crypto.Key {
	return people.Own(old, profile, r, noon.Add(time.Minute))
}

// claiming is what an honest client makes of an own key, with what was held rewrapped to it.
func (c *court) claiming(t testing.TB, r crypto.Representative, issued, own *crypto.Key, profile crypto.Profile) registry.Claiming {
	t.Helper()
	claiming := registry.Claiming{
		Profile: profile, Certificate: []byte(own.Certificate().Armor()),
		Salt: c.secrets.Salt(), Verifier: crypto.LogInVerifier([]byte("the new log-in secret")), LockedBundle: c.locked,
	}
	held, err := c.Envelopes(t.Context(), portal.ActingRepresentative(r))
	must(t, err)
	for _, e := range held {
		e.Data, err = crypto.Rewrap(e.Data, []*crypto.Key{issued}, own.Certificate())
		must(t, err)
		e.Certificate = own.Certificate().Fingerprint()
		claiming.Envelopes = append(claiming.Envelopes, e)
	}
	return claiming
}

// claimedMailbox issues a mailbox and claims it.
func (c *court) claimedMailbox(t testing.TB) (crypto.Representative, *crypto.Key) {
	t.Helper()
	r, issued := c.issue(t)
	own := successor(r, issued, crypto.ProfilePQ)
	must(t, c.Claim(t.Context(), portal.ActingRepresentative(r), c.claiming(t, r, issued, own, crypto.ProfilePQ)))
	return r, own
}

// send seals a notice to a representative, as an author's client does, and puts it into the database.
func (c *court) send(t testing.TB, to crypto.Representative) crypto.Number {
	t.Helper()
	chain, err := c.Chain(t.Context(), c.staff(t, c.author), to)
	must(t, err)
	var parsed []*crypto.Certificate
	for _, data := range chain {
		p, err := crypto.ParseCertificate(data)
		must(t, err)
		parsed = append(parsed, p)
	}
	staff, err := c.Staff(t.Context())
	must(t, err)
	recipient, err := c.pin.VerifyRepresentative(staff, parsed, to, c.now)
	must(t, err)
	desk := []*crypto.Staff{c.staff(t, c.author).Staff(), c.staff(t, c.approver).Staff()}
	draft := &crypto.Draft{From: "Court", Languages: []crypto.LanguageVersion{{Language: "en", Subject: "Subject", Text: "Text.\n"}}, Acknowledge: true}
	sealed, err := crypto.SealNotice(c.pin, c.author, draft, []*crypto.Recipient{recipient}, desk, c.now, nil)
	must(t, err)
	m, err := crypto.ParseManifest(sealed.Manifest)
	must(t, err)
	must(t, c.db.Submit(t.Context(), portal.NoticeRecord{
		Number: m.Notice, State: portal.Submitted, Signed: sealed.Signed(), Audience: sealed.Audience, Headings: sealed.Headings, SubmittedAt: c.now,
	}, sealed.Bodies, sealed.Envelopes, portal.PersonalParts{}, nil))
	return m.Notice
}

// audited returns what was written down so far, in order.
func (c *court) audited(t testing.TB) (entries []string) {
	t.Helper()
	db, err := sql.Open("sqlite", c.path)
	must(t, err)
	defer db.Close()
	rows, err := db.Query(`SELECT actor || ' ' || act || ' ' || object FROM audit ORDER BY rowid`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var e string
		must(t, rows.Scan(&e))
		entries = append(entries, e)
	}
	must(t, rows.Err())
	return entries
}

func (c *court) wantAudited(t testing.TB, actor portal.Actor, act, object string) {
	t.Helper()
	if want := actor.Holder() + " " + act + " " + object; !slices.Contains(c.audited(t), want) {
		t.Errorf("%q was not written down", want)
	}
}
