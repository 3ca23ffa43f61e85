package ceremony

import (
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// Seal makes a notice of a draft for an audience, and for the desk: everyone who may
// author or approve. Draft.From may be empty: it becomes the institution's name in the
// root certificate. progress, which may be nil, is told how many envelopes are done.
func Seal(t *Trust, author *crypto.Key, draft *crypto.Draft, to []*crypto.Recipient, now time.Time, progress func(done, total int)) (*api.Submission, crypto.Number, error) {
	if err := t.exists(); err != nil {
		return nil, "", err
	}
	author, _, err := t.StaffKey(author, now, crypto.RoleAuthor)
	if err != nil {
		return nil, "", err
	}
	d := *draft
	if d.From == "" {
		d.From = t.Institution()
	}
	sealed, err := crypto.SealNotice(t.root, author, &d, to, t.Staff(now, crypto.RoleAuthor, crypto.RoleApprover), now, progress)
	if err != nil {
		return nil, "", err
	}
	m, err := crypto.ParseManifest(sealed.Manifest)
	if err != nil {
		return nil, "", err
	}
	return submissionOf(sealed), m.Notice, nil
}

func submissionOf(sealed *crypto.SealedNotice) *api.Submission {
	s := &api.Submission{
		Manifest: string(sealed.Manifest), AuthorSignature: string(sealed.AuthorSignature), Audience: string(sealed.Audience),
		Headings: sealed.Headings, Bodies: sealed.Bodies, Envelopes: make([]api.Envelope, len(sealed.Envelopes)),
	}
	for i, e := range sealed.Envelopes {
		s.Envelopes[i] = api.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data, Personal: e.Personal}
	}
	s.PersonalKey = sealed.PersonalKey
	for _, p := range sealed.PersonalParts {
		s.PersonalParts.PersonalParts = append(s.PersonalParts.PersonalParts, api.PersonalPart(p))
	}
	return s
}

// Examined is a notice as an approver must see it before they sign: what recipients
// will read, and who they are.
type Examined struct {
	Opened     *crypto.OpenedNotice // its manifest has no approver yet
	Heading    *crypto.Heading      // what the lists of mailboxes will show
	Recipients []ExaminedRecipient  // the whole audience
	Personal   []*crypto.Personal   // what each mailbox alone is told, by their numbers; nil when the notice has no personal parts
	Problems   []error              // why it must not be approved as it stands

	manifest []byte
}

// ExaminedRecipient is one of the audience, and what the directory knows of them.
type ExaminedRecipient struct {
	crypto.AudienceMember
	Mailbox *DirectoryMailbox // nil when the directory doesn't have it
	Entry   *DirectoryEntry   // nil likewise
	Problem error             // the certificate is none of theirs, or doesn't hold
}

// Examine opens a submitted notice with the staff member's keys as its recipients
// will open it, and compares the audience with the directory. It fails when something
// doesn't hold; what holds but should keep an approver from signing is in Problems.
// When api.StaffNotice.HasPersonal says so, the personal parts must have been fetched, too.
func Examine(t *Trust, keys []*crypto.Key, want crypto.Number, n api.StaffNotice, d *Directory, now time.Time) (*Examined, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	v, err := t.root.VerifySubmission(crypto.SignedManifest{Manifest: []byte(n.Manifest), AuthorSignature: []byte(n.AuthorSignature)}, t.staff, now)
	if err != nil {
		return nil, err
	}
	if got := v.Manifest().Notice; got != want {
		return nil, fmt.Errorf("the portal shows %s as %s: don't approve it, and tell the administrators", got, want)
	}
	if err := checkParts(v, n); err != nil {
		return nil, err
	}
	audience, err := v.CheckAudience([]byte(n.Audience))
	if err != nil {
		return nil, err
	}
	e := &Examined{manifest: []byte(n.Manifest)}
	if e.Opened, err = crypto.OpenNotice(v, n.Envelope, n.Bodies[n.Suite], keys); err != nil {
		return nil, err
	}
	if e.Heading, err = crypto.OpenHeading(v, n.Envelope, n.Headings[n.Suite], keys); err != nil {
		return nil, err
	}
	if err := e.Opened.HeadingMatches(e.Heading); err != nil {
		return nil, err
	}
	if e.Personal, err = openPersonal(e.Opened, n, keys); err != nil {
		return nil, err
	}
	e.readAudience(audience, d)
	return e, nil
}

