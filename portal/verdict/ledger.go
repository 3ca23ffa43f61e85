package verdict

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"valise/crypto"
	"valise/portal/ledger"
)

// LedgerRoot is where the portal has the ledger's files.
const LedgerRoot = "/ledger/"

// maxLookedThrough is how many bundles of 256 leaves are looked through for a newer version of a statement: 4096 leaves, some hundred kilobytes.
const maxLookedThrough = 16

// policy says whom to believe about the ledger, on the root's word.
func (b *believing) policy() (ledger.Policy, error) {
	err := errors.New("it wasn't said with which key the ledger signs")
	for _, signed := range b.ledgerKey {
		var key *crypto.LedgerKey
		if key, err = b.trust.Root().VerifyLedgerKey([]byte(signed), b.Now); err == nil {
			return ledger.PolicyOf(key)
		}
	}
	return ledger.Policy{}, err
}

// follower reads the ledger's files as the portal shows them.
func (b *believing) follower(p ledger.Policy) *ledger.Follower {
	return &ledger.Follower{Policy: p, Fetch: func(_ context.Context, path string) ([]byte, error) {
		a, err := b.ask(LedgerRoot + path)
		switch {
		case err != nil:
			return nil, ledger.ErrNotYet
		case a.Status != statusOK:
			return nil, fmt.Errorf("the portal answered with status %d", a.Status)
		}
		return a.Body, nil
	}}
}

// asLater makes what a Follower says of a file that has to be fetched first errLater again.
func asLater(err error) error {
	if errors.Is(err, ledger.ErrNotYet) {
		return errLater
	}
	return err
}

// entered says where it was entered, once that was proved.
func (v *Verdict) entered(in *ledger.Included) {
	v.Facts.Ledger = &Entered{Included: in, Origin: in.Checkpoint.Origin, Index: in.Index, Size: in.Checkpoint.Size, Cosignatures: in.Checkpoint.Cosignatures()}
	if in.Event != nil {
		v.Facts.Ledger.Event = in.Event.Kind
	}
	v.checked("entered", "index", strconv.FormatInt(in.Index, 10), "size", strconv.FormatInt(in.Checkpoint.Size, 10), "origin", in.Checkpoint.Origin)
	v.witnesses(in.Checkpoint)
}

func (v *Verdict) witnesses(c *ledger.SignedCheckpoint) {
	for _, s := range c.Cosignatures() {
		v.checked("witness", "name", s.Witness, "time", stamp(s.At))
	}
	if len(c.Cosignatures()) == 0 {
		v.unchecked("witness")
	}
}

// newestCheckpoint returns the newest checkpoint that the portal shows; nil when it shows none.
func (b *believing) newestCheckpoint(p ledger.Policy) (*ledger.SignedCheckpoint, error) {
	signed, err := b.get(LedgerRoot + ledger.CheckpointPath)
	if err != nil || signed == nil {
		return nil, err
	}
	return p.Open(signed)
}

// sameLedger compares a checkpoint that somebody was given with the ledger that the portal shows now. It returns what the portal shows.
func (b *believing) sameLedger(v *Verdict, p ledger.Policy, other *ledger.SignedCheckpoint) (*ledger.SignedCheckpoint, error) {
	now, err := b.newestCheckpoint(p)
	switch {
	case err != nil:
		return nil, err
	case now == nil:
		v.unchecked("same-ledger")
		return nil, nil
	}
	if now.Size < other.Size {
		// What makes up the larger one, the portal doesn't have, so nothing more can be said; and a mirror may honestly lag behind.
		v.warn("ledger-shorter", "size", strconv.FormatInt(now.Size, 10))
		return nil, nil
	}
	err = asLater(b.follower(p).Compare(context.Background(), now, other))
	var alarm *ledger.Alarm
	switch {
	case errors.Is(err, errLater), errors.As(err, &alarm):
		return nil, err
	case err != nil: // a file that can't be fetched accuses nobody
		v.unchecked("same-ledger")
		return nil, nil
	}
	v.checked("same-ledger", "size", strconv.FormatInt(now.Size, 10))
	return now, nil
}

// proof judges a proof by itself.
func (b *believing) proof(p *piece) (Verdict, error) {
	v := b.base
	policy, err := b.policy()
	if err != nil {
		return v.misses("ledger-key", err), nil
	}
	if p.proof.Extra == nil {
		return v.misses("opening", nil), nil
	}
	in, err := policy.VerifyProof(p.proof, nil)
	if err != nil {
		return v.fails(err), nil
	}
	v.entered(in)
	if _, err := b.sameLedger(&v, policy, in.Checkpoint); errors.Is(err, errLater) {
		return v, err
	} else if err != nil {
		return v.fails(err), nil
	}
	v = v.holds()
	v.Summary = eventLine(in.Event)
	return v, nil
}

// checkpoint judges a checkpoint by itself.
func (b *believing) checkpoint(p *piece) (Verdict, error) {
	v := b.base
	policy, err := b.policy()
	if err != nil {
		return v.misses("ledger-key", err), nil
	}
	c, err := policy.Open(p.Data)
	if err != nil {
		return v.fails(err), nil
	}
	v.checked("log-signature", "origin", c.Origin)
	v.witnesses(c)
	if _, err := b.sameLedger(&v, policy, c); errors.Is(err, errLater) {
		return v, err
	} else if err != nil {
		return v.fails(err), nil
	}
	return v.holds("origin", c.Origin, "size", strconv.FormatInt(c.Size, 10)), nil
}

