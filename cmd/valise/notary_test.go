package main

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/publish"
)

// notaryDesk is a portal, in this process, whose notaries are processes of their own, each with a key of its own.
type notaryDesk struct {
	*live.Server
	t        *testing.T
	trust    *ceremony.Trust
	settings []string
	keys     []string // key files
	secret   string
}

func openNotaryDesk(t *testing.T, dsn string, notaries int) *notaryDesk {
	t.Helper()
	d := &notaryDesk{Server: live.Portal(t, live.Options{Database: dsn}), t: t}
	folder := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const passphrase = "one notary publishes when others were killed"
	d.secret = write("secret", []byte(passphrase+"\n"))
	d.settings = []string{"notary", "--institution", write("institution.toml", []byte("languages = [\"en\", \"fr\"]\nname.en = \"International Court (test)\"\nname.fr = \"Cour internationale (essai)\"\n")), "--root-certificate", write("root.asc", []byte(d.Root.Certificate().Armor())), "--database-file", write("database", []byte(dsn)), "--secret-file", d.secret}
	var staff []string
	for i := range notaries {
		name := "Notary " + string(rune('1'+i))
		key, certified := d.Employ(name, crypto.RoleNotary)
		locked, err := lockKeyFile(&crypto.Bundle{Holder: name, Pin: d.Pin, Key: key}, passphrase)
		if err != nil {
			t.Fatal(err)
		}
		d.keys = append(d.keys, write(name+".key", locked))
		staff = append(staff, certified.Certificate().Armor())
	}
	for _, c := range d.Staff() {
		staff = append(staff, c.Armor())
	}
	var err error
	if d.trust, err = ceremony.Believe(d.Pin, api.Institution{Root: d.Root.Certificate().Armor(), Staff: staff}); err != nil {
		t.Fatal(err)
	}
	return d
}

// start starts a notary.
func (d *notaryDesk) start(i int) *portaltest.Program {
	d.t.Helper()
	return portaltest.Start(d.t, exec.Command("valise", slices.Concat(d.settings, []string{"--key", d.keys[i]})...))
}

// schedule has a statement written, submitted and approved for a minute, by the steps.
func (d *notaryDesk) schedule(minute time.Time) crypto.Number {
	d.t.Helper()
	must := func(err error) {
		d.t.Helper()
		if err != nil {
			d.t.Fatal(err)
		}
	}
	ctx, now := d.t.Context(), time.Now()
	draft := &crypto.StatementDraft{
		Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1, Topic: "security", PublishAt: minute,
		Languages: []crypto.StatementLanguage{{Language: "en", Title: "At " + minute.Format(time.TimeOnly), Body: "It is time.\n"}, {Language: "fr", Title: "À l’heure", Body: "Il est l’heure.\n"}},
	}
	n, author, approver := draft.Statement, d.Acting(d.Author), d.Acting(d.Approver)
	save, err := ceremony.SaveStatement(d.trust, d.Author, draft, now)
	must(err)
	_, err = d.Portal.Publish.Save(ctx, author, n, 1, save.Draft)
	must(err)
	submit, err := ceremony.SubmitStatement(d.trust, d.Author, draft, nil, now)
	must(err)
	submission, err := d.Portal.Publish.Submit(ctx, author, n, 1, submit.Sealed)
	must(err)
	examined, err := ceremony.ExamineStatement(d.trust, []*crypto.Key{d.Approver}, n, api.StatementWork{State: api.StatementSubmitted, Sealed: submit.Sealed, Submission: submission}, nil, now)
	must(err)
	approval, err := ceremony.ApproveStatement(d.trust, d.Approver, examined, now)
	must(err)
	must(d.Portal.Publish.Schedule(ctx, approver, n, submission, approval.Sealed))
	return n
}

// TestNotariesKilledAroundTheMinute kills one of two notaries, or both, around the minute of every statement: each is published once, at its
// minute, and whole.
func TestNotariesKilledAroundTheMinute(t *testing.T) {
	t.Parallel() // most of its time it waits for minutes
	const statements, every = 12, 1200 * time.Millisecond
	d := openNotaryDesk(t, portaltest.PostgreSQL(t), 2)
	notaries := []*portaltest.Program{d.start(0), d.start(1)}
	begin := time.Now().Add(4 * time.Second).Truncate(time.Second)
	minutes := map[crypto.Number]time.Time{}
	var order []crypto.Number
	for i := range statements {
		minute := begin.Add(time.Duration(i) * every).Truncate(time.Second)
		n := d.schedule(minute)
		minutes[n], order = minute, append(order, n)
	}
	for i, n := range order {
		time.Sleep(time.Until(minutes[n].Add(time.Duration(rand.IntN(120)-20) * time.Millisecond)))
		victims := []int{i % 2}
		if i%4 == 3 {
			victims = []int{0, 1}
		}
		for _, v := range victims {
			notaries[v].Kill()
		}
		for _, v := range victims {
			notaries[v] = d.start(v)
		}
	}
	entries := d.wait(statements)
	for _, e := range entries {
		minute := minutes[e.Statement]
		if e.PublishedAt.Before(minute) || e.PublishedAt.After(minute.Add(10*time.Second)) {
			t.Errorf("%s, to be published at %s, was at %s", e.Statement, minute, e.PublishedAt)
		}
		versions, err := d.Portal.Publish.Statement(t.Context(), e.Statement)
		if err != nil || len(versions) != 1 || len(e.Titles) != 2 {
			t.Errorf("%s: %d versions, %d titles, %v", e.Statement, len(versions), len(e.Titles), err)
			continue
		}
		read := api.Statement{Statement: e.Statement, Versions: []api.StatementVersion{{Version: 1, Signed: string(versions[0].Signed)}}}
		if _, err := ceremony.ReadStatement(d.trust, e.Statement, read, time.Now()); err != nil {
			t.Error(err)
		}
		if _, err := d.Portal.Publish.Work(t.Context(), d.Acting(d.Author), e.Statement); portal.KindOf(err) != portal.NotFound {
			t.Errorf("%s is still being worked on: %v", e.Statement, err)
		}
	}
}

// wait waits until so many statements are published.
func (d *notaryDesk) wait(count int) []publish.Entry {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 30*time.Second)
	defer cancel()
	for {
		entries, _, err := d.Portal.Publish.Archive(ctx, publish.Query{Limit: publish.MaxPage})
		if err != nil {
			d.t.Fatal(err)
		}
		if len(entries) >= count {
			return entries
		}
		time.Sleep(50 * time.Millisecond)
	}
}
