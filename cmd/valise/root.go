package main

import (
	"fmt"
	"time"

	"valise/crypto"
)

// RootCommand holds the commands about the root key.
type RootCommand struct {
	New RootNewCommand `cmd:"" help:"Make the institution's root key."`
}

// RootNewCommand makes the root.
type RootNewCommand struct {
	Name          string `required:"" placeholder:"NAME" help:"The institution's name, as recipients will read it: \"International Court\"."`
	Key           string `required:"" placeholder:"FILE" help:"Where to write the locked private key."`
	Certificate   string `required:"" placeholder:"FILE" help:"Where to write the public certificate."`
	NewSecretFile string `placeholder:"FILE" help:"Read the new passphrase from the first line of FILE, or, when FILE doesn't exist, choose six words and write them there. Without it you are asked."`
}

// Help is the part of --help below the summary.
func (RootNewCommand) Help() string {
	return manual(`The root signs nothing but the certificates of staff. Everything that the institution sends is believed because of it, so make it on a machine without a network, and keep the locked key on a medium in a safe, and its passphrase in another.

What it prints, fingerprint and SHA-256 of the public key packet, stands on every letter; keep both on paper, too.

EXAMPLES

  valise root new --name "International Court" --key root.key --certificate root.asc

FILES

  --key is a bundle locked under the passphrase (Argon2id, 64 MiB), armored; --certificate is an OpenPGP certificate, armored. Neither replaces a file that is there.

JSON

  name, fingerprint, sha256, key, certificate

EXIT STATUS

  0 made; 1 failed; 2 wrong usage.`)
}

// Run makes the key.
func (c *RootNewCommand) Run(p *process) error {
	now := time.Now()
	key, err := crypto.GenerateRoot(c.Name, now)
	if err != nil {
		return err
	}
	certificate := key.Certificate()
	passphrase, err := p.newSecret(c.NewSecretFile)
	if err != nil {
		return err
	}
	b := &crypto.Bundle{Holder: c.Name, Pin: crypto.Pin{Fingerprint: certificate.Fingerprint()}, Key: key}
	if err := writeKeyPair(c.Key, c.Certificate, b, passphrase); err != nil {
		return err
	}
	p.report(madeKeyJSON{Name: c.Name, Fingerprint: certificate.Fingerprint(), SHA256: certificate.PublicKeySHA256(), Key: c.Key, Certificate: c.Certificate}, func() {
		p.say("The root of %s:\n\n    fingerprint  %s\n    SHA-256      %s\n", c.Name, certificate.Fingerprint().Spaced(), groupsOf(certificate.PublicKeySHA256(), 8))
		p.say("Locked key: %s. Public certificate: %s.\nNext: valise staff new, on each staff member's machine.", c.Key, c.Certificate)
	})
	return nil
}

// madeKeyJSON is what making a key prints with --json.
type madeKeyJSON struct {
	Name        string             `json:"name"`
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	SHA256      string             `json:"sha256"`
	Key         string             `json:"key"`
	Certificate string             `json:"certificate"`
}

// writeKeyPair writes a key file and its certificate.
func writeKeyPair(keyFile, certificateFile string, b *crypto.Bundle, passphrase string) error {
	locked, err := lockKeyFile(b, passphrase)
	if err != nil {
		return err
	}
	if err := writeNew(keyFile, locked, 0o600); err != nil {
		return fmt.Errorf("the key file: %w", err)
	}
	if err := writeNew(certificateFile, []byte(b.Key.Certificate().Armor()), 0o644); err != nil {
		return fmt.Errorf("the certificate (the key is in %s already): %w", keyFile, err)
	}
	return nil
}

// groupsOf puts a space after every n characters.
func groupsOf(text string, n int) string {
	var out []byte
	for i := range len(text) {
		if i > 0 && i%n == 0 {
			out = append(out, ' ')
		}
		out = append(out, text[i])
	}
	return string(out)
}
