package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"valise/crypto"
	"valise/portal"
)

// This file is about statements that ask classes of stakeholders to acknowledge them. Such a statement stands in every mailbox of a kind that one of its versions asks, also in those
// issued later, and stays there: who got the original gets its correction and withdrawal, too. Each version that asks is acknowledged for itself, and only while it is the newest one.
// A correction that asks nobody, or other kinds, and every withdrawal, end what was awaited.

// maxReceipt is the size in bytes of the largest receipt that is kept: the text, and a signature with a certificate's worth of notations.
const maxReceipt = 32 << 10

// MailboxStatement is a statement that stands in a mailbox, as it is now.
type MailboxStatement struct {
	Statement   crypto.Number
	Version     int // the newest one; what follows is about it
	Kind        crypto.StatementKind
	Topic       string
	Titles      []Title // the authoritative one first
	PublishedAt time.Time
	Asks        bool      // it asks this kind of mailbox to acknowledge it
	Deadline    time.Time // zero: none
	IssuedAt    time.Time // the mailbox
	FetchedAt   time.Time // when a representative of the mailbox first fetched it through the mailbox; zero: not yet
	// Acknowledgements are the mailbox's, of all versions, the newest first, without the receipts.
	Acknowledgements []portal.StatementAcknowledgement
}

// Acknowledgement is the mailbox's of the newest version, or nil.
func (s *MailboxStatement) Acknowledgement() *portal.StatementAcknowledgement {
	if len(s.Acknowledgements) > 0 && s.Acknowledgements[0].Version == s.Version {
		return &s.Acknowledgements[0]
	}
	return nil
}

// Awaiting says whether the newest version awaits the mailbox's acknowledgement.
func (s *MailboxStatement) Awaiting() bool { return s.Asks && s.Acknowledgement() == nil }

// Overdue says whether it has waited past its deadline. A mailbox that was issued after that is not late.
func (s *MailboxStatement) Overdue(now time.Time) bool {
	return s.Awaiting() && overdue(s.Deadline, s.IssuedAt, now)
}

func overdue(deadline, issued, now time.Time) bool {
	return !deadline.IsZero() && now.After(deadline) && !issued.After(deadline)
}

// Fetched is what a session remembers of a statement that it fetched through the mailbox. The zero value is none.
type Fetched struct {
	Version int
	Nonce   string // which the receipt must carry
}

// representative returns the acting representative and where they stand; who was revoked is shut out.
func (p *Publish) representative(ctx context.Context, actor portal.Actor) (crypto.Representative, portal.RepresentativeState, error) {
	r, ok := actor.Representative()
	if !ok {
		if actor.Staff() != nil {
			return r, "", portal.Errorf(portal.Forbidden, "representatives-only", "This is for representatives of a mailbox; you are logged in as staff.")
		}
		return r, "", portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")
	}
	state, err := p.store.Standing(ctx, r)
	if portal.KindOf(err) == portal.NotFound || err == nil && state != portal.Issued && state != portal.Claimed {
		return r, "", portal.Errorf(portal.Unauthenticated, "revoked", "This access was ended by the institution. Ask the institution if you don't know why.")
	}
	return r, state, err
}

// claimed is representative for what takes an own key.
func (p *Publish) claimed(ctx context.Context, actor portal.Actor) (crypto.Representative, error) {
	r, state, err := p.representative(ctx, actor)
	if err == nil && state != portal.Claimed {
		return r, portal.Errorf(portal.Forbidden, "claim-first", "Claim your mailbox with the code from your letter first.")
	}
	return r, err
}

// Mailbox returns the statements that stand in the acting representative's mailbox, the last published first. Listing is not fetching.
func (p *Publish) Mailbox(ctx context.Context, actor portal.Actor) ([]MailboxStatement, error) {
	self, _, err := p.representative(ctx, actor)
	if err != nil {
		return nil, err
	}
	return p.store.MailboxStatements(ctx, self.Mailbox)
}

