package main

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/client"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// The tests of this file kill `valise serve` (SIGKILL) at a random moment while people work with it, start it again, and look into the
// database: what was confirmed is there, to the byte; what was not confirmed is there as a whole or not at all, and can be repeated.

// moments is how long a round goes before the kill, at most. When rounds turn out to be over sooner, kills come sooner, too: most of them
// must meet people at work, on a quick machine as on a slow one.
const moments = 80 * time.Millisecond

// onEachDatabase runs a test that kills so many times: on one SQLite file; and, fewer times, on PostgreSQL and Redis, where PostgreSQL
// itself is killed in every seventh round.
func onEachDatabase(t *testing.T, kills int, test func(t *testing.T, d *disaster)) {
	t.Run("SQLite", func(t *testing.T) {
		test(t, &disaster{kills: kills, dsn: filepath.Join(t.TempDir(), "portal.db")})
	})
	t.Run("PostgreSQL and Redis", func(t *testing.T) {
		database := portaltest.StartPostgreSQL(t)
		test(t, &disaster{kills: min(kills, 15), dsn: database.DSN, redis: portaltest.Redis(t), database: database})
	})
}

// disaster is what befalls a court.
type disaster struct {
	kills      int
	dsn, redis string
	database   *portaltest.PostgreSQLServer // nil: the database is part of the node

	node    *node
	signing *crashLedger
	rounds  int
	pace    time.Duration // how long the last round took that nobody disturbed; 0: none yet
}

// moment draws when to kill.
func (d *disaster) moment() time.Duration {
	if d.pace == 0 {
		return rand.N(moments)
	}
	return rand.N(min(moments, max(d.pace*3/2, time.Millisecond)))
}

