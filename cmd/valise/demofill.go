package main

import (
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/client"
	"valise/portal/web"
)

//go:embed demo
var demoFiles embed.FS

// demo is the demo's institution; the keys are there only while it is being made.
type demo struct {
	demoInstitution
	dir   string
	root  *crypto.Key
	staff []*crypto.Key // as in demoInstitution.Staff

	unlocked map[string]*crypto.Bundle // of those who have claimed, by their number
}

type demoStakeholder struct {
	kind        crypto.Kind
	called      string
	stakeholder string
	people      []demoPerson
}

// demoCast is whom the demo's institution deals with. All of them are invented.
var demoCast = []demoStakeholder{
	{crypto.KindState, "state", "Republic of Vestmark", []demoPerson{
		{"Ingrid Solheim, ambassador", crypto.ProfilePQ, true, "ingrid.solheim@vestmark.example"},
		{"Tomas Albrecht, focal point", crypto.ProfilePQ, false, ""},
	}},
	{crypto.KindOrganisation, "organisation", "Witness Support Network", []demoPerson{
		{"Amina Haddad, legal officer", crypto.ProfileCompat, true, demoLawyersAddress},
	}},
	{crypto.KindIndividual, "individual", "Marija Kovan", []demoPerson{
		{"Marija Kovan", crypto.ProfilePQ, true, ""},
	}},
}

type demoPerson struct {
	name    string
	profile crypto.Profile
	claims  bool
	email   string
}

// demoTeam is the demo's staff.
var demoTeam = []struct {
	name string
	role crypto.Role
}{
	{"Anna Meijer", crypto.RoleAuthor},
	{"Benoît Diallo", crypto.RoleApprover},
	{"Chen Wei", crypto.RoleRegistrar},
	{"Dilnoza Karimova", crypto.RoleAuditor},
	{"Emeka Obi", crypto.RoleAdministrator},
	{"Notary", crypto.RoleNotary},   // the process that publishes statements at their minute
	{"Courier", crypto.RoleCourier}, // the process that carries e-mail
}

const demoInstitutionName = "International Court (demo)"

// newDemo makes root and staff, and the files that a server needs.
func newDemo(dir string) (*demo, error) {
	d := &demo{dir: dir}
	for _, sub := range []string{"keys", "secrets"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	var err error
	if d.root, err = crypto.GenerateRoot(demoInstitutionName, now); err != nil {
		return nil, err
	}
	d.RootFingerprint = d.root.Certificate().Fingerprint()
	if _, _, err := d.writeKey("root", demoInstitutionName, d.root, ceremony.NewPassphrase()); err != nil {
		return nil, err
	}
	for _, member := range demoTeam {
		if err := d.hire(string(member.role), member.name, now, member.role); err != nil {
			return nil, err
		}
	}
	description, err := demoFiles.ReadFile("demo/institution.toml")
	if err != nil {
		return nil, err
	}
	secret := make([]byte, minPortalSecret)
	rand.Read(secret) // never fails
	for name, data := range map[string][]byte{
		"institution.toml": description,
		"root.asc":         []byte(d.root.Certificate().Armor()),
		"portal.secret":    secret,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, err
		}
	}
	return d, newDemoLedger(dir, d.root, now)
}

// hire makes a staff member's key, certifies it with the root, and writes it to keys/FILE.key.
func (d *demo) hire(file, name string, now time.Time, roles ...crypto.Role) error {
	key, err := crypto.GenerateKey(crypto.ProfilePQ, name, now)
	if err != nil {
		return err
	}
	certificate, err := crypto.CertifyStaff(d.root, key.Certificate(), roles, now)
	if err != nil {
		return err
	}
	if key, err = key.WithCertificate(certificate); err != nil {
		return err
	}
	passphrase := ceremony.NewPassphrase()
	keyFile, secretFile, err := d.writeKey(file, name, key, passphrase)
	if err != nil {
		return err
	}
	d.staff = append(d.staff, key)
	d.Staff = append(d.Staff, demoStaff{
		Name: name, Roles: roles, Fingerprint: certificate.Fingerprint(),
		Passphrase: passphrase, KeyFile: keyFile, SecretFile: secretFile,
	})
	return nil
}