// Peek returns one of them with all its versions, the original first. Not fetching either. Claimed representatives only; portal.NotFound.
func (p *Publish) Peek(ctx context.Context, actor portal.Actor, n crypto.Number) (MailboxStatement, []Version, error) {
	self, err := p.claimed(ctx, actor)
	if err != nil {
		return MailboxStatement{}, nil, err
	}
	if err := checkNumber(n); err != nil {
		return MailboxStatement{}, nil, err
	}
	s, err := p.store.MailboxStatement(ctx, self.Mailbox, n)
	if err != nil {
		return MailboxStatement{}, nil, err
	}
	versions, err := p.store.Statement(ctx, n)
	if err == nil && len(versions) < s.Version {
		err = fmt.Errorf("version %d of a statement is missing", s.Version)
	}
	if err != nil {
		return MailboxStatement{}, nil, err
	}
	// One that was published in between is for the next request.
	return s, versions[:s.Version], nil
}

// Fetch is Peek, and marks the newest version as fetched by the mailbox. It is on disk before anybody gets it.
func (p *Publish) Fetch(ctx context.Context, actor portal.Actor, n crypto.Number) (MailboxStatement, []Version, error) {
	s, versions, err := p.Peek(ctx, actor, n)
	if err != nil || !s.FetchedAt.IsZero() {
		return s, versions, err
	}
	self, _ := actor.Representative()
	s.FetchedAt, err = p.store.MarkStatementFetched(ctx, self.Mailbox, n, s.Version, p.now())
	return s, versions, err
}

