package dispatch_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
	"valise/portal/portaltest/people"
	"valise/portal/registry"
	"valise/portal/store"
)

const allowed = portal.Kind(-1)

func TestWhoMayDoWhat(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n := c.released()
	waiting, _ := c.submitted()
	c.receive(c.people[delegate], n)
	revoked := c.people[lawyer]
	c.exec(`UPDATE representatives SET state = 'revoked' WHERE holder = ?`, revoked.String())
	mailbox := c.people[delegate].Mailbox

	actors := []struct {
		name  string
		actor portal.Actor
	}{
		{"nobody", portal.Actor{}}, {"recipient", c.people[delegate].Acting()}, {"other recipient", c.people[focal].Acting()}, {"unclaimed", c.people[newcomer].Acting()},
		{"outsider", c.people[outsider].Acting()}, {"revoked", revoked.Acting()},
		{"author", c.staff(c.author)}, {"approver", c.staff(c.approver)}, {"registrar", c.staff(c.registrar)}, {"auditor", c.staff(c.auditor)},
	}
	const ok, no, forbidden, notFound, invalid = allowed, portal.Unauthenticated, portal.Forbidden, portal.NotFound, portal.Invalid
	for act, row := range map[string]struct {
		do   func(portal.Actor) error
		want [10]portal.Kind // in the order of actors
	}{
		"submit": {func(a portal.Actor) error { _, err := c.Submit(ctx, a, c.sealed(c.author)); return err },
			[10]portal.Kind{no, forbidden, forbidden, forbidden, forbidden, forbidden, portal.Conflict, forbidden, forbidden, forbidden}}, // Conflict: one of the audience is revoked
		"list notices": {func(a portal.Actor) error { _, err := c.Notices(ctx, a); return err },
			[10]portal.Kind{no, forbidden, forbidden, forbidden, forbidden, forbidden, ok, ok, ok, ok}},
		"examine": {func(a portal.Actor) error { _, err := c.Examine(ctx, a, waiting); return err },
			[10]portal.Kind{no, forbidden, forbidden, forbidden, forbidden, forbidden, ok, ok, forbidden, forbidden}},
		"approve with nothing": {func(a portal.Actor) error { _, err := c.Approve(ctx, a, waiting, nil); return err },
			[10]portal.Kind{no, forbidden, forbidden, forbidden, forbidden, forbidden, forbidden, invalid, forbidden, forbidden}},
		"watch": {func(a portal.Actor) error { _, err := c.Status(ctx, a, n); return err },
			[10]portal.Kind{no, forbidden, forbidden, forbidden, forbidden, forbidden, ok, ok, ok, ok}},
		"list a mailbox": {func(a portal.Actor) error { _, err := c.Mailbox(ctx, a); return err },
			[10]portal.Kind{no, ok, ok, ok, ok, no, forbidden, forbidden, forbidden, forbidden}},
		"peek": {func(a portal.Actor) error { _, err := c.Peek(ctx, a, n); return err },
			[10]portal.Kind{no, ok, ok, forbidden, notFound, no, forbidden, forbidden, forbidden, forbidden}},
		"open": {func(a portal.Actor) error { _, _, err := c.Open(ctx, a, n); return err },
			[10]portal.Kind{no, ok, ok, forbidden, notFound, no, forbidden, forbidden, forbidden, forbidden}},
		"open what waits": {func(a portal.Actor) error { _, _, err := c.Open(ctx, a, waiting); return err },
			[10]portal.Kind{no, notFound, notFound, forbidden, notFound, no, forbidden, forbidden, forbidden, forbidden}},
		"acknowledge with nothing": {func(a portal.Actor) error { _, _, err := c.Acknowledge(ctx, a, n, nil, "x"); return err },
			[10]portal.Kind{no, invalid, invalid, forbidden, notFound, no, forbidden, forbidden, forbidden, forbidden}},
		"read the delegate's receipt": {func(a portal.Actor) error { _, err := c.Receipt(ctx, a, n, mailbox); return err },
			[10]portal.Kind{no, ok, notFound, forbidden, notFound, no, ok, ok, ok, ok}},
		"read the manifest": {func(a portal.Actor) error { _, err := c.Manifest(ctx, a, n); return err },
			[10]portal.Kind{no, ok, ok, forbidden, notFound, no, ok, ok, ok, ok}},
	} {
		if act == "acknowledge with nothing" {
			c.open(c.people[focal], n)
		}
		for i, who := range actors {
			err := row.do(who.actor)
			if want := row.want[i]; err == nil && want != allowed || err != nil && portal.KindOf(err) != want {
				t.Errorf("%s, %s: %v (kind %d), want kind %d", who.name, act, err, portal.KindOf(err), want)
			}
		}
	}
	_, _, err := c.Open(ctx, c.people[newcomer].Acting(), n)
	wantCode(t, err, portal.Forbidden, "claim-first")
	for act, object := range map[string]string{
		"dispatch.submit refused": "", "dispatch.notices": "all", "dispatch.examine refused": string(waiting), "dispatch.approve refused": string(waiting),
		"dispatch.status": string(n), "dispatch.receipt": string(n) + " " + string(mailbox), "dispatch.manifest": string(n),
	} {
		if object != "" {
			c.wantAudited(c.staff(c.auditor), act, object)
		}
	}
}

