package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/verdict"
)

// VerifyCommand verifies whatever the institution or a representative signed.
type VerifyCommand struct {
	Server       string `env:"VALISE_SERVER" placeholder:"URL" help:"The portal's address; not needed with --offline, and for a bundle."`
	InsecureHTTP bool   `name:"insecure-http" help:"Allow http:// to another machine. INSECURE: whoever is on the line can take the session over."`

	Files      []string `arg:"" name:"file" help:"A receipt, a statement, a signed manifest, certificates, a proof or checkpoint from the ledger, a bundle of evidence, or a sealed message (\"-\": standard input); or several that belong together."`
	As         string   `env:"VALISE_AS" placeholder:"NUMBER" help:"For a sealed message: your number."`
	SecretFile string   `placeholder:"FILE" help:"For a sealed message: a file whose first line is your passphrase."`
	Key        string   `type:"existingfile" placeholder:"FILE" help:"For a sealed message: your own private key, if you claimed with one."`
	pinFlag
	Save    string `placeholder:"FILE" help:"Write there what the portal gave as evidence, so that --offline verifies the same without any portal."`
	Offline string `type:"existingfile" placeholder:"FILE" help:"Take the evidence from there, and ask nobody."`
}

// Help is the part of --help below the summary.
func (VerifyCommand) Help() string {
	return manual(`Says whether it holds, with everything that it stands on, up to the root whose fingerprint you give. What FILE is, it sees by itself:

  a receipt            the signature, its key's chain root → registrar → issued key → own key, author's and approver's signatures over the notice that it names, and that this notice was meant for who signed the receipt. The portal gives whoever has a receipt the evidence; nobody needs to log in.
  a statement          a clear-signed text, a text with its signatures in FILE.asc beside it, a manifest with its own, or JSON; with its attachments, if they are given with it. Also whether the portal publishes it and what has become of it since, and whether the ledger says the same
  a signed manifest    (valise open --manifest) author's and approver's signatures and chains
  certificates         (valise cert --chain) the chain of a representative; or a staff member's certificate
  a proof              (valise ledger proof, or saved from the portal) that something is in the institution's ledger, and that the portal still shows the same ledger
  a checkpoint         of the ledger, that somebody was given: the same
  a bundle             (valise bundle) the evidence of a notice, a zip: every file in it, asking nobody; needs neither --server nor --offline
  a sealed message     (message.asc) opens it with your key and verifies it as 'valise open' does; needs --as

Several files that belong together are given together: a text and its signatures, a receipt with the signed manifest and the certificates. It says what was checked, and what was not. Nothing that the portal says is believed but what those signatures prove; so evidence that was saved with --save, on any day, by anybody, proves as much years later, when there may be no portal to ask.

EXAMPLES

  valise verify receipt.asc --server https://portal.example --root-fingerprint "0123 4567 …"
  valise verify receipt.asc … --save evidence.json
  valise verify receipt.asc --offline evidence.json --root-fingerprint "0123 4567 …"
  valise verify N-4GZ0R8T4.zip --root-fingerprint "0123 4567 …"

  valise verify N-4GZ0R8T4.asc --server https://portal.example --as S-7K2M9QXD/2

JSON

  held (true), kind (receipt, statement, statement-manifest, statement-receipt, manifest, chain, staff, root, proof, checkpoint, message, bundle), and what it is about: notice, statement, version, language, title, published, newest, withdrawn, manifest_sha256, author, approver, representative, fingerprint, registrar, meant_for (of a receipt: whom the notice was meant for; missing when the evidence doesn't show it), decision, time, received, roles, ledger (origin, index, size, event, sha256, cosignatures: where it was entered; missing until a checkpoint covers it), of a bundle dispatched, mailboxes, representatives, acknowledged, refused, in_ledger, proved_lines, portal_lines; checked, not_checked, warnings (sentences). An array of these when several things were given

ENVIRONMENT

  VALISE_SERVER, VALISE_ROOT_FINGERPRINT, VALISE_AS; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 it held; 1 it did not hold, or could not be verified; 2 wrong usage; 3 the ledger, or whoever serves it, misbehaves.`)
}

