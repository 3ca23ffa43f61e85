package ceremony

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

// In a browser one worker holds the key, and is on one core. What takes long and needs no private key, the chains and the envelopes of thousands, it hands to
// others, which run the same program: they are shown certificates and session keys, never the key. What they say is believed as what this program itself
// finds out; it is the same program, from the same place, in the same tab.

// vouched is what another worker verified of a representative; it keeps their certificate.
type vouched struct {
	member      crypto.AudienceMember
	postQuantum bool
}

// Member returns what the audience of a notice says of a representative whose chain held, here or in another worker.
func (e *DirectoryEntry) Member() (crypto.AudienceMember, bool) {
	switch {
	case e.Recipient != nil:
		return e.Recipient.Member(), true
	case e.vouched != nil:
		return e.vouched.member, true
	}
	return crypto.AudienceMember{}, false
}

// LabelKey opens the sealed name of one mailbox, and nothing else.
type LabelKey struct {
	Suite   crypto.Suite `json:"suite"` // "": it isn't sealed to who asks, or can't be opened
	Secret  []byte       `json:"secret"`
	Problem string       `json:"problem"` // why not
}

// Judgement is what a Judge found out about one mailbox.
type Judgement struct {
	Name            string                    `json:"name"`
	NameProblem     string                    `json:"name_problem"`
	Representatives []RepresentativeJudgement `json:"representatives"` // in the order in which they were shown
}

// RepresentativeJudgement is one of them. Exactly one of Certificate and Refused is empty, but for those who were revoked: both.
type RepresentativeJudgement struct {
	Certificate crypto.Fingerprint `json:"certificate"`
	Suite       crypto.Suite       `json:"suite"`
	PostQuantum bool               `json:"post_quantum"`
	Refused     string             `json:"refused"`
	Rule        string             `json:"rule,omitempty"` // that of crypto.PolicyError, when their certificate breaks one
}

// Judge verifies chains and wraps envelopes to those whose chain held. It has no private key.
type Judge struct {
	trust *Trust
	held  map[crypto.Representative]*crypto.Recipient
}

// NewJudge makes one that believes as t does.
func NewJudge(t *Trust) (*Judge, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	return &Judge{t, map[crypto.Representative]*crypto.Recipient{}}, nil
}

// Shown returns what another worker must be shown so that Believe, with the same pin, makes it believe as t does.
func (t *Trust) Shown() api.Institution {
	i := api.Institution{Root: t.root.Certificate().Armor(), Languages: t.Languages()}
	for _, c := range t.staff {
		i.Staff = append(i.Staff, c.Armor())
	}
	return i
}

// Judge verifies a few mailboxes; keys open their names. It never fails as a whole.
func (j *Judge) Judge(mailboxes []api.Mailbox, keys []LabelKey, now time.Time) ([]Judgement, error) {
	if len(keys) != len(mailboxes) {
		return nil, errors.New("there is not one key for each mailbox's name")
	}
	judgements := make([]Judgement, len(mailboxes))
	for i, m := range mailboxes {
		judgements[i] = j.judge(m, keys[i], now)
	}
	return judgements, nil
}

func (j *Judge) judge(m api.Mailbox, key LabelKey, now time.Time) Judgement {
	verdict := Judgement{Representatives: make([]RepresentativeJudgement, len(m.Representatives))}
	name, err := j.name(m, key, now)
	verdict.Name = name
	if err != nil {
		verdict.NameProblem = err.Error()
	}
	for i, r := range m.Representatives {
		e := entryOf(m.Mailbox, r)
		if e.Refused == nil && e.State == portal.Revoked {
			continue // with the reason, which takes a key
		}
		if e.Refused == nil {
			e.Recipient, e.Refused = j.trust.VerifyChain(r.Chain, e.Representative, now)
		}
		if e.Refused != nil {
			verdict.Representatives[i] = RepresentativeJudgement{Refused: e.Refused.Error(), Rule: ruleOf(e.Refused)}
			continue
		}
		member := e.Recipient.Member()
		verdict.Representatives[i] = RepresentativeJudgement{Certificate: member.Certificate, Suite: member.Suite, PostQuantum: e.PostQuantum()}
		j.held[e.Representative] = e.Recipient
	}
	return verdict
}

func (j *Judge) name(m api.Mailbox, key LabelKey, now time.Time) (string, error) {
	switch {
	case key.Problem != "":
		return "", errors.New(key.Problem)
	case key.Suite == "":
		return "", errors.New("the portal has no record of the name")
	}
	session, err := crypto.SessionKeyOf(key.Suite, key.Secret)
	if err != nil {
		return "", err
	}
	text, s, err := crypto.OpenRecordWith(m.Label, session, j.trust.staff, crypto.PurposeDetails, now)
	if err != nil {
		return "", err
	}
	if err := j.trust.byRegistrar(s); err != nil {
		return "", err
	}
	return readName(text, labelRecord, string(m.Mailbox))
}

// Wrap wraps one envelope for each of some members, in their order, whom this Judge accepted with these very certificates; keys holds a
// session key for each suite that occurs.
func (j *Judge) Wrap(keys map[crypto.Suite]*crypto.SessionKey, to []crypto.AudienceMember, now time.Time) ([][]byte, error) {
	recipients, err := j.recipients(to)
	if err != nil {
		return nil, err
	}
	return crypto.WrapRecipients(keys, recipients, now)
}

// recipients returns those that were accepted.
func (j *Judge) recipients(members []crypto.AudienceMember) ([]*crypto.Recipient, error) {
	recipients := make([]*crypto.Recipient, len(members))
	for i, m := range members {
		r := j.held[m.Representative]
		if r == nil || r.Certificate().Fingerprint() != m.Certificate {
			return nil, fmt.Errorf("the chain of %s was not verified here", m.Representative)
		}
		recipients[i] = r
	}
	return recipients, nil
}

