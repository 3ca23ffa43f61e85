package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"

	"valise/portal/correspond"
	"valise/portal/courier"
	"valise/portal/dispatch"
	"valise/portal/registry"
	"valise/portal/store"
)

// imapFile is the table of --mail that names a mailbox to be emptied.
type imapFile struct {
	Server       string `toml:"server"`
	User         string `toml:"user"`
	PasswordFile string `toml:"password-file"`
	Mailbox      string `toml:"mailbox"`
	Done         string `toml:"done"`
	Unwanted     string `toml:"unwanted"`
	TLSRoots     string `toml:"tls-roots"`
}

func (f *imapFile) mailbox(folder string) (*courier.IMAP, error) {
	m := &courier.IMAP{Address: f.Server, Username: f.User, Mailbox: f.Mailbox, Done: f.Done, Unwanted: f.Unwanted}
	if f.PasswordFile == "" {
		return nil, errors.New("password-file is missing")
	}
	password, err := readBeside(folder, f.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("password-file: %w", err)
	}
	m.Password = strings.TrimSpace(string(password))
	if f.TLSRoots != "" {
		roots, err := readBeside(folder, f.TLSRoots)
		if err != nil {
			return nil, fmt.Errorf("tls-roots: %w", err)
		}
		m.Roots = x509.NewCertPool()
		if !m.Roots.AppendCertsFromPEM(roots) {
			return nil, fmt.Errorf("tls-roots: %s holds no certificate (PEM)", f.TLSRoots)
		}
	}
	return m, m.Check()
}

// carryAndTakeIn runs a courier in both directions until ctx ends. When mail can't be taken in, it stops carrying as well, so that somebody notices.
func carryAndTakeIn(ctx context.Context, c *courier.Courier, db *store.DB, d *dispatch.Dispatch, r *correspond.Correspond, g *registry.Registry, ways courier.Ways) error {
	if !ways.Any() {
		c.Run(ctx)
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { c.Run(ctx) })
	defer stop() // before waiting
	return courier.NewInbox(c, db, d).TakeReplies(r).TakeCommands(g).Run(ctx)
}
