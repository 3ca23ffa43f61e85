package evidence

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
)

// Source is what of a notice is the same for all its mailboxes, as the portal keeps it.
type Source struct {
	Notice     portal.NoticeRecord // released
	Root       *crypto.Root
	Staff      []*crypto.Certificate
	LedgerKey  []byte // the root's word, clear-signed
	Checkpoint []byte // signed; all proofs in the bundle are to it
	Dispatch   []byte // the proof of the dispatch
	Now        time.Time
}

// Bundle is a notice whose bundle can be written. Use New.
type Bundle struct {
	source Source
	sealed
}

// sealed is what holds of a notice before any mailbox is looked at.
type sealed struct {
	root       *crypto.Root
	manifest   *crypto.VerifiedManifest
	policy     ledger.Policy
	checkpoint *ledger.SignedCheckpoint
	dispatched time.Time
}

// New verifies what is to be packed, up to the root, so that a portal doesn't hand out what nobody could verify.
func New(s Source) (*Bundle, error) {
	v, err := s.Root.VerifyManifest(s.Notice.Signed, s.Staff, s.Now)
	if err != nil {
		return nil, err
	}
	b := &Bundle{source: s, sealed: sealed{root: s.Root, manifest: v}}
	return b, b.openLedger(s.LedgerKey, s.Checkpoint, s.Dispatch, s.Now)
}

// openLedger verifies the ledger's part: that the root names the key, the key signed the checkpoint, and the checkpoint covers the dispatch.
func (s *sealed) openLedger(key, checkpoint, proof []byte, now time.Time) error {
	named, err := s.root.VerifyLedgerKey(key, now)
	if err != nil {
		return err
	}
	if s.policy, err = ledger.PolicyOf(named); err != nil {
		return err
	}
	if s.checkpoint, err = s.policy.Open(checkpoint); err != nil {
		return err
	}
	in, err := s.proved(proof)
	if err != nil {
		return fmt.Errorf("the proof of the dispatch: %w", err)
	}
	if in.Kind != ledger.NoticeDispatched || in.Notice != s.manifest.Manifest().Notice || in.Manifest.String() != s.manifest.SHA256() {
		return errors.New("the proof of the dispatch is that of something else")
	}
	s.dispatched = in.At
	return nil
}

// proved verifies a proof to the bundle's own checkpoint and returns what it proves.
func (s *sealed) proved(file []byte) (*ledger.Event, error) {
	proof, err := ledger.ParseProof(file)
	if err != nil {
		return nil, err
	}
	if string(proof.Checkpoint) != string(s.checkpoint.Bytes()) {
		return nil, errors.New("it is to another checkpoint than that of the bundle")
	}
	in, err := s.policy.VerifyProof(proof, nil)
	if err != nil {
		return nil, err
	}
	if in.Event == nil {
		return nil, errors.New("it doesn't say of what it is")
	}
	return in.Event, nil
}

// checkReceiptProof says whether an event is that of a receipt.
func checkReceiptProof(e *ledger.Event, notice crypto.Number, by crypto.Representative, receipt []byte) error {
	if e.Kind != ledger.NoticeAcknowledged || e.Notice != notice || e.Representative != by || e.Receipt != sha256.Sum256(receipt) {
		return fmt.Errorf("the proof beside the receipt of %s is that of something else", by.Mailbox)
	}
	return nil
}

// packer writes files into a zip, and remembers their digests.
type packer struct {
	zip  *zip.Writer
	sums []string
}

// packed is the time of every file: a bundle doesn't tell when it was made, and is the same when it is made again.
var packed = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func (p *packer) add(name string, data []byte) error {
	f, err := p.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: packed})
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	p.sums = append(p.sums, hex.EncodeToString(digest[:])+"  "+name+"\n")
	return nil
}

