package courier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Sizes in bytes of the largest mails that are taken. A mail is in memory while it is looked at, so few are at once.
const (
	MaxEncryptedMail = 64 << 20 // an encrypted one: 46 MiB in base 64
	MaxReport        = 16 << 20 // a report that brings our own mail back
	MaxOtherMail     = 2 << 20
)

// Receipts takes receipts: the portal's own step, which demands of one that came by e-mail what it demands of others.
type Receipts interface {
	AcknowledgeByMail(ctx context.Context, receipt []byte, nonce func(crypto.Number, crypto.Representative) string) (a portal.AcknowledgementRecord, created bool, err error)
}

// Inbox takes mail in. It decides by what somebody signed and by addresses of ours that nobody else could make, never by who a mail says it is from; it answers nothing; and what it
// can do nothing with it keeps for the desk, sealed. Use NewInbox.
type Inbox struct {
	courier  *Courier
	store    InStore
	receipts Receipts
	replies  Replies  // nil: encrypted mail is kept for the desk
	commands Commands // nil: commands are
	log      *slog.Logger
	slots    chan struct{} // mails in memory

	mutex  sync.Mutex
	sent   map[token]Queued // what mails of ours are about
	readAt time.Time        // when that began to be read, the last time
	allAt  time.Time        // when all of it was
	pause  time.Duration    // until it is read again
}

type token [16]byte

// NewInbox makes the inbox of a courier: it needs its key.
func NewInbox(c *Courier, store InStore, receipts Receipts) *Inbox {
	return &Inbox{courier: c, store: store, receipts: receipts, log: c.log, slots: make(chan struct{}, 3)}
}

// ErrTooLarge is that a mail is larger than is taken. It changed nothing.
var ErrTooLarge = errors.New("the mail is larger than is taken here")

// Read reads a mail whose size is bounded by what its header says that it is. All of r is read.
func (*Inbox) Read(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(r, MaxOtherMail)); err != nil {
		return nil, err
	}
	if b.Len() < MaxOtherMail {
		return b.Bytes(), nil
	}
	most := MaxOtherMail
	if header, _, err := splitHeader(b.Bytes()); err == nil {
		if fields, err := parseFields(header); err == nil {
			switch kind := strings.ToLower((&entity{fields: fields}).field("content-type")); {
			case strings.HasPrefix(kind, "multipart/encrypted"):
				most = MaxEncryptedMail
			case strings.HasPrefix(kind, "multipart/report"):
				most = MaxReport
			}
		}
	}
	if _, err := io.Copy(&b, io.LimitReader(r, int64(most-b.Len()+1))); err != nil {
		return nil, err
	}
	if b.Len() > most {
		_, _ = io.Copy(io.Discard, r)
		return nil, ErrTooLarge
	}
	return b.Bytes(), nil
}

// Receive reads a mail and takes it; few are in memory at once.
func (i *Inbox) Receive(ctx context.Context, recipients []string, r io.Reader) (Fate, error) {
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	raw, err := i.Read(r)
	if err != nil {
		return "", err
	}
	return i.Take(ctx, recipients, raw)
}

