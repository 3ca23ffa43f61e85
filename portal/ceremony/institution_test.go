package ceremony_test

import (
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// institution is a court with its staff, and what its portal would answer.
type institution struct {
	t         testing.TB
	now       time.Time
	root      *crypto.Key
	author    *crypto.Key
	approver  *crypto.Key
	registrar *crypto.Key
	wire      api.Institution
	mailboxes []api.Mailbox
	codes     map[string]crypto.ClaimCode
	locked    map[string][]byte
}

func newInstitution(t testing.TB) *institution {
	t.Helper()
	i := &institution{t: t, now: time.Now(), codes: map[string]crypto.ClaimCode{}, locked: map[string][]byte{}}
	root, err := crypto.GenerateRoot("International Court (test)", i.now)
	must(t, err)
	i.root = root
	i.wire = api.Institution{Origin: "https://portal.example", Root: root.Certificate().Armor(), RootFingerprint: root.Certificate().Fingerprint()}
	i.author = i.hire("Amara Diallo", crypto.RoleAuthor)
	i.approver = i.hire("Benoît Laurent", crypto.RoleApprover)
	i.registrar = i.hire("Chen Wei", crypto.RoleRegistrar)
	return i
}

// hire makes a staff member's key and has the root certify it. What it returns is
// the key as it rests in their bundle: without the certification.
func (i *institution) hire(name string, roles ...crypto.Role) *crypto.Key {
	i.t.Helper()
	key, err := crypto.GenerateKey(crypto.ProfilePQ, name, i.now)
	must(i.t, err)
	certificate, err := crypto.CertifyStaff(i.root, key.Certificate(), roles, i.now)
	must(i.t, err)
	i.wire.Staff = append(i.wire.Staff, certificate.Armor())
	return key
}

func (i *institution) pin() crypto.Pin {
	return crypto.Pin{Fingerprint: i.root.Certificate().Fingerprint()}
}

func (i *institution) trust() *ceremony.Trust {
	i.t.Helper()
	trust, err := ceremony.Believe(i.pin(), i.wire)
	must(i.t, err)
	return trust
}

// issue makes a mailbox with one representative, and puts it where the portal would.
func (i *institution) issue(kind crypto.Kind, profile crypto.Profile, stakeholder, person string) crypto.Representative {
	i.t.Helper()
	as, err := ceremony.NewMailbox(kind)
	must(i.t, err)
	issued, err := ceremony.Issue(i.trust(), i.registrar, ceremony.Order{Representative: as, Profile: profile, Stakeholder: stakeholder, Person: person}, i.now)
	must(i.t, err)
	i.codes[as.String()] = issued.Code
	i.locked[as.String()] = issued.Request.LockedBundle
	i.mailboxes = append(i.mailboxes, api.Mailbox{
		Mailbox: as.Mailbox, Kind: string(rune(kind)), Label: issued.Request.Label,
		Representatives: []api.Representative{{
			Representative: as.String(), State: portal.Issued, Profile: profile, Chain: []string{issued.Request.Certificate},
			Details: issued.Request.Details, Issued: i.now,
		}},
	})
	return as
}

func (i *institution) directory(reader *crypto.Key) *ceremony.Directory {
	i.t.Helper()
	d, err := ceremony.ReadDirectory(i.trust(), []*crypto.Key{reader}, i.mailboxes, i.now, nil)
	must(i.t, err)
	return d
}

// unlock opens the issued bundle with the code from the letter.
func (i *institution) unlock(as crypto.Representative) *crypto.Bundle {
	i.t.Helper()
	locked := i.locked[as.String()]
	salt, err := crypto.BundleSalt(locked)
	must(i.t, err)
	secrets, err := ceremony.DeriveSecrets(string(i.codes[as.String()]), salt)
	must(i.t, err)
	bundle, err := ceremony.Unlock(as, api.Unlocked{LockedBundle: locked, State: portal.Issued}, secrets)
	must(i.t, err)
	return bundle
}

func draft() *crypto.Draft {
	return &crypto.Draft{
		Languages: []crypto.LanguageVersion{
			{Language: "en", Subject: "First notice", Text: "Something happened.\n"},
			{Language: "fr", Subject: "Premier avis", Text: "Il s’est passé quelque chose.\n"},
		},
		Acknowledge: true,
	}
}

// submitted seals a draft to everybody, as the portal would show it to the approver.
func (i *institution) submitted() (api.Submission, api.StaffNotice) {
	i.t.Helper()
	choice, err := i.directory(i.author).Choose("all")
	must(i.t, err)
	return i.seal(choice.Recipients)
}

func (i *institution) seal(to []*crypto.Recipient) (api.Submission, api.StaffNotice) {
	i.t.Helper()
	s, number, err := ceremony.Seal(i.trust(), i.author, draft(), to, i.now, nil)
	must(i.t, err)
	return *s, i.shown(s, number)
}

// shown is a submission as the portal shows it to the approver.
func (i *institution) shown(s *api.Submission, number crypto.Number) api.StaffNotice {
	i.t.Helper()
	n := api.StaffNotice{
		Notice: number, State: portal.Submitted, SignedManifest: api.SignedManifest{Manifest: s.Manifest, AuthorSignature: s.AuthorSignature},
		Audience: s.Audience, Headings: s.Headings, Bodies: s.Bodies,
	}
	mine := envelopeOf(i.t, *s, portal.StaffHolder(i.approver.Certificate().Fingerprint()))
	n.Envelope, n.Suite = mine.Data, mine.Suite
	return n
}

func selfOf(t testing.TB, b *crypto.Bundle) *ceremony.Self {
	t.Helper()
	self, err := ceremony.SelfOf(b)
	must(t, err)
	return self
}

// membership is what the server, which has the audience, makes for a representative.
func membership(t testing.TB, s api.Submission, as crypto.Representative) string {
	t.Helper()
	audience, err := crypto.ParseAudience([]byte(s.Audience))
	must(t, err)
	m, err := audience.Prove(as)
	must(t, err)
	text, err := m.Encode()
	must(t, err)
	return string(text)
}

func envelopeOf(t testing.TB, s api.Submission, holder string) api.Envelope {
	t.Helper()
	for _, e := range s.Envelopes {
		if e.Holder == holder {
			return e
		}
	}
	t.Fatalf("there is no envelope for %s", holder)
	return api.Envelope{}
}

func (i *institution) approve(n api.StaffNotice) string {
	i.t.Helper()
	e, err := ceremony.Examine(i.trust(), []*crypto.Key{i.approver}, n.Notice, n, i.directory(i.approver), i.now)
	must(i.t, err)
	approval, err := ceremony.Approve(i.trust(), i.approver, e, i.now)
	must(i.t, err)
	return approval.Signature
}

// delivered is the notice as one representative's client gets it.
func delivered(t testing.TB, s api.Submission, n api.StaffNotice, approval string, as crypto.Representative) api.Notice {
	t.Helper()
	e := envelopeOf(t, s, as.String())
	return api.Notice{
		Notice: n.Notice, SignedManifest: api.SignedManifest{Manifest: n.Manifest, AuthorSignature: n.AuthorSignature, ApproverSignature: approval},
		Suite: e.Suite, Envelope: e.Data, Heading: s.Headings[e.Suite], Body: s.Bodies[e.Suite], Nonce: crypto.NewNonce(),
		Membership: membership(t, s, as),
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
