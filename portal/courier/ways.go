package courier

import (
	"context"
	"errors"
	"sync"
)

// Ways are those on which mail comes in; none at all: it doesn't.
type Ways struct {
	LMTP string // where a mail server beside it hands mail over: a socket's path, or an address of the loopback interface
	SMTP string // likewise over SMTP, for mail servers that speak no LMTP
	IMAP *IMAP  // a mailbox to be emptied
}

// Any says whether mail comes in.
func (w *Ways) Any() bool { return w.LMTP != "" || w.SMTP != "" || w.IMAP != nil }

// Run takes mail in on all ways of the courier's configuration, until ctx ends. It fails at once when it can't listen.
func (i *Inbox) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ways := &i.courier.config.In
	var group sync.WaitGroup
	defer group.Wait()
	problems := make(chan error, 2)
	for _, way := range []struct {
		address string
		plain   bool
	}{{ways.LMTP, false}, {ways.SMTP, true}} {
		if way.address == "" {
			continue
		}
		l, err := Listen(way.address)
		if err != nil {
			stop()
			return err
		}
		group.Go(func() { problems <- i.ServeLMTP(ctx, l, way.plain) })
	}
	if ways.IMAP != nil {
		group.Go(func() { i.Fetch(ctx, *ways.IMAP) })
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-problems:
		stop()
		if err == nil {
			err = errors.New("no mail is taken in any more")
		}
		return err
	}
}
