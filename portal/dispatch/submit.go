package dispatch

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"valise/crypto"
	"valise/portal"
)

const (
	// maxHeading is the size in bytes of the largest sealed heading: a subject in each language.
	maxHeading = 64 << 10
	// maxDesk is how many staff a notice is sealed to at most.
	maxDesk = 1000
)

func invalid(code, format string, args ...any) *portal.Error {
	return portal.Errorf(portal.Invalid, code, format, args...)
}

// Submit keeps a sealed notice until it is approved. Authors only, and only with their own signature.
//
// Everything that can be verified without a key is: the author's signature up to the root; that bodies, headings and audience are those
// that were signed; that each of the audience, with their current certificate, and the desk have exactly one envelope, and that it is
// addressed to them.
//
// Submitting the very same notice again, because an answer got lost, changes nothing and returns its number.
func (d *Dispatch) Submit(ctx context.Context, actor portal.Actor, s *crypto.SealedNotice) (crypto.Number, error) {
	object := "unreadable"
	if named, err := crypto.ParseManifest(s.Manifest); err == nil { // not verified yet; it only says what is attempted
		object = string(named.Notice)
	}
	if err := d.staffAct(ctx, actor, "dispatch.submit", object, crypto.RoleAuthor); err != nil {
		return "", err
	}
	staff, err := d.staff(ctx)
	if err != nil {
		return "", err
	}
	v, err := d.verifySubmission(actor, s, staff)
	if err != nil {
		return "", err
	}
	if done, err := d.submittedAlready(ctx, v.Manifest().Notice, s.Signed()); done || err != nil {
		return v.Manifest().Notice, err
	}
	audience, err := v.CheckAudience(s.Audience)
	if err != nil {
		return "", invalid("invalid-audience", "%s", portal.Sentence(err))
	}
	envelopes, err := sortEnvelopes(s.Envelopes)
	if err != nil {
		return "", err
	}
	if err := d.checkDesk(v, envelopes, staff); err != nil {
		return "", err
	}
	if err := d.checkAudience(ctx, audience, envelopes, staff); err != nil {
		return "", err
	}
	if err := d.checkPersonal(audience, s, staff); err != nil {
		return "", err
	}
	for holder := range envelopes { // checkDesk and checkAudience took out what belongs there
		return "", invalid("extra-envelope", "There is an envelope for %s, who is neither in the audience nor on the staff. Seal the notice again.", holder)
	}
	memberships, err := prove(audience)
	if err != nil {
		return "", err
	}
	m := v.Manifest()
	err = d.store.Submit(ctx, portal.NoticeRecord{
		Number: m.Notice, State: portal.Submitted, Signed: s.Signed(), Audience: s.Audience, Headings: s.Headings, SubmittedAt: d.now(),
	}, s.Bodies, s.Envelopes, portal.PersonalParts{Key: s.PersonalKey, Parts: s.PersonalParts}, memberships)
	d.told(m.Notice, err)
	return m.Notice, err
}

