package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/ledger"
	"valise/portal/web"
)

// ExportCommand makes a mirror.
type ExportCommand struct {
	serverFlags
	pinFlag
	Dir string `arg:"" help:"The folder that becomes the mirror, or is one from before."`
}

// Help is the part of --help below the summary.
func (ExportCommand) Help() string {
	return manual(`Writes all that the world reads on a portal into a folder: pages in all languages, statements with all versions and signatures, feeds, certificates, the ledger. Any web server can serve it, byte for byte as the portal does, while the portal is under attack; and anybody may do it, from outside.

Nothing is believed because the portal says it. Every signature of every version is verified up to the root whose fingerprint you give, every file of a statement must be what was signed, every page of a statement must show the text that was signed, the ledger must have only grown and must hold every version, and the portal must show every version that the ledger holds. What does not hold is refused, and the folder stays as it was. What surrounds texts on a page, nobody has signed.

Run it again to bring the folder up to date: it fetches and writes what changed, each file whole or not at all, and removes nothing. See docs/mirror.md for how to serve it.

EXAMPLES

  valise export --server https://portal.example --root-fingerprint "0123 4567 …" /srv/mirror

JSON

  server, root_fingerprint, statements, versions, leaves (of the ledger; null without one), files, written, bytes (of the files), missing (addresses that pages name and that are not there)

EXIT STATUS

  0 the folder is up to date; 1 something did not hold, or could not be fetched; 2 wrong usage; 3 the ledger, or whoever serves it, misbehaves.`)
}

type exportJSON struct {
	Server          string             `json:"server"`
	RootFingerprint crypto.Fingerprint `json:"root_fingerprint"`
	Statements      int                `json:"statements"`
	Versions        int                `json:"versions"`
	Leaves          *int64             `json:"leaves"`
	Files           int                `json:"files"`
	Written         int                `json:"written"`
	Bytes           int64              `json:"bytes"`
	Missing         []string           `json:"missing"`
}

// Size caps of what is fetched, in bytes.
const (
	maxExportPage = 32 << 20
	maxExportFile = 64 << 20 // an attachment, the WebAssembly
	maxExported   = 1_000_000

	proofEnd      = ".tlog-proof"
	exportWorkers = 6
)

// Run exports.
func (c *ExportCommand) Run(ctx context.Context, p *process) error {
	pin, pinned, err := c.pin()
	if err != nil {
		return err
	}
	if !pinned {
		return usagef("give the fingerprint of the institution's root, from paper, with --root-fingerprint")
	}
	visitor, err := c.connect()
	if err != nil {
		return err
	}
	defer visitor.Close()
	m, err := openMirror(c.Dir, visitor.Origin(), pin.Fingerprint)
	if err != nil {
		return err
	}
	defer m.close()
	e := &export{client: visitor, mirror: m, pin: pin, statements: make(map[crypto.Number][]*crypto.VerifiedStatement)}
	if err := e.all(ctx, p); err != nil {
		return err
	}
	done := exportJSON{
		Server: visitor.Origin(), RootFingerprint: pin.Fingerprint, Statements: len(e.statements), Files: m.files, Written: m.written, Bytes: m.bytes, Missing: append([]string{}, e.missing...),
	}
	for _, versions := range e.statements {
		done.Versions += len(versions)
	}
	if e.checkpoint != nil {
		done.Leaves = &e.checkpoint.Size
	}
	p.report(done, func() {
		p.say("The mirror in %s is up to date: %s in %s, %d written now.", c.Dir, count(done.Files, "file", "files"), clean(c.Dir), done.Written)
		p.say("    verified: %s of %s, up to the root", count(done.Versions, "version", "versions"), count(done.Statements, "statement", "statements"))
		if done.Leaves != nil {
			p.say("    the ledger of %d leaves holds all of them", *done.Leaves)
		}
		atMost(p, 20, e.missing)
	})
	return nil
}

// export is one run.
type export struct {
	client      *client.Client
	mirror      *mirror
	pin         crypto.Pin
	institution api.Institution
	trust       *ceremony.Trust
	checkpoint  *ledger.SignedCheckpoint // nil: nobody signs the ledger
	browsers    *crypto.ClientManifest   // what two of the staff signed of what browsers run; nil: nobody did

	mu         sync.Mutex
	statements map[crypto.Number][]*crypto.VerifiedStatement
	missing    []string
}

