package publish_test

import (
	"database/sql"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest/people"
	"valise/portal/publish"
	"valise/portal/store"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// office are the keys of an institution, made once: no test changes them.
type office struct {
	*people.Institution
	author, secondAuthor, approver, both, registrar, auditor, admin *crypto.Key
	notary, secondNotary, proxy                                     *crypto.Key
}

var theOffice = sync.OnceValue(func() *office {
	o := &office{Institution: people.Found(noon)}
	o.author = o.Hire("Amara Diallo", crypto.RoleAuthor)
	o.secondAuthor = o.Hire("Ana Costa", crypto.RoleAuthor)
	o.approver = o.Hire("Benoît Laurent", crypto.RoleApprover)
	o.both = o.Hire("Fatou Ndiaye", crypto.RoleAuthor, crypto.RoleApprover)
	o.registrar = o.Hire("Chen Wei", crypto.RoleRegistrar)
	o.auditor = o.Hire("Emil Sato", crypto.RoleAuditor)
	o.admin = o.Hire("Olga Berg", crypto.RoleAdministrator)
	o.proxy = o.Hire("AMARA  Diallo", crypto.RoleApprover) // the author under a second key
	o.notary = o.Hire("Notary 1", crypto.RoleNotary)
	o.secondNotary = o.Hire("Notary 2", crypto.RoleNotary)
	return o
})

// workingLanguages are those of the institution.
var workingLanguages = []string{"en", "fr"}

// newsroom is publish over a fresh database, with a clock that tests move.
type newsroom struct {
	*office
	*publish.Publish
	t    testing.TB
	db   *store.DB
	pin  *crypto.Root
	path string

	mu  sync.Mutex
	now time.Time
}

func newNewsroom(t testing.TB) *newsroom {
	t.Helper()
	return newNewsroomOn(t, filepath.Join(t.TempDir(), "portal.db"))
}

// newNewsroomOn is newNewsroom over the database that dsn names.
func newNewsroomOn(t testing.TB, dsn string) *newsroom {
	t.Helper()
	n := &newsroom{office: theOffice(), t: t, now: noon.Add(time.Hour), path: dsn}
	var err error
	n.db, err = store.Open(t.Context(), n.path)
	must(t, err)
	t.Cleanup(func() { n.db.Close() })
	must(t, n.db.Migrate(t.Context()))
	n.pin = n.Pin()
	n.Publish = publish.New(n.db, n.pin, workingLanguages, n.clock)
	for _, k := range n.keys() {
		n.keepStaff(k.Certificate())
	}
	return n
}

func (n *newsroom) keys() []*crypto.Key {
	return []*crypto.Key{n.author, n.secondAuthor, n.approver, n.both, n.registrar, n.auditor, n.admin, n.notary, n.secondNotary, n.proxy}
}

func (n *newsroom) keepStaff(c *crypto.Certificate) {
	n.t.Helper()
	must(n.t, n.db.AddStaff(n.t.Context(), c.Fingerprint(), func([]byte) ([]byte, error) { return c.Bytes(), nil }))
}

func (n *newsroom) clock() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

func (n *newsroom) wait(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(d)
}

func (n *newsroom) staff() (all []*crypto.Certificate) {
	for _, k := range n.keys() {
		all = append(all, k.Certificate())
	}
	return all
}

func (n *newsroom) acting(k *crypto.Key) portal.Actor {
	n.t.Helper()
	return portal.ActingStaff(n.member(k))
}

func (n *newsroom) member(k *crypto.Key) *crypto.Staff {
	n.t.Helper()
	m, err := n.pin.VerifyStaff(k.Certificate(), n.clock())
	must(n.t, err)
	return m
}

func (n *newsroom) members(keys ...*crypto.Key) (members []*crypto.Staff) {
	for _, k := range keys {
		members = append(members, n.member(k))
	}
	return members
}

func (n *newsroom) desk() []*crypto.Staff {
	return n.members(n.author, n.secondAuthor, n.approver, n.both)
}

func (n *newsroom) notaries() []*crypto.Staff { return n.members(n.notary, n.secondNotary) }

// findings is a draft that tests change.
func (n *newsroom) findings() *crypto.StatementDraft {
	return &crypto.StatementDraft{
		Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1, Topic: "security",
		Languages: []crypto.StatementLanguage{
			{Language: "en", Title: "Anomalous activity on our systems", Body: "Anomalous activity was detected.\n"},
			{Language: "fr", Title: "Activité anormale sur nos systèmes", Body: "Une activité anormale a été détectée.\n"},
		},
	}
}

// save keeps a draft as k.
func (n *newsroom) save(k *crypto.Key, d *crypto.StatementDraft) error {
	n.t.Helper()
	sealed, err := crypto.SealStatementDraft(d, k, n.desk(), n.clock())
	must(n.t, err)
	_, err = n.Save(n.t.Context(), n.acting(k), d.Statement, d.Revision, sealed, slices.Collect(maps.Values(d.Sealed))...)
	return err
}

// previous is the newest published version.
func (n *newsroom) previous(statement crypto.Number) *crypto.VerifiedStatement {
	n.t.Helper()
	versions, err := n.Statement(n.t.Context(), statement)
	if portal.KindOf(err) == portal.NotFound {
		return nil
	}
	must(n.t, err)
	signed := make([]crypto.SignedStatement, len(versions))
	for i, v := range versions {
		signed[i], err = crypto.ParseSignedStatement(v.Signed)
		must(n.t, err)
	}
	verified, err := n.pin.VerifyStatementVersions(signed, n.staff(), n.clock())
	must(n.t, err)
	return verified[len(verified)-1]
}

// submit saves, signs and submits a draft as the author, and returns the submission's name.
func (n *newsroom) submit(d *crypto.StatementDraft) string {
	n.t.Helper()
	must(n.t, n.save(n.author, d))
	signed, err := crypto.PrepareStatement(n.pin, n.author, d, n.previous(d.Statement), n.clock())
	must(n.t, err)
	sealed, err := crypto.SealStatement(signed, n.author, n.desk(), n.clock())
	must(n.t, err)
	submission, err := n.Submit(n.t.Context(), n.acting(n.author), d.Statement, d.Revision, sealed)
	must(n.t, err)
	return submission
}

// endorse opens a submission as k, and signs it.
func (n *newsroom) endorse(k *crypto.Key, statement crypto.Number) (crypto.SignedStatement, string) {
	n.t.Helper()
	w, err := n.Work(n.t.Context(), n.acting(k), statement)
	must(n.t, err)
	signed, _, err := n.pin.OpenStatement(w.Submission, statement, []*crypto.Key{k}, n.staff(), n.clock())
	must(n.t, err)
	v, err := n.pin.VerifyStatementSubmission(signed, n.previous(statement), n.staff(), n.clock())
	must(n.t, err)
	approved, err := crypto.ApproveStatement(n.pin, k, v, n.clock())
	must(n.t, err)
	return approved, w.SubmissionSHA256
}

// approve publishes a submission at once.
func (n *newsroom) approve(statement crypto.Number) (publish.Version, error) {
	n.t.Helper()
	approved, submission := n.endorse(n.approver, statement)
	encoded, err := approved.Encode()
	must(n.t, err)
	return n.Approve(n.t.Context(), n.acting(n.approver), statement, submission, encoded)
}

// schedule approves a submission for its minute.
func (n *newsroom) schedule(statement crypto.Number) {
	n.t.Helper()
	approved, submission := n.endorse(n.approver, statement)
	sealed, err := crypto.SealStatement(approved, n.approver, slices.Concat(n.desk(), n.notaries()), n.clock())
	must(n.t, err)
	must(n.t, n.Schedule(n.t.Context(), n.acting(n.approver), statement, submission, sealed))
}

func (n *newsroom) state(statement crypto.Number) publish.Work {
	n.t.Helper()
	w, err := n.Work(n.t.Context(), n.acting(n.approver), statement)
	must(n.t, err)
	return w
}

// acts are the audit entries since the beginning.
func (n *newsroom) acts() (acts []string) {
	n.t.Helper()
	raw, err := sql.Open("sqlite", n.path)
	must(n.t, err)
	defer raw.Close()
	rows, err := raw.Query(`SELECT act FROM audit ORDER BY at`)
	must(n.t, err)
	defer rows.Close()
	for rows.Next() {
		var act string
		must(n.t, rows.Scan(&act))
		acts = append(acts, act)
	}
	must(n.t, rows.Err())
	return acts
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
