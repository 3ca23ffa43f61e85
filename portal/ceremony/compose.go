package ceremony

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"valise/crypto"
	"valise/portal/api"
)

// UnknownWord is a word of an audience that names nobody, and why.
type UnknownWord struct {
	Word string // as it was written
	Why  error
}

var errNoNumber = errors.New("no number of a mailbox is in it, such as S-7K2M9QXC, and no group is called so: look for a name in the search")

// maxPasted is how many bytes of a pasted list are read.
const maxPasted = 4 << 20

// ChooseFrom picks an audience from what people type and paste: each word is what Choose takes, or a text with numbers of mailboxes in it, in any
// spelling and separated by anything, names around them included. leaveOut are mailboxes that are left out of it. What can't be understood, or names nobody, is
// told word by word, and the rest is chosen all the same; nobody chosen is no error.
func (d *Directory) ChooseFrom(words []string, leaveOut []crypto.Number) (*Selection, []UnknownWord) {
	s := new(Selection)
	var unknown []UnknownWord
	taken := map[*DirectoryMailbox]bool{}
	take := func(m *DirectoryMailbox) {
		if !taken[m] {
			taken[m] = true
			s.Mailboxes = append(s.Mailboxes, m)
		}
	}
	for _, word := range words {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		whole := d.takeWord(s, word, take)
		if whole == nil {
			continue
		}
		found := numbersIn(word, func(n crypto.Number) bool { return d.Mailbox(n) != nil || d.Groups.Find(string(n)) != nil })
		if len(found) == 0 {
			if _, err := crypto.ParseNumber(word); err != nil { // a name, say: of what a number begins with there is nothing to mend
				whole = errNoNumber
			}
			unknown = append(unknown, UnknownWord{shortened(word), whole})
			continue
		}
		for _, f := range found {
			if f.Why == nil {
				f.Why = d.takeWord(s, f.Word, take)
			}
			if f.Why != nil {
				unknown = append(unknown, UnknownWord{shortened(f.Word), f.Why})
			}
		}
	}
	s.Mailboxes = slices.DeleteFunc(s.Mailboxes, func(m *DirectoryMailbox) bool { return slices.Contains(leaveOut, m.Mailbox) })
	for _, m := range s.Mailboxes {
		s.sort(m)
	}
	return s, unknown
}

func shortened(word string) string {
	if word = printable(word); len(word) > 100 {
		return strings.ToValidUTF8(word[:100], "") + "…"
	}
	return word
}

// numbersIn finds what is meant as a number in a text: a letter of a kind and eight characters, with spaces or dashes anywhere in between. Why is set for
// what was meant as one and isn't. Without a digit, and without a dash behind the first letter, only what is known is taken for a number: else words would be.
func numbersIn(text string, known func(crypto.Number) bool) (found []UnknownWord) {
	if len(text) > maxPasted {
		return []UnknownWord{{text, fmt.Errorf("the list has %d MiB; at most %d are read", len(text)>>20, maxPasted>>20)}}
	}
	pieces := piecesOf(text)
	for i := 0; i < len(pieces); {
		n, word, why := numberAt(pieces[i:], known)
		if n == 0 {
			i++
			continue
		}
		found = append(found, UnknownWord{word, why})
		i += n
	}
	return found
}

// piece is a run of letters and digits, and what stands between it and the next.
type piece struct {
	text  string
	after string // "": nothing but the end
}

func piecesOf(text string) (pieces []piece) {
	isPart := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for rest := text; ; {
		begin := strings.IndexFunc(rest, isPart)
		if begin < 0 {
			return pieces
		}
		if n := len(pieces); n > 0 {
			pieces[n-1].after = rest[:begin]
		}
		rest = rest[begin:]
		end := strings.IndexFunc(rest, func(r rune) bool { return !isPart(r) })
		if end < 0 {
			return append(pieces, piece{text: rest})
		}
		pieces = append(pieces, piece{text: rest[:end]})
		rest = rest[end:]
	}
}

const numberLength = 9 // letters and digits