// receiptInLedger verifies the proof of a receipt, and that it is of this one.
func (b *believing) receiptInLedger(v *Verdict, file string, is func(*ledger.Event) bool) error {
	if file == "" {
		v.unchecked("entered")
		return nil
	}
	policy, err := b.policy()
	if err != nil {
		v.unchecked("ledger-key")
		return nil
	}
	in, err := b.proved(policy, []byte(file))
	if err != nil {
		return err
	}
	if in.Event == nil || !is(in.Event) {
		return &ledger.Alarm{Trouble: ledger.Missing, Text: "this is the proof of something else than of this receipt: what it proves is that " + EventText(in.Event)}
	}
	v.entered(in)
	_, err = b.sameLedger(v, policy, in.Checkpoint)
	return err
}

func (b *believing) proved(policy ledger.Policy, file []byte) (*ledger.Included, error) {
	proof, err := ledger.ParseProof(file)
	if err != nil {
		return nil, because("ledger-missing", fmt.Errorf("the proof from the ledger: %w", err))
	}
	return policy.VerifyProof(proof, nil)
}

// statementInLedger verifies that a published version was entered in the ledger, and that the ledger has no newer one that the portal keeps back.
func (b *believing) statementInLedger(v *Verdict) error {
	f := &v.Facts
	policy, err := b.policy()
	if err != nil {
		v.unchecked("ledger-key")
		return nil
	}
	proof, err := b.statementProof(f.Statement, f.Version)
	if err != nil {
		return err
	}
	if proof == nil { // who keeps a newer version back may keep the proof of this one back, too
		v.unchecked("entered")
		now, err := b.newestCheckpoint(policy)
		if err != nil || now == nil {
			return err
		}
		return b.newerInLedger(v, policy, now, 0)
	}
	in, err := b.proved(policy, proof)
	if err != nil {
		return err
	}
	e := in.Event
	switch {
	case e == nil || e.Statement != f.Statement || e.Version != f.Version:
		return &ledger.Alarm{Trouble: ledger.Missing, Text: fmt.Sprintf("this is the proof of something else than of version %d of %s: what it proves is that %s", f.Version, f.Statement, EventText(e))}
	case f.ManifestSHA256 != "" && e.Manifest.String() != f.ManifestSHA256:
		return &ledger.Alarm{Trouble: ledger.Forked, Text: fmt.Sprintf("the ledger has another version %d of %s, with the manifest %s: there are two, so different people were shown different statements; keep this file, and tell the institution and others", f.Version, f.Statement, e.Manifest)}
	}
	v.entered(in)
	now, err := b.sameLedger(v, policy, in.Checkpoint)
	if err != nil || now == nil {
		return err
	}
	return b.newerInLedger(v, policy, now, in.Index+1)
}

// statementProof is the proof that was given with the statement, or the portal's; nil: there is none.
func (b *believing) statementProof(n crypto.Number, version int) ([]byte, error) {
	if p := b.companion(Proof); p != nil && b.proofGoesWith() != nil {
		return p.Data, nil
	}
	return b.get(ProofPath(n, version))
}

// newerInLedger looks through the leaves that came after a version for one that the portal doesn't show.
func (b *believing) newerInLedger(v *Verdict, policy ledger.Policy, now *ledger.SignedCheckpoint, first int64) error {
	f := &v.Facts
	from := max(first, (now.Size-1)/ledger.TileWidth*ledger.TileWidth-(maxLookedThrough-1)*ledger.TileWidth)
	if from >= now.Size {
		v.checked("no-newer")
		return nil
	}
	// All at once, not one after the other.
	for _, r := range ledger.Resources(from, now.Size) {
		if r.Level == 0 {
			_, _ = b.ask(LedgerRoot + r.Path())
		}
	}
	newer, newest := 0, max(f.Newest, f.Version)
	follower := b.follower(policy)
	follower.Each = func(_ int64, text []byte) error {
		leaf, err := ledger.ParseLeaf(text)
		if err != nil {
			return nil // of a newer program
		}
		if e := leaf.Public(); e != nil && e.Statement == f.Statement && e.Version > max(newest, newer) {
			newer = e.Version
		}
		return nil
	}
	err := asLater(follower.Leaves(context.Background(), now, from))
	var alarm *ledger.Alarm
	switch {
	case errors.Is(err, errLater), errors.As(err, &alarm):
		return err
	case err != nil:
		v.unchecked("no-newer")
		return nil
	case newer > 0:
		return because("withheld", fmt.Errorf("both signatures hold, but the ledger says that version %d of %s was published, and the portal shows version %d as the newest: it holds a correction or withdrawal back. Don't rely on what you have, and ask the institution by another way", newer, f.Statement, newest))
	case from > first:
		v.checked("no-newer-part", "n", strconv.FormatInt(now.Size-from, 10))
	default:
		v.checked("no-newer")
	}
	return nil
}
