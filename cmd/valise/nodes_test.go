package main

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// Two nodes on one PostgreSQL and one Redis, behind one HTTPS address: it doesn't matter which of them answers.
func TestTwoNodesAreOnePortal(t *testing.T) {
	certificate := portaltest.TLS(t)
	// Go reads the system's certificates once, at the first need, and from here: nothing in these tests verified one before.
	t.Setenv("SSL_CERT_FILE", certificate.CertFile)
	var alice, bob *live.Person // of one State
	var first crypto.Number
	var next *sealed
	c := openCourt(t, portaltest.PostgreSQL(t), portaltest.Redis(t), func(c *court) {
		people := c.claimed(1, 2)
		alice, bob = people[0], people[1]
		first = c.Release(c.Draft(), alice, bob)
		next = c.prepare(people)
	})
	c.withTLS(certificate)
	one, two := c.start(), c.start()
	on := c.turnTo

	on(one)
	c.believe()
	a := c.logIn(alice.Number.String(), alice.Key)
	on(two)
	receipt, err := c.open(t.Context(), a, alice, first)
	if err != nil {
		t.Fatalf("opening on the other node: %v", err)
	}
	on(one)
	kept, err := a.Acknowledge(t.Context(), first, receipt)
	if err != nil || kept.Receipt != receipt.Receipt {
		t.Fatalf("acknowledging on the first node again: %v", err)
	}

	// What happened on one is seen on the other, at once.
	on(two)
	b := c.logIn(bob.Number.String(), bob.Key)
	listed, err := b.Notices(t.Context())
	if err != nil || len(listed) != 1 || listed[0].Acknowledgement == nil || listed[0].Acknowledgement.Representative != alice.Number.String() {
		t.Errorf("the other representative, on the other node, sees %+v (%v), want the receipt of %s", listed, err, alice.Number)
	}
	if again, err := a.Acknowledge(t.Context(), first, receipt); err != nil || again != kept {
		t.Errorf("the same receipt, handed in again on the other node: %+v (%v), want %+v", again, err, kept)
	}
	if own, err := c.open(t.Context(), b, bob, first); err != nil {
		t.Error(err)
	} else if _, err := b.Acknowledge(t.Context(), first, own); !client.IsCode(err, "already-acknowledged") {
		t.Errorf("a second receipt for the mailbox: %v", err)
	}

	// A notice that is submitted on one and approved on the other.
	on(one)
	author := c.staff(c.Author)
	if _, err := author.Submit(t.Context(), next.submission, nil); err != nil {
		t.Fatal(err)
	}
	on(two)
	if _, err := c.staff(c.Approver).Approve(t.Context(), next.number, next.approval); err != nil {
		t.Fatal(err)
	}
	on(one)
	if listed, err := a.Notices(t.Context()); err != nil || len(listed) != 2 || listed[0].Notice != next.number {
		t.Errorf("after the release on the other node %d notices are listed (%v)", len(listed), err)
	}

	// One node dies; the other has everything, sessions included.
	on(two)
	one.Kill()
	if receipt, err = c.open(t.Context(), a, alice, next.number); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Acknowledge(t.Context(), next.number, receipt); err != nil {
		t.Error(err)
	}

	// A session that is ended on one is ended on the other.
	three := c.start()
	on(two)
	if err := a.LogOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	on(three)
	if _, err := a.Session(t.Context()); !client.IsStatus(err, 401) {
		t.Errorf("a session that was ended on another node: %v, want 401", err)
	}
	// A log-in text is good once, on whichever node.
	on(two)
	c.tryTwice(bob, func() { on(three) })
}

// tryTwice logs in with one signed text twice.
func (c *court) tryTwice(person *live.Person, between func()) {
	c.t.Helper()
	v := c.visitor()
	challenge, err := v.StartLogIn(c.t.Context(), person.Number.String())
	if err != nil {
		c.t.Fatal(err)
	}
	signed, err := ceremony.SignLogIn(challenge, c.origin, person.Number.String(), person.Key, time.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := v.PostLogIn(c.t.Context(), signed); err != nil {
		c.t.Fatal(err)
	}
	between()
	if _, err := v.PostLogIn(c.t.Context(), signed); !client.IsStatus(err, 401) {
		c.t.Errorf("the same signed text on another node: %v, want 401", err)
	}
}
