package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"valise/crypto"
	"valise/portal/ledger"
	"valise/portal/verdict"
)

// LedgerProofCommand fetches the proof of a receipt.
type LedgerProofCommand struct {
	serverFlags
	Receipt string `arg:"" help:"The receipt, to the byte as it was given out (\"-\": standard input)."`
	pinFlag
	verifierFlag
	Out string `required:"" placeholder:"FILE" help:"Where to write the proof (\"-\": standard output); its name best ends in .tlog-proof."`
}

// Help is the part of --help below the summary.
func (LedgerProofCommand) Help() string {
	return manual(`The proof shows without any portal that the receipt was in the ledger when the checkpoint in it was signed; where witnesses cosigned that, they say when it was at the latest. Nobody needs to log in: whoever has the receipt may have the proof.

It is verified before it is written. It holds who acknowledged what, and when, so show it only to whom you would show the receipt. Until a checkpoint covers the receipt there is none: try again in a minute.

EXAMPLES

  valise ledger proof receipt.asc --server https://portal.example --root-fingerprint "0123 4567 …" --out receipt.tlog-proof
  valise verify receipt.tlog-proof --server https://portal.example --root-fingerprint "0123 4567 …"

FILES

  --out is a C2SP tlog-proof; its line "extra" holds the opening (docs/ledger.md, "Proofs to hand out").

JSON

  as 'valise verify' for a proof, and out

EXIT STATUS

  0 written; 1 there is none (yet), or it did not hold; 2 wrong usage; 3 the ledger misbehaves.`)
}

// Run fetches it.
func (c *LedgerProofCommand) Run(ctx context.Context, p *process) error {
	receipt, err := p.readInput(c.Receipt, maxInput)
	if err != nil {
		return usageError{err}
	}
	visitor, err := c.connect()
	if err != nil {
		return err
	}
	defer visitor.Close()
	policy, err := c.believeLedger(ctx, p, visitor, c.pinFlag)
	if err != nil {
		return err
	}
	evidence, err := visitor.Evidence(ctx, receipt)
	if err != nil {
		return err
	}
	if evidence.LedgerProof == "" {
		return errors.New("the portal has the receipt, and no checkpoint of its ledger covers it yet: try again in a minute; if it stays so, tell the institution")
	}
	in, err := verifyReceiptProof(policy, []byte(evidence.LedgerProof), receipt)
	if err != nil {
		return err
	}
	if err := p.writeOut(c.Out, []byte(evidence.LedgerProof), 0o644); err != nil {
		return err
	}
	if c.Out == "-" && !p.json {
		return nil
	}
	p.report(includedJSON(in, c.Out), func() {
		p.say("It holds, and was written to %s.", c.Out)
		showIncluded(p, in)
	})
	return nil
}

// verifyReceiptProof verifies that a proof is of this receipt and no other.
func verifyReceiptProof(policy ledger.Policy, file, receipt []byte) (*ledger.Included, error) {
	proof, err := ledger.ParseProof(file)
	if err != nil {
		return nil, fmt.Errorf("the proof that the portal has of the receipt: %w", err)
	}
	in, err := policy.VerifyProof(proof, nil)
	if err != nil {
		return nil, err
	}
	want, err := eventOf(receipt)
	if err != nil {
		return nil, err
	}
	if e := in.Event; e == nil || e.Subject() != want.Subject() || e.Receipt != want.Receipt {
		return nil, &ledger.Alarm{Trouble: ledger.Missing, Text: "the portal shows the proof of something else as that of this receipt: what it proves is that " + verdict.EventText(in.Event), Now: proof.Checkpoint}
	}
	return in, nil
}

// eventOf is what the ledger says of a receipt, of a notice or of a statement, but for the time.
func eventOf(receipt []byte) (ledger.Event, error) {
	text, err := crypto.ReadHandSigned(receipt)
	if err != nil {
		return ledger.Event{}, err
	}
	digest := ledger.Digest(sha256.Sum256(receipt))
	if said, err := crypto.ParseStatementAcknowledgement(text); err == nil {
		return ledger.Event{Kind: ledger.StatementAcknowledged, Statement: said.Statement, Version: said.Version, Representative: said.Representative, Receipt: digest}, nil
	}
	said, err := crypto.ParseAcknowledgement(text)
	if err != nil {
		return ledger.Event{}, err
	}
	return ledger.Event{Kind: ledger.NoticeAcknowledged, Notice: said.Notice, Representative: said.Representative, Receipt: digest}, nil
}

// includedJSON is a leaf that was proved to be in a ledger.
func includedJSON(in *ledger.Included, out string) verifiedJSON {
	v := verifiedJSON{Held: true, Kind: "proof", Ledger: &includedInJSON{
		Origin: in.Checkpoint.Origin, Index: in.Index, Size: in.Checkpoint.Size, Cosignatures: cosignaturesJSON(in.Checkpoint), Out: out,
	}}
	if e := in.Event; e != nil {
		v.Ledger.Event, v.Notice, v.Fingerprint, v.Time = e.Kind, e.Notice, e.Fingerprint, optional(e.At)
		if e.Representative != (crypto.Representative{}) {
			v.Representative = e.Representative.String()
		}
		for _, digest := range []ledger.Digest{e.Manifest, e.Certificate, e.Receipt} {
			if digest != (ledger.Digest{}) {
				v.Ledger.SHA256 = digest.String()
			}
		}
	}
	return v
}

// includedInJSON says where in which ledger.
type includedInJSON struct {
	Origin       string            `json:"origin"`
	Index        int64             `json:"index"`
	Size         int64             `json:"size"`
	Event        ledger.Kind       `json:"event,omitempty"`
	SHA256       string            `json:"sha256,omitempty"` // of manifest, certificate or receipt
	Cosignatures []cosignatureJSON `json:"cosignatures"`
	Out          string            `json:"out,omitempty"`
}

func showIncluded(p *process, in *ledger.Included) {
	if in.Event != nil {
		p.say("    %s, %s by the portal's clock", verdict.EventText(in.Event), hourUTC(in.Event.At))
	}
	p.say("    leaf %d of the %d that the ledger %s had when it was signed", in.Index, in.Checkpoint.Size, in.Checkpoint.Origin)
	showCosignatures(p, in.Checkpoint)
}
