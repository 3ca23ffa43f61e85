package main

import (
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/ledger"
)

// LedgerKeyCommand holds the commands about keys of ledgers and witnesses.
type LedgerKeyCommand struct {
	New     LedgerKeyNewCommand     `cmd:"" help:"Make the key of a ledger, or of a witness."`
	Certify LedgerKeyCertifyCommand `cmd:"" help:"Have the root say with which key the ledger signs."`
}

// LedgerKeyNewCommand makes a key.
type LedgerKeyNewCommand struct {
	Name     string `required:"" placeholder:"NAME" help:"The name of the ledger or the witness, best its address without the scheme: portal.example/ledger."`
	Witness  bool   `help:"Make the key of a witness, which is of another kind than that of a ledger."`
	Key      string `required:"" placeholder:"FILE" help:"Where to write the private key."`
	Verifier string `required:"" placeholder:"FILE" help:"Where to write the verifier key, which is public."`
}

// Help is the part of --help below the summary.
func (LedgerKeyNewCommand) Help() string {
	return manual(`A ledger's key signs its checkpoints. Make it on the host where 'valise ledger sign' runs, which is none that serves pages: who has the key can show different people different ledgers, until a witness or a reader compares.

The private key is not locked, since the process that uses it starts without anybody there; let only that process read it. If it is lost, the root certifies another one; if it is stolen, likewise, and everybody must hear of it by another way.

EXAMPLES

  valise ledger key new --name portal.example/ledger --key ledger.key --verifier ledger.vkey
  valise ledger key new --witness --name university.example/witness --key witness.key --verifier witness.vkey

FILES

  One line each, in the form of C2SP signed-note (Ed25519): PRIVATE+KEY+name+id+base64, and name+id+base64. Neither replaces a file that is there.

JSON

  name, verifier_key, key, verifier

EXIT STATUS

  0 made; 1 failed; 2 wrong usage.`)
}

type ledgerKeyJSON struct {
	Name        string `json:"name"`
	VerifierKey string `json:"verifier_key"`
	Key         string `json:"key"`
	Verifier    string `json:"verifier"`
}

// Run makes it.
func (c *LedgerKeyNewCommand) Run(p *process) error {
	generate := ledger.NewLogKey
	if c.Witness {
		generate = ledger.NewWitnessKey
	}
	key, err := generate(c.Name)
	if err != nil {
		return usageError{err}
	}
	if err := writeNew(c.Key, []byte(key.Secret()+"\n"), 0o600); err != nil {
		return fmt.Errorf("the key file: %w", err)
	}
	if err := writeNew(c.Verifier, []byte(key.VerifierKey()+"\n"), 0o644); err != nil {
		return fmt.Errorf("the verifier key (the key is in %s already): %w", c.Key, err)
	}
	p.report(ledgerKeyJSON{c.Name, key.VerifierKey(), c.Key, c.Verifier}, func() {
		p.say("%s\n", key.VerifierKey())
		p.say("Private key: %s. Verifier key: %s.", c.Key, c.Verifier)
		if !c.Witness {
			p.say("Next: valise ledger key certify %s, where the root is.", c.Verifier)
		}
	})
	return nil
}

// LedgerKeyCertifyCommand lets the root sign which key is the ledger's.
type LedgerKeyCertifyCommand struct {
	Verifiers  []string `arg:"" name:"verifier" type:"existingfile" help:"The file with the ledger's verifier key; two while the ledger changes its key."`
	Key        string   `required:"" type:"existingfile" placeholder:"FILE" help:"The root's key file."`
	SecretFile string   `placeholder:"FILE" help:"A file whose first line is the root's passphrase (\"-\": standard input). Without it you are asked."`
	Witness    []string `type:"existingfile" placeholder:"FILE" help:"A file with the verifier key of a witness; may be given several times."`
	Quorum     int      `default:"0" placeholder:"N" help:"How many of the witnesses must have cosigned before a reader believes a checkpoint. 0 asks for none, and they are shown all the same."`
	Out        string   `required:"" placeholder:"FILE" help:"Where to write it (\"-\": standard output)."`
	Yes        bool     `help:"Don't ask."`
}

