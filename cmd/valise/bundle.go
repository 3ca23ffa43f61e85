package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/evidence"
	"valise/portal/ledger"
)

// BundleCommand fetches the evidence bundle of a notice.
type BundleCommand struct {
	staffFlags
	Notice string `arg:"" name:"number" help:"The number of a released notice."`
	Out    string `required:"" placeholder:"FILE" help:"Where to write the zip; its name best ends in .zip."`
}

// Help is the part of --help below the summary.
func (BundleCommand) Help() string {
	return manual(`The bundle is one zip that shows who was told and when: the manifest with both signatures, every mailbox with its certificates and what shows that it was meant, all receipts, proofs from the ledger, and a list of events that says of each line on whose word it stands. Its README.md lets a stranger check all of it with gpg, sha256sum and openssl alone. Neither the notice's content nor a stakeholder's name is in it, but the numbers of all mailboxes are.

It is verified, all of it, up to the root that your key file pins, before it is written. That you fetched it is written into the audit trail. For auditors, registrars, authors and approvers.

EXAMPLES

  valise bundle N-4GZ0R8T4 --server https://portal.example --key emil.key --out N-4GZ0R8T4.zip
  valise verify N-4GZ0R8T4.zip --root-fingerprint "0123 4567 …"

FILES

  --out is described in docs/formats.md, "Evidence bundle".

JSON

  as 'valise verify' for a bundle, and out

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 written, and it holds; 1 refused or failed, or it does not hold: nothing was written; 2 wrong usage; 3 the ledger misbehaves.`)
}

// Run fetches it into a temporary file beside the one that is asked for, which takes its name once everything held.
func (c *BundleCommand) Run(ctx context.Context, p *process) (err error) {
	number, err := parseNotice(c.Notice)
	if err != nil {
		return err
	}
	if c.Out == "-" {
		return usagef("a bundle is verified before it is given out, so it needs a file; name one with --out")
	}
	out, device, err := target(c.Out)
	if err != nil {
		return err
	}
	if device {
		return usagef("%s is no file", c.Out)
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuditor, crypto.RoleRegistrar, crypto.RoleAuthor, crypto.RoleApprover)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	f, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".*")
	if err != nil {
		var failed *fs.PathError
		if errors.As(err, &failed) {
			failed.Path = c.Out // the name that the person knows
		}
		return err
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err := o.client.Bundle(ctx, number, f); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	v, err := evidence.Verify(f, size, crypto.Pin{Fingerprint: o.trust.Root().Fingerprint()}, time.Now())
	if err != nil {
		return fmt.Errorf("the bundle that the portal gave does not hold, so nothing was written; tell the administrators: %w", err)
	}
	if got := v.Manifest.Manifest().Notice; got != number {
		return fmt.Errorf("the portal gave the bundle of %s, so nothing was written; tell the administrators", got)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), out); err != nil {
		return err
	}
	p.report(bundleVerified(v, c.Out), func() {
		showBundle(p, v)
		p.say("Written to %s.", c.Out)
	})
	return nil
}

// isZip says whether a file begins as zips do.
func isZip(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var begin [4]byte
	_, err = io.ReadFull(f, begin[:])
	return err == nil && string(begin[:]) == "PK\x03\x04"
}

// bundle verifies an evidence bundle. Nobody is asked: everything that it needs is in it.
func (c *VerifyCommand) bundle(p *process, pin crypto.Pin) error {
	f, err := os.Open(c.Files[0])
	if err != nil {
		return usageError{err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	v, err := evidence.Verify(f, info.Size(), pin, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", c.Files[0], err)
	}
	p.report(bundleVerified(v, ""), func() { showBundle(p, v) })
	return nil
}

// bundleJSON is an evidence bundle that held.
type bundleJSON struct {
	verifiedJSON
	Dispatched   time.Time `json:"dispatched"`
	Mailboxes    int       `json:"mailboxes"`
	Members      int       `json:"representatives"`
	Acknowledged int       `json:"acknowledged"`
	Refused      int       `json:"refused"`
	Entered      int       `json:"in_ledger"`
	Proved       int       `json:"proved_lines"`
	Portal       int       `json:"portal_lines"`
	Out          string    `json:"out,omitempty"`
}

const readmeWarning = "README.md or README.fr.md in it is not the one that this version of Valise writes, though everything else holds: don't paste commands from it that you have not read"

func bundleVerified(v *evidence.Verified, out string) bundleJSON {
	m := v.Manifest
	j := bundleJSON{
		verifiedJSON: verifiedJSON{
			Held: true, Kind: "bundle", Notice: m.Manifest().Notice, ManifestSHA256: m.SHA256(),
			Author: signedBy(m.Author(), m.AuthorSignature()), Approver: signedBy(m.Approver(), m.ApproverSignature()),
			Ledger: &includedInJSON{Origin: v.Checkpoint.Origin, Size: v.Checkpoint.Size, Event: ledger.NoticeDispatched, Cosignatures: cosignaturesJSON(v.Checkpoint)},
		},
		Dispatched: v.Dispatched, Mailboxes: v.Mailboxes, Members: v.Members, Acknowledged: v.Acknowledged, Refused: v.Refused,
		Entered: v.EnteredReceipts, Proved: v.Proved, Portal: v.Portal, Out: out,
	}
	j.Warnings = bundleWarnings(v)
	return j
}

// bundleWarnings are what a reader must mind though everything holds. That a notice was dispatched before the time that was signed, or long after, no proof rules out: the ledger
// says when, and the manifest when it should have been.
func bundleWarnings(v *evidence.Verified) (warnings []string) {
	if !v.Readme {
		warnings = append(warnings, readmeWarning)
	}
	if late := ceremony.Late(v.Manifest, v.Dispatched); late != nil {
		warnings = append(warnings, late.Error())
	}
	return warnings
}

func showBundle(p *process, v *evidence.Verified) {
	n := v.Manifest.Manifest().Notice
	p.say("It holds: the evidence of %s, dispatched on %s into %s.", n, hourUTC(v.Dispatched), count(v.Mailboxes, "mailbox", "mailboxes"))
	for _, warning := range bundleWarnings(v) {
		p.say("    MIND: %s", warning)
	}
	showSigners(p, v.Manifest)
	p.say("    %d acknowledged, %d refused; %d of these are in the ledger", v.Acknowledged, v.Refused, v.EnteredReceipts)
	p.say("Checked:")
	p.say("    both signatures over the manifest, up to the root whose fingerprint you gave")
	p.say("    that these are all mailboxes and representatives to whom the notice went, and the certificates of each: %s", count(v.Members, "representative", "representatives"))
	p.say("    every receipt: signature, certificate, notice, opening value")
	p.say("    that the dispatch is in the ledger, which had %d leaves when this was signed", v.Checkpoint.Size)
	showCosignatures(p, v.Checkpoint)
	p.say("    %s of events.csv, which say just what the files prove", count(v.Proved, "line", "lines"))
	p.say("Not checked:")
	p.say("    %s on the portal's word alone: when it lay in each mailbox, when it was first fetched, who let the deadline pass", count(v.Portal, "line is", "lines are"))
	if missing := v.Acknowledged + v.Refused - v.EnteredReceipts; missing > 0 {
		p.say("    whether %s will be in the ledger: no checkpoint covered them yet", count(missing, "receipt", "receipts"))
	}
	p.say("    that the portal still shows the same ledger, and who has answered since")
}