// all fetches what was signed first, and then the pages; so that a portal which lies about the one does not get to change the other.
func (e *export) all(ctx context.Context, p *process) (err error) {
	if e.institution, err = e.client.Institution(ctx); err != nil {
		return err
	}
	if e.trust, err = ceremony.Believe(e.pin, e.institution); err != nil {
		return err
	}
	entered, err := e.followLedger(ctx, p)
	if err != nil {
		return err
	}
	numbers, err := e.numbers(ctx)
	if err != nil {
		return err
	}
	if err := e.together(ctx, numbers, e.verify); err != nil {
		return err
	}
	if err := e.compareWithLedger(entered); err != nil {
		return err
	}
	// Only now anything is written.
	if err := e.together(ctx, numbers, e.writeStatement); err != nil {
		return err
	}
	if err := e.writeLedger(ctx); err != nil {
		return err
	}
	if err := e.signedClient(ctx, entered); err != nil {
		return err
	}
	return e.pages(ctx)
}

// together does something for each number, several at a time, and returns the first error.
func (e *export) together(ctx context.Context, numbers []crypto.Number, do func(context.Context, crypto.Number) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan crypto.Number)
	var workers sync.WaitGroup
	for range exportWorkers {
		workers.Go(func() {
			for n := range queue {
				if err := do(ctx, n); err != nil {
					cancel(fmt.Errorf("statement %s: %w", n, err))
				}
			}
		})
	}
	for _, n := range numbers {
		select {
		case queue <- n:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

// numbers lists all statements.
func (e *export) numbers(ctx context.Context) (numbers []crypto.Number, err error) {
	q := api.StatementQuery{Limit: 100}
	for {
		page, err := e.client.Statements(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, s := range page.Statements {
			if n, err := parseStatement(string(s.Statement)); err != nil || n != s.Statement {
				return nil, fmt.Errorf("the portal lists a statement %q, which is no number of one", clean(string(s.Statement)))
			}
			if !slices.Contains(numbers, s.Statement) { // published meanwhile, it moved
				numbers = append(numbers, s.Statement)
			}
		}
		if page.Next == 0 {
			return numbers, nil
		}
		if q.Before != 0 && page.Next >= q.Before || len(numbers) > maxExported {
			return nil, errors.New("the portal's list of statements does not come to an end")
		}
		q.Before = page.Next
	}
}

// verify fetches all versions of a statement, and verifies them.
func (e *export) verify(ctx context.Context, n crypto.Number) error {
	s, err := e.client.Statement(ctx, n)
	if err != nil {
		return err
	}
	versions, err := ceremony.ReadStatement(e.trust, n, s, time.Now())
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.statements[n] = versions
	return nil
}

// compareWithLedger demands that what the ledger holds is shown. What is shown and not entered yet is left to time.
func (e *export) compareWithLedger(entered []ledgerEventJSON) error {
	for _, event := range entered {
		if event.Statement == "" {
			continue
		}
		versions := e.statements[event.Statement]
		if event.Version > len(versions) {
			return &ledger.Alarm{Trouble: ledger.Withheld, Text: fmt.Sprintf("the ledger holds version %d of the statement %s, and the portal does not show it: somebody withholds it, or it was just published and will be there in a minute", event.Version, event.Statement)}
		}
		if got := versions[event.Version-1].SHA256(); got != event.SHA256 {
			return &ledger.Alarm{Trouble: ledger.Withheld, Text: fmt.Sprintf("version %d of the statement %s that the portal shows is not the one in the ledger: you are shown something else than others. Keep it, and tell the institution", event.Version, event.Statement)}
		}
	}
	return nil
}

// writeStatement writes the files of all versions of a statement, its attachments, and what the API says of it.
func (e *export) writeStatement(ctx context.Context, n crypto.Number) error {
	versions := e.statements[n]
	at := "/statements/" + string(n) + "/"
	for i, v := range versions {
		files, err := web.StatementFiles(v)
		if err != nil {
			return err
		}
		folders := []string{at + strconv.Itoa(i+1) + "/"}
		if i == len(versions)-1 {
			folders = append(folders, at)
		}
		for _, folder := range folders {
			for name, want := range files {
				if err := e.signedFile(ctx, folder+name, want); err != nil {
					return err
				}
			}
		}
		for _, a := range v.Attachments() {
			for _, folder := range folders {
				if err := e.attachment(ctx, folder+"files/"+url.PathEscape(a.Name), v, a); err != nil {
					return err
				}
			}
		}
		err = e.proof(ctx, folders[0]+"ledger"+proofEnd, func(event *ledger.Event) bool {
			return event.Statement == n && event.Version == i+1 && event.Manifest.String() == v.SHA256()
		})
		if err != nil {
			return err
		}
	}
	return e.apiFile(ctx, "/statements/"+string(n), func(body []byte) error { return e.checkAnswer(n, body) })
}

// signedClient copies what was signed of what browsers run, which every script, style sheet and the offline reader must then be. A portal of which nothing was ever signed is
// mirrored without.
func (e *export) signedClient(ctx context.Context, entered []ledgerEventJSON) error {
	const at = "/client-manifest/current"
	known := slices.ContainsFunc(entered, func(event ledgerEventJSON) bool { return event.Kind == ledger.ClientManifest })
	f, err := e.client.PublicFile(ctx, at+".asc", "", crypto.MaxSignedClientManifestSize)
	switch {
	case client.IsStatus(err, http.StatusNotFound) && known:
		return &ledger.Alarm{Trouble: ledger.Withheld, Text: "the ledger has a signed list of what browsers run, and the portal shows none for what it serves: it serves scripts that nobody signed, or keeps the list back"}
	case client.IsStatus(err, http.StatusNotFound):
		return nil
	case err != nil:
		return err
	}
	v, err := e.trust.Root().VerifyClientManifest(f.Body, e.trust.StaffCertificates(), time.Now())
	if err != nil {
		return err
	}
	digest := ledger.Digest(v.SHA256())
	if known && !slices.ContainsFunc(entered, func(event ledgerEventJSON) bool {
		return event.Kind == ledger.ClientManifest && event.SHA256 == digest.String()
	}) {
		return fmt.Errorf("the list of what browsers run, %s, is not in the ledger (yet): run this again in some minutes", digest)
	}
	e.browsers = v.Manifest()
	if err := e.mirror.put(at+".asc", f.Body); err != nil {
		return err
	}
	return e.proof(ctx, at+proofEnd, func(event *ledger.Event) bool { return event.Kind == ledger.ClientManifest && event.Manifest == digest })
}

// signedForBrowsers demands of what a browser runs that it was signed.
func (e *export) signedForBrowsers(address string, data []byte) error {
	if e.browsers == nil || !strings.HasPrefix(address, "/assets/") && address != "/reader.html" {
		return nil
	}
	f, listed := e.browsers.File(address)
	if !listed {
		return fmt.Errorf("what the portal has at %s can be run by browsers, and nobody signed it", address)
	}
	return f.Check(data)
}

// signedFile fetches a file unless it lies there already; it must be what was signed.
func (e *export) signedFile(ctx context.Context, path string, want []byte) error {
	if e.mirror.has(path, want) {
		return nil
	}
	f, err := e.client.PublicFile(ctx, path, "", maxExportPage)
	if err != nil {
		return err
	}
	if !bytes.Equal(f.Body, want) {
		return fmt.Errorf("what the portal has at %s is not what was signed: whoever serves it has changed it", path)
	}
	return e.mirror.put(path, f.Body)
}

func (e *export) attachment(ctx context.Context, path string, v *crypto.VerifiedStatement, a crypto.StatementAttachment) error {
	if kept, err := e.mirror.read(path); err == nil && v.CheckAttachment(a.Name, kept) == nil {
		return e.mirror.put(path, kept)
	}
	f, err := e.client.PublicFile(ctx, path, "", maxExportFile)
	if err != nil {
		return err
	}
	if err := v.CheckAttachment(a.Name, f.Body); err != nil {
		return err
	}
	return e.mirror.put(path, f.Body)
}

// proof fetches the proof of an event. One from before is as good as a newer one; one that no checkpoint covers yet comes another time.
func (e *export) proof(ctx context.Context, path string, of func(*ledger.Event) bool) error {
	if e.checkpoint == nil {
		return nil
	}
	f, err := e.client.PublicFile(ctx, path, "", ledger.MaxProofSize)
	if client.IsStatus(err, http.StatusNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := e.checkProof(path, f.Body, of); err != nil {
		return err
	}
	return e.mirror.put(path, f.Body)
}

// checkProof demands of a proof that the ledger's key stands behind it, and that it is of the event.
func (e *export) checkProof(path string, data []byte, of func(*ledger.Event) bool) error {
	proof, err := ledger.ParseProof(data)
	if err != nil {
		return err
	}
	policy, err := policyFrom(e.pin, e.institution)
	if err != nil {
		return err
	}
	in, err := policy.VerifyProof(proof, nil)
	if err != nil {
		return err
	}
	if in.Event == nil || !of(in.Event) {
		return fmt.Errorf("the proof at %s is of something else", path)
	}
	return nil
}

// apiFile copies an answer of the API. It is asked for once more, so that it is mirrored to the byte; what comes this time is checked, too.
func (e *export) apiFile(ctx context.Context, path string, check func(body []byte) error) error {
	f, err := e.client.PublicFile(ctx, api.Root+path, "", maxExportFile)
	if err != nil {
		return err
	}
	if err := check(f.Body); err != nil {
		return err
	}
	return e.mirror.put(api.Root+path, f.Body)
}

// checkAnswer demands that an answer has the versions that were verified. One that was published meanwhile may be there, too.
func (e *export) checkAnswer(n crypto.Number, body []byte) error {
	var s api.Statement
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("what the portal answers can't be read: %w", err)
	}
	versions, err := ceremony.ReadStatement(e.trust, n, s, time.Now())
	if err != nil {
		return err
	}
	for i, v := range e.statements[n] {
		if i >= len(versions) || versions[i].SHA256() != v.SHA256() {
			return fmt.Errorf("the portal answers something else than a moment ago: version %d is missing, or another", i+1)
		}
	}
	return nil
}

// checkInstitution demands that what the portal says of the institution is what was believed.
func (e *export) checkInstitution(body []byte) error {
	var i api.Institution
	if err := json.Unmarshal(body, &i); err != nil {
		return fmt.Errorf("what the portal says of the institution can't be read: %w", err)
	}
	if _, err := ceremony.Believe(e.pin, i); err != nil {
		return err
	}
	if i.Origin != e.institution.Origin || i.LedgerKey != e.institution.LedgerKey {
		return errors.New("the portal says something else of the institution, its address or its ledger, than a moment ago")
	}
	return nil
}

// checkCertificates demands of a file of certificates that the root stands behind each of them.
func (e *export) checkCertificates(path string, data []byte) error {
	for _, block := range bytes.SplitAfter(data, []byte("-----END PGP PUBLIC KEY BLOCK-----\n")) {
		if len(bytes.TrimSpace(block)) == 0 {
			continue
		}
		c, err := crypto.ParseCertificate(block)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if c.Fingerprint() != e.pin.Fingerprint && e.trust.Root().StaffRecord(c, time.Now()) == nil {
			return fmt.Errorf("what the portal has at %s is a certificate, %s, that the root never certified", path, c.Fingerprint().Spaced())
		}
	}
	return nil
}

// checkPage demands of what is fetched beside statements what can be demanded.
func (e *export) checkPage(path string, f client.PublicFile) error {
	switch {
	case strings.HasPrefix(path, "/keys/") && strings.HasSuffix(path, proofEnd):
		of := strings.TrimSuffix(strings.TrimPrefix(path, "/keys/"), proofEnd)
		return e.checkProof(path, f.Body, func(event *ledger.Event) bool {
			return event.Kind == ledger.StaffCertificate && string(event.Fingerprint) == of
		})
	case path == "/root.asc", strings.HasPrefix(path, "/keys/") && path != "/keys/ledger.asc":
		return e.checkCertificates(path, f.Body)
	case path == "/keys/ledger.asc":
		_, err := e.trust.Root().VerifyLedgerKey(f.Body, time.Now())
		return err
	case path == "/.well-known/security.txt":
		text, err := portal.ParseSecurityTxt(f.Body)
		if err == nil && !time.Now().Before(text.Expires) {
			err = errors.New("the portal's security.txt has expired")
		}
		return err
	case strings.HasPrefix(path, "/.well-known/openpgpkey/") && strings.Contains(path, "/hu/"):
		// What the operator put there, the root does not vouch for; the directory is as good as TLS, here as everywhere.
		_, err := crypto.ParseCertificate(f.Body)
		return err
	case strings.HasPrefix(path, "/statements/"):
		return e.checkStatementPage(path, f)
	}
	return nil
}

// checkStatementPage demands that a page shows the text that was signed.
func (e *export) checkStatementPage(path string, f client.PublicFile) error {
	parts := strings.Split(strings.TrimPrefix(path, "/statements/"), "/")
	versions := e.statements[crypto.Number(parts[0])]
	if versions == nil {
		return fmt.Errorf("a page of the portal leads to %s, and its list of statements has none of that number", path)
	}
	v, tag := newest(versions), ""
	switch len(parts) {
	case 1: // without a wish of languages: any of them
		for _, text := range v.Texts() {
			if web.Shows(f.Body, v, text.Language) {
				return nil
			}
		}
		return notAsSigned(path)
	case 2:
		tag = parts[1]
	case 3:
		i, err := strconv.Atoi(parts[1])
		if err != nil || i < 1 || i > len(versions) {
			return notAsSigned(path)
		}
		v, tag = versions[i-1], parts[2]
	}
	if !web.Shows(f.Body, v, tag) {
		return notAsSigned(path)
	}
	return nil
}

func notAsSigned(path string) error {
	return fmt.Errorf("the page at %s does not show the text that was signed: whoever serves it has changed it", path)
}