// prove returns, by holder, what shows each of the audience that they are in it. All at once now costs as much as one alone would later, and a
// list of hundreds of notices need not read hundreds of audiences.
func prove(audience *crypto.Audience) (map[string][]byte, error) {
	all, err := audience.ProveAll()
	if err != nil {
		return nil, err
	}
	texts := make(map[string][]byte, len(all))
	for _, m := range all {
		if texts[m.Member.Representative.String()], err = m.Encode(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// verifySubmission checks what the author signed, and that it is the actor who did.
func (d *Dispatch) verifySubmission(actor portal.Actor, s *crypto.SealedNotice, staff []*crypto.Certificate) (*crypto.VerifiedManifest, error) {
	now := d.now()
	if err := checkArmored(s.AuthorSignature); err != nil {
		return nil, err
	}
	v, err := d.root.VerifySubmission(s.Signed(), staff, now)
	if err != nil {
		return nil, invalid("invalid-manifest", "%s", portal.Sentence(err))
	}
	m := v.Manifest()
	switch {
	case v.Author().Certificate().Fingerprint() != actor.Staff().Certificate().Fingerprint():
		return nil, portal.Errorf(portal.Forbidden, "other-author", "Another author signed this notice than the one who is logged in. Its author must submit it.")
	case m.Version != 1:
		return nil, invalid("invalid-version", "A new notice has version 1, not %d.", m.Version)
	case !m.Deadline.IsZero() && !m.Deadline.After(now):
		return nil, invalid("deadline-passed", "The deadline has passed. Seal the notice again with a later one.")
	}
	if err := checkSealed("body", s.Bodies, m.Bodies, crypto.MaxBodySize, v.CheckBody); err != nil {
		return nil, err
	}
	if err := checkSealed("heading", s.Headings, m.Headings, maxHeading, v.CheckHeading); err != nil {
		return nil, err
	}
	return v, nil
}

// checkArmored refuses a signature that can't be shown as text.
func checkArmored(signature []byte) error {
	if len(signature) > maxSignature || !utf8.Valid(signature) || !bytes.HasPrefix(signature, []byte("-----BEGIN PGP SIGNATURE-----\n")) {
		return invalid("invalid-signature", "The signature must be one armored block of at most %d KiB.", maxSignature>>10)
	}
	return nil
}

// checkSealed says whether there is one sealed part for each that the manifest names, and it is that one.
func checkSealed(what string, parts map[crypto.Suite][]byte, refs map[crypto.Suite]crypto.BodyRef, limit int, check func([]byte) error) error {
	for suite := range refs {
		part, ok := parts[suite]
		if !ok {
			return invalid("missing-"+what, "The %s of suite %s, which the manifest names, is missing.", what, suite)
		}
		if len(part) > limit {
			return portal.Errorf(portal.TooLarge, "too-large", "The %s has more than %d KiB.", what, limit>>10)
		}
		if is, err := crypto.CheckBody(part); err != nil || is != suite {
			return invalid("invalid-"+what, "What is sent as the %s of suite %s is not sealed in that suite. Seal the notice again.", what, suite)
		}
		if err := check(part); err != nil {
			return invalid("invalid-"+what, "%s", portal.Sentence(err))
		}
	}
	if len(parts) != len(refs) {
		return invalid("extra-"+what, "There is a %s that the manifest does not name.", what)
	}
	return nil
}

// sortEnvelopes returns them by holder, each of whom may have one.
func sortEnvelopes(list []crypto.Envelope) (map[string]crypto.Envelope, error) {
	if len(list) > crypto.MaxAudience+maxDesk {
		return nil, portal.Errorf(portal.TooLarge, "too-large", "The notice has %d envelopes; at most %d are accepted.", len(list), crypto.MaxAudience+maxDesk)
	}
	envelopes := make(map[string]crypto.Envelope, len(list))
	for _, e := range list {
		if _, twice := envelopes[e.Holder]; twice {
			return nil, invalid("extra-envelope", "There are two envelopes for %s. Seal the notice again.", e.Holder)
		}
		envelopes[e.Holder] = e
	}
	return envelopes, nil
}

// checkEnvelope says whether an envelope is addressed to a certificate.
func checkEnvelope(e crypto.Envelope, to *crypto.Certificate) error {
	if e.Certificate != to.Fingerprint() || e.Suite != to.Suite() {
		return invalid("invalid-envelope", "The envelope for %s is said to be for the certificate %s in suite %s; theirs is %s in suite %s. Seal the notice again.",
			e.Holder, e.Certificate, e.Suite, to.Fingerprint(), to.Suite())
	}
	if err := crypto.CheckEnvelope(e.Data, to); err != nil {
		return invalid("invalid-envelope", "The envelope for %s: %v. Seal the notice again.", e.Holder, err)
	}
	return nil
}

// checkDesk checks and takes out the envelopes of staff: the author's, at least one of another person's who may approve, and nobody's but staff's.
func (d *Dispatch) checkDesk(v *crypto.VerifiedManifest, envelopes map[string]crypto.Envelope, staff []*crypto.Certificate) error {
	author, byAuthor, byApprover := v.Author(), false, false
	for _, c := range staff {
		holder := portal.StaffHolder(c.Fingerprint())
		e, ok := envelopes[holder]
		if !ok {
			continue
		}
		delete(envelopes, holder)
		member, err := d.root.VerifyStaff(c, d.now())
		if err != nil {
			return invalid("invalid-envelope", "There is an envelope for a former member of the staff. %s", portal.Sentence(err))
		}
		if err := checkEnvelope(e, c); err != nil {
			return err
		}
		if len(e.Personal) > 0 {
			return invalid("extra-envelope", "There is a personal envelope for %s, who is on the staff. Seal the notice again.", member.Name())
		}
		if _, ok := v.Manifest().Bodies[e.Suite]; !ok {
			return invalid("missing-body", "%s needs a body of suite %s, and there is none.", member.Name(), e.Suite)
		}
		self := c.Fingerprint() == author.Certificate().Fingerprint()
		byAuthor = byAuthor || self
		byApprover = byApprover || !self && member.Has(crypto.RoleApprover) && !strings.EqualFold(member.Name(), author.Name())
	}
	switch {
	case !byAuthor:
		return invalid("missing-envelope", "The author has no envelope, and could not read what they sent. Seal the notice again.")
	case !byApprover:
		return invalid("missing-envelope", "Nobody who may approve the notice could open it. Seal it again, to an approver other than its author, too.")
	}
	return nil
}

// audienceBatch is how many chains are in memory at a time.
const audienceBatch = 1000

// checkAudience checks and takes out the envelopes of the audience: one for each member's current certificate, whose chain holds now.
func (d *Dispatch) checkAudience(ctx context.Context, audience *crypto.Audience, envelopes map[string]crypto.Envelope, staff []*crypto.Certificate) error {
	var stale []string
	for rest := audience.Members; len(rest) > 0; {
		batch := rest[:min(len(rest), audienceBatch)]
		rest = rest[len(batch):]
		representatives := make([]crypto.Representative, len(batch))
		for i, m := range batch {
			representatives[i] = m.Representative
		}
		chains, err := d.store.Certificates(ctx, representatives...)
		if err != nil {
			return err
		}
		outdated := make([]bool, len(batch))
		if err := onAllCores(len(batch), func(i int) error {
			var err error
			outdated[i], err = d.checkMember(batch[i], chains[batch[i].Representative], envelopes, staff)
			return err
		}); err != nil {
			return err
		}
		for i, m := range batch {
			delete(envelopes, m.Representative.String())
			if outdated[i] {
				stale = append(stale, m.Representative.String())
			}
		}
	}
	if len(stale) > 0 {
		return portal.Errorf(portal.Conflict, "stale-certificate", "The notice is sealed to representatives whose key was replaced or revoked since (%d: %s). Fetch the directory again and seal it anew.",
			len(stale), strings.Join(stale[:min(len(stale), maxNamed)], ", "))
	}
	return nil
}

// maxNamed is how many representatives an error names.
const maxNamed = 20

// checkMember says whether a member's certificate is not their current one, or what else is wrong. It only reads envelopes.
func (d *Dispatch) checkMember(m crypto.AudienceMember, stored [][]byte, envelopes map[string]crypto.Envelope, staff []*crypto.Certificate) (outdated bool, err error) {
	if len(stored) == 0 {
		return false, invalid("unknown-recipient", "There is no representative %s. Fetch the directory again and seal the notice anew.", m.Representative)
	}
	chain, err := d.verified.ParseAll(stored)
	if err != nil {
		return false, err
	}
	recipient, err := d.root.VerifyRepresentative(staff, chain, m.Representative, d.now())
	if crypto.CauseOf(err) == crypto.CauseRevoked {
		return false, portal.Errorf(portal.Conflict, "revoked-recipient", "%s Fetch the directory again and seal the notice without them.", portal.Sentence(err))
	}
	if err != nil {
		return false, portal.CertificateError(err)
	}
	current := recipient.Certificate()
	if current.Fingerprint() != m.Certificate {
		return true, nil
	}
	if current.Suite() != m.Suite {
		return false, invalid("invalid-audience", "%s opens suite %s, not %s. Seal the notice again.", m.Representative, current.Suite(), m.Suite)
	}
	e, ok := envelopes[m.Representative.String()]
	if !ok {
		return false, invalid("missing-envelope", "There is no envelope for %s, who is in the audience. Seal the notice again.", m.Representative)
	}
	if err := checkEnvelope(e, current); err != nil {
		return false, err
	}
	return false, checkPersonalEnvelope(m, e, current)
}

// onAllCores does something for each of n, until one fails; it returns that error.
func onAllCores(n int, do func(i int) error) error {
	var (
		next   atomic.Int64
		group  sync.WaitGroup
		once   sync.Once
		failed error
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := guarded(do, int(i)); err != nil {
					once.Do(func() { failed = err })
					next.Store(int64(n))
				}
			}
		})
	}
	group.Wait()
	return failed
}

// guarded makes a panic an error: in a goroutine of its own it would end the process instead of one request.
func guarded(do func(int) error, i int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("checking: %v", r)
		}
	}()
	return do(i)
}