// Help is the part of --help below the summary.
func (LedgerKeyCertifyCommand) Help() string {
	return manual(`Run it where the root is. Whoever has the root's fingerprint on paper then needs nothing else to follow the ledger. What it writes is public: hand it to the portal with 'valise serve --ledger-key'.

A quorum above 0 makes readers refuse the ledger when too few witnesses answer: name more witnesses than you ask for.

EXAMPLES

  valise ledger key certify ledger.vkey --key root.key --out ledger-key.asc
  valise ledger key certify ledger.vkey --key root.key --witness a.vkey --witness b.vkey --witness c.vkey --quorum 2 --out ledger-key.asc

FILES

  --out is a text ("valise ledger key v1"), clear-signed by the root: gpg --verify ledger-key.asc

JSON

  log, keys, witnesses, quorum, out

EXIT STATUS

  0 signed; 1 refused or failed; 2 wrong usage.`)
}

type certifiedLedgerKeyJSON struct {
	Log       string   `json:"log"`
	Keys      []string `json:"keys"`
	Witnesses []string `json:"witnesses"`
	Quorum    int      `json:"quorum"`
	Out       string   `json:"out"`
}

// Run signs.
func (c *LedgerKeyCertifyCommand) Run(p *process) error {
	k, err := c.read(p)
	if err != nil {
		return err
	}
	if _, err := ledger.PolicyOf(k); err != nil {
		return usageError{err}
	}
	if !c.Yes && p.interactive() {
		p.say("The ledger %s, signed with", k.Log)
		for _, key := range k.Keys {
			p.say("    %s", key)
		}
		for _, key := range k.Witnesses {
			p.say("    witness %s", key)
		}
		if err := p.confirm("Did these come from where you think, and shall the root sign that readers may believe them?"); err != nil {
			return err
		}
	}
	root, err := p.openKeyFile(c.Key, c.SecretFile)
	if err != nil {
		return err
	}
	if root.Pin.Fingerprint != root.Key.Certificate().Fingerprint() {
		return fmt.Errorf("%s is the key of %s, not the institution's root", c.Key, root.Holder)
	}
	signed, err := crypto.SignLedgerKey(root.Key, *k, time.Now())
	if err != nil {
		return err
	}
	if err := p.writeOut(c.Out, signed, 0o644); err != nil {
		return err
	}
	if c.Out == "-" && !p.json {
		return nil
	}
	p.report(certifiedLedgerKeyJSON{k.Log, k.Keys, append([]string{}, k.Witnesses...), k.Quorum, c.Out}, func() {
		p.say("The root says with what key the ledger %s signs: %s.", k.Log, c.Out)
	})
	return nil
}

func (c *LedgerKeyCertifyCommand) read(p *process) (*crypto.LedgerKey, error) {
	k := &crypto.LedgerKey{Quorum: c.Quorum}
	for _, path := range c.Verifiers {
		lines, err := p.readLines(path)
		if err != nil {
			return nil, err
		}
		v, err := p.readVerifier(path, ledger.ParseLogVerifier)
		if err != nil {
			return nil, err
		}
		if k.Log != "" && k.Log != v.Name() {
			return nil, usagef("%s is the key of another ledger, %s, than the one before it, %s", path, v.Name(), k.Log)
		}
		k.Log, k.Keys = v.Name(), append(k.Keys, lines[0])
	}
	for _, path := range c.Witness {
		lines, err := p.readLines(path)
		if err != nil {
			return nil, err
		}
		if _, err := p.readVerifier(path, ledger.ParseWitnessVerifier); err != nil {
			return nil, err
		}
		k.Witnesses = append(k.Witnesses, lines[0])
	}
	return k, nil
}