// Take does with a mail what is to be done, and returns what that was once it is on disk. recipients are the addresses to which it was handed over; the mail itself may say others. After
// an error nothing is certain, and the mail is to be handed over again: nothing happens twice.
func (i *Inbox) Take(ctx context.Context, recipients []string, raw []byte) (fate Fate, err error) {
	defer func() {
		// Whatever a stranger's mail does to what reads it, it ends no courier, nor comes again and again.
		if recover() != nil {
			fate, err = i.keep(ctx, raw, KeptBroken, "", Queued{})
		}
	}()
	m, err := parseMail(raw)
	if err != nil {
		return i.keep(ctx, raw, KeptBroken, "", Queued{})
	}
	if r, ok := m.report(); ok {
		if fate, known, err := i.returned(ctx, recipients, &r); known || err != nil {
			return fate, err
		}
	}
	receipts, claimed := m.receipts()
	signed, problem, refused := m.signedMails()
	receipts = append(receipts, signed...)
	for _, r := range receipts {
		fate, why, err := i.receipt(ctx, r)
		if err != nil || fate != "" {
			return fate, err
		}
		if why != "" {
			problem = why
		}
	}
	if fate, why, err := i.command(ctx, m, receipts); err != nil || fate != "" {
		return fate, err
	} else if why != "" {
		refused = why
	}
	about, toReturns, err := i.about(ctx, recipients, m)
	if err != nil {
		return "", err
	}
	encrypted := m.encryptedMessage()
	fate, why, err := i.reply(ctx, raw, encrypted, about)
	if err != nil || fate != "" {
		return fate, err
	}
	switch {
	case problem != "":
		return i.keep(ctx, raw, KeptReceipt, problem, about)
	case claimed && !m.automatic() && !toReturns && m.kind != "multipart/report":
		return i.keep(ctx, raw, KeptReceipt, "not-signed", about)
	case refused != "":
		return i.keep(ctx, raw, KeptCommand, refused, about)
	case m.commanded() && !m.automatic() && !toReturns && m.kind != "multipart/report":
		return i.keep(ctx, raw, KeptCommand, "not-signed", about)
	case encrypted != nil && m.kind != "multipart/report" && (why != "other-key" || !toReturns && !m.automatic()): // programs send our own mail back
		return i.keep(ctx, raw, KeptEncrypted, why, about)
	case toReturns || m.kind == "multipart/report":
		return i.keep(ctx, raw, KeptReturn, "", about)
	case m.automatic():
		return i.keep(ctx, raw, KeptAutomatic, "", about)
	}
	return i.keep(ctx, raw, KeptOther, "", about)
}

// receipt hands a receipt in, in each reading. why is the code of the refusal of the last one that could be read at all; err, that it should be tried again.
func (i *Inbox) receipt(ctx context.Context, r receipt) (fate Fate, why string, err error) {
	return i.handIn(ctx, r, step{
		fate: FateReceipt, line: receiptLine, unreadable: "invalid-receipt",
		means: func(text []byte) bool { return bytes.HasPrefix(text, []byte(receiptLine)) },
		take: func(reading []byte) (created bool, err error) {
			_, created, err = i.receipts.AcknowledgeByMail(ctx, reading, i.courier.receiptNonce)
			return created, err
		},
	})
}

// step is a step of the portal's that takes what somebody signed.
type step struct {
	fate       Fate   // of a mail of which it took something new
	line       string // that stands in what is meant for it
	unreadable string // the code with which it refuses what is in no form that it knows
	means      func(text []byte) bool
	take       func(reading []byte) (created bool, err error)
}

// handIn has a step take the first reading of a signed text that counts. why is the code of the refusal of the last one that could be read at all; err, that it should be tried again.
func (i *Inbox) handIn(ctx context.Context, r receipt, s step) (fate Fate, why string, err error) {
	for _, reading := range r {
		if text, err := crypto.ReadHandSigned(reading); err == nil && !s.means(text) || err != nil && !bytes.Contains(reading, []byte(s.line)) {
			continue
		}
		created, err := s.take(reading)
		if err == nil {
			fate, err := i.taken(ctx, s.fate, created)
			return fate, "", err
		}
		code, refused := refusal(err)
		if !refused {
			return "", "", err
		}
		if why == "" || code != s.unreadable {
			why = code
		}
	}
	return "", why, nil
}

// taken counts a mail of which a step took something: new, or what it had before.
func (i *Inbox) taken(ctx context.Context, fate Fate, created bool) (Fate, error) {
	if !created {
		fate = FateRepeated
	}
	return fate, i.count(ctx, string(fate), 1)
}

// refusal is the code with which a step refused what came; refused is false when it should be tried again.
func refusal(err error) (code string, refused bool) {
	var known *portal.Error
	if !errors.As(err, &known) || known.Kind == portal.Unavailable || known.Kind == portal.Internal {
		return "", false
	}
	return known.Code, true
}

