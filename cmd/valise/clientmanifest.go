package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/web"
)

// ClientManifestCommand holds the commands by which staff vouch for what browsers run.
type ClientManifestCommand struct {
	Show ClientManifestShowCommand `cmd:"" help:"List what this program gives browsers to run."`
	Sign ClientManifestSignCommand `cmd:"" help:"Sign that list; the second time, with what somebody else signed."`
	Add  ClientManifestAddCommand  `cmd:"" help:"Have a list that two people signed entered in the ledger."`
}

// ownClient is what this program serves. One without the browser's half is of no use to anybody.
func ownClient() (crypto.ClientManifest, error) {
	m, built, err := web.Client()
	if err == nil && !built {
		err = errors.New("this program was built without the browser's half or the offline reader; build it with: make build")
	}
	return m, err
}

// clientManifestJSON is a client manifest with --json.
type clientManifestJSON struct {
	Client  string           `json:"client"`           // digest of what is run
	SHA256  string           `json:"sha256,omitempty"` // of the signed text
	Files   []clientFileJSON `json:"files,omitempty"`
	Out     string           `json:"out,omitempty"`
	Served  *bool            `json:"served,omitempty"`
	Signers []string         `json:"signers,omitempty"`
}

type clientFileJSON struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

func clientFiles(m *crypto.ClientManifest) (files []clientFileJSON) {
	for _, f := range m.Files {
		files = append(files, clientFileJSON{f.Path, f.SHA256, f.Size})
	}
	return files
}

// ClientManifestShowCommand lists what this program serves.
type ClientManifestShowCommand struct{}

// Help is the part of --help below the summary.
func (ClientManifestShowCommand) Help() string {
	return manual(`Everything that a portal of this very program gives browsers: scripts, style sheets, WebAssembly, the offline reader. The same sources and the same version of Go make the same bytes on every machine, so two people who built it compare the digest in the last line.

EXAMPLES

  make build && bin/valise client-manifest show

JSON

  client (the digest), files (path, sha256, size)

EXIT STATUS

  0 shown; 1 this program was built without what browsers run; 2 wrong usage.`)
}

// Run shows them.
func (c *ClientManifestShowCommand) Run(p *process) error {
	m, err := ownClient()
	if err != nil {
		return err
	}
	p.report(clientManifestJSON{Client: m.ClientSHA256(), Files: clientFiles(&m)}, func() {
		for _, f := range m.Files {
			p.say("%s  %9d  %s", f.SHA256, f.Size, f.Path)
		}
		p.say("\nThe client as a whole: %s", m.ClientSHA256())
	})
	return nil
}

// ClientManifestSignCommand signs the list.
type ClientManifestSignCommand struct {
	Key        string `required:"" env:"VALISE_KEY" type:"existingfile" placeholder:"FILE" help:"Your key file, made with 'valise staff new'."`
	SecretFile string `placeholder:"FILE" help:"A file whose first line is the key file's passphrase (\"-\": standard input). Without it you are asked."`
	With       string `type:"existingfile" placeholder:"FILE" help:"What somebody else signed. Yours is added when this program serves just the same."`
	Out        string `required:"" placeholder:"FILE" help:"Where to write it (\"-\": standard output)."`
}

// Help is the part of --help below the summary.
func (ClientManifestSignCommand) Help() string {
	return manual(`Before a new version of the program serves the portal, two people of the staff, of whatever role, each build it from sources that they looked at, on a machine of their own, and sign what came out. The first one passes the file on; the second one signs with --with. What you sign is made from the program that you run, never from the file: when it names anything else, nothing is signed.

EXAMPLES

  valise client-manifest sign --key amara.key --out client.asc
  valise client-manifest sign --key chen.key --with client.asc --out client-signed.asc
  valise client-manifest add client-signed.asc --server https://portal.example

FILES

  --out is a text ("valise client manifest v1"), clear-signed: gpg --verify client-signed.asc

JSON

  client, files, out

EXIT STATUS

  0 signed; 1 refused or failed; 2 wrong usage.`)
}

// Run signs.
func (c *ClientManifestSignCommand) Run(p *process) error {
	own, err := ownClient()
	if err != nil {
		return err
	}
	bundle, err := p.openKeyFile(c.Key, c.SecretFile)
	if err != nil {
		return err
	}
	var signed []byte
	if c.With == "" {
		signed, err = crypto.SignClientManifest(bundle.Pin, bundle.Key, own, time.Now())
	} else {
		var other []byte
		if other, err = p.readInput(c.With, crypto.MaxSignedClientManifestSize); err != nil {
			return err
		}
		if signed, err = crypto.CosignClientManifest(bundle.Pin, bundle.Key, other, own, time.Now()); err != nil {
			err = fmt.Errorf("%s: %w", c.With, err)
		}
	}
	if err != nil {
		return err
	}
	if err := p.writeOut(c.Out, signed, 0o644); err != nil {
		return err
	}
	if c.Out == "-" && !p.json {
		return nil
	}
	p.report(clientManifestJSON{Client: own.ClientSHA256(), Files: clientFiles(&own), Out: c.Out}, func() {
		p.say("Signed: %s of the client %s.", count(len(own.Files), "file", "files"), own.ClientSHA256())
		if c.With == "" {
			p.say("Next: somebody else builds the program, too, and signs with 'valise client-manifest sign --with %s'.", c.Out)
		} else {
			p.say("Next: valise client-manifest add %s --server …", c.Out)
		}
	})
	return nil
}

// ClientManifestAddCommand shows a signed list to the portal.
type ClientManifestAddCommand struct {
	serverFlags
	File string `arg:"" type:"existingfile" help:"The list, signed by two people."`
}

// Help is the part of --help below the summary.
func (ClientManifestAddCommand) Help() string {
	return manual(`The portal keeps the list because two people of the staff signed it, and for no other reason; so nobody has to log in for this. It is entered in the ledger. Do it just before the new version is deployed: until then, readers are told that the portal is about to serve something else.

EXAMPLES

  valise client-manifest add client-signed.asc --server https://portal.example

JSON

  client, sha256, served (whether the server that answered serves just that), signers

EXIT STATUS

  0 taken; 1 refused or failed; 2 wrong usage.`)
}

// Run shows it.
func (c *ClientManifestAddCommand) Run(ctx context.Context, p *process) error {
	signed, err := p.readInput(c.File, crypto.MaxSignedClientManifestSize)
	if err != nil {
		return err
	}
	m, err := crypto.ReadClientManifest(signed)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	portal, err := c.connect()
	if err != nil {
		return err
	}
	defer portal.Close()
	entered, err := portal.AddClientManifest(ctx, signed)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	done := clientManifestJSON{Client: m.ClientSHA256(), SHA256: entered.SHA256, Served: &entered.Served}
	for _, s := range entered.Signers {
		done.Signers = append(done.Signers, s.Name)
	}
	p.report(done, func() {
		p.say("Taken, for the ledger: %s, signed by %s.", clean(entered.SHA256), clean(strings.Join(done.Signers, " and ")))
		if !entered.Served {
			p.say("The server that answered serves something else yet: deploy the version that was signed.")
		}
	})
	return nil
}