// list is SHA256SUMS, in the order of names.
func list(sums []string) []byte {
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[2*sha256.Size:], b[2*sha256.Size:]) })
	return []byte(strings.Join(sums, ""))
}

// Write writes the zip. mailboxes come in the order of their numbers; prove returns the proof of an event to the bundle's checkpoint, or portal.NotFound while
// that doesn't cover it. In memory is one mailbox at a time, and the lists. After an error what was written is no zip that can be opened.
func (b *Bundle) Write(w io.Writer, mailboxes iter.Seq2[portal.MailboxEvidence, error], prove func(ledger.Event) ([]byte, error)) error {
	p := &packer{zip: zip.NewWriter(w)}
	if err := b.writeNotice(p); err != nil {
		return err
	}
	events := ofNotice(b.manifest, b.source.Notice.SubmittedAt, b.dispatched)
	f := b.facts(len(b.source.Staff))
	for mailbox, err := range mailboxes {
		if err == nil && len(mailbox.Members) == 0 {
			err = fmt.Errorf("the mailbox %s has no member of the audience", mailbox.Mailbox)
		}
		if err != nil {
			return err
		}
		answer, err := b.writeMailbox(p, &mailbox, prove)
		if err != nil {
			return err
		}
		proved, err := b.writeEvents(p, &mailbox, prove)
		if err != nil {
			return err
		}
		f.count(&mailbox, answer)
		f.Entered += len(proved)
		events = append(append(events, proved...), ofMailbox(b.manifest.Manifest(), &mailbox, proved, b.source.Now)...)
		if answer != nil {
			events = append(events, *answer)
		}
		contacts, err := b.writeContacts(p, &mailbox)
		if err != nil {
			return err
		}
		for i := range contacts {
			if contacts[i].Word == BySignature {
				f.contact(&contacts[i])
			}
		}
		events = append(events, contacts...)
	}
	events = sortEvents(events)
	table, listed := encode(events)
	if err := p.add(csvFile, table); err != nil {
		return err
	}
	if err := p.add(jsonFile, listed); err != nil {
		return err
	}
	f.Files = len(p.sums) + 2
	f.tally(events)
	inEnglish, inFrench := f.readmes()
	if err := p.add(readmeFile, inEnglish); err != nil {
		return err
	}
	if err := p.add(frenchFile, inFrench); err != nil {
		return err
	}
	if err := p.add(sumsFile, list(p.sums)); err != nil {
		return err
	}
	return p.zip.Close()
}

func (b *Bundle) writeNotice(p *packer) error {
	signed := b.source.Notice.Signed
	files := []struct {
		name string
		data []byte
	}{
		{manifestFile, signed.Manifest}, {authorFile, signed.AuthorSignature}, {approverFile, signed.ApproverSignature}, {dispatchFile, b.source.Dispatch},
		{rootFile, []byte(b.source.Root.Certificate().Armor())}, {ledgerKeyFile, b.source.LedgerKey}, {checkpointFile, b.source.Checkpoint},
	}
	staff := slices.Clone(b.source.Staff)
	slices.SortFunc(staff, func(x, y *crypto.Certificate) int {
		return strings.Compare(string(x.Fingerprint()), string(y.Fingerprint()))
	})
	for _, c := range staff {
		files = append(files, struct {
			name string
			data []byte
		}{staffFile(c.Fingerprint()), []byte(c.Armor())})
	}
	for _, f := range files {
		if err := p.add(f.name, f.data); err != nil {
			return err
		}
	}
	return nil
}

