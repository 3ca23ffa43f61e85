package main

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/web"
)

// AuditCommand lists who did what.
type AuditCommand struct {
	staffFlags
	From    string `placeholder:"TIME" help:"Not before this day (2026-01-31, in UTC) or time (2026-01-31T09:30:00+01:00)."`
	To      string `placeholder:"TIME" help:"Until the end of this day, or before this time."`
	Actor   string `placeholder:"WHO" help:"Only what they did: a staff member's name or fingerprint, or a representative's number."`
	Act     string `placeholder:"ACT" help:"Only this act, such as publish.approve; or one of the groups statements, notices, mailboxes, staff, trail."`
	Object  string `placeholder:"NUMBER" help:"Only what was done about this statement, notice, mailbox or representative."`
	Changes bool   `xor:"show" help:"Leave out what only read."`
	Refused bool   `xor:"show" help:"Only what was refused."`
	Limit   int    `default:"100" placeholder:"N" help:"So many entries at most; 0: all."`
}

// Help is the part of --help below the summary.
func (AuditCommand) Help() string {
	return manual(`Every act of staff is written down before it happens, and so is every attempt of somebody without the role. The newest entry comes first; times are UTC. Reading the trail is an act, too. It takes the role auditor.

The names are those of certificates that the root certified, checked on this machine. In brackets stands what --act takes.

EXAMPLES

  valise audit --server https://portal.example --key emil.key
  valise audit --server https://portal.example --key emil.key --actor "Amara Diallo" --changes --from 2026-01-01
  valise audit --server https://portal.example --key emil.key --object P-7K2M9QXD --limit 0 --json

JSON

  an array of at, actor, name, act, refused, object

ENVIRONMENT

  VALISE_SERVER, VALISE_KEY; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE as everywhere

EXIT STATUS

  0 listed; 1 refused or failed; 2 wrong usage.`)
}

// maxAuditPage is how many entries the portal gives at once.
const maxAuditPage = 1000

// Run lists them.
func (c *AuditCommand) Run(ctx context.Context, p *process) error {
	if c.Limit < 0 {
		return usagef("--limit is 0, for all, or more")
	}
	o, err := c.logIn(ctx, p, crypto.RoleAuditor)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	names := o.names()
	q := url.Values{}
	for name, value := range map[string]string{"from": c.From, "to": c.To, "act": c.Act, "object": c.Object} {
		if value != "" {
			q.Set(name, value)
		}
	}
	switch {
	case c.Changes:
		q.Set("show", "changes")
	case c.Refused:
		q.Set("show", "refused")
	}
	if c.Actor != "" {
		holder, err := actorOf(c.Actor, names)
		if err != nil {
			return err
		}
		q.Set("actor", holder)
	}
	entries := []api.AuditEntry{}
	for c.Limit == 0 || len(entries) < c.Limit {
		page := maxAuditPage
		if c.Limit > 0 {
			page = min(page, c.Limit-len(entries))
		}
		q.Set("limit", strconv.Itoa(page))
		trail, err := o.client.AuditTrail(ctx, q)
		if err != nil {
			return err
		}
		entries = append(entries, trail.Entries...)
		if trail.Next == "" || len(trail.Entries) == 0 {
			break
		}
		q.Set("before", trail.Next)
	}
	for i := range entries {
		entries[i].Name = names[entries[i].Actor] // not the portal's word for it
	}
	words, err := web.AuditWords(names)
	if err != nil {
		return err
	}
	p.report(entries, func() {
		if len(entries) == 0 {
			p.say("Nothing of that kind was written down.")
		}
		for _, e := range entries {
			p.say("%s", auditLine(e, words))
		}
	})
	return nil
}

// auditLine is an entry in one line: when, a sentence, and the act's name, which --act takes.
func auditLine(e api.AuditEntry, words func(api.AuditEntry) (string, error)) string {
	sentence, err := words(e)
	if err != nil { // no catalogue has a word for it
		sentence = strings.Join([]string{e.Actor, e.Object}, " · ")
	}
	return clean(e.At.UTC().Format("2006-01-02 15:04:05") + "  " + sentence + "  [" + e.Act + "]")
}

// names are those of everybody whom the root ever certified, by holder.
func (o *officer) names() map[string]string {
	names := map[string]string{}
	for _, c := range o.trust.StaffCertificates() {
		if record := o.trust.Root().StaffRecord(c, time.Now()); record != nil {
			names[portal.StaffHolder(c.Fingerprint())] = record.Name
		}
	}
	return names
}

// actorOf finds whom a name, fingerprint or number means.
func actorOf(text string, names map[string]string) (string, error) {
	if f, err := crypto.ParseFingerprint(text); err == nil {
		return portal.StaffHolder(f), nil
	}
	if r, err := crypto.ParseRepresentative(text); err == nil {
		return r.String(), nil
	}
	var found []string
	for holder, name := range names {
		if strings.EqualFold(name, strings.TrimSpace(text)) {
			found = append(found, holder)
		}
	}
	switch len(found) {
	case 0:
		return "", usagef("--actor: %q is neither a representative's number nor the name or fingerprint of anybody whom the root has certified", text)
	case 1:
		return found[0], nil
	}
	return "", usagef("--actor: %q is the name of %d certificates; give the fingerprint of one: %s", text, len(found), strings.Join(found, ", "))
}
