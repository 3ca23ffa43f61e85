package dispatch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
)

func TestSubmit(t *testing.T) {
	c := newCourt(t)
	n, s := c.submitted()
	c.wantAudited(c.staff(c.author), "dispatch.submit", string(n))
	notices, err := c.Notices(t.Context(), c.staff(c.auditor))
	must(t, err)
	if len(notices) != 1 || notices[0].Number != n || notices[0].State != portal.Submitted || notices[0].Audience != nil || !notices[0].SubmittedAt.Equal(c.now) {
		t.Errorf("%+v", notices)
	}
	again, err := c.Submit(t.Context(), c.staff(c.author), s)
	must(t, err)
	if notices, err = c.Notices(t.Context(), c.staff(c.auditor)); again != n || len(notices) != 1 || err != nil {
		t.Errorf("submitted again, it is %s; %d notices, %v", again, len(notices), err)
	}
	other := *s
	other.AuthorSignature, err = crypto.SignDetached(c.author, crypto.PurposeNoticeAuthor, s.Manifest, c.now.Add(time.Second))
	must(t, err)
	_, err = c.Submit(t.Context(), c.staff(c.author), &other)
	wantCode(t, err, portal.Conflict, "notice-exists")

	// Nobody has it before a second person approves.
	for _, p := range c.people[:newcomer] {
		if deliveries, err := c.Mailbox(t.Context(), p.Acting()); err != nil || len(deliveries) != 0 {
			t.Errorf("%s has it already: %d, %v", p, len(deliveries), err)
		}
		_, _, err := c.Open(t.Context(), p.Acting(), n)
		wantCode(t, err, portal.NotFound, "no-notice")
		_, err = c.Manifest(t.Context(), p.Acting(), n)
		wantCode(t, err, portal.NotFound, "no-notice")
	}
}

