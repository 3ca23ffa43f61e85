package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"valise/crypto"
	"valise/portal"
)

// Store is what serving the log needs to be kept.
type Store interface {
	Reader
	// LedgerCheckpoint returns the checkpoint that was published last, signatures included;
	// portal.NotFound.
	LedgerCheckpoint(ctx context.Context) ([]byte, error)
	// LedgerEntry returns an entry and which leaf it has become, a negative number while it waits;
	// portal.NotFound.
	LedgerEntry(ctx context.Context, subject string) (e Entry, index int64, err error)
}

// Ledger is the step that hands out the log, and proofs of what is in it. It holds no key, and verifies
// no signature: whoever gets these files does. Use New.
type Ledger struct{ store Store }

// New makes the step.
func New(store Store) *Ledger { return &Ledger{store} }

// Checkpoint returns the checkpoint that was published last; portal.NotFound before the first.
func (l *Ledger) Checkpoint(ctx context.Context) ([]byte, error) {
	return l.store.LedgerCheckpoint(ctx)
}

// Resource returns one of the files of the log, by its path ("tile/0/x001/067"); portal.NotFound when the
// published checkpoint doesn't cover it. It never changes.
func (l *Ledger) Resource(ctx context.Context, path string) ([]byte, error) {
	r, err := ParsePath(path)
	if err != nil {
		return nil, err
	}
	_, checkpoint, err := l.published(ctx)
	if err != nil {
		return nil, err
	}
	return ReadResource(ctx, l.store, checkpoint.Size, r)
}

// published returns the published checkpoint and what it says. Whether its signatures hold is for others to find out.
func (l *Ledger) published(ctx context.Context) (signed []byte, c *Checkpoint, err error) {
	if signed, err = l.store.LedgerCheckpoint(ctx); err != nil {
		return nil, nil, err
	}
	text, _, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return nil, nil, errors.New("the published checkpoint of the ledger is damaged")
	}
	c, err = ParseCheckpoint(text + "\n")
	return signed, c, err
}

// ReceiptProof returns the proof that a kept receipt is in the log, as a file (Proof.Bytes) that holds the opening. Whoever has the receipt knows what
// the opening says; ask dispatch who may have it. portal.NotFound: with code "unknown-receipt", or, while no checkpoint covers it, "not-in-ledger-yet".
func (l *Ledger) ReceiptProof(ctx context.Context, a portal.AcknowledgementRecord) ([]byte, error) {
	return l.proof(ctx, Event{Kind: NoticeAcknowledged, Notice: a.Notice, Representative: a.Representative},
		portal.Errorf(portal.NotFound, "unknown-receipt", "The ledger has no such receipt: it was given before there was a ledger."))
}

// StatementReceiptProof is ReceiptProof for the receipt of a statement; ask publish who may have it.
func (l *Ledger) StatementReceiptProof(ctx context.Context, a portal.StatementAcknowledgement) ([]byte, error) {
	return l.proof(ctx, Event{Kind: StatementAcknowledged, Statement: a.Statement, Version: a.Version, Representative: a.Representative},
		portal.Errorf(portal.NotFound, "unknown-receipt", "The ledger has no such receipt."))
}

// NoticeProof returns the proof of a notice's dispatch; ask dispatch who may have it. portal.NotFound as ReceiptProof.
func (l *Ledger) NoticeProof(ctx context.Context, n crypto.Number) ([]byte, error) {
	return l.proof(ctx, Event{Kind: NoticeDispatched, Notice: n},
		portal.Errorf(portal.NotFound, "not-dispatched", "The notice %s has not been dispatched.", n))
}

// CertificateProof returns the proof that a representative's certificate was entered: when it was issued, when they claimed, or, with the revocation in it, when they
// were revoked; ask registry who may have it.
// portal.NotFound as ReceiptProof.
func (l *Ledger) CertificateProof(ctx context.Context, of crypto.Representative, certificate []byte) ([]byte, error) {
	unknown := portal.Errorf(portal.NotFound, "unknown-certificate", "The ledger has no such certificate of %s.", of)
	e := Event{Kind: RepresentativeClaimed, Representative: of, Certificate: sha256.Sum256(certificate)}
	proof, err := l.proof(ctx, e, unknown)
	for _, e.Kind = range []Kind{RepresentativeIssued, RepresentativeRevoked} {
		if err == error(unknown) {
			proof, err = l.proof(ctx, e, unknown)
		}
	}
	return proof, err
}

// StatementProof returns the proof of a version of a statement, published, corrected or withdrawn, for everybody. portal.NotFound as ReceiptProof.
func (l *Ledger) StatementProof(ctx context.Context, n crypto.Number, version int) ([]byte, error) {
	return l.proof(ctx, Event{Kind: StatementPublished, Statement: n, Version: version},
		portal.Errorf(portal.NotFound, "no-statement", "There is no version %d of a statement %s.", version, n))
}

// StaffCertificateProof returns the proof that a certificate of a staff member was entered, for everybody. portal.NotFound as ReceiptProof.
func (l *Ledger) StaffCertificateProof(ctx context.Context, certificate []byte) ([]byte, error) {
	return l.proof(ctx, Event{Kind: StaffCertificate, Certificate: sha256.Sum256(certificate)},
		portal.Errorf(portal.NotFound, "unknown-certificate", "The ledger has no such certificate: it was added before there was a ledger."))
}

// ClientManifestProof returns the proof of a client manifest, by the digest of its text, for everybody. portal.NotFound as ReceiptProof.
func (l *Ledger) ClientManifestProof(ctx context.Context, manifest Digest) ([]byte, error) {
	return l.proof(ctx, Event{Kind: ClientManifest, Manifest: manifest},
		portal.Errorf(portal.NotFound, "no-client-manifest", "The ledger has no such client manifest."))
}

// coverSoon is how many seconds whoever asks for a proof too early is told to wait.
const coverSoon = 10

func (l *Ledger) proof(ctx context.Context, about Event, unknown *portal.Error) ([]byte, error) {
	entry, index, err := l.store.LedgerEntry(ctx, about.Subject())
	if portal.KindOf(err) == portal.NotFound {
		return nil, unknown
	}
	if err != nil {
		return nil, err
	}
	signed, checkpoint, err := l.published(ctx)
	if err != nil && portal.KindOf(err) != portal.NotFound {
		return nil, err
	}
	if err != nil || index < 0 || index >= checkpoint.Size {
		return nil, tooEarly()
	}
	p, err := newProof(ctx, l.store, index, *checkpoint, signed, entry.Extra)
	if err != nil {
		return nil, err
	}
	return p.Bytes(), nil
}
