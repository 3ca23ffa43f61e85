package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/ledger"
)

// VerifyCommand verifies whatever the institution or a representative signed.
type VerifyCommand struct {
	Server       string `env:"VALISE_SERVER" placeholder:"URL" help:"The portal's address; not needed with --offline."`
	InsecureHTTP bool   `name:"insecure-http" help:"Allow http:// to another machine. INSECURE: whoever is on the line can take the session over."`

	File       string `arg:"" help:"A receipt, a signed manifest, a chain of certificates, a proof from the ledger, or a sealed message (\"-\": standard input)."`
	As         string `env:"VALISE_AS" placeholder:"NUMBER" help:"For a sealed message: your number."`
	SecretFile string `placeholder:"FILE" help:"For a sealed message: a file whose first line is your passphrase."`
	Key        string `type:"existingfile" placeholder:"FILE" help:"For a sealed message: your own private key, if you claimed with one."`
	pinFlag
	Save    string `placeholder:"FILE" help:"Write there what the portal gave as evidence, so that --offline verifies the same without any portal."`
	Offline string `type:"existingfile" placeholder:"FILE" help:"Take the evidence from there, and ask nobody."`
}

// Help is the part of --help below the summary.
func (VerifyCommand) Help() string {
	return manual(`Says whether it holds, with everything that it stands on, up to the root whose fingerprint you give. What FILE is, it sees by itself:

  a receipt            the signature, its key's chain root → registrar → issued key → own key, author's and approver's signatures over the notice that it names, and that this notice was meant for who signed the receipt. The portal gives whoever has a receipt the evidence; nobody needs to log in.
  a statement          a clear-signed text, a text with its signatures in FILE.asc beside it, or JSON; see 'valise statement verify'
  a signed manifest    (valise open --manifest) author's and approver's signatures and chains
  certificates         (valise cert --chain) the chain of a representative; or a staff member's certificate
  a proof              (valise ledger proof, or saved from the portal) that something is in the institution's ledger
  a sealed message     (message.asc) opens it with your key and verifies it as 'valise open' does; needs --as

Nothing that the portal says is believed but what those signatures prove; so evidence that was saved with --save, on any day, by anybody, proves as much years later, when there may be no portal to ask.

EXAMPLES

  valise verify receipt.asc --server https://portal.example --root-fingerprint "0123 4567 …"
  valise verify receipt.asc … --save evidence.json
  valise verify receipt.asc --offline evidence.json --root-fingerprint "0123 4567 …"

  valise verify N-4GZ0R8T4.asc --server https://portal.example --as S-7K2M9QXD/2

JSON

  held (true), kind (receipt, manifest, chain, staff, proof, message), and what it is about: notice, manifest_sha256, author, approver, representative, fingerprint, registrar, meant_for (of a receipt: whom the notice was meant for; missing when the evidence doesn't show it), decision, time, received, roles, ledger (origin, index, size, event, sha256, cosignatures: where it was entered; of a receipt null until a checkpoint covers it)

ENVIRONMENT

  VALISE_SERVER, VALISE_ROOT_FINGERPRINT, VALISE_AS; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 it held; 1 it did not hold, or could not be verified; 2 wrong usage.`)
}

type verifiedJSON struct {
	Held           bool               `json:"held"`
	Kind           string             `json:"kind"`
	Notice         crypto.Number      `json:"notice,omitempty"`
	ManifestSHA256 string             `json:"manifest_sha256,omitempty"`
	Author         *signerJSON        `json:"author,omitempty"`
	Approver       *signerJSON        `json:"approver,omitempty"`
	Representative string             `json:"representative,omitempty"`
	Fingerprint    crypto.Fingerprint `json:"fingerprint,omitempty"`
	Registrar      string             `json:"registrar,omitempty"`
	MeantFor       string             `json:"meant_for,omitempty"`
	Decision       crypto.Decision    `json:"decision,omitempty"`
	Time           *time.Time         `json:"time,omitempty"`
	Received       *time.Time         `json:"received,omitempty"`
	Name           string             `json:"name,omitempty"`
	Roles          []crypto.Role      `json:"roles,omitempty"`
	Ledger         *includedInJSON    `json:"ledger,omitempty"`
}

