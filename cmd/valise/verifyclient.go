package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/ledger"
	"valise/portal/served"
	"valise/portal/web"
)

// VerifyClientCommand compares what a portal gives browsers with what was signed.
type VerifyClientCommand struct {
	Server       string `arg:"" name:"url" help:"The portal's address: https://portal.example."`
	InsecureHTTP bool   `name:"insecure-http" help:"Allow http:// to another machine. Whoever is on the line can then give your browser something else than this program."`
	pinFlag
	Recording string        `type:"existingfile" placeholder:"FILE" help:"What your own browser was given: an HTTP archive (.har) that its developer tools recorded while you opened the portal. It is judged instead of what this program fetches. It holds what you sent, too; this program sends nothing of it anywhere, and you should delete it afterwards."`
	ByProgram bool          `help:"Compare with what this program was built with, instead of what was signed and entered in the ledger: for who built it from sources that they looked at."`
	State     string        `env:"VALISE_LEDGER_SEEN" placeholder:"FILE" help:"Where to keep the ledger's checkpoint seen last, as with 'valise ledger verify'."`
	Grace     time.Duration `default:"24h" placeholder:"TIME" help:"How long a portal may go on serving the client of before when another one was entered: that happens first, and then the new one is deployed."`
	Seem      string        `default:"Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0" placeholder:"TEXT" help:"What this program says it is (User-Agent), so that it is less easily told from a browser. Default: what Tor Browser says."`
}

// Help is the part of --help below the summary.
func (VerifyClientCommand) Help() string {
	return manual(`A portal's pages seal and open in your browser, which runs whatever the server sends. This command asks whether that is what two people of the institution's staff built and signed, and what everybody else is shown:

  - the signed list of scripts, style sheets, WebAssembly and the offline reader, with both signatures up to the root whose fingerprint you have on paper;
  - that the list stands in the ledger, that the ledger only grew since you looked last, and that no newer list has been entered;
  - each file, as browsers are given it, to the byte, with the policy that tells them what to allow;
  - the pages that anybody can open: that they can run nothing else.

What it can't see: what the server gives to somebody else, or to you when it knows you, since it can tell who asks. So record what your own browser was given (--recording), ask from several places (HTTPS_PROXY), and let others do so, too.

EXAMPLES

  valise verify-client https://portal.example --root-fingerprint "0123 4567 …"
  valise verify-client https://portal.example --root-fingerprint "0123 4567 …" --recording portal.har
  valise verify-client https://portal.example --by-program

JSON

  server, client, sha256 (of the signed list; "" with --by-program), signers, entered, files, pages, program (whether this program serves just the same). When something differs: error.code is client-differs, and error.differences lists them (path, text); what is wrong with the ledger is called as by 'valise ledger verify'

EXIT STATUS

  0 it is what was signed; 1 it could not be looked at; 2 wrong usage; 3 the portal serves something else, or its ledger misbehaves.`)
}

// clientDiffers says that a portal serves something else than was signed.
type clientDiffers struct {
	origin      string
	differences []served.Difference
}

func (e *clientDiffers) Error() string {
	lines := make([]string, len(e.differences))
	for i, d := range e.differences {
		lines[i] = "    " + clean(d.String())
	}
	return fmt.Sprintf("ALARM: %s does not serve what was signed:\n\n%s\n\nDon't unlock anything there. Keep what you were given, try from another place, and tell the institution by another way", e.origin, strings.Join(lines, "\n"))
}

type verifiedClientJSON struct {
	Server  string     `json:"server"`
	Client  string     `json:"client"`
	SHA256  string     `json:"sha256"`
	Signers []string   `json:"signers"`
	Entered *time.Time `json:"entered"`
	Files   int        `json:"files"`
	Pages   int        `json:"pages"`
	Program bool       `json:"program"`
}

// clientCheck is one comparison.
type clientCheck struct {
	client   *client.Client
	manifest *crypto.ClientManifest
	verified *crypto.VerifiedClientManifest // nil with --by-program
	entered  *ledger.Included               // likewise

	files, pages int
	differences  []served.Difference
}