// numberAt reads a number that begins with the first of some pieces, and returns of how many it is made; 0 when none begins there.
func numberAt(pieces []piece, known func(crypto.Number) bool) (used int, word string, why error) {
	first := pieces[0].text
	if !strings.ContainsRune("SOIGsoig", rune(first[0])) {
		return otherNumberAt(pieces)
	}
	joined, spelt, firm := "", "", false
	for n := 0; n < len(pieces) && len(joined) < numberLength; n++ {
		p := pieces[n]
		joined += p.text
		spelt += p.text
		used = n + 1
		if n == 0 && len(first) == 1 && isDash(p.after) {
			firm = true // "S-": a number is meant, right or wrong
		}
		if len(joined) >= numberLength || n+1 == len(pieces) {
			break
		}
		if !joins(p.after) || firm && n > 0 && !isDash(p.after) && !hasDigit(pieces[n+1].text) {
			break
		}
		spelt += p.after
	}
	last := pieces[used-1]
	switch {
	case len(joined) == numberLength && strings.HasPrefix(last.after, "/") && used < len(pieces) && onlyDigits(pieces[used].text):
		spelt += "/" + pieces[used].text // a representative: Choose says what to write instead
		return used + 1, spelt, nil
	case len(joined) == numberLength && !hasDigit(joined[1:]) && !firm:
		if n, err := crypto.ParseNumber(joined); err != nil || !known(n) {
			return 0, "", nil
		}
		return used, spelt, nil
	case len(joined) == numberLength:
		if _, err := crypto.ParseNumber(joined); err != nil {
			return used, spelt, err
		}
		return used, spelt, nil
	case firm && hasDigit(joined):
		_, err := crypto.ParseNumber(joined)
		if err == nil {
			err = errors.New("this is not the number of a mailbox")
		}
		return used, spelt, err
	}
	return 0, "", nil
}

// otherNumberAt finds the number of a notice, say, that got into a list of mailboxes: to pass over it would leave somebody out whom its writer counts on.
func otherNumberAt(pieces []piece) (used int, word string, why error) {
	if len(pieces) < 2 || len(pieces[0].text) != 1 || !isDash(pieces[0].after) {
		return 0, "", nil
	}
	word = pieces[0].text + pieces[0].after + pieces[1].text
	if _, err := crypto.ParseNumber(pieces[0].text + pieces[1].text); err != nil {
		return 0, "", nil
	}
	return 2, word, errors.New("this is not the number of a mailbox")
}

func hasDigit(text string) bool { return strings.ContainsAny(text, "0123456789") }

func onlyDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }

// joins says whether what stands between two pieces may stand within a number.
func joins(between string) bool {
	return len(between) > 0 && len([]rune(between)) <= 3 && strings.TrimFunc(between, func(r rune) bool {
		return r == ' ' || r == '\u00a0' || r == '\u202f' || unicode.Is(unicode.Pd, r) || r == '\u2212'
	}) == ""
}

func isDash(between string) bool {
	return joins(between) && strings.TrimSpace(strings.Trim(between, "\u00a0\u202f")) != ""
}

// Unreachable returns who in a selection could not be sealed to and is not among those who were confirmed to be left out: refused
// representatives, and mailboxes where nobody is left.
func (s *Selection) Unreachable(confirmed []string) (refused []*DirectoryEntry, empty []*DirectoryMailbox) {
	ok := make(map[string]bool, len(confirmed))
	for _, word := range confirmed {
		ok[word] = true
	}
	for _, e := range s.Refused {
		if !ok[e.Representative.String()] {
			refused = append(refused, e)
		}
	}
	return refused, s.Empty
}

// Sealing is a notice on its way to its submission; see crypto.Sealing.
type Sealing struct{ *crypto.Sealing }

// BeginSealing is the first step of Seal, for an audience that was verified here or by a Judge.
func BeginSealing(t *Trust, author *crypto.Key, draft *crypto.Draft, to []crypto.AudienceMember, now time.Time) (*Sealing, error) {
	p, err := PrepareSealing(t, author, draft, to, now)
	if err != nil {
		return nil, err
	}
	if err := p.SealPersonal(p.Left()); err != nil {
		return nil, err
	}
	s, err := p.Begin()
	if err != nil {
		return nil, err
	}
	return &Sealing{s}, nil
}

// PrepareSealing is the beginning of it; see crypto.PreparedSealing.
func PrepareSealing(t *Trust, author *crypto.Key, draft *crypto.Draft, to []crypto.AudienceMember, now time.Time) (*crypto.PreparedSealing, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	author, _, err := t.StaffKey(author, now, crypto.RoleAuthor)
	if err != nil {
		return nil, err
	}
	d := *draft
	if d.From == "" {
		d.From = t.Institution()
	}
	return crypto.PrepareSealing(t.root, author, &d, to, t.Staff(now, crypto.RoleAuthor, crypto.RoleApprover), now)
}

// Submission is the last one: it signs, and returns what to send.
func (s *Sealing) Submission() (*api.Submission, error) {
	sealed, err := s.Finish()
	if err != nil {
		return nil, err
	}
	return submissionOf(sealed), nil
}
