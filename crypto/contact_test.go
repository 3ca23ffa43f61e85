package crypto

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// calledAt is when the court telephones, on a clock of its own time zone.
var calledAt = time.Date(2026, 1, 15, 17, 20, 0, 0, time.FixedZone("", 3600)) // an hour and twenty minutes after the approval

const spokeWith = "Spoke with Ms. Okafor, the ambassador's deputy; she will open it tonight."

// telling is a notice that a registrar telephones about.
type telling struct {
	*dispatched
	v       *VerifiedManifest
	readers []*Staff
	made    ContactMade
}

func newTelling(t testing.TB) *telling {
	t.Helper()
	d := newDispatched(t, newOffice(t))
	c := &telling{dispatched: d, v: d.verify(t, d.approve(t)), readers: d.desk(t)}
	c.made = ContactMade{Mailbox: d.recipients[0].Representative().Mailbox, Way: ByTelephone, Outcome: ContactReached, Time: calledAt, Note: spokeWith}
	return c
}

func (c *telling) sign(t testing.TB, by *Key, made ContactMade) (signed, note []byte) {
	t.Helper()
	signed, note, err := SignContact(c.v, by, made, c.readers, calledAt.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return signed, note
}

func (c *telling) check(signed []byte) (*VerifiedContact, error) {
	return c.pin.VerifyContact(signed, c.v, c.staff(), calledAt.Add(time.Hour))
}

func TestAContactIsEvidence(t *testing.T) {
	c := newTelling(t)
	signed, note := c.sign(t, c.registrar, c.made)
	for _, personal := range []string{"Okafor", "ambassador", "tonight"} {
		if bytes.Contains(signed, []byte(personal)) || bytes.Contains(note, []byte(personal)) {
			t.Errorf("%q can be read", personal)
		}
	}
	v, err := c.check(signed)
	if err != nil {
		t.Fatal(err)
	}
	got := v.Contact()
	if got.Mailbox != c.made.Mailbox || got.Way != ByTelephone || got.Outcome != ContactReached || !got.Time.Equal(calledAt) || got.By != c.registrar.Certificate().Fingerprint() ||
		v.By().Name() != "Chen Wei" || !bytes.Contains(signed, []byte("\ntime: 2026-01-15T17:20:00+01:00\n")) || !bytes.Equal(v.Bytes(), signed) {
		t.Errorf("%+v by %v", got, v.By())
	}
	for _, reader := range []*Key{c.author, c.approver} {
		if said, err := c.pin.OpenContactNote(note, v, []*Key{reader}, calledAt.Add(time.Hour)); err != nil || said != spokeWith {
			t.Errorf("%q, %v", said, err)
		}
	}
	if said, err := c.pin.OpenContactNote(note, v, []*Key{c.own}, calledAt.Add(time.Hour)); err == nil || said != "" {
		t.Error("a representative reads what staff noted")
	}

	// Without a note nothing is sealed; each way and outcome comes back.
	for _, way := range ContactWays() {
		for _, outcome := range ContactOutcomes() {
			made := c.made
			made.Way, made.Outcome, made.Note = way, outcome, ""
			signed, note := c.sign(t, c.author, made)
			v, err := c.check(signed)
			if err != nil || note != nil || v.Contact().NoteSHA256 != "" || v.Contact().Way != way || v.Contact().Outcome != outcome {
				t.Errorf("%s, %s: %+v, %v", way, outcome, v, err)
			}
			if v != nil && outcome.Told() == (outcome == ContactNotReached) {
				t.Errorf("%s: told is %v", outcome, outcome.Told())
			}
		}
	}
}

func TestGPGVerifiesAContact(t *testing.T) {
	c := newTelling(t)
	signed, _ := c.sign(t, c.author, c.made)
	g := newGPG(t)
	g.run("--import", g.file("author.asc", c.author.Certificate().Armor()))
	g.run("--verify", g.file("contact.txt.asc", string(signed)))
	if text := g.run("--decrypt", g.file("contact.txt.asc", string(signed))); !bytes.Contains(text, []byte("outcome: reached\n")) {
		t.Errorf("gpg reads %q", text)
	}
	lie := strings.Replace(string(signed), "outcome: reached", "outcome: refused", 1)
	if _, _, err := g.try("--verify", g.file("contact.txt.asc", lie)); err == nil {
		t.Error("gpg takes an altered one")
	}
}

func TestAContactMustBeWhatItSays(t *testing.T) {
	c := newTelling(t)
	stranger := mustKey(t, ProfilePQ, "Chen Wei")
	auditor := c.hire(t, "Emil Sato", RoleAuditor)
	sign := func(k *Key, purpose Purpose, at time.Time, change func(*Contact)) []byte {
		t.Helper()
		m := c.v.Manifest()
		contact := &Contact{m.Institution, m.Notice, m.Version, c.v.SHA256(), c.made.Mailbox, ByTelephone, ContactReached, calledAt, k.Certificate().Fingerprint(), ""}
		change(contact)
		text, err := contact.Encode()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := ClearSign(k, purpose, text, at)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	same, later := func(*Contact) {}, calledAt.Add(time.Minute)
	staff := append(c.staff(), auditor.Certificate())
	check := func(signed []byte) (*VerifiedContact, error) {
		return c.pin.VerifyContact(signed, c.v, staff, calledAt.Add(time.Hour))
	}
	if _, err := check(sign(c.registrar, PurposeContact, later, same)); err != nil {
		t.Fatal(err)
	}
	for want, signed := range map[string][]byte{
		"not among the staff":                 sign(stranger, PurposeContact, later, same),
		"neither author, approver nor":        sign(auditor, PurposeContact, later, same),
		"another institution":                 sign(c.registrar, PurposeContact, later, func(c *Contact) { c.Institution = c.By }),
		"another notice":                      sign(c.registrar, PurposeContact, later, func(c *Contact) { c.Notice = NewNumber(KindNotice) }),
		"another manifest":                    sign(c.registrar, PurposeContact, later, func(c *Contact) { c.ManifestSHA256 = strings.Repeat("0", 64) }),
		"in the future":                       sign(c.registrar, PurposeContact, later, func(c *Contact) { c.Time = later.Add(ClockSkew + time.Second) }),
		"nobody could be told of it then":     sign(c.registrar, PurposeContact, later, func(c *Contact) { c.Time = approvedAt.Add(-ClockSkew - time.Second) }),
		"made for another purpose":            sign(c.registrar, PurposeAcknowledgement, later, same),
		"this is not a clear-signed text":     []byte("called them"),
		"line 1 of the contact must be":       mustRespell(t, c.registrar, "valise contact v2\n"),
		"(\"way\") must be telephone":         mustRespell(t, c.registrar, altered(t, sign(c.registrar, PurposeContact, later, same), "telephone", "pigeon")),
		"(\"outcome\") must be reached":       mustRespell(t, c.registrar, altered(t, sign(c.registrar, PurposeContact, later, same), "reached", "promised")),
		"(\"time\") must be a time":           mustRespell(t, c.registrar, altered(t, sign(c.registrar, PurposeContact, later, same), "17:20:00", "17:20")),
		"(\"mailbox\") must be a number":      mustRespell(t, c.registrar, altered(t, sign(c.registrar, PurposeContact, later, same), "mailbox: S", "mailbox: N")),
		"(\"note-sha256\") must be none":      mustRespell(t, c.registrar, altered(t, sign(c.registrar, PurposeContact, later, same), "note-sha256: none", "note-sha256: 00")),
		"is one too many":                     mustRespell(t, c.registrar, altered(t, sign(c.registrar, PurposeContact, later, same), "note-sha256: none", "note-sha256: none\nmore: so")),
		"at most 2048 are accepted":           mustRespell(t, c.registrar, strings.Repeat("x", MaxContactSize)+"\n"),
		"the line \"note-sha256: …\" is miss": mustRespell(t, c.registrar, altered(t, sign(c.registrar, PurposeContact, later, same), "note-sha256: none\n", "")),
	} {
		if v, err := check(signed); err == nil || v != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	signed, _ := c.sign(t, c.registrar, c.made)
	eachFlip(signed, func(at int, changed []byte) {
		v, err := check(changed)
		if err != nil {
			return
		}
		// What a signature doesn't cover (its armor's spelling) is spelt anew; what it says stays.
		if *v.Contact() != *mustContact(t, check, signed) || !bytes.Equal(v.Bytes(), signed) {
			t.Errorf("octet %d may be changed", at)
		}
	})

	// Nobody signs what they would refuse.
	for what, change := range map[string]func(*ContactMade){
		"no mailbox":       func(m *ContactMade) { m.Mailbox = "" },
		"a notice":         func(m *ContactMade) { m.Mailbox = NewNumber(KindNotice) },
		"no way":           func(m *ContactMade) { m.Way = "" },
		"no outcome":       func(m *ContactMade) { m.Outcome = "" },
		"tomorrow":         func(m *ContactMade) { m.Time = m.Time.AddDate(0, 0, 1) },
		"no time":          func(m *ContactMade) { m.Time = time.Time{} },
		"too long a note":  func(m *ContactMade) { m.Note = strings.Repeat("x", MaxContactNote+1) },
		"a note of octets": func(m *ContactMade) { m.Note = "\xff" },
	} {
		made := c.made
		change(&made)
		if signed, note, err := SignContact(c.v, c.registrar, made, c.readers, later); err == nil || signed != nil || note != nil {
			t.Errorf("%s: it was signed", what)
		}
	}
}

// altered is the text of a clear-signed message with something replaced.
func altered(t *testing.T, signed []byte, old, with string) string {
	t.Helper()
	text, err := ReadClearSigned(signed)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%q, %v", text, err)
	}
	return strings.Replace(string(text), old, with, 1)
}

func mustRespell(t *testing.T, k *Key, text string) []byte {
	t.Helper()
	signed, err := ClearSign(k, PurposeContact, []byte(text), calledAt)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func mustContact(t *testing.T, check func([]byte) (*VerifiedContact, error), signed []byte) *Contact {
	t.Helper()
	v, err := check(signed)
	if err != nil {
		t.Fatal(err)
	}
	return v.Contact()
}

// A server that holds many notes can't show one for another.
func TestANoteBelongsToOneContact(t *testing.T) {
	c := newTelling(t)
	signed, note := c.sign(t, c.registrar, c.made)
	again, another := c.sign(t, c.registrar, c.made) // the same words: another salt
	elsewhere := c.made
	elsewhere.Mailbox = NewNumber(KindState)
	_, theirs := c.sign(t, c.registrar, elsewhere)
	bare := c.made
	bare.Note = ""
	silent, _ := c.sign(t, c.registrar, bare)
	now := calledAt.Add(time.Hour)
	reason, err := SealNoticeReason(NoticeReason{c.v.Manifest().Notice, c.v.SHA256(), NoticeRecalled, "x"}, c.author, c.readers, now)
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]*VerifiedContact{}
	for name, text := range map[string][]byte{"signed": signed, "again": again, "silent": silent} {
		if v[name], err = c.check(text); err != nil {
			t.Fatal(err)
		}
	}
	if v["signed"].Contact().NoteSHA256 == v["again"].Contact().NoteSHA256 {
		t.Error("the same note has the same digest twice: it can be guessed")
	}
	for what, one := range map[string]struct {
		sealed []byte
		of     *VerifiedContact
	}{
		"another contact's":  {another, v["signed"]},
		"another mailbox's":  {theirs, v["signed"]},
		"one of none":        {note, v["silent"]},
		"a reason":           {reason, v["signed"]},
		"nothing":            {nil, v["signed"]},
		"of no contact":      {note, nil},
		"of an unmade one":   {note, &VerifiedContact{}},
		"cut off":            {note[:len(note)-1], v["signed"]},
		"of somebody else's": {note, v["again"]},
	} {
		if said, err := c.pin.OpenContactNote(one.sealed, one.of, []*Key{c.author}, now); err == nil || said != "" {
			t.Errorf("%s: %q", what, said)
		}
	}
}

func TestZeroContacts(t *testing.T) {
	c := newTelling(t)
	signed, note := c.sign(t, c.registrar, c.made)
	v, err := c.check(signed)
	if err != nil {
		t.Fatal(err)
	}
	for _, zero := range []*Root{nil, {}} {
		if got, err := zero.VerifyContact(signed, c.v, c.staff(), calledAt); err == nil || got != nil {
			t.Error("no root believes a contact")
		}
		if _, err := zero.OpenContactNote(note, v, []*Key{c.author}, calledAt); err == nil {
			t.Error("no root opens a note")
		}
	}
	for _, zero := range []*VerifiedManifest{nil, {}} {
		if got, err := c.pin.VerifyContact(signed, zero, c.staff(), calledAt); err == nil || got != nil {
			t.Error("a contact about no notice")
		}
		if _, _, err := SignContact(zero, c.registrar, c.made, c.readers, calledAt); err == nil {
			t.Error("a contact about no notice was signed")
		}
	}
	for _, zero := range []*Key{nil, {}} {
		if _, _, err := SignContact(c.v, zero, c.made, c.readers, calledAt); err == nil {
			t.Error("signed by nobody")
		}
	}
	if _, _, err := SignContact(c.v, c.registrar, c.made, nil, calledAt); err == nil {
		t.Error("a note was sealed to nobody")
	}
	if _, _, err := SignContact(c.v, c.registrar, c.made, []*Staff{nil}, calledAt); err == nil {
		t.Error("a note was sealed to nobody")
	}
	if got, err := c.pin.VerifyContact(signed, c.v, []*Certificate{nil, {}}, calledAt); err == nil || got != nil {
		t.Error("a contact of nobody")
	}
	if _, err := (&Contact{}).Encode(); err == nil {
		t.Error("an empty contact was written")
	}
	if ContactOutcome("").Told() {
		t.Error("no outcome is told")
	}
	submission, err := c.pin.VerifySubmission(SignedManifest{Manifest: c.sealed.Manifest, AuthorSignature: c.sealed.AuthorSignature}, c.staff(), approvedAt)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := SignContact(submission, c.registrar, c.made, c.readers, calledAt); err == nil {
		t.Error("somebody was told of what is not approved")
	}
}

func FuzzParseContact(f *testing.F) {
	contact := &Contact{Fingerprint(strings.Repeat("A", 40)), NewNumber(KindNotice), 1, strings.Repeat("0", 64), NewNumber(KindState), ByCourier, ContactRefused, calledAt, Fingerprint(strings.Repeat("B", 40)), ""}
	for _, note := range []string{"", strings.Repeat("f", 64)} {
		contact.NoteSHA256 = note
		text, err := contact.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseContact(text)
		if (c == nil) != (err != nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if err != nil {
			return
		}
		if again, err := c.Encode(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q became %q, %v", text, again, err)
		}
		if checkSignable(text) != nil || !c.Mailbox.Kind().Mailbox() || c.Time.IsZero() {
			t.Errorf("%+v", c)
		}
	})
}