type verifiedJSON struct {
	Held           bool               `json:"held"`
	Kind           string             `json:"kind"`
	Notice         crypto.Number      `json:"notice,omitempty"`
	Statement      crypto.Number      `json:"statement,omitempty"`
	Version        int                `json:"version,omitempty"`
	Language       string             `json:"language,omitempty"`
	Title          string             `json:"title,omitempty"`
	ManifestSHA256 string             `json:"manifest_sha256,omitempty"`
	Author         *signerJSON        `json:"author,omitempty"`
	Approver       *signerJSON        `json:"approver,omitempty"`
	Published      *bool              `json:"published,omitempty"`
	Newest         int                `json:"newest,omitempty"`
	Withdrawn      bool               `json:"withdrawn,omitempty"`
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
	Checked        []string           `json:"checked,omitempty"`
	NotChecked     []string           `json:"not_checked,omitempty"`
	Warnings       []string           `json:"warnings,omitempty"`
}

// Run verifies.
func (c *VerifyCommand) Run(ctx context.Context, p *process) error {
	pin, pinned, err := c.pin()
	if err != nil {
		return err
	}
	if len(c.Files) == 1 && isZip(c.Files[0]) {
		switch {
		case !pinned:
			return usagef("give the fingerprint of the institution's root, from paper, with --root-fingerprint")
		case c.Save != "" || c.Offline != "":
			return usagef("a bundle of evidence holds all that it needs; --offline and --save are for the rest")
		}
		return c.bundle(p, pin)
	}
	switch {
	case c.Server == "" && c.Offline == "":
		return usagef("name the portal with --server, or evidence that was saved with --offline")
	case c.Save != "" && c.Offline != "":
		return usagef("--save and --offline don't go together: what was saved is there already")
	}
	files, err := c.read(p)
	if err != nil {
		return err
	}
	if message := verdict.FindMessage(files); message != nil && len(files) == 1 {
		return c.message(ctx, p, message)
	}
	if !slices.ContainsFunc(files, verdict.Known) {
		return fmt.Errorf("%s is neither a receipt, a statement, a signed manifest, a certificate, a proof or checkpoint from a ledger nor a sealed message", c.Files[0])
	}
	if !pinned {
		return usagef("give the fingerprint of the institution's root, from paper, with --root-fingerprint")
	}
	held, err := c.judge(ctx, p, pin, files)
	if err != nil {
		return err
	}
	out := make([]verifiedJSON, len(held))
	for i, v := range held {
		out[i] = judgedJSON(v)
	}
	if len(held) == 1 {
		p.report(out[0], func() { showVerdict(p, held[0]) })
		return nil
	}
	p.report(out, func() {
		for _, v := range held {
			showVerdict(p, v)
		}
	})
	return nil
}

// read reads the files. A text's signatures stand in a file beside it, which need not be named.
func (c *VerifyCommand) read(p *process) (files []verdict.File, err error) {
	for _, name := range c.Files {
		data, err := p.readInput(name, verdict.MaxFile)
		if err != nil {
			return nil, usageError{err}
		}
		files = append(files, verdict.File{Name: filepath.Base(name), Data: data})
	}
	if len(files) == 1 && verdict.HasSignaturesBeside(files[0]) {
		if data, err := p.readInput(c.Files[0]+".asc", maxInput); err == nil {
			files = append(files, verdict.File{Name: files[0].Name + ".asc", Data: data})
		}
	}
	return files, nil
}