// maxVerified is the size in bytes of the largest file verified: an armored message.
const maxVerified = 80 << 20

// Run verifies.
func (c *VerifyCommand) Run(ctx context.Context, p *process) error {
	pin, pinned, err := c.pin()
	if err != nil {
		return err
	}
	switch {
	case c.Server == "" && c.Offline == "":
		return usagef("name the portal with --server, or evidence that was saved with --offline")
	case c.Save != "" && c.Offline != "":
		return usagef("--save and --offline don't go together: what was saved is there already")
	}
	file, err := p.readInput(c.File, maxVerified)
	if err != nil {
		return usageError{err}
	}
	kind := kindOfFile(file)
	switch {
	case kind == "":
		return fmt.Errorf("%s is neither a receipt, a statement, a signed manifest, a certificate, a proof from a ledger nor a sealed message", c.File)
	case kind == "message":
		return c.message(ctx, p, file)
	case kind == "statement":
		return c.statement(ctx, p, file, "")
	case !pinned:
		return usagef("give the fingerprint of the institution's root, from paper, with --root-fingerprint")
	}
	proof, err := c.evidence(ctx, p, kind, file)
	if err != nil {
		return err
	}
	t, err := ceremony.Believe(pin, proof.Institution)
	if err != nil {
		return err
	}
	switch kind {
	case "receipt":
		err = verifyReceiptFile(p, t, file, proof)
	case "proof":
		err = verifyProofFile(p, pin, file, proof.Institution)
	case "manifest":
		err = verifyManifestFile(p, t, file)
	default:
		err = verifyCertificates(p, t, file)
	}
	if err != nil || c.Save == "" {
		return err
	}
	return proof.save(p, c.Save)
}

// proofFile is the file that --save writes and --offline reads: what the portal
// said. Nothing in it is believed for standing there.
type proofFile struct {
	Format      string          `json:"format"` // proofFormat
	Institution api.Institution `json:"institution"`
	Evidence    *api.Evidence   `json:"evidence,omitempty"` // of a receipt
}

const proofFormat = "valise evidence v1"

func (f *proofFile) save(p *process, path string) error {
	saved, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return p.writeOut(path, append(saved, '\n'), 0o644)
}

// evidence asks the portal, or reads what was saved.
func (c *VerifyCommand) evidence(ctx context.Context, p *process, kind string, file []byte) (*proofFile, error) {
	proof := &proofFile{Format: proofFormat}
	if c.Offline != "" {
		data, err := p.readInput(c.Offline, maxVerified)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, proof); err != nil || proof.Format != proofFormat {
			return nil, fmt.Errorf("%s is not evidence that was saved with --save", c.Offline)
		}
		if kind == "receipt" && proof.Evidence == nil {
			return nil, fmt.Errorf("%s holds no evidence of a receipt", c.Offline)
		}
		return proof, nil
	}
	portal, err := (&serverFlags{c.Server, c.InsecureHTTP}).connect()
	if err != nil {
		return nil, err
	}
	defer portal.Close()
	if proof.Institution, err = portal.Institution(ctx); err != nil || kind != "receipt" {
		return proof, err
	}
	e, err := portal.Evidence(ctx, file)
	if client.IsStatus(err, http.StatusNotFound) {
		return nil, errors.New("the portal has no such receipt, to the byte; was it changed, or made for another portal?")
	}
	proof.Evidence = &e
	return proof, err
}

// kindOfFile says what a file seems to be.
func kindOfFile(file []byte) string {
	if isStatement(file) {
		return "statement"
	}
	start := bytes.TrimLeft(file, "\ufeff \t\r\n")
	for kind, prefix := range map[string]string{
		"receipt":  "-----BEGIN PGP SIGNED MESSAGE-----",
		"manifest": "valise manifest v1",
		"chain":    "-----BEGIN PGP PUBLIC KEY BLOCK-----",
		"message":  "-----BEGIN PGP MESSAGE-----",
		"proof":    "c2sp.org/tlog-proof@",
	} {
		if bytes.HasPrefix(start, []byte(prefix)) {
			return kind
		}
	}
	if _, _, err := crypto.SplitMessage(file); err == nil {
		return "message"
	}
	return ""
}