// strike lets everybody work at once until it kills the node (and now and then the process that signs the ledger) or the database, and starts it again. Whoever works is told by the context that
// nobody will answer any more; strike returns when all have stopped.
func (d *disaster) strike(c *court, work ...func(context.Context)) {
	c.t.Helper()
	if d.signing == nil {
		d.startSigning(c)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	var group sync.WaitGroup
	for _, do := range work {
		group.Go(func() { do(ctx) })
	}
	begin, finished := time.Now(), make(chan struct{})
	go func() {
		group.Wait()
		close(finished)
	}()
	select {
	case <-time.After(d.moment()):
	case <-finished:
		d.pace = time.Since(begin)
	}
	d.rounds++
	if d.database != nil && d.rounds%7 == 0 {
		d.database.Kill() // the node lives on, and must find it again
		cancel()
		group.Wait()
		d.database.Start()
		return
	}
	d.node.Kill()
	signs := d.rounds%4 != 0
	if !signs {
		d.signing.Kill()
	}
	cancel()
	group.Wait()
	c.ledgerAgrees()
	if !signs {
		d.startSigning(c)
	}
	d.node = c.start()
}

// atTheSameTime does all of it at once.
func atTheSameTime(work ...func()) {
	var group sync.WaitGroup
	for _, do := range work {
		group.Go(do)
	}
	group.Wait()
}

// untilItAnswers repeats what a client would: a database that has just come back may need a moment.
func untilItAnswers[T any](do func() (T, error)) (answer T, err error) {
	for range 50 {
		if answer, err = do(); err == nil || client.IsStatus(err, 409) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return answer, err
}

// ------------------------------------------------------------------ acknowledging

// signatory is a representative who acknowledges.
type signatory struct {
	*live.Person
	client *client.Client

	// Of the round.
	receipt   *api.Receipt
	confirmed *api.ReceivedReceipt // what the portal said before it died
	taken     bool                 // the portal said that somebody else acknowledged for the mailbox
	opened    bool                 // the portal gave out the notice
}

// acknowledgementRow is a receipt as it is in the database.
type acknowledgementRow struct {
	holder   string
	receipt  string
	received int64
	opened   sql.NullInt64
}

func (c *court) acknowledgements(n crypto.Number) map[crypto.Number]acknowledgementRow {
	c.t.Helper()
	found := map[crypto.Number]acknowledgementRow{}
	c.look(func(rows *sql.Rows) error {
		var mailbox crypto.Number
		var row acknowledgementRow
		err := rows.Scan(&mailbox, &row.holder, &row.receipt, &row.received, &row.opened)
		if _, twice := found[mailbox]; twice {
			c.t.Errorf("%s acknowledged %s twice", mailbox, n)
		}
		found[mailbox] = row
		return err
	}, `SELECT a.mailbox, a.holder, a.receipt, a.received_at, d.opened_at FROM acknowledgements a
		LEFT JOIN deliveries d ON d.notice = a.notice AND d.mailbox = a.mailbox WHERE a.notice = $1`, n)
	return found
}

func TestKilledWhileAcknowledging(t *testing.T) {
	t.Parallel()                 // half of the time it waits for processes to start and end
	const mailboxes, each = 8, 2 // the two of a mailbox race for its one receipt
	onEachDatabase(t, 100, func(t *testing.T, d *disaster) {
		var people []*live.Person
		var notices []crypto.Number
		c := openCourt(t, d.dsn, d.redis, func(c *court) {
			people = c.claimed(mailboxes, each)
			for range d.kills {
				notices = append(notices, c.Release(c.Draft(), people...))
			}
		})
		d.node = c.start()
		c.believe()
		signatories := make([]*signatory, len(people))
		for i, p := range people {
			signatories[i] = &signatory{Person: p, client: c.logIn(p.Number.String(), p.Key)}
		}
		var before, after int
		for _, n := range notices {
			confirmed := d.acknowledge(c, n, signatories)
			before += confirmed
			after += mailboxes - confirmed
			if t.Failed() {
				t.FailNow()
			}
		}
		d.checkLedger(c)
		if before == 0 || after == 0 {
			t.Errorf("%d receipts were confirmed before a kill and %d after it: the kills came at the wrong moment", before, after)
		}
		t.Logf("%d kills; %d receipts were confirmed before, %d after", d.kills, before, after)
	})
}

// acknowledge is a round: everybody acknowledges one notice. It returns how many receipts were confirmed before the kill.
func (d *disaster) acknowledge(c *court, n crypto.Number, signatories []*signatory) (confirmed int) {
	t := c.t
	t.Helper()
	var work []func(context.Context)
	for i, s := range signatories {
		s.receipt, s.confirmed, s.taken, s.opened = nil, nil, false, false
		if i%4 < 2 { // both of every second mailbox have opened it already, and only acknowledge
			receipt, err := c.open(t.Context(), s.client, s.Person, n)
			if err != nil {
				t.Fatal(err)
			}
			s.receipt = &receipt
		}
		work = append(work, func(ctx context.Context) { s.acknowledge(ctx, c, n) })
	}
	d.strike(c, work...)

	stored := c.acknowledgements(n)
	for _, s := range signatories {
		row, there := stored[s.Number.Mailbox]
		switch {
		case s.confirmed != nil:
			confirmed++
			if row.receipt != s.receipt.Receipt || row.receipt != s.confirmed.Receipt || row.holder != s.Number.String() {
				t.Errorf("%s was told that the receipt for %s is kept, and it is not", s.Number, n)
			}
		case s.taken && (!there || row.holder == s.Number.String()):
			t.Errorf("%s was told that somebody else acknowledged %s, and nobody did", s.Number, n)
		}
	}

	// Now everybody repeats what was not confirmed, and what was.
	var again []func()
	for _, s := range signatories {
		again = append(again, func() { s.repeat(c, n) })
	}
	atTheSameTime(again...)
	final := c.acknowledgements(n)
	if len(final) != len(signatories)/2 {
		t.Errorf("of %d mailboxes %d have acknowledged %s", len(signatories)/2, len(final), n)
	}
	for _, s := range signatories {
		row := final[s.Number.Mailbox]
		if mine := row.holder == s.Number.String(); mine == s.taken || mine && row.receipt != s.receipt.Receipt {
			t.Errorf("%s: what was said about the receipt for %s is not what is kept", s.Number, n)
		}
		if first, there := stored[s.Number.Mailbox]; there && first != row {
			t.Errorf("the receipt of %s for %s is another one after it was repeated", s.Number.Mailbox, n)
		}
		if !row.opened.Valid || row.opened.Int64 > row.received {
			t.Errorf("%s acknowledged %s before it was opened", s.Number.Mailbox, n)
		}
	}
	return confirmed
}

// acknowledge goes as far as it gets.
func (s *signatory) acknowledge(ctx context.Context, c *court, n crypto.Number) {
	if s.receipt == nil {
		receipt, err := c.open(ctx, s.client, s.Person, n)
		if err != nil {
			return
		}
		s.receipt = &receipt
	}
	answer, err := s.client.Acknowledge(ctx, n, *s.receipt)
	switch {
	case err == nil:
		s.confirmed = &answer
	case client.IsCode(err, "already-acknowledged"):
		s.taken = true
	}
}

func (s *signatory) repeat(c *court, n crypto.Number) {
	if s.receipt == nil {
		receipt, err := untilItAnswers(func() (api.Receipt, error) { return c.open(c.t.Context(), s.client, s.Person, n) })
		if err != nil {
			c.t.Errorf("opening %s again: %v", n, err)
			return
		}
		s.receipt = &receipt
	}
	answer, err := untilItAnswers(func() (api.ReceivedReceipt, error) { return s.client.Acknowledge(c.t.Context(), n, *s.receipt) })
	switch {
	case err == nil && s.confirmed != nil && answer != *s.confirmed:
		c.t.Errorf("%s was told first that the receipt for %s was received at %v, then at %v", s.Number, n, s.confirmed.Received, answer.Received)
	case err == nil && s.taken:
		c.t.Errorf("%s was told first that somebody else acknowledged %s, then that they did", s.Number, n)
	case client.IsCode(err, "already-acknowledged") && s.confirmed == nil:
		s.taken = true
	case err != nil:
		c.t.Errorf("%s acknowledges %s again: %v", s.Number, n, err)
	}
}

// ------------------------------------------------------------------ dispatching

// sealed is a notice on its way.
type sealed struct {
	number     crypto.Number
	submission *api.Submission
	approval   api.Approval

	submitted bool
	released  []api.Released // what approvers were told before the kill
}

// noticeRow is a notice as it is in the database.
type noticeRow struct {
	state                          string
	signature                      sql.NullString
	released                       sql.NullInt64
	submitted                      int64
	bodies, envelopes, memberships int
	deliveries, mailboxes          int
	firstDelivery, lastDelivery    sql.NullInt64
	submitAudited, approveAudited  sql.NullInt64
}

func (c *court) notice(n crypto.Number) (row noticeRow, there bool) {
	c.t.Helper()
	c.look(func(rows *sql.Rows) error {
		there = true
		return rows.Scan(&row.state, &row.signature, &row.released, &row.submitted, &row.bodies, &row.envelopes, &row.memberships,
			&row.deliveries, &row.mailboxes, &row.firstDelivery, &row.lastDelivery, &row.submitAudited, &row.approveAudited)
	}, `SELECT n.state, n.approver_signature, n.released_at, n.submitted_at,
		(SELECT count(*) FROM bodies b WHERE b.notice = n.number), (SELECT count(*) FROM envelopes e WHERE e.notice = n.number),
		(SELECT count(*) FROM envelopes e WHERE e.notice = n.number AND e.membership IS NOT NULL),
		(SELECT count(*) FROM deliveries d WHERE d.notice = n.number), (SELECT count(DISTINCT mailbox) FROM deliveries d WHERE d.notice = n.number),
		(SELECT min(delivered_at) FROM deliveries d WHERE d.notice = n.number), (SELECT max(delivered_at) FROM deliveries d WHERE d.notice = n.number),
		(SELECT min(at) FROM audit a WHERE a.act = 'dispatch.submit' AND a.object = n.number),
		(SELECT min(at) FROM audit a WHERE a.act = 'dispatch.approve' AND a.object = n.number)
		FROM notices n WHERE n.number = $1`, n)
	return row, there
}

func TestKilledWhileDispatching(t *testing.T) {
	t.Parallel()                            // half of the time it waits for processes to start and end
	const mailboxes, each, atOnce = 8, 2, 3 // notices at once
	onEachDatabase(t, 100, func(t *testing.T, d *disaster) {
		var waiting []*sealed
		c := openCourt(t, d.dsn, d.redis, func(c *court) {
			people := c.claimed(mailboxes, each)
			for range d.kills * atOnce {
				waiting = append(waiting, c.prepare(people))
			}
		})
		d.node = c.start()
		author := c.staff(c.Author)
		approvers := [2]*client.Client{c.staff(c.Approver), c.staff(c.Approver)}
		whole := noticeRow{bodies: 1, envelopes: mailboxes*each + 2, memberships: mailboxes * each, deliveries: mailboxes} // author and approver hold an envelope, too
		var before, between, after int
		for len(waiting) > 0 {
			round := waiting[:atOnce]
			waiting = waiting[atOnce:]
			released, submitted := d.dispatch(c, round, author, approvers, whole)
			before += released
			between += submitted
			after += len(round) - released - submitted
			if t.Failed() {
				t.FailNow()
			}
		}
		d.checkLedger(c)
		if before == 0 || after == 0 {
			t.Errorf("%d notices were released before a kill and %d submitted after it: the kills came at the wrong moment", before, after)
		}
		t.Logf("%d kills; %d notices were confirmed as released before, %d as submitted, %d not", d.kills, before, between, after)
	})
}

// prepare seals a notice and signs its approval; nothing of it is handed in.
func (c *court) prepare(people []*live.Person) *sealed {
	c.t.Helper()
	notice, now := c.Seal(c.Draft(), people...), time.Now()
	verified, err := c.Portal.Root.VerifySubmission(notice.Signed(), c.Staff(), now)
	if err != nil {
		c.t.Fatal(err)
	}
	s := &sealed{number: verified.Manifest().Notice, submission: submissionOf(notice)}
	for _, e := range notice.Envelopes {
		if e.Holder != portal.StaffHolder(c.Approver.Certificate().Fingerprint()) {
			continue
		}
		opened, err := crypto.OpenNotice(verified, e.Data, notice.Bodies[e.Suite], []*crypto.Key{c.Approver})
		if err != nil {
			c.t.Fatal(err)
		}
		signature, err := crypto.Approve(c.Portal.Root, c.Approver, opened, notice.Manifest, now)
		if err != nil {
			c.t.Fatal(err)
		}
		s.approval = api.Approval{Signature: string(signature)}
	}
	return s
}

func submissionOf(notice *crypto.SealedNotice) *api.Submission {
	s := &api.Submission{
		Manifest: string(notice.Manifest), AuthorSignature: string(notice.AuthorSignature), Audience: string(notice.Audience),
		Headings: notice.Headings, Bodies: notice.Bodies,
	}
	for _, e := range notice.Envelopes {
		s.Envelopes = append(s.Envelopes, api.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data})
	}
	return s
}

// dispatch is a round: each notice is submitted, then approved from two browsers at once. It returns how many were confirmed before the kill as
// released, and how many only as submitted.
func (d *disaster) dispatch(c *court, round []*sealed, author *client.Client, approvers [2]*client.Client, whole noticeRow) (released, submitted int) {
	c.t.Helper()
	var work []func(context.Context)
	for _, s := range round {
		work = append(work, func(ctx context.Context) { s.dispatch(ctx, author, approvers) })
	}
	d.strike(c, work...)
	for _, s := range round {
		s.check(c, whole, false)
		switch {
		case len(s.released) > 0:
			released++
		case s.submitted:
			submitted++
		}
	}
	var again []func()
	for _, s := range round {
		again = append(again, func() { s.repeat(c, author, approvers[0]) })
	}
	atTheSameTime(again...)
	for _, s := range round {
		s.check(c, whole, true)
	}
	return released, submitted
}

// dispatch goes as far as it gets.
func (s *sealed) dispatch(ctx context.Context, author *client.Client, approvers [2]*client.Client) {
	if _, err := author.Submit(ctx, s.submission, nil); err != nil {
		return
	}
	s.submitted = true
	var mu sync.Mutex
	var both []func()
	for _, approver := range approvers {
		both = append(both, func() {
			if released, err := approver.Approve(ctx, s.number, s.approval); err == nil {
				mu.Lock()
				defer mu.Unlock()
				s.released = append(s.released, released)
			}
		})
	}
	atTheSameTime(both...)
}

// check compares what was said with what is there. In the end everything is.
func (s *sealed) check(c *court, whole noticeRow, end bool) {
	t := c.t
	t.Helper()
	row, there := c.notice(s.number)
	if !there {
		if s.submitted || end {
			t.Errorf("%s was submitted, and is gone", s.number)
		}
		return
	}
	if row.bodies != whole.bodies || row.envelopes != whole.envelopes || row.memberships != whole.memberships {
		t.Errorf("%s has %d bodies, %d envelopes and %d memberships, want %d, %d and %d",
			s.number, row.bodies, row.envelopes, row.memberships, whole.bodies, whole.envelopes, whole.memberships)
	}
	if !row.submitAudited.Valid || row.submitAudited.Int64 > row.submitted {
		t.Errorf("%s was submitted before that was written down", s.number)
	}
	if row.state != string(portal.Released) {
		if len(s.released) > 0 || end {
			t.Errorf("%s was released, and no longer is", s.number)
		}
		if row.deliveries != 0 {
			t.Errorf("%s is not released, and lies in %d mailboxes", s.number, row.deliveries)
		}
		return
	}
	if row.deliveries != whole.deliveries || row.mailboxes != whole.deliveries {
		t.Errorf("%s lies %d times in %d mailboxes, want once in each of %d", s.number, row.deliveries, row.mailboxes, whole.deliveries)
	}
	if row.firstDelivery != row.released || row.lastDelivery != row.released {
		t.Errorf("%s was delivered at several times", s.number)
	}
	if row.signature.String != s.approval.Signature {
		t.Errorf("%s was released with another signature", s.number)
	}
	if !row.approveAudited.Valid || row.approveAudited.Int64 > row.released.Int64 {
		t.Errorf("%s was released before that was written down", s.number)
	}
	for _, said := range s.released {
		if kept := time.UnixMicro(row.released.Int64).UTC().Truncate(time.Second); !said.Released.Equal(kept) {
			t.Errorf("%s: an approver was told that it was released at %v; it was at %v", s.number, said.Released, kept)
		}
	}
}

func (s *sealed) repeat(c *court, author, approver *client.Client) {
	if !s.submitted {
		if _, err := untilItAnswers(func() (api.Submitted, error) { return author.Submit(c.t.Context(), s.submission, nil) }); err != nil && !client.IsCode(err, "notice-exists") {
			c.t.Errorf("submitting %s again: %v", s.number, err)
			return
		}
	}
	released, err := untilItAnswers(func() (api.Released, error) { return approver.Approve(c.t.Context(), s.number, s.approval) })
	if err != nil {
		c.t.Errorf("approving %s again: %v", s.number, err)
		return
	}
	s.released = append(s.released, released) // check compares them all
}

// ------------------------------------------------------------------ claiming

// claimant is a representative who moves to their own key.
type claimant struct {
	*live.Person
	client *client.Client
	own    *crypto.Key
	claim  api.Claim // but for the envelopes

	confirmed bool
}

// representativeRow is a representative as they are in the database.
type representativeRow struct {
	state, certificate   string
	locked               string
	certificates         int
	envelopes, rewrapped int // rewrapped to the own key
	claimed, audited     sql.NullInt64
}

func (c *court) representative(s *claimant) (row representativeRow) {
	c.t.Helper()
	c.look(func(rows *sql.Rows) error {
		return rows.Scan(&row.state, &row.certificate, &row.locked, &row.certificates, &row.envelopes, &row.rewrapped, &row.claimed, &row.audited)
	}, `SELECT r.state, r.certificate, r.locked_bundle, (SELECT count(*) FROM certificates c WHERE c.holder = r.holder),
		(SELECT count(*) FROM envelopes e WHERE e.holder = r.holder), (SELECT count(*) FROM envelopes e WHERE e.holder = r.holder AND e.certificate = $2),
		r.claimed_at, (SELECT min(at) FROM audit a WHERE a.act = 'registry.claim' AND a.object = r.holder)
		FROM representatives r WHERE r.holder = $1`, s.Number.String(), s.own.Certificate().Fingerprint())
	return row
}

func TestKilledWhileClaiming(t *testing.T) {
	t.Parallel() // half of the time it waits for processes to start and end
	const kills, atOnce, arrived = 25, 4, 3
	onEachDatabase(t, kills, func(t *testing.T, d *disaster) {
		var people []*live.Person
		var notices []crypto.Number
		c := openCourt(t, d.dsn, d.redis, func(c *court) {
			for range d.kills * atOnce {
				people = append(people, c.Issue(crypto.KindState, crypto.ProfilePQ))
			}
			for range arrived {
				notices = append(notices, c.Release(c.Draft(), people...))
			}
		})
		d.node = c.start()
		c.believe()
		secrets, err := crypto.DeriveSecrets([]byte("lantern meadow orchard pebble ribbon saddle"), crypto.NewSalt())
		if err != nil {
			t.Fatal(err)
		}
		before := 0
		for len(people) > 0 {
			var round []*claimant
			for _, p := range people[:atOnce] {
				round = append(round, c.claimant(p, secrets))
			}
			people = people[atOnce:]
			before += d.claim(c, round, arrived)
			if t.Failed() {
				t.FailNow()
			}
			// What had arrived opens with the own key.
			s := round[0]
			if _, err := c.open(t.Context(), c.logIn(s.Number.String(), s.own), s.owner(), notices[0]); err != nil {
				t.Errorf("%s opens with their own key what came before: %v", s.Number, err)
			}
		}
		d.checkLedger(c)
		if all := d.kills * atOnce; before == 0 || before == all {
			t.Errorf("of %d claims %d were confirmed before a kill: the kills came at the wrong moment", all, before)
		}
		t.Logf("%d kills; %d claims were confirmed before, %d after", d.kills, before, d.kills*atOnce-before)
	})
}

// claimant prepares a claim; the lock is the same for all, as it costs an Argon2 run.
func (c *court) claimant(p *live.Person, secrets *crypto.Secrets) *claimant {
	c.t.Helper()
	fail := func(err error) {
		if err != nil {
			c.t.Fatal(err)
		}
	}
	now := time.Now()
	own, err := crypto.GenerateKey(crypto.ProfilePQ, p.Number.String(), now)
	fail(err)
	certificate, err := crypto.CertifySuccessor(p.Key, own.Certificate(), p.Number, now)
	fail(err)
	own, err = own.WithCertificate(certificate)
	fail(err)
	s := &claimant{Person: p, client: c.logIn(p.Number.String(), p.Key), own: own}
	locked, err := crypto.LockBundle(s.owner().Bundle, secrets)
	fail(err)
	s.claim = api.Claim{
		Profile: crypto.ProfilePQ, Certificate: certificate.Armor(),
		Salt: secrets.Salt(), Verifier: crypto.LogInVerifier(secrets.LogInSecret()), LockedBundle: locked,
	}
	return s
}

// owner is the claimant with their own key.
func (s *claimant) owner() *live.Person {
	return &live.Person{Number: s.Number, Key: s.own, Bundle: &crypto.Bundle{Holder: s.Number.String(), Pin: s.Bundle.Pin, Key: s.own, Past: s.Bundle.Keys()}}
}

// carryOver rewraps what has arrived and claims.
func (s *claimant) carryOver(ctx context.Context) error {
	held, err := s.client.Envelopes(ctx)
	if err != nil {
		return err
	}
	request := s.claim
	for _, e := range held {
		data, err := crypto.Rewrap(e.Data, s.owner().Bundle.Keys(), s.own.Certificate()) // with the own key, too: who repeats may have succeeded
		if err != nil {
			return err
		}
		request.Envelopes = append(request.Envelopes, api.HeldEnvelope{Notice: e.Notice, Certificate: s.own.Certificate().Fingerprint(), Suite: e.Suite, Data: data})
	}
	return s.client.PostClaim(ctx, request)
}

// claim is a round. It returns how many claims were confirmed before the kill.
func (d *disaster) claim(c *court, round []*claimant, arrived int) (confirmed int) {
	c.t.Helper()
	var work []func(context.Context)
	for _, s := range round {
		work = append(work, func(ctx context.Context) { s.confirmed = s.carryOver(ctx) == nil })
	}
	d.strike(c, work...)
	for _, s := range round {
		if s.check(c, arrived); s.confirmed {
			confirmed++
		}
	}
	var again []func()
	for _, s := range round {
		again = append(again, func() {
			_, err := untilItAnswers(func() (any, error) { return nil, s.carryOver(c.t.Context()) })
			if client.IsCode(err, "no-session") { // it was begun with the issued key, whose time was over with the claim
				_, err = untilItAnswers(func() (any, error) { return c.visitor().LogIn(c.t.Context(), s.Number.String(), s.own) })
			}
			if err != nil && !client.IsCode(err, "already-claimed") {
				c.t.Errorf("%s claims again: %v", s.Number, err)
			}
			s.confirmed = true
		})
	}
	atTheSameTime(again...)
	for _, s := range round {
		s.check(c, arrived)
	}
	return confirmed
}

// check says whether a representative has claimed with everything, or has not claimed at all.
func (s *claimant) check(c *court, arrived int) {
	t := c.t
	t.Helper()
	row := c.representative(s)
	if row.state == string(portal.Issued) && !s.confirmed {
		if row.certificate != string(s.Key.Certificate().Fingerprint()) || row.certificates != 1 || row.envelopes != arrived || row.rewrapped != 0 || row.claimed.Valid {
			t.Errorf("%s has not claimed, and something has changed: %+v", s.Number, row)
		}
		return
	}
	if row.state != string(portal.Claimed) || row.certificate != string(s.own.Certificate().Fingerprint()) || row.certificates != 2 ||
		row.envelopes != arrived || row.rewrapped != arrived || row.locked != string(s.claim.LockedBundle) {
		t.Errorf("%s has claimed, and not all is theirs: %s, %d certificates, %d of %d envelopes rewrapped", s.Number, row.state, row.certificates, row.rewrapped, row.envelopes)
	}
	if !row.audited.Valid || row.audited.Int64 > row.claimed.Int64 {
		t.Errorf("%s claimed before that was written down", s.Number)
	}
}
