package dispatch_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"database/sql"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
	"valise/portal/portaltest/people"
	"valise/portal/store"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// office are the keys of an institution and of two States and an organisation, made once: no test changes them.
type office struct {
	*people.Institution
	author, secondAuthor, approver, registrar, auditor, both, proxy *crypto.Key
	people                                                          []*people.Person
}

// The people of the office.
const (
	delegate  = iota // of a State
	colleague        // of the same State
	focal            // of another State
	lawyer           // of an organisation, with a key that GnuPG reads
	newcomer         // of a third State, who has not claimed yet
	outsider         // whom no notice is sent to
)

var theOffice = sync.OnceValue(func() *office {
	o := &office{Institution: people.Found(noon)}
	o.author = o.Hire("Amara Diallo", crypto.RoleAuthor)
	o.secondAuthor = o.Hire("Ana Costa", crypto.RoleAuthor)
	o.approver = o.Hire("Benoît Laurent", crypto.RoleApprover)
	o.registrar = o.Hire("Chen Wei", crypto.RoleRegistrar)
	o.auditor = o.Hire("Emil Sato", crypto.RoleAuditor)
	o.both = o.Hire("Fatou Ndiaye", crypto.RoleAuthor, crypto.RoleApprover)
	o.proxy = o.Hire("AMARA  Diallo", crypto.RoleApprover) // the author under a second key
	state := crypto.NewNumber(crypto.KindState)
	for i, r := range []crypto.Representative{
		{Mailbox: state, Ordinal: 1}, {Mailbox: state, Ordinal: 2}, {Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1},
		{Mailbox: crypto.NewNumber(crypto.KindOrganisation), Ordinal: 1}, {Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1},
		{Mailbox: crypto.NewNumber(crypto.KindIndividual), Ordinal: 1},
	} {
		profile := crypto.ProfilePQ
		if i == lawyer {
			profile = crypto.ProfileCompat
		}
		o.people = append(o.people, people.Represent(o.registrar, profile, r, noon))
	}
	return o
})

// court is dispatch over a fresh database, with a clock that tests move.
type court struct {
	*office
	*dispatch.Dispatch
	t    testing.TB
	db   *store.DB
	pin  *crypto.Root
	path string
	now  time.Time
}

func newCourt(t testing.TB) *court {
	t.Helper()
	c := &court{office: theOffice(), t: t, now: noon.Add(time.Hour), path: filepath.Join(t.TempDir(), "portal.db")}
	var err error
	c.db, err = store.Open(t.Context(), c.path)
	must(t, err)
	t.Cleanup(func() { c.db.Close() })
	must(t, c.db.Migrate(t.Context()))
	c.pin = c.Pin()
	c.Dispatch = dispatch.New(c.db, c.pin, func() time.Time { return c.now })
	for _, k := range []*crypto.Key{c.author, c.secondAuthor, c.approver, c.registrar, c.auditor, c.both, c.proxy} {
		c.keepStaff(k.Certificate())
	}
	for i, p := range c.people {
		record := portal.RepresentativeRecord{
			Representative: p.Representative, State: portal.Issued, Profile: crypto.ProfilePQ, Salt: []byte("salt"), Verifier: []byte("verifier"), LockedBundle: []byte("locked"),
			Chain: [][]byte{p.Issued.Certificate().Bytes()}, IssuedAt: noon,
		}
		must(t, c.db.Issue(t.Context(), record, []byte("label")))
		if i != newcomer {
			record.State, record.ClaimedAt, record.Chain = portal.Claimed, noon, append(record.Chain, p.Own.Certificate().Bytes())
			must(t, c.db.Claim(t.Context(), record, nil))
		}
	}
	return c
}