func verifyReceiptFile(p *process, t *ceremony.Trust, file []byte, proof *proofFile) error {
	v, err := ceremony.VerifyReceipt(t, file, *proof.Evidence, time.Now())
	if err != nil {
		return err
	}
	var in *ledger.Included
	var entered *includedInJSON
	if proof.Evidence.LedgerProof != "" {
		policy, err := policyFrom(t.Pin(), proof.Institution)
		if err != nil {
			return err
		}
		if in, err = verifyReceiptProof(policy, []byte(proof.Evidence.LedgerProof), file); err != nil {
			return err
		}
		entered = includedJSON(in, "").Ledger
	}
	a := v.Receipt.Acknowledgement()
	meantFor, meant := "", "NOT SHOWN by the evidence: that the notice was meant for them, and not passed on to them by somebody else"
	if v.Meant != nil {
		meantFor = v.Meant.Member.Representative.String()
		meant = "the notice was meant for them, sealed to " + v.Meant.Member.Certificate.Spaced()
	}
	p.report(verifiedJSON{
		Held: true, Kind: "receipt", Notice: a.Notice, ManifestSHA256: a.ManifestSHA256, Representative: a.Representative.String(), Fingerprint: a.Certificate,
		Registrar: v.Signer.Registrar().Name(), MeantFor: meantFor, Decision: a.Decision, Time: optional(a.Time), Received: optional(v.Received),
		Author: signedBy(v.Notice.Author(), v.Notice.AuthorSignature()), Approver: signedBy(v.Notice.Approver(), v.Notice.ApproverSignature()),
		Ledger: entered,
	}, func() {
		p.say("It holds: %s %s %s at %s.", a.Representative, a.Decision, a.Notice, hourUTC(a.Time))
		p.say("    signed with %s, whose chain goes by %s (registrar) to the root", a.Certificate.Spaced(), v.Signer.Registrar().Name())
		showSigners(p, v.Notice)
		p.say("    %s", meant)
		p.say("    the portal says that it received it at %s", hourUTC(v.Received))
		if in != nil {
			p.say("    entered in the ledger:")
			showIncluded(p, in)
		} else {
			p.say("    no checkpoint of the ledger covers it yet")
		}
	})
	return nil
}

// verifyProofFile verifies a proof from the ledger.
func verifyProofFile(p *process, pin crypto.Pin, file []byte, i api.Institution) error {
	policy, err := policyFrom(pin, i)
	if err != nil {
		return err
	}
	proof, err := ledger.ParseProof(file)
	if err != nil {
		return err
	}
	in, err := policy.VerifyProof(proof, nil)
	if err != nil {
		return err
	}
	p.report(includedJSON(in, ""), func() {
		p.say("It holds: this is in the institution's ledger.")
		showIncluded(p, in)
	})
	return nil
}

func showSigners(p *process, v *crypto.VerifiedManifest) {
	p.say("    the notice was signed by %s (author), %s, and %s (approver), %s", v.Author().Name(), hourUTC(v.AuthorSignature().Made()), v.Approver().Name(), hourUTC(v.ApproverSignature().Made()))
	p.say("    manifest SHA-256 %s", v.SHA256())
}

func verifyManifestFile(p *process, t *ceremony.Trust, file []byte) error {
	signed, err := crypto.ParseSignedManifest(file)
	if err != nil {
		return err
	}
	v, err := t.Root().VerifyManifest(signed, t.StaffCertificates(), time.Now())
	if err != nil {
		return err
	}
	p.report(verifiedJSON{
		Held: true, Kind: "manifest", Notice: v.Manifest().Notice, ManifestSHA256: v.SHA256(), Author: signedBy(v.Author(), v.AuthorSignature()),
		Approver: signedBy(v.Approver(), v.ApproverSignature()), Time: optional(v.Manifest().Created),
	}, func() {
		p.say("It holds: the manifest of %s, sealed at %s.", v.Manifest().Notice, hourUTC(v.Manifest().Created))
		showSigners(p, v)
	})
	return nil
}

