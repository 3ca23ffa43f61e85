package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"valise/crypto"
	"valise/portal"
)

// everyKind returns an event of each kind.
func everyKind(t testing.TB) []Event {
	t.Helper()
	key, err := note.NewEd25519VerifierKey("court.example/ledger", ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	notice, mailbox := number(t, exampleNotice), number(t, exampleMailbox)
	who := crypto.Representative{Mailbox: mailbox, Ordinal: 2}
	return []Event{
		{Kind: StatementPublished, Statement: exampleStatement, Version: 1, Manifest: digestOf(1), At: noon},
		{Kind: StatementCorrected, Statement: exampleStatement, Version: 2, Manifest: digestOf(2), At: noon},
		{Kind: StatementWithdrawn, Statement: exampleStatement, Version: 3, Manifest: digestOf(3), At: noon},
		{Kind: StaffCertificate, Fingerprint: exampleFingerprint, Certificate: digestOf(4), At: noon},
		{Kind: CheckpointKey, Key: key, At: noon},
		{Kind: ClientManifest, Manifest: digestOf(5), At: noon},
		{Kind: NoticeDispatched, Notice: notice, Manifest: digestOf(6), At: noon},
		{Kind: NoticeDelivered, Notice: notice, Mailbox: mailbox, Manifest: digestOf(6), At: noon},
		{Kind: NoticeOpened, Notice: notice, Representative: who, At: noon},
		{Kind: NoticeAcknowledged, Notice: notice, Representative: who, Receipt: digestOf(7), At: noon},
		{Kind: NoticeNotified, Notice: notice, Mailbox: mailbox, ID: exampleEvent, Via: "portal", At: noon},
		{Kind: NoticeNotified, Notice: notice, Mailbox: mailbox, ID: exampleEvent, Via: "telephone", By: portal.StaffHolder(exampleFingerprint), Evidence: digestOf(9), At: noon},
		{Kind: NoticeNotifyFailed, Notice: notice, Mailbox: mailbox, ID: exampleEvent, Via: "e-mail", At: noon},
		{Kind: NoticeExpired, Notice: notice, Mailbox: mailbox, ID: exampleEvent, At: noon},
		{Kind: NoticeRelayed, Notice: notice, Mailbox: mailbox, ID: exampleEvent, Via: "e-mail", Evidence: digestOf(9), At: noon},
		{Kind: NoticeRelayFailed, Notice: notice, Mailbox: mailbox, ID: exampleEvent, Via: "e-mail", At: noon},
		{Kind: NoticeRecalled, Notice: notice, ID: exampleEvent, By: portal.StaffHolder(exampleFingerprint), At: noon},
		{Kind: RepresentativeIssued, Representative: who, Fingerprint: exampleFingerprint, Certificate: digestOf(8), At: noon},
		{Kind: RepresentativeClaimed, Representative: who, Fingerprint: exampleFingerprint, Certificate: digestOf(8), At: noon},
		{Kind: RepresentativeRevoked, Representative: who, Fingerprint: exampleFingerprint, Certificate: digestOf(8), At: noon},
		{Kind: MessageReceived, Thread: crypto.NewNumber(crypto.KindThread), Message: digestOf(9), At: noon},
	}
}

func TestEveryEventBecomesALeafAndComesBack(t *testing.T) {
	for _, e := range everyKind(t) {
		if !e.Kind.Private() {
			l, err := PublicLeaf(e)
			if err != nil {
				t.Fatalf("%s: %v", e.Kind, err)
			}
			again, err := ParseLeaf(l.Bytes())
			if err != nil || again.Public() == nil || *again.Public() != e || !bytes.Equal(again.Bytes(), l.Bytes()) {
				t.Errorf("%s came back as %+v, %v", e.Kind, again.Public(), err)
			}
			if _, _, err := Commit(e); err == nil {
				t.Errorf("%s is public, yet was committed to", e.Kind)
			}
			continue
		}
		if _, err := PublicLeaf(e); err == nil {
			t.Fatalf("%s is private, yet was entered in clear", e.Kind)
		}
		l, o, err := Commit(e)
		if err != nil {
			t.Fatalf("%s: %v", e.Kind, err)
		}
		l, err = ParseLeaf(l.Bytes())
		if err != nil || l.Public() != nil {
			t.Fatalf("%s: %v", e.Kind, err)
		}
		o, err = ParseOpening(o.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", e.Kind, err)
		}
		if got, err := l.Reveal(o); err != nil || *got != e {
			t.Errorf("%s was revealed as %+v, %v", e.Kind, got, err)
		}
		if o.Leaf().Hash() != l.Hash() {
			t.Errorf("%s: the opening makes another leaf", e.Kind)
		}
	}
}

// A list of all mailboxes, notices and times must not help to find out what a private leaf is about: everything but the
// salt is known here, and still nothing matches.
func TestAPrivateLeafTellsNothing(t *testing.T) {
	for _, e := range everyKind(t) {
		if !e.Kind.Private() {
			continue
		}
		l, o, err := Commit(e)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("valise leaf v1\nkind: private\ncommitment: %s\n", o.Commitment())
		if string(l.Bytes()) != want {
			t.Errorf("%s: the leaf is %q", e.Kind, l.Bytes())
		}
		if len(NewDecoy().Bytes()) != len(l.Bytes()) {
			t.Errorf("%s: a decoy can be told by its length", e.Kind)
		}
		unsalted := o.Bytes()[:bytes.Index(o.Bytes(), []byte("salt: "))]
		for _, guess := range [][]byte{unsalted, append(slices.Clone(unsalted), "salt: "+strings.Repeat("0", 64)+"\n"...)} {
			if sha256.Sum256(guess) == o.Commitment() {
				t.Errorf("%s: the commitment can be guessed", e.Kind)
			}
		}
		second, other, err := Commit(e)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(second.Bytes(), l.Bytes()) {
			t.Errorf("%s: the same event twice gives the same leaf", e.Kind)
		}
		if got, err := second.Reveal(o); err == nil {
			t.Errorf("%s: another's opening revealed %+v", e.Kind, got)
		}
		if got, err := NewDecoy().Reveal(other); err == nil {
			t.Errorf("%s: a decoy was revealed as %+v", e.Kind, got)
		}
	}
}

func TestAnEventHasExactlyItsFields(t *testing.T) {
	for _, e := range everyKind(t) {
		enter := func(e Event) error {
			if e.Kind.Private() {
				_, _, err := Commit(e)
				return err
			}
			_, err := PublicLeaf(e)
			return err
		}
		for _, f := range allFields {
			without, with := e, e
			if f.mayBeNone() && slices.ContainsFunc(fieldsOf(e.Kind), func(o field) bool { return o.key == f.key }) {
				continue // it may be there, and not
			}
			if f.get(&e) != "" {
				blank := Event{}
				switch f.key { // take this one field from the blank event
				case "statement":
					without.Statement = blank.Statement
				case "version":
					without.Version = blank.Version
				case "notice":
					without.Notice = blank.Notice
				case "mailbox":
					without.Mailbox = blank.Mailbox
				case "representative":
					without.Representative = blank.Representative
				case "manifest":
					without.Manifest = blank.Manifest
				case "receipt":
					without.Receipt = blank.Receipt
				case "fingerprint":
					without.Fingerprint = blank.Fingerprint
				case "certificate":
					without.Certificate = blank.Certificate
				case "key":
					without.Key = blank.Key
				case "thread":
					without.Thread = blank.Thread
				case "message":
					without.Message = blank.Message
				case "event":
					without.ID = blank.ID
				case "via":
					without.Via = blank.Via
				case "time":
					without.At = blank.At
				}
				if err := enter(without); err == nil || !strings.Contains(err.Error(), f.key) {
					t.Errorf("%s without %s: %v", e.Kind, f.key, err)
				}
				continue
			}
			for _, other := range everyKind(t) {
				if value := f.get(&other); value != "" {
					if err := f.set(&with, value); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := enter(with); err == nil || !strings.Contains(err.Error(), f.key) {
				t.Errorf("%s with %s: %v", e.Kind, f.key, err)
			}
		}
	}
	for _, bad := range []Event{
		{},
		{Kind: "rumour"},
		{Kind: StatementPublished, Statement: "U 1", Version: 1, Manifest: digestOf(1), At: noon},
		{Kind: StatementPublished, Statement: "P-V2HC9RK1\nkind: x", Version: 1, Manifest: digestOf(1), At: noon},
		{Kind: StatementPublished, Statement: exampleStatement, Version: -1, Manifest: digestOf(1), At: noon},
		{Kind: NoticeDelivered, Notice: exampleMailbox, Mailbox: exampleNotice, Manifest: digestOf(1), At: noon},
		{Kind: StaffCertificate, Fingerprint: "4438 A73A", Certificate: digestOf(1), At: noon},
		{Kind: CheckpointKey, Key: "nothing", At: noon},
	} {
		_, err := PublicLeaf(bad)
		_, _, err2 := Commit(bad)
		if err == nil || err2 == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestAnyFlippedBitOfAnOpeningIsRefused(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		events := everyKind(t)
		e := events[rapid.IntRange(6, len(events)-1).Draw(r, "event")]
		l, o, err := Commit(e)
		if err != nil {
			r.Fatal(err)
		}
		text := o.Bytes()
		bit := rapid.IntRange(0, 8*len(text)-1).Draw(r, "bit")
		text[bit/8] ^= 1 << (bit % 8)
		altered, err := ParseOpening(text)
		if err != nil {
			return
		}
		if got, err := l.Reveal(altered); err == nil {
			r.Fatalf("revealed %+v", got)
		}
	})
}

func TestZeroValuesRevealNothing(t *testing.T) {
	_, o, err := Commit(everyKind(t)[6])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Leaf{}).Reveal(o); err == nil {
		t.Error("the zero leaf was opened")
	}
	if _, err := NewDecoy().Reveal(nil); err == nil {
		t.Error("no opening opened a leaf")
	}
	if _, err := NewDecoy().Reveal(&Opening{}); err == nil {
		t.Error("the zero opening opened a leaf")
	}
	if _, err := statement(t, 1).Reveal(o); err == nil {
		t.Error("a public leaf was opened")
	}
	if (Leaf{}).Public() != nil || NewDecoy().Public() != nil {
		t.Error("an event came out of nothing")
	}
}

func FuzzParseLeaf(f *testing.F) {
	for _, e := range everyKind(f) {
		if l, err := PublicLeaf(e); err == nil {
			f.Add(l.Bytes())
		}
	}
	f.Add(NewDecoy().Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := ParseLeaf(text)
		if err != nil {
			return
		}
		e := l.Public()
		if e == nil {
			if !bytes.Equal(privateLeaf(l.commitment).Bytes(), text) {
				t.Error("a private leaf has two spellings")
			}
			return
		}
		if again, err := PublicLeaf(*e); err != nil || !bytes.Equal(again.Bytes(), text) {
			t.Errorf("a leaf has two spellings, or can't be written: %v", err)
		}
	})
}

func FuzzParseOpening(f *testing.F) {
	for _, e := range everyKind(f) {
		if _, o, err := Commit(e); err == nil {
			f.Add(o.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseOpening(text)
		if err != nil {
			return
		}
		if got, err := o.Leaf().Reveal(o); err != nil || !got.Kind.Private() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