// writeKey locks a key into keys/NAME.key and writes its passphrase beside it.
func (d *demo) writeKey(file, holder string, key *crypto.Key, passphrase string) (keyFile, secretFile string, err error) {
	secrets, err := crypto.DeriveSecrets([]byte(passphrase), crypto.NewSalt())
	if err != nil {
		return "", "", err
	}
	locked, err := crypto.LockBundle(&crypto.Bundle{Holder: holder, Pin: crypto.Pin{Fingerprint: d.RootFingerprint}, Key: key}, secrets)
	if err != nil {
		return "", "", err
	}
	keyFile = filepath.Join(d.dir, "keys", file+".key")
	if err := os.WriteFile(keyFile, locked, 0o600); err != nil {
		return "", "", err
	}
	secretFile = filepath.Join(d.dir, "keys", file+".passphrase")
	return keyFile, secretFile, os.WriteFile(secretFile, []byte(passphrase+"\n"), 0o600)
}

// fill does what people would do, through the API of the portal at d.URL.
func (d *demo) fill(ctx context.Context) error {
	c, err := client.New(d.URL, true)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, key := range d.staff {
		if _, err := c.AddStaff(ctx, key.Certificate().Armor()); err != nil {
			return err
		}
	}
	trust, err := d.believe(ctx, c)
	if err != nil {
		return err
	}
	if err := d.vouch(ctx, c); err != nil {
		return err
	}
	if err := d.writeToDesk(ctx, c); err != nil {
		return err
	}
	if err := d.welcome(ctx, c, trust, demoCast); err != nil {
		return err
	}
	if err := d.announce(ctx, c, trust); err != nil {
		return err
	}
	return d.notify(ctx, c, trust)
}

func (d *demo) believe(ctx context.Context, c *client.Client) (*ceremony.Trust, error) {
	institution, err := c.Institution(ctx)
	if err != nil {
		return nil, err
	}
	return ceremony.Believe(crypto.Pin{Fingerprint: d.RootFingerprint}, institution)
}

// vouch has two of the staff sign what this program gives browsers, so that 'valise verify-client' has something to compare with. (Here, neither of them built it.)
func (d *demo) vouch(ctx context.Context, c *client.Client) error {
	own, built, err := web.Client()
	if err != nil || !built {
		return err
	}
	pin := crypto.Pin{Fingerprint: d.RootFingerprint}
	signed, err := crypto.SignClientManifest(pin, d.member(crypto.RoleAuthor), own, time.Now())
	if err != nil {
		return err
	}
	if signed, err = crypto.CosignClientManifest(pin, d.member(crypto.RoleApprover), signed, own, time.Now()); err != nil {
		return err
	}
	_, err = c.AddClientManifest(ctx, signed)
	return err
}

// member returns the key of the staff member with a role.
func (d *demo) member(role crypto.Role) *crypto.Key {
	for i, s := range d.Staff {
		if s.Roles[0] == role {
			return d.staff[i]
		}
	}
	return nil
}

