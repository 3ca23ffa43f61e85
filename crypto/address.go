package crypto

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Address is where a representative gets e-mail, and how. It rests sealed to the courier and the registrars: the servers that people reach can't read it, nor
// can a thief of the database.
type Address struct {
	Representative Representative
	// Email is an address of at most 254 ASCII characters: a dot-atom, @, and a domain (RFC 5321, section 4.1.2).
	Email string
	// Subject stands outside the mail, for everybody on its way to see. "": the one that the institution has for all.
	Subject string
	// Quiet are hours of the day, in Zone, in which no mail is sent. The zero value: none.
	Quiet QuietHours
	// Zone is the name of a time zone in the IANA database, "Europe/Paris"; "": UTC.
	Zone string
	// Policy is when a mail goes out.
	Policy MailPolicy
	// Asked says that the person asked for e-mail, knowing that it can be noticed. An individual gets none otherwise.
	Asked bool
}

// QuietHours are from one full hour of the day until another, over midnight when the first is the later one. Equal: none.
type QuietHours struct{ From, To int }

// ParseQuietHours reads "22-7"; "" and "none" are none.
func ParseQuietHours(text string) (QuietHours, error) {
	wrong := fmt.Errorf("%.20q are no quiet hours; they look like 22-7, in full hours of the day", text)
	if text == "" || text == "none" {
		return QuietHours{}, nil
	}
	from, to, ok := strings.Cut(text, "-")
	var q QuietHours
	var err error
	if q.From, err = strconv.Atoi(from); err != nil || !ok {
		return QuietHours{}, wrong
	}
	if q.To, err = strconv.Atoi(to); err != nil || q.check() != nil || q.String() != text {
		return QuietHours{}, wrong
	}
	return q, nil
}

// None says whether no hour is quiet.
func (q QuietHours) None() bool { return q.From == q.To }

// String is how they are written: "22-7"; "none".
func (q QuietHours) String() string {
	if q.None() {
		return "none"
	}
	return strconv.Itoa(q.From) + "-" + strconv.Itoa(q.To)
}

func (q QuietHours) check() error {
	if q.From < 0 || q.From > 23 || q.To < 0 || q.To > 23 {
		return errors.New("quiet hours are full hours of the day, 0 to 23")
	}
	return nil
}

// Until returns when the quiet hours that t lies in are over; t itself when it lies in none. t carries the zone that counts.
func (q QuietHours) Until(t time.Time) time.Time {
	if q.None() {
		return t
	}
	hour, year, month, day := t.Hour(), t.Year(), t.Month(), t.Day()
	switch {
	case q.From < q.To && hour >= q.From && hour < q.To, q.From > q.To && hour < q.To:
	case q.From > q.To && hour >= q.From:
		day++
	default:
		return t
	}
	end := time.Date(year, month, day, q.To, 0, 0, 0, t.Location())
	if !end.After(t) { // an hour that a change of clocks left out
		return t
	}
	return end
}

// MailPolicy is when the courier writes to a representative: it stands beside what the notice itself says (Fallback).
type MailPolicy string

const (
	MailAsNotice MailPolicy = "as-notice" // when the notice says
	MailAtOnce   MailPolicy = "at-once"   // as soon as it is released, whatever the notice says
	MailLastCall MailPolicy = "last-call" // a day before the deadline; without a deadline, when the notice says
	MailNever    MailPolicy = "never"
)

// MailAfter returns "after 12h" for 12 hours in which nobody opened the notice; 1 to 720 are accepted.
func MailAfter(hours int) MailPolicy { return MailPolicy(FallbackAfter(hours)) }

// Hours returns the hours of MailAfter; ok is false for the others.
func (p MailPolicy) Hours() (hours int, ok bool) { return Fallback(p).Hours() }

// ParseMailPolicy reads one of them.
func ParseMailPolicy(text string) (MailPolicy, error) {
	p := MailPolicy(text)
	if _, after := p.Hours(); after {
		return p, nil
	}
	switch p {
	case MailAsNotice, MailAtOnce, MailLastCall, MailNever:
		return p, nil
	}
	return "", fmt.Errorf("%.40q is no policy for e-mail; it is as-notice, at-once, last-call, never, or after and hours from 1 to %d, as in \"after 12h\"", text, maxMailHours)
}

const (
	maxEmail          = 254 // RFC 5321, section 4.5.3.1.3, without the angle brackets
	maxEmailLocal     = 64  // section 4.5.3.1.1
	maxAddressSubject = 100 // bytes
	maxMailHours      = 720 // as of a notice

	addressForm = "valise address v1"
)

