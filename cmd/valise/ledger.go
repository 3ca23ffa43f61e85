package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/client"
	"valise/portal/ledger"
)

// LedgerCommand holds the commands about the ledger.
type LedgerCommand struct {
	Verify  LedgerVerifyCommand  `cmd:"" help:"Follow the ledger: that it only grew since last time, and that everything in it is what was signed."`
	Proof   LedgerProofCommand   `cmd:"" help:"Fetch the proof that a receipt was entered into the ledger."`
	Key     LedgerKeyCommand     `cmd:"" help:"Keys of ledgers and witnesses: make them, have the root say which is the ledger's."`
	Sign    LedgerSignCommand    `cmd:"" help:"Put what happened into the ledger, and sign it (a process of its own)."`
	Witness LedgerWitnessCommand `cmd:"" help:"Run a witness: cosign ledgers of others as long as they only grow."`
}

// maxVerifierFile is the size in bytes of the largest file with verifier keys.
const maxVerifierFile = 64 << 10

// verifierFlag names the ledger's key when it was learnt from paper and not from the root.
type verifierFlag struct {
	Verifier []string `type:"existingfile" placeholder:"FILE" help:"A file with the ledger's verifier key, one line, which you have from paper or from somebody you trust. In its place the root's word is taken, under --root-fingerprint. Give it twice when the ledger has changed its key."`
}

// policy reads the files; nil when there are none.
func (f *verifierFlag) policy(p *process) (*ledger.Policy, error) {
	if len(f.Verifier) == 0 {
		return nil, nil
	}
	policy := new(ledger.Policy)
	for _, path := range f.Verifier {
		v, err := p.readVerifier(path, ledger.ParseLogVerifier)
		if err != nil {
			return nil, err
		}
		policy.Origin = v.Name()
		policy.Log = append(policy.Log, v)
	}
	return policy, nil
}

// readVerifier reads a verifier key: the only line of a file that isn't empty or begins with "#".
func (p *process) readVerifier(path string, parse func(string) (note.Verifier, error)) (note.Verifier, error) {
	lines, err := p.readLines(path)
	if err != nil {
		return nil, err
	}
	if len(lines) != 1 {
		return nil, fmt.Errorf("%s has %d lines; a verifier key is one", path, len(lines))
	}
	v, err := parse(lines[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// readLines reads the lines of a file that are neither empty nor begin with "#".
func (p *process) readLines(path string) (lines []string, err error) {
	data, err := p.readInput(path, maxVerifierFile)
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// policyFrom returns whom to believe about the ledger, on the word of the root that the pin names.
func policyFrom(pin crypto.Pin, i api.Institution) (ledger.Policy, error) {
	root, err := crypto.OpenRoot(pin, []byte(i.Root))
	if err != nil {
		return ledger.Policy{}, err
	}
	if i.LedgerKey == "" {
		return ledger.Policy{}, errors.New("the portal does not say with which key its ledger signs: ask the institution; if it did say so before, somebody hides it")
	}
	key, err := root.VerifyLedgerKey([]byte(i.LedgerKey), time.Now())
	if err != nil {
		return ledger.Policy{}, err
	}
	return ledger.PolicyOf(key)
}

// believeLedger returns whom to believe about a portal's ledger, by what its reader brought along.
func (f *verifierFlag) believeLedger(ctx context.Context, p *process, c *client.Client, pinned pinFlag) (ledger.Policy, error) {
	policy, err := f.policy(p)
	if err != nil {
		return ledger.Policy{}, err
	}
	if policy != nil {
		return *policy, nil
	}
	pin, ok, err := pinned.pin()
	if err != nil {
		return ledger.Policy{}, err
	}
	if !ok {
		return ledger.Policy{}, usagef("give the fingerprint of the institution's root, from paper, with --root-fingerprint; or the ledger's own key with --verifier")
	}
	institution, err := c.Institution(ctx)
	if err != nil {
		return ledger.Policy{}, err
	}
	return policyFrom(pin, institution)
}

// readSecretLine reads a private key of a ledger or a witness: a file with one line that only its owner should read.
func (p *process) readSecretLine(path string) (string, error) {
	line, err := p.firstLine(path)
	if err != nil {
		return "", fmt.Errorf("the key: %w", err)
	}
	return line, nil
}

// cosignatureJSON is a witness's cosignature with --json.
type cosignatureJSON struct {
	Witness string    `json:"witness"`
	At      time.Time `json:"at"`
}

func cosignaturesJSON(c *ledger.SignedCheckpoint) []cosignatureJSON {
	list := []cosignatureJSON{}
	for _, s := range c.Cosignatures() {
		list = append(list, cosignatureJSON{s.Witness, s.At})
	}
	return list
}

func showCosignatures(p *process, c *ledger.SignedCheckpoint) {
	if len(c.Cosignatures()) == 0 {
		p.say("    no witness has cosigned it: that others are shown the same is known only by comparing with them")
	}
	for _, s := range c.Cosignatures() {
		p.say("    cosigned by %s, %s", s.Witness, hourUTC(s.At))
	}
}