// receive opens and acknowledges.
func (c *court) receive(p *people.Person, n crypto.Number) []byte {
	c.t.Helper()
	nonce := crypto.NewNonce()
	receipt := c.receipt(p, n, nonce)
	_, created, err := c.Acknowledge(c.t.Context(), p.Acting(), n, receipt, nonce)
	if err != nil || !created {
		c.t.Fatal(created, err)
	}
	return receipt
}

func TestApprove(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n, _ := c.submitted()
	approval := c.approval(c.approver, n)
	c.now = c.now.Add(time.Minute)
	released, err := c.Approve(ctx, c.staff(c.approver), n, approval)
	must(t, err)
	c.wantAudited(c.staff(c.approver), "dispatch.approve", string(n))
	for i, p := range c.people {
		deliveries, err := c.Mailbox(ctx, p.Acting())
		must(t, err)
		if want := map[bool]int{true: 0, false: 1}[i == outsider]; len(deliveries) != want {
			t.Errorf("%s has %d notices, want %d", p, len(deliveries), want)
		}
		for _, d := range deliveries {
			if !d.DeliveredAt.Equal(released.At) || !d.OpenedAt.IsZero() || d.Notice.Audience != nil {
				t.Errorf("%+v", d)
			}
			c.wantMember(d, p.Representative)
		}
	}

	// Again, even after the deadline: the same.
	c.now = c.now.Add(100 * time.Hour)
	again, err := c.Approve(ctx, c.staff(c.approver), n, approval)
	must(t, err)
	if again != released || released.State != portal.Released {
		t.Errorf("released at %v, then at %v", released, again)
	}
}

