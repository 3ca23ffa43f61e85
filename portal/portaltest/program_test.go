package portaltest_test

import (
	"bufio"
	"log"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/portal/portaltest"
)

func TestMain(m *testing.M) {
	if os.Getenv("PORTALTEST_VICTIM") == "" {
		portaltest.Main(m)
	}
	os.Exit(m.Run())
}

// TestNothingOutlivesAKilledTest runs this test binary a second time, lets it start servers, and kills it.
func TestNothingOutlivesAKilledTest(t *testing.T) {
	if os.Getenv("PORTALTEST_VICTIM") != "" {
		os.Stdout.WriteString(portaltest.Redis(t) + "\n" + portaltest.PostgreSQL(t) + "\n")
		time.Sleep(time.Minute)
		return
	}
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Log("only Linux ends the servers of a killed test; nothing to see here")
		return
	}
	before := folders(t)
	victim := exec.Command(os.Args[0], "-test.run=^TestNothingOutlivesAKilledTest$", "-test.v")
	victim.Env = append(os.Environ(), "PORTALTEST_VICTIM=yes")
	output, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer victim.Process.Kill()
	var servers []string
	for lines := bufio.NewScanner(output); len(servers) < 2 && lines.Scan(); {
		if address, err := url.Parse(strings.TrimSpace(lines.Text())); err == nil && address.Port() != "" {
			servers = append(servers, address.Host)
		}
	}
	if len(servers) != 2 {
		t.Fatalf("the second process started %d servers, want 2", len(servers))
	}
	if len(folders(t)) == len(before) {
		t.Fatal("the servers have no folders where this test looks")
	}
	victim.Process.Kill()
	victim.Wait()

	eventually(t, "servers are gone", func() bool {
		for _, address := range servers {
			if conn, err := net.Dial("tcp", address); err == nil {
				conn.Close()
				return false
			}
		}
		return true
	})
	eventually(t, "their folders are gone", func() bool { return len(folders(t)) <= len(before) })
}

// folders lists the temporary folders of Redis and PostgreSQL servers. Other packages' tests may run beside these.
func folders(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, parent := range []string{"/tmp", os.TempDir()} {
		for _, kind := range []string{"redis", "postgresql"} {
			found, err := filepath.Glob(filepath.Join(parent, "valise-"+kind+"-*"))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, found...)
		}
		if os.TempDir() == "/tmp" {
			break
		}
	}
	return all
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after ten seconds still not: %s", what)
		}
	}
}

// quiet is the log of a server that a test lets fail.
func quiet(t *testing.T) *log.Logger { return log.New(t.Output(), "", 0) }
