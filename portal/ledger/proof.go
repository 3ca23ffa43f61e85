package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofFirstLine = "c2sp.org/tlog-proof@v1"

	// maxProofHashes is the most hashes of a proof: the height of the largest tree.
	maxProofHashes = 63

	// MaxProofSize is the most bytes of a proof file.
	MaxProofSize = MaxCheckpointSize + 16<<10
)

// Proof is a file that shows, without a network, that a leaf is in the log (C2SP
// tlog-proof). Its name ends in ".tlog-proof".
type Proof struct {
	Extra      []byte // what the leaf is made of: its text, or an opening; may be nil
	Index      int64  // of the leaf
	Hashes     tlog.RecordProof
	Checkpoint []byte // signed
}

// NewProof makes the proof that is handed out with a receipt or a statement: that
// the leaf with this index is in the tree of checkpoint. With extra, the leaf's own text
// or its opening, the file says by itself what it proves; an opening shows the
// event to whoever gets the file. What it returns was verified against the
// checkpoint.
func NewProof(ctx context.Context, r Reader, index int64, checkpoint *SignedCheckpoint, extra []byte) (*Proof, error) {
	return newProof(ctx, r, index, checkpoint.Checkpoint, checkpoint.raw, extra)
}

// newProof is NewProof for who can't say whether the signatures hold.
func newProof(ctx context.Context, r Reader, index int64, checkpoint Checkpoint, signed, extra []byte) (*Proof, error) {
	hashes, err := InclusionProof(ctx, r, index, checkpoint.Size)
	if err != nil {
		return nil, err
	}
	leaves, err := r.LedgerLeaves(ctx, index, 1)
	if err != nil {
		return nil, err
	}
	if len(leaves) != 1 {
		return nil, fmt.Errorf("leaf %d is not in the store: its tables are damaged", index)
	}
	if err := tlog.CheckRecord(hashes, checkpoint.Size, checkpoint.Root, index, tlog.RecordHash(leaves[0])); err != nil {
		return nil, fmt.Errorf("the stored tree is not the one that was signed: %w", err)
	}
	p := &Proof{Extra: extra, Index: index, Hashes: hashes, Checkpoint: bytes.Clone(signed)}
	if extra != nil {
		leaf, _, err := leafOf(extra)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(leaf.Bytes(), leaves[0]) {
			return nil, fmt.Errorf("leaf %d is another than the one to be proved", index)
		}
	}
	return p, nil
}

// Bytes returns the file.
func (p *Proof) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString(proofFirstLine + "\n")
	if p.Extra != nil {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseProof reads a proof file, at most MaxProofSize bytes. Nothing in it is known to be
// true until Policy.VerifyProof says so.
func ParseProof(file []byte) (*Proof, error) {
	if len(file) > MaxProofSize {
		return nil, fmt.Errorf("the proof has %d bytes; at most %d are accepted", len(file), MaxProofSize)
	}
	head, checkpoint, ok := strings.Cut(string(file), "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != proofFirstLine {
		return nil, fmt.Errorf("this is not a proof from a ledger: its first line must be %q", proofFirstLine)
	}
	if !ok || checkpoint == "" {
		return nil, errors.New("the proof ends before its checkpoint: it was cut off")
	}
	p := &Proof{Checkpoint: []byte(checkpoint)}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		encoded := lines[0][len("extra "):]
		extra, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || base64.StdEncoding.EncodeToString(extra) != encoded {
			return nil, errors.New("the proof's line \"extra\" is not in base64")
		}
		p.Extra, lines = extra, lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return nil, errors.New("the proof lacks the line \"index\"")
	}
	var err error
	if p.Index, err = parseSize(lines[0][len("index "):]); err != nil {
		return nil, errors.New("the proof's line \"index\" must hold the number of a leaf")
	}
	if p.Hashes, err = parseHashes(lines[1:]); err != nil {
		return nil, fmt.Errorf("the proof: %w", err)
	}
	return p, nil
}

// parseHashes reads the lines of an inclusion or consistency proof.
func parseHashes(lines []string) ([]tlog.Hash, error) {
	if len(lines) > maxProofHashes {
		return nil, fmt.Errorf("it has %d hashes; at most %d are accepted", len(lines), maxProofHashes)
	}
	var hashes []tlog.Hash
	for _, l := range lines {
		h, err := parseHash(l)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// leafOf returns the leaf that a proof's extra data make, and the event that they show.
func leafOf(extra []byte) (Leaf, *Event, error) {
	if bytes.HasPrefix(extra, []byte(openingFirstLine+"\n")) {
		o, err := ParseOpening(extra)
		if err != nil {
			return Leaf{}, nil, err
		}
		l := o.Leaf()
		e, err := l.Reveal(o)
		return l, e, err
	}
	if extra == nil {
		return Leaf{}, nil, errors.New("the proof does not say of what: give the leaf or the opening that belongs to it")
	}
	l, err := ParseLeaf(extra)
	return l, l.Public(), err
}

// Included is a leaf that was proved to be in a log.
type Included struct {
	Leaf       Leaf
	Event      *Event // nil when the leaf is private and its opening wasn't given
	Index      int64
	Checkpoint *SignedCheckpoint
}

// VerifyProof returns the leaf that the proof is of, when it is in a log that the
// policy believes. leaf is what it must be of; nil takes what the proof itself says, so
// look at the event that is returned.
func (p Policy) VerifyProof(proof *Proof, leaf *Leaf) (*Included, error) {
	checkpoint, err := p.Open(proof.Checkpoint)
	if err != nil {
		return nil, err
	}
	in := &Included{Index: proof.Index, Checkpoint: checkpoint}
	said, event, err := leafOf(proof.Extra)
	switch {
	case leaf == nil && err != nil:
		return nil, err
	case leaf == nil:
		in.Leaf, in.Event = said, event
	case err == nil && said.text != leaf.text:
		return nil, alarm(Missing, "this proof is of another leaf than the one that it was given with")
	case err == nil:
		in.Leaf, in.Event = *leaf, event
	default: // extra data of another program, or none
		in.Leaf, in.Event = *leaf, leaf.Public()
	}
	if in.Leaf.text == "" {
		return nil, errors.New("the leaf that is to be proved is missing")
	}
	if proof.Index < 0 || proof.Index >= checkpoint.Size || tlog.CheckRecord(proof.Hashes, checkpoint.Size, checkpoint.Root, proof.Index, in.Leaf.Hash()) != nil {
		return nil, alarm(Missing, "the proof does not hold: it does not show that this leaf is number %d of the %d in the log %s; the proof, or what it is to prove, was altered", proof.Index, checkpoint.Size, checkpoint.Origin).between(nil, checkpoint.raw)
	}
	return in, nil
}
