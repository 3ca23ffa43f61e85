package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Witness cosigns the checkpoints of logs, each only when it extends the one
// cosigned before (C2SP tlog-witness). It is run by somebody else than the log: as long
// as one honest witness is asked for, the log can't show two histories to those who ask
// for it. Package witness puts it behind HTTP.
//
// Its folder holds, for each log, the checkpoint that was cosigned last. The folder must
// survive what the key survives; never put back an older copy of it.
type Witness struct {
	folder string
	key    *Key
	logs   map[string]Policy
	lock   io.Closer

	mutex sync.Mutex // from looking up the last checkpoint until the next one is on disk
}

const witnessFile = "witness"

// CreateWitness prepares a folder, which must be there, for a witness with this key. It
// refuses one that was prepared before.
func CreateWitness(folder string, key *Key) error {
	if key.use != typeCosignature {
		return fmt.Errorf("%s is the key of a log; a witness needs one of its own", key)
	}
	path := filepath.Join(folder, witnessFile)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: the folder belongs to a witness", path)
	}
	return replaceFile(path, []byte(key.VerifierKey()+"\n"))
}

// OpenWitness takes up witnessing logs: of each policy, Origin and Log count. It refuses
// a folder that CreateWitness hasn't prepared for this key (one that was lost would let a
// log begin anew), or that another process uses.
func OpenWitness(folder string, key *Key, logs ...Policy) (*Witness, error) {
	path := filepath.Join(folder, witnessFile)
	owner, err := readFile(path, 1024)
	if err != nil {
		return nil, fmt.Errorf("the folder of the witness can't be used; put the newest copy of it back: %w", err)
	}
	if string(owner) != key.VerifierKey()+"\n" {
		return nil, fmt.Errorf("%s says that the folder belongs to another witness, %.200q", path, strings.TrimSpace(string(owner)))
	}
	w := &Witness{folder: folder, key: key, logs: map[string]Policy{}}
	for _, l := range logs {
		l = Policy{Origin: l.Origin, Log: l.Log}
		if err := l.check(); err != nil {
			return nil, err
		}
		if _, twice := w.logs[l.Origin]; twice {
			return nil, fmt.Errorf("the log %s is named twice", l.Origin)
		}
		w.logs[l.Origin] = l
	}
	w.lock, err = lockPath(path + ".lock")
	return w, err
}

// Close lets another process use the folder.
func (w *Witness) Close() error { return w.lock.Close() }

// Refusal is why a witness doesn't cosign: the status of HTTP that C2SP tlog-witness
// gives it, a text, and, for 409, the size that the witness knows.
type Refusal struct {
	Status int
	Size   int64
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

// The statuses of C2SP tlog-witness.
const (
	statusBadRequest    = 400
	statusForbidden     = 403
	statusNotFound      = 404
	statusConflict      = 409
	statusUnprocessable = 422
)

func refuse(status int, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Text: fmt.Sprintf(format, args...)}
}

// MaxRequestSize is the most bytes of a request to cosign.
const MaxRequestSize = MaxCheckpointSize + 8<<10

// Request is the body of a request to cosign a checkpoint (C2SP tlog-witness,
// "add-checkpoint").
type Request struct {
	Old        int64          // size of the checkpoint that the witness is thought to have cosigned last
	Proof      tlog.TreeProof // that the checkpoint extends it
	Checkpoint []byte         // signed
}

// Bytes returns the body.
func (q *Request) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", q.Old)
	for _, h := range q.Proof {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(q.Checkpoint)
	return b.Bytes()
}

// ParseRequest reads a body, at most MaxRequestSize bytes.
func ParseRequest(body []byte) (*Request, error) {
	if len(body) > MaxRequestSize {
		return nil, fmt.Errorf("the request has more than %d bytes", MaxRequestSize)
	}
	head, checkpoint, ok := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	old, isOld := strings.CutPrefix(lines[0], "old ")
	if !ok || !isOld {
		return nil, errors.New("a request is a line \"old\" with a size, the lines of a consistency proof, an empty line, and a checkpoint")
	}
	q := &Request{Checkpoint: []byte(checkpoint)}
	var err error
	if q.Old, err = parseSize(old); err != nil {
		return nil, fmt.Errorf("the line \"old\": %w", err)
	}
	if q.Proof, err = parseHashes(lines[1:]); err != nil {
		return nil, fmt.Errorf("the consistency proof: %w", err)
	}
	return q, nil
}

