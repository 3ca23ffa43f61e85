package main

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"valise/portal/ledger"
	"valise/portal/portaltest"
	"valise/portal/store"
)

// crashLedger is the process that signs the court's ledger, which is killed together with the nodes.
type crashLedger struct {
	key   *ledger.Key
	flags []string
	*portaltest.Program
}

const crashLedgerName = "court.example/ledger"

// startSigning begins the ledger the first time.
func (d *disaster) startSigning(c *court) {
	c.t.Helper()
	if d.signing == nil {
		key, err := ledger.NewLogKey(crashLedgerName)
		if err != nil {
			c.t.Fatal(err)
		}
		folder := c.t.TempDir()
		file, state := filepath.Join(folder, "key"), filepath.Join(folder, "state")
		if err := os.WriteFile(file, []byte(key.Secret()+"\n"), 0o600); err != nil {
			c.t.Fatal(err)
		}
		if err := ledger.CreateSigner(state, crashLedgerName, key); err != nil {
			c.t.Fatal(err)
		}
		d.signing = &crashLedger{key: key, flags: []string{"ledger", "sign", "--database", d.dsn, "--key", file, "--state", state, "--every", "15ms"}}
	}
	d.signing.Program = portaltest.Start(c.t, exec.Command("valise", d.signing.flags...))
}

// ledgerAgrees says which events have no entry in the ledger, and which entries no event. It is one look at one moment.
func (c *court) ledgerAgrees() {
	c.t.Helper()
	c.look(func(rows *sql.Rows) error {
		var problem string
		err := rows.Scan(&problem)
		c.t.Error(problem)
		return err
	}, `WITH events AS (
			SELECT 'notice-dispatched ' || number AS subject FROM notices WHERE state = 'released'
			UNION ALL SELECT 'notice-delivered ' || notice || ' ' || mailbox FROM deliveries
			UNION ALL SELECT 'notice-opened ' || notice || ' ' || opened_by FROM deliveries WHERE opened_at IS NOT NULL
			UNION ALL SELECT CASE kind WHEN 'NotificationForAcceptance' THEN 'notice-notified ' WHEN 'AcceptanceRejectionExpiry' THEN 'notice-expired ' WHEN 'Recall' THEN 'notice-recalled ' ELSE kind END || id FROM notice_events
			UNION ALL SELECT 'notice-acknowledged ' || notice || ' ' || holder FROM acknowledgements
			UNION ALL SELECT 'representative-issued ' || holder FROM representatives
			UNION ALL SELECT 'representative-claimed ' || holder FROM representatives WHERE state = 'claimed'
		), entries AS (
			SELECT CASE WHEN subject LIKE 'representative-%' THEN substr(subject, 1, length(subject) - 65) ELSE subject END AS subject
			FROM ledger_entries WHERE subject NOT LIKE 'staff-certificate %'
		)
		SELECT 'an event that is not in the ledger: ' || subject FROM (SELECT subject FROM events EXCEPT SELECT subject FROM entries) missing
		UNION ALL SELECT 'in the ledger without an event: ' || subject FROM (SELECT subject FROM entries EXCEPT SELECT subject FROM events) invented
		UNION ALL SELECT 'two entries are one leaf' FROM ledger_entries GROUP BY leaf HAVING leaf IS NOT NULL AND count(*) > 1
		UNION ALL SELECT 'there are leaves that nobody entered' WHERE (SELECT count(*) FROM ledger_leaves) > (SELECT count(*) FROM ledger_entries WHERE leaf IS NOT NULL)`)
}

// checkLedger lets the process that signs come to an end, and reads the whole ledger as anybody would: each event is one leaf, and what is served is what was
// signed. The ledger's processes, killed as they were, have never contradicted themselves: the last one would have refused to sign.
func (d *disaster) checkLedger(c *court) {
	t := c.t
	t.Helper()
	d.signing.Stop()
	var problems bytes.Buffer
	cmd := exec.Command("valise", d.signing.flags[:len(d.signing.flags)-2]...) // once
	cmd.Stderr = &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("signing after all crashes: %v: %s", err, &problems)
	}
	c.ledgerAgrees()
	db, err := store.Open(t.Context(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	leaves := map[int64][]byte{}
	served := ledger.New(db)
	follower := &ledger.Follower{
		Policy: ledger.Policy{Origin: crashLedgerName, Log: []note.Verifier{d.signing.key.Verifier()}},
		Fetch: func(ctx context.Context, path string) ([]byte, error) {
			if path == ledger.CheckpointPath {
				return served.Checkpoint(ctx)
			}
			return served.Resource(ctx, path)
		},
		Each: func(i int64, leaf []byte) error { leaves[i] = leaf; return nil },
	}
	followed, err := follower.Follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries := 0
	c.look(func(rows *sql.Rows) error {
		var subject string
		var extra []byte
		var leaf sql.NullInt64
		if err := rows.Scan(&subject, &extra, &leaf); err != nil {
			return err
		}
		entries++
		entry, err := ledger.ParseEntry(subject, extra)
		if err == nil && (!leaf.Valid || !bytes.Equal(leaves[leaf.Int64], entry.Leaf().Bytes())) {
			t.Errorf("%s is not leaf %v of the ledger", subject, leaf)
		}
		return err
	}, `SELECT subject, extra, leaf FROM ledger_entries`)
	if followed.Now.Size != int64(entries) {
		t.Errorf("%d events are %d leaves", entries, followed.Now.Size)
	}
	t.Logf("the ledger has %d leaves, one for each event", followed.Now.Size)
}
