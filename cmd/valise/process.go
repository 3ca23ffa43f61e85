package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"valise/crypto"
	"valise/portal/ceremony"
)

// process is what a command has of the operating system.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	json           bool

	interrupted <-chan struct{} // closed when the person gives up, at a prompt too
}

// outlet is standard output, and remembers that something did not get there: a command
// whose outcome went to a full disk has not done what it was asked.
type outlet struct {
	to io.Writer

	mutex sync.Mutex
	err   error
}

func (o *outlet) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	n, err := o.to.Write(data)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

func (o *outlet) failure() error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.err
}

// say prints a line for people; with --json it goes nowhere.
func (p *process) say(format string, args ...any) {
	if !p.json {
		fmt.Fprintf(p.stdout, format+"\n", args...)
	}
}

func (p *process) warn(format string, args ...any) {
	fmt.Fprintf(p.stderr, "valise: warning: "+format+"\n", args...)
}

// printJSON prints a command's one JSON value.
func (p *process) printJSON(v any) {
	e := json.NewEncoder(p.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // outlet keeps the error
}

// report prints v with --json and runs people otherwise.
func (p *process) report(v any, people func()) {
	if p.json {
		p.printJSON(v)
		return
	}
	people()
}

// fd returns the file descriptor of a terminal.
func fd(stream any) (int, bool) {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// interactive says whether somebody sits there to be asked.
func (p *process) interactive() bool {
	_, terminal := fd(p.stdin)
	return terminal
}

// readLine reads one line and not a byte more: what follows may be the answer to the
// next question.
func readLine(r io.Reader, limit int) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < limit; {
		n, err := r.Read(b)
		if n == 1 && b[0] == '\n' {
			break
		}
		line = append(line, b[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return strings.TrimRight(string(line), "\r"), nil
}

// wait reads an answer, and gives up when the person does: the signal that would end
// the program otherwise is caught.
func (p *process) wait(read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-p.interrupted:
		return "", context.Canceled
	}
}

// confirm asks a question that only "yes" answers with yes.
func (p *process) confirm(question string) error {
	if !p.interactive() {
		return usagef("there is no terminal to ask on; look at what is shown above, then give --yes")
	}
	fmt.Fprintf(p.stderr, "%s Type yes: ", question)
	line, err := p.wait(func() (string, error) { return readLine(p.stdin, maxSecretFile) })
	if err != nil {
		return err
	}
	if strings.ToLower(strings.TrimSpace(line)) != "yes" {
		return errors.New("not confirmed; nothing was done")
	}
	return nil
}

const maxSecretFile = 64 << 10

// secret reads a passphrase or claim code: the first line of a file ("-" for standard
// input), or what is typed without echo.
func (p *process) secret(file, prompt string) (string, error) {
	if file == "" {
		return p.ask(prompt)
	}
	line, err := p.firstLine(file)
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(line) == "" {
		return "", fmt.Errorf("the first line of %s is empty; it must be the secret", file)
	}
	return line, nil
}

func (p *process) firstLine(file string) (string, error) {
	r := p.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("the secret file: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
			p.warn("%s can be read by other users of this machine; protect it with: chmod 600 %s", file, file)
		}
		r = f
	}
	line, err := readLine(r, maxSecretFile)
	if err != nil {
		return "", fmt.Errorf("the secret file: %w", err)
	}
	return line, nil
}

// ask reads a secret from the terminal, without echo.
func (p *process) ask(prompt string) (string, error) {
	in, ok := fd(p.stdin)
	if !ok {
		return "", usagef("there is no terminal to ask for the %s on; give it in the first line of a file with --secret-file", prompt)
	}
	fmt.Fprintf(p.stderr, "%s: ", strings.ToUpper(prompt[:1])+prompt[1:])
	before, err := term.GetState(in)
	if err != nil {
		return "", err
	}
	typed, err := p.wait(func() (string, error) {
		typed, err := term.ReadPassword(in)
		return string(typed), err
	})
	fmt.Fprintln(p.stderr)
	if errors.Is(err, context.Canceled) {
		_ = term.Restore(in, before) // show what is typed again
	}
	return typed, err
}

// newSecret settles the passphrase of a new lock, before anything is locked under it:
// that in a file; a generated one, written into the file, when the file doesn't exist;
// without a file, what is typed twice, or, when nothing is typed, a generated one that
// is shown and typed once, so that a passphrase that nobody has is noticed now.
func (p *process) newSecret(file string) (passphrase string, err error) {
	if file != "" {
		passphrase, err = p.newSecretFile(file)
	} else {
		passphrase, err = p.typeNewSecret()
	}
	if err != nil {
		return "", err
	}
	return passphrase, crypto.CheckPassphrase(passphrase)
}

func (p *process) newSecretFile(file string) (string, error) {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return p.secret(file, "new passphrase")
	}
	passphrase := ceremony.NewPassphrase()
	if err := writeNew(file, []byte(passphrase+"\n"), 0o600); err != nil {
		return "", err
	}
	return passphrase, nil
}

func (p *process) typeNewSecret() (string, error) {
	if !p.interactive() {
		return "", usagef("there is no terminal to ask for a new passphrase on; name a file with --new-secret-file (six words are chosen and written into it when it doesn't exist)")
	}
	passphrase, err := p.ask("new passphrase (leave it empty to have six words chosen for you)")
	if err != nil {
		return "", err
	}
	again := "the same again"
	if strings.TrimSpace(passphrase) == "" {
		passphrase = ceremony.NewPassphrase()
		fmt.Fprintf(p.stderr, "\nThe passphrase, shown only this once; write it down and keep it safe:\n\n    %s\n\n", passphrase)
		again = "type it once, to be sure that you have it"
	} else if err := crypto.CheckPassphrase(passphrase); err != nil {
		return "", err
	}
	typed, err := p.ask(again)
	if err != nil {
		return "", err
	}
	if strings.Join(strings.Fields(typed), " ") != strings.Join(strings.Fields(passphrase), " ") {
		return "", errors.New("the two passphrases differ; nothing was done, try again")
	}
	return passphrase, nil
}

// progress returns what draws a bar on a terminal while long work is done, or nil.
func (p *process) progress(what string) func(done, total int) {
	const long = 500 // pieces of work; fewer are done before a bar is seen
	if _, ok := fd(p.stderr); !ok {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, total int) {
		if total < long {
			return
		}
		if bar == nil {
			bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetDescription(what),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		}
		_ = bar.Set(done)
	}
}

// maxInput is the size in bytes of the largest file read, but attachments.
const maxInput = 2 << 20

// readInput reads a file of at most limit bytes; "-" is standard input.
func (p *process) readInput(path string, limit int64) ([]byte, error) {
	r := p.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d KiB, more than is read", path, limit>>10)
	}
	return data, nil
}