// returned records that a mail of ours came back; known is false when it isn't known which.
func (i *Inbox) returned(ctx context.Context, recipients []string, r *report) (fate Fate, known bool, err error) {
	words := append([]string{r.envelope, r.id}, recipients...)
	about, known, err := i.lookUp(ctx, words)
	if err != nil || !known {
		return "", false, err
	}
	fate, reason := FateDelayed, ReasonDelayed
	if r.final {
		fate, reason = FateReturned, ReasonReturned
	}
	reason = strings.TrimSpace(reason + " " + r.status)
	changed, err := i.store.ReturnMail(ctx, about.Notice, about.Representative, r.final, reason, i.courier.now())
	if err != nil {
		return "", false, err
	}
	if tell := i.courier.config.Told; changed && tell != nil {
		tell(string(about.Notice), portal.TopicDesk)
	}
	return fate, true, i.count(ctx, string(fate), 1)
}

// about says what a mail answers, if an address or a Message-ID of ours in it does; and whether it came to an address for what can't be delivered.
func (i *Inbox) about(ctx context.Context, recipients []string, m *entity) (about Queued, toReturns bool, err error) {
	for _, to := range recipients {
		toReturns = toReturns || i.forReturns(to)
	}
	words := slices.Clone(recipients)
	for _, name := range []string{"in-reply-to", "references"} {
		words = append(words, m.field(name))
	}
	about, _, err = i.lookUp(ctx, words)
	return about, toReturns, err
}

var tokenDigits = regexp.MustCompile(`[0-9a-f]{32}`)

const (
	tokensAge    = 90 * 24 * time.Hour // for how long it is known what a mail of ours was about
	maxTokens    = 500_000             // entries
	tokensAfresh = 24 * time.Hour      // after which all of the outbox is read again, so that what is older is forgotten
	tokensLate   = 2 * time.Minute     // how much later than by its own time an entry may be seen: a long transaction, and a clock that is wrong
	tokensPause  = 50 * time.Millisecond
	tokensShare  = 10 // the pause between two looks into the outbox is so many times what the last one took, however many unknown tokens come
	maxCandidate = 20 // tokens of one mail that are looked up
)

// lookUp finds the entry that one of some words names: by the return address, the Message-ID or the name for reports of a mail of ours.
func (i *Inbox) lookUp(ctx context.Context, words []string) (Queued, bool, error) {
	var candidates []token
	for _, word := range words {
		for _, digits := range tokenDigits.FindAllString(strings.ToLower(word), maxCandidate) {
			var t token
			if _, err := hex.Decode(t[:], []byte(digits)); err == nil && len(candidates) < maxCandidate {
				candidates = append(candidates, t)
			}
		}
	}
	if len(candidates) == 0 {
		return Queued{}, false, nil
	}
	arrived := time.Now()
	i.mutex.Lock()
	defer i.mutex.Unlock()
	for {
		for _, t := range candidates {
			if q, ok := i.sent[t]; ok && i.isOf(t, q) {
				return q, true, nil
			}
		}
		if !i.readAt.Before(arrived) { // by another mail that waited
			return Queued{}, false, nil
		}
		if wait := i.pause - time.Since(i.readAt); wait > 0 { // mails whose tokens are known don't wait with this one
			i.mutex.Unlock()
			sleep(ctx, wait)
			i.mutex.Lock()
			if i.pause > time.Since(i.readAt) && ctx.Err() == nil {
				continue
			}
		}
		if err := i.readTokens(ctx); err != nil {
			return Queued{}, false, err
		}
	}
}

var tokenUses = []string{"return", "report", "message", "personal message", "form message"}

func (i *Inbox) isOf(t token, q Queued) bool {
	want := hex.EncodeToString(t[:])
	return slices.ContainsFunc(tokenUses, func(use string) bool {
		return hmac.Equal([]byte(i.courier.tokens.ofQueued(use, q)), []byte(want))
	})
}

// readTokens reads what the outbox has that isn't known yet. All of it is read once, and then each day; in between only what was made since: who sends mails with made-up tokens, as many as they like,
// has nothing read but that.
func (i *Inbox) readTokens(ctx context.Context) (err error) {
	began := time.Now()
	var queued []Queued
	if afresh := i.sent == nil || began.Sub(i.allAt) > tokensAfresh; afresh {
		queued, err = i.store.QueuedSince(ctx, i.courier.now().Add(-tokensAge), maxTokens)
		if err == nil {
			i.sent, i.allAt = make(map[token]Queued, len(queued)*len(tokenUses)), began
		}
	} else {
		queued, err = i.store.QueuedNewly(ctx, began.Sub(i.readAt)+tokensLate, maxTokens)
	}
	if err != nil {
		return err
	}
	for _, q := range queued {
		if _, known := i.sent[i.tokenOf("message", q)]; known {
			continue
		}
		for _, use := range tokenUses {
			i.sent[i.tokenOf(use, q)] = q
		}
	}
	i.readAt, i.pause = began, max(tokensPause, tokensShare*time.Since(began))
	return nil
}

