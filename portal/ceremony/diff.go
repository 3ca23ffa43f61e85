//go:build desk || !js

package ceremony

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff/lcs"

	"valise/crypto"
)

// What has changed between two versions of a statement, for the person who is to approve the later one. Texts are compared as they are signed, in
// Markdown: what readers see comes of that, and a link's address is in it, too.

// Piece is a part of a text that is compared: exactly one of its fields is there.
type Piece struct {
	Same    string `json:"same,omitempty"`
	Added   string `json:"added,omitempty"`
	Removed string `json:"removed,omitempty"`
}

// StatementChanges says what a version changes against the one before it. Whatever is the same is left out.
type StatementChanges struct {
	Topic, Series, PublishAt, Acknowledge, Deadline *Change

	Attachments []AttachmentChange
	Languages   []LanguageChanges // all languages of the later version, in its order; with what is the same
}

// Change is something of one line: what it was, and what it is now; "" for none. Times are RFC 3339.
type Change struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// AttachmentChange is a file that came, went, or is another one under the same name. One of the two may be nil.
type AttachmentChange struct {
	Before, After *crypto.StatementAttachment
}

// LanguageChanges are those of one text.
type LanguageChanges struct {
	Language string
	New      bool    // the version before is not in this language
	Title    []Piece // nil for both empty
	Reason   []Piece // likewise; of a correction of a correction
	Body     [][]Piece
}

// Any says whether anything but the reason is another than before.
func (l *LanguageChanges) Any() bool {
	differs := func(pieces []Piece) bool {
		return slices.ContainsFunc(pieces, func(p Piece) bool { return p.Same == "" })
	}
	return l.New || differs(l.Title) || slices.ContainsFunc(l.Body, differs)
}

// CompareStatements says what a version changes against the one before it; nil when there is none before.
func CompareStatements(before *crypto.VerifiedStatement, after StatementVersion) *StatementChanges {
	if before == nil || before.Manifest() == nil || after.Manifest() == nil || len(after.Texts()) == 0 {
		return nil
	}
	m, n := before.Manifest(), after.Manifest()
	first, now := before.Texts()[0], after.Texts()[0]
	c := &StatementChanges{
		Topic: changed(first.Topic, now.Topic), Series: changed(string(first.Series), string(now.Series)),
		PublishAt: changed(stamp(m.PublishAt), stamp(n.PublishAt)), Deadline: changed(stamp(m.Deadline), stamp(n.Deadline)),
		Acknowledge: changed(kinds(m.Acknowledge), kinds(n.Acknowledge)),
		Attachments: compareAttachments(first.Attachments, now.Attachments),
	}
	for _, text := range after.Texts() {
		l := LanguageChanges{Language: text.Language}
		old := before.Text(text.Language)
		if old == nil {
			l.New, old = true, new(crypto.StatementText)
		}
		l.Title, l.Reason, l.Body = compareLine(old.Title, text.Title), compareLine(old.Reason, text.Reason), CompareTexts(old.Body, text.Body)
		c.Languages = append(c.Languages, l)
	}
	return c
}

