package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-message"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// openFlags are those of `valise open`: a file is opened without any portal, so none need be named.
type openFlags struct {
	Server       string `env:"VALISE_SERVER" placeholder:"URL" help:"The portal's address, as in your letter: https://portal.example. A file can be opened without."`
	InsecureHTTP bool   `name:"insecure-http" help:"Allow http:// to another machine. INSECURE: whoever is on the line can take the session over."`
	As           string `env:"VALISE_AS" placeholder:"NUMBER" help:"Your number: the mailbox's, and behind a slash which of its representatives you are: S-7K2M9QXD/2. \"/1\" may be left out."`
	SecretFile   string `placeholder:"FILE" help:"A file whose first line is your passphrase (\"-\": standard input). Without it you are asked."`
	Key          string `type:"existingfile" placeholder:"FILE" help:"Your own private key, as 'gpg --armor --export-secret-keys' writes it, if you claimed the mailbox with a certificate of your own; --secret-file then holds the key's passphrase, and --root-fingerprint is needed. For a file, also your locked key, saved from the account page."`
	pinFlag
}

// logIn is that of representatives.
func (f *openFlags) logIn(ctx context.Context, p *process) (*member, error) {
	switch {
	case f.Server == "":
		return nil, usagef("missing flags: --server=URL")
	case f.As == "":
		return nil, usagef("missing flags: --as=NUMBER")
	}
	r := representativeFlags{serverFlags{f.Server, f.InsecureHTTP}, f.As, f.SecretFile, f.Key, f.pinFlag}
	return r.logIn(ctx, p)
}

// maxMailFile is the size in bytes of the largest mail that is read: a body of the largest size in base 64, and room around it.
const maxMailFile = 72 << 20

// maxMailParts bounds how deep and how many parts of a mail are looked at.
const maxMailParts = 50

// sealedMessage is one that was found in a file.
type sealedMessage struct{ envelope, body []byte }

// maxSealed is how many sealed messages of a mail are taken: a notice, and what it says to the mailbox alone.
const maxSealed = 2

// sealedInMail returns the sealed messages in a file, one at least: a mail that carries them, in whatever place, or the message alone.
func sealedInMail(data []byte) ([]sealedMessage, error) {
	if envelope, body, err := crypto.SplitMessage(data); err == nil {
		return []sealedMessage{{envelope, body}}, nil
	}
	e, err := message.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("this is neither a mail nor a sealed message: %w", err)
	}
	problem := errors.New("the mail holds no sealed message")
	var found []sealedMessage
	parts := 0
	walked := e.Walk(func(_ []int, part *message.Entity, err error) error {
		if parts++; err != nil || parts > maxMailParts {
			return errors.Join(err, io.EOF)
		}
		if kind, _, _ := part.Header.ContentType(); strings.HasPrefix(kind, "multipart/") || len(found) == maxSealed {
			return nil
		}
		text, err := io.ReadAll(io.LimitReader(part.Body, maxMailFile))
		if err != nil || !bytes.Contains(text, []byte("-----BEGIN PGP MESSAGE-----")) {
			return nil
		}
		envelope, body, err := crypto.SplitMessage(text)
		if err == nil {
			found = append(found, sealedMessage{envelope, body})
		} else {
			problem = fmt.Errorf("what is sealed in the mail is damaged: %w; ask for it to be sent again, or open it on the portal", err)
		}
		return nil
	})
	if len(found) == 0 {
		return nil, errors.Join(problem, walked)
	}
	return found, nil
}

// mailJSON is what a mail opened with --json says.
type mailJSON struct {
	Notice          crypto.Number      `json:"notice"`
	From            string             `json:"from"`
	Languages       []languageJSON     `json:"languages"`
	Attachments     []attachmentJSON   `json:"attachments"`
	Author          *signerJSON        `json:"author"`
	Approver        *signerJSON        `json:"approver"` // null: the files don't carry the approver's signature
	RootFingerprint crypto.Fingerprint `json:"root_fingerprint"`
	Mailbox         crypto.Number      `json:"mailbox,omitempty"`  // whom Personal is for
	Personal        []languageJSON     `json:"personal,omitempty"` // what is said to that mailbox alone
}