// judge says what holds; an error says of the first thing that doesn't why not.
func (c *VerifyCommand) judge(ctx context.Context, p *process, pin crypto.Pin, files []verdict.File) ([]verdict.Verdict, error) {
	judged := verdict.Case{Files: files, Pin: pin, Now: time.Now(), Answers: map[string]verdict.Answer{}}
	saved := &verdict.SavedEvidence{Format: verdict.EvidenceFormat}
	var portal *client.Client
	var err error
	if c.Offline != "" {
		if judged.Files, err = c.offline(p, files); err != nil {
			return nil, err
		}
		judged.Offline = true
	} else {
		if portal, err = (&serverFlags{c.Server, c.InsecureHTTP}).connect(); err != nil {
			return nil, err
		}
		defer portal.Close()
		if saved.Institution, err = portal.Institution(ctx); err != nil {
			return nil, err
		}
		if saved.Evidence, err = evidenceOf(ctx, portal, files); err != nil {
			return nil, err
		}
		judged.Files = append(slices.Clone(files), saved.File())
		if said, err := json.Marshal(saved.Institution); err == nil {
			judged.Answers[verdict.InstitutionPath] = verdict.Answer{Status: http.StatusOK, Body: said}
		}
	}
	verdicts, err := judgeWith(ctx, portal, judged)
	if err != nil {
		return nil, err
	}
	for _, v := range verdicts {
		if v.Outcome != verdict.Holds {
			return nil, unheld(v)
		}
	}
	if c.Save != "" {
		return verdicts, saveEvidence(p, c.Save, saved)
	}
	return verdicts, nil
}

// judgeWith fetches what a judge asks for, until nothing is missing.
func judgeWith(ctx context.Context, portal *client.Client, c verdict.Case) ([]verdict.Verdict, error) {
	for {
		verdicts, wanted := c.Judge()
		for _, path := range wanted {
			body, err := portal.Public(ctx, path, maxPublic)
			var refusal *client.Error
			switch {
			case errors.As(err, &refusal):
				c.Answers[path] = verdict.Answer{Status: refusal.Status}
			case err != nil:
				return nil, err
			default:
				c.Answers[path] = verdict.Answer{Status: http.StatusOK, Body: body}
			}
		}
		if len(wanted) == 0 {
			return verdicts, nil
		}
	}
}

// maxPublic is the size in bytes of the largest answer read: dozens of versions of a statement.
const maxPublic = 256 << 20

// unheld is the error of a verdict: what is wrong, in words, and then precisely.
func unheld(v verdict.Verdict) error {
	if v.Detail == "" {
		return fmt.Errorf("%s: %s", v.File, v.Summary)
	}
	return fmt.Errorf("%s: %s In detail: %w", v.File, v.Summary, v.Err())
}

// offline adds the evidence that was saved.
func (c *VerifyCommand) offline(p *process, files []verdict.File) ([]verdict.File, error) {
	data, err := p.readInput(c.Offline, verdict.MaxFile)
	if err != nil {
		return nil, err
	}
	saved := new(verdict.SavedEvidence)
	if err := json.Unmarshal(data, saved); err != nil || saved.Format != verdict.EvidenceFormat {
		return nil, fmt.Errorf("%s is not evidence that was saved with --save", c.Offline)
	}
	if len(files) == 1 && verdict.FindReceipt(files) != nil && saved.Evidence == nil {
		return nil, fmt.Errorf("%s holds no evidence of a receipt", c.Offline)
	}
	return append(slices.Clone(files), saved.File()), nil
}

// evidenceOf asks the portal for what proves a receipt; nil when there is none among the files.
func evidenceOf(ctx context.Context, portal *client.Client, files []verdict.File) (*api.Evidence, error) {
	receipt := verdict.FindReceipt(files)
	if receipt == nil {
		return nil, nil
	}
	e, err := portal.Evidence(ctx, receipt)
	if client.IsStatus(err, http.StatusNotFound) {
		if len(files) > 1 {
			return nil, nil // it may stand on what was given with it
		}
		return nil, errors.New("the portal has no such receipt, to the byte; was it changed, or made for another portal?")
	}
	if err != nil {
		return nil, err
	}
	return &e, nil
}

func saveEvidence(p *process, path string, e *verdict.SavedEvidence) error {
	saved, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return p.writeOut(path, append(saved, '\n'), 0o644)
}