// Run compares.
func (c *VerifyClientCommand) Run(ctx context.Context, p *process) error {
	visitor, err := (&serverFlags{c.Server, c.InsecureHTTP}).connect()
	if err != nil {
		return err
	}
	defer visitor.Close()
	visitor.UserAgent = c.Seem
	check := &clientCheck{client: visitor}
	own, _, err := web.Client()
	if err != nil {
		return err
	}
	if c.ByProgram {
		if own, err = ownClient(); err != nil {
			return err
		}
		check.manifest = &own
	} else if err := c.believe(ctx, p, check); err != nil {
		return err
	}
	if c.Recording != "" {
		err = check.recorded(p, c.Recording)
	} else {
		err = check.fetched(ctx)
	}
	if err != nil {
		return err
	}
	return check.report(p, check.manifest.ClientSHA256() == own.ClientSHA256())
}

// believe fetches what was signed, and verifies who did, and that it is in the ledger.
func (c *VerifyClientCommand) believe(ctx context.Context, p *process, check *clientCheck) error {
	pin, pinned, err := c.pin()
	if err != nil {
		return err
	}
	if !pinned {
		return usagef("give the fingerprint of the institution's root, from paper, with --root-fingerprint; or, if you built this program yourself, --by-program")
	}
	institution, err := check.client.Institution(ctx)
	if err != nil {
		return err
	}
	trust, err := ceremony.Believe(pin, institution)
	if err != nil {
		return err
	}
	policy, err := policyFrom(pin, institution)
	if err != nil {
		return err
	}
	state, err := (&LedgerVerifyCommand{pinFlag: c.pinFlag, State: c.State}).state(policy)
	if err != nil {
		return err
	}
	w := &watching{Follower: ledger.Follower{Policy: policy, State: state, Fetch: fetchFrom(check.client)}}
	w.Each = w.leaf
	followed, err := w.Follow(ctx)
	if err != nil {
		return err
	}
	signed, err := check.signed(ctx, ".asc", crypto.MaxSignedClientManifestSize)
	if client.IsStatus(err, http.StatusNotFound) {
		return w.unsigned(ctx, followed.Now)
	}
	if err != nil {
		return err
	}
	if check.verified, err = trust.Root().VerifyClientManifest(signed, trust.StaffCertificates(), time.Now()); err != nil {
		return err
	}
	check.manifest = check.verified.Manifest()
	if err := c.inLedger(ctx, p, check, w, followed.Now); err != nil {
		return err
	}
	for _, s := range check.verified.Signers() { // what somebody signed long ago is not entered when they have left
		if _, err := trust.Root().VerifyStaff(s.Certificate(), check.entered.Event.At); err != nil {
			return fmt.Errorf("when the list was entered in the ledger, %s did not work there any more: %w", s.Name(), err)
		}
	}
	return nil
}

// signed fetches the manifest of what the portal serves, or its proof.
func (check *clientCheck) signed(ctx context.Context, ending string, limit int64) ([]byte, error) {
	f, err := check.client.PublicFile(ctx, "/client-manifest/current"+ending, "", limit)
	return f.Body, err
}

// unsigned tells a portal that never had its client signed from one that serves something that wasn't.
func (w *watching) unsigned(ctx context.Context, now *ledger.SignedCheckpoint) error {
	newest, err := w.newestClient(ctx, now, 0)
	if err != nil {
		return err
	}
	if newest == nil {
		return errors.New("the institution has not signed what its portal gives browsers to run, so nothing can be said about it. Ask it to (valise client-manifest sign), or build this program from its sources yourself and give --by-program")
	}
	return &ledger.Alarm{Trouble: ledger.Withheld, Text: fmt.Sprintf("the ledger has a signed list of what browsers run (%s, entered %s), and the portal shows none for what it serves: it serves something that nobody signed, or keeps the list back. Don't unlock anything there, look again from another place, and ask the institution by another way", newest.Manifest, hourUTC(newest.At))}
}

