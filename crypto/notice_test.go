package crypto

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// The hours of a notice, after the office of chain_test.go was set up.
var (
	sealedAt       = noon.Add(2 * time.Hour)
	approvedAt     = noon.Add(3 * time.Hour)
	acknowledgedAt = noon.Add(5 * time.Hour)
)

// dispatch is a notice on its way, with everybody who has to do with it.
type dispatched struct {
	*office
	pin        *Root
	recipients []*Recipient
	keys       map[string]*Key // by holder
	sealed     *SealedNotice
}

func (d *dispatched) addRecipient(t testing.TB, r Representative, profile Profile) {
	t.Helper()
	o := *d.office
	o.representative = r
	key := o.issue(t, o.registrar, profile)
	d.addKey(t, r, key)
}

func (d *dispatched) addKey(t testing.TB, r Representative, key *Key) {
	t.Helper()
	recipient, err := d.pin.VerifyRepresentative(d.staff(), []*Certificate{key.Certificate()}, r, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	d.recipients = append(d.recipients, recipient)
	d.keys[r.String()] = key
}

func (d *dispatched) desk(t testing.TB) []*Staff {
	t.Helper()
	var desk []*Staff
	for _, k := range []*Key{d.author, d.approver} {
		member, err := d.pin.VerifyStaff(k.Certificate(), sealedAt)
		if err != nil {
			t.Fatal(err)
		}
		desk = append(desk, member)
		d.keys[StaffHolder(k.Certificate().Fingerprint())] = k
	}
	return desk
}

func testDraft() *Draft {
	c := testContent()
	return &Draft{
		From: c.From, Languages: c.Languages, Attachments: c.Attachments,
		Acknowledge: true, Deadline: time.Date(2026, 2, 1, 17, 0, 0, 0, time.FixedZone("", 3600)), Fallback: FallbackAfter(12),
		Reminders: []int{72, 24}, EscalateHours: 48,
	}
}

// newDispatched seals a notice to two representatives of a State and an organisation
// that uses GnuPG.
func newDispatched(t testing.TB, o *office) *dispatched {
	t.Helper()
	d := &dispatched{office: o, pin: o.pinned(t), keys: map[string]*Key{}}
	state, organisation := NewNumber(KindState), NewNumber(KindOrganisation)
	d.addRecipient(t, Representative{state, 2}, ProfilePQ)
	d.addRecipient(t, Representative{organisation, 1}, ProfileCompat)
	d.addRecipient(t, Representative{state, 1}, ProfilePQ)
	d.seal(t)
	return d
}

func (d *dispatched) seal(t testing.TB) {
	t.Helper()
	sealed, err := SealNotice(d.pin, d.author, testDraft(), d.recipients, d.desk(t), sealedAt, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.sealed = sealed
}

func (d *dispatched) envelope(t testing.TB, holder string) Envelope {
	t.Helper()
	for _, e := range d.sealed.Envelopes {
		if e.Holder == holder {
			return e
		}
	}
	t.Fatalf("there is no envelope for %s", holder)
	return Envelope{}
}

// examine is what an approver's client does before it shows the notice.
func (d *dispatched) examine(t testing.TB, approver *Key) *OpenedNotice {
	t.Helper()
	v, err := d.pin.VerifySubmission(d.sealed.Signed(), d.staff(), approvedAt)
	if err != nil {
		t.Fatal(err)
	}
	o, err := d.open(v, StaffHolder(approver.Certificate().Fingerprint()))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (d *dispatched) approve(t testing.TB) SignedManifest {
	t.Helper()
	signature, err := Approve(d.pin, d.approver, d.examine(t, d.approver), d.sealed.Manifest, approvedAt)
	if err != nil {
		t.Fatal(err)
	}
	s := d.sealed.Signed()
	s.ApproverSignature = signature
	return s
}

func (d *dispatched) verify(t testing.TB, s SignedManifest) *VerifiedManifest {
	t.Helper()
	v, err := d.pin.VerifyManifest(s, d.staff(), acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (d *dispatched) open(v *VerifiedManifest, holder string) (*OpenedNotice, error) {
	for _, e := range d.sealed.Envelopes {
		if e.Holder == holder {
			return OpenNotice(v, e.Data, d.sealed.Bodies[e.Suite], []*Key{d.keys[holder]})
		}
	}
	return nil, nil
}

func TestNoticeFromPenToReceipt(t *testing.T) {
	d := newDispatched(t, newOffice(t))

	// The server looks at what was submitted.
	v, err := d.pin.VerifySubmission(d.sealed.Signed(), d.staff(), sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	audience, err := v.CheckAudience(d.sealed.Audience)
	if err != nil || len(audience.Members) != 3 || v.Manifest().Mailboxes != 2 || !slices.Equal(v.Manifest().Suites(), suites) {
		t.Fatalf("%+v, %+v, %v", audience, v.Manifest(), err)
	}
	for _, s := range suites {
		if err := v.CheckBody(d.sealed.Bodies[s]); err != nil {
			t.Error(err)
		}
		if err := v.CheckHeading(d.sealed.Headings[s]); err != nil {
			t.Error(err)
		}
	}
	for i, m := range audience.Members {
		if e := d.sealed.Envelopes[i]; e.Holder != m.Representative.String() || e.Certificate != m.Certificate || e.Suite != m.Suite {
			t.Errorf("envelope %d is %+v, member %+v", i, e, m)
		}
	}
	for _, e := range d.sealed.Envelopes {
		if err := CheckEnvelope(e.Data, d.keys[e.Holder].Certificate()); err != nil {
			t.Errorf("%s: %v", e.Holder, err)
		}
	}

	// The approver opens it, compares the heading, and approves.
	examined := d.examine(t, d.approver)
	e := d.envelope(t, StaffHolder(d.approver.Certificate().Fingerprint()))
	heading, err := OpenHeading(v, e.Data, d.sealed.Headings[e.Suite], []*Key{d.approver})
	if err != nil || examined.HeadingMatches(heading) != nil || heading.Subjects[1].Subject != testContent().Languages[1].Subject {
		t.Fatalf("%+v, %v, %v", heading, err, examined.HeadingMatches(heading))
	}
	if examined.Verified().Approver() != nil {
		t.Error("a submission has an approver")
	}
	verified := d.verify(t, d.approve(t))
	if verified.Author().Name() != "Anna Meijer" || verified.Approver().Name() != "Benoît Diallo (press)" ||
		!verified.AuthorSignature().Made().Equal(sealedAt) || !verified.ApproverSignature().Made().Equal(approvedAt) {
		t.Errorf("signed by %v and %v", verified.Author(), verified.Approver())
	}

	// Everybody opens and acknowledges it.
	for _, r := range d.recipients {
		holder := r.Representative().String()
		o, err := d.open(verified, holder)
		if err != nil {
			t.Fatalf("%s: %v", holder, err)
		}
		c := o.Content()
		if !slices.Equal(c.Languages, testContent().Languages) || len(c.Attachments) != 1 || c.Notice != verified.Manifest().Notice {
			t.Errorf("%s reads %+v", holder, c)
		}
		e := d.envelope(t, holder)
		if h, err := OpenHeading(verified, e.Data, d.sealed.Headings[e.Suite], []*Key{d.keys[holder]}); err != nil || o.HeadingMatches(h) != nil {
			t.Errorf("%s: heading %+v, %v", holder, h, err)
		}
		nonce := NewNonce()
		text, err := Acknowledge(o, d.keys[holder], r.Representative(), DecisionAcknowledged, nonce, acknowledgedAt)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := VerifyReceipt(text, verified, r.Certificate(), acknowledgedAt)
		if err != nil {
			t.Fatal(err)
		}
		if a := receipt.Acknowledgement(); a.SessionNonce != nonce || a.Representative != r.Representative() || a.Decision != DecisionAcknowledged || receipt.Signature().Signer() != r.Certificate() {
			t.Errorf("%+v", a)
		}
	}
}

func TestProgressIsTold(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	last := 0
	_, err := SealNotice(d.pin, d.author, testDraft(), d.recipients, d.desk(t), sealedAt, func(done, total int) {
		if done != last+1 || total != 5 {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil || last != 5 {
		t.Errorf("told %d of 5, %v", last, err)
	}
}

func TestOneBodyPerSuiteThatOccurs(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	d.recipients = d.recipients[:1]
	d.seal(t)
	if _, ok := d.sealed.Bodies[SuiteCompat]; ok || len(d.sealed.Bodies) != 1 || len(d.sealed.Headings) != 1 {
		t.Error("a body that nobody needs was sealed")
	}
	d = newDispatched(t, d.office)
	d.recipients = d.recipients[1:2] // GnuPG only; the desk is post-quantum
	d.seal(t)
	if len(d.sealed.Bodies) != 2 {
		t.Errorf("%d bodies", len(d.sealed.Bodies))
	}
	d.verify(t, d.approve(t))
}

func TestSealNoticeRefuses(t *testing.T) {
	o := newOffice(t)
	d := newDispatched(t, o)
	everybody := d.desk(t)
	refuse := func(want string, author *Key, draft *Draft, recipients []*Recipient, desk []*Staff, now time.Time) {
		t.Helper()
		s, err := SealNotice(d.pin, author, draft, recipients, desk, now, nil)
		if err == nil || s != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q expected, got %v", want, err)
		}
	}
	draft := testDraft()
	refuse(`does not have the role "author"`, o.approver, draft, d.recipients, everybody, sealedAt)
	refuse("not that of a staff member", mustKey(t, ProfilePQ, "Eve"), draft, d.recipients, everybody, sealedAt)
	refuse("goes to nobody", o.author, draft, nil, everybody, sealedAt)
	refuse("stands in the audience twice", o.author, draft, append(slices.Clone(d.recipients), d.recipients[0]), everybody, sealedAt)
	refuse("was not verified", o.author, draft, []*Recipient{{}}, everybody, sealedAt)
	refuse("was not verified", o.author, draft, d.recipients, []*Staff{{}}, sealedAt)
	refuse("nobody who could approve", o.author, draft, d.recipients, nil, sealedAt)
	refuse("nobody who could approve", o.author, draft, d.recipients, everybody[:1], sealedAt)
	refuse("has passed", o.author, draft, d.recipients, everybody, draft.Deadline)
	for want, change := range map[string]func(*Draft){
		"asks for no acknowledgement": func(d *Draft) { d.Acknowledge = false },
		"has passed":                  func(d *Draft) { d.Deadline = sealedAt.Add(-time.Hour) },
		"the fallback must be":        func(d *Draft) { d.Fallback = "by pigeon" },
		"time of release":             func(d *Draft) { d.Release = sealedAt.Add(-time.Minute) },
		"after its deadline":          func(d *Draft) { d.Release = d.Deadline.Add(time.Minute) },
		"leave out the reminders":     func(d *Draft) { d.Deadline = time.Time{} },
		"at most 5":                   func(d *Draft) { d.Reminders = []int{6, 5, 4, 3, 2, 1} },
		"in their order":              func(d *Draft) { d.Reminders = []int{2, 24} },
		"1 to 720 hours before":       func(d *Draft) { d.Reminders = []int{0} },
		"before the notice is":        func(d *Draft) { d.Reminders = []int{500} },
		"1 to 720 hours, not":         func(d *Draft) { d.EscalateHours = -1 },
		"no text":                     func(d *Draft) { d.Languages = nil },
		"institution's name":          func(d *Draft) { d.From = "" },
	} {
		draft := testDraft()
		change(draft)
		refuse(want, o.author, draft, d.recipients, everybody, sealedAt)
	}
	if _, err := SealNotice(&Root{}, o.author, draft, d.recipients, everybody, sealedAt, nil); err == nil {
		t.Error("sealed under no root")
	}
	if _, err := SealNotice(d.pin, nil, draft, d.recipients, everybody, sealedAt, nil); err == nil {
		t.Error("sealed without a key")
	}
}

// Every part of one notice, changed in any octet or taken from another notice by
// the same people to the same recipients, is refused.
func TestTamperedNoticeStaysShut(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	other := *d
	other.seal(t)
	signed, otherSigned := d.approve(t), other.approve(t)
	v, otherV := d.verify(t, signed), other.verify(t, otherSigned)

	for _, r := range d.recipients {
		holder := r.Representative().String()
		keys := []*Key{d.keys[holder]}
		e, otherE := d.envelope(t, holder), other.envelope(t, holder)
		body, heading := d.sealed.Bodies[e.Suite], d.sealed.Headings[e.Suite]
		refuse := func(name string, v *VerifiedManifest, envelope, body, heading []byte) {
			t.Helper()
			if o, err := OpenNotice(v, envelope, body, keys); err == nil || o != nil {
				t.Errorf("%s: body opens", name)
			}
			if h, err := OpenHeading(v, envelope, heading, keys); err == nil || h != nil {
				t.Errorf("%s: heading opens", name)
			}
		}
		refuse("another notice's bodies", v, e.Data, other.sealed.Bodies[e.Suite], other.sealed.Headings[e.Suite])
		refuse("another notice's bodies and envelope", v, otherE.Data, other.sealed.Bodies[e.Suite], other.sealed.Headings[e.Suite])
		refuse("another notice's envelope", v, otherE.Data, body, heading)
		refuse("another notice's manifest", otherV, e.Data, body, heading)
		refuse("heading and body exchanged", v, e.Data, heading, body)
		refuse("no body", v, e.Data, nil, nil)
		refuse("no envelope", v, nil, body, heading)
		for s := range d.sealed.Bodies {
			if s != e.Suite {
				refuse("the other suite's", v, e.Data, d.sealed.Bodies[s], d.sealed.Headings[s])
			}
		}
		if o, err := OpenNotice(v, e.Data, body, []*Key{d.author}); err == nil || o != nil {
			t.Error("another person's key opens it")
		}
		for i := 0; i < len(body); i += 1 + len(body)/60 {
			refuse("an octet of body and heading", v, e.Data, flip(body, i), flip(heading, i*len(heading)/len(body)))
		}
		for i := 0; i < len(e.Data); i += 1 + len(e.Data)/60 {
			refuse("an octet of the envelope", v, flip(e.Data, i), body, heading)
		}
		refuse("an octet more", v, e.Data, append(bytes.Clone(body), 0), append(bytes.Clone(heading), 0))
	}
	for i := range d.sealed.Audience {
		if _, err := v.CheckAudience(flip(d.sealed.Audience, i)); err == nil {
			t.Errorf("octet %d of the audience may be changed", i)
		}
	}
	if _, err := v.CheckAudience(other.sealed.Audience); err == nil {
		t.Error("another notice's audience is accepted")
	}
}

func flip(data []byte, i int) []byte {
	data = bytes.Clone(data)
	data[i] ^= 0x10
	return data
}

func TestTamperedManifestIsRefused(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	other := *d
	other.seal(t)
	signed, otherSigned := d.approve(t), other.approve(t)
	refuse := func(name string, s SignedManifest, staff []*Certificate, now time.Time) {
		t.Helper()
		if v, err := d.pin.VerifyManifest(s, staff, now); err == nil || v != nil {
			t.Errorf("%s: it holds", name)
		}
	}
	for i := range signed.Manifest {
		refuse("an octet of the manifest", SignedManifest{flip(signed.Manifest, i), signed.AuthorSignature, signed.ApproverSignature}, d.staff(), acknowledgedAt)
	}
	author, approver := mustBinary(t, signed.AuthorSignature), mustBinary(t, signed.ApproverSignature)
	for i := range author {
		refuse("an octet of the author's signature", SignedManifest{signed.Manifest, flip(author, i), approver}, d.staff(), acknowledgedAt)
	}
	for i := range approver {
		refuse("an octet of the approver's signature", SignedManifest{signed.Manifest, author, flip(approver, i)}, d.staff(), acknowledgedAt)
	}
	refuse("no approval", d.sealed.Signed(), d.staff(), acknowledgedAt)
	refuse("no signature", SignedManifest{Manifest: signed.Manifest}, d.staff(), acknowledgedAt)
	refuse("nothing", SignedManifest{}, d.staff(), acknowledgedAt)
	refuse("another notice's approval", SignedManifest{signed.Manifest, author, otherSigned.ApproverSignature}, d.staff(), acknowledgedAt)
	refuse("another notice's signatures", SignedManifest{signed.Manifest, otherSigned.AuthorSignature, otherSigned.ApproverSignature}, d.staff(), acknowledgedAt)
	refuse("the author's signature twice", SignedManifest{signed.Manifest, author, author}, d.staff(), acknowledgedAt)
	refuse("the approver's signature twice", SignedManifest{signed.Manifest, approver, approver}, d.staff(), acknowledgedAt)
	refuse("signatures exchanged", SignedManifest{signed.Manifest, approver, author}, d.staff(), acknowledgedAt)
	refuse("an unknown author", signed, []*Certificate{d.approver.Certificate()}, acknowledgedAt)
	refuse("an unknown approver", signed, []*Certificate{d.author.Certificate()}, acknowledgedAt)
	refuse("no staff", signed, nil, acknowledgedAt)
	refuse("before it was made", signed, d.staff(), sealedAt.Add(-time.Hour))
	refuse("before it was approved", signed, d.staff(), approvedAt.Add(-ClockSkew-time.Second))

	elsewhere := newOffice(t).pinned(t)
	if _, err := elsewhere.VerifyManifest(signed, d.staff(), acknowledgedAt); err == nil || !strings.Contains(err.Error(), "another institution") {
		t.Errorf("under another institution's root: %v", err)
	}
	if v, err := new(Root).VerifyManifest(signed, d.staff(), acknowledgedAt); err == nil || v != nil {
		t.Error("under no root it holds")
	}
}

func mustBinary(t testing.TB, signature []byte) []byte {
	t.Helper()
	raw, err := binarySignature(signature)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// One person, or one stolen staff account, publishes nothing.
func TestOnePersonAloneReleasesNothing(t *testing.T) {
	o := newOffice(t)
	d := newDispatched(t, o)
	signAs := func(k *Key, at time.Time) SignedManifest {
		t.Helper()
		signature, err := SignDetached(k, PurposeNoticeApproval, d.sealed.Manifest, at)
		if err != nil {
			t.Fatal(err)
		}
		return SignedManifest{d.sealed.Manifest, d.sealed.AuthorSignature, signature}
	}
	refuse := func(name, want string, s SignedManifest, staff ...*Certificate) {
		t.Helper()
		v, err := d.pin.VerifyManifest(s, append(o.staff(), staff...), acknowledgedAt)
		if err == nil || v != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q expected, got %v", name, want, err)
		}
	}
	both := o.hire(t, "Dewi Both", RoleAuthor, RoleApprover)
	d.author = both
	d.seal(t)
	refuse("the author approves", "is the author", signAs(both, approvedAt), both.Certificate())
	second := o.hire(t, "dewi  both", RoleApprover)
	refuse("the author approves with a second key", "is the author", signAs(second, approvedAt), both.Certificate(), second.Certificate())
	refuse("a registrar approves", `did not have the role "approver"`, signAs(o.registrar, approvedAt), both.Certificate())
	refuse("a stranger approves", "not among those of the staff", signAs(mustKey(t, ProfilePQ, "Eve"), approvedAt), both.Certificate())
	eve := mustKey(t, ProfilePQ, "Eve")
	refuse("whom the root did not certify", "not that of a staff member", signAs(eve, approvedAt), both.Certificate(), eve.Certificate())
	refuse("approved before it was sealed", "before the author signed", signAs(o.approver, sealedAt.Add(-time.Hour)), both.Certificate())
	refuse("approved in the future", "in the future", signAs(o.approver, acknowledgedAt.Add(time.Hour)), both.Certificate())

	// Roles count at the time of signing.
	late := adopt(t, o.approver)(CertifyStaff(o.root, o.approver.Certificate(), []Role{RoleAuditor}, noon.Add(150*time.Minute)))
	d.author = o.author
	d.seal(t)
	s := signAs(o.approver, approvedAt)
	staff := []*Certificate{o.author.Certificate(), late.Certificate()}
	if v, err := d.pin.VerifyManifest(s, staff, acknowledgedAt); err == nil || v != nil {
		t.Error("an approver whose role was withdrawn before they signed is believed")
	}
	s = signAs(o.approver, noon.Add(121*time.Minute))
	if _, err := d.pin.VerifyManifest(s, staff, acknowledgedAt); err != nil {
		t.Errorf("an approver whose role was withdrawn after they signed: %v", err)
	}

	// The client refuses before the server has to.
	d.author = both
	d.seal(t)
	d.office = &office{root: o.root, author: both, approver: both, registrar: o.registrar}
	d.keys[StaffHolder(both.Certificate().Fingerprint())] = both
	v, err := d.pin.VerifySubmission(d.sealed.Signed(), []*Certificate{both.Certificate()}, approvedAt)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := d.open(v, StaffHolder(both.Certificate().Fingerprint()))
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Key{"is the author": both, `does not have the role "approver"`: o.registrar, "not that of a staff member": eve} {
		if s, err := Approve(d.pin, k, opened, d.sealed.Manifest, approvedAt); err == nil || s != nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q expected, got %v", name, err)
		}
	}
	if s, err := Approve(d.pin, o.approver, opened, append(bytes.Clone(d.sealed.Manifest), '\n'), approvedAt); err == nil || s != nil {
		t.Error("another manifest than the opened one is approved")
	}
	if s, err := Approve(d.pin, o.approver, opened, d.sealed.Manifest, testDraft().Deadline.Add(time.Hour)); err == nil || s != nil {
		t.Error("it is approved after its deadline")
	}
	if s, err := Approve(d.pin, o.approver, opened, d.sealed.Manifest, sealedAt.Add(-time.Hour)); err == nil || s != nil {
		t.Error("it is approved before it was sealed")
	}
}

// A hostile author signs a manifest that does not fit what was sealed.
func TestManifestMustFitTheContent(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	honest, err := ParseManifest(d.sealed.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	holder := d.recipients[0].Representative().String()
	e := d.envelope(t, holder)
	other := *d
	other.seal(t)
	otherManifest, err := ParseManifest(other.sealed.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Manifest){
		"content":  func(m *Manifest) { m.ContentSHA256 = otherManifest.ContentSHA256 },
		"heading":  func(m *Manifest) { m.HeadingSHA256 = otherManifest.HeadingSHA256 },
		"opening":  func(m *Manifest) { m.OpeningSHA256 = otherManifest.OpeningSHA256 },
		"audience": func(m *Manifest) { m.AudienceRoot = otherManifest.AudienceRoot },
		"number":   func(m *Manifest) { m.Notice = otherManifest.Notice },
		"time":     func(m *Manifest) { m.Created = m.Created.Add(time.Second) },
		"author":   func(m *Manifest) { m.Author = d.registrar.Certificate().Fingerprint() },
		"body":     func(m *Manifest) { m.Bodies = otherManifest.Bodies },
		"size":     func(m *Manifest) { b := m.Bodies[e.Suite]; b.Size++; m.Bodies[e.Suite] = b },
	} {
		m := *honest
		m.Bodies = maps.Clone(honest.Bodies)
		change(&m)
		s := resign(t, &m, d.author, sealedAt)
		v, err := d.pin.VerifySubmission(s, d.staff(), approvedAt)
		if err != nil {
			if name != "author" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if o, err := OpenNotice(v, e.Data, d.sealed.Bodies[e.Suite], []*Key{d.keys[holder]}); err == nil || o != nil {
			t.Errorf("%s: it opens", name)
		}
	}
	m := *honest
	m.Headings = map[Suite]BodyRef{SuitePQ: RefTo(d.sealed.Bodies[SuitePQ]), SuiteCompat: honest.Headings[SuiteCompat]}
	v, err := d.pin.VerifySubmission(resign(t, &m, d.author, sealedAt), d.staff(), approvedAt)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := OpenHeading(v, d.envelope(t, d.recipients[0].Representative().String()).Data, d.sealed.Bodies[SuitePQ], []*Key{d.keys[holder]}); err == nil || h != nil {
		t.Error("a body opens as heading")
	}
	// Signed long after it was sealed: the inner signature is of another time.
	m = *honest
	m.Created = approvedAt
	if v, err := d.pin.VerifySubmission(resign(t, &m, d.author, approvedAt), d.staff(), approvedAt); err == nil {
		if o, err := OpenNotice(v, e.Data, d.sealed.Bodies[e.Suite], []*Key{d.keys[holder]}); err == nil || o != nil {
			t.Error("it opens under a manifest of another hour")
		}
	}
	if v, err := d.pin.VerifySubmission(resign(t, honest, d.author, approvedAt), d.staff(), approvedAt); err == nil || v != nil {
		t.Error("the manifest may be dated back")
	}
}

func resign(t testing.TB, m *Manifest, author *Key, at time.Time) SignedManifest {
	t.Helper()
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	signature, err := SignDetached(author, PurposeNoticeAuthor, text, at)
	if err != nil {
		t.Fatal(err)
	}
	return SignedManifest{Manifest: text, AuthorSignature: signature}
}

// What the list of a mailbox shows must be what the notice says.
func TestHeadingMatches(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	o := d.examine(t, d.approver)
	for name, change := range map[string]func(*Heading){
		"another subject":   func(h *Heading) { h.Subjects[0].Subject += "!" },
		"another language":  func(h *Heading) { h.Subjects[0].Language = "ru" },
		"another order":     func(h *Heading) { slices.Reverse(h.Subjects) },
		"a language less":   func(h *Heading) { h.Subjects = h.Subjects[:1] },
		"a language more":   func(h *Heading) { h.Subjects = append(h.Subjects, LanguageSubject{"ru", "x"}) },
		"another notice's":  func(h *Heading) { h.Notice = NewNumber(KindNotice) },
		"none, which is ok": nil,
	} {
		h := o.Content().heading()
		if change != nil {
			change(h)
		}
		if err := o.HeadingMatches(h); (err == nil) != (change == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if o.HeadingMatches(nil) == nil || o.HeadingMatches(&Heading{}) == nil {
		t.Error("no heading matches")
	}
}

// An approver opens one suite's heading; the other suite's must not be able to show
// what nobody but the author has seen.
func TestOneAuthorAloneShowsNobodyASubject(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	organisation := d.recipients[1].Representative().String()
	e := d.envelope(t, organisation)
	keys := []*Key{d.keys[organisation]}
	if e.Suite == d.envelope(t, StaffHolder(d.approver.Certificate().Fingerprint())).Suite {
		t.Fatal("the approver opens the organisation's suite, too")
	}
	key, err := Unwrap(e.Data, keys...)
	if err != nil {
		t.Fatal(err)
	}
	o := d.examine(t, d.approver)
	forged := o.Content().heading()
	forged.Subjects[0].Subject = "Evacuate your office"
	heading, err := key.seal(PurposeHeading, d.author, forged.encode(), sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest(d.sealed.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	m.Headings[e.Suite], d.sealed.Headings[e.Suite] = RefTo(heading), heading
	s := resign(t, m, d.author, sealedAt)
	d.sealed.Manifest, d.sealed.AuthorSignature = s.Manifest, s.AuthorSignature
	v := d.verify(t, d.approve(t))
	if h, err := OpenHeading(v, e.Data, heading, keys); err == nil || h != nil {
		t.Errorf("a subject is shown that nobody approved: %+v", h)
	}
}

// A receipt reveals the opening value. Who has it, and a guess of what the notice
// says, must still not be able to confirm the guess by what the manifest says.
func TestARevealedOpeningValueConfirmsNoGuess(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	o, v, r, k := d.opened(t)
	receipt, err := Acknowledge(o, k, r, DecisionAcknowledged, testNonce, acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	salt := o.Content().Salt
	if len(salt) != 32 || bytes.Contains(receipt, []byte(salt)) || bytes.Contains(d.sealed.Manifest, []byte(salt)) || bytes.Contains(d.sealed.Audience, []byte(salt)) {
		t.Error("the salt of the content is no secret")
	}
	guess := *o.Content() // all of it, but for what only recipients see
	guess.Salt = testNonce
	if m := v.Manifest(); sha256Hex(mustEncode(t, &guess)) == m.ContentSHA256 || sha256Hex(guess.heading().encode()) == m.HeadingSHA256 {
		t.Error("a guess can be confirmed")
	}
}

func TestZeroValuesNeverSucceed(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	holder := d.recipients[0].Representative().String()
	e := d.envelope(t, holder)
	k := d.keys[holder]
	signed := d.approve(t)
	v := d.verify(t, signed)
	opened, err := d.open(v, holder)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := Acknowledge(opened, k, d.recipients[0].Representative(), DecisionAcknowledged, NewNonce(), acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []*VerifiedManifest{nil, {}, {manifest: v.manifest}, {manifest: v.manifest, digest: v.digest, author: v.author}} {
		if o, err := OpenNotice(v, e.Data, d.sealed.Bodies[e.Suite], []*Key{k}); err == nil || o != nil {
			t.Error("OpenNotice")
		}
		if h, err := OpenHeading(v, e.Data, d.sealed.Headings[e.Suite], []*Key{k}); err == nil || h != nil {
			t.Error("OpenHeading")
		}
		if a, err := v.CheckAudience(d.sealed.Audience); err == nil || a != nil {
			t.Error("CheckAudience")
		}
		if v.CheckBody(d.sealed.Bodies[e.Suite]) == nil || v.CheckHeading(d.sealed.Headings[e.Suite]) == nil {
			t.Error("CheckBody or CheckHeading")
		}
		if r, err := VerifyReceipt(receipt, v, k.Certificate(), acknowledgedAt); err == nil || r != nil {
			t.Error("VerifyReceipt")
		}
		for _, o := range []*OpenedNotice{nil, {}, {verified: v}, {verified: v, content: opened.content}} {
			if r, err := Acknowledge(o, k, d.recipients[0].Representative(), DecisionAcknowledged, NewNonce(), acknowledgedAt); err == nil || r != nil {
				t.Error("Acknowledge")
			}
			if s, err := Approve(d.pin, d.approver, o, signed.Manifest, approvedAt); err == nil || s != nil {
				t.Error("Approve")
			}
			if o.HeadingMatches(opened.content.heading()) == nil {
				t.Error("HeadingMatches")
			}
		}
	}
	for _, c := range []*Certificate{nil, {}} {
		if r, err := VerifyReceipt(receipt, v, c, acknowledgedAt); err == nil || r != nil {
			t.Error("VerifyReceipt without a certificate")
		}
	}
	for _, k := range []*Key{nil, {}} {
		if s, err := Approve(d.pin, k, opened, signed.Manifest, approvedAt); err == nil || s != nil {
			t.Error("Approve without a key")
		}
		if r, err := Acknowledge(opened, k, d.recipients[0].Representative(), DecisionAcknowledged, NewNonce(), acknowledgedAt); err == nil || r != nil {
			t.Error("Acknowledge without a key")
		}
	}
	for _, r := range []*Root{nil, {}} {
		if s, err := Approve(r, d.approver, opened, signed.Manifest, approvedAt); err == nil || s != nil {
			t.Error("Approve without a root")
		}
	}
}

func FuzzParseHeading(f *testing.F) {
	seed := testContent().heading().encode()
	f.Add(seed)
	f.Add(bytes.TrimSuffix(seed, []byte("\n")))
	f.Add(bytes.ReplaceAll(seed, []byte("subject"), []byte("Subject")))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseHeading(data)
		if err != nil {
			if h != nil {
				t.Fatal("both a heading and an error")
			}
			return
		}
		if again := h.encode(); !bytes.Equal(again, data) {
			t.Fatalf("read %q, wrote %q", data, again)
		}
	})
}

// handmade is a notice to the first recipient by an author who has a program of
// their own; times of the signatures inside, and the heading's number, are free.
func (d *dispatched) handmade(t testing.TB, inner time.Time, headingNotice Number, change func(*Manifest)) (v *VerifiedManifest, key *SessionKey, envelope, body, heading []byte) {
	t.Helper()
	content := testContent()
	content.Created, content.AudienceRoot = sealedAt, mustAudienceRoot(t, d.sealed.Audience)
	mime := mustEncode(t, content)
	body, key, err := SealBody(SuitePQ, d.author, mime, inner)
	if err != nil {
		t.Fatal(err)
	}
	h := content.heading()
	if headingNotice != "" {
		h.Notice = headingNotice
	}
	if heading, err = key.seal(PurposeHeading, d.author, h.encode(), inner); err != nil {
		t.Fatal(err)
	}
	if envelope, err = key.Wrap(d.recipients[0].Certificate()); err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest(d.sealed.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	m.Notice, m.ContentSHA256, m.OpeningSHA256 = content.Notice, sha256Hex(mime), openingDigest(content.Opening)
	m.HeadingSHA256 = sha256Hex(h.encode())
	m.Bodies, m.Headings = map[Suite]BodyRef{SuitePQ: RefTo(body)}, map[Suite]BodyRef{SuitePQ: RefTo(heading)}
	if change != nil {
		change(m)
	}
	if v, err = d.pin.VerifySubmission(resign(t, m, d.author, sealedAt), d.staff(), approvedAt); err != nil {
		t.Fatal(err)
	}
	return v, key, envelope, body, heading
}

func TestHostileAuthorsProgram(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	keys := []*Key{d.keys[d.recipients[0].Representative().String()]}

	v, key, envelope, body, heading := d.handmade(t, sealedAt, "", nil)
	if _, err := OpenNotice(v, envelope, body, keys); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHeading(v, envelope, heading, keys); err != nil {
		t.Fatal(err)
	}
	another := &Heading{Notice: v.Manifest().Notice, Subjects: []LanguageSubject{{"en", "All is well"}}}
	sealed, err := key.seal(PurposeHeading, d.author, another.encode(), sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := OpenHeading(v, envelope, sealed, keys); err == nil || h != nil {
		t.Error("a heading opens that was not signed with the manifest")
	}
	if a, err := v.CheckAudience(d.sealed.Audience); err == nil || a != nil {
		t.Error("somebody in the audience gets no body")
	}
	v, _, _, _, _ = d.handmade(t, sealedAt, "", func(m *Manifest) {
		m.Bodies[SuiteCompat], m.Headings[SuiteCompat] = m.Bodies[SuitePQ], m.Headings[SuitePQ]
		m.Mailboxes++
	})
	if a, err := v.CheckAudience(d.sealed.Audience); err == nil || a != nil {
		t.Error("the manifest says another number of mailboxes")
	}

	v, _, envelope, _, heading = d.handmade(t, sealedAt, NewNumber(KindNotice), nil)
	if h, err := OpenHeading(v, envelope, heading, keys); err == nil || h != nil {
		t.Error("a heading opens that names another notice")
	}
	for _, inner := range []time.Time{sealedAt.Add(-time.Hour), sealedAt.Add(time.Hour)} {
		v, _, envelope, body, heading = d.handmade(t, inner, "", nil)
		if o, err := OpenNotice(v, envelope, body, keys); err == nil || o != nil {
			t.Error("a body opens that was signed in another hour")
		}
		if h, err := OpenHeading(v, envelope, heading, keys); err == nil || h != nil {
			t.Error("a heading opens that was signed in another hour")
		}
	}
}