func (c *court) keepStaff(certificate *crypto.Certificate) {
	c.t.Helper()
	must(c.t, c.db.AddStaff(c.t.Context(), certificate.Fingerprint(), func([]byte) ([]byte, error) { return certificate.Bytes(), nil }))
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
func (c *court) staff(k *crypto.Key) portal.Actor {
	c.t.Helper()
	member, err := c.pin.VerifyStaff(k.Certificate(), c.now)
	must(c.t, err)
	return portal.ActingStaff(member)
}

func (c *court) staffCertificates() (all []*crypto.Certificate) {
	for _, k := range []*crypto.Key{c.author, c.secondAuthor, c.approver, c.registrar, c.auditor, c.both, c.proxy} {
		all = append(all, k.Certificate())
	}
	return all
}

// recipient is what an author's client makes of the directory.
func (c *court) recipient(p *people.Person) *crypto.Recipient {
	c.t.Helper()
	chain := []*crypto.Certificate{p.Issued.Certificate(), p.Own.Certificate()}
	if p == c.people[newcomer] {
		chain = chain[:1]
	}
	r, err := c.pin.VerifyRepresentative(c.staffCertificates(), chain, p.Representative, c.now)
	must(c.t, err)
	return r
}

// sealed is a notice as an honest author's client makes it, to both delegates of a State, another State, an organisation, and a newcomer.
func (c *court) sealed(author *crypto.Key) *crypto.SealedNotice {
	c.t.Helper()
	return c.sealedAs(author, func(d *crypto.Draft) { d.Deadline = c.now.Add(48 * time.Hour) })
}

// sealedAs is the same of a draft that has no deadline, but what else is given to it.
func (c *court) sealedAs(author *crypto.Key, change func(*crypto.Draft)) *crypto.SealedNotice {
	c.t.Helper()
	var recipients []*crypto.Recipient
	for _, i := range []int{delegate, colleague, focal, lawyer, newcomer} {
		recipients = append(recipients, c.recipient(c.people[i]))
	}
	desk := []*crypto.Staff{c.staff(author).Staff(), c.staff(c.approver).Staff(), c.staff(c.both).Staff()}
	draft := &crypto.Draft{
		From:        "International Court (test)",
		Languages:   []crypto.LanguageVersion{{Language: "en", Subject: "First notice", Text: "Something happened.\n"}},
		Acknowledge: true,
	}
	change(draft)
	sealed, err := crypto.SealNotice(c.pin, author, draft, recipients, desk, c.now, nil)
	must(c.t, err)
	return sealed
}

// submitted is a notice that waits for approval.
func (c *court) submitted() (crypto.Number, *crypto.SealedNotice) {
	c.t.Helper()
	s := c.sealed(c.author)
	n, err := c.Submit(c.t.Context(), c.staff(c.author), s)
	must(c.t, err)
	return n, s
}

// approval is what an approver's client makes: it opens the notice first.
func (c *court) approval(approver *crypto.Key, n crypto.Number) []byte {
	c.t.Helper()
	examined, err := c.Examine(c.t.Context(), c.staff(approver), n)
	must(c.t, err)
	v, err := c.pin.VerifySubmission(examined.Notice.Signed, c.staffCertificates(), c.now)
	must(c.t, err)
	o, err := crypto.OpenNotice(v, examined.Envelope.Data, examined.Bodies[examined.Envelope.Suite], []*crypto.Key{approver})
	must(c.t, err)
	signature, err := crypto.Approve(c.pin, approver, o, examined.Notice.Signed.Manifest, c.now)
	must(c.t, err)
	return signature
}

// released is a notice in every mailbox.
func (c *court) released() crypto.Number {
	c.t.Helper()
	n, _ := c.submitted()
	_, err := c.Approve(c.t.Context(), c.staff(c.approver), n, c.approval(c.approver, n))
	must(c.t, err)
	return n
}

// wantMember says whether a delivery shows the representative that it was meant for them.
func (c *court) wantMember(d portal.Delivery, r crypto.Representative) {
	c.t.Helper()
	v, err := c.pin.VerifyManifest(d.Notice.Signed, c.staffCertificates(), c.now)
	must(c.t, err)
	if m, err := v.CheckMembership(d.Membership); err != nil || m.Member.Representative != r || m.Member.Suite != d.Suite {
		c.t.Errorf("%s is shown %q, %v", r, d.Membership, err)
	}
}

// open is what a recipient's client does.
func (c *court) open(p *people.Person, n crypto.Number) *crypto.OpenedNotice {
	c.t.Helper()
	delivery, body, err := c.Open(c.t.Context(), p.Acting(), n)
	must(c.t, err)
	v, err := c.pin.VerifyManifest(delivery.Notice.Signed, c.staffCertificates(), c.now)
	must(c.t, err)
	o, err := crypto.OpenNotice(v, delivery.Envelope, body, []*crypto.Key{p.Own})
	must(c.t, err)
	return o
}

// receipt opens a notice and signs its receipt.
func (c *court) receipt(p *people.Person, n crypto.Number, nonce string) []byte {
	c.t.Helper()
	receipt, err := crypto.Acknowledge(c.open(p, n), p.Own, p.Representative, crypto.DecisionAcknowledged, nonce, c.now)
	must(c.t, err)
	return receipt
}

func (c *court) exec(statement string, args ...any) {
	c.t.Helper()
	db, err := sql.Open("sqlite", c.path)
	must(c.t, err)
	defer db.Close()
	_, err = db.Exec(statement, args...)
	must(c.t, err)
}

func (c *court) wantAudited(actor portal.Actor, act, object string) {
	c.t.Helper()
	if c.audited(actor, act, object) == 0 {
		c.t.Errorf("%s %s %s was not written down", actor.Holder(), act, object)
	}
}

// audited counts the entries of an act.
func (c *court) audited(actor portal.Actor, act, object string) (count int) {
	c.t.Helper()
	db, err := sql.Open("sqlite", c.path)
	must(c.t, err)
	defer db.Close()
	must(c.t, db.QueryRow(`SELECT count(*) FROM audit WHERE actor = ? AND act = ? AND object = ?`, actor.Holder(), act, object).Scan(&count))
	return count
}

// damage changes what is on the disk.
func (c *court) damage(statement string, args ...any) {
	c.t.Helper()
	db, err := sql.Open("sqlite", c.path)
	must(c.t, err)
	defer db.Close()
	changed, err := db.Exec(statement, args...)
	must(c.t, err)
	if rows, err := changed.RowsAffected(); err != nil || rows == 0 {
		c.t.Fatalf("nothing was damaged: %v", err)
	}
}

// resign changes the manifest and signs it again, as a lying author can.
func (c *court) resign(author *crypto.Key, s *crypto.SealedNotice, change func(*crypto.Manifest)) {
	c.t.Helper()
	m, err := crypto.ParseManifest(s.Manifest)
	must(c.t, err)
	change(m)
	s.Manifest, err = m.Encode()
	must(c.t, err)
	c.sign(author, s)
}

func (c *court) sign(author *crypto.Key, s *crypto.SealedNotice) {
	c.t.Helper()
	var err error
	s.AuthorSignature, err = crypto.SignDetached(author, crypto.PurposeNoticeAuthor, s.Manifest, c.now)
	must(c.t, err)
}

// readdress replaces the text of the audience and signs that it is the one.
func (c *court) readdress(s *crypto.SealedNotice, mailboxes int, change func(lines []string) []string) {
	c.t.Helper()
	lines := change(strings.Split(strings.TrimSuffix(string(s.Audience), "\n"), "\n"))
	s.Audience = []byte(strings.Join(lines, "\n") + "\n")
	c.resign(c.author, s, func(m *crypto.Manifest) {
		m.Mailboxes = mailboxes
		if audience, err := crypto.ParseAudience(s.Audience); err == nil { // no program signs what can't be read
			m.Members = len(audience.Members)
			m.AudienceRoot, err = audience.Root()
			must(c.t, err)
		}
	})
}

func envelopeOf(s *crypto.SealedNotice, holder string) *crypto.Envelope {
	i := slices.IndexFunc(s.Envelopes, func(e crypto.Envelope) bool { return e.Holder == holder })
	return &s.Envelopes[i]
}

func without(s *crypto.SealedNotice, holder string) {
	s.Envelopes = slices.DeleteFunc(s.Envelopes, func(e crypto.Envelope) bool { return e.Holder == holder })
}
