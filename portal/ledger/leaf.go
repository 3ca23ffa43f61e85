package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	leafFirstLine    = "valise leaf v1"
	openingFirstLine = "valise opening v1"

	// privateKind is the only kind that is told of a private event.
	privateKind = "private"

	// MaxLeafSize is the most bytes of a leaf.
	MaxLeafSize = 1024
	// MaxOpeningSize is the most bytes of an opening.
	MaxOpeningSize = 1024

	// SaltSize is how many random bytes hide an event in its commitment.
	SaltSize = 32
)

// Leaf is one entry of the log. The zero value is none, and Append refuses it.
type Leaf struct {
	text       string
	event      Event  // of a public leaf
	commitment Digest // of a private leaf
}

// PublicLeaf returns the leaf of an event that everybody may know of. An event of
// a private kind is refused.
func PublicLeaf(e Event) (Leaf, error) {
	if e.Kind.Private() {
		return Leaf{}, fmt.Errorf("a %s event is not for the public; enter a commitment to it", e.Kind)
	}
	lines, err := e.lines()
	if err != nil {
		return Leaf{}, err
	}
	return ParseLeaf(writeText(leafFirstLine, lines))
}

// Commit returns the leaf of an event of a private kind, and the opening that its
// parties are given. Every call draws another salt: the same event twice gives two
// leaves that nobody can tell to be of the same event.
func Commit(e Event) (Leaf, *Opening, error) {
	if !e.Kind.Private() {
		return Leaf{}, nil, fmt.Errorf("a %s event is public; enter it in clear", e.Kind)
	}
	lines, err := e.lines()
	if err != nil {
		return Leaf{}, nil, err
	}
	var salt Digest
	rand.Read(salt[:])
	lines = append(lines, line{"salt", salt.String()})
	o, err := ParseOpening(writeText(openingFirstLine, lines))
	if err != nil {
		return Leaf{}, nil, err
	}
	return privateLeaf(o.Commitment()), o, nil
}

// NewDecoy returns a leaf that looks like that of a private event and is of none.
// Entered along with others, it hides how many there were.
func NewDecoy() Leaf {
	var random Digest
	rand.Read(random[:])
	return privateLeaf(random)
}

func privateLeaf(commitment Digest) Leaf {
	text := writeText(leafFirstLine, []line{{"kind", privateKind}, {"commitment", commitment.String()}})
	return Leaf{text: string(text), commitment: commitment}
}

// ParseLeaf reads a leaf, at most MaxLeafSize bytes. There is one spelling of
// everything: what Bytes returns is what was read.
func ParseLeaf(text []byte) (Leaf, error) {
	r := readText("leaf", leafFirstLine, text, MaxLeafSize)
	l := Leaf{text: string(text)}
	switch kind := r.value("kind"); {
	case r.err != nil:
	case kind == privateKind:
		value := r.value("commitment")
		var err error
		if l.commitment, err = ParseDigest(value); err != nil {
			r.fail("(commitment) must be 64 digits 0–9 and small letters a–f")
		}
	case Kind(kind).Private():
		r.fail("names %q, which is no kind that stands in a leaf; a newer version of Valise may know it", kind)
	default:
		l.event = readEvent(r, Kind(kind))
	}
	if err := r.end(); err != nil {
		return Leaf{}, err
	}
	return l, nil
}

// Bytes returns the leaf's text, nil for the zero value.
func (l Leaf) Bytes() []byte {
	if l.text == "" {
		return nil
	}
	return []byte(l.text)
}

// Hash returns the leaf's hash in the tree (RFC 6962, section 2.1).
func (l Leaf) Hash() tlog.Hash { return tlog.RecordHash([]byte(l.text)) }

// Public returns the event of a public leaf, nil for a private one.
func (l Leaf) Public() *Event {
	if l.event.Kind == "" {
		return nil
	}
	e := l.event
	return &e
}

// Reveal returns the event of a private leaf, when o is the opening it was made of.
func (l Leaf) Reveal(o *Opening) (*Event, error) {
	switch {
	case l.text == "" || l.event.Kind != "":
		return nil, errors.New("this leaf holds no commitment, so no opening belongs to it")
	case o == nil || o.text == "":
		return nil, errors.New("the opening is missing")
	}
	commitment := o.Commitment()
	if subtle.ConstantTimeCompare(commitment[:], l.commitment[:]) != 1 {
		return nil, errors.New("this opening is not the one that the leaf was made of: the event was another, or the opening was altered")
	}
	e := o.event
	return &e, nil
}

// Opening is what opens a commitment: the event and the salt. Whoever has it can
// prove the event to others; without it the leaf tells nothing, even to somebody who
// tries every mailbox, notice and second.
type Opening struct {
	text  string
	event Event
}

// ParseOpening reads an opening, at most MaxOpeningSize bytes, in its only spelling.
// That the event happened is shown by Leaf.Reveal and a proof, not by reading it.
func ParseOpening(text []byte) (*Opening, error) {
	r := readText("opening", openingFirstLine, text, MaxOpeningSize)
	kind := Kind(r.value("kind"))
	if r.err == nil && !kind.Private() {
		r.fail("names %q, which is public and has no opening", kind)
	}
	o := &Opening{text: string(text)}
	if r.err == nil {
		o.event = readEvent(r, kind)
	}
	if salt, err := ParseDigest(r.value("salt")); err != nil || salt == (Digest{}) {
		r.fail("(salt) must be %d random octets as digits 0–9 and small letters a–f", SaltSize)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return o, nil
}

// Bytes returns the opening's text.
func (o *Opening) Bytes() []byte { return []byte(o.text) }

// Commitment is the SHA-256 digest of the opening's text. Its first line is the
// domain tag; kind, fields and salt follow, each in a line of its own, so that no two
// openings have the same text.
func (o *Opening) Commitment() Digest { return sha256.Sum256([]byte(o.text)) }

// Leaf returns the leaf that the opening opens.
func (o *Opening) Leaf() Leaf { return privateLeaf(o.Commitment()) }
