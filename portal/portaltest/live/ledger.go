package live

import (
	"context"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/store"
)

// LedgerName is what the ledger of every test's portal is called.
const LedgerName = "court.example/ledger"

// ledgerKeeper is the part of the ledger that, in earnest, is a process of its own.
type ledgerKeeper struct {
	policy ledger.Policy
	signer *ledger.Signer
	key    *ledger.Key
}

// openLedger makes the ledger's key, and lets the root say so.
func (p *Server) openLedger() {
	t := p.t
	t.Helper()
	key, err := ledger.NewLogKey(LedgerName)
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "signer")
	if err := ledger.CreateSigner(state, LedgerName, key); err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.OpenSigner(state, LedgerName, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { signer.Close() })
	p.keeper = ledgerKeeper{ledger.Policy{Origin: LedgerName, Log: []note.Verifier{key.Verifier()}}, signer, key}
	p.Portal.LedgerKey, err = crypto.SignLedgerKey(p.Root, crypto.LedgerKey{Log: LedgerName, Keys: []string{key.VerifierKey()}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
}

// LedgerPolicy says whom to believe about the portal's ledger.
func (p *Server) LedgerPolicy() ledger.Policy { return p.keeper.policy }

// SignLedger puts what waits into the ledger, and signs and publishes a checkpoint.
func (p *Server) SignLedger() *ledger.SignedCheckpoint {
	t, ctx := p.t, context.Background()
	t.Helper()
	for more := true; more; {
		n, err := p.Store.SequenceLedger(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		more = n == ledger.MaxSequenced
	}
	c, err := p.keeper.signer.Sign(ctx, p.Store)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Store.PublishCheckpoint(ctx, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// AnotherHistory is a second ledger with so many leaves, all of other events, signed with the portal's own key: what whoever has that key can show to
// somebody.
func (p *Server) AnotherHistory(leaves int) *ledger.Ledger {
	t, ctx := p.t, context.Background()
	t.Helper()
	db, err := store.Open(ctx, filepath.Join(t.TempDir(), "portal.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	certificate := p.Author.Certificate().Bytes()
	for range leaves {
		r := portal.RepresentativeRecord{
			Representative: crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}, State: portal.Issued, Profile: crypto.ProfilePQ,
			Chain: [][]byte{certificate}, Details: []byte("sealed"), IssuedAt: time.Now(),
		}
		if err := db.Issue(ctx, r, []byte("sealed")); err != nil {
			t.Fatal(err)
		}
	}
	state := filepath.Join(t.TempDir(), "signer")
	if err := ledger.CreateSigner(state, LedgerName, p.keeper.key); err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.OpenSigner(state, LedgerName, p.keeper.key)
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	if _, err := db.SequenceLedger(ctx, 0); err != nil {
		t.Fatal(err)
	}
	c, err := signer.Sign(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PublishCheckpoint(ctx, c); err != nil {
		t.Fatal(err)
	}
	return ledger.New(db)
}
