package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/client"
	"valise/portal/ledger"
)

// LedgerVerifyCommand follows a ledger.
type LedgerVerifyCommand struct {
	Server       string `arg:"" name:"url" help:"The portal's address: https://portal.example."`
	InsecureHTTP bool   `name:"insecure-http" help:"Allow http:// to another machine. Nothing secret travels, but whoever is on the line can hide the newest leaves."`
	pinFlag
	verifierFlag
	State   string   `env:"VALISE_LEDGER_SEEN" placeholder:"FILE" help:"Where to keep the checkpoint seen last. Default: a file of this ledger's under $XDG_STATE_HOME/valise, or ~/.local/state/valise."`
	All     bool     `help:"Check every leaf again, not only those that came since, and compare the staff's certificates and the statements that the portal shows with the newest that were entered."`
	Compare []string `type:"existingfile" placeholder:"FILE" help:"A checkpoint or a proof that somebody else was given: it must belong to the same ledger. May be given several times."`
}

// Help is the part of --help below the summary.
func (LedgerVerifyCommand) Help() string {
	return manual(`Fetches the newest checkpoint, and verifies that the ledger's key signed it (and as many witnesses as the root asks for), that the ledger only grew since you looked last, and that every new leaf is what was signed. Then it keeps the checkpoint for the next time. Run it every day, from a place of your own.

Which key is the ledger's, the institution's root says; so all that you need is the root's fingerprint, from paper.

When the ledger was rewritten, forked, cut off or altered, it says so, ends with status 3, and writes the two signed checkpoints that contradict each other beside the file of --state: keep them, they convince everybody. That the ledger can't be reached is no such thing, and ends with status 1.

EXAMPLES

  valise ledger verify https://portal.example --root-fingerprint "0123 4567 …"
  valise ledger verify https://portal.example --verifier court.vkey --all
  valise ledger verify https://portal.example --root-fingerprint "0123 4567 …" --compare receipt.tlog-proof

JSON

  origin, size, root, before (leaves, when you looked last; null the first time), checked (leaves), private (of them), events (kind, statement, version, fingerprint, sha256, key, time: the public ones), cosignatures (witness, at). An alarm: error.code is wrong-key, wrong-origin, shrunk, forked, rewritten, altered, missing, unwitnessed or withheld.

EXIT STATUS

  0 all was well; 1 it could not be looked at; 2 wrong usage; 3 the ledger, or whoever serves it, misbehaves.`)
}

type ledgerEventJSON struct {
	Index       int64              `json:"index"`
	Kind        ledger.Kind        `json:"kind"`
	Statement   crypto.Number      `json:"statement,omitempty"`
	Version     int                `json:"version,omitempty"`
	Fingerprint crypto.Fingerprint `json:"fingerprint,omitempty"`
	SHA256      string             `json:"sha256,omitempty"`
	Key         string             `json:"key,omitempty"`
	Time        time.Time          `json:"time"`
}

type followedJSON struct {
	Origin       string            `json:"origin"`
	Size         int64             `json:"size"`
	Root         string            `json:"root"`
	Before       *int64            `json:"before"`
	Checked      int64             `json:"checked"`
	Private      int64             `json:"private"`
	Events       []ledgerEventJSON `json:"events"`
	Cosignatures []cosignatureJSON `json:"cosignatures"`
}

// Run follows.
func (c *LedgerVerifyCommand) Run(ctx context.Context, p *process) error {
	visitor, err := (&serverFlags{c.Server, c.InsecureHTTP}).connect()
	if err != nil {
		return err
	}
	defer visitor.Close()
	policy, err := c.believeLedger(ctx, p, visitor, c.pinFlag)
	if err != nil {
		return err
	}
	state, err := c.state(policy)
	if err != nil {
		return err
	}
	w := &watching{Follower: ledger.Follower{Policy: policy, State: state, All: c.All, Fetch: fetchFrom(visitor)}}
	w.Each = w.leaf
	followed, err := w.Follow(ctx)
	if err == nil {
		err = c.compare(ctx, p, w, followed.Now)
	}
	if err == nil && (c.All || followed.Before == nil) {
		err = w.checkStaff(ctx, p, visitor)
		if err == nil {
			err = w.checkStatements(ctx, visitor)
		}
	}
	if err != nil {
		return c.keepEvidence(p, state, err)
	}
	w.report(p, followed)
	return nil
}