func TestApproveIsRefused(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n, s := c.submitted()
	other, _ := c.submitted()
	sign := func(k *crypto.Key, purpose crypto.Purpose, data []byte) []byte {
		signature, err := crypto.SignDetached(k, purpose, data, c.now)
		must(t, err)
		return signature
	}
	for name, try := range map[string]struct {
		as        *crypto.Key
		signature []byte
		kind      portal.Kind
		code      string
	}{
		"no signature":                            {c.approver, nil, portal.Invalid, "invalid-signature"},
		"not armored":                             {c.approver, []byte{0xc2, 0}, portal.Invalid, "invalid-signature"},
		"too large":                               {c.approver, append(c.approval(c.approver, n), make([]byte, 1<<20)...), portal.Invalid, "invalid-signature"},
		"of another notice":                       {c.approver, c.approval(c.approver, other), portal.Invalid, "invalid-approval"},
		"the author's signature":                  {c.approver, s.AuthorSignature, portal.Invalid, "invalid-approval"},
		"made for another purpose":                {c.approver, sign(c.approver, crypto.PurposeNoticeAuthor, s.Manifest), portal.Invalid, "invalid-approval"},
		"by somebody without the role":            {c.approver, sign(c.registrar, crypto.PurposeNoticeApproval, s.Manifest), portal.Invalid, "invalid-approval"},
		"by a representative":                     {c.approver, sign(c.people[focal].Own, crypto.PurposeNoticeApproval, s.Manifest), portal.Invalid, "invalid-approval"},
		"another approver's":                      {c.both, c.approval(c.approver, n), portal.Forbidden, "other-approver"},
		"by the author":                           {c.author, sign(c.author, crypto.PurposeNoticeApproval, s.Manifest), portal.Forbidden, "approver-only"},
		"by the author under another certificate": {c.proxy, sign(c.proxy, crypto.PurposeNoticeApproval, s.Manifest), portal.Invalid, "invalid-approval"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Approve(ctx, c.staff(try.as), n, try.signature)
			wantCode(t, err, try.kind, try.code)
		})
	}
	_, err := c.Approve(ctx, c.staff(c.approver), crypto.NewNumber(crypto.KindNotice), c.approval(c.approver, n))
	wantCode(t, err, portal.NotFound, "no-notice")

	// Who may both write and approve can't do both with one notice.
	own, err := c.Submit(ctx, c.staff(c.both), c.sealed(c.both))
	must(t, err)
	record, err := c.db.Signed(ctx, own)
	must(t, err)
	_, err = c.Approve(ctx, c.staff(c.both), own, sign(c.both, crypto.PurposeNoticeApproval, record.Signed.Manifest))
	wantCode(t, err, portal.Forbidden, "own-notice")

	for _, p := range c.people {
		if deliveries, err := c.Mailbox(ctx, p.Acting()); err != nil || len(deliveries) > 0 {
			t.Errorf("something reached %s: %v", p, err)
		}
	}

	approval := c.approval(c.approver, n)
	later := c.now
	c.now = later.Add(49 * time.Hour)
	_, err = c.Approve(ctx, c.staff(c.approver), n, approval)
	wantCode(t, err, portal.Conflict, "deadline-passed")

	// An author whose role was taken away meanwhile may be why.
	c.now = later.Add(time.Hour)
	demoted, err := crypto.CertifyStaff(c.Root, c.author.Certificate(), []crypto.Role{crypto.RoleAuditor}, c.now)
	must(t, err)
	c.keepStaff(demoted)
	_, err = c.Approve(ctx, c.staff(c.approver), n, approval)
	wantCode(t, err, portal.Conflict, "author-withdrawn")
}

// The journey of who had not claimed when the notice was sealed: they claim, before or after the release, and open it with their own key.
func TestClaimingMeanwhile(t *testing.T) {
	for name, afterRelease := range map[string]bool{"before the release": false, "after the release": true} {
		t.Run(name, func(t *testing.T) {
			c := newCourt(t)
			ctx := t.Context()
			n, _ := c.submitted()
			p := c.people[newcomer]
			release := func() {
				_, err := c.Approve(ctx, c.staff(c.approver), n, c.approval(c.approver, n))
				must(t, err)
			}
			if afterRelease {
				release()
			}
			held, err := c.db.Envelopes(ctx, p.String())
			must(t, err)
			rewrapped, err := crypto.Rewrap(held[0].Data, []*crypto.Key{p.Issued}, p.Own.Certificate())
			must(t, err)
			record, err := c.db.Representative(ctx, p.Representative)
			must(t, err)
			record.State, record.ClaimedAt, record.Chain = portal.Claimed, c.now, append(record.Chain, p.Own.Certificate().Bytes())
			must(t, c.db.Claim(ctx, record, []registry.HeldEnvelope{{Notice: n, Certificate: p.Own.Certificate().Fingerprint(), Suite: held[0].Suite, Data: rewrapped}}))
			if !afterRelease {
				release()
			}
			c.receive(p, n)
		})
	}
}

