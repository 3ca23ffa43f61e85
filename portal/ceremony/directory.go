package ceremony

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

// Directory is the mailboxes as a staff member's client verified them.
type Directory struct {
	Mailboxes []DirectoryMailbox // in the order that the server gave
	Groups    Groups             // whom Choose may be told by name; nil when they were not asked for

	at map[crypto.Number]int // where each stands: in a large audience somebody is looked for thousands of times
}

// DirectoryMailbox is one mailbox. Its name is empty for whom it isn't sealed to, and
// NameProblem says why.
type DirectoryMailbox struct {
	Mailbox         crypto.Number
	Name            string
	NameProblem     error
	Representatives []DirectoryEntry
}

// DirectoryEntry is one representative. Something can be sealed to them when
// Recipient is there; otherwise Refused says why not.
type DirectoryEntry struct {
	Representative crypto.Representative
	State          portal.RepresentativeState // as the server says
	Profile        crypto.Profile             // as the server says
	StoppedEmail   *time.Time                 // when they stopped e-mail themself, as the server says; nil: not
	Email          bool                       // there is an address, as the server says; where, only couriers and registrars can read
	Name           string
	NameProblem    error
	Recipient      *crypto.Recipient // verified; nil as well when another worker did, and keeps it
	Refused        error
	Issued         time.Time          // as the server says, like the next
	Claimed        *time.Time         // nil: not yet
	Revocation     *crypto.Revocation // verified: a registrar ended their access; nil otherwise
	Reason         RevocationReason   // why, for registrars; "" for others
	Note           string

	chain   []string // as the server shows it
	details []byte   // the sealed record of the name, where that is opened when somebody asks
	vouched *vouched // what another worker verified
}

// PostQuantum says whether what is sealed to them stays secret from who records it
// now and has a quantum computer later.
func (e *DirectoryEntry) PostQuantum() bool {
	return e.Recipient != nil && e.Recipient.Certificate().PostQuantum() || e.vouched != nil && e.vouched.postQuantum
}

// Unclaimed says whether they have not yet made the key their own.
func (e *DirectoryEntry) Unclaimed() bool { return e.State == portal.Issued }

// NextOrdinal is the ordinal of the mailbox's next representative.
func (m *DirectoryMailbox) NextOrdinal() int {
	next := 1
	for _, e := range m.Representatives {
		next = max(next, e.Representative.Ordinal+1)
	}
	return next
}

// ReadDirectory verifies the chain of each representative and opens the names with
// the staff member's keys. It never fails as a whole: what didn't hold is said where
// it stands. progress, which may be nil, is told how many mailboxes are done, by one
// goroutine at a time.
func ReadDirectory(t *Trust, keys []*crypto.Key, mailboxes []api.Mailbox, now time.Time, progress func(done, total int)) (*Directory, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	d := &Directory{Mailboxes: make([]DirectoryMailbox, len(mailboxes)), at: make(map[crypto.Number]int, len(mailboxes))}
	onAllCores(len(mailboxes), progress, func(i int) { d.Mailboxes[i] = readMailbox(t, keys, mailboxes[i], now) })
	for i := range d.Mailboxes {
		if _, twice := d.at[d.Mailboxes[i].Mailbox]; !twice {
			d.at[d.Mailboxes[i].Mailbox] = i
		}
	}
	d.refuseTwice()
	return d, nil
}

func readMailbox(t *Trust, keys []*crypto.Key, m api.Mailbox, now time.Time) DirectoryMailbox {
	read := DirectoryMailbox{Mailbox: m.Mailbox}
	read.Name, read.NameProblem = openRecord(t, keys, m.Label, labelRecord, string(m.Mailbox), now)
	for _, r := range m.Representatives {
		e := entryOf(m.Mailbox, r)
		if e.Refused == nil {
			e.Name, e.NameProblem = openRecord(t, keys, r.Details, detailsRecord, e.Representative.String(), now)
			if e.State == portal.Revoked {
				e.readRevoked(t, keys, r, now)
			} else {
				e.Recipient, e.Refused = t.VerifyChain(r.Chain, e.Representative, now)
			}
		}
		read.Representatives = append(read.Representatives, e)
	}
	return read
}

// refuseTwice refuses representatives that the server shows twice: with which of
// two certificates they are at home can't be told.
func (d *Directory) refuseTwice() {
	seen := map[crypto.Representative]*DirectoryEntry{}
	for i := range d.Mailboxes {
		for k := range d.Mailboxes[i].Representatives {
			e := &d.Mailboxes[i].Representatives[k]
			if first := seen[e.Representative]; first != nil && e.Representative.Ordinal > 0 {
				for _, twice := range []*DirectoryEntry{first, e} {
					twice.Recipient, twice.vouched, twice.Refused = nil, nil, fmt.Errorf("the portal shows %s twice", e.Representative)
				}
				continue
			}
			seen[e.Representative] = e
		}
	}
}

// Mailbox returns one mailbox, nil when the directory doesn't have it.
func (d *Directory) Mailbox(n crypto.Number) *DirectoryMailbox {
	if i, ok := d.at[n]; ok {
		return &d.Mailboxes[i]
	}
	return nil
}