// newestClient is the newest event of a client from a leaf on; nil when there is none.
func (w *watching) newestClient(ctx context.Context, now *ledger.SignedCheckpoint, first int64) (newest *ledger.Event, err error) {
	look := w.Follower
	look.Each = func(_ int64, text []byte) error {
		leaf, err := ledger.ParseLeaf(text)
		if err != nil {
			return nil // of a newer version
		}
		if e := leaf.Public(); e != nil && e.Kind == ledger.ClientManifest && (newest == nil || !e.At.Before(newest.At)) {
			newest = e
		}
		return nil
	}
	return newest, look.Leaves(ctx, now, first)
}

// inLedger verifies that the manifest was entered in the ledger that this reader follows, and that no newer one was.
func (c *VerifyClientCommand) inLedger(ctx context.Context, p *process, check *clientCheck, w *watching, now *ledger.SignedCheckpoint) error {
	digest := ledger.Digest(check.verified.SHA256())
	file, err := check.signed(ctx, ".tlog-proof", ledger.MaxProofSize)
	if client.IsStatus(err, http.StatusNotFound) {
		return fmt.Errorf("both signatures hold, but no checkpoint of the ledger covers the list %s yet: look again in some minutes. If it stays so, it is shown to you alone: tell the institution by another way", digest)
	}
	if err != nil {
		return err
	}
	proof, err := ledger.ParseProof(file)
	if err != nil {
		return fmt.Errorf("the proof from the ledger: %w", err)
	}
	in, err := w.Policy.VerifyProof(proof, nil)
	if err == nil {
		err = w.Compare(ctx, now, in.Checkpoint)
	}
	if err != nil {
		return err
	}
	if in.Event == nil || in.Event.Kind != ledger.ClientManifest || in.Event.Manifest != digest {
		return &ledger.Alarm{Trouble: ledger.Missing, Text: "the portal shows the proof of something else than of the list of what browsers run: that list is not in the ledger, so it may have been made for you alone"}
	}
	newest, err := w.newestClient(ctx, now, min(in.Index+1, now.Size))
	if err != nil {
		return err
	}
	if newest != nil && newest.Manifest != digest && newest.At.After(in.Event.At) {
		text := fmt.Sprintf("the portal serves the client that was entered on %s, and a newer one was on %s", hourUTC(in.Event.At), hourUTC(newest.At))
		if time.Since(newest.At) > c.Grace {
			check.differences = append(check.differences, served.Difference{Path: "/", Text: text + ": it holds an old one, with known faults perhaps, against you"})
		} else {
			p.warn("%s: it is probably about to be deployed; look again tomorrow", text)
		}
	}
	check.entered = in
	return nil
}

// browserHeaders are what a browser says when it loads something of this kind.
func browserHeaders(path string) http.Header {
	h := http.Header{"Accept-Language": {"en-US,en;q=0.5"}, "Accept-Encoding": {"gzip, deflate, br"}, "Accept": {"*/*"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"script"}}
	switch {
	case strings.HasSuffix(path, ".css"):
		h.Set("Accept", "text/css,*/*;q=0.1")
		h.Set("Sec-Fetch-Dest", "style")
		h.Set("Sec-Fetch-Mode", "no-cors")
	case strings.HasSuffix(path, ".wasm"):
		h.Set("Sec-Fetch-Dest", "empty")
	case !strings.HasPrefix(path, "/assets/"):
		h.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		h.Set("Sec-Fetch-Site", "none")
		h.Set("Sec-Fetch-Mode", "navigate")
		h.Set("Sec-Fetch-Dest", "document")
	}
	return h
}

// fetched asks for every file and every public page as a browser would, and judges the answers.
func (check *clientCheck) fetched(ctx context.Context) error {
	for _, path := range append([]string{"/"}, web.PublicPages()...) {
		found, err := check.ask(ctx, path, "gzip, deflate, br")
		if err != nil {
			return err
		}
		check.pages += found
	}
	for _, f := range check.manifest.Files {
		// Browsers on a line without TLS take no brotli, and might be given something else.
		for _, codings := range []string{"gzip, deflate, br", "gzip, deflate"} {
			if _, err := check.ask(ctx, f.Path, codings); err != nil {
				return err
			}
		}
		check.files++
	}
	return nil
}