// judgedJSON is a verdict with --json.
func judgedJSON(v verdict.Verdict) verifiedJSON {
	f := v.Facts
	kind, ok := map[verdict.Kind]string{
		verdict.StatementText: "statement", verdict.NoticeManifest: "manifest", verdict.StaffCertificate: "staff", verdict.RootCertificate: "root", verdict.Representative: "chain",
	}[v.Kind]
	if !ok {
		kind = string(v.Kind)
	}
	j := verifiedJSON{
		Held: true, Kind: kind, Notice: f.Notice, Statement: f.Statement, Version: f.Version, Language: f.Language, Title: f.Title, ManifestSHA256: f.ManifestSHA256,
		Published: f.Published, Newest: f.Newest, Withdrawn: f.Withdrawn, Representative: f.Representative, Fingerprint: f.Fingerprint, Registrar: f.Registrar,
		MeantFor: f.MeantFor, Decision: f.Decision, Time: f.Time, Received: f.Received, Name: f.Name, Roles: f.Roles,
		Checked: sentences(v.Checked), NotChecked: sentences(v.Unchecked), Warnings: sentences(v.Warnings),
	}
	j.Author, j.Approver = signerOf(f.Author), signerOf(f.Approver)
	if j.Time == nil {
		j.Time = f.Created
	}
	if f.Ledger != nil {
		of := includedJSON(f.Ledger.Included, "")
		j.Ledger = of.Ledger
		if v.Kind == verdict.Proof {
			of.Checked, of.NotChecked = j.Checked, j.NotChecked
			return of
		}
	}
	return j
}

func signerOf(s *verdict.Signer) *signerJSON {
	if s == nil {
		return nil
	}
	return &signerJSON{Name: s.Name, Fingerprint: s.Fingerprint, Signed: s.Signed}
}

func sentences(lines []verdict.Line) (texts []string) {
	for _, l := range lines {
		texts = append(texts, clean(l.String()))
	}
	return texts
}

// showVerdict says what held, on what it stands, and what nobody has looked at.
func showVerdict(p *process, v verdict.Verdict) {
	f := v.Facts
	switch v.Kind {
	case verdict.StatementText, verdict.Statement:
		p.say("It holds: %s, version %d, %q, signed by %s (author) and %s (approver), both certified by the root.", f.Statement, f.Version, clean(f.Title), clean(f.Author.Name), clean(f.Approver.Name))
	case verdict.Receipt:
		p.say("It holds: %s %s %s at %s.", f.Representative, f.Decision, f.Notice, hourUTC(*f.Time))
	case verdict.StatementReceipt:
		p.say("It holds: %s %s %s, version %d, at %s.", f.Representative, f.Decision, f.Statement, f.Version, hourUTC(*f.Time))
	case verdict.NoticeManifest:
		p.say("It holds: the manifest of %s, sealed at %s.", f.Notice, hourUTC(*f.Created))
	case verdict.StaffCertificate:
		p.say("It holds: %s is certified by the root as %v.", clean(f.Name), f.Roles)
	case verdict.Representative:
		p.say("It holds: %s is the key of %s, issued by %s.", f.Fingerprint.Spaced(), f.Representative, clean(f.Registrar))
	case verdict.Proof:
		p.say("It holds: this is in the institution's ledger.")
		p.say("    %s", verdict.EventText(f.Ledger.Included.Event))
	default:
		p.say("It holds: %s", clean(v.Summary.String()))
	}
	for _, text := range sentences(v.Warnings) {
		p.say("    MIND: %s", text)
	}
	if f.ManifestSHA256 != "" {
		p.say("    manifest SHA-256 %s", f.ManifestSHA256)
	}
	p.say("Checked:")
	for _, text := range sentences(v.Checked) {
		p.say("    %s", text)
	}
	if len(v.Unchecked) > 0 {
		p.say("Not checked:")
	}
	for _, text := range sentences(v.Unchecked) {
		p.say("    %s", text)
	}
}

func showSigners(p *process, v *crypto.VerifiedManifest) {
	p.say("    the notice was signed by %s (author), %s, and %s (approver), %s", v.Author().Name(), hourUTC(v.AuthorSignature().Made()), v.Approver().Name(), hourUTC(v.ApproverSignature().Made()))
	p.say("    manifest SHA-256 %s", v.SHA256())
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
	if n, ok := findPersonal(notices, body); ok {
		return c.personal(ctx, p, m, n.Notice, file)
	}
	n, err := findNotice(notices, body)
	if err != nil {
		return err
	}
	n.Envelope, _, _ = crypto.SplitMessage(file)
	n.Body = body
	o, err := ceremony.OpenMessage(m.trust, m.self, n.Notice, n, time.Now())
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