// fetchFrom fetches a ledger's files from a portal.
func fetchFrom(c *client.Client) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, path string) ([]byte, error) {
		limit := ledger.MaxResourceSize
		if path == ledger.CheckpointPath {
			limit = ledger.MaxCheckpointSize
		}
		return c.LedgerFile(ctx, path, int64(limit))
	}
}

// state is the file of the checkpoint seen last. Its name comes from the reader, or from what the reader brought along, never from the
// portal: that could otherwise have them begin anew.
func (c *LedgerVerifyCommand) state(policy ledger.Policy) (string, error) {
	if c.State != "" {
		return c.State, nil
	}
	name := policy.Origin
	if pin, ok, err := c.pin(); ok && err == nil && len(c.Verifier) == 0 {
		name = string(pin.Fingerprint)
	}
	folder := os.Getenv("XDG_STATE_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usagef("there is no home folder; name a file with --state")
		}
		folder = filepath.Join(home, ".local", "state")
	}
	folder = filepath.Join(folder, "valise")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(name))
	return filepath.Join(folder, "ledger-"+hex.EncodeToString(digest[:8])+".checkpoint"), nil
}

// watching is a Follower that remembers what it saw.
type watching struct {
	ledger.Follower
	public  []ledgerEventJSON
	private int64
}

func (w *watching) leaf(index int64, text []byte) error {
	leaf, err := ledger.ParseLeaf(text)
	if err != nil { // of a newer version; it is what was signed
		w.public = append(w.public, ledgerEventJSON{Index: index, Kind: "unknown"})
		return nil
	}
	e := leaf.Public()
	if e == nil {
		w.private++
		return nil
	}
	j := ledgerEventJSON{Index: index, Kind: e.Kind, Statement: e.Statement, Version: e.Version, Fingerprint: e.Fingerprint, Key: e.Key, Time: e.At}
	for _, digest := range []ledger.Digest{e.Manifest, e.Certificate} {
		if digest != (ledger.Digest{}) {
			j.SHA256 = digest.String()
		}
	}
	w.public = append(w.public, j)
	return nil
}

// checkStaff says whether the certificates of staff that the portal shows are the newest that were entered. One from which a role was taken
// would otherwise be as good as before for whoever is shown the old form.
func (w *watching) checkStaff(ctx context.Context, p *process, c *client.Client) error {
	institution, err := c.Institution(ctx)
	if err != nil {
		return err
	}
	// Several may be of the same second; within a round of the ledger, their order says nothing.
	newest, at, entered := map[crypto.Fingerprint][]string{}, map[crypto.Fingerprint]time.Time{}, map[string]bool{}
	for _, e := range w.public {
		if e.Kind == ledger.StaffCertificate {
			if e.Time.After(at[e.Fingerprint]) {
				newest[e.Fingerprint], at[e.Fingerprint] = nil, e.Time
			}
			if e.Time.Equal(at[e.Fingerprint]) {
				newest[e.Fingerprint] = append(newest[e.Fingerprint], e.SHA256)
			}
			entered[e.SHA256] = true
		}
	}
	shown := map[crypto.Fingerprint]bool{}
	for _, armored := range institution.Staff {
		certificate, err := crypto.ParseCertificate([]byte(armored))
		if err != nil {
			continue // of no use to anybody
		}
		shown[certificate.Fingerprint()] = true
		digest := sha256.Sum256(certificate.Bytes())
		switch text := hex.EncodeToString(digest[:]); {
		case slices.Contains(newest[certificate.Fingerprint()], text):
		case entered[text]:
			return &ledger.Alarm{Trouble: ledger.Withheld, Text: fmt.Sprintf("the portal shows an older certificate of the staff member %s than the newest in its ledger: what it hides may be that a role was taken away. Ask the institution by another way, and don't rely on this person's signature", certificate.Fingerprint().Spaced())}
		default:
			p.warn("the certificate of the staff member %s that the portal shows is not in the ledger (yet): look again in some minutes; if it stays so, ask the institution", certificate.Fingerprint().Spaced())
		}
	}
	for fingerprint := range newest {
		if !shown[fingerprint] {
			return &ledger.Alarm{Trouble: ledger.Withheld, Text: fmt.Sprintf("the ledger has a certificate of the staff member %s, and the portal does not show it", fingerprint.Spaced())}
		}
	}
	return nil
}