// verifyCertificates verifies a representative's chain, or one staff certificate.
func verifyCertificates(p *process, t *ceremony.Trust, file []byte) error {
	const end = "-----END PGP PUBLIC KEY BLOCK-----"
	var blocks []string
	for _, block := range strings.SplitAfter(string(file), end) {
		if strings.TrimSpace(block) != "" {
			blocks = append(blocks, block)
		}
	}
	last, err := crypto.ParseCertificate([]byte(blocks[len(blocks)-1]))
	if err != nil {
		return err
	}
	ids := last.UserIDs()
	if len(ids) == 1 {
		if of, err := crypto.ParseRepresentative(ids[0]); err == nil && of.String() == ids[0] {
			return verifyChain(p, t, blocks, of)
		}
	}
	if len(blocks) > 1 {
		return errors.New("these are several certificates, and not the chain of one representative")
	}
	member, err := t.Root().VerifyStaff(last, time.Now())
	if err != nil {
		return err
	}
	p.report(verifiedJSON{Held: true, Kind: "staff", Fingerprint: last.Fingerprint(), Name: member.Name(), Roles: member.Roles()}, func() {
		p.say("It holds: %s is certified by the root as %v.", member.Name(), member.Roles())
	})
	return nil
}

func verifyChain(p *process, t *ceremony.Trust, blocks []string, of crypto.Representative) error {
	r, err := t.VerifyChain(blocks, of, time.Now())
	switch {
	case err != nil && len(blocks) == 1:
		return fmt.Errorf("%w; the key of somebody who has claimed is verified with those before it, which 'valise cert --chain' writes", err)
	case err != nil:
		return err
	}
	p.report(verifiedJSON{
		Held: true, Kind: "chain", Representative: of.String(), Fingerprint: r.Certificate().Fingerprint(), Registrar: r.Registrar().Name(),
	}, func() {
		p.say("It holds: %s is the key of %s, issued by %s.", r.Certificate().Fingerprint().Spaced(), of, r.Registrar().Name())
	})
	return nil
}

// message opens a sealed message that came by another way, with the manifest that the portal has for it.
func (c *VerifyCommand) message(ctx context.Context, p *process, file []byte) error {
	if c.Offline != "" || c.Save != "" {
		return usagef("a sealed message is verified with the portal, by opening it; --offline and --save are for the rest")
	}
	if c.As == "" {
		return usagef("a sealed message is verified by opening it: say who you are with --as")
	}
	_, body, err := crypto.SplitMessage(file)
	if err != nil {
		return err
	}
	f := representativeFlags{serverFlags: serverFlags{c.Server, c.InsecureHTTP}, As: c.As, SecretFile: c.SecretFile, Key: c.Key, pinFlag: c.pinFlag}
	m, err := f.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	notices, err := m.client.Notices(ctx)
	if err != nil {
		return err
	}
	n, err := findNotice(notices, body)
	if err != nil {
		return err
	}
	n.Envelope, _, _ = crypto.SplitMessage(file)
	n.Body = body
	o, err := ceremony.Open(m.trust, m.self, n.Notice, n, time.Now())
	if err != nil {
		return err
	}
	v := o.Verified()
	p.report(verifiedJSON{
		Held: true, Kind: "message", Notice: n.Notice, ManifestSHA256: v.SHA256(), Author: signedBy(v.Author(), v.AuthorSignature()), Approver: signedBy(v.Approver(), v.ApproverSignature()),
	}, func() {
		p.say("It holds: this is %s, %q.", n.Notice, o.Content().Languages[0].Subject)
		showSigners(p, v)
	})
	return nil
}

// findNotice returns the notice in a mailbox whose manifest names the body.
func findNotice(notices []api.Notice, body []byte) (api.Notice, error) {
	want := crypto.RefTo(body)
	for _, n := range notices {
		m, err := crypto.ParseManifest([]byte(n.Manifest))
		if err != nil {
			continue
		}
		for _, ref := range m.Bodies {
			if ref == want {
				return n, nil
			}
		}
	}
	return api.Notice{}, errors.New("no notice in your mailbox has this message; it is not the institution's, or was changed on the way")
}
