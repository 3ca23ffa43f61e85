package crypto

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gpg is GnuPG with a home of its own.
type gpg struct {
	t    testing.TB
	home string
}

// newGPG makes a GnuPG home that is gone, agent included, when the test ends. The
// agent's socket needs a short path, so the home is not in t.TempDir.
func newGPG(t testing.TB) *gpg {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Fatal("gpg is missing: install the package gnupg")
	}
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill := exec.Command("gpgconf", "--homedir", home, "--kill", "all")
		if out, err := kill.CombinedOutput(); err != nil {
			t.Errorf("stopping gpg-agent: %v\n%s", err, out)
		}
		os.RemoveAll(home)
	})
	g := &gpg{t: t, home: home}
	g.file("gpg-agent.conf", "s2k-count 65536\n") // else the agent first measures, for seconds, how slow hashing should be
	return g
}

// run runs gpg and returns its standard output; another exit status than 0 fails the test.
func (g *gpg) run(args ...string) []byte {
	g.t.Helper()
	out, stderr, err := g.try(args...)
	if err != nil {
		g.t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return out
}

func (g *gpg) try(args ...string) (stdout, stderr []byte, err error) {
	args = append([]string{"--homedir", g.home, "--batch", "--no-tty", "--quiet", "--no-auto-check-trustdb", "--trust-model", "always", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)
	cmd := exec.Command("gpg", args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.Bytes(), e.Bytes(), err
}

// file writes data into the home and returns its path.
func (g *gpg) file(name, data string) string {
	g.t.Helper()
	path := filepath.Join(g.home, name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}

// noon is when most things happen in these tests: in the past, since gpg believes
// nothing that is dated in the future.
var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