// Acknowledge verifies a receipt (signature, certificate, statement, version, manifest, that the version is the newest one and asks, the session's nonce) and keeps it. created is
// false when the very same receipt was there already. Claimed representatives only, in a session that has fetched the version.
func (p *Publish) Acknowledge(ctx context.Context, actor portal.Actor, n crypto.Number, receipt []byte, fetched Fetched) (a portal.StatementAcknowledgement, created bool, err error) {
	s, versions, err := p.Peek(ctx, actor, n)
	if err != nil {
		return a, false, err
	}
	self, _ := actor.Representative()
	if len(receipt) > maxReceipt {
		return a, false, portal.Errorf(portal.TooLarge, "too-large", "The receipt has more than %d KiB.", maxReceipt>>10)
	}
	// What is kept has one spelling, which GnuPG verifies whatever the one was in which it came.
	receipt, err = crypto.RespellClearSigned(receipt)
	if err != nil {
		return a, false, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	said, err := readReceipt(receipt)
	if err != nil {
		return a, false, err
	}
	// Whoever repeats what is kept, because the answer was lost, need not have the same session any more, nor the newest version.
	if kept, err := p.store.StatementAcknowledgement(ctx, n, said.Version, self.Mailbox); err == nil && bytes.Equal(kept.Receipt, receipt) {
		return kept, false, nil
	} else if err != nil && portal.KindOf(err) != portal.NotFound {
		return a, false, err
	}
	if err := checkSaid(said, n, self, &s); err != nil {
		return a, false, err
	}
	if fetched.Version != s.Version || fetched.Nonce == "" {
		return a, false, ErrNotFetched
	}
	verified, err := p.verifyReceipt(ctx, self, versions, receipt, said)
	if err != nil {
		return a, false, err
	}
	if subtle.ConstantTimeCompare([]byte(verified.Acknowledgement().SessionNonce), []byte(fetched.Nonce)) != 1 {
		return a, false, invalid("wrong-nonce", "The receipt carries the nonce of another session than this one, in which you fetched the statement. Take the text from this session and sign it anew.")
	}
	return p.store.RecordStatementAcknowledgement(ctx, portal.StatementAcknowledgement{
		Statement: n, Version: s.Version, Representative: self, Certificate: said.Certificate, Decision: said.Decision, Receipt: verified.Bytes(), ReceivedAt: p.now(),
	})
}

// ErrNotFetched is told to a session that has not fetched the newest version of a statement through the mailbox.
var ErrNotFetched = portal.Errorf(portal.Conflict, "not-fetched", "Open the statement from your mailbox in this session first; then it can be acknowledged.")

func readReceipt(receipt []byte) (*crypto.StatementAcknowledgement, error) {
	text, err := crypto.ReadClearSigned(receipt)
	if err != nil {
		return nil, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	said, err := crypto.ParseStatementAcknowledgement(text)
	if err != nil {
		return nil, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	return said, nil
}

// checkSaid compares what a receipt says with who hands it in for what. Nothing of it is verified yet.
func checkSaid(said *crypto.StatementAcknowledgement, n crypto.Number, self crypto.Representative, s *MailboxStatement) error {
	switch {
	case said.Statement != n:
		return invalid("invalid-receipt", "The receipt is for statement %s, not for %s.", said.Statement, n)
	case said.Representative != self:
		return invalid("other-representative", "The receipt names %s, and you are logged in as %s. Everybody acknowledges in their own name.", said.Representative, self)
	case s.Kind == crypto.StatementWithdrawal:
		return portal.Errorf(portal.Conflict, "withdrawn", "The statement %s was withdrawn with version %d, so there is nothing to acknowledge.", n, s.Version)
	case said.Version < s.Version:
		return portal.Errorf(portal.Conflict, "statement-corrected", "The receipt is for version %d of %s, which version %d has replaced. Open that, and see what it asks.", said.Version, n, s.Version)
	case said.Version > s.Version:
		return invalid("invalid-receipt", "The receipt is for version %d of %s, and the newest is version %d.", said.Version, n, s.Version)
	case !s.Asks:
		return portal.Errorf(portal.Conflict, "not-asked", "Version %d of %s doesn't ask your mailbox for an acknowledgement.", s.Version, n)
	}
	return nil
}

// verifyReceipt verifies a receipt of the newest version with the representative's own current certificate.
func (p *Publish) verifyReceipt(ctx context.Context, self crypto.Representative, versions []Version, receipt []byte, said *crypto.StatementAcknowledgement) (*crypto.StatementReceipt, error) {
	staff, err := p.staffCertificates(ctx)
	if err != nil {
		return nil, err
	}
	chains, err := p.store.Certificates(ctx, self)
	if err != nil {
		return nil, err
	}
	chain, err := p.verified.ParseAll(chains[self])
	if err != nil {
		return nil, err
	}
	recipient, err := p.root.VerifyRepresentative(staff, chain, self, p.now())
	if err != nil {
		return nil, portal.CertificateError(err)
	}
	current := recipient.Certificate()
	if said.Certificate != current.Fingerprint() {
		return nil, invalid("other-certificate", "The receipt names the certificate %s; the one that is yours now is %s. Sign with that.", said.Certificate, current.Fingerprint())
	}
	verified, err := p.verifyVersions(versions, staff)
	if err != nil {
		return nil, err
	}
	r, err := crypto.VerifyStatementReceipt(receipt, verified[len(verified)-1], current, p.now())
	if err != nil {
		return nil, invalid("invalid-receipt", "%s", portal.Sentence(err))
	}
	return r, nil
}

// StatementReceipt returns a mailbox's receipt of a version; version 0 is the newest that it has acknowledged. For its representatives who have claimed, and staff; portal.NotFound to
// others, too.
func (p *Publish) StatementReceipt(ctx context.Context, actor portal.Actor, n crypto.Number, version int, mailbox crypto.Number) (portal.StatementAcknowledgement, error) {
	if err := checkNumber(n); err != nil {
		return portal.StatementAcknowledgement{}, err
	}
	if actor.Staff() != nil {
		if err := p.act(ctx, actor, "publish.receipt", string(n)+" "+string(mailbox), watchers...); err != nil {
			return portal.StatementAcknowledgement{}, err
		}
	} else {
		self, err := p.claimed(ctx, actor)
		if err != nil {
			return portal.StatementAcknowledgement{}, err
		}
		if self.Mailbox != mailbox {
			return portal.StatementAcknowledgement{}, portal.Errorf(portal.NotFound, "no-acknowledgement", "The mailbox %s has not acknowledged the statement %s.", mailbox, n)
		}
	}
	return p.store.StatementAcknowledgement(ctx, n, version, mailbox)
}

// Evidence is what proves the receipt of a statement, beyond the root.
type Evidence struct {
	Versions []Version // of the statement, up to the one that was acknowledged
	Chain    [][]byte  // of the representative, up to the certificate that signed
	Kept     portal.StatementAcknowledgement
}

// IsReceipt says whether a text seems to be the receipt of a statement, and not of a notice.
func IsReceipt(receipt []byte) bool {
	if len(receipt) > maxReceipt {
		return false
	}
	text, err := crypto.ReadClearSigned(receipt)
	if err != nil {
		return false
	}
	_, err = crypto.ParseStatementAcknowledgement(text)
	return err == nil
}

// Evidence returns it to whoever shows the receipt, to the byte as it is stored; portal.NotFound otherwise.
func (p *Publish) Evidence(ctx context.Context, receipt []byte) (Evidence, error) {
	unknown := portal.Errorf(portal.NotFound, "unknown-receipt", "The portal has no such receipt. Show it exactly as it was given out, to the byte.")
	if len(receipt) > maxReceipt {
		return Evidence{}, unknown
	}
	said, err := readReceipt(receipt)
	if err != nil {
		return Evidence{}, unknown
	}
	kept, err := p.store.StatementAcknowledgement(ctx, said.Statement, said.Version, said.Representative.Mailbox)
	if portal.KindOf(err) == portal.NotFound || err == nil && !bytes.Equal(kept.Receipt, receipt) {
		return Evidence{}, unknown
	}
	if err != nil {
		return Evidence{}, err
	}
	versions, err := p.store.Statement(ctx, kept.Statement)
	if err != nil {
		return Evidence{}, err
	}
	chains, err := p.store.Certificates(ctx, kept.Representative)
	if err != nil {
		return Evidence{}, err
	}
	chain, err := p.verified.ParseAll(chains[kept.Representative])
	if err != nil {
		return Evidence{}, err
	}
	i := slices.IndexFunc(chain, func(c *crypto.Certificate) bool { return c.Fingerprint() == kept.Certificate })
	return Evidence{Versions: versions[:min(kept.Version, len(versions))], Chain: chains[kept.Representative][:i+1], Kept: kept}, nil
}

// ------------------------------------------------------------------ staff

// watchers are who may see who has acknowledged a statement.
var watchers = []crypto.Role{crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar, crypto.RoleAuditor}

// StatementMailbox is a mailbox of a kind that a version asks, and how far it has come with it.
type StatementMailbox struct {
	Mailbox         crypto.Number
	IssuedAt        time.Time
	FetchedAt       time.Time                        // zero: not yet
	Acknowledgement *portal.StatementAcknowledgement // without the receipt; nil: none
}

// Acknowledgements is who has acknowledged a version of a statement, and who has not.
type Acknowledgements struct {
	Statement   crypto.Number
	Version     int
	Asking      []int // the versions that ask anybody, the newest first
	Newest      int
	Kind        crypto.StatementKind // of the newest version
	Titles      []Title              // of this version
	PublishedAt time.Time
	Asked       []crypto.Kind
	Deadline    time.Time // zero: none; with the offset from UTC that was signed
	Mailboxes   []StatementMailbox
	Now         time.Time // when overdue was judged
}

// Awaited says whether this version is still to be acknowledged: a later one that replaces it, or withdraws it, ends that.
func (a *Acknowledgements) Awaited() bool { return a.Version == a.Newest }

// Overdue says whether a mailbox has let the deadline pass. Who acknowledged late isn't late any more.
func (a *Acknowledgements) Overdue(m StatementMailbox) bool {
	return a.Awaited() && m.Acknowledgement == nil && overdue(a.Deadline, m.IssuedAt, a.Now)
}

// KindCount counts the mailboxes of a kind; each is counted in exactly one of the last five.
type KindCount struct {
	Kind                                             crypto.Kind
	Mailboxes                                        int
	Acknowledged, Refused, Overdue, Fetched, Waiting int
}

// Counts returns a line for each kind that is asked.
func (a *Acknowledgements) Counts() []KindCount {
	counts := make([]KindCount, len(a.Asked))
	for i, kind := range a.Asked {
		counts[i].Kind = kind
	}
	for _, m := range a.Mailboxes {
		i := slices.Index(a.Asked, m.Mailbox.Kind())
		if i < 0 {
			continue
		}
		c := &counts[i]
		c.Mailboxes++
		switch {
		case m.Acknowledgement != nil && m.Acknowledgement.Decision == crypto.DecisionRefused:
			c.Refused++
		case m.Acknowledgement != nil:
			c.Acknowledged++
		case a.Overdue(m):
			c.Overdue++
		case !m.FetchedAt.IsZero():
			c.Fetched++
		default:
			c.Waiting++
		}
	}
	return counts
}

// Awaited is a statement whose newest version asks for acknowledgement, in numbers.
type Awaited struct {
	Statement    crypto.Number
	Version      int
	Titles       []Title // the authoritative one first
	PublishedAt  time.Time
	Asked        []crypto.Kind
	Deadline     time.Time // zero: none
	Answered     int       // mailboxes that have acknowledged, or declined to
	Mailboxes    int       // that are asked
	DeadlineOver bool      // while some have not answered
}

// maxAwaited is how many of them an overview shows.
const maxAwaited = 10

// Awaited returns the statements whose newest version asks anybody, the last published first, at most ten. Authors, approvers, registrars and auditors; who reads it is written down.
func (p *Publish) Awaited(ctx context.Context, actor portal.Actor) ([]Awaited, error) {
	if err := p.act(ctx, actor, "publish.awaited", "all", watchers...); err != nil {
		return nil, err
	}
	awaited, mailboxes, err := p.store.AwaitedStatements(ctx, maxAwaited)
	if err != nil {
		return nil, err
	}
	for i := range awaited {
		a := &awaited[i]
		for _, kind := range a.Asked {
			a.Mailboxes += mailboxes[kind]
		}
		a.Mailboxes = max(a.Mailboxes, a.Answered)
		a.DeadlineOver = a.Answered < a.Mailboxes && !a.Deadline.IsZero() && p.now().After(a.Deadline)
	}
	return awaited, nil
}

// Watches says whether somebody may see who has acknowledged.
func Watches(actor portal.Actor) bool { return slices.ContainsFunc(watchers, actor.Has) }

// Acknowledgements returns it for a version that asks; version 0 is the newest that does. Authors, approvers, registrars and auditors; who reads it is written down. portal.NotFound when
// the statement, or the version, asks nobody.
func (p *Publish) Acknowledgements(ctx context.Context, actor portal.Actor, n crypto.Number, version int) (*Acknowledgements, error) {
	if err := checkNumber(n); err != nil {
		return nil, err
	}
	if err := p.act(ctx, actor, "publish.acknowledgements", string(n), watchers...); err != nil {
		return nil, err
	}
	versions, err := p.store.Statement(ctx, n)
	if err != nil {
		return nil, err
	}
	staff, err := p.staffCertificates(ctx)
	if err != nil {
		return nil, err
	}
	verified, err := p.verifyVersions(versions, staff)
	if err != nil {
		return nil, err
	}
	a := &Acknowledgements{Statement: n, Version: version, Newest: len(versions), Kind: versions[len(versions)-1].Kind, Now: p.now()}
	for i := len(verified) - 1; i >= 0; i-- {
		if len(Asked(verified[i].Manifest())) > 0 {
			a.Asking = append(a.Asking, i+1)
		}
	}
	if version == 0 && len(a.Asking) > 0 {
		a.Version = a.Asking[0]
	}
	if !slices.Contains(a.Asking, a.Version) {
		return nil, portal.Errorf(portal.NotFound, "not-asked", "The statement %s asks nobody for an acknowledgement.", n)
	}
	v := verified[a.Version-1]
	a.Asked, a.Deadline, a.PublishedAt = Asked(v.Manifest()), v.Manifest().Deadline, versions[a.Version-1].PublishedAt
	for _, text := range v.Texts() {
		a.Titles = append(a.Titles, Title{text.Language, text.Title, text.Reason})
	}
	a.Mailboxes, err = p.store.StatementMailboxes(ctx, n, a.Version, a.Asked)
	return a, err
}

// Asked is who is to acknowledge a version; a withdrawal asks nobody, whatever its manifest says.
func Asked(m *crypto.StatementManifest) []crypto.Kind {
	if m.Kind == crypto.StatementWithdrawal {
		return nil
	}
	return m.Acknowledge
}

// ------------------------------------------------------------------ what verified

// readings remembers statements that verified: thousands of mailboxes acknowledge the same one within an hour, and anybody may ask for its pages and files, in ways that no cache has an answer for. What verified once does so for ever, as signatures are judged at the time
// when they were made, unless the staff's certificates change; so those are part of what is remembered. The zero value is ready.
type readings struct {
	mu       sync.Mutex
	verified map[[sha256.Size]byte][]*crypto.VerifiedStatement
}

// Bounds of what is remembered: so many statements of some dozens of kilobytes, none of them larger than maxReading, signatures included. One that is larger is verified each time.
const (
	maxReadings = 128
	maxReading  = 512 << 10
)

// Verified returns all versions of a published statement, the original first, as they are kept and as they verify up to the root. They are not to be changed. Anyone may read it.
func (p *Publish) Verified(ctx context.Context, n crypto.Number) ([]Version, []*crypto.VerifiedStatement, error) {
	versions, err := p.Statement(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	staff, err := p.staffCertificates(ctx)
	if err != nil {
		return nil, nil, err
	}
	verified, err := p.verifyVersions(versions, staff)
	return versions, verified, err
}

// verifyVersions verifies published versions, the original first. That they don't hold is our fault.
func (p *Publish) verifyVersions(versions []Version, staff []*crypto.Certificate) ([]*crypto.VerifiedStatement, error) {
	key := digestOf(versions, staff)
	p.readings.mu.Lock()
	known := p.readings.verified[key]
	p.readings.mu.Unlock()
	if known != nil {
		return known, nil
	}
	signed := make([]crypto.SignedStatement, len(versions))
	for i, v := range versions {
		var err error
		if signed[i], err = crypto.ParseSignedStatement(v.Signed); err != nil {
			return nil, fmt.Errorf("a published statement: %w", err)
		}
	}
	verified, err := p.root.VerifyStatementVersions(signed, staff, p.now())
	if err != nil {
		return nil, fmt.Errorf("a published statement no longer verifies: %w", err)
	}
	size := 0
	for _, v := range versions {
		size += len(v.Signed)
	}
	if size > maxReading {
		return verified, nil
	}
	p.readings.mu.Lock()
	defer p.readings.mu.Unlock()
	if p.readings.verified == nil || len(p.readings.verified) >= maxReadings {
		p.readings.verified = make(map[[sha256.Size]byte][]*crypto.VerifiedStatement)
	}
	p.readings.verified[key] = verified
	return verified, nil
}

// digestOf is over everything that VerifyStatementVersions looks at, each part with its length.
func digestOf(versions []Version, staff []*crypto.Certificate) (key [sha256.Size]byte) {
	d := sha256.New()
	part := func(b []byte) {
		d.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		d.Write(b)
	}
	for _, v := range versions {
		part(v.Signed)
	}
	part(nil)
	for _, c := range staff {
		part(c.Bytes())
	}
	d.Sum(key[:0])
	return key
}
