package portaltest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// GnuPG is gpg with a home of its own, as somebody has it who never heard of Valise. All keys in it are
// trusted and none has a passphrase.
type GnuPG struct {
	t     testing.TB
	home  string
	files int
}

// GPG makes an empty GnuPG home that is gone, its agent included, when the test ends.
func GPG(t testing.TB) *GnuPG {
	t.Helper()
	for _, program := range []string{"gpg", "gpgconf"} {
		if _, err := find(program, "gnupg"); err != nil {
			t.Fatal(err)
		}
	}
	home, remove, err := folder("gpg") // the agent's socket needs a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill := exec.Command("gpgconf", "--homedir", home, "--kill", "all")
		if out, err := kill.CombinedOutput(); err != nil {
			t.Errorf("stopping gpg-agent: %v\n%s", err, out)
		}
		remove()
	})
	// Else the agent first measures, for seconds, how slow hashing should be.
	if err := os.WriteFile(filepath.Join(home, "gpg-agent.conf"), []byte("s2k-count 65536\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &GnuPG{t: t, home: home}
}

// Home is the path of the GnuPG home, for programs that are told of it by GNUPGHOME.
func (g *GnuPG) Home() string { return g.home }

// Try runs gpg with input on its standard input. err is not nil when it exits with another status than 0.
func (g *GnuPG) Try(input []byte, args ...string) (stdout, stderr []byte, err error) {
	args = append([]string{
		"--homedir", g.home, "--batch", "--yes", "--no-tty", "--quiet", "--no-auto-check-trustdb", "--no-auto-key-locate", "--trust-model", "always",
		"--pinentry-mode", "loopback", "--passphrase", "",
	}, args...)
	cmd := exec.Command("gpg", args...)
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &o, &e
	err = cmd.Run()
	return o.Bytes(), e.Bytes(), err
}

// Run is Try where another exit status than 0 fails the test.
func (g *GnuPG) Run(input []byte, args ...string) (stdout []byte) {
	g.t.Helper()
	stdout, stderr, err := g.Try(input, args...)
	if err != nil {
		g.t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}

// File writes data to a new file in the home and returns its path.
func (g *GnuPG) File(data []byte) (path string) {
	g.t.Helper()
	g.files++
	path = filepath.Join(g.home, "file"+strconv.Itoa(g.files))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}

// Import takes in certificates or private keys, armored or binary.
func (g *GnuPG) Import(keys []byte) {
	g.t.Helper()
	g.Run(keys, "--import")
}

// GenerateKey makes an Ed25519 key with a Cv25519 encryption subkey and returns its fingerprint (40 capital hex digits).
func (g *GnuPG) GenerateKey(userID string) (fingerprint string) {
	g.t.Helper()
	status := g.Run(nil, "--status-fd", "1", "--quick-generate-key", userID, "future-default", "default", "never")
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) >= 4 && f[1] == "KEY_CREATED" {
			return f[3]
		}
	}
	g.t.Fatalf("gpg reported no new key:\n%s", status)
	return ""
}

// Export returns the armored certificate of a key.
func (g *GnuPG) Export(id string) []byte {
	g.t.Helper()
	return g.notEmpty("certificate of "+id, g.Run(nil, "--armor", "--export", id))
}

// ExportPrivate returns an armored private key.
func (g *GnuPG) ExportPrivate(id string) []byte {
	g.t.Helper()
	return g.notEmpty("private key of "+id, g.Run(nil, "--armor", "--export-secret-keys", id))
}

func (g *GnuPG) notEmpty(what string, data []byte) []byte {
	g.t.Helper()
	if len(data) == 0 { // gpg exits with 0 all the same
		g.t.Fatalf("this GnuPG home has no %s", what)
	}
	return data
}

// ClearSign signs a text in the clear with the key.
func (g *GnuPG) ClearSign(id, text string) []byte {
	g.t.Helper()
	return g.Run([]byte(text), "--local-user", id, "--clearsign")
}

// Sign returns an armored detached signature over data.
func (g *GnuPG) Sign(id string, data []byte) []byte {
	g.t.Helper()
	return g.Run(data, "--local-user", id, "--armor", "--detach-sign")
}

// Encrypt seals data to the recipients, armored.
func (g *GnuPG) Encrypt(data []byte, recipients ...string) []byte {
	g.t.Helper()
	args := []string{"--armor", "--encrypt"}
	for _, r := range recipients {
		args = append(args, "--recipient", r)
	}
	return g.Run(data, args...)
}

// Decrypt opens a message, armored or binary; what is signed inside is not asked for.
func (g *GnuPG) Decrypt(message []byte) (plain []byte) {
	g.t.Helper()
	return g.Run(message, "--decrypt")
}

// Verify checks a clear-signed or inline-signed message. signer is the fingerprint of the primary key that made the
// signature. err is not nil when gpg exits with another status than 0.
func (g *GnuPG) Verify(signed []byte) (text []byte, signer string, err error) {
	g.t.Helper()
	out := filepath.Join(g.home, "verified")
	os.Remove(out)
	signer, err = g.verify(signed, "--output", out, "--verify")
	if err != nil {
		return nil, "", err
	}
	text, err = os.ReadFile(out)
	return text, signer, err
}

// VerifyDetached checks a detached signature over data; see Verify.
func (g *GnuPG) VerifyDetached(signature, data []byte) (signer string, err error) {
	g.t.Helper()
	return g.verify(nil, "--verify", g.File(signature), g.File(data))
}

func (g *GnuPG) verify(input []byte, args ...string) (signer string, err error) {
	status, stderr, err := g.Try(input, append([]string{"--status-fd", "1"}, args...)...)
	if err != nil {
		return "", errors.New(err.Error() + "\n" + string(stderr))
	}
	for line := range strings.Lines(string(status)) {
		// [GNUPG:] VALIDSIG and ten fields, the last one the primary key's fingerprint
		if f := strings.Fields(line); len(f) == 12 && f[1] == "VALIDSIG" {
			return f[11], nil
		}
	}
	return "", errors.New("gpg exited with 0 and reported no valid signature:\n" + string(status))
}
