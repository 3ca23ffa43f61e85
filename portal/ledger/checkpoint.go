package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// MaxCheckpointSize is the most bytes of a signed checkpoint: post-quantum signatures
	// of other programs have 5 kB each.
	MaxCheckpointSize = 128 << 10

	maxCheckpointText = 4 << 10
)

// Checkpoint says which leaves a log has, in three lines (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin     string // the log's name
	Size       int64  // number of leaves
	Root       tlog.Hash
	Extensions []string // further lines, of other programs; Valise writes none
}

// Text returns what is signed.
func (c Checkpoint) Text() string {
	text := fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	for _, l := range c.Extensions {
		text += l + "\n"
	}
	return text
}

func (c Checkpoint) tree() tlog.Tree { return tlog.Tree{N: c.Size, Hash: c.Root} }

// ParseCheckpoint reads what Text writes. Whether to believe it is another question:
// Policy.Open.
func ParseCheckpoint(text string) (*Checkpoint, error) {
	if len(text) > maxCheckpointText {
		return nil, fmt.Errorf("the checkpoint has %d bytes; at most %d are accepted", len(text), maxCheckpointText)
	}
	body, complete := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !complete || len(lines) < 3 || slices.Contains(lines, "") {
		return nil, errors.New("a checkpoint has three lines, name of the log, number of leaves and root, none of them empty")
	}
	c := &Checkpoint{Origin: lines[0]}
	if err := checkOrigin(c.Origin); err != nil {
		return nil, err
	}
	var err error
	if c.Size, err = parseSize(lines[1]); err != nil {
		return nil, fmt.Errorf("the checkpoint's second line: %w", err)
	}
	if c.Root, err = parseHash(lines[2]); err != nil {
		return nil, fmt.Errorf("the checkpoint's third line: %w", err)
	}
	if c.Size == 0 && c.Root != emptyRoot() {
		return nil, errEmptyRoot
	}
	if len(lines) > 3 {
		c.Extensions = lines[3:]
	}
	for _, l := range c.Extensions {
		if !utf8.ValidString(l) || strings.ContainsFunc(l, unicode.IsControl) {
			return nil, errors.New("the checkpoint has a line with control characters")
		}
	}
	return c, nil
}

var errEmptyRoot = errors.New("the checkpoint has no leaves, but the root of a tree that has some")

func checkOrigin(origin string) error {
	if origin == "" || len(origin) > 255 || !utf8.ValidString(origin) || strings.ContainsFunc(origin, unicode.IsControl) {
		return errors.New("the name of a log is one line of 1 to 255 bytes")
	}
	return nil
}

func parseSize(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > MaxSize || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("%.40q is not a number of leaves", text)
	}
	return n, nil
}

// parseHash reads a hash in the only spelling that base64 has for it.
func parseHash(text string) (tlog.Hash, error) {
	h, err := tlog.ParseHash(text)
	if err != nil || h.String() != text {
		return tlog.Hash{}, fmt.Errorf("%.60q is not a hash of 32 octets in base64", text)
	}
	return h, nil
}

// Policy says whom to believe about a log. It comes with the institution's root or
// from paper, not from the log.
type Policy struct {
	Origin    string          // the log's name
	Log       []note.Verifier // the log's keys; several while it changes them
	Witnesses []note.Verifier // those whose cosignatures count
	Quorum    int             // how many of them must have cosigned; 0 asks for none
}

// Cosignature says that a witness had seen a checkpoint, and none that contradicts it.
type Cosignature struct {
	Witness string
	At      time.Time
}

// SignedCheckpoint is a checkpoint whose signature by the log verified. Only
// Policy.Open and a Signer make one.
type SignedCheckpoint struct {
	Checkpoint
	raw          []byte
	signatures   []note.Signature // those that verified
	cosignatures []Cosignature
}

// Bytes returns the checkpoint with its signatures, as it was read.
func (c *SignedCheckpoint) Bytes() []byte { return slices.Clone(c.raw) }

// Cosignatures returns those of witnesses that the policy knows, and which verified.
func (c *SignedCheckpoint) Cosignatures() []Cosignature { return slices.Clone(c.cosignatures) }

func (p Policy) check() error {
	switch {
	case checkOrigin(p.Origin) != nil:
		return errors.New("it wasn't said which log to believe: its name is missing")
	case len(p.Log) == 0:
		return fmt.Errorf("it wasn't said which key %s signs with", p.Origin)
	case p.Quorum < 0 || p.Quorum > len(p.Witnesses):
		return fmt.Errorf("%d of %d witnesses can't be asked for", p.Quorum, len(p.Witnesses))
	}
	for i, v := range p.Witnesses {
		for _, other := range slices.Concat(p.Log, p.Witnesses[:i]) {
			if samePublicKey(v, other) || v.Name() == other.Name() {
				return fmt.Errorf("the witness %s has the name or the key of %s, so it isn't another's; name each witness once", v.Name(), other.Name())
			}
		}
	}
	return nil
}

func samePublicKey(v, w note.Verifier) bool {
	a, ok := v.(*verifier)
	b, ok2 := w.(*verifier)
	return ok && ok2 && a.public.Equal(b.public)
}