// ruleOf is the rule that a certificate breaks; "" when an error is about something else.
func ruleOf(err error) string {
	if broken := (*crypto.PolicyError)(nil); errors.As(err, &broken) {
		return broken.Rule
	}
	return ""
}

// entryOf is a representative as the server says, before anything is verified; Refused says what can't be right.
func entryOf(mailbox crypto.Number, r api.Representative) DirectoryEntry {
	e := DirectoryEntry{State: r.State, Profile: r.Profile, Email: r.Email, StoppedEmail: r.StoppedEmail, Issued: r.Issued, Claimed: r.Claimed, chain: r.Chain, details: r.Details}
	if e.Representative, e.Refused = crypto.ParseRepresentative(r.Representative); e.Refused == nil && e.Representative.Mailbox != mailbox {
		e.Refused = fmt.Errorf("the portal shows %s among the representatives of %s", e.Representative, mailbox)
	}
	if e.Refused == nil && e.State != portal.Issued && e.State != portal.Claimed && e.State != portal.Revoked {
		e.Refused = fmt.Errorf("is in a state that this program doesn't know, %q", printable(string(e.State)))
	}
	return e
}

// LabelKeys unwraps what opens the names of a few mailboxes.
func LabelKeys(keys []*crypto.Key, mailboxes []api.Mailbox) []LabelKey {
	opened := make([]LabelKey, len(mailboxes))
	for i, m := range mailboxes {
		if len(m.Label) == 0 {
			continue
		}
		k, err := crypto.UnwrapRecord(m.Label, keys)
		if err != nil {
			opened[i].Problem = err.Error()
			continue
		}
		opened[i] = LabelKey{Suite: k.Suite(), Secret: k.Secret()}
	}
	return opened
}

// NewDirectory begins an empty directory, for Take to fill.
func NewDirectory() *Directory { return &Directory{at: map[crypto.Number]int{}} }

// Take adds mailboxes that a Judge judged. Chains of representatives who were revoked must be there, others may be left out; people's names are opened when OpenName asks.
func (d *Directory) Take(t *Trust, keys []*crypto.Key, mailboxes []api.Mailbox, judgements []Judgement, now time.Time) error {
	if err := t.exists(); err != nil {
		return err
	}
	if len(judgements) != len(mailboxes) {
		return errors.New("there is not one judgement for each mailbox")
	}
	for i, m := range mailboxes {
		verdict := judgements[i]
		if len(verdict.Representatives) != len(m.Representatives) {
			return fmt.Errorf("the judgement about %s is about another mailbox", m.Mailbox)
		}
		read := DirectoryMailbox{Mailbox: m.Mailbox, Name: verdict.Name}
		if verdict.NameProblem != "" {
			read.NameProblem = errors.New(verdict.NameProblem)
		}
		for k, r := range m.Representatives {
			read.Representatives = append(read.Representatives, takeEntry(t, keys, m.Mailbox, r, verdict.Representatives[k], now))
		}
		if _, twice := d.at[m.Mailbox]; !twice {
			d.at[m.Mailbox] = len(d.Mailboxes)
		}
		d.Mailboxes = append(d.Mailboxes, read)
	}
	return nil
}

func takeEntry(t *Trust, keys []*crypto.Key, mailbox crypto.Number, r api.Representative, verdict RepresentativeJudgement, now time.Time) DirectoryEntry {
	e := entryOf(mailbox, r)
	switch {
	case e.Refused != nil:
	case e.State == portal.Revoked:
		e.readRevoked(t, keys, r, now)
	case verdict.Rule != "":
		e.Refused = &crypto.PolicyError{Rule: verdict.Rule, Why: verdict.Refused}
	case verdict.Refused != "":
		e.Refused = errors.New(verdict.Refused)
	case verdict.Certificate == "":
		e.Refused = errors.New("their chain was not verified")
	default:
		e.vouched = &vouched{crypto.AudienceMember{Representative: e.Representative, Certificate: verdict.Certificate, Suite: verdict.Suite}, verdict.PostQuantum}
	}
	return e
}

// Complete ends what Take filled.
func (d *Directory) Complete() { d.refuseTwice() }

// OpenName opens the name of a representative whom Take added.
func (e *DirectoryEntry) OpenName(t *Trust, keys []*crypto.Key, now time.Time) string {
	if e.Name == "" && e.NameProblem == nil && e.details != nil {
		e.Name, e.NameProblem = openRecord(t, keys, e.details, detailsRecord, e.Representative.String(), now)
	}
	return e.Name
}

// byRegistrar demands that somebody signed who was a registrar then.
func (t *Trust) byRegistrar(s *crypto.Signature) error {
	member, err := t.root.VerifyStaff(s.Signer(), s.Made())
	if err != nil {
		return err
	}
	if !member.Has(crypto.RoleRegistrar) {
		return fmt.Errorf("the record was made by %s, who was not a registrar", member.Name())
	}
	return nil
}

// readName reads the text of a record of the given kind and number.
func readName(text []byte, kind, of string) (string, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return "", errors.New("the record of the name is malformed")
	}
	if r.Record != kind || r.Of != of {
		return "", fmt.Errorf("the portal shows a record of %q (%q) as that of %s: don't rely on it, and tell the institution's administrators", printable(r.Of), printable(r.Record), of)
	}
	if err := checkName("name in the record", r.Name); err != nil {
		return "", err
	}
	return r.Name, nil
}