// CheckEmail says why an e-mail address can't be written to; nil when it can.
func CheckEmail(email string) error {
	wrong := func(why string) error { return fmt.Errorf("%.80q is no e-mail address: %s", email, why) }
	local, domain, ok := strings.Cut(email, "@")
	switch {
	case !ok || strings.Contains(domain, "@"):
		return wrong("it has one @")
	case len(email) > maxEmail || len(local) > maxEmailLocal:
		return wrong("it is too long")
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for part := range strings.SplitSeq(local, ".") {
		if part == "" || strings.Trim(part, letters+"!#$%&'*+-/=?^_`{|}~") != "" {
			return wrong("before the @ stand letters, digits and signs of ASCII, without quotes, and no dot at an end or beside another")
		}
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, letters+"-") != "" || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return wrong("behind the @ stands a domain; write one with other letters in its ASCII form, xn--…")
		}
	}
	if len(labels) < 2 {
		return wrong("its domain has no dot")
	}
	return nil
}

// Domain returns what stands behind the @, in small letters.
func (a *Address) Domain() string {
	_, domain, _ := strings.Cut(a.Email, "@")
	return strings.ToLower(domain)
}

// IsZoneName says whether a name is written as the IANA database of time zones writes them. Whether there is such a one, says who has the database.
// (By hand: package regexp would be a twentieth of what a representative's browser downloads.)
func IsZoneName(name string) bool {
	const letters, rest = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "0123456789_+-"
	parts := strings.Split(name, "/")
	for _, part := range parts {
		if part == "" || len(part) > 31 || strings.Trim(part, letters+rest) != "" {
			return false
		}
	}
	return len(parts) <= 3 && strings.ContainsRune(letters, rune(name[0]))
}

// Check says what is wrong with it; nil when nothing is.
func (a *Address) Check() error {
	again, err := ParseRepresentative(a.Representative.String())
	if err != nil || again != a.Representative {
		return errors.New("an address is that of a representative")
	}
	if err := CheckEmail(a.Email); err != nil {
		return err
	}
	if a.Subject != "" && (!isOneLine(a.Subject) || len(a.Subject) > maxAddressSubject) {
		return fmt.Errorf("the subject of mails must be one line of at most %d bytes, without spaces at its ends", maxAddressSubject)
	}
	if err := a.Quiet.check(); err != nil {
		return err
	}
	if a.Zone != "" && !IsZoneName(a.Zone) {
		return fmt.Errorf("%.40q is not the name of a time zone; it looks like Europe/Paris", a.Zone)
	}
	if _, err := ParseMailPolicy(string(a.Policy)); err != nil {
		return err
	}
	if a.Representative.Mailbox.Kind() == KindIndividual && a.Policy != MailNever && !a.Asked {
		return fmt.Errorf("%s is an individual: they get e-mail only when they asked for it themself, knowing that it can be noticed", a.Representative)
	}
	return nil
}

// addressJSON has every field, in this order.
type addressJSON struct {
	Form    string     `json:"form"`
	Of      string     `json:"of"`
	Email   string     `json:"email"`
	Subject string     `json:"subject"`
	Quiet   string     `json:"quiet"`
	Zone    string     `json:"zone"`
	Policy  MailPolicy `json:"policy"`
	Asked   bool       `json:"asked"`
}

// SealAddress seals an address to couriers and registrars, signed inside by the registrar who knows it, and padded with spaces to 4 KiB, so that all are alike.
func SealAddress(a Address, registrar *Key, to []*Staff, now time.Time) ([]byte, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	encoded, err := encodeJSON(addressJSON{addressForm, a.Representative.String(), a.Email, a.Subject, a.Quiet.String(), a.Zone, a.Policy, a.Asked})
	if err != nil {
		return nil, err
	}
	return sealPadded(encoded, registrar, PurposeAddress, to, now)
}

// OpenAddress opens an address, and returns it, who wrote it down, a registrar then, and when. of is whose it is said to be: a server can't have the mail of one
// sent to another.
func (r *Root) OpenAddress(sealed []byte, of Representative, keys []*Key, staff []*Certificate, now time.Time) (Address, *Staff, error) {
	encoded, by, err := r.openPadded(sealed, PurposeAddress, keys, staff, []Role{RoleRegistrar}, now)
	if err != nil {
		return Address{}, nil, fmt.Errorf("the address of %s: %w", of, err)
	}
	var j addressJSON
	if err := parseJSON(encoded, &j, "address"); err != nil {
		return Address{}, nil, err
	}
	if j.Form != addressForm {
		return Address{}, nil, fmt.Errorf("this is not %q; a newer version of Valise may read it", addressForm)
	}
	if j.Of != of.String() {
		return Address{}, nil, fmt.Errorf("this is an address of another representative than %s: the portal has mixed them up", of)
	}
	a := Address{Representative: of, Email: j.Email, Subject: j.Subject, Zone: j.Zone, Policy: j.Policy, Asked: j.Asked}
	if a.Quiet, err = ParseQuietHours(j.Quiet); err != nil {
		return Address{}, nil, err
	}
	if err := a.Check(); err != nil {
		return Address{}, nil, err
	}
	return a, by, nil
}