// Entry returns one representative, nil when the directory doesn't have them.
func (d *Directory) Entry(r crypto.Representative) *DirectoryEntry {
	m := d.Mailbox(r.Mailbox)
	if m == nil {
		return nil
	}
	for i := range m.Representatives {
		if m.Representatives[i].Representative == r {
			return &m.Representatives[i]
		}
	}
	return nil
}

// Selection is a chosen audience.
type Selection struct {
	Mailboxes  []*DirectoryMailbox
	Groups     []*Group                // that were named
	Recipients []*crypto.Recipient     // of all whose chain held
	Members    []crypto.AudienceMember // they, and whose chain held in another worker
	// What an author must see before sealing:
	Refused   []*DirectoryEntry   // left out, without those whom a registrar revoked, with their signature
	Revoked   []*DirectoryEntry   // those
	Empty     []*DirectoryMailbox // nobody is left to seal to
	Classical []*DirectoryEntry   // not post-quantum
	Unclaimed []*DirectoryEntry   // nobody has taken the key up yet
	NoEmail   []*DirectoryEntry   // the portal has no address: no e-mail reaches them
}

// Kinds of mailboxes, as an audience may name them.
const (
	AllMailboxes  = "all"
	States        = "states"
	Organisations = "organisations"
	Individuals   = "individuals"
)

// Choose picks an audience: numbers of mailboxes in any spelling, names or numbers of groups, the words states,
// organisations and individuals, or all. Each mailbox is taken once; a notice goes to all
// its representatives. A number that the directory doesn't have is an error.
func (d *Directory) Choose(wanted ...string) (*Selection, error) {
	s := new(Selection)
	taken := map[*DirectoryMailbox]bool{}
	take := func(m *DirectoryMailbox) {
		if !taken[m] {
			taken[m] = true
			s.Mailboxes = append(s.Mailboxes, m)
		}
	}
	for _, word := range wanted {
		if err := d.takeWord(s, word, take); err != nil {
			return nil, err
		}
	}
	if len(s.Mailboxes) == 0 {
		return nil, errors.New("nobody is in that audience: choose at least one mailbox")
	}
	for _, m := range s.Mailboxes {
		s.sort(m)
	}
	return s, nil
}

// takeWord takes whom one word names.
func (d *Directory) takeWord(s *Selection, word string, take func(*DirectoryMailbox)) error {
	if kinds := kindsOf(word); kinds != nil {
		for i := range d.Mailboxes {
			if slices.Contains(kinds, d.Mailboxes[i].Mailbox.Kind()) {
				take(&d.Mailboxes[i])
			}
		}
		return nil
	}
	if g := d.Groups.Find(word); g != nil {
		return d.takeGroup(s, g, take)
	}
	if r, err := crypto.ParseRepresentative(word); err == nil && strings.Contains(word, "/") {
		return fmt.Errorf("a notice goes to all representatives of a mailbox; write %s instead of %s", r.Mailbox, r)
	}
	n, err := crypto.ParseNumber(word)
	if err != nil {
		return fmt.Errorf("%q: %w (an audience is numbers of mailboxes, groups by number or name, states, organisations, individuals, or all)", printable(word), err)
	}
	m := d.Mailbox(n)
	if m == nil && n.Kind() == crypto.KindGroup {
		return fmt.Errorf("the portal has no group %s", n)
	}
	if m == nil {
		return fmt.Errorf("the portal has no mailbox %s", n)
	}
	take(m)
	return nil
}

// takeGroup takes all mailboxes of a group and of those in it.
func (d *Directory) takeGroup(s *Selection, g *Group, take func(*DirectoryMailbox)) error {
	mailboxes, err := d.Groups.Expand(g)
	if err != nil {
		return err
	}
	s.Groups = append(s.Groups, g)
	for _, n := range mailboxes {
		m := d.Mailbox(n)
		if m == nil {
			return fmt.Errorf("the portal has no mailbox %s, which is in the group %s (%s)", n, g.Number, printable(g.Name))
		}
		take(m)
	}
	return nil
}

func kindsOf(word string) []crypto.Kind {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case AllMailboxes:
		return []crypto.Kind{crypto.KindState, crypto.KindOrganisation, crypto.KindIndividual}
	case States:
		return []crypto.Kind{crypto.KindState}
	case Organisations:
		return []crypto.Kind{crypto.KindOrganisation}
	case Individuals:
		return []crypto.Kind{crypto.KindIndividual}
	}
	return nil
}

// sort puts a mailbox's representatives where an author looks for them.
func (s *Selection) sort(m *DirectoryMailbox) {
	reached := false
	for i := range m.Representatives {
		e := &m.Representatives[i]
		member, ok := e.Member()
		if !ok {
			if e.State == portal.Revoked && e.Revoked() {
				s.Revoked = append(s.Revoked, e)
			} else {
				s.Refused = append(s.Refused, e)
			}
			continue
		}
		reached = true
		s.Members = append(s.Members, member)
		if e.Recipient != nil {
			s.Recipients = append(s.Recipients, e.Recipient)
		}
		if !e.PostQuantum() {
			s.Classical = append(s.Classical, e)
		}
		if e.Unclaimed() {
			s.Unclaimed = append(s.Unclaimed, e)
		}
		if !e.Email {
			s.NoEmail = append(s.NoEmail, e)
		}
	}
	if !reached {
		s.Empty = append(s.Empty, m)
	}
}
