package publish_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/publish"
)

// onBoth runs a test on both databases. places are what a thief of the database has.
func onBoth(t *testing.T, test func(t *testing.T, n *newsroom, places func() []portaltest.Place)) {
	t.Run("SQLite", func(t *testing.T) {
		dsn := filepath.Join(t.TempDir(), "portal.db")
		test(t, newNewsroomOn(t, dsn), func() []portaltest.Place { return portaltest.SQLitePlaces(t, dsn) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := portaltest.PostgreSQL(t)
		test(t, newNewsroomOn(t, dsn), func() []portaltest.Place { return portaltest.PostgreSQLPlaces(t, dsn) })
	})
}

// report is a file that nobody can guess.
func report(size int) []byte {
	data := make([]byte, size)
	rand.Read(data)
	return append([]byte("%PDF-1.7 forensic report\n"), data...)
}

// attach seals a file as k to some people, uploads it, and returns its id.
func (n *newsroom) attach(k *crypto.Key, statement crypto.Number, data []byte, to ...*crypto.Staff) (string, error) {
	n.t.Helper()
	sealed, err := crypto.SealStatementAttachment(data, statement, k, to, n.clock())
	must(n.t, err)
	id := publish.SHA256Of(sealed)
	return id, n.Attach(n.t.Context(), n.acting(k), statement, id, sealed)
}

// attachTo adds a file to a draft, as the author's client does.
func (n *newsroom) attachTo(d *crypto.StatementDraft, name string, data []byte) string {
	n.t.Helper()
	id, err := n.attach(n.author, d.Statement, data, n.desk()...)
	must(n.t, err)
	a := crypto.AttachmentOf(name, "application/pdf", data)
	d.Attachments = append(d.Attachments, a)
	if d.Sealed == nil {
		d.Sealed = map[string]string{}
	}
	d.Sealed[a.SHA256] = id
	return id
}

// approveWith publishes a submission at once, with files.
func (n *newsroom) approveWith(statement crypto.Number, files ...[]byte) (publish.Version, error) {
	n.t.Helper()
	approved, submission := n.endorse(n.approver, statement)
	encoded, err := approved.Encode()
	must(n.t, err)
	return n.Approve(n.t.Context(), n.acting(n.approver), statement, submission, encoded, files...)
}

func (n *newsroom) wantFile(statement crypto.Number, version int, name string, want []byte) {
	n.t.Helper()
	f, err := n.File(n.t.Context(), statement, version, name)
	must(n.t, err)
	data, err := n.FileData(n.t.Context(), f)
	must(n.t, err)
	if !bytes.Equal(data, want) || f.SHA256 != publish.SHA256Of(want) || f.Size != int64(len(want)) || f.Name != name || f.Type != "application/pdf" {
		n.t.Errorf("%s of version %d is another file: %+v", name, version, f)
	}
}

func (n *newsroom) wantNoFile(statement crypto.Number, version int, name string) {
	n.t.Helper()
	_, err := n.File(n.t.Context(), statement, version, name)
	wantCode(n.t, err, portal.NotFound, "no-file")
}

func TestFilesArePublishedWithTheirStatement(t *testing.T) {
	onBoth(t, func(t *testing.T, n *newsroom, places func() []portaltest.Place) {
		d, file, table := n.findings(), report(100_000), report(300)
		id := n.attachTo(d, "Report.pdf", file)
		n.attachTo(d, "table.pdf", table)
		n.submit(d)
		sealed, err := n.Attachment(t.Context(), n.acting(n.approver), d.Statement, id)
		must(t, err)
		data, _, err := n.pin.OpenStatementAttachment(sealed, d.Statement, []*crypto.Key{n.approver}, n.staff(), n.clock())
		if err != nil || !bytes.Equal(data, file) {
			t.Fatal("the approver can't open it", err)
		}

		// Nothing but exactly what was signed is published.
		_, err = n.approve(d.Statement)
		wantCode(t, err, portal.Conflict, "attachments-missing")
		_, err = n.approveWith(d.Statement, file)
		wantCode(t, err, portal.Conflict, "attachments-missing")
		if !strings.Contains(err.Error(), "table.pdf") || strings.Contains(err.Error(), "Report.pdf") {
			t.Errorf("it does not say which one is missing: %v", err)
		}
		_, err = n.approveWith(d.Statement, file, append(bytes.Clone(table), ' '))
		wantCode(t, err, portal.Invalid, "attachment-not-named")
		if n.isPublic(d.Statement) {
			t.Fatal("it is published")
		}
		n.wantNoFile(d.Statement, 0, "Report.pdf")

		_, err = n.approveWith(d.Statement, table, file)
		must(t, err)
		n.wantFile(d.Statement, 1, "Report.pdf", file)
		n.wantFile(d.Statement, 0, "table.pdf", table)
		n.wantNoFile(d.Statement, 1, "report.pdf")
		n.wantNoFile(d.Statement, 2, "Report.pdf")
		n.wantNoFile(d.Statement, 1, "\x00")
		_, err = n.Attachment(t.Context(), n.acting(n.approver), d.Statement, id)
		wantCode(t, err, portal.NotFound, "no-attachment")

		// A correction keeps what it names without anybody uploading it; the withdrawal leaves all of it where it is.
		c := n.findings()
		c.Statement, c.Kind, c.Attachments = d.Statement, crypto.StatementCorrection, d.Attachments[:1]
		for i := range c.Languages {
			c.Languages[i].Reason = "A table was wrong."
		}
		again := report(400)
		n.attachTo(c, "table.pdf", again)
		n.submit(c)
		_, err = n.approveWith(c.Statement)
		wantCode(t, err, portal.Conflict, "attachments-missing")
		_, err = n.approveWith(c.Statement, again)
		must(t, err)
		n.wantFile(d.Statement, 2, "Report.pdf", file)
		n.wantFile(d.Statement, 0, "table.pdf", again)
		n.wantFile(d.Statement, 1, "table.pdf", table)
		w := n.findings()
		w.Statement, w.Kind = d.Statement, crypto.StatementWithdrawal
		for i := range w.Languages {
			w.Languages[i].Reason, w.Languages[i].Body = "An error.", ""
		}
		n.submit(w)
		_, err = n.approve(w.Statement)
		must(t, err)
		n.wantNoFile(d.Statement, 0, "Report.pdf")
		n.wantFile(d.Statement, 2, "Report.pdf", file)

		// What one statement has, another one does not get by naming it.
		other := n.findings()
		other.Attachments = d.Attachments[:1]
		n.submit(other)
		_, err = n.approve(other.Statement)
		wantCode(t, err, portal.Conflict, "attachments-missing")
	})
}

func TestFilesUnderEmbargo(t *testing.T) {
	onBoth(t, func(t *testing.T, n *newsroom, places func() []portaltest.Place) {
		d, file := n.findings(), report(77_777)
		d.PublishAt = n.clock().Add(time.Hour).Truncate(time.Minute)
		n.attachTo(d, "Espionage findings.pdf", file)
		submission := n.submit(d)
		secrets := []portaltest.Secret{
			{What: "the file's name", Value: []byte("Espionage findings.pdf"), Guessable: true},
			{What: "the file", Value: file[:200]},
			{What: "the file's digest", Value: []byte(publish.SHA256Of(file))},
			{What: "the file's size", Value: fmt.Appendf(nil, `%d `, len(file))},
			{What: "the file's type", Value: []byte("application/pdf")},
		}
		portaltest.NoLeaks(t, secrets, places()...)

		// The approver hands it on to the notaries. Nobody else does, and nobody before.
		handOn := slices.Concat(n.desk(), n.notaries())
		_, err := n.attach(n.author, d.Statement, file, handOn...)
		wantCode(t, err, portal.Invalid, "not-sealed")
		_, err = n.attach(n.both, crypto.NewNumber(crypto.KindStatement), file, handOn...)
		wantCode(t, err, portal.NotFound, "no-draft")
		draft := n.findings()
		must(t, n.save(n.author, draft))
		_, err = n.attach(n.approver, draft.Statement, file, handOn...)
		wantCode(t, err, portal.Conflict, "not-submitted")
		id, err := n.attach(n.approver, d.Statement, file, handOn...)
		must(t, err)

		approved, _ := n.endorse(n.approver, d.Statement)
		sealed, err := crypto.SealStatement(approved, n.approver, handOn, n.clock())
		must(t, err)
		wantCode(t, n.Schedule(t.Context(), n.acting(n.approver), d.Statement, submission, sealed, strings.Repeat("0", 64)), portal.Conflict, "attachment-not-uploaded")
		wantCode(t, n.Schedule(t.Context(), n.acting(n.approver), d.Statement, submission, sealed, d.Sealed[d.Attachments[0].SHA256]), portal.Conflict, "attachment-not-uploaded")
		if n.state(d.Statement).State != publish.Submitted {
			t.Fatal("half of it was approved")
		}
		must(t, n.Schedule(t.Context(), n.acting(n.approver), d.Statement, submission, sealed, id))
		notary := n.notaryWith(n.notary)
		n.look(notary)
		if n.state(d.Statement).CheckedAt.IsZero() {
			t.Fatal("the notary could not check it")
		}
		portaltest.NoLeaks(t, secrets, places()...)
		n.wantNoFile(d.Statement, 1, "Espionage findings.pdf")

		n.wait(time.Hour)
		n.look(notary)
		n.look(n.notaryWith(n.secondNotary))
		n.wantFile(d.Statement, 1, "Espionage findings.pdf", file)
		if leaks, err := portaltest.FindLeaks(secrets[:3], places()...); err != nil || len(leaks) == 0 {
			t.Error("the search finds nothing where everything is", err)
		}
	})
}

func TestNotarySendsBackWhatLacksItsFiles(t *testing.T) {
	n := newNewsroom(t)
	d, file := n.findings(), report(10)
	d.PublishAt = n.clock().Add(time.Hour).Truncate(time.Minute)
	n.attachTo(d, "Report.pdf", file)
	n.submit(d)
	n.schedule(d.Statement) // a client that forgot the file
	n.look(n.notaryWith(n.notary))
	w := n.state(d.Statement)
	why, _, err := n.pin.OpenStatementReturn(w.Reason, d.Statement, []*crypto.Key{n.author}, n.staff(), n.clock())
	if w.State != publish.Draft || err != nil || !strings.Contains(why.Reason, "Report.pdf") {
		t.Errorf("it is %s: %q, %v", w.State, why.Reason, err)
	}
}

func TestSealedFilesAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, n *newsroom, _ func() []portaltest.Place) {
		ctx, statement, file := t.Context(), crypto.NewNumber(crypto.KindStatement), report(10)
		_, err := n.attach(n.author, statement, file, append(n.desk(), n.members(n.registrar)...)...)
		wantCode(t, err, portal.Invalid, "not-sealed")
		_, err = n.attach(n.author, statement, file, n.members(n.approver)...)
		wantCode(t, err, portal.Invalid, "not-sealed")
		_, err = n.attach(n.registrar, statement, file, n.desk()...)
		wantCode(t, err, portal.Forbidden, "author-only")
		wantCode(t, n.Attach(ctx, n.acting(n.author), "S-7K2M9QXD", "", nil), portal.Invalid, "invalid-number")
		for what, octets := range map[string][]byte{"nothing": {}, "a file in the clear": file, "too much": make([]byte, crypto.MaxSealedAttachment+1)} {
			err := n.Attach(ctx, n.acting(n.author), statement, publish.SHA256Of(octets), octets)
			if portal.KindOf(err) != portal.Invalid && portal.KindOf(err) != portal.TooLarge {
				t.Errorf("%s: %v", what, err)
			}
		}
		sealed, err := crypto.SealStatementAttachment(file, statement, n.author, n.desk(), n.clock())
		must(t, err)
		wantCode(t, n.Attach(ctx, n.acting(n.author), statement, publish.SHA256Of(file), sealed), portal.Invalid, "wrong-digest")

		// One that was uploaded for another statement is not there for this one, and does not open as one of it.
		id, err := n.attach(n.author, statement, file, n.desk()...)
		must(t, err)
		d := n.findings()
		a := crypto.AttachmentOf("Report.pdf", "application/pdf", file)
		d.Attachments, d.Sealed = []crypto.StatementAttachment{a}, map[string]string{a.SHA256: id}
		wantCode(t, n.save(n.author, d), portal.Conflict, "attachment-not-uploaded")
		_, err = n.Work(ctx, n.acting(n.author), d.Statement)
		wantCode(t, err, portal.NotFound, "no-draft") // nothing of it was saved
		other, err := n.Attachment(ctx, n.acting(n.approver), statement, id)
		must(t, err)
		must(t, n.Attach(ctx, n.acting(n.author), d.Statement, id, other)) // the portal can't tell
		must(t, n.save(n.author, d))
		if _, _, err := n.pin.OpenStatementAttachment(other, d.Statement, []*crypto.Key{n.approver}, n.staff(), n.clock()); err == nil {
			t.Error("a file was taken for one of another statement")
		}
		_, err = n.Attachment(ctx, n.acting(n.registrar), statement, id)
		wantCode(t, err, portal.Forbidden, "author-only")
		_, err = n.Attachment(ctx, n.acting(n.author), statement, "../"+id[3:])
		wantCode(t, err, portal.Invalid, "invalid-attachment")
	})
}

func TestFilesNobodyNamesAreForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, n *newsroom, _ func() []portaltest.Place) {
		ctx := t.Context()
		there := func(statement crypto.Number, id string) bool {
			t.Helper()
			_, err := n.Attachment(ctx, n.acting(n.author), statement, id)
			if err != nil {
				wantCode(t, err, portal.NotFound, "no-attachment")
			}
			return err == nil
		}
		d := n.findings()
		named := n.attachTo(d, "Report.pdf", report(10))
		must(t, n.save(n.author, d))
		mine, err := n.attach(n.secondAuthor, d.Statement, report(20), n.desk()...) // in another's open editor
		must(t, err)
		n.wait(23 * time.Hour)
		must(t, n.db.Purge(ctx, n.clock()))
		if !there(d.Statement, named) || !there(d.Statement, mine) {
			t.Error("a file was forgotten too early")
		}
		n.wait(2 * time.Hour)
		must(t, n.db.Purge(ctx, n.clock()))
		if !there(d.Statement, named) || there(d.Statement, mine) {
			t.Error("not exactly what nobody names was forgotten")
		}

		// Somebody else takes it out of the draft: who has it open can put it back.
		sealed := maps.Clone(d.Sealed)
		without := *d
		without.Revision, without.Attachments, without.Sealed = 2, nil, nil
		must(t, n.save(n.secondAuthor, &without))
		with := *d
		with.Revision, with.Sealed = 3, sealed
		must(t, n.save(n.author, &with))

		wantCode(t, n.Discard(ctx, n.acting(n.author), d.Statement, 2), portal.Conflict, "draft-changed")
		if !there(d.Statement, named) {
			t.Error("it is gone although the draft was not discarded")
		}
		must(t, n.Discard(ctx, n.acting(n.author), d.Statement, 3))
		if there(d.Statement, named) {
			t.Error("it is there although the draft was discarded")
		}
	})
}

