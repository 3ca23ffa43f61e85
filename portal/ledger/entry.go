package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Entry is an event on its way into the log. It is kept in the transaction of the event
// itself, and put into the tree by the next call of Sequence.
type Entry struct {
	// Subject says what the event is about; it is what a proof is looked up by.
	Subject string
	// Extra is what the leaf is made of: its text, or, when it is private, the opening.
	Extra []byte

	leaf Leaf
}

// Enter prepares an event. Of a private one it draws the salt, so every call gives another
// entry: keep the one that was kept with the event.
func Enter(e Event) (Entry, error) {
	entry := Entry{Subject: e.Subject()}
	if e.Kind.Private() {
		leaf, opening, err := Commit(e)
		if err != nil {
			return Entry{}, err
		}
		entry.leaf, entry.Extra = leaf, opening.Bytes()
		return entry, nil
	}
	leaf, err := PublicLeaf(e)
	if err != nil {
		return Entry{}, err
	}
	entry.leaf, entry.Extra = leaf, leaf.Bytes()
	return entry, nil
}

// ParseEntry reads what was kept of an entry.
func ParseEntry(subject string, extra []byte) (Entry, error) {
	leaf, event, err := leafOf(extra)
	if err != nil {
		return Entry{}, err
	}
	if event == nil || event.Subject() != subject {
		return Entry{}, fmt.Errorf("what is kept for the ledger under %q is another event", subject)
	}
	return Entry{Subject: subject, Extra: extra, leaf: leaf}, nil
}

// Leaf returns the leaf that the entry becomes.
func (e Entry) Leaf() Leaf { return e.leaf }

// Subject returns what an event is about: no two events have the same. Proofs are looked
// up by it.
func (e Event) Subject() string {
	subject := string(e.Kind)
	switch e.Kind {
	case StatementPublished, StatementCorrected, StatementWithdrawn:
		subject = "statement " + string(e.Statement) + " " + strconv.Itoa(e.Version) // of one version there is one event
	case StaffCertificate:
		subject += " " + e.Certificate.String()
	case CheckpointKey:
		subject += " " + e.Key
	case ClientManifest:
		subject += " " + e.Manifest.String()
	case NoticeDispatched:
		subject += " " + string(e.Notice)
	case NoticeDelivered:
		subject += " " + string(e.Notice) + " " + string(e.Mailbox)
	case NoticeOpened, NoticeAcknowledged:
		subject += " " + string(e.Notice) + " " + e.Representative.String()
	case NoticeNotified, NoticeNotifyFailed, NoticeExpired, NoticeRelayed, NoticeRelayFailed, NoticeRecalled:
		subject += " " + e.ID
	case StatementAcknowledged:
		subject += " " + string(e.Statement) + " " + strconv.Itoa(e.Version) + " " + e.Representative.String()
	case MessageReceived:
		subject += " " + string(e.Thread) + " " + e.Message.String()
	case RepresentativeIssued, RepresentativeClaimed, RepresentativeRevoked:
		subject += " " + e.Representative.String() + " " + e.Certificate.String()
	}
	return subject
}

// Sequencer is a transaction of the store in which waiting entries are put into the tree.
type Sequencer interface {
	Appender
	// Waiting returns at most n entries that are not in the tree yet.
	Waiting(ctx context.Context, n int) ([]Entry, error)
	// Settle notes which leaf each entry has become.
	Settle(ctx context.Context, settled []Settled) error
}

// Settled says which leaf an entry has become.
type Settled struct {
	Subject string
	Index   int64
}

// MaxSequenced is how many entries one call of Sequence puts into the tree at most.
const MaxSequenced = 1000

// Sequence puts entries that wait into the tree, at most MaxSequenced, and returns how many
// those were; call it again while they are that many. All of it happens in the transaction tx.
//
// They are ordered by their hashes. Those of private leaves are as good as random, so
// neither the order nor the index of a leaf tells when, within a round, an event happened. When
// there are private ones, decoys are added until their number is a multiple of roundTo; 0 and 1
// add none.
func Sequence(ctx context.Context, tx Sequencer, roundTo int) (entered int, err error) {
	if roundTo < 0 || roundTo > MaxSequenced {
		return 0, fmt.Errorf("the number of private leaves can't be rounded to multiples of %d; at most of %d", roundTo, MaxSequenced)
	}
	// Nobody else takes the same entries meanwhile.
	if _, err := tx.LockLedger(ctx); err != nil {
		return 0, err
	}
	waiting, err := tx.Waiting(ctx, MaxSequenced)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	private := 0
	for _, e := range waiting {
		if e.leaf.text == "" {
			return 0, errors.New("an empty entry waits for the ledger: the store's tables are damaged")
		}
		if e.leaf.Public() == nil {
			private++
		}
	}
	entries := slices.Clone(waiting)
	for ; roundTo > 1 && private%roundTo != 0; private++ {
		entries = append(entries, Entry{leaf: NewDecoy()})
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		x, y := a.leaf.Hash(), b.leaf.Hash()
		return cmp.Or(bytes.Compare(x[:], y[:]), cmp.Compare(a.Subject, b.Subject))
	})
	leaves := make([]Leaf, len(entries))
	for i, e := range entries {
		leaves[i] = e.leaf
	}
	first, err := Append(ctx, tx, leaves...)
	if err != nil {
		return 0, err
	}
	var settled []Settled
	for i, e := range entries {
		if e.Subject != "" {
			settled = append(settled, Settled{e.Subject, first + int64(i)})
		}
	}
	return len(waiting), tx.Settle(ctx, settled)
}
