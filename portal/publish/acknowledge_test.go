package publish_test

import (
	"database/sql"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/people"
	"valise/portal/publish"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

// The people whom statements ask.
const (
	delegate  = iota // of a State
	colleague        // of the same State
	focal            // of another State
	lawyer           // of an organisation
	newcomer         // of a third State, who has not claimed yet
	witness          // an individual
)

var thePeople = sync.OnceValue(func() (invited []*people.Person) {
	state := crypto.NewNumber(crypto.KindState)
	for _, r := range []crypto.Representative{
		{Mailbox: state, Ordinal: 1}, {Mailbox: state, Ordinal: 2}, {Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}, {Mailbox: crypto.NewNumber(crypto.KindOrganisation), Ordinal: 1},
		{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}, {Mailbox: crypto.NewNumber(crypto.KindIndividual), Ordinal: 1},
	} {
		invited = append(invited, people.Represent(theOffice().registrar, crypto.ProfilePQ, r, noon))
	}
	return invited
})

// invite issues mailboxes to the people; who isn't the newcomer claims theirs.
func (n *newsroom) invite() []*people.Person {
	n.t.Helper()
	for i, p := range thePeople() {
		record := portal.RepresentativeRecord{
			Representative: p.Representative, State: portal.Issued, Profile: crypto.ProfilePQ, Salt: []byte("salt"), Verifier: []byte("verifier"), LockedBundle: []byte("locked"),
			Chain: [][]byte{p.Issued.Certificate().Bytes()}, IssuedAt: noon,
		}
		must(n.t, n.db.Issue(n.t.Context(), record, []byte("label")))
		if i != newcomer {
			record.State, record.ClaimedAt, record.Chain = portal.Claimed, noon, append(record.Chain, p.Own.Certificate().Bytes())
			must(n.t, n.db.Claim(n.t.Context(), record, nil))
		}
	}
	return thePeople()
}

// asking publishes a draft that asks some kinds, and returns it.
func (n *newsroom) asking(kinds ...crypto.Kind) *crypto.StatementDraft {
	n.t.Helper()
	d := n.findings()
	d.Acknowledge, d.Deadline = kinds, n.clock().Add(72*time.Hour)
	n.release(d)
	return d
}

func (n *newsroom) release(d *crypto.StatementDraft) {
	n.t.Helper()
	n.submit(d)
	_, err := n.approve(d.Statement)
	must(n.t, err)
	n.wait(time.Minute)
}

// next is the following version of a draft.
func next(d *crypto.StatementDraft, kind crypto.StatementKind, asked ...crypto.Kind) *crypto.StatementDraft {
	c := *d
	c.Kind, c.Acknowledge, c.Deadline, c.Languages = kind, asked, time.Time{}, slices.Clone(d.Languages)
	for i := range c.Languages {
		c.Languages[i].Reason = "A number was wrong."
		if kind == crypto.StatementWithdrawal {
			c.Languages[i].Title, c.Languages[i].Body = "Withdrawn", ""
		}
	}
	return &c
}

// read fetches a statement as a representative's client does, and verifies it.
func (n *newsroom) read(p *people.Person, statement crypto.Number) *crypto.VerifiedStatement {
	n.t.Helper()
	_, versions, err := n.Fetch(n.t.Context(), p.Acting(), statement)
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

const nonce = "00112233445566778899aabbccddeeff"

// receipt signs one.
func (n *newsroom) receipt(v *crypto.VerifiedStatement, p *people.Person, decision crypto.Decision) []byte {
	n.t.Helper()
	receipt, err := crypto.AcknowledgeStatement(v, p.Own, p.Representative, decision, nonce, n.clock())
	must(n.t, err)
	return receipt
}

func (n *newsroom) standing(p *people.Person, statement crypto.Number) publish.MailboxStatement {
	n.t.Helper()
	all, err := n.Mailbox(n.t.Context(), p.Acting())
	must(n.t, err)
	i := slices.IndexFunc(all, func(s publish.MailboxStatement) bool { return s.Statement == statement })
	if i < 0 {
		n.t.Fatalf("%s has no statement %s", p.Representative, statement)
	}
	return all[i]
}

func TestAStatementIsAcknowledged(t *testing.T) {
	n := newNewsroom(t)
	invited, ctx := n.invite(), t.Context()
	d := n.asking(crypto.KindState, crypto.KindOrganisation)
	if s := n.standing(invited[delegate], d.Statement); !s.Awaiting() || s.Overdue(n.clock()) || s.Titles[1].Title != d.Languages[1].Title || !s.FetchedAt.IsZero() {
		t.Errorf("%+v", s)
	}
	if s := n.standing(invited[newcomer], d.Statement); !s.Awaiting() { // may list, and nothing else
		t.Errorf("%+v", s)
	}
	_, _, err := n.Fetch(ctx, invited[newcomer].Acting(), d.Statement)
	wantCode(t, err, portal.Forbidden, "claim-first")
	if all, err := n.Mailbox(ctx, invited[witness].Acting()); err != nil || len(all) != 0 {
		t.Errorf("an individual is asked: %+v, %v", all, err)
	}
	_, _, err = n.Fetch(ctx, invited[witness].Acting(), d.Statement)
	wantCode(t, err, portal.NotFound, "no-statement")

	v := n.read(invited[delegate], d.Statement)
	receipt := n.receipt(v, invited[delegate], crypto.DecisionAcknowledged)
	kept, created, err := n.Acknowledge(ctx, invited[delegate].Acting(), d.Statement, receipt, publish.Fetched{Version: 1, Nonce: nonce})
	if err != nil || !created || kept.Version != 1 || kept.Representative != invited[delegate].Representative {
		t.Fatalf("%+v, %v, %v", kept, created, err)
	}
	// Anybody with gpg and the certificate verifies it.
	gpg := portaltest.GPG(t)
	gpg.Run([]byte(invited[delegate].Own.Certificate().Armor()), "--import")
	if text := gpg.Run(kept.Receipt, "--decrypt"); !strings.Contains(string(text), "statement: "+string(d.Statement)+"\nversion: 1\n") {
		t.Errorf("gpg reads %s", text)
	}
	// The same again, from any session, gives the same answer; another one, or a colleague's, doesn't.
	if again, created, err := n.Acknowledge(ctx, invited[delegate].Acting(), d.Statement, receipt, publish.Fetched{}); err != nil || created || !again.ReceivedAt.Equal(kept.ReceivedAt) {
		t.Errorf("again: %v, %v", created, err)
	}
	n.wait(time.Minute)
	n.read(invited[colleague], d.Statement)
	_, _, err = n.Acknowledge(ctx, invited[colleague].Acting(), d.Statement, n.receipt(v, invited[colleague], crypto.DecisionRefused), publish.Fetched{Version: 1, Nonce: nonce})
	wantCode(t, err, portal.Conflict, "already-acknowledged")
	if s := n.standing(invited[colleague], d.Statement); s.Awaiting() || s.Acknowledgement().Representative != invited[delegate].Representative {
		t.Errorf("%+v", s)
	}

	// The receipt is for its mailbox and for staff; its evidence for whoever shows it.
	for _, who := range []portal.Actor{invited[colleague].Acting(), n.acting(n.registrar), n.acting(n.auditor)} {
		if got, err := n.StatementReceipt(ctx, who, d.Statement, 0, invited[delegate].Mailbox); err != nil || string(got.Receipt) != string(kept.Receipt) {
			t.Errorf("%v", err)
		}
	}
	_, err = n.StatementReceipt(ctx, invited[focal].Acting(), d.Statement, 0, invited[delegate].Mailbox)
	wantCode(t, err, portal.NotFound, "no-acknowledgement")
	_, err = n.StatementReceipt(ctx, n.acting(n.admin), d.Statement, 0, invited[delegate].Mailbox)
	wantCode(t, err, portal.Forbidden, "author-only")
	evidence, err := n.Evidence(ctx, kept.Receipt)
	if err != nil || len(evidence.Versions) != 1 || len(evidence.Chain) != 2 || !publish.IsReceipt(kept.Receipt) {
		t.Errorf("%d versions, %d certificates, %v", len(evidence.Versions), len(evidence.Chain), err)
	}
	for _, other := range [][]byte{n.receipt(v, invited[focal], crypto.DecisionAcknowledged), []byte("?"), append(slices.Clone(kept.Receipt), '\n'), make([]byte, 1<<20)} {
		_, err = n.Evidence(ctx, other)
		wantCode(t, err, portal.NotFound, "unknown-receipt")
	}
}

// Each thing that is checked, with a receipt in which just that is a lie.
func TestReceiptsOfStatementsThatDoNotHold(t *testing.T) {
	n := newNewsroom(t)
	invited, ctx := n.invite(), t.Context()
	d, other := n.asking(crypto.KindState), n.asking(crypto.KindState)
	v, another := n.read(invited[focal], d.Statement), n.read(invited[focal], other.Statement)
	me := invited[focal]
	fetched := publish.Fetched{Version: 1, Nonce: nonce}
	refuse := func(kind portal.Kind, code string, receipt []byte, fetched publish.Fetched) {
		t.Helper()
		_, _, err := n.Acknowledge(ctx, me.Acting(), d.Statement, receipt, fetched)
		wantCode(t, err, kind, code)
	}
	// forged signs an acknowledgement of which some lines were changed, as a client of one's own can.
	forged := func(k *crypto.Key, change func(*crypto.StatementAcknowledgement)) []byte {
		t.Helper()
		text, err := crypto.ReadClearSigned(n.receipt(v, me, crypto.DecisionAcknowledged))
		must(t, err)
		a, err := crypto.ParseStatementAcknowledgement(text)
		must(t, err)
		change(a)
		text, err = a.Encode()
		must(t, err)
		receipt, err := crypto.ClearSign(k, crypto.PurposeStatementAcknowledgement, text, n.clock())
		must(t, err)
		return receipt
	}
	good := n.receipt(v, me, crypto.DecisionAcknowledged)

	refuse(portal.Conflict, "not-fetched", good, publish.Fetched{})
	refuse(portal.Conflict, "not-fetched", good, publish.Fetched{Version: 2, Nonce: nonce})
	refuse(portal.Invalid, "wrong-nonce", good, publish.Fetched{Version: 1, Nonce: strings.Repeat("0", 32)}) // of another session
	refuse(portal.Invalid, "invalid-receipt", n.receipt(another, me, crypto.DecisionAcknowledged), fetched)
	refuse(portal.Invalid, "invalid-receipt", forged(me.Own, func(a *crypto.StatementAcknowledgement) { a.Version = 2 }), fetched)
	refuse(portal.Invalid, "invalid-receipt", forged(me.Own, func(a *crypto.StatementAcknowledgement) { a.ManifestSHA256 = another.SHA256() }), fetched)
	refuse(portal.Invalid, "invalid-receipt", forged(me.Own, func(a *crypto.StatementAcknowledgement) { a.Institution = me.Own.Certificate().Fingerprint() }), fetched)
	refuse(portal.Invalid, "invalid-receipt", forged(me.Own, func(a *crypto.StatementAcknowledgement) { a.Time = noon.Add(-time.Hour) }), fetched)
	refuse(portal.Invalid, "other-representative", n.receipt(v, invited[delegate], crypto.DecisionAcknowledged), fetched) // of another mailbox
	refuse(portal.Invalid, "invalid-receipt", forged(invited[delegate].Own, func(*crypto.StatementAcknowledgement) {}), fetched)
	refuse(portal.Invalid, "other-certificate", forged(me.Issued, func(a *crypto.StatementAcknowledgement) { a.Certificate = me.Issued.Certificate().Fingerprint() }), fetched) // no longer current
	text, err := crypto.ReadClearSigned(good)
	must(t, err)
	login, err := crypto.ClearSign(me.Own, crypto.PurposeAcknowledgement, text, n.clock())
	must(t, err)
	refuse(portal.Invalid, "invalid-receipt", login, fetched)
	refuse(portal.Invalid, "invalid-receipt", []byte("acknowledged"), fetched)
	refuse(portal.TooLarge, "too-large", make([]byte, 40<<10), fetched)

	// Whoever isn't asked can't acknowledge, also when they are asked by another version.
	_, _, err = n.Acknowledge(ctx, invited[lawyer].Acting(), d.Statement, good, fetched)
	wantCode(t, err, portal.NotFound, "no-statement")
	_, _, err = n.Acknowledge(ctx, n.acting(n.approver), d.Statement, good, fetched)
	wantCode(t, err, portal.Forbidden, "representatives-only")
	_, _, err = n.Acknowledge(ctx, portal.Actor{}, d.Statement, good, fetched)
	wantCode(t, err, portal.Unauthenticated, "no-session")

	// None of it was kept, and the honest one still is.
	if s := n.standing(me, d.Statement); !s.Awaiting() {
		t.Fatalf("%+v", s)
	}
	if _, created, err := n.Acknowledge(ctx, me.Acting(), d.Statement, good, fetched); err != nil || !created {
		t.Errorf("%v, %v", created, err)
	}
}

func TestEachVersionThatAsksIsAcknowledgedForItself(t *testing.T) {
	n := newNewsroom(t)
	invited, ctx := n.invite(), t.Context()
	d := n.asking(crypto.KindState, crypto.KindOrganisation)
	acknowledge := func(p *people.Person, version int) error {
		t.Helper()
		v := n.read(p, d.Statement)
		_, _, err := n.Acknowledge(ctx, p.Acting(), d.Statement, n.receipt(v, p, crypto.DecisionAcknowledged), publish.Fetched{Version: version, Nonce: nonce})
		return err
	}
	must(t, acknowledge(invited[delegate], 1))
	must(t, acknowledge(invited[lawyer], 1))
	first := n.read(invited[focal], d.Statement)
	late := n.receipt(first, invited[focal], crypto.DecisionAcknowledged)

	// Corrected: States are asked again, organisations no longer.
	correction := next(d, crypto.StatementCorrection, crypto.KindState)
	n.release(correction)
	if s := n.standing(invited[delegate], d.Statement); !s.Awaiting() || s.Version != 2 || s.Acknowledgements[0].Version != 1 || !s.FetchedAt.IsZero() {
		t.Errorf("%+v", s)
	}
	if s := n.standing(invited[lawyer], d.Statement); s.Awaiting() || s.Kind != crypto.StatementCorrection {
		t.Errorf("%+v", s)
	}
	_, _, err := n.Acknowledge(ctx, invited[focal].Acting(), d.Statement, late, publish.Fetched{Version: 1, Nonce: nonce})
	wantCode(t, err, portal.Conflict, "statement-corrected")
	kept, err := n.StatementReceipt(ctx, invited[delegate].Acting(), d.Statement, 1, invited[delegate].Mailbox)
	must(t, err)
	if _, created, err := n.Acknowledge(ctx, invited[delegate].Acting(), d.Statement, kept.Receipt, publish.Fetched{}); err != nil || created {
		t.Errorf("a kept receipt of an earlier version, again: %v, %v", created, err)
	}
	must(t, acknowledge(invited[delegate], 2))
	n.read(invited[lawyer], d.Statement)
	// Whom a version doesn't ask no honest client lets sign it.
	v2 := n.read(invited[lawyer], d.Statement)
	if _, err := crypto.AcknowledgeStatement(v2, invited[lawyer].Own, invited[lawyer].Representative, crypto.DecisionAcknowledged, nonce, n.clock()); err == nil {
		t.Error("an organisation acknowledges what asks States")
	}
	text, err := (&crypto.StatementAcknowledgement{
		Institution: n.pin.Fingerprint(), Statement: d.Statement, Version: 2, ManifestSHA256: v2.SHA256(), Representative: invited[lawyer].Representative,
		Certificate: invited[lawyer].Own.Certificate().Fingerprint(), Decision: crypto.DecisionAcknowledged, Time: n.clock(), SessionNonce: nonce,
	}).Encode()
	must(t, err)
	unasked, err := crypto.ClearSign(invited[lawyer].Own, crypto.PurposeStatementAcknowledgement, text, n.clock())
	must(t, err)
	_, _, err = n.Acknowledge(ctx, invited[lawyer].Acting(), d.Statement, unasked, publish.Fetched{Version: 2, Nonce: nonce})
	wantCode(t, err, portal.Conflict, "not-asked")
	evidence, err := n.Evidence(ctx, kept.Receipt)
	if err != nil || len(evidence.Versions) != 1 {
		t.Errorf("evidence of version 1: %d versions, %v", len(evidence.Versions), err)
	}

	// Withdrawn, whatever the manifest says: it asks nothing.
	n.release(next(correction, crypto.StatementWithdrawal, crypto.KindState))
	for _, i := range []int{delegate, focal, lawyer} {
		if s := n.standing(invited[i], d.Statement); s.Awaiting() || s.Asks || s.Kind != crypto.StatementWithdrawal {
			t.Errorf("%+v", s)
		}
	}
	wantCode(t, acknowledge(invited[focal], 3), portal.Conflict, "withdrawn")
}

func TestStaffSeeWhoHasAcknowledgedAStatement(t *testing.T) {
	n := newNewsroom(t)
	invited, ctx := n.invite(), t.Context()
	d := n.asking(crypto.KindState, crypto.KindOrganisation)
	quiet := n.findings()
	n.release(quiet)
	v := n.read(invited[delegate], d.Statement)
	_, _, err := n.Acknowledge(ctx, invited[delegate].Acting(), d.Statement, n.receipt(v, invited[delegate], crypto.DecisionAcknowledged), publish.Fetched{Version: 1, Nonce: nonce})
	must(t, err)
	n.read(invited[focal], d.Statement)

	status := func(version int) *publish.Acknowledgements {
		t.Helper()
		a, err := n.Acknowledgements(ctx, n.acting(n.author), d.Statement, version)
		must(t, err)
		return a
	}
	want := func(a *publish.Acknowledgements, counts ...publish.KindCount) {
		t.Helper()
		if got := a.Counts(); !slices.Equal(got, counts) {
			t.Errorf("%+v, want %+v", got, counts)
		}
	}
	overview, err := n.Awaited(ctx, n.acting(n.auditor))
	if err != nil || len(overview) != 1 || overview[0].Statement != d.Statement || overview[0].Answered != 1 || overview[0].Mailboxes != 4 || overview[0].DeadlineOver {
		t.Errorf("%+v, %v", overview, err)
	}
	_, err = n.Awaited(ctx, n.acting(n.admin))
	wantCode(t, err, portal.Forbidden, "author-only")
	a := status(0)
	want(a, publish.KindCount{Kind: crypto.KindState, Mailboxes: 3, Acknowledged: 1, Fetched: 1, Waiting: 1}, publish.KindCount{Kind: crypto.KindOrganisation, Mailboxes: 1, Waiting: 1})
	if a.Version != 1 || len(a.Mailboxes) != 4 || !a.Deadline.Equal(d.Deadline.Truncate(time.Second)) || len(a.Titles) != 2 {
		t.Errorf("%+v", a)
	}
	n.wait(100 * time.Hour)
	must(t, n.db.Issue(ctx, portal.RepresentativeRecord{
		Representative: crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}, State: portal.Issued, Profile: crypto.ProfilePQ, Salt: []byte("s"), Verifier: []byte("v"),
		LockedBundle: []byte("l"), Chain: [][]byte{theOffice().auditor.Certificate().Bytes()}, IssuedAt: n.clock(),
	}, []byte("label")))
	// Who was there before the deadline is late; who came after it isn't.
	want(status(1), publish.KindCount{Kind: crypto.KindState, Mailboxes: 4, Acknowledged: 1, Overdue: 2, Waiting: 1}, publish.KindCount{Kind: crypto.KindOrganisation, Mailboxes: 1, Overdue: 1})

	n.release(next(d, crypto.StatementCorrection, crypto.KindIndividual))
	a = status(1)
	want(a, publish.KindCount{Kind: crypto.KindState, Mailboxes: 4, Acknowledged: 1, Fetched: 1, Waiting: 2}, publish.KindCount{Kind: crypto.KindOrganisation, Mailboxes: 1, Waiting: 1})
	if a.Awaited() || a.Newest != 2 || !slices.Equal(a.Asking, []int{2, 1}) {
		t.Errorf("%+v", a)
	}
	want(status(0), publish.KindCount{Kind: crypto.KindIndividual, Mailboxes: 1, Waiting: 1})

	for _, k := range []*crypto.Key{n.approver, n.registrar, n.auditor} {
		_, err := n.Acknowledgements(ctx, n.acting(k), d.Statement, 0)
		must(t, err)
	}
	for who, actor := range map[string]portal.Actor{"author-only": n.acting(n.admin), "staff-only": invited[delegate].Acting()} {
		_, err := n.Acknowledgements(ctx, actor, d.Statement, 0)
		wantCode(t, err, portal.Forbidden, who)
	}
	for _, act := range []string{"publish.acknowledgements", "publish.acknowledgements refused"} {
		if !slices.Contains(n.acts(), act) {
			t.Errorf("%s was not written down", act)
		}
	}
	_, err = n.Acknowledgements(ctx, n.acting(n.author), quiet.Statement, 0)
	wantCode(t, err, portal.NotFound, "not-asked")
	_, err = n.Acknowledgements(ctx, n.acting(n.author), d.Statement, 3)
	wantCode(t, err, portal.NotFound, "not-asked")
}

// What was published before there was a column for whom it asks is found, too.
func TestVersionsPublishedBeforeAreAskedForTheirManifest(t *testing.T) {
	n := newNewsroom(t)
	invited := n.invite()
	d := n.asking(crypto.KindState)
	raw, err := sql.Open("sqlite", n.path)
	must(t, err)
	defer raw.Close()
	_, err = raw.Exec(`UPDATE statement_versions SET asked = NULL, deadline = NULL`)
	must(t, err)
	if all, err := n.Mailbox(t.Context(), invited[delegate].Acting()); err != nil || len(all) != 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	must(t, n.db.Migrate(t.Context()))
	if s := n.standing(invited[delegate], d.Statement); !s.Awaiting() || !s.Deadline.Equal(d.Deadline.Truncate(time.Second)) {
		t.Errorf("%+v", s)
	}
}

// BenchmarkVerifyingAReceiptOfAStatement is what the server computes before it keeps one: the statement, which it remembers, the chain, the receipt. The nonce, which is
// compared last, is wrong, so that nothing is kept.
func BenchmarkVerifyingAReceiptOfAStatement(b *testing.B) {
	n := newNewsroom(b)
	invited := n.invite()
	d := n.asking(crypto.KindState)
	p := invited[delegate]
	receipt := n.receipt(n.read(p, d.Statement), p, crypto.DecisionAcknowledged)
	other := publish.Fetched{Version: 1, Nonce: crypto.NewNonce()}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := n.Acknowledge(b.Context(), p.Acting(), d.Statement, receipt, other); portal.KindOf(err) != portal.Invalid {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
}

// Whoever asks for a statement's pages and files again and again does not have its signatures verified each time; a change of the staff has.
func TestAStatementIsVerifiedOnce(t *testing.T) {
	n := newNewsroom(t)
	d := n.findings()
	n.release(d)
	read := func() *crypto.VerifiedStatement {
		t.Helper()
		versions, verified, err := n.Verified(t.Context(), d.Statement)
		must(t, err)
		if len(versions) != 1 || len(verified) != 1 || versions[0].ManifestSHA256 != verified[0].SHA256() {
			t.Fatalf("%d versions, %d verified", len(versions), len(verified))
		}
		return verified[0]
	}
	first := read()
	if read() != first {
		t.Error("it was verified twice")
	}
	at := n.clock()
	stranger, err := crypto.GenerateKey(crypto.ProfileCompat, "Another Author", at)
	must(t, err)
	c, err := crypto.CertifyStaff(n.Root, stranger.Certificate(), []crypto.Role{crypto.RoleAuthor}, at)
	must(t, err)
	n.keepStaff(c)
	if read() == first {
		t.Error("it was not verified anew, although the staff changed")
	}
	_, _, err = n.Verified(t.Context(), crypto.NewNumber(crypto.KindStatement))
	wantCode(t, err, portal.NotFound, "no-statement")
}
