package portaltest

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ownNetwork names the test that runs in a network of its own, in the environment of the process that does.
const ownNetwork = "VALISE_TEST_OWN_NETWORK"

// OwnNetwork is for programs that can't be told where DNS is, which ports services have, or whom to believe. It runs the test that calls it once more, in a process that has a network interface to itself, where all ports are
// free, whose system asks 127.0.0.1 for names and believes one authority. There it returns true; in the test that began, false, after the other has ended as it has.
//
//	if !portaltest.OwnNetwork(t) { return }
//
// It takes Linux, and root or a kernel that lets others have namespaces; without, the test is skipped.
func OwnNetwork(t testing.TB) (inside bool) {
	t.Helper()
	if os.Getenv(ownNetwork) == t.Name() {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			t.Fatalf("the network has no loopback interface (scripts/test-packages installs iproute2): %v\n%s", err, out)
		}
		return true
	}
	namespaces := []string{"--net", "--mount"}
	if os.Geteuid() != 0 {
		namespaces = append(namespaces, "--map-root-user")
	}
	if out, err := exec.Command("unshare", append(namespaces, "true")...).CombinedOutput(); err != nil {
		t.Skipf("this system lets nobody have a network of their own here (unshare %s: %v): %s", strings.Join(namespaces, " "), err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", append(namespaces, self, "-test.run", "^"+t.Name()+"$", "-test.v")...)
	cmd.Env = append(os.Environ(), ownNetwork+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a network of its own: %v\n%s", err, out)
	}
	return false
}

// BelieveThere has the system of a test in [OwnNetwork] ask 127.0.0.1 for names, and believe one authority.
func BelieveThere(t testing.TB, authority *Authority) {
	t.Helper()
	folder := t.TempDir()
	put := func(name, text, over string) {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		mount(t, "--bind", path, over)
	}
	put("resolv.conf", "nameserver 127.0.0.1\n", "/etc/resolv.conf")
	put("hosts", "127.0.0.1 localhost\n", "/etc/hosts")
	put("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n", "/etc/nsswitch.conf")
	mount(t, "-t", "tmpfs", "none", "/etc/ssl/certs")
	if err := os.WriteFile("/etc/ssl/certs/ca-certificates.crt", certificatesPEM(authority.Certificate), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mount(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		t.Fatalf("mount %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func certificatesPEM(all ...*x509.Certificate) (text []byte) {
	for _, c := range all {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}
