package portaltest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Main runs the tests, stops what they share and exits. A package whose tests use
// PostgreSQL calls it from TestMain.
func Main(m *testing.M) {
	os.Exit(Run(m))
}

// Run is Main for a TestMain that has more to do: it runs the tests, stops what they share and returns the exit status.
func Run(m *testing.M) int {
	status := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = max(status, 1)
	}
	return status
}

// Program is a program that a test started with [Start].
type Program struct {
	t       testing.TB
	process *process
}

// Start starts a program that ends when the test ends (it is killed), or when the test process does. What it writes goes where cmd says; its last
// lines, when cmd says nothing.
func Start(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p, err := start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	started := &Program{t, p}
	t.Cleanup(started.Kill)
	return started
}

// Kill ends the program at once (SIGKILL) and waits until it is gone. One that has ended is left alone.
func (p *Program) Kill() { p.end(syscall.SIGKILL) }

// Stop asks the program to end (SIGTERM) and waits. One that doesn't within ten seconds fails the test.
func (p *Program) Stop() { p.end(syscall.SIGTERM) }

func (p *Program) end(signal os.Signal) {
	p.t.Helper()
	if err := p.process.stop(signal); err != nil {
		p.t.Error(err)
	}
}

// Ended is closed when the program has ended, for whatever reason.
func (p *Program) Ended() <-chan struct{} { return p.process.ended }

// find returns the path of a program: on the PATH, or in one of the folders (patterns
// allowed; the last match, so the newest version, counts).
func find(program, debianPackage string, folders ...string) (string, error) {
	for _, folder := range folders {
		if matches, _ := filepath.Glob(filepath.Join(folder, program)); len(matches) > 0 {
			return slices.MaxFunc(matches, compareVersions), nil
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is missing: install the package %s (scripts/test-packages does it)", program, debianPackage)
	}
	return path, nil
}

// compareVersions orders …/9/bin before …/15/bin.
func compareVersions(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// folder makes a temporary folder with a short path, as sockets need one (108 octets), that a user
// without rights can be let into. It is gone after remove, and also when this process ends without having called it.
func folder(kind string) (path string, remove func(), err error) {
	parent := os.TempDir()
	if len(parent) > 60 || os.Geteuid() == 0 { // root's own TMPDIR may be closed to others
		parent = "/tmp"
	}
	path, err = os.MkdirTemp(parent, "valise-"+kind+"-")
	if err != nil {
		return "", nil, err
	}
	// The pipe's end is the end of this process, however it came. The second of patience is for a server that stops then.
	reaper := exec.Command("sh", "-c", `read -r _ || sleep 1; rm -rf -- "$1"`, "sh", path)
	reaper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the tests
	pipe, err := reaper.StdinPipe()
	if err == nil {
		err = reaper.Start()
	}
	if err != nil {
		os.RemoveAll(path)
		return "", nil, err
	}
	return path, sync.OnceFunc(func() {
		io.WriteString(pipe, "now\n")
		reaper.Wait()
	}), nil
}

// process is a program of someone else's that runs beside the tests.
type process struct {
	cmd    *exec.Cmd
	output *tail
	ended  chan struct{} // closed when it has ended, for whatever reason
}

// start runs cmd; it ends when this process does, by the signal last.
func start(cmd *exec.Cmd, last syscall.Signal) (*process, error) {
	p := &process{cmd: cmd, output: &tail{}, ended: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = p.output
	}
	if cmd.Stderr == nil {
		cmd.Stderr = p.output
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for the tests; they stop it
	endWithThisProcess(cmd.SysProcAttr, last)

	// The kernel sends that signal when the thread that started cmd ends. So a thread of its own does it, and stays.
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
			close(p.ended)
		}
		runtime.UnlockOSThread()
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// stop sends a signal and waits for the end; what hasn't ended in ten seconds is killed, which is an error.
func (p *process) stop(signal os.Signal) error {
	p.cmd.Process.Signal(signal) // an error means that it has ended
	select {
	case <-p.ended:
		return nil
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s did not stop within ten seconds and was killed; its last lines:\n%s", p.name(), p.output)
	}
}

// ready calls probe until it returns nil. It is an error when the program ends before, or takes half a minute.
func (p *process) ready(probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, 5*time.Second)
		err := probe(attempt)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended at once: %s\n%s", p.name(), p.cmd.ProcessState, p.output)
		case <-ctx.Done():
			p.cmd.Process.Kill()
			<-p.ended
			return fmt.Errorf("%s was not ready after half a minute: %w\n%s", p.name(), err, p.output)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (p *process) name() string { return filepath.Base(p.cmd.Path) }

// startOnFreePort calls run with free ports until it succeeds: somebody else may take a port
// between its choice and its use.
func startOnFreePort(run func(port int) error) (err error) {
	for range 5 {
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if err = run(port); err == nil || !strings.Contains(err.Error(), "ddress already in use") {
			return err
		}
	}
	return err
}

// tail keeps the last lines that a program wrote, for the message when it fails.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailSize = 8 << 10

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, data...)
	if len(t.kept) > 2*tailSize {
		t.kept = bytes.Clone(t.kept[len(t.kept)-tailSize:])
	}
	return len(data), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