func (i *Inbox) tokenOf(use string, q Queued) (t token) {
	_, _ = hex.Decode(t[:], []byte(i.courier.tokens.ofQueued(use, q))) // it is hexadecimal
	return t
}

// identities are those that the courier writes under.
func (i *Inbox) identities() (all []*Identity) {
	for _, identity := range []*Identity{i.courier.config.Institution, i.courier.config.Individuals} {
		if identity != nil {
			all = append(all, identity)
		}
	}
	return all
}

// Expects says whether mail to an address is for the courier: to who it writes as, or to where its mails come back.
func (i *Inbox) Expects(address string) bool {
	return i.forReturns(address) || slices.ContainsFunc(i.identities(), func(identity *Identity) bool { return strings.EqualFold(address, identity.address()) })
}

func (i *Inbox) forReturns(address string) bool {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	base, _, _ := strings.Cut(local, "+")
	return slices.ContainsFunc(i.identities(), func(identity *Identity) bool {
		return identity.Bounces != "" && strings.EqualFold(base+"@"+domain, identity.Bounces)
	})
}

// keep seals a mail to the desk and keeps it.
func (i *Inbox) keep(ctx context.Context, raw []byte, reason, detail string, about Queued) (Fate, error) {
	desk, err := i.desk(ctx)
	if err != nil {
		return "", err
	}
	now := i.courier.now()
	record, err := crypto.SealRecord(raw, i.courier.keys[0], crypto.PurposeKeptMail, desk, now)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, i.courier.tokens.secret)
	mac.Write([]byte("kept mail\x00"))
	mac.Write(raw)
	quota := keptQuotas[reason]
	kept, dropped, err := i.store.KeepMail(ctx, KeptMail{
		ID: hex.EncodeToString(mac.Sum(nil)[:16]), ReceivedAt: now, Reason: reason, Detail: detail, Notice: about.Notice, Representative: about.Representative, Size: int64(len(raw)), Record: record,
	}, quota.mails, quota.bytes)
	if err != nil {
		return "", err
	}
	if dropped > 0 {
		if err := i.count(ctx, string(FateDropped)+" "+reason, dropped); err != nil {
			return "", err
		}
	}
	if !kept {
		return FateKept, i.count(ctx, string(FateRepeated)+" "+reason, 1)
	}
	return FateKept, i.count(ctx, string(FateKept)+" "+reason, 1)
}

// desk returns to whom mail is sealed that is kept: authors and approvers.
func (i *Inbox) desk(ctx context.Context) (desk []*crypto.Certificate, err error) {
	staff, err := i.courier.staffCertificates(ctx)
	if err != nil {
		return nil, err
	}
	now := i.courier.now()
	for _, c := range staff {
		member, err := i.courier.root.VerifyStaff(c, now)
		if err != nil || !member.Has(crypto.RoleAuthor) && !member.Has(crypto.RoleApprover) || member.Certificate().CheckPolicy(now) != nil {
			continue
		}
		at := slices.IndexFunc(desk, func(other *crypto.Certificate) bool { return other.Fingerprint() == c.Fingerprint() })
		if at >= 0 {
			desk[at] = member.Certificate()
			continue
		}
		desk = append(desk, member.Certificate())
	}
	if len(desk) == 0 {
		return nil, fmt.Errorf("nobody is at the desk whom mail that came could be sealed to: %w", errNoDesk)
	}
	return desk, nil
}

var errNoDesk = errors.New("no author and no approver has a key that is good now")

// count adds to the counts that staff see, and to those of the log.
func (i *Inbox) count(ctx context.Context, what string, mails int) error {
	i.courier.mutex.Lock()
	i.courier.counted["came: "+what] += mails
	i.courier.mutex.Unlock()
	return i.store.CountMail(ctx, what, mails, i.courier.now())
}