// writeOut writes a file whole or not at all; "-" is standard output.
func (p *process) writeOut(path string, data []byte, mode fs.FileMode) error {
	if path == "-" {
		_, err := p.stdout.Write(data)
		return err
	}
	path, device, err := target(path)
	if err != nil {
		return err
	}
	if device {
		return writeDevice(path, data)
	}
	temporary, err := writeTemporary(path, data, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return err
	}
	return nil
}

// target says where writing to path leads, behind symbolic links, and whether that is a
// device, a pipe or a socket (/dev/stdout, say): these are written to, never replaced by a file.
func target(path string) (behind string, device bool, err error) {
	if behind, err = filepath.EvalSymlinks(path); err != nil {
		return path, false, nil // nothing there yet; creating it will tell what is wrong
	}
	info, err := os.Stat(behind)
	switch {
	case err != nil:
		return "", false, err
	case info.IsDir():
		return "", false, fmt.Errorf("%s is a folder; name a file in it", path)
	}
	return behind, !info.Mode().IsRegular(), nil
}

func writeDevice(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// canWriteOut tries whether writeOut can write there, and leaves what is there as it is.
// It is asked before what can't be undone, whose outcome would have no place to go.
func canWriteOut(path string) error {
	if path == "-" {
		return nil
	}
	path, device, err := target(path)
	if err != nil || device {
		return err
	}
	temporary, err := writeTemporary(path, nil, 0o600)
	if err != nil {
		return err
	}
	return os.Remove(temporary)
}

// writeNew is writeOut, but never over a file that is there: keys are not replaced by accident.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	temporary, err := writeTemporary(path, data, mode)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already and is not replaced; choose another name", path)
		}
		return err
	}
	return nil
}

// writeTemporary writes data to disk beside path.
func writeTemporary(path string, data []byte, mode fs.FileMode) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		var failed *fs.PathError
		if errors.As(err, &failed) {
			failed.Path = path // the name that the person knows
		}
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return f.Name(), err
}
