package publish

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Notary publishes what was approved at its minute. It alone, beside the desk, can open
// it. Any number of them may run on the same database, with one key or several; each
// does all of the work, and the database lets the first one publish. What one has not
// finished when it dies, it or another one begins again. Use NewNotary.
type Notary struct {
	*Publish
	keys   []*crypto.Key // the current one first
	holder string
	log    *slog.Logger
	known  map[crypto.Number]examined
}

// examined is an approved statement that this notary has opened.
type examined struct {
	submission string
	signed     crypto.SignedStatement
	verified   *crypto.VerifiedStatement // nil: it isn't sealed to this notary, or was sent back
}

// NewNotary makes a notary. key must carry a certificate by which the root made it a
// notary; past are keys that it had before. languages are as for New.
func NewNotary(store Store, root *crypto.Root, languages []string, key *crypto.Key, past []*crypto.Key, log *slog.Logger, now func() time.Time) (*Notary, error) {
	member, err := root.VerifyStaff(key.Certificate(), now())
	if err != nil {
		return nil, err
	}
	if !member.Has(crypto.RoleNotary) {
		return nil, errors.New("this key is not a notary's: let the root certify one for that role alone, with: valise staff certify --role notary")
	}
	return &Notary{
		Publish: New(store, root, languages, now), keys: append([]*crypto.Key{key}, past...), holder: portal.StaffHolder(key.Certificate().Fingerprint()),
		log: log, known: map[crypto.Number]examined{},
	}, nil
}

// lookEvery is how often a notary looks for what was approved since.
const lookEvery = time.Second

// Run works until ctx ends. What goes wrong is logged, and tried again.
func (n *Notary) Run(ctx context.Context) {
	for ctx.Err() == nil {
		next, err := n.Look(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Error("notary", "problem", portal.Scrubbed(err))
		}
		wait := lookEvery
		if !next.IsZero() {
			wait = max(0, min(wait, next.Sub(n.now())))
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// Look opens and verifies what was approved since it last looked, sends back what can't be published, publishes what is due, and
// returns when the next one is; the zero time when none waits. One that fails doesn't keep the others from being published.
func (n *Notary) Look(ctx context.Context) (next time.Time, err error) {
	waiting, err := n.store.WaitingStatements(ctx)
	if err != nil {
		return time.Time{}, err
	}
	known := map[crypto.Number]examined{}
	var problems []error
	for _, w := range waiting {
		e, ok := n.known[w.Statement]
		if !ok || e.submission != w.SubmissionSHA256 {
			if e, err = n.examine(ctx, w); err != nil {
				problems = append(problems, err)
				continue
			}
		}
		known[w.Statement] = e
		switch {
		case e.verified == nil:
		case e.verified.Due(n.now()):
			if err := n.release(ctx, w, e); err != nil {
				problems = append(problems, err)
			}
		case next.IsZero() || e.verified.Manifest().PublishAt.Before(next):
			next = e.verified.Manifest().PublishAt
		}
	}
	n.known = known
	return next, errors.Join(problems...)
}

// examine opens what was approved, long before its minute, so that whoever approved it learns in time that it can't be published.
func (n *Notary) examine(ctx context.Context, w Waiting) (examined, error) {
	e := examined{submission: w.SubmissionSHA256}
	work, err := n.store.StatementWork(ctx, w.Statement)
	if portal.KindOf(err) == portal.NotFound || err == nil && work.SubmissionSHA256 != w.SubmissionSHA256 {
		return e, nil // it has moved on
	}
	if err != nil {
		return e, err
	}
	h, err := n.house(ctx)
	if err != nil {
		return e, err
	}
	if e.signed, _, err = n.root.OpenStatement(work.Submission, w.Statement, n.keys, h.all, n.now()); err != nil {
		n.log.Warn("notary", "statement", string(w.Statement), "problem", "it can't be opened with this notary's key: "+portal.Scrubbed(err))
		return e, nil // perhaps another notary can
	}
	v, _, err := n.complete(ctx, w.Statement, e.signed)
	if err != nil {
		return e, n.sendBack(ctx, w, e, err)
	}
	if w.CheckedAt.IsZero() {
		if err := n.write(ctx, "publish.check", w.Statement); err != nil {
			return e, err
		}
		if err := n.store.MarkStatementChecked(ctx, w.Statement, w.SubmissionSHA256, n.now()); err != nil {
			return e, err
		}
	}
	e.verified = v
	return e, nil
}

// complete verifies a statement, and that all its files are there, which are too large to be kept until its minute.
func (n *Notary) complete(ctx context.Context, statement crypto.Number, signed crypto.SignedStatement) (*crypto.VerifiedStatement, [][]byte, error) {
	v, err := n.verify(ctx, statement, signed)
	if err != nil || len(v.Attachments()) == 0 {
		return v, nil, err
	}
	h, err := n.house(ctx)
	if err != nil {
		return nil, nil, err
	}
	files, err := n.handedOn(ctx, statement, h)
	if err != nil {
		return nil, nil, err
	}
	_, err = n.gather(ctx, v, files)
	return v, files, err
}

// release publishes what is due. It is verified once more, as hours may have passed.
func (n *Notary) release(ctx context.Context, w Waiting, e examined) error {
	v, files, err := n.complete(ctx, w.Statement, e.signed)
	if err != nil {
		return n.sendBack(ctx, w, e, err)
	}
	if err := n.write(ctx, "publish.publish", w.Statement); err != nil {
		return err
	}
	published, err := n.publish(ctx, v, Approved, w.SubmissionSHA256, files)
	if portal.KindOf(err) == portal.Conflict {
		n.log.Warn("notary", "statement", string(w.Statement), "problem", portal.Scrubbed(err)) // taken back at the last moment
		return nil
	}
	if err == nil {
		n.log.Info("published", "statement", string(w.Statement), "version", published.Version)
	}
	return err
}

// sendBack tells the desk what stands against publishing, if that is what went wrong.
func (n *Notary) sendBack(ctx context.Context, w Waiting, e examined, why error) error {
	if kind := portal.KindOf(why); kind != portal.Invalid && kind != portal.Conflict {
		return why
	}
	h, err := n.house(ctx)
	if err != nil {
		return err
	}
	reason, err := crypto.SealStatementReturn(crypto.StatementReturn{
		Statement: w.Statement, ManifestSHA256: SHA256Of(e.signed.Manifest), Reason: "It can't be published. " + portal.Sentence(why),
	}, n.keys[0], h.desk, n.now())
	if err != nil {
		return err
	}
	if err := n.write(ctx, "publish.return", w.Statement); err != nil {
		return err
	}
	err = n.store.ReturnStatement(ctx, w.Statement, w.SubmissionSHA256, reason, n.holder, n.now())
	if kind := portal.KindOf(err); kind == portal.Conflict || kind == portal.NotFound {
		return nil // another notary was faster, or somebody edited it
	}
	n.log.Warn("notary", "statement", string(w.Statement), "problem", "sent back to the desk, which can read why")
	return err
}

func (n *Notary) write(ctx context.Context, act string, statement crypto.Number) error {
	return n.store.RecordAudit(ctx, portal.AuditEntry{Actor: n.holder, Act: act, Object: string(statement)})
}
