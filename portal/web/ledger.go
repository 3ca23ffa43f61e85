package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"valise/crypto"
	"valise/portal"
)

// The ledger's files (docs/ledger.md, "The log as files"). They are for everybody and for any cache, and need no session, so they are there when
// Redis isn't. Nothing in them is secret and nothing is to be believed for coming from here, so pages of others may read them, too.
const (
	ledgerPath = "/ledger/"

	checkpointCache = "public, max-age=5"
	tileCache       = "public, max-age=31536000, immutable"
)

func (s *server) getCheckpoint(w http.ResponseWriter, r *http.Request) error {
	checkpoint, err := s.Ledger.Checkpoint(r.Context())
	if err != nil {
		return err
	}
	writeLedger(w, checkpointCache, "text/plain; charset=utf-8", checkpoint)
	return nil
}

func (s *server) getTile(w http.ResponseWriter, r *http.Request) error {
	tile, err := s.Ledger.Resource(r.Context(), "tile/"+r.PathValue("path"))
	if err != nil {
		return err
	}
	writeLedger(w, tileCache, "application/octet-stream", tile)
	return nil
}

func writeLedger(w http.ResponseWriter, cache, contentType string, body []byte) {
	h := w.Header()
	h.Set("Cache-Control", cache)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	writeBytes(w, http.StatusOK, contentType, body)
}

// ------------------------------------------------------------------ proofs

// writeProof answers with a proof that its parties may show around; it holds the opening.
func writeProof(w http.ResponseWriter, name string, proof []byte) error {
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.tlog-proof"`)
	writeBytes(w, http.StatusOK, "text/plain; charset=utf-8", proof)
	return nil
}

// getAcknowledgementProof gives the proof of the mailbox's receipt.
func (s *server) getAcknowledgementProof(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	person, _ := visitOf(r).actor.Representative()
	return s.writeReceiptProof(w, r, n, person.Mailbox)
}

func (s *server) getStaffAcknowledgementProof(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	mailbox, err := pathMailbox(r)
	if err != nil {
		return err
	}
	return s.writeReceiptProof(w, r, n, mailbox)
}

// writeReceiptProof gives the proof to whoever may have the receipt.
func (s *server) writeReceiptProof(w http.ResponseWriter, r *http.Request, n, mailbox crypto.Number) error {
	kept, err := s.Dispatch.Receipt(r.Context(), visitOf(r).actor, n, mailbox)
	if err != nil {
		return err
	}
	proof, err := s.Ledger.ReceiptProof(r.Context(), kept)
	if err != nil {
		return err
	}
	return writeProof(w, string(n)+"-acknowledgement", proof)
}

// getNoticeProof gives the proof of the dispatch to recipients and staff.
func (s *server) getNoticeProof(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	if _, err := s.Dispatch.Manifest(r.Context(), visitOf(r).actor, n); err != nil {
		return err
	}
	proof, err := s.Ledger.NoticeProof(r.Context(), n)
	if err != nil {
		return err
	}
	return writeProof(w, string(n), proof)
}

// getCertificateProof gives the proof of a representative's current certificate to their mailbox and staff.
func (s *server) getCertificateProof(w http.ResponseWriter, r *http.Request) error {
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	chain, err := s.Registry.Chain(r.Context(), visitOf(r).actor, of)
	if err != nil {
		return err
	}
	var current []byte
	if len(chain) > 0 {
		current = chain[len(chain)-1]
	}
	proof, err := s.Ledger.CertificateProof(r.Context(), of, current)
	if err != nil {
		return err
	}
	return writeProof(w, strings.ReplaceAll(of.String(), "/", "."), proof)
}

// getStatementProof gives everybody the proof of a version of a statement. It changes with each checkpoint, and any of them will do.
func (s *server) getStatementProof(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(r.PathValue("version"))
	if err != nil || version < 1 {
		return portal.Errorf(portal.Invalid, "invalid-version", "Versions of a statement are counted from 1.")
	}
	return s.writeStatementProof(w, r, n, version)
}

func (s *server) writeStatementProof(w http.ResponseWriter, r *http.Request, n crypto.Number, version int) error {
	proof, err := s.Ledger.StatementProof(r.Context(), n, version)
	if err != nil {
		return err
	}
	return writeProof(w, fmt.Sprintf("%s-%d", n, version), proof)
}

// receiptProof returns the proof that goes along with the evidence of a receipt, "" when there is none (yet).
func (s *server) receiptProof(r *http.Request, kept portal.AcknowledgementRecord) (string, error) {
	proof, err := s.Ledger.ReceiptProof(r.Context(), kept)
	if portal.KindOf(err) == portal.NotFound {
		return "", nil
	}
	return string(proof), err
}
