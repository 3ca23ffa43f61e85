package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/portaltest"
)

const (
	deskAddress   = "registry@court.example"
	signerAddress = "press@court.example"
)

// TestGnuPGLocatesKeys: somebody who has nothing but an address asks gpg for its certificate, which asks DNS, and over TLS the portal; and one who has the root's certificate from paper sees that it vouches.
func TestGnuPGLocatesKeys(t *testing.T) {
	if !portaltest.OwnNetwork(t) {
		return
	}
	authority := portaltest.NewAuthority(t)
	portaltest.BelieveThere(t, authority)
	var desk, signer *crypto.Key
	c := openCourt(t, filepath.Join(t.TempDir(), "portal.db"), "", func(c *court) {
		desk = c.DeskMail("Registry", deskAddress, time.Now())
		signer = c.Hire("Press Office <"+signerAddress+">", crypto.RoleAuthor)
	})
	c.withTLS(authority.Issue(false, "court.example", "openpgpkey.court.example"))
	c.settings[1] = "127.0.0.1:443"
	c.start()
	advanced := portaltest.Zone{Name: "court.example", Records: []string{"openpgpkey.court.example. A 127.0.0.1"}}
	direct := portaltest.Zone{Name: "court.example", Records: []string{"court.example. A 127.0.0.1"}}
	elsewhere := portaltest.Zone{Name: "court.example", Records: []string{"openpgpkey.court.example. A 127.0.0.9", "court.example. A 127.0.0.1"}}
	dns := portaltest.StartSystemDNS(t, advanced)
	for _, way := range []struct {
		name   string
		zone   portaltest.Zone
		option string
		none   bool
	}{
		{"advanced", advanced, "--locate-keys", false},
		{"advanced, anew", advanced, "--locate-external-keys", false},
		{"direct", direct, "--locate-keys", false},
		{"direct, anew", direct, "--locate-external-keys", false},
		{"where nobody is", elsewhere, "--locate-keys", true},
	} {
		t.Run(way.name, func(t *testing.T) {
			dns.Set(way.zone)
			somebody := &correspondentWithGPG{t, portaltest.GPG(t)}
			if way.none {
				if said, err := somebody.gpg(nil, way.option, deskAddress); err == nil {
					t.Errorf("it found a key where none is:\n%s", said)
				}
				return
			}
			somebody.locates(way.option, deskAddress, desk.Certificate())
			somebody.locates(way.option, signerAddress, signer.Certificate())
			if said, err := somebody.gpg(nil, way.option, "nobody@court.example"); err == nil {
				t.Errorf("it found a key of nobody:\n%s", said)
			}
			somebody.writesTo(desk, c.Root.Certificate())
		})
	}
}

// correspondentWithGPG has gpg as it is set up at first.
type correspondentWithGPG struct {
	t    *testing.T
	home *portaltest.GnuPG
}

// gpg runs it, and returns all that it says.
func (s *correspondentWithGPG) gpg(input []byte, args ...string) (string, error) {
	cmd := exec.Command("gpg", append([]string{"--batch", "--no-tty", "--status-fd", "1"}, args...)...)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+s.home.Home(), "LC_ALL=C.UTF-8")
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// locates asks for an address. What comes is the portal's certificate, under this address.
func (s *correspondentWithGPG) locates(option, address string, want *crypto.Certificate) {
	s.t.Helper()
	said, err := s.gpg(nil, option, address)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", option, address, err, said)
	}
	for _, expected := range []string{"IMPORT_OK 1 " + string(want.Fingerprint()), "<" + address + ">"} {
		if !strings.Contains(said, expected) {
			s.t.Errorf("%s %s doesn't say %q:\n%s", option, address, expected, said)
		}
	}
}

// writesTo encrypts to the desk's address, once the root's certificate is there and believed, as who compared its fingerprint with paper does; before that gpg isn't sure.
func (s *correspondentWithGPG) writesTo(desk *crypto.Key, root *crypto.Certificate) {
	s.t.Helper()
	letter := []byte("I write from my mail program.\n")
	encrypt := []string{"--armor", "--recipient", deskAddress, "--encrypt"}
	if said, err := s.gpg(letter, encrypt...); err == nil {
		s.t.Errorf("gpg believes what nobody vouched for:\n%s", said)
	}
	if said, err := s.gpg([]byte(root.Armor()), "--import"); err != nil {
		s.t.Fatal(said)
	}
	if said, err := s.gpg(fmt.Appendf(nil, "%s:6:\n", root.Fingerprint()), "--import-ownertrust"); err != nil {
		s.t.Fatal(said)
	}
	out := filepath.Join(s.t.TempDir(), "letter.asc")
	if said, err := s.gpg(letter, append([]string{"--output", out}, encrypt...)...); err != nil {
		s.t.Fatalf("gpg doesn't encrypt to the desk, whom the root vouches for:\n%s", said)
	}
	sealed, err := os.ReadFile(out)
	if err != nil {
		s.t.Fatal(err)
	}
	reader := portaltest.GPG(s.t)
	reader.Import([]byte(desk.Armor()))
	if got := reader.Decrypt(sealed); !bytes.Equal(got, letter) {
		s.t.Errorf("the desk reads %q", got)
	}
}