// checkStatements says whether the portal shows every statement in the newest version that was entered. It could otherwise keep a correction or a
// withdrawal back, and everything that it shows would hold.
func (w *watching) checkStatements(ctx context.Context, c *client.Client) error {
	newest := map[crypto.Number]int{}
	for _, e := range w.public {
		if e.Statement != "" {
			newest[e.Statement] = max(newest[e.Statement], e.Version)
		}
	}
	if len(newest) == 0 {
		return nil
	}
	q := api.StatementQuery{Limit: 100}
	for {
		archive, err := c.Statements(ctx, q)
		if client.IsStatus(err, http.StatusMovedPermanently) || client.IsStatus(err, http.StatusNotFound) {
			return withheldOneByOne(ctx, c, newest) // a mirror, which has no list but each statement
		}
		if err != nil {
			return err
		}
		for _, s := range archive.Statements {
			if s.Version >= newest[s.Statement] {
				delete(newest, s.Statement)
			}
		}
		if q.Before = archive.Next; q.Before == 0 {
			break
		}
	}
	for n, version := range newest {
		return withheld(n, version)
	}
	return nil
}

// withheldOneByOne asks for each statement by itself whether it is shown in a version.
func withheldOneByOne(ctx context.Context, c *client.Client, newest map[crypto.Number]int) error {
	for n, version := range newest {
		s, err := c.Statement(ctx, n)
		if client.IsStatus(err, http.StatusNotFound) || err == nil && len(s.Versions) < version {
			return withheld(n, version)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func withheld(n crypto.Number, version int) error {
	return &ledger.Alarm{Trouble: ledger.Withheld, Text: fmt.Sprintf("the ledger says that version %d of the statement %s was published, and the portal does not show it: it holds a correction, a withdrawal or a statement back. Ask the institution by another way", version, n)}
}

// compare looks whether what others were given belongs to the same ledger.
func (c *LedgerVerifyCommand) compare(ctx context.Context, p *process, w *watching, now *ledger.SignedCheckpoint) error {
	for _, path := range c.Compare {
		file, err := p.readInput(path, ledger.MaxProofSize)
		if err != nil {
			return err
		}
		signed := file
		if proof, err := ledger.ParseProof(file); err == nil {
			signed = proof.Checkpoint
		}
		other, err := w.Policy.Open(signed)
		if err == nil {
			err = w.Follower.Compare(ctx, now, other)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// keepEvidence writes two checkpoints that contradict each other to a file.
func (c *LedgerVerifyCommand) keepEvidence(p *process, state string, err error) error {
	var alarm *ledger.Alarm
	if !errors.As(err, &alarm) {
		return err
	}
	var parts []string
	for _, checkpoint := range [][]byte{alarm.Before, alarm.Now} {
		if checkpoint != nil {
			parts = append(parts, string(checkpoint))
		}
	}
	if len(parts) < 2 {
		return fmt.Errorf("ALARM: %w", err)
	}
	path := fmt.Sprintf("%s.alarm-%s-%s.txt", state, alarm.Trouble, time.Now().UTC().Format("20060102T150405Z"))
	if writeErr := p.writeOut(path, []byte(strings.Join(parts, "\n")), 0o644); writeErr != nil {
		return fmt.Errorf("ALARM: %w (they could not be written to a file: %v)\n\n%s", err, writeErr, strings.Join(parts, "\n"))
	}
	return fmt.Errorf("ALARM: %w. Both are in %s", err, path)
}

func (w *watching) report(p *process, f *ledger.Followed) {
	done := followedJSON{
		Origin: f.Now.Origin, Size: f.Now.Size, Root: f.Now.Root.String(), Checked: f.Checked, Private: w.private,
		Events: append([]ledgerEventJSON{}, w.public...), Cosignatures: cosignaturesJSON(f.Now),
	}
	if f.Before != nil {
		done.Before = &f.Before.Size
	}
	p.report(done, func() {
		switch {
		case f.Before == nil:
			p.say("It holds: %s, %s. This was the first look; from now on a rewrite is noticed.", f.Now.Origin, count(int(f.Now.Size), "leaf", "leaves"))
		default:
			p.say("It holds: %s, %s, %d more than when you looked last; what was there is unchanged.", f.Now.Origin, count(int(f.Now.Size), "leaf", "leaves"), f.Now.Size-f.Before.Size)
		}
		p.say("    root %s", f.Now.Root)
		showCosignatures(p, f.Now)
		p.say("    checked now: %s, %d of them private", count(int(f.Checked), "leaf", "leaves"), w.private)
		lines := make([]string, len(w.public))
		for i, e := range w.public {
			lines[i] = fmt.Sprintf("%d  %s  %s %s%s", e.Index, hourUTC(e.Time), e.Kind, e.Statement, e.Fingerprint)
		}
		atMost(p, 20, lines)
	})
}