func TestTooManySealedFiles(t *testing.T) {
	onBoth(t, func(t *testing.T, n *newsroom, _ func() []portaltest.Place) {
		ctx, statement := t.Context(), crypto.NewNumber(crypto.KindStatement)
		keep := func(id string, size int, most int64) error {
			return n.db.SaveSealedFile(ctx, publish.SealedFile{Statement: statement, ID: id, Data: make([]byte, size), UploadedBy: "staff", UploadedAt: n.clock()}, 3, most, 2000)
		}
		must(t, keep("a", 100, 1000))
		must(t, keep("b", 100, 1000))
		wantCode(t, keep("c", 801, 1000), portal.TooLarge, "too-many-attachments")
		must(t, keep("c", 800, 1000))
		must(t, keep("c", 800, 1000))
		wantCode(t, keep("d", 1, 2000), portal.TooLarge, "too-many-attachments")
		n.wait(2 * time.Hour)
		must(t, keep("d", 1, 2000))

		// One account does not fill the disk, for however many statements.
		statement = crypto.NewNumber(crypto.KindStatement)
		must(t, keep("a", 1000, 2000))
		statement = crypto.NewNumber(crypto.KindStatement)
		wantCode(t, keep("a", 1000, 2000), portal.TooLarge, "too-many-attachments")
		must(t, keep("a", 900, 2000))
	})
}