// AddCheckpoint answers a request: with the line of the cosignature, or with a
// Refusal. Any other error is the witness's own trouble. When it answers with a
// cosignature, the checkpoint is on disk.
func (w *Witness) AddCheckpoint(body []byte) (line []byte, err error) {
	q, err := ParseRequest(body)
	if err != nil {
		return nil, refuse(statusBadRequest, "%v", err)
	}
	origin, _, _ := strings.Cut(string(q.Checkpoint), "\n")
	policy, known := w.logs[origin]
	if !known {
		return nil, refuse(statusNotFound, "this witness doesn't know the log %.255q", origin)
	}
	next, err := policy.open(q.Checkpoint)
	var distrusted *Alarm
	switch {
	case errors.As(err, &distrusted):
		return nil, refuse(statusForbidden, "%v", err)
	case errors.Is(err, errEmptyRoot):
		return nil, refuse(statusUnprocessable, "%v", err)
	case err != nil:
		return nil, refuse(statusBadRequest, "%v", err)
	case q.Old > next.Size:
		return nil, refuse(statusBadRequest, "the old size, %d, is above that of the checkpoint, %d", q.Old, next.Size)
	}
	return w.cosign(policy, q, next)
}

func (w *Witness) cosign(policy Policy, q *Request, next *SignedCheckpoint) ([]byte, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	last, err := w.last(policy)
	if err != nil {
		return nil, err
	}
	if q.Old != last.N {
		refusal := refuse(statusConflict, "this witness has cosigned %d leaves, not %d", last.N, q.Old)
		refusal.Size = last.N
		return nil, refusal
	}
	if err := checkConsistency(q.Proof, last, next.tree()); err != nil {
		return nil, refuse(statusUnprocessable, "the checkpoint of %d leaves doesn't extend the one of %d that this witness has cosigned: %v", next.Size, last.N, err)
	}
	signed, err := note.Sign(&note.Note{Text: next.Text()}, w.key)
	if err != nil {
		return nil, err
	}
	line := signed[len(next.Text())+1:]
	cosigned, err := next.Cosigned(line, w.key.Verifier())
	if err != nil {
		return nil, err
	}
	if err := replaceFile(w.path(policy.Origin), cosigned.raw); err != nil {
		return nil, err
	}
	return line, nil
}

// last returns the tree that was cosigned last, the empty one when there is none.
func (w *Witness) last(policy Policy) (tlog.Tree, error) {
	mine := Policy{Origin: policy.Origin, Log: []note.Verifier{w.key.Verifier()}} // the log may have changed its key since
	c, err := readCheckpoint(w.path(policy.Origin), mine)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return tlog.Tree{Hash: emptyRoot()}, nil
	case err != nil:
		return tlog.Tree{}, err
	}
	return c.tree(), nil
}

func (w *Witness) path(origin string) string {
	return filepath.Join(w.folder, originHash(origin)+".checkpoint")
}

// originHash is how a log is named in addresses of a witness.
func originHash(origin string) string {
	digest := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(digest[:])
}

// Latest returns the checkpoint that was cosigned last of a log, with the signature of
// the log and the cosignature. The log is named by the SHA-256 digest of its name, in
// small hexadecimal digits. A Refusal with status 404 says that there is none.
func (w *Witness) Latest(log string) ([]byte, error) {
	for origin := range w.logs {
		if originHash(origin) != log {
			continue
		}
		c, err := readFile(w.path(origin), MaxCheckpointSize)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		return c, err
	}
	return nil, refuse(statusNotFound, "this witness has cosigned no such log")
}