// checkParts says whether the server shows every body and heading that was signed,
// those of the other suite too, which the approver's own envelope doesn't open.
func checkParts(v *crypto.VerifiedManifest, n api.StaffNotice) error {
	for _, suite := range v.Manifest().Suites() {
		if err := v.CheckBody(n.Bodies[suite]); err != nil {
			return err
		}
		if err := v.CheckHeading(n.Headings[suite]); err != nil {
			return err
		}
		if got, err := crypto.CheckBody(n.Bodies[suite]); err != nil || got != suite {
			return fmt.Errorf("the portal shows a body of another suite as that of suite %q", suite)
		}
	}
	return nil
}

func (e *Examined) readAudience(a *crypto.Audience, d *Directory) {
	for _, member := range a.Members {
		r := ExaminedRecipient{AudienceMember: member, Mailbox: d.Mailbox(member.Representative.Mailbox), Entry: d.Entry(member.Representative)}
		switch {
		case r.Entry == nil:
			r.Problem = fmt.Errorf("%s is not in the directory", member.Representative)
		case r.Entry.Recipient == nil:
			r.Problem = fmt.Errorf("%s: %w", member.Representative, r.Entry.Refused)
		case !r.Entry.Recipient.Had(member.Certificate):
			// An earlier key of theirs is no problem: whoever claims carries over what was on its way.
			r.Problem = fmt.Errorf("the notice was sealed to a key that was never that of %s: ask the author to seal it again", member.Representative)
		}
		if r.Problem != nil {
			e.Problems = append(e.Problems, r.Problem)
		}
		e.Recipients = append(e.Recipients, r)
	}
}

// Absent returns the representatives that the directory has for the mailboxes of the audience, and could be sealed to, and who are not in it: they came after the
// notice was sealed, the author left them out, or the portal hid them from the author.
func (e *Examined) Absent(d *Directory) []*DirectoryEntry {
	in := make(map[crypto.Representative]bool, len(e.Recipients))
	for _, r := range e.Recipients {
		in[r.Representative] = true
	}
	var absent []*DirectoryEntry
	seen := map[crypto.Number]bool{}
	for _, r := range e.Recipients {
		if m := d.Mailbox(r.Representative.Mailbox); m != nil && !seen[m.Mailbox] {
			seen[m.Mailbox] = true
			for i := range m.Representatives {
				if entry := &m.Representatives[i]; entry.Recipient != nil && !in[entry.Representative] {
					absent = append(absent, entry)
				}
			}
		}
	}
	return absent
}

// Approve signs the manifest of a notice that was examined, so that the server
// releases it. One with Problems is refused.
func Approve(t *Trust, approver *crypto.Key, e *Examined, now time.Time) (api.Approval, error) {
	if err := t.exists(); err != nil {
		return api.Approval{}, err
	}
	if e == nil || e.Opened == nil {
		return api.Approval{}, errors.New("only a notice that was examined can be approved")
	}
	if len(e.Problems) > 0 {
		return api.Approval{}, fmt.Errorf("the notice can't be approved as it stands: %w", errors.Join(e.Problems...))
	}
	approver, _, err := t.StaffKey(approver, now, crypto.RoleApprover)
	if err != nil {
		return api.Approval{}, err
	}
	signature, err := crypto.Approve(t.root, approver, e.Opened, e.manifest, now)
	if err != nil {
		return api.Approval{}, err
	}
	return api.Approval{Signature: string(signature)}, nil
}