// file opens a mail, or the message out of one. With a portal everything is verified as if it had come from there; without, the author's signature and its chain.
func (c *OpenCommand) file(ctx context.Context, p *process, path string) error {
	data, err := p.readInput(path, maxMailFile)
	if err != nil {
		return err
	}
	found, err := sealedInMail(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	envelope, body := found[0].envelope, found[0].body
	if c.Server != "" {
		return c.fileWithPortal(ctx, p, envelope, body)
	}
	if c.Key == "" {
		return usagef("to open a file without the portal, give --key with the emergency file that you saved, your locked key or your private key; or give --server and --as")
	}
	if file, err := p.readInput(c.Key, maxMailFile); err != nil {
		return err
	} else if _, err := ceremony.KeyFile(file); err == nil {
		return c.fileAlone(p, path, data, file, found)
	}
	if c.Institution == "" {
		return usagef("with a private key of your own, give --institution with what the portal said of itself, too: no emergency file holds the institution's certificates")
	}
	pin, keys, err := c.ownKeys(p)
	if err != nil {
		return err
	}
	trust, err := p.readTrust(c.Institution, pin)
	if err != nil {
		return err
	}
	content, author, s, err := openAlone(trust, keys, envelope, body, time.Now())
	if err != nil {
		if personal, ok := openPersonalAlone(trust, keys, envelope, body); ok {
			personal.tellAlone(p, pin, c.Language)
			return errAuthorAlone
		}
	}
	if err != nil {
		return fmt.Errorf("the message is not shown, because it did not hold: %w", err)
	}
	if err := hasLanguage(content, c.Language); err != nil {
		return err
	}
	j := mailJSON{Notice: content.Notice, From: content.From, Author: signedBy(author, s), RootFingerprint: pin.Fingerprint}
	j.Languages, j.Attachments = contentJSON(content)
	var personal loosePersonal
	for _, other := range found[1:] {
		if l, ok := openPersonalAlone(trust, keys, other.envelope, other.body); ok && l.notice == content.Notice {
			personal = l
			j.Mailbox, j.Personal = l.mailbox, l.languages()
		}
	}
	p.report(j, func() {
		p.say("%s  from %s", content.Notice, content.From)
		p.say("signed by %s (author), %s; certified by the root %s", author.Name(), hourUTC(s.Made()), pin.Fingerprint.Spaced())
		showContent(p, content, c.Language)
		personal.show(p, c.Language)
	})
	if c.SaveAttachments != "" {
		if err := p.saveAttachments(c.SaveAttachments, content); err != nil {
			return err
		}
	}
	return errAuthorAlone
}

var errAuthorAlone = errors.New("only the author's signature could be verified: these files do not carry the approver's, without which the institution has not spoken. There may be another mail, with the papers of the notice: give it with --with. Or open this one with --server, or on the portal, before you act on it")

// fileWithPortal lets the portal show manifest, signatures and membership, and opens with them what was in the file.
func (c *OpenCommand) fileWithPortal(ctx context.Context, p *process, envelope, body []byte) error {
	m, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	if err := m.needsClaim(); err != nil {
		return err
	}
	content, _, _, err := openAlone(m.trust, m.keys(), envelope, body, time.Now())
	if err != nil {
		if notices, listed := m.client.Notices(ctx); listed == nil {
			if n, ok := findPersonal(notices, body); ok {
				return c.personalFile(ctx, p, m, n.Notice, crypto.Message(envelope, body))
			}
		}
		return fmt.Errorf("the message is not shown, because it did not hold: %w", err)
	}
	n, err := m.client.Notice(ctx, content.Notice)
	if err != nil {
		return err
	}
	n.Envelope, n.Body = envelope, body
	o, err := ceremony.Open(m.trust, m.self, content.Notice, n, time.Now())
	if err != nil {
		return fmt.Errorf("the message is not shown, because it did not hold: %w", err)
	}
	if err := hasLanguage(o.Content(), c.Language); err != nil {
		return err
	}
	personal, err := ceremony.OpenPersonal(o, m.self, n)
	if err != nil {
		return err
	}
	c.tell(p, m, o, personal, n)
	if c.SaveAttachments != "" {
		return p.saveAttachments(c.SaveAttachments, o.Content())
	}
	return nil
}

// keys are those that what is sealed to them opens with.
func (m *member) keys() []*crypto.Key {
	if m.bundle != nil {
		return m.bundle.Keys()
	}
	return []*crypto.Key{m.key}
}

// ownKeys opens a private key that was made with other tools; it doesn't carry the root's fingerprint.
func (c *OpenCommand) ownKeys(p *process) (crypto.Pin, []*crypto.Key, error) {
	pin, pinned, err := c.pin()
	if err != nil {
		return pin, nil, err
	}
	if !pinned {
		return pin, nil, usagef("with a key of your own, --root-fingerprint is needed: no locked key carries it")
	}
	key, err := p.openPrivateKey(c.Key, c.SecretFile)
	return pin, []*crypto.Key{key}, err
}

// readTrust reads what a portal said of itself, as GET /api/v1/institution gives it. Nothing in it is believed but what the pin's root certified.
func (p *process) readTrust(path string, pin crypto.Pin) (*ceremony.Trust, error) {
	data, err := p.readInput(path, 64<<20)
	if err != nil {
		return nil, err
	}
	var i api.Institution
	if err := json.Unmarshal(data, &i); err != nil {
		return nil, fmt.Errorf("%s is not what a portal says of itself; save it with: curl -o institution.json https://portal.example/api/v1/institution", path)
	}
	return ceremony.Believe(pin, i)
}

// openAlone opens a message and verifies what can be verified of it alone: that an author signed it.
func openAlone(t *ceremony.Trust, keys []*crypto.Key, envelope, body []byte, now time.Time) (*crypto.Content, *crypto.Staff, *crypto.Signature, error) {
	mime, s, err := crypto.OpenRecord(crypto.Message(envelope, body), keys, t.StaffCertificates(), crypto.PurposeContent, now)
	if err != nil {
		return nil, nil, nil, err
	}
	author, err := t.Root().VerifyStaff(s.Signer(), s.Made())
	if err != nil {
		return nil, nil, nil, err
	}
	if !author.Has(crypto.RoleAuthor) {
		return nil, nil, nil, fmt.Errorf("it was signed by %s, who was no author", author.Name())
	}
	content, err := crypto.ParseContent(mime)
	return content, author, s, err
}
