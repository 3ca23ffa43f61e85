package main

import (
	"context"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// serverFlags say which portal.
type serverFlags struct {
	Server       string `required:"" env:"VALISE_SERVER" placeholder:"URL" help:"The portal's address, as in your letter: https://portal.example."`
	InsecureHTTP bool   `name:"insecure-http" help:"Allow http:// to another machine. INSECURE: whoever is on the line can take the session over."`
}

func (f *serverFlags) connect() (*client.Client, error) {
	c, err := client.New(f.Server, f.InsecureHTTP)
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// believe fetches the institution and opens it against a pin.
func believe(ctx context.Context, p *process, c *client.Client, pin crypto.Pin) (*ceremony.Trust, error) {
	i, err := c.Institution(ctx)
	if err != nil {
		return nil, err
	}
	t, err := ceremony.Believe(pin, i)
	if err != nil {
		return nil, err
	}
	for _, problem := range t.LeftOut() {
		p.warn("left out: %v", problem)
	}
	return t, nil
}

// pinFlag is the root's fingerprint as a person reads it off paper.
type pinFlag struct {
	RootFingerprint string `env:"VALISE_ROOT_FINGERPRINT" placeholder:"FINGERPRINT" help:"The fingerprint of the institution's root, from your letter; spaces don't matter."`
}

// pin reads it; ok is false when it wasn't given.
func (f *pinFlag) pin() (pin crypto.Pin, ok bool, err error) {
	if f.RootFingerprint == "" {
		return crypto.Pin{}, false, nil
	}
	fingerprint, err := crypto.ParseFingerprint(f.RootFingerprint)
	if err != nil {
		return crypto.Pin{}, false, usagef("--root-fingerprint: %w", err)
	}
	return crypto.Pin{Fingerprint: fingerprint}, true, nil
}

// representativeFlags say who logs in, and with what.
type representativeFlags struct {
	serverFlags
	As         string `required:"" env:"VALISE_AS" placeholder:"NUMBER" help:"Your number: the mailbox's, and behind a slash which of its representatives you are: S-7K2M9QXD/2. \"/1\" may be left out."`
	SecretFile string `placeholder:"FILE" help:"A file whose first line is your passphrase (\"-\": standard input). Without it you are asked."`
	Key        string `type:"existingfile" placeholder:"FILE" help:"Your own private key, as 'gpg --armor --export-secret-keys' writes it, if you claimed the mailbox with a certificate of your own. --secret-file then holds the key's passphrase, and --root-fingerprint is needed."`
	pinFlag
}

// member is a representative who has logged in.
type member struct {
	client *client.Client
	as     crypto.Representative
	state  portal.RepresentativeState
	trust  *ceremony.Trust
	key    *crypto.Key    // signs
	self   *ceremony.Self // opens
	bundle *crypto.Bundle // nil for a key of their own
}

func (f *representativeFlags) representative() (crypto.Representative, error) {
	as, err := crypto.ParseRepresentative(f.As)
	if err != nil {
		return crypto.Representative{}, usagef("--as: %w", err)
	}
	return as, nil
}

// logIn opens a session. End it with close.
func (f *representativeFlags) logIn(ctx context.Context, p *process) (*member, error) {
	as, err := f.representative()
	if err != nil {
		return nil, err
	}
	pin, pinned, err := f.pin()
	if err != nil {
		return nil, err
	}
	if f.Key != "" && !pinned {
		return nil, usagef("with a key of your own, --root-fingerprint is needed: no locked key carries it")
	}
	c, err := f.connect()
	if err != nil {
		return nil, err
	}
	m := &member{client: c, as: as}
	if f.Key != "" {
		err = m.logInKey(ctx, p, f)
	} else {
		err = m.logInSecret(ctx, p, f.SecretFile)
	}
	if err != nil {
		return nil, err
	}
	if m.bundle != nil {
		if pinned && pin != m.bundle.Pin {
			m.close(ctx)
			return nil, fmt.Errorf("the root fingerprint that you gave, %s, is not the one that your key was locked with, %s: compare both with your letter, and tell the institution", pin.Fingerprint.Spaced(), m.bundle.Pin.Fingerprint.Spaced())
		}
		pin = m.bundle.Pin
	}
	if m.trust, err = believe(ctx, p, c, pin); err == nil {
		err = m.know(ctx, p)
	}
	if err != nil {
		m.close(ctx)
		return nil, err
	}
	return m, nil
}

// know finds out for whom notices must be meant.
func (m *member) know(ctx context.Context, p *process) (err error) {
	if m.bundle != nil {
		m.self, err = ceremony.SelfOf(m.bundle)
		return err
	}
	me, err := m.client.Me(ctx)
	if err != nil {
		return err
	}
	if m.self, err = ceremony.SelfWithKey(m.trust, m.as, m.key, me.Chain, time.Now()); err != nil {
		p.warn("what was sealed to earlier keys of yours can't be opened: %v", err)
	}
	return nil
}

func (m *member) logInSecret(ctx context.Context, p *process, secretFile string) error {
	secret, err := p.secret(secretFile, "passphrase of "+m.as.String())
	if err != nil {
		return err
	}
	in, err := m.client.LogInSecret(ctx, m.as, secret)
	if err != nil {
		return err
	}
	m.state, m.bundle, m.key = in.State, in.Bundle, in.Bundle.Key
	return nil
}

func (m *member) logInKey(ctx context.Context, p *process, f *representativeFlags) error {
	key, err := p.openPrivateKey(f.Key, f.SecretFile)
	if err != nil {
		return err
	}
	in, err := m.client.LogIn(ctx, m.as.String(), key)
	if err != nil {
		return err
	}
	m.state, m.key = in.State, key
	return nil
}

// needsClaim refuses who still has the issued key.
func (m *member) needsClaim() error {
	if m.state != portal.Issued {
		return nil
	}
	return fmt.Errorf("%s has not been claimed yet; do that first: valise claim --server %s --as %s", m.as, m.client.Origin(), m.as)
}

// close ends the session, as far as the server can be reached; it would end by itself.
func (m *member) close(ctx context.Context) { logOut(ctx, m.client) }

func logOut(ctx context.Context, c *client.Client) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = c.LogOut(ctx)
	c.Close()
}

// staffFlags say which staff member logs in.
type staffFlags struct {
	serverFlags
	Key        string `required:"" env:"VALISE_KEY" type:"existingfile" placeholder:"FILE" help:"Your key file, made with 'valise staff new'."`
	SecretFile string `placeholder:"FILE" help:"A file whose first line is the key file's passphrase (\"-\": standard input). Without it you are asked."`
}

// officer is a staff member who has logged in.
type officer struct {
	client *client.Client
	trust  *ceremony.Trust
	self   *crypto.Staff
	key    *crypto.Key // with the root's certification
	keys   []*crypto.Key
}

// logIn opens a session for a staff member who has one of the roles.
func (f *staffFlags) logIn(ctx context.Context, p *process, roles ...crypto.Role) (*officer, error) {
	c, err := f.connect()
	if err != nil {
		return nil, err
	}
	bundle, err := p.openKeyFile(f.Key, f.SecretFile)
	if err != nil {
		return nil, err
	}
	t, err := believe(ctx, p, c, bundle.Pin)
	if err != nil {
		return nil, err
	}
	key, self, err := t.StaffKey(bundle.Key, time.Now(), roles...)
	if err != nil {
		return nil, err
	}
	in, err := c.LogInStaff(ctx, key)
	if err != nil {
		return nil, err
	}
	o := &officer{client: c, trust: t, self: self, key: key, keys: append([]*crypto.Key{key}, bundle.Past...)}
	if !in.Complete {
		if err := o.confirm(ctx, p); err != nil {
			o.close(ctx)
			return nil, err
		}
	}
	return o, nil
}

// How long somebody has to confirm a log-in in their browser, and how often the portal is asked whether they did.
const (
	confirmTime  = 5 * time.Minute
	confirmEvery = 2 * time.Second
)

// confirm waits until the staff member has confirmed the log-in in their browser: a command can show no passkey.
func (o *officer) confirm(ctx context.Context, p *process) error {
	waiting, err := o.client.Confirmation(ctx)
	if err != nil || waiting.Complete {
		return err
	}
	code := waiting.Code
	fmt.Fprintf(p.stderr, "\nThe portal asks for more than your key. Log in with your browser, compare this code, and confirm it there:\n\n    %s\n    %s\n\nWaiting for at most %.0f minutes; Ctrl+C gives up. If you did not start this, refuse it there.\n",
		o.client.Origin()+"/staff/account", code, confirmTime.Minutes())
	for end := time.Now().Add(confirmTime); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(confirmEvery):
		}
		waiting, err = o.client.Confirmation(ctx)
		switch {
		case client.IsCode(err, "no-session"):
			return fmt.Errorf("the log-in %s was refused in the browser, or its session was ended; nothing was done", code)
		case err != nil:
			return err
		case waiting.Complete:
			fmt.Fprint(p.stderr, "Confirmed.\n\n")
			return nil
		}
	}
	return fmt.Errorf("nobody confirmed the log-in %s within %.0f minutes; nothing was done. Start the command again when you are in front of your browser", code, confirmTime.Minutes())
}

func (o *officer) close(ctx context.Context) { logOut(ctx, o.client) }

// directory fetches and verifies the directory.
func (o *officer) directory(ctx context.Context, p *process) (*ceremony.Directory, error) {
	mailboxes, err := o.client.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	return ceremony.ReadDirectory(o.trust, o.keys, mailboxes, time.Now(), p.progress("checking certificates"))
}

func parseNotice(text string) (crypto.Number, error) {
	n, err := crypto.ParseNumber(text)
	if err != nil {
		return "", usagef("the notice: %w", err)
	}
	if n.Kind() != crypto.KindNotice {
		return "", usagef("%s is a mailbox; the number of a notice starts with N", n)
	}
	return n, nil
}