// Open reads a signed checkpoint, at most MaxCheckpointSize bytes, and returns it only
// when it is of this log, signed by one of its keys, and cosigned as often as the policy
// asks. When not, the error is an Alarm, or says that this is no checkpoint.
func (p Policy) Open(signed []byte) (*SignedCheckpoint, error) {
	c, err := p.open(signed)
	if err != nil {
		return nil, err
	}
	if n := len(c.cosignatures); n < p.Quorum {
		return nil, alarm(Unwitnessed, "the checkpoint of %s at %d leaves carries the cosignatures of %d of the witnesses you trust; you ask for %d. Others may be shown another log: try again later, and if it stays so, ask the institution and the witnesses", c.Origin, c.Size, n, p.Quorum).between(nil, c.raw)
	}
	return c, nil
}

// open is Open without the quorum.
func (p Policy) open(signed []byte) (*SignedCheckpoint, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if len(signed) > MaxCheckpointSize {
		return nil, fmt.Errorf("the checkpoint has %d bytes; at most %d are accepted", len(signed), MaxCheckpointSize)
	}
	n, err := note.Open(signed, note.VerifierList(slices.Concat(p.Log, p.Witnesses)...))
	var unknown *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unknown):
		return nil, p.notOurs(unknown.Note)
	case errors.As(err, &invalid):
		return nil, alarm(WrongKey, "a signature on the checkpoint, made in the name of %s+%08x, is false: the checkpoint was altered or forged; don't trust it", invalid.Name, invalid.Hash)
	case err != nil:
		return nil, fmt.Errorf("this is not a signed checkpoint of a ledger: %w", err)
	}
	checkpoint, err := ParseCheckpoint(n.Text)
	if err != nil {
		return nil, fmt.Errorf("this is not a checkpoint of a ledger: %w", err)
	}
	if checkpoint.Origin != p.Origin {
		return nil, p.notOurs(n)
	}
	c := &SignedCheckpoint{Checkpoint: *checkpoint, raw: slices.Clone(signed), signatures: n.Sigs}
	if !slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return signedBy(s, p.Log) }) {
		return nil, p.notOurs(n)
	}
	for _, s := range n.Sigs {
		if data, err := base64.StdEncoding.DecodeString(s.Base64); err != nil || base64.StdEncoding.EncodeToString(data) != s.Base64 {
			return nil, errors.New("a signature on the checkpoint is spelt in another way than it was made: the checkpoint was altered")
		}
		if signedBy(s, p.Witnesses) {
			c.cosignatures = append(c.cosignatures, Cosignature{s.Name, cosignedAt(s)})
		}
	}
	return c, nil
}

func signedBy(s note.Signature, keys []note.Verifier) bool {
	return slices.ContainsFunc(keys, func(v note.Verifier) bool { return v.Name() == s.Name && v.KeyHash() == s.Hash })
}

// notOurs says in words why a note is not a checkpoint of this log.
func (p Policy) notOurs(n *note.Note) error {
	if c, err := ParseCheckpoint(n.Text); err != nil {
		return fmt.Errorf("this is not a checkpoint of a ledger: %w", err)
	} else if c.Origin != p.Origin {
		return alarm(WrongOrigin, "this is a checkpoint of another log: of %q, not of %q; nothing in it says anything about the log that you follow", c.Origin, p.Origin)
	}
	names := func(count int, name func(int) (string, uint32)) string {
		var list []string
		for i := range min(count, 8) {
			name, hash := name(i)
			list = append(list, fmt.Sprintf("%s+%08x", name, hash))
		}
		return strings.Join(list, ", ")
	}
	want := names(len(p.Log), func(i int) (string, uint32) { return p.Log[i].Name(), p.Log[i].KeyHash() })
	others := slices.Concat(n.Sigs, n.UnverifiedSigs)
	have := names(len(others), func(i int) (string, uint32) { return others[i].Name, others[i].Hash })
	return alarm(WrongKey, "the checkpoint calls itself one of %s but isn't signed with its key, %s, only with %s: somebody else made it, or the log has a new key, which the institution must tell you by another way", p.Origin, want, have)
}

// Cosigned returns the checkpoint with the cosignature of a witness added, out of the
// signature lines that the witness answered with; an older one of the same witness is
// replaced. Lines of others are passed over. It is an error when there is none of the
// witness, or one that is false.
func (c *SignedCheckpoint) Cosigned(lines []byte, witness note.Verifier) (*SignedCheckpoint, error) {
	if len(lines) > MaxCheckpointSize {
		return nil, fmt.Errorf("the witness answered with %d bytes; at most %d are accepted", len(lines), MaxCheckpointSize)
	}
	n, err := note.Open([]byte(c.Text()+"\n"+string(lines)), note.VerifierList(witness))
	if err != nil {
		return nil, fmt.Errorf("the answer of the witness %s holds no cosignature of this checkpoint that verifies: %w", witness.Name(), err)
	}
	added := *c
	added.signatures = slices.DeleteFunc(slices.Clone(c.signatures), func(s note.Signature) bool { return signedBy(s, []note.Verifier{witness}) })
	added.signatures = append(added.signatures, n.Sigs[0])
	added.cosignatures = slices.DeleteFunc(slices.Clone(c.cosignatures), func(s Cosignature) bool { return s.Witness == witness.Name() })
	added.cosignatures = append(added.cosignatures, Cosignature{witness.Name(), cosignedAt(n.Sigs[0])})
	added.raw, err = note.Sign(&note.Note{Text: c.Text(), Sigs: added.signatures})
	return &added, err
}
