package dispatch_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest/people"
)

// personal is sealed, and tells the first State, of which both delegates are in the audience, and the organisation something of their own.
func (c *court) personal(author *crypto.Key) *crypto.SealedNotice {
	c.t.Helper()
	return c.sealedAs(author, func(d *crypto.Draft) {
		d.Personal = map[crypto.Number][]crypto.PersonalText{
			c.people[delegate].Mailbox: {{Language: "en", Text: "Your files 1 and 2 were read.\n"}},
			c.people[lawyer].Mailbox:   {{Language: "en", Text: "Your file 3 was read.\n"}},
		}
	})
}

// told is what a recipient's client makes of the personal part of a delivery.
func (c *court) told(p *people.Person, n crypto.Number) string {
	c.t.Helper()
	delivery, body, err := c.Open(c.t.Context(), p.Acting(), n)
	must(c.t, err)
	v, err := c.pin.VerifyManifest(delivery.Notice.Signed, c.staffCertificates(), c.now)
	must(c.t, err)
	o, err := crypto.OpenNotice(v, delivery.Envelope, body, []*crypto.Key{p.Own})
	must(c.t, err)
	told, err := crypto.OpenPersonal(o, delivery.Membership, delivery.PersonalKey, delivery.Personal, []*crypto.Key{p.Own})
	must(c.t, err)
	if told.Empty() {
		return ""
	}
	return told.Languages()[0].Text
}

func TestEachMailboxIsToldItsOwn(t *testing.T) {
	c := newCourt(t)
	s := c.personal(c.author)
	n, err := c.Submit(t.Context(), c.staff(c.author), s)
	must(t, err)

	// The approver opens the bytes that go to recipients.
	kept, err := c.PersonalParts(t.Context(), c.staff(c.approver), n)
	must(t, err)
	c.wantAudited(c.staff(c.approver), "dispatch.personal", string(n))
	byPlace := func(parts []crypto.SealedPersonal) []crypto.SealedPersonal {
		return slices.SortedFunc(slices.Values(parts), func(a, b crypto.SealedPersonal) int {
			return strings.Compare(string(a.Mailbox)+string(a.Suite), string(b.Mailbox)+string(b.Suite))
		})
	}
	if !slices.EqualFunc(byPlace(kept.Parts), byPlace(s.PersonalParts), func(a, b crypto.SealedPersonal) bool {
		return a.Mailbox == b.Mailbox && a.Suite == b.Suite && bytes.Equal(a.Data, b.Data)
	}) || !bytes.Equal(kept.Key, s.PersonalKey) {
		t.Error("other personal parts are kept than were submitted")
	}
	for _, k := range []*crypto.Key{c.auditor, c.registrar, c.secondAuthor} {
		if got, err := c.PersonalParts(t.Context(), c.staff(k), n); err == nil || got.Parts != nil {
			t.Errorf("%s is given them", c.staff(k).Staff().Name())
		}
	}

	_, err = c.Approve(t.Context(), c.staff(c.approver), n, c.approval(c.approver, n))
	must(t, err)
	for i, want := range map[int]string{
		delegate: "Your files 1 and 2 were read.\n", colleague: "Your files 1 and 2 were read.\n", lawyer: "Your file 3 was read.\n", focal: "",
	} {
		if got := c.told(c.people[i], n); got != want {
			t.Errorf("%s is told %q, want %q", c.people[i].Representative, got, want)
		}
	}

	// Listing hands none out.
	deliveries, err := c.Mailbox(t.Context(), c.people[delegate].Acting())
	must(t, err)
	if len(deliveries) != 1 || deliveries[0].Personal != nil || deliveries[0].PersonalKey != nil {
		t.Errorf("%+v", deliveries)
	}

	// A notice without is as before.
	plain := c.released()
	if got := c.told(c.people[delegate], plain); got != "" {
		t.Errorf("a notice that has none tells %q", got)
	}
	if none, err := c.PersonalParts(t.Context(), c.staff(c.approver), plain); err != nil || none.Key != nil || none.Parts != nil {
		t.Error(none, err)
	}
}

func TestSubmitRefusesPersonalPartsThatLie(t *testing.T) {
	c := newCourt(t)
	lawyer, focal := c.people[lawyer], c.people[focal]
	other := c.personal(c.author)
	plain := c.sealed(c.author)
	author := portal.StaffHolder(c.author.Certificate().Fingerprint())
	for name, lie := range map[string]struct {
		code string
		tell func(s *crypto.SealedNotice)
	}{
		"one missing":               {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalParts = s.PersonalParts[1:] }},
		"all missing":               {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalParts = nil }},
		"one twice":                 {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalParts = append(s.PersonalParts, s.PersonalParts[0]) }},
		"two exchanged":             {"invalid-personal", func(s *crypto.SealedNotice) { p := s.PersonalParts; p[0].Data, p[1].Data = p[1].Data, p[0].Data }},
		"another notice's":          {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalParts = other.PersonalParts }},
		"in plain text":             {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalParts[0].Data = []byte("Your file was read.\n") }},
		"no key for the desk":       {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalKey = nil }},
		"a key in plain text":       {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalKey = []byte("valise personal key v1\n") }},
		"a key for one of the desk": {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalKey = c.record(c.author) }},
		"a key for a stranger":      {"invalid-personal", func(s *crypto.SealedNotice) { s.PersonalKey = c.record(c.author, c.approver, c.both, c.registrar) }},
		"an envelope missing":       {"missing-envelope", func(s *crypto.SealedNotice) { envelopeOf(s, lawyer.String()).Personal = nil }},
		"an envelope for another": {"invalid-envelope", func(s *crypto.SealedNotice) {
			envelopeOf(s, focal.String()).Personal = envelopeOf(s, c.people[delegate].String()).Personal
		}},
		"an envelope for the desk": {"extra-envelope", func(s *crypto.SealedNotice) { envelopeOf(s, author).Personal = envelopeOf(s, author).Data }},
		"parts of a notice that has none": {"invalid-personal", func(s *crypto.SealedNotice) {
			key, parts := s.PersonalKey, s.PersonalParts
			*s = *plain
			s.PersonalKey, s.PersonalParts = key, parts
		}},
		"an envelope of a notice that has none": {"extra-envelope", func(s *crypto.SealedNotice) {
			*s = *c.sealed(c.author)
			envelopeOf(s, focal.String()).Personal = envelopeOf(s, focal.String()).Data
		}},
		"one of the audience without": {"invalid-audience", func(s *crypto.SealedNotice) {
			c.readdress(s, 4, func(lines []string) []string {
				i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, focal.String()) })
				words := strings.Fields(lines[i])
				lines[i] = strings.Join(append(words[:3], "none"), " ")
				return lines
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.personal(c.author)
			lie.tell(s)
			n, err := c.Submit(t.Context(), c.staff(c.author), s)
			wantCode(t, err, portal.Invalid, lie.code)
			if n != "" {
				t.Errorf("it got the number %s", n)
			}
		})
	}
}

// record is what an author might send as the key of the personal parts.
func (c *court) record(to ...*crypto.Key) []byte {
	c.t.Helper()
	var certificates []*crypto.Certificate
	for _, k := range to {
		certificates = append(certificates, k.Certificate())
	}
	sealed, err := crypto.SealRecord([]byte("secret"), c.author, crypto.PurposePersonalKey, certificates, c.now)
	must(c.t, err)
	return sealed
}