// ask judges what stands at a path, and says whether something does.
func (check *clientCheck) ask(ctx context.Context, path, codings string) (found int, err error) {
	h := browserHeaders(path)
	h.Set("Accept-Encoding", codings)
	a, err := check.client.PublicAnswer(ctx, path, h, served.MaxFile)
	if err != nil {
		return 0, err
	}
	if a.Status == http.StatusNotModified { // which is no answer to who asked for the first time, and would be judged as none
		check.differences = append(check.differences, served.Difference{Path: path, Text: "the portal says that it is as it was (status 304) to a program that has nothing of it"})
		return 0, nil
	}
	body, err := served.Decode(a.Body, a.Header.Get("Content-Encoding"))
	if err != nil {
		check.differences = append(check.differences, served.Difference{Path: path, Text: err.Error()})
		return 0, nil
	}
	check.judge(served.Answer{Path: path, Status: a.Status, Header: a.Header, Body: body})
	if a.Status == http.StatusOK {
		found = 1
	}
	return found, nil
}

// judge keeps what isn't as it was signed, once.
func (check *clientCheck) judge(a served.Answer) {
next:
	for _, d := range served.Judge(check.manifest, a) {
		for _, known := range check.differences {
			if known == d {
				continue next
			}
		}
		check.differences = append(check.differences, d)
	}
}

// recorded judges what a browser wrote down.
func (check *clientCheck) recorded(p *process, file string) error {
	data, err := p.readInput(file, served.MaxArchive)
	if err != nil {
		return err
	}
	archive, err := served.ReadArchive(data, check.client.Origin())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, a := range archive.Answers {
		if _, listed := check.manifest.File(a.Path); listed {
			check.files++
		} else if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			check.pages++
		}
		check.judge(a)
	}
	for _, address := range archive.Elsewhere {
		check.differences = append(check.differences, served.Difference{Path: address, Text: "the browser was sent to another server, which no page of a portal does"})
	}
	if check.files+check.pages == 0 {
		return fmt.Errorf("%s has no page and no script of %s in it: open the developer tools first, then the portal with its cache switched off, and save with content", file, check.client.Origin())
	}
	if len(archive.Unread) > 0 {
		return fmt.Errorf("of %s in %s the browser did not record what was in it (%s …): switch its cache off, record again, and save with content", count(len(archive.Unread), "answer", "answers"), file, clean(archive.Unread[0]))
	}
	return nil
}

// report says what came out; differences are an error.
func (check *clientCheck) report(p *process, program bool) error {
	done := verifiedClientJSON{Server: check.client.Origin(), Client: check.manifest.ClientSHA256(), Signers: []string{}, Files: check.files, Pages: check.pages, Program: program}
	if len(check.differences) > 0 {
		return &clientDiffers{done.Server, check.differences}
	}
	if check.verified != nil {
		digest := check.verified.SHA256()
		done.SHA256, done.Entered = hex.EncodeToString(digest[:]), &check.entered.Event.At
		for _, s := range check.verified.Signers() {
			done.Signers = append(done.Signers, s.Name())
		}
	}
	p.report(done, func() {
		if check.verified != nil {
			p.say("It is what was signed: %s and %s of %s.", count(check.files, "file", "files"), count(check.pages, "page", "pages"), done.Server)
			p.say("    list %s, signed by %s", done.SHA256, clean(strings.Join(done.Signers, " and ")))
			p.say("    entered in the ledger on %s, leaf %d of %d", hourUTC(*done.Entered), check.entered.Index, check.entered.Checkpoint.Size)
			showCosignatures(p, check.entered.Checkpoint)
		} else {
			p.say("It is what this program has: %s and %s of %s.", count(check.files, "file", "files"), count(check.pages, "page", "pages"), done.Server)
		}
		if program && check.verified != nil {
			p.say("    this program has the very same")
		}
		p.say("This says what was given here and now. A server can give others, or a browser that it knows, something else: let others look, and record what your own browser is given (--recording).")
	})
	return nil
}