// TestPublicationIsWhole: what fails at the last file leaves nothing of the first one behind.
func TestPublicationIsWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, n *newsroom, places func() []portaltest.Place) {
		d, file := n.findings(), report(1000)
		submission := n.submit(d)
		p := publish.Publication{
			Version: publish.Version{Statement: d.Statement, Version: 1, Kind: crypto.StatementOriginal, ManifestSHA256: strings.Repeat("0f", 32), Signed: []byte("signed"), PublishedAt: n.clock()},
			Topic:   d.Topic, Titles: []publish.Title{{Language: "en", Title: "Title"}}, From: publish.Submitted, SubmissionSHA256: submission,
			Files: []publish.PublishedFile{
				{File: publish.File{Name: "a.pdf", Type: "application/pdf", SHA256: publish.SHA256Of(file), Size: int64(len(file))}, Data: file},
				{File: publish.File{Name: "b.pdf", Type: "application/pdf", SHA256: strings.Repeat("0", 64), Size: 1}},
			},
		}
		_, _, err := n.db.Publish(t.Context(), p)
		wantCode(t, err, portal.Conflict, "attachments-missing")
		if n.isPublic(d.Statement) {
			t.Error("it is public")
		}
		if _, err := n.db.FileData(t.Context(), publish.SHA256Of(file)); portal.KindOf(err) != portal.NotFound {
			t.Errorf("half of it is there: %v", err)
		}
		if n.state(d.Statement).State != publish.Submitted {
			t.Error("the work on it is gone")
		}
	})
}
