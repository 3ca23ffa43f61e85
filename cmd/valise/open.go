package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// OpenCommand opens a notice.
type OpenCommand struct {
	openFlags
	Notice          string   `arg:"" name:"number" help:"The number of a notice or statement, from 'valise list'; or a file: a mail that carries a sealed message (.eml), or the message itself."`
	With            []string `sep:"none" placeholder:"FILE" help:"For a file, without --server: another that belongs to it, such as the mail with the papers of the notice that came just before. May be given several times."`
	Institution     string   `type:"existingfile" placeholder:"FILE" help:"For a file, without --server, unless --key is the emergency file from your account page: what the portal said of itself, saved before: curl -o institution.json https://portal.example/api/v1/institution; or staff.asc from a copy of the portal."`
	Language        string   `placeholder:"TAG" help:"Print this language alone: fr. Without it, all of them, the authoritative one first."`
	SaveAttachments string   `type:"path" placeholder:"DIR" help:"Write the attachments there."`
	Message         string   `placeholder:"FILE" help:"Write the sealed message there, armored: envelope and body, to be kept, or opened with another OpenPGP program that knows your key. 'valise verify' reads it."`
	PersonalMessage string   `placeholder:"FILE" help:"Likewise the part that is sealed for your mailbox alone, when the notice has one: a second message."`
	Membership      string   `placeholder:"FILE" help:"Write there what shows that the notice was meant for you: what leads from your line of the audience to the manifest."`
	Manifest        string   `placeholder:"FILE" help:"Write the manifest and both signatures there: what proves, for years and without this portal, who sent what when. 'valise verify' and gpg read it."`
}

// Help is the part of --help below the summary.
func (OpenCommand) Help() string {
	return manual(`Prints the notice only when everything held: author's and approver's signatures over its manifest, the chain of each up to the root whose fingerprint is locked in with your key, the author's signature inside, that content, subjects and opening value are those that were signed, and that the notice was meant for you: who could open it might have passed it on. Otherwise it prints nothing of it, and says what did not hold.

When the portal says that your mailbox has answered already, the receipt is verified, too. When it was delivered is the portal's word; a notice that was approved long before is said to be.

For the portal the notice counts as opened by your mailbox from now on. Opening is not acknowledging.

A file is opened likewise: with --server everything is verified. Without, when the portal can't be reached, it takes the emergency file that you saved on your account page, and the mails: one with the notice, one with its papers (--with), which may be the same. Then everything is verified as on the portal, but for what was revoked or sent since. When the papers are missing, or with a private key of your own, only the author's signature and its chain to the root are: the exit status is 1, you are told so, and the JSON has approver null.

A statement that stands in your mailbox (P-…) is public; it is shown when both people's signatures held, over all its languages and versions.

EXAMPLES

  valise open N-4GZ0R8T4 --server https://portal.example --as S-7K2M9QXD/2
  valise open N-4GZ0R8T4 … --language fr --save-attachments .
  valise open message.eml --server https://portal.example --as S-7K2M9QXD/2
  valise open message.eml --with papers.eml --key emergency.asc
  valise open message.eml --key locked-key.asc --institution institution.json

JSON

  notice, from, languages[] (language, subject, text; the authoritative one first), personal[] (language, subject, text: what is said to your mailbox alone; missing when nothing is), attachments[] (name, type, size, sha256), author and approver (name, fingerprint, signed), root_fingerprint, urgent, acknowledge, deadline, delivered, acknowledgement (null: none whose receipt holds), warnings[]
  of a statement: statement, version, kind, topic, languages[], author, approver, manifest_sha256, root_fingerprint, publish_at, acknowledge (you are asked), deadline, acknowledgement

ENVIRONMENT

  VALISE_SERVER, VALISE_AS, VALISE_ROOT_FINGERPRINT; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 both staff signatures and everything else held; 1 something did not hold (the notice, or the receipt that is said to be your mailbox's), refused, or failed; 2 wrong usage.`)
}

type openedJSON struct {
	Notice          crypto.Number        `json:"notice"`
	From            string               `json:"from"`
	Languages       []languageJSON       `json:"languages"`
	Attachments     []attachmentJSON     `json:"attachments"`
	Author          *signerJSON          `json:"author"`
	Approver        *signerJSON          `json:"approver"`
	RootFingerprint crypto.Fingerprint   `json:"root_fingerprint"`
	Urgent          bool                 `json:"urgent"`
	Acknowledge     bool                 `json:"acknowledge"`
	Deadline        *time.Time           `json:"deadline"`
	Delivered       time.Time            `json:"delivered"`
	Acknowledgement *api.Acknowledgement `json:"acknowledgement"`
	Personal        []languageJSON       `json:"personal,omitempty"`
	Warnings        []string             `json:"warnings,omitempty"`
}

