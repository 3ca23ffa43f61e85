package portaltest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL returns the address (postgres://…) of a fresh, empty database on a private server that all tests of this
// process share. The server never waits for the disk, so that tests are quick; for a test of what survives a
// crash of the server take [DurablePostgreSQL]. The database is dropped when the test ends.
func PostgreSQL(t testing.TB) (dsn string) {
	t.Helper()
	return quick.database(t)
}

// DurablePostgreSQL is like [PostgreSQL], on a server with PostgreSQL's own default: a commit that was confirmed is on disk. For
// tests that kill processes, and for benchmarks that must not flatter.
func DurablePostgreSQL(t testing.TB) (dsn string) {
	t.Helper()
	return durable.database(t)
}

// The two servers of this process, started at their first use.
var (
	quick   = postgresServer{settings: []string{"fsync=off", "synchronous_commit=off", "full_page_writes=off"}}
	durable = postgresServer{}
)

func stopShared() error { return errors.Join(quick.stop(), durable.stop()) }

type postgresServer struct {
	settings []string

	mu      sync.Mutex
	tried   bool
	err     error // of the start; later tests get the same one
	address url.URL
	port    int
	program func(port int) *exec.Cmd // postgres on its data folder
	process *process
	remove  func()

	databases atomic.Int64
}

// database makes an empty database and returns its address.
func (s *postgresServer) database(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	if !s.tried {
		s.tried = true
		s.err = s.start()
	}
	err := s.err
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("valise_%d", s.databases.Add(1))
	// template0 is nobody's to change, and byte order is the one collation that every system shares.
	if err := s.admin("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.admin("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	address := s.address
	address.Path = "/" + name
	return address.String()
}

// PostgreSQLServer is a server for one test, with PostgreSQL's own durable settings, that can be killed. It is gone when the test ends.
type PostgreSQLServer struct {
	// DSN is the address of an empty database; it stays the same over Kill and Start.
	DSN string

	t      testing.TB
	server postgresServer
}

// StartPostgreSQL starts a private server, for tests that kill it. It takes a second; others share one (see [PostgreSQL]).
func StartPostgreSQL(t testing.TB) *PostgreSQLServer {
	t.Helper()
	p := &PostgreSQLServer{t: t}
	if err := p.server.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.server.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := p.server.admin("CREATE DATABASE valise TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	address := p.server.address
	address.Path = "/valise"
	p.DSN = address.String()
	return p
}

// Kill ends the server at once (SIGKILL), with all its connections. What was not on disk is lost.
func (p *PostgreSQLServer) Kill() {
	p.t.Helper()
	if p.server.process == nil {
		return
	}
	if err := p.server.process.stop(syscall.SIGKILL); err != nil {
		p.t.Error(err)
	}
	p.server.process = nil
}

// Start starts a killed server again, on the same port; it recovers by itself.
func (p *PostgreSQLServer) Start() {
	p.t.Helper()
	if p.server.process != nil {
		return
	}
	// Its children end a moment after it, and hold its shared memory until then.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := p.server.run()
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "ended at once") || time.Now().After(deadline) {
			p.t.Fatal(err)
		}
	}
}

// admin runs one statement as the owner of the server.
func (s *postgresServer) admin(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	address := s.address
	address.Path = "/postgres"
	conn, err := pgx.Connect(ctx, address.String())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func (s *postgresServer) start() (err error) {
	const programs = "/usr/lib/postgresql/*/bin" // where Debian keeps them, off the PATH
	initdb, err := find("initdb", "postgresql", programs)
	if err != nil {
		return err
	}
	postgres := filepath.Join(filepath.Dir(initdb), "postgres")
	owner, err := postgresOwner()
	if err != nil {
		return err
	}
	folder, remove, err := folder("postgresql")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			remove()
		}
	}()
	if owner != nil {
		if err := os.Chown(folder, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	as := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(program, args...)
		cmd.Dir = folder // the folder of the tests may be closed to the owner
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
		return cmd
	}
	data := filepath.Join(folder, "data")
	// Who may connect is decided by the folder of the socket (0700) for the socket, and by a password for the port.
	password := rand.Text()
	passwordFile := filepath.Join(folder, "password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if owner != nil {
		if err := os.Chown(passwordFile, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if out, err := as(initdb, "--pgdata", data, "--username", "valise", "--pwfile", passwordFile, "--auth-local", "trust", "--auth-host", "scram-sha-256",
		"--encoding", "UTF8", "--no-locale", "--no-sync").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	s.program = func(port int) *exec.Cmd {
		args := []string{"-D", data, "-p", strconv.Itoa(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"}
		for _, setting := range s.settings {
			args = append(args, "-c", setting)
		}
		return as(postgres, args...)
	}
	return startOnFreePort(func(port int) error {
		s.port = port
		s.address = url.URL{Scheme: "postgres", User: url.UserPassword("valise", password), Host: "127.0.0.1:" + strconv.Itoa(port), RawQuery: "sslmode=disable"}
		if err := s.run(); err != nil {
			return err
		}
		s.remove = remove
		return nil
	})
}

// run starts the server on the port that was chosen for it.
func (s *postgresServer) run() error {
	p, err := start(s.program(s.port), syscall.SIGQUIT) // stops at once, children included
	if err != nil {
		return err
	}
	if err := p.ready(func(context.Context) error { return s.admin("SELECT 1") }); err != nil {
		return err
	}
	s.process = p
	return nil
}

// stop ends the server, if it runs, and removes its folder.
func (s *postgresServer) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remove == nil { // never started
		return nil
	}
	var err error
	if s.process != nil {
		err = s.process.stop(syscall.SIGINT) // "fast": disconnects clients, closes cleanly
	}
	s.remove()
	s.process, s.remove = nil, nil
	s.err = errors.New("the tests' PostgreSQL has been stopped")
	return err
}

// postgresOwner is whom PostgreSQL runs as: nil for ourselves, somebody else when we are root, whom it refuses.
func postgresOwner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody to run it as")
}