func changed(before, after string) *Change {
	if before == after {
		return nil
	}
	return &Change{before, after}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// kinds writes whom a statement asks: "S O".
func kinds(asked []crypto.Kind) string {
	letters := make([]string, len(asked))
	for i, k := range asked {
		letters[i] = string(rune(k))
	}
	return strings.Join(letters, " ")
}

func compareAttachments(before, after []crypto.StatementAttachment) (changes []AttachmentChange) {
	named := func(list []crypto.StatementAttachment, name string) *crypto.StatementAttachment {
		i := slices.IndexFunc(list, func(a crypto.StatementAttachment) bool { return a.Name == name })
		if i < 0 {
			return nil
		}
		return &list[i]
	}
	for i, a := range before {
		if now := named(after, a.Name); now == nil || *now != a {
			changes = append(changes, AttachmentChange{&before[i], now})
		}
	}
	for i, a := range after {
		if named(before, a.Name) == nil {
			changes = append(changes, AttachmentChange{nil, &after[i]})
		}
	}
	return changes
}

// ------------------------------------------------------------------ texts

// CompareTexts compares two texts word by word, inside the paragraphs that belong to each other. The pieces of a paragraph are in the order in which they are
// read; put together, same and removed ones are the paragraph before, and same and added ones the paragraph after. How many empty lines stand between
// paragraphs is not compared, as no reader sees it.
func CompareTexts(before, after string) (paragraphs [][]Piece) {
	a, b := splitParagraphs(before), splitParagraphs(after)
	numbers := make(interner)
	pa, pb := 0, 0
	for _, d := range lcs.DiffRunes(numbers.all(a), numbers.all(b)) {
		for ; pa < d.Start; pa, pb = pa+1, pb+1 {
			paragraphs = append(paragraphs, []Piece{{Same: b[pb]}})
		}
		paragraphs = append(paragraphs, compareParagraphs(a[d.Start:d.End], b[d.ReplStart:d.ReplEnd])...)
		pa, pb = d.End, d.ReplEnd
	}
	for ; pb < len(b); pb++ {
		paragraphs = append(paragraphs, []Piece{{Same: b[pb]}})
	}
	return paragraphs
}

// splitParagraphs cuts a text at empty lines, and before each item of a list: what is moved or exchanged as a whole is told as a whole.
func splitParagraphs(text string) (paragraphs []string) {
	var current []string
	end := func() {
		if len(current) > 0 {
			paragraphs = append(paragraphs, strings.Join(current, "\n"))
			current = nil
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		blank := strings.TrimSpace(line) == ""
		if blank || beginsItem(line) {
			end()
		}
		if !blank {
			current = append(current, line)
		}
	}
	end()
	return paragraphs
}

// beginsItem says whether a line begins an item of a list, or is a heading.
func beginsItem(line string) bool {
	line = strings.TrimLeft(line, " \t")
	marker, _, ok := strings.Cut(line, " ")
	if !ok || marker == "" {
		return false
	}
	if strings.Trim(marker, "#") == "" || marker == "-" || marker == "*" || marker == "+" {
		return true
	}
	digits := strings.TrimRight(marker, ".)")
	return len(digits) == len(marker)-1 && strings.Trim(digits, "0123456789") == ""
}

const (
	mostPairs = 10_000 // pairs of paragraphs that are looked at, to find those that belong together
	alike     = 0.35   // how much of two paragraphs must be the same words for them to belong together
)

// compareParagraphs compares paragraphs of which none is the same as before: some were edited, some came, some went.
func compareParagraphs(before, after []string) (paragraphs [][]Piece) {
	i, j := 0, 0
	for _, pair := range pairs(before, after) {
		paragraphs = append(append(paragraphs, gone(before[i:pair[0]])...), come(after[j:pair[1]])...)
		paragraphs = append(paragraphs, compareWords(before[pair[0]], after[pair[1]]))
		i, j = pair[0]+1, pair[1]+1
	}
	return append(append(paragraphs, gone(before[i:])...), come(after[j:])...)
}

func gone(texts []string) (paragraphs [][]Piece) {
	for _, text := range texts {
		paragraphs = append(paragraphs, []Piece{{Removed: text}})
	}
	return paragraphs
}

func come(texts []string) (paragraphs [][]Piece) {
	for _, text := range texts {
		paragraphs = append(paragraphs, []Piece{{Added: text}})
	}
	return paragraphs
}

// pairs finds which paragraphs were made of which, in order, so that as much as possible stays the same.
func pairs(before, after []string) (found [][2]int) {
	n, m := len(before), len(after)
	if n == 0 || m == 0 {
		return nil
	}
	if n*m > mostPairs { // a text that was written anew; in their order is as good as any
		for i := range min(n, m) {
			if similarity(words(before[i]), words(after[i])) >= alike {
				found = append(found, [2]int{i, i})
			}
		}
		return found
	}
	wordsOf := func(texts []string) []map[string]int {
		all := make([]map[string]int, len(texts))
		for i, text := range texts {
			all[i] = words(text)
		}
		return all
	}
	a, b := wordsOf(before), wordsOf(after)
	match := make([][]float64, n)
	best := make([][]float64, n+1) // of before[i:] and after[j:]
	best[n] = make([]float64, m+1)
	for i := n - 1; i >= 0; i-- {
		match[i], best[i] = make([]float64, m), make([]float64, m+1)
		for j := m - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if match[i][j] = similarity(a[i], b[j]); match[i][j] >= alike {
				best[i][j] = max(best[i][j], match[i][j]+best[i+1][j+1])
			}
		}
	}
	for i, j := 0, 0; i < n && j < m; {
		switch {
		case match[i][j] >= alike && best[i][j] == match[i][j]+best[i+1][j+1]:
			found = append(found, [2]int{i, j})
			i, j = i+1, j+1
		case best[i][j] == best[i+1][j]:
			i++
		default:
			j++
		}
	}
	return found
}

// words counts the words of a text.
func words(text string) map[string]int {
	counts := make(map[string]int)
	for _, token := range tokens(text) {
		if isWord(token) {
			counts[token]++
		}
	}
	return counts
}

// similarity is from 0 to 1: twice what two texts have in common, over both.
func similarity(a, b map[string]int) float64 {
	total, common := 0, 0
	for word, n := range a {
		total += n
		common += min(n, b[word])
	}
	for _, n := range b {
		total += n
	}
	if total == 0 {
		return 0
	}
	return 2 * float64(common) / float64(total)
}

// compareLine is compareWords for a title or a reason.
func compareLine(before, after string) []Piece {
	switch {
	case before == "" && after == "":
		return nil
	case similarity(words(before), words(after)) < alike && before != after:
		return joined([]Piece{{Removed: before}, {Added: after}})
	}
	return compareWords(before, after)
}

// compareWords compares two paragraphs that belong together.
func compareWords(before, after string) []Piece {
	a, b := tokens(before), tokens(after)
	numbers := make(interner)
	var pieces []Piece
	from := 0
	for _, d := range lcs.DiffRunes(numbers.all(a), numbers.all(b)) {
		pieces = append(pieces,
			Piece{Same: strings.Join(b[from:d.ReplStart], "")},
			Piece{Removed: strings.Join(a[d.Start:d.End], "")},
			Piece{Added: strings.Join(b[d.ReplStart:d.ReplEnd], "")})
		from = d.ReplEnd
	}
	pieces = append(pieces, Piece{Same: strings.Join(b[from:], "")})
	return joined(pieces)
}

// joined drops empty pieces, and what stays the same between two changes but says nothing by itself, a space or a comma: "one two" that becomes "three
// four" is one change and not two.
func joined(pieces []Piece) (out []Piece) {
	var removed, added strings.Builder
	end := func() {
		if removed.Len() > 0 {
			out = append(out, Piece{Removed: removed.String()})
		}
		if added.Len() > 0 {
			out = append(out, Piece{Added: added.String()})
		}
		removed.Reset()
		added.Reset()
	}
	pieces = slices.DeleteFunc(pieces, func(p Piece) bool { return p == Piece{} })
	for i, p := range pieces {
		switch {
		case p.Same == "":
			removed.WriteString(p.Removed)
			added.WriteString(p.Added)
		case i > 0 && i < len(pieces)-1 && removed.Len() > 0 && added.Len() > 0 && !strings.ContainsFunc(p.Same, isLetter):
			removed.WriteString(p.Same)
			added.WriteString(p.Same)
		default:
			end()
			out = append(out, p)
		}
	}
	end()
	return out
}

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

func isWord(token string) bool {
	r, _ := utf8.DecodeRuneInString(token)
	return isLetter(r)
}

// tokens cuts a text into words, white space, and single other characters. Scripts that put no spaces between words (Han, Kana, Thai …) are cut into
// characters with their marks.
func tokens(text string) (list []string) {
	begin, kind := 0, 0
	for i, r := range text {
		k := kindOf(r)
		if i > 0 && (k != kind || k == single) && !(unicode.IsMark(r) || r == '\u200c' || r == '\u200d') {
			list = append(list, text[begin:i])
			begin = i
		}
		if i == begin {
			kind = k
		}
	}
	if begin < len(text) {
		list = append(list, text[begin:])
	}
	return list
}

// Kinds of characters.
const (
	single = iota + 1 // a token by itself
	space
	letter
)

func kindOf(r rune) int {
	switch {
	case unicode.IsSpace(r):
		return space
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return single
	case isLetter(r):
		return letter
	}
	return single
}

// interner numbers texts, so that equal ones have equal numbers.
type interner map[string]rune

func (n interner) all(texts []string) []rune {
	numbers := make([]rune, len(texts))
	for i, text := range texts {
		number, ok := n[text]
		if !ok {
			number = rune(len(n))
			n[text] = number
		}
		numbers[i] = number
	}
	return numbers
}