// welcome issues the mailboxes of a cast, and lets those claim who do.
func (d *demo) welcome(ctx context.Context, c *client.Client, trust *ceremony.Trust, cast []demoStakeholder) error {
	first := len(d.Mailboxes)
	if err := d.issueAll(ctx, c, trust, cast); err != nil {
		return err
	}
	for i, m := range d.Mailboxes[first:] {
		for j := range m.Representatives {
			if cast[i].people[j].claims {
				if err := d.claim(ctx, &m.Representatives[j]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// issueAll is the registrar's part.
func (d *demo) issueAll(ctx context.Context, c *client.Client, trust *ceremony.Trust, stakeholders []demoStakeholder) error {
	registrar := d.member(crypto.RoleRegistrar)
	if _, err := c.LogInStaff(ctx, registrar); err != nil {
		return err
	}
	for _, cast := range stakeholders {
		first, err := ceremony.NewMailbox(cast.kind)
		if err != nil {
			return err
		}
		m := demoMailbox{Number: first.Mailbox, Kind: cast.called, Stakeholder: cast.stakeholder}
		for i, person := range cast.people {
			order := ceremony.Order{
				Representative: crypto.Representative{Mailbox: first.Mailbox, Ordinal: i + 1},
				Profile:        person.profile, Person: person.name,
			}
			if i == 0 {
				order.Stakeholder = cast.stakeholder
			}
			issued, err := ceremony.Issue(trust, registrar, order, time.Now())
			if err != nil {
				return err
			}
			if err := c.Issue(ctx, issued.Request); err != nil {
				return err
			}
			if person.email != "" { // at once, so that there is a mail to look at
				a := crypto.Address{Representative: order.Representative, Email: person.email, Policy: crypto.MailAtOnce}
				sealed, err := ceremony.SealAddress(trust, registrar, a, time.Now())
				if err != nil {
					return err
				}
				if err := c.SetAddress(ctx, order.Representative, *sealed); err != nil {
					return err
				}
			}
			r := demoRepresentative{Number: order.Representative.String(), Name: person.name, Profile: person.profile, ClaimCode: issued.Code}
			if r.SecretFile, err = d.writeSecret(order.Representative, string(issued.Code)); err != nil {
				return err
			}
			m.Representatives = append(m.Representatives, r)
		}
		d.Mailboxes = append(d.Mailboxes, m)
	}
	return c.LogOut(ctx)
}

// writeSecret writes what a representative types into secrets/NUMBER.
func (d *demo) writeSecret(r crypto.Representative, secret string) (string, error) {
	path := filepath.Join(d.dir, "secrets", strings.ReplaceAll(r.String(), "/", "."))
	return path, os.WriteFile(path, []byte(secret+"\n"), 0o600)
}

// claim is a representative's part.
func (d *demo) claim(ctx context.Context, r *demoRepresentative) error {
	as, err := crypto.ParseRepresentative(r.Number)
	if err != nil {
		return err
	}
	c, err := client.New(d.URL, true)
	if err != nil {
		return err
	}
	defer c.Close()
	unlocked, err := c.LogInSecret(ctx, as, string(r.ClaimCode))
	if err != nil {
		return err
	}
	passphrase := ceremony.NewPassphrase()
	claim, err := ceremony.NewClaim(unlocked.Bundle, r.Profile, passphrase, time.Now())
	if err != nil {
		return err
	}
	if err := c.Claim(ctx, claim); err != nil {
		return err
	}
	r.Passphrase, r.ClaimCode = passphrase, ""
	if d.unlocked == nil {
		d.unlocked = make(map[string]*crypto.Bundle)
	}
	d.unlocked[r.Number] = claim.Bundle()
	path, err := d.writeSecret(as, passphrase)
	if err != nil {
		return err
	}
	if r.Profile == crypto.ProfileCompat { // for gpg, which asks for no passphrase then
		if err := os.WriteFile(path+".asc", []byte(claim.Bundle().Key.Armor()), 0o600); err != nil {
			return err
		}
	}
	return c.LogOut(ctx)
}

// announce is author's and approver's part: what the public is told on day 5, and five weeks later.
func (d *demo) announce(ctx context.Context, c *client.Client, trust *ceremony.Trust) error {
	var series crypto.Number
	for _, name := range []string{"announcement", "findings"} {
		draft := &crypto.StatementDraft{Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1, Topic: "security", Series: series}
		if name == "findings" { // those concerned are to say that they know
			draft.Acknowledge, draft.Deadline = []crypto.Kind{crypto.KindState, crypto.KindOrganisation}, time.Now().Add(2*demoDeadline).UTC().Truncate(time.Hour)
		}
		for _, language := range []string{"en", "fr"} {
			title, body, err := demoText(name, language)
			if err != nil {
				return err
			}
			draft.Languages = append(draft.Languages, crypto.StatementLanguage{Language: language, Title: title, Body: body})
		}
		if err := d.publish(ctx, c, trust, draft); err != nil {
			return err
		}
		if series == "" {
			series = draft.Statement
		}
	}
	return c.LogOut(ctx)
}

func (d *demo) publish(ctx context.Context, c *client.Client, trust *ceremony.Trust, draft *crypto.StatementDraft) error {
	author, approver, n := d.member(crypto.RoleAuthor), d.member(crypto.RoleApprover), draft.Statement
	if _, err := c.LogInStaff(ctx, author); err != nil {
		return err
	}
	save, err := ceremony.SaveStatement(trust, author, draft, time.Now())
	if err != nil {
		return err
	}
	if _, err := c.SaveStatement(ctx, n, save); err != nil {
		return err
	}
	submit, err := ceremony.SubmitStatement(trust, author, draft, nil, time.Now())
	if err != nil {
		return err
	}
	if _, err := c.SubmitStatement(ctx, n, submit); err != nil {
		return err
	}
	if _, err := c.LogInStaff(ctx, approver); err != nil {
		return err
	}
	work, err := c.StatementWork(ctx, n)
	if err != nil {
		return err
	}
	examined, err := ceremony.ExamineStatement(trust, []*crypto.Key{approver}, n, work, nil, time.Now())
	if err != nil {
		return err
	}
	approval, err := ceremony.ApproveStatement(trust, approver, examined, time.Now())
	if err != nil {
		return err
	}
	approved, err := c.ApproveStatement(ctx, n, approval)
	if err != nil {
		return err
	}
	d.Statements = append(d.Statements, demoStatement{Number: n, Title: draft.Languages[0].Title, Version: approved.Version, State: string(approved.State)})
	return nil
}

// demoText reads a text: its first line is the title or subject.
func demoText(name, language string) (title, body string, err error) {
	data, err := demoFiles.ReadFile("demo/" + name + "." + language + ".md")
	if err != nil {
		return "", "", err
	}
	title, body, ok := strings.Cut(string(data), "\n\n")
	if !ok {
		return "", "", fmt.Errorf("demo/%s in %q has no title", name, language)
	}
	return title, body, nil
}

// demoDeadline is how long recipients have to acknowledge.
const demoDeadline = 7 * 24 * time.Hour

// notify is author's and approver's part: the incident's first notice, to everyone.
func (d *demo) notify(ctx context.Context, c *client.Client, trust *ceremony.Trust) error {
	draft, err := demoDraft(time.Now())
	if err != nil {
		return err
	}
	number, err := d.submit(ctx, c, trust, draft, ceremony.AllMailboxes)
	if err != nil {
		return err
	}
	if err := d.approve(ctx, c, trust, number); err != nil {
		return err
	}
	d.note(number, draft, "released")
	return c.LogOut(ctx)
}

// note remembers a notice for demo.json.
func (d *demo) note(number crypto.Number, draft *crypto.Draft, state string) {
	d.Notices = append(d.Notices, demoNotice{Number: number, Subject: draft.Languages[0].Subject, State: state})
}

// submit is the author's part of a notice.
func (d *demo) submit(ctx context.Context, c *client.Client, trust *ceremony.Trust, draft *crypto.Draft, to ...string) (crypto.Number, error) {
	author := d.member(crypto.RoleAuthor)
	if _, err := c.LogInStaff(ctx, author); err != nil {
		return "", err
	}
	directory, err := d.directory(ctx, c, trust, author)
	if err != nil {
		return "", err
	}
	chosen, err := directory.Choose(to...)
	if err != nil {
		return "", err
	}
	submission, number, err := ceremony.Seal(trust, author, draft, chosen.Recipients, time.Now(), nil)
	if err != nil {
		return "", err
	}
	_, err = c.Submit(ctx, submission, nil)
	return number, err
}

// approve is the approver's.
func (d *demo) approve(ctx context.Context, c *client.Client, trust *ceremony.Trust, number crypto.Number) error {
	approver := d.member(crypto.RoleApprover)
	if _, err := c.LogInStaff(ctx, approver); err != nil {
		return err
	}
	sealed, err := c.StaffNotice(ctx, number)
	if err != nil {
		return err
	}
	directory, err := d.directory(ctx, c, trust, approver)
	if err != nil {
		return err
	}
	examined, err := ceremony.Examine(trust, []*crypto.Key{approver}, number, sealed, directory, time.Now())
	if err != nil {
		return err
	}
	approval, err := ceremony.Approve(trust, approver, examined, time.Now())
	if err != nil {
		return err
	}
	_, err = c.Approve(ctx, number, approval)
	return err
}

func (d *demo) directory(ctx context.Context, c *client.Client, trust *ceremony.Trust, reader *crypto.Key) (*ceremony.Directory, error) {
	var mailboxes []api.Mailbox
	mailboxes, err := c.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	return ceremony.ReadDirectory(trust, []*crypto.Key{reader}, mailboxes, time.Now(), nil)
}

// demoDraft reads the notice: a file per language, the subject on its first line.
func demoDraft(now time.Time) (*crypto.Draft, error) {
	draft := &crypto.Draft{Acknowledge: true, Deadline: now.Add(demoDeadline).UTC().Truncate(time.Hour), Fallback: crypto.FallbackAfter(12)}
	for _, language := range []string{"en", "fr"} {
		subject, text, err := demoText("notice", language)
		if err != nil {
			return nil, err
		}
		draft.Languages = append(draft.Languages, crypto.LanguageVersion{Language: language, Subject: subject, Text: text})
	}
	timeline, err := demoFiles.ReadFile("demo/timeline.csv")
	if err != nil {
		return nil, err
	}
	draft.Attachments = []crypto.Attachment{{Name: "timeline.csv", Type: "text/csv", Data: timeline}}
	return draft, nil
}