// Run opens.
func (c *OpenCommand) Run(ctx context.Context, p *process) error {
	if _, err := os.Stat(c.Notice); err == nil {
		return c.file(ctx, p, c.Notice)
	}
	number, err := parseUpdate(c.Notice)
	if err != nil {
		return err
	}
	if number.Kind() == crypto.KindStatement {
		return c.statement(ctx, p, number)
	}
	m, err := c.logIn(ctx, p)
	if err != nil {
		return err
	}
	defer m.close(ctx)
	o, n, err := m.open(ctx, number)
	if err != nil {
		return err
	}
	if err := hasLanguage(o.Content(), c.Language); err != nil {
		return err
	}
	if c.Message != "" {
		if err := p.writeOut(c.Message, crypto.ArmorMessage(crypto.Message(n.Envelope, n.Body)), 0o644); err != nil {
			return err
		}
	}
	if c.PersonalMessage != "" {
		if len(n.Personal) == 0 {
			return usagef("--personal-message: this notice says the same to everybody, and has no part for your mailbox alone")
		}
		if err := p.writeOut(c.PersonalMessage, crypto.ArmorMessage(crypto.Message(n.PersonalEnvelope, n.Personal)), 0o644); err != nil {
			return err
		}
	}
	if c.Membership != "" {
		if err := p.writeOut(c.Membership, []byte(n.Membership), 0o644); err != nil {
			return err
		}
	}
	if c.Manifest != "" {
		file, err := n.Signed().Encode()
		if err != nil {
			return err
		}
		if err := p.writeOut(c.Manifest, file, 0o644); err != nil {
			return err
		}
	}
	problem := m.answered(ctx, o, n)
	if problem != nil {
		n.Acknowledgement = nil // nothing proves it
	}
	personal, err := ceremony.OpenPersonal(o, m.self, n)
	if err != nil {
		return err
	}
	out := openJSON(m, o, n)
	if personal != nil {
		out.Personal = personalLanguages(personal)
	}
	if late := ceremony.Late(o.Verified(), n.Delivered); late != nil {
		out.Warnings = append(out.Warnings, late.Error())
	}
	if problem != nil {
		out.Warnings = append(out.Warnings, problem.Error())
	}
	p.report(out, func() {
		showOpened(p, m, o, n, c.Language)
		showPersonalTo(p, personal, c.Language)
		for _, w := range out.Warnings {
			p.warn("MIND: %s", w)
		}
	})
	if c.SaveAttachments != "" {
		if err := p.saveAttachments(c.SaveAttachments, o.Content()); err != nil {
			return err
		}
	}
	if problem != nil {
		return errShown
	}
	return nil
}

// answered says why the receipt that the portal says this mailbox has given does not hold; nil when it does, and when nothing is said.
func (m *member) answered(ctx context.Context, o *crypto.OpenedNotice, n api.Notice) error {
	said := n.Acknowledgement
	if said == nil {
		return nil
	}
	check := func() error {
		signer, err := crypto.ParseRepresentative(said.Representative)
		if err != nil || signer.Mailbox != m.as.Mailbox {
			return errors.New("it names somebody who is no representative of your mailbox")
		}
		receipt, err := m.client.Receipt(ctx, n.Notice)
		if err != nil {
			return err
		}
		shown, err := m.client.Chain(ctx, signer)
		if err != nil {
			return err
		}
		_, err = ceremony.CheckReceipt(m.trust, o, m.as.Mailbox, said, receipt, shown.Chain, time.Now())
		return err
	}
	if err := check(); err != nil {
		return ceremony.FalseAnswer(err)
	}
	return nil
}

// open fetches a notice and verifies all of it.
func (m *member) open(ctx context.Context, number crypto.Number) (*crypto.OpenedNotice, api.Notice, error) {
	if err := m.needsClaim(); err != nil {
		return nil, api.Notice{}, err
	}
	n, err := m.client.Notice(ctx, number)
	if err != nil {
		return nil, api.Notice{}, err
	}
	o, err := ceremony.Open(m.trust, m.self, number, n, time.Now())
	if err != nil {
		return nil, api.Notice{}, fmt.Errorf("the notice is not shown, because it did not hold: %w", err)
	}
	return o, n, nil
}

func hasLanguage(c *crypto.Content, language string) error {
	if language == "" {
		return nil
	}
	var have []string
	for _, l := range c.Languages {
		if l.Language == language {
			return nil
		}
		have = append(have, l.Language)
	}
	return usagef("the notice is not written in %q, only in %v", language, have)
}

func showOpened(p *process, m *member, o *crypto.OpenedNotice, n api.Notice, language string) {
	v := o.Verified()
	p.say("%s  from %s", v.Manifest().Notice, o.Content().From)
	p.say("signed by %s (author), %s, and %s (approver), %s; both certified by the root %s",
		v.Author().Name(), hourUTC(v.AuthorSignature().Made()), v.Approver().Name(), hourUTC(v.ApproverSignature().Made()), m.trust.Pin().Fingerprint.Spaced())
	if v.Manifest().Urgent {
		p.say("URGENT")
	}
	switch a := n.Acknowledgement; {
	case a != nil:
		p.say("%s by %s, %s", clean(string(a.Decision)), clean(a.Representative), hourUTC(a.Received))
	case v.Manifest().Acknowledge:
		p.say("acknowledgement is %s", deadlineText(v.Manifest().Deadline))
	}
	showContent(p, o.Content(), language)
}

func openJSON(m *member, o *crypto.OpenedNotice, n api.Notice) openedJSON {
	v := o.Verified()
	out := openedJSON{
		Notice: v.Manifest().Notice, From: o.Content().From, Author: signedBy(v.Author(), v.AuthorSignature()), Approver: signedBy(v.Approver(), v.ApproverSignature()),
		RootFingerprint: m.trust.Pin().Fingerprint, Urgent: v.Manifest().Urgent, Acknowledge: v.Manifest().Acknowledge, Deadline: optional(v.Manifest().Deadline),
		Delivered: n.Delivered, Acknowledgement: n.Acknowledgement,
	}
	out.Languages, out.Attachments = contentJSON(o.Content())
	return out
}