// writeMailbox returns the event of its receipt, if it has one.
func (b *Bundle) writeMailbox(p *packer, m *portal.MailboxEvidence, prove func(ledger.Event) ([]byte, error)) (*Event, error) {
	for _, member := range m.Members {
		if err := p.add(membershipFile(member.Representative), member.Membership); err != nil {
			return nil, err
		}
		for i, link := range member.Chain {
			if err := p.add(keyFile(member.Representative, i), []byte(crypto.ArmorCertificate(link.Certificate))); err != nil {
				return nil, err
			}
		}
	}
	if m.Acknowledgement == nil {
		return nil, nil
	}
	receipt := m.Acknowledgement.Receipt
	said, err := crypto.ReadReceipt(receipt)
	if err != nil {
		return nil, err
	}
	if err := p.add(receiptFile(m.Mailbox), receipt); err != nil {
		return nil, err
	}
	var entered time.Time
	proof, err := prove(ledger.Event{Kind: ledger.NoticeAcknowledged, Notice: m.Acknowledgement.Notice, Representative: m.Acknowledgement.Representative})
	switch {
	case portal.KindOf(err) == portal.NotFound: // no checkpoint covers it yet
	case err != nil:
		return nil, err
	default:
		in, err := b.proved(proof)
		if err != nil {
			return nil, err
		}
		if err := checkReceiptProof(in, m.Acknowledgement.Notice, said.Representative, receipt); err != nil {
			return nil, err
		}
		entered = in.At
		if err := p.add(receiptProofFile(m.Mailbox), proof); err != nil {
			return nil, err
		}
	}
	e := answered(said, entered)
	return &e, nil
}

// writeContacts returns the events of a mailbox's contacts outside the portal, the oldest first. Their notes are in no bundle: they are sealed, and personal. One that doesn't hold, since it
// was damaged or altered where it is kept, is no evidence, and keeps nobody from the rest: that it was written down stands there on the portal's word.
func (b *Bundle) writeContacts(p *packer, m *portal.MailboxEvidence) (events []Event, err error) {
	var unproved []Event
	for _, kept := range m.Events {
		if !isContact(kept) {
			continue
		}
		c, err := b.root.VerifyContact(kept.Evidence, b.manifest, b.source.Staff, b.source.Now)
		if err == nil && c.Contact().Mailbox != m.Mailbox {
			err = fmt.Errorf("it is with %s", c.Contact().Mailbox)
		}
		if err != nil {
			said := told(kept, "")
			if said.Word = ByPortal; !slices.Contains(unproved, said) {
				unproved = append(unproved, said)
			}
			continue
		}
		e := contacted(c.Contact(), len(events))
		if err := p.add(e.Evidence, kept.Evidence); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return append(events, unproved...), nil
}

// writeEvents returns the events that the ledger has of a mailbox, beside its receipt.
func (b *Bundle) writeEvents(p *packer, m *portal.MailboxEvidence, prove func(ledger.Event) ([]byte, error)) (proved []Event, err error) {
	notice := b.manifest.Manifest().Notice
	add := func(about ledger.Event, name string) error {
		file, err := prove(about)
		if portal.KindOf(err) == portal.NotFound { // no checkpoint covers it yet
			return nil
		}
		if err != nil {
			return err
		}
		in, err := b.proved(file)
		if err != nil {
			return err
		}
		e, err := entered(in, name)
		if err != nil {
			return err
		}
		if in.Notice != notice || e.Mailbox != string(m.Mailbox) {
			return fmt.Errorf("the ledger's entry for %s is that of something else", name)
		}
		proved = append(proved, e)
		return p.add(name, file)
	}
	if err := add(ledger.Event{Kind: ledger.NoticeDelivered, Notice: notice, Mailbox: m.Mailbox}, deliveredProofFile(m.Mailbox)); err != nil {
		return nil, err
	}
	if by, err := crypto.ParseRepresentative(m.OpenedBy); err == nil {
		if err := add(ledger.Event{Kind: ledger.NoticeOpened, Notice: notice, Representative: by}, openedProofFile(m.Mailbox)); err != nil {
			return nil, err
		}
	}
	for i, e := range others(m.Events) {
		if err := add(ledger.OfNotice(e), eventProofFile(m.Mailbox, i)); err != nil {
			return nil, err
		}
	}
	return proved, nil
}