func TestOpen(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n := c.released()
	p, other := c.people[delegate], c.people[colleague]
	if _, err := c.Peek(ctx, p.Acting(), n); err != nil {
		t.Fatal(err)
	}
	if d, err := c.Mailbox(ctx, p.Acting()); err != nil || !d[0].OpenedAt.IsZero() {
		t.Fatal("listing and peeking marked it opened", err)
	}
	first := c.now
	o := c.open(p, n)
	if o.Content().Notice != n {
		t.Errorf("opened %s", o.Content().Notice)
	}
	c.now = c.now.Add(time.Hour)
	c.open(other, n)
	d, err := c.Peek(ctx, other.Acting(), n)
	must(t, err)
	if !d.OpenedAt.Equal(first) {
		t.Errorf("opened at %v, want when the first one did, %v", d.OpenedAt, first)
	}
	if d, err := c.Peek(ctx, c.people[focal].Acting(), n); err != nil || !d.OpenedAt.IsZero() {
		t.Error("it is marked in another mailbox", err)
	}
	c.open(c.people[lawyer], n)
}

func TestAcknowledge(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n := c.released()
	p, other := c.people[delegate], c.people[colleague]
	nonce := crypto.NewNonce()
	receipt := c.receipt(p, n, nonce)
	late := c.receipt(other, n, nonce)
	c.now = c.now.Add(time.Minute)
	kept, created, err := c.Acknowledge(ctx, p.Acting(), n, receipt, nonce)
	must(t, err)
	if !created || !bytes.Equal(kept.Receipt, receipt) || !kept.ReceivedAt.Equal(c.now) || kept.Representative != p.Representative ||
		kept.Certificate != p.Own.Certificate().Fingerprint() || kept.Decision != crypto.DecisionAcknowledged {
		t.Errorf("created %t, %+v", created, kept)
	}
	received := c.now

	// The same again, in another session and much later, changes nothing.
	c.now = c.now.Add(100 * time.Hour)
	again, created, err := c.Acknowledge(ctx, p.Acting(), n, receipt, crypto.NewNonce())
	must(t, err)
	if created || !again.ReceivedAt.Equal(received) {
		t.Errorf("created %t, received %v", created, again.ReceivedAt)
	}
	_, _, err = c.Acknowledge(ctx, other.Acting(), n, late, nonce)
	wantCode(t, err, portal.Conflict, "already-acknowledged")
	if err == nil || !strings.Contains(err.Error(), "/1") || !strings.Contains(err.Error(), received.Format(time.RFC3339)) {
		t.Errorf("%v says neither who nor when", err)
	}

	// Both of the State see it, and the staff.
	for _, actor := range []portal.Actor{p.Acting(), other.Acting(), c.staff(c.auditor)} {
		got, err := c.Receipt(ctx, actor, n, p.Mailbox)
		must(t, err)
		if !bytes.Equal(got.Receipt, receipt) {
			t.Error("the receipt is not the one that was sent")
		}
	}
	status, err := c.Status(ctx, c.staff(c.auditor), n)
	must(t, err)
	acknowledged, overdue := 0, 0
	for _, m := range status.Mailboxes {
		if m.Acknowledgement != nil {
			acknowledged++
		}
		if status.Overdue(m) {
			overdue++
		}
	}
	if len(status.Mailboxes) != 4 || acknowledged != 1 || overdue != 3 {
		t.Errorf("of %d mailboxes %d acknowledged, %d are overdue", len(status.Mailboxes), acknowledged, overdue)
	}

	// Whoever has the receipt can have what proves it, and nobody else.
	evidence, err := c.Evidence(ctx, receipt)
	must(t, err)
	v, err := c.pin.VerifyManifest(evidence.Signed, c.staffCertificates(), c.now)
	must(t, err)
	if m, err := v.CheckMembership(evidence.Membership); err != nil || m.Member.Representative != c.people[delegate].Representative {
		t.Errorf("the evidence does not show for whom the notice was: %+v, %v", m, err)
	}
	signer, err := crypto.ParseCertificate(evidence.Chain[len(evidence.Chain)-1])
	must(t, err)
	if _, err := crypto.VerifyReceipt(receipt, v, signer, c.now); err != nil || len(evidence.Chain) != 2 || !evidence.Kept.ReceivedAt.Equal(received) {
		t.Errorf("the evidence does not prove it: %v", err)
	}
	for name, shown := range map[string][]byte{"nothing": nil, "another's, never kept": late, "an altered one": append(bytes.Clone(receipt), '\n')} {
		if _, err := c.Evidence(ctx, shown); portal.KindOf(err) != portal.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAcknowledgeRefusesWhatDoesNotHold(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n, second := c.released(), c.released()
	p := c.people[focal]
	nonce := crypto.NewNonce()
	opened, openedSecond := c.open(c.people[delegate], n), c.open(p, second)

	honest, err := crypto.Acknowledge(opened, p.Own, p.Representative, crypto.DecisionAcknowledged, nonce, c.now)
	must(t, err)
	_, _, err = c.Acknowledge(ctx, p.Acting(), n, honest, nonce)
	wantCode(t, err, portal.Conflict, "not-opened")
	c.open(p, n)

	// alter signs another text than the client would.
	alter := func(k *crypto.Key, change func(*crypto.Acknowledgement)) []byte {
		text, err := crypto.ReadClearSigned(honest)
		must(t, err)
		a, err := crypto.ParseAcknowledgement(text)
		must(t, err)
		change(a)
		if text, err = a.Encode(); err != nil {
			t.Fatal(err)
		}
		signed, err := crypto.ClearSign(k, crypto.PurposeAcknowledgement, text, c.now)
		must(t, err)
		return signed
	}
	theirs := func(change func(*crypto.Acknowledgement)) []byte { return alter(p.Own, change) }
	ofSecond, err := crypto.Acknowledge(openedSecond, p.Own, p.Representative, crypto.DecisionAcknowledged, nonce, c.now)
	must(t, err)
	for name, try := range map[string]struct {
		code    string
		receipt []byte
		nonce   string
	}{
		"nothing":               {"invalid-receipt", nil, nonce},
		"no nonce was given":    {"wrong-nonce", honest, ""},
		"another session's":     {"wrong-nonce", honest, crypto.NewNonce()},
		"of another notice":     {"invalid-receipt", ofSecond, nonce},
		"who did not open it":   {"invalid-receipt", theirs(func(a *crypto.Acknowledgement) { a.Opening = strings.Repeat("0", 64) }), nonce},
		"of another manifest":   {"invalid-receipt", theirs(func(a *crypto.Acknowledgement) { a.ManifestSHA256 = strings.Repeat("0", 64) }), nonce},
		"of another version":    {"invalid-receipt", theirs(func(a *crypto.Acknowledgement) { a.Version = 2 }), nonce},
		"dated tomorrow":        {"invalid-receipt", theirs(func(a *crypto.Acknowledgement) { a.Time = c.now.Add(24 * time.Hour) }), nonce},
		"before it was sealed":  {"invalid-receipt", theirs(func(a *crypto.Acknowledgement) { a.Time = noon }), nonce},
		"in another's name":     {"other-representative", theirs(func(a *crypto.Acknowledgement) { a.Representative = c.people[delegate].Representative }), nonce},
		"with the key before":   {"other-certificate", alter(p.Issued, func(a *crypto.Acknowledgement) { a.Certificate = p.Issued.Certificate().Fingerprint() }), nonce},
		"naming the key before": {"other-certificate", theirs(func(a *crypto.Acknowledgement) { a.Certificate = p.Issued.Certificate().Fingerprint() }), nonce},
		"signed by a colleague": {"invalid-receipt", alter(c.people[delegate].Own, func(*crypto.Acknowledgement) {}), nonce},
		"altered afterwards":    {"invalid-receipt", bytes.Replace(honest, []byte("decision: acknowledged"), []byte("decision: refused"), 1), nonce},
	} {
		t.Run(name, func(t *testing.T) {
			_, created, err := c.Acknowledge(ctx, p.Acting(), n, try.receipt, try.nonce)
			wantCode(t, err, portal.Invalid, try.code)
			if created {
				t.Error("created")
			}
		})
	}
	_, _, err = c.Acknowledge(ctx, p.Acting(), n, make([]byte, 1<<20), nonce)
	wantCode(t, err, portal.TooLarge, "too-large")
	_, err = c.Receipt(ctx, p.Acting(), n, p.Mailbox)
	wantCode(t, err, portal.NotFound, "no-acknowledgement")

	// Declining is a receipt, too; and lateness does not make one worthless.
	c.now = c.now.Add(72 * time.Hour)
	refusal, err := crypto.Acknowledge(c.open(p, n), p.Own, p.Representative, crypto.DecisionRefused, nonce, c.now)
	must(t, err)
	kept, created, err := c.Acknowledge(ctx, p.Acting(), n, refusal, nonce)
	if err != nil || !created || kept.Decision != crypto.DecisionRefused {
		t.Errorf("%+v, %t, %v", kept, created, err)
	}
}

// What was verified for one mailbox counts for the next only as long as the staff's certificates are what they were.
func TestAcknowledgeLooksAtTheStaffAsItIs(t *testing.T) {
	c := newCourt(t)
	n := c.released()
	c.receive(c.people[delegate], n)
	nonce := crypto.NewNonce()
	receipt := c.receipt(c.people[focal], n, nonce)
	uncertified := people.Stranger("Benoît Laurent", noon).Certificate()
	must(t, c.db.AddStaff(t.Context(), c.approver.Certificate().Fingerprint(), func([]byte) ([]byte, error) { return uncertified.Bytes(), nil }))
	_, _, err := c.Acknowledge(t.Context(), c.people[focal].Acting(), n, receipt, nonce)
	wantCode(t, err, portal.Conflict, "notice-invalid")
}

// unwritable is a database whose audit can't be written.
type unwritable struct{ *store.DB }

var errDisk = errors.New("disk full")

func (unwritable) RecordAudit(context.Context, portal.AuditEntry) error { return errDisk }

func TestWhatCannotBeWrittenDownIsNotDone(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n, _ := c.submitted()
	approval := c.approval(c.approver, n)
	d := dispatch.New(unwritable{c.db}, c.pin, func() time.Time { return c.now })
	_, submit := d.Submit(ctx, c.staff(c.author), c.sealed(c.author))
	_, approve := d.Approve(ctx, c.staff(c.approver), n, approval)
	_, examine := d.Examine(ctx, c.staff(c.approver), n)
	for name, err := range map[string]error{"submit": submit, "approve": approve, "examine": examine} {
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", name, err)
		}
	}
	notices, err := c.Notices(ctx, c.staff(c.auditor))
	must(t, err)
	if len(notices) != 1 || notices[0].State != portal.Submitted {
		t.Errorf("done all the same: %+v", notices)
	}
}

// Somebody who can write into the database puts a genuine notice into a mailbox that it wasn't meant for.
func TestNoticeWrittenIntoAnotherMailboxMakesNoReceipt(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	n := c.released()
	meant, victim := c.people[delegate], c.people[outsider]
	opened := c.open(meant, n)
	nonce := crypto.NewNonce()
	receipt, err := crypto.Acknowledge(opened, victim.Own, victim.Representative, crypto.DecisionAcknowledged, nonce, c.now)
	must(t, err)
	c.exec(`INSERT INTO deliveries (notice, mailbox, delivered_at, opened_at) VALUES (?, ?, 1, 1)`, n, victim.Mailbox)
	for name, membership := range map[string]string{"none": "NULL", "of who was meant": "membership"} {
		c.exec(`DELETE FROM envelopes WHERE holder = ?`, victim.String())
		c.exec(`INSERT INTO envelopes (notice, holder, mailbox, certificate, suite, envelope, membership)
			SELECT notice, ?, ?, ?, suite, envelope, `+membership+` FROM envelopes WHERE notice = ? AND holder = ?`,
			victim.String(), victim.Mailbox, victim.Own.Certificate().Fingerprint(), n, meant.String())
		_, _, err := c.Acknowledge(ctx, victim.Acting(), n, receipt, nonce)
		wantCode(t, err, portal.Conflict, "not-addressed")
		if t.Failed() {
			t.Log("membership: " + name)
		}
	}
}