func TestSubmitRefusesLyingClients(t *testing.T) {
	c := newCourt(t)
	state, organisation := c.people[focal], c.people[lawyer]
	approver := portal.StaffHolder(c.approver.Certificate().Fingerprint())
	for name, lie := range map[string]struct {
		kind portal.Kind
		code string
		tell func(s *crypto.SealedNotice)
	}{
		"no manifest":    {portal.Invalid, "invalid-manifest", func(s *crypto.SealedNotice) { s.Manifest = nil }},
		"an altered one": {portal.Invalid, "invalid-manifest", func(s *crypto.SealedNotice) { s.Manifest = append(slices.Clone(s.Manifest), '\n') }},
		"another deadline": {portal.Invalid, "invalid-manifest", func(s *crypto.SealedNotice) {
			s.Manifest = []byte(strings.Replace(string(s.Manifest), "deadline: 2026", "deadline: 2027", 1))
		}},
		"no signature": {portal.Invalid, "invalid-signature", func(s *crypto.SealedNotice) { s.AuthorSignature = nil }},
		"a signature for approval": {portal.Invalid, "invalid-manifest", func(s *crypto.SealedNotice) {
			var err error
			s.AuthorSignature, err = crypto.SignDetached(c.author, crypto.PurposeNoticeApproval, s.Manifest, c.now)
			must(t, err)
		}},
		"another author's signature": {portal.Invalid, "invalid-manifest", func(s *crypto.SealedNotice) { c.sign(c.secondAuthor, s) }},
		"another author's notice": {portal.Forbidden, "other-author", func(s *crypto.SealedNotice) {
			*s = *c.sealed(c.secondAuthor)
		}},
		"signed by somebody who is no author": {portal.Invalid, "invalid-manifest", func(s *crypto.SealedNotice) {
			c.resign(c.approver, s, func(m *crypto.Manifest) { m.Author = c.approver.Certificate().Fingerprint() })
		}},
		"another institution": {portal.Invalid, "invalid-manifest", func(s *crypto.SealedNotice) {
			c.resign(c.author, s, func(m *crypto.Manifest) { m.Institution = c.author.Certificate().Fingerprint() })
		}},
		"version 2": {portal.Invalid, "invalid-version", func(s *crypto.SealedNotice) {
			c.resign(c.author, s, func(m *crypto.Manifest) { m.Version = 2 })
		}},
		"dated long ago, with a deadline that has passed": {portal.Invalid, "deadline-passed", func(s *crypto.SealedNotice) {
			now := c.now
			c.now = noon
			c.resign(c.author, s, func(m *crypto.Manifest) { m.Created, m.Deadline = noon, noon.Add(time.Minute) })
			c.now = now
		}},

		"a missing body":       {portal.Invalid, "missing-body", func(s *crypto.SealedNotice) { delete(s.Bodies, crypto.SuiteCompat) }},
		"another body":         {portal.Invalid, "invalid-body", func(s *crypto.SealedNotice) { s.Bodies[crypto.SuitePQ] = c.sealed(c.author).Bodies[crypto.SuitePQ] }},
		"the heading as body":  {portal.Invalid, "invalid-body", func(s *crypto.SealedNotice) { s.Bodies[crypto.SuitePQ] = s.Headings[crypto.SuitePQ] }},
		"bodies interchanged":  {portal.Invalid, "invalid-body", func(s *crypto.SealedNotice) { s.Bodies[crypto.SuitePQ] = s.Bodies[crypto.SuiteCompat] }},
		"a body in plain text": {portal.Invalid, "invalid-body", func(s *crypto.SealedNotice) { s.Bodies[crypto.SuitePQ] = []byte("Something happened.\n") }},
		"a body in plain text that was signed for": {portal.Invalid, "invalid-body", func(s *crypto.SealedNotice) {
			s.Bodies[crypto.SuitePQ] = []byte("Something happened.\n")
			c.resign(c.author, s, func(m *crypto.Manifest) { m.Bodies[crypto.SuitePQ] = crypto.RefTo(s.Bodies[crypto.SuitePQ]) })
		}},
		"a body too many": {portal.Invalid, "extra-body", func(s *crypto.SealedNotice) { s.Bodies["other"] = s.Bodies[crypto.SuitePQ] }},
		"a wrong digest": {portal.Invalid, "invalid-body", func(s *crypto.SealedNotice) {
			c.resign(c.author, s, func(m *crypto.Manifest) {
				m.Bodies[crypto.SuitePQ] = crypto.BodyRef{SHA256: strings.Repeat("0", 64), Size: m.Bodies[crypto.SuitePQ].Size}
			})
		}},
		"a wrong size": {portal.Invalid, "invalid-body", func(s *crypto.SealedNotice) {
			c.resign(c.author, s, func(m *crypto.Manifest) {
				m.Bodies[crypto.SuitePQ] = crypto.BodyRef{SHA256: m.Bodies[crypto.SuitePQ].SHA256, Size: 1}
			})
		}},
		"a missing heading":       {portal.Invalid, "missing-heading", func(s *crypto.SealedNotice) { delete(s.Headings, crypto.SuiteCompat) }},
		"a heading in plain text": {portal.Invalid, "invalid-heading", func(s *crypto.SealedNotice) { s.Headings[crypto.SuitePQ] = []byte("First notice") }},
		"a huge heading":          {portal.TooLarge, "too-large", func(s *crypto.SealedNotice) { s.Headings[crypto.SuitePQ] = make([]byte, 1<<20) }},
		"no body for somebody of the audience": {portal.Invalid, "invalid-audience", func(s *crypto.SealedNotice) {
			delete(s.Bodies, crypto.SuiteCompat)
			delete(s.Headings, crypto.SuiteCompat)
			c.resign(c.author, s, func(m *crypto.Manifest) {
				delete(m.Bodies, crypto.SuiteCompat)
				delete(m.Headings, crypto.SuiteCompat)
			})
		}},

		"another audience": {portal.Invalid, "invalid-audience", func(s *crypto.SealedNotice) { s.Audience = c.sealed(c.author).Audience }},
		"one of the audience twice": {portal.Invalid, "invalid-audience", func(s *crypto.SealedNotice) {
			c.readdress(s, 4, func(lines []string) []string { return append(lines, lines[len(lines)-1]) })
		}},
		"a wrong count of mailboxes": {portal.Invalid, "invalid-audience", func(s *crypto.SealedNotice) {
			c.resign(c.author, s, func(m *crypto.Manifest) { m.Mailboxes = 5 })
		}},
		"no salt": {portal.Invalid, "invalid-audience", func(s *crypto.SealedNotice) {
			c.readdress(s, 4, func(lines []string) []string { return slices.Delete(lines, 1, 2) })
		}},
		"an unknown representative": {portal.Invalid, "unknown-recipient", func(s *crypto.SealedNotice) {
			c.readdress(s, 4, func(lines []string) []string {
				i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, organisation.String()) })
				lines[i] = strings.Replace(lines[i], "/1 ", "/9 ", 1)
				return lines
			})
		}},
		"a certificate that was replaced": {portal.Conflict, "stale-certificate", func(s *crypto.SealedNotice) {
			c.readdress(s, 4, func(lines []string) []string {
				i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, state.String()) })
				lines[i] = fmt.Sprintf("%s %s pq none", state, state.Issued.Certificate().Fingerprint())
				return lines
			})
		}},
		"another suite than theirs": {portal.Invalid, "invalid-audience", func(s *crypto.SealedNotice) {
			c.readdress(s, 4, func(lines []string) []string {
				i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, organisation.String()) })
				lines[i] = strings.Replace(lines[i], " compat", " pq", 1)
				return lines
			})
		}},

		"a missing envelope": {portal.Invalid, "missing-envelope", func(s *crypto.SealedNotice) { without(s, state.String()) }},
		"no envelopes":       {portal.Invalid, "missing-envelope", func(s *crypto.SealedNotice) { s.Envelopes = nil }},
		"an envelope twice":  {portal.Invalid, "extra-envelope", func(s *crypto.SealedNotice) { s.Envelopes = append(s.Envelopes, s.Envelopes[0]) }},
		"an extra envelope, for somebody whom nobody sees in the audience": {portal.Invalid, "extra-envelope", func(s *crypto.SealedNotice) {
			e := *envelopeOf(s, state.String())
			e.Holder = c.people[outsider].String()
			s.Envelopes = append(s.Envelopes, e)
		}},
		"an extra envelope, for who is no staff": {portal.Invalid, "extra-envelope", func(s *crypto.SealedNotice) {
			e := *envelopeOf(s, approver)
			e.Holder = portal.StaffHolder("0123456789ABCDEF0123456789ABCDEF01234567")
			s.Envelopes = append(s.Envelopes, e)
		}},
		"an envelope in another's name": {portal.Invalid, "invalid-envelope", func(s *crypto.SealedNotice) {
			envelopeOf(s, state.String()).Data = envelopeOf(s, c.people[delegate].String()).Data
		}},
		"an envelope for the key before": {portal.Invalid, "invalid-envelope", func(s *crypto.SealedNotice) {
			e := envelopeOf(s, state.String())
			var err error
			e.Data, err = crypto.Rewrap(e.Data, []*crypto.Key{state.Own}, state.Issued.Certificate())
			must(t, err)
		}},
		"said to be for another certificate": {portal.Invalid, "invalid-envelope", func(s *crypto.SealedNotice) {
			envelopeOf(s, state.String()).Certificate = state.Issued.Certificate().Fingerprint()
		}},
		"said to be of another suite": {portal.Invalid, "invalid-envelope", func(s *crypto.SealedNotice) { envelopeOf(s, state.String()).Suite = crypto.SuiteCompat }},
		"an envelope in plain text":   {portal.Invalid, "invalid-envelope", func(s *crypto.SealedNotice) { envelopeOf(s, state.String()).Data = make([]byte, 32) }},
		"an empty envelope":           {portal.Invalid, "invalid-envelope", func(s *crypto.SealedNotice) { envelopeOf(s, state.String()).Data = nil }},
		"an envelope cut off": {portal.Invalid, "invalid-envelope", func(s *crypto.SealedNotice) {
			e := envelopeOf(s, state.String())
			e.Data = e.Data[:len(e.Data)-1]
		}},
		"an approver's envelope for another key": {portal.Invalid, "invalid-envelope", func(s *crypto.SealedNotice) {
			envelopeOf(s, approver).Data = envelopeOf(s, portal.StaffHolder(c.author.Certificate().Fingerprint())).Data
		}},
		"none for its author": {portal.Invalid, "missing-envelope", func(s *crypto.SealedNotice) { without(s, portal.StaffHolder(c.author.Certificate().Fingerprint())) }},
		"none for an approver": {portal.Invalid, "missing-envelope", func(s *crypto.SealedNotice) {
			without(s, approver)
			without(s, portal.StaffHolder(c.both.Certificate().Fingerprint()))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.sealed(c.author)
			lie.tell(s)
			n, err := c.Submit(t.Context(), c.staff(c.author), s)
			wantCode(t, err, lie.kind, lie.code)
			if n != "" {
				t.Errorf("it is called %s all the same", n)
			}
		})
	}
	if notices, err := c.Notices(t.Context(), c.staff(c.author)); err != nil || len(notices) != 0 {
		t.Errorf("%d lies were kept, %v", len(notices), err)
	}
}

// Revoked representatives get nothing: the author is told to seal it without them.
func TestSubmitRefusesRevokedRepresentatives(t *testing.T) {
	c := newCourt(t)
	c.exec(`UPDATE representatives SET state = 'revoked' WHERE holder = ?`, c.people[focal].String())
	_, err := c.Submit(t.Context(), c.staff(c.author), c.sealed(c.author))
	wantCode(t, err, portal.Conflict, "stale-certificate")
	if err == nil || !strings.Contains(err.Error(), c.people[focal].String()) {
		t.Errorf("%v does not say who", err)
	}
}
