package web

import (
	"context"
	"net/http"
	"time"

	"valise/portal"
	"valise/portal/evidence"
	"valise/portal/ledger"
)

// bundleTime is how long somebody may take to fetch an evidence bundle: that of 10,000 mailboxes has some fifty megabytes.
const bundleTime = 2 * time.Hour

// getBundle packs the evidence of a notice while it is fetched. Nobody knows its size beforehand.
func (s *server) getBundle(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	of, err := s.Dispatch.Bundle(ctx, visitOf(r).actor, n)
	if err != nil {
		return err
	}
	if s.LedgerKey == nil {
		return portal.Errorf(portal.Conflict, "no-ledger-key", "This portal doesn't say with which key its ledger is signed, so nobody could check the bundle. Ask the operator for 'valise serve --ledger-key'.")
	}
	covered, err := s.Ledger.Covered(ctx)
	if err != nil {
		return err
	}
	dispatched, err := covered.NoticeProof(ctx, n)
	if err != nil {
		return err
	}
	bundle, err := evidence.New(evidence.Source{
		Notice: of.Notice, Root: s.Root, Staff: of.Staff, LedgerKey: s.LedgerKey, Checkpoint: covered.Checkpoint(), Dispatch: dispatched, Now: of.Now,
	})
	if err != nil {
		return portal.Errorf(portal.Conflict, "evidence-invalid", "What there is to pack doesn't hold, so nobody would believe it. Tell the administrators. %s", portal.Sentence(err))
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+string(n)+`-evidence.zip"`)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(bundleTime))
	ctx, cancel := context.WithTimeout(ctx, bundleTime)
	defer cancel()
	err = bundle.Write(w, of.Mailboxes(ctx), func(about ledger.Event) ([]byte, error) { return covered.EventProof(ctx, about) })
	if err != nil {
		// The status is out. What was sent can't be opened as a zip, and the broken connection says that it isn't whole.
		if r.Context().Err() == nil {
			s.Log.Error("evidence bundle", "cause", portal.Scrubbed(err))
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}
