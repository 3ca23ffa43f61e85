// Valise is a secure communication portal for an institution that powerful
// adversaries attack. This one program is the server, the staff's tool and the
// representatives' tool; see "valise --help".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"valise/portal/ledger"
)

// Exit statuses of every command.
const (
	exitDone   = 0 // done; what was to be verified held
	exitFailed = 1 // refused, failed, or did not hold
	exitUsage  = 2 // wrong usage; nothing was tried
	exitAlarm  = 3 // a ledger was rewritten, forked, altered …, or a portal serves other scripts than were signed: somebody must look
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exited is how --help leaves the parser.
type exited int

// run is the whole program but for the operating system.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	out := &outlet{to: stdout}
	p := &process{stdin: stdin, stdout: out, stderr: stderr, interrupted: ctx.Done()}
	defer func() {
		if r := recover(); r != nil {
			status, ok := r.(exited)
			if !ok {
				panic(r)
			}
			code = int(status)
		}
	}()
	var cli CLI
	parser, err := kong.New(&cli,
		kong.Name("valise"),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(status int) { panic(exited(status)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.ExplicitGroups(groups),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
	if err != nil {
		fmt.Fprintln(stderr, "valise:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if err != nil && slices.Contains(args, "--json") { // the parser stopped before it told us
		p.json = true
		return p.conclude(usageError{err})
	}
	if err != nil {
		fmt.Fprintf(stderr, "valise: %v\nRun \"valise --help\", or the command with --help, to see what is possible.\n", err)
		return exitUsage
	}
	p.json = cli.JSON
	code = p.conclude(command.Run())
	if lost := out.failure(); lost != nil && code == exitDone {
		fmt.Fprintln(stderr, "valise: not everything could be printed:", lost)
		return exitFailed
	}
	return code
}

// usageError is wrong usage that only the command itself could find.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// conclude turns a command's outcome into output and exit status.
func (p *process) conclude(err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	var usage usageError
	code := exitFailed
	if errors.As(err, &usage) {
		code = exitUsage
	}
	var alarm *ledger.Alarm
	var differs *clientDiffers
	if errors.As(err, &alarm) || errors.As(err, &differs) {
		code = exitAlarm
	}
	if p.json {
		p.printJSON(failureJSON(err))
		return code
	}
	fmt.Fprintln(p.stderr, "valise:", err)
	return code
}
