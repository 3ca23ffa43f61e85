package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A notice's text is Markdown (CommonMark 0.31): paragraphs, headings, lists, quotes, code, rules; emphasis, code, links, hard breaks. HTML,
// images, and link references stay what they are: text. Links go to http, https and mailto only.

// node is a piece of a text. Kinds: p, h (Level), ul, ol (Level is where it starts), li, quote, pre (Text), hr; and inside them
// text, em, strong, code (Text), link (Address), br.
type node struct {
	Kind    string `json:"k"`
	Text    string `json:"t,omitempty"`
	Level   int    `json:"n,omitempty"`
	Address string `json:"a,omitempty"`
	Loose   bool   `json:"l,omitempty"` // a list whose items stand apart
	Inside  []node `json:"i,omitempty"`
}

const (
	maxNesting    = 16   // quotes and lists in each other; what lies deeper is text
	maxAddress    = 4096 // bytes of a link's address with its title
	maxDelimiters = 1000 // runs of * and _, and brackets, in one paragraph; with more, they are text
)

// parseMarkdown reads a text. It never fails: whatever isn't Markdown is a paragraph.
func parseMarkdown(text string) []node {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	return parseBlocks(strings.Split(text, "\n"), 0)
}

// ------------------------------------------------------------------ blocks

// indentOf measures leading white space in columns (a tab goes on to the next multiple of four), and returns the rest.
func indentOf(line string) (columns int, rest string) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			columns++
		case '\t':
			columns += 4 - columns%4
		default:
			return columns, line[i:]
		}
	}
	return columns, ""
}

// unindent takes away up to so many columns.
func unindent(line string, columns int) string {
	have, rest := indentOf(line)
	return strings.Repeat(" ", max(0, have-columns)) + rest
}

func blank(line string) bool { return strings.TrimLeft(line, " \t") == "" }

func parseBlocks(lines []string, depth int) []node {
	blocks, _ := parseBlocksApart(lines, depth)
	return blocks
}

// parseBlocksApart also says whether an empty line stands between two of the blocks.
func parseBlocksApart(lines []string, depth int) (blocks []node, apart bool) {
	empty := false
	for i := 0; i < len(lines); {
		indent, rest := indentOf(lines[i])
		if rest != "" {
			apart = apart || empty && len(blocks) > 0
			empty = false
		}
		switch {
		case rest == "":
			empty = true
			i++
		case indent >= 4:
			block, n := indentedCode(lines[i:])
			blocks, i = append(blocks, block), i+n
		case fence(rest) != "":
			block, n := fencedCode(lines[i:])
			blocks, i = append(blocks, block), i+n
		case isRule(rest):
			blocks, i = append(blocks, node{Kind: "hr"}), i+1
		case headingLevel(rest) > 0:
			blocks, i = append(blocks, heading(rest)), i+1
		case rest[0] == '>' && depth < maxNesting:
			block, n := quote(lines[i:], depth)
			blocks, i = append(blocks, block), i+n
		case markerOf(rest).width > 0 && depth < maxNesting:
			block, n := list(lines[i:], depth)
			blocks, i = append(blocks, block), i+n
		default:
			block, n := paragraph(lines[i:], depth)
			blocks, i = append(blocks, block), i+n
		}
	}
	return blocks, apart
}

func indentedCode(lines []string) (node, int) {
	n, end := 0, 0
	for n < len(lines) {
		if indent, rest := indentOf(lines[n]); rest != "" {
			if indent < 4 {
				break
			}
			end = n + 1
		}
		n++
	}
	var code strings.Builder
	for _, line := range lines[:end] {
		code.WriteString(unindent(line, 4) + "\n")
	}
	return node{Kind: "pre", Text: code.String()}, end
}

// fence returns the marks that open a fenced code block, "" when the line doesn't.
func fence(rest string) string {
	mark := rest[0]
	if mark != '`' && mark != '~' {
		return ""
	}
	marks := rest[:len(rest)-len(strings.TrimLeft(rest, string(mark)))]
	if len(marks) < 3 || mark == '`' && strings.Contains(rest[len(marks):], "`") {
		return ""
	}
	return marks
}

func fencedCode(lines []string) (node, int) {
	indent, rest := indentOf(lines[0])
	marks := fence(rest)
	var code strings.Builder
	for n := 1; n < len(lines); n++ {
		closing, rest := indentOf(lines[n])
		if closing < 4 && strings.HasPrefix(rest, marks) && strings.Trim(strings.TrimRight(rest, " \t"), marks[:1]) == "" {
			return node{Kind: "pre", Text: code.String()}, n + 1
		}
		code.WriteString(unindent(lines[n], indent) + "\n")
	}
	return node{Kind: "pre", Text: code.String()}, len(lines)
}

func isRule(rest string) bool {
	mark, count := rest[0], 0
	if mark != '*' && mark != '-' && mark != '_' {
		return false
	}
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case mark:
			count++
		case ' ', '\t':
		default:
			return false
		}
	}
	return count >= 3
}

func headingLevel(rest string) int {
	level := len(rest) - len(strings.TrimLeft(rest, "#"))
	if level < 1 || level > 6 || level < len(rest) && rest[level] != ' ' && rest[level] != '\t' {
		return 0
	}
	return level
}

func heading(rest string) node {
	level := headingLevel(rest)
	text := strings.Trim(rest[level:], " \t")
	if cut := strings.TrimRight(text, "#"); cut == "" || cut != text && strings.HasSuffix(cut, " ") {
		text = strings.TrimRight(cut, " \t")
	}
	return node{Kind: "h", Level: level, Inside: parseInlines(text)}
}

// quote takes the lines that start with ">", and those that only go on with a paragraph in it.
func quote(lines []string, depth int) (node, int) {
	var inside []string
	n := 0
	for ; n < len(lines); n++ {
		indent, rest := indentOf(lines[n])
		switch {
		case indent < 4 && strings.HasPrefix(rest, ">"):
			inside = append(inside, strings.TrimPrefix(rest[1:], " "))
			continue
		case rest != "" && goesOn(inside, depth) && !startsBlock(lines[n], depth, false):
			inside = append(inside, rest)
			continue
		}
		break
	}
	return node{Kind: "quote", Inside: parseBlocks(inside, depth+1)}, n
}

// goesOn says whether the last of these lines may be in a paragraph that the next one goes on with.
func goesOn(lines []string, depth int) bool {
	if len(lines) == 0 {
		return false
	}
	_, rest := indentOf(lines[len(lines)-1])
	for rest != "" && depth < maxNesting {
		switch m := markerOf(rest); {
		case isRule(rest):
			return false
		case rest[0] == '>':
			_, rest = indentOf(rest[1:])
		case m.width > 0:
			_, rest = indentOf(rest[m.width:])
		default:
			return headingLevel(rest) == 0 && fence(rest) == ""
		}
		depth++
	}
	return false
}

// startsBlock says whether a line ends the paragraph above it. directly is when that paragraph stands beside the line, not in a quote or
// list that the line would go on with: then a number other than 1, or an empty item, is no list but text ("it happened in\n1986. Nobody knew").
func startsBlock(line string, depth int, directly bool) bool {
	indent, rest := indentOf(line)
	if indent >= 4 || rest == "" {
		return rest == ""
	}
	if fence(rest) != "" || isRule(rest) || headingLevel(rest) > 0 || rest[0] == '>' && depth < maxNesting {
		return true
	}
	m := markerOf(rest)
	return m.width > 0 && depth < maxNesting && (!directly || !blank(rest[m.width:]) && (!m.ordered || m.start == 1))
}

// marker is what a list item starts with.
type marker struct {
	width   int // of "-" or "12."; 0: none
	ordered bool
	kind    byte // '-', '+', '*', '.', ')': another kind is another list
	start   int
}

func markerOf(rest string) marker {
	m := marker{}
	switch {
	case rest[0] == '-' || rest[0] == '+' || rest[0] == '*':
		m = marker{width: 1, kind: rest[0]}
	case rest[0] >= '0' && rest[0] <= '9':
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits > 9 || digits == len(rest) || rest[digits] != '.' && rest[digits] != ')' {
			return marker{}
		}
		start, err := strconv.Atoi(rest[:digits])
		if err != nil {
			return marker{}
		}
		m = marker{width: digits + 1, ordered: true, kind: rest[digits], start: start}
	}
	if m.width > 0 && m.width < len(rest) && rest[m.width] != ' ' && rest[m.width] != '\t' {
		return marker{}
	}
	return m
}

func list(lines []string, depth int) (node, int) {
	_, rest := indentOf(lines[0])
	first := markerOf(rest)
	l := node{Kind: "ul"}
	if first.ordered {
		l.Kind, l.Level = "ol", first.start
	}
	n := 0
	for n < len(lines) {
		indent, rest := indentOf(lines[n])
		if rest == "" || indent >= 4 || isRule(rest) {
			break
		}
		if m := markerOf(rest); m.width == 0 || m.kind != first.kind || m.ordered != first.ordered {
			break
		}
		inside, used := listItem(lines[n:], depth)
		blocks, apart := parseBlocksApart(inside, depth+1)
		l.Inside = append(l.Inside, node{Kind: "li", Inside: blocks})
		n += used
		if apart || n < len(lines) && blank(lines[n-1]) && continuesList(lines[n], first) {
			l.Loose = true
		}
	}
	for n > 0 && blank(lines[n-1]) {
		n--
	}
	return l, max(n, 1)
}

func continuesList(line string, first marker) bool {
	indent, rest := indentOf(line)
	if rest == "" || indent >= 4 || isRule(rest) {
		return false
	}
	m := markerOf(rest)
	return m.width > 0 && m.kind == first.kind && m.ordered == first.ordered
}

// listItem returns the lines inside one item, and how many lines it takes with the empty ones behind it.
func listItem(lines []string, depth int) (inside []string, used int) {
	indent, rest := indentOf(lines[0])
	m := markerOf(rest)
	content := rest[m.width:]
	spaces, text := indentOf(content)
	width := indent + m.width + spaces
	if text == "" || spaces > 4 {
		width = indent + m.width + 1
	}
	inside = append(inside, unindent(strings.Repeat(" ", indent+m.width)+content, width))
	if text == "" && len(lines) > 1 && blank(lines[1]) {
		return inside, 2 // an empty item
	}
	used = 1
	empty, fenced := false, ""
	for ; used < len(lines); used++ {
		line := lines[used]
		indent, rest := indentOf(line)
		if rest == "" {
			inside = append(inside, "")
			empty = true
			continue
		}
		if indent < width {
			if empty || fenced != "" || !goesOn(inside, depth) || startsBlock(line, depth, false) {
				break
			}
			inside = append(inside, rest)
			continue
		}
		line = unindent(line, width)
		if at, rest := indentOf(line); at < 4 {
			switch marks := fence(rest); {
			case fenced == "":
				fenced = marks
			case strings.HasPrefix(rest, fenced) && strings.Trim(rest, fenced[:1]+" \t") == "":
				fenced = ""
			}
		}
		empty = false
		inside = append(inside, line)
	}
	for len(inside) > 1 && inside[len(inside)-1] == "" {
		inside = inside[:len(inside)-1]
	}
	return inside, used
}

// paragraph takes lines until something else begins. A line of = or - below it makes it a heading.
func paragraph(lines []string, depth int) (node, int) {
	var text []string
	n := 0
	for ; n < len(lines); n++ {
		indent, rest := indentOf(lines[n])
		if n > 0 {
			if level := underline(rest); level > 0 && indent < 4 {
				return node{Kind: "h", Level: level, Inside: parseInlines(strings.TrimRight(strings.Join(text, "\n"), " \t"))}, n + 1
			}
			if startsBlock(lines[n], depth, true) {
				break
			}
		}
		text = append(text, rest)
	}
	return node{Kind: "p", Inside: parseInlines(strings.TrimRight(strings.Join(text, "\n"), " \t"))}, n
}

func underline(rest string) int {
	switch rest = strings.TrimRight(rest, " \t"); {
	case rest == "":
	case strings.Trim(rest, "=") == "":
		return 1
	case strings.Trim(rest, "-") == "":
		return 2
	}
	return 0
}

// ------------------------------------------------------------------ inside a paragraph

// span is a piece on the way to nodes: finished text, or a mark that may still become emphasis or a link.
type span struct {
	node
	mark  byte // '*', '_', '[', or 0
	count int  // of marks left
	run   int  // length of the whole run
	open  bool // may begin emphasis
	close bool // may end it
	inert bool // "[" that can't begin a link any more
}

type inlines struct {
	text  string
	spans []span
	open  []int // places of "[" in spans that may still become links
	marks int
}

func parseInlines(text string) []node {
	p := &inlines{text: text}
	for i := 0; i < len(text); {
		i = p.next(i)
	}
	return emphasise(p.spans)
}

func (p *inlines) add(n node) { p.spans = append(p.spans, span{node: n}) }

// addText adds a piece of text; merge joins them.
func (p *inlines) addText(text string) { p.add(node{Kind: "text", Text: text}) }

// next reads what stands at i and returns where to go on.
func (p *inlines) next(i int) int {
	rest := p.text[i:]
	switch c := rest[0]; {
	case c == '\\' && len(rest) > 1 && rest[1] == '\n':
		p.add(node{Kind: "br"})
		return i + 2
	case c == '\\' && len(rest) > 1 && isPunctuation(rest[1]):
		p.addText(rest[1:2])
		return i + 2
	case c == '\n':
		return p.lineEnd(i)
	case c == '`':
		return p.code(i)
	case c == '<':
		if address, shown, n := autolink(rest); n > 0 {
			p.add(node{Kind: "link", Address: address, Inside: []node{{Kind: "text", Text: shown}}})
			return i + n
		}
	case c == '&':
		if text, n := entity(rest); n > 0 {
			p.addText(text)
			return i + n
		}
	case (c == '*' || c == '_' || c == '[') && p.marks < maxDelimiters:
		return p.opening(i)
	case c == ']':
		return p.closeBracket(i)
	}
	n := 1 + strings.IndexAny(rest[1:], "\\\n`<&*_[]")
	if n == 0 {
		n = len(rest)
	}
	p.addText(rest[:n])
	return i + n
}

func (p *inlines) lineEnd(i int) int {
	if last := len(p.spans) - 1; last >= 0 && p.spans[last].Kind == "text" && p.spans[last].mark == 0 {
		trimmed := strings.TrimRight(p.spans[last].Text, " ")
		hard := len(p.spans[last].Text)-len(trimmed) >= 2
		p.spans[last].Text = trimmed
		if hard {
			p.add(node{Kind: "br"})
			return i + 1
		}
	}
	p.addText("\n")
	return i + 1
}

func (p *inlines) code(i int) int {
	rest := p.text[i:]
	marks := len(rest) - len(strings.TrimLeft(rest, "`"))
	for at := marks; at < len(rest); {
		found := strings.IndexByte(rest[at:], '`')
		if found < 0 {
			break
		}
		at += found
		run := len(rest[at:]) - len(strings.TrimLeft(rest[at:], "`"))
		if run == marks {
			text := strings.ReplaceAll(rest[marks:at], "\n", " ")
			if len(text) > 2 && text[0] == ' ' && text[len(text)-1] == ' ' && strings.Trim(text, " ") != "" {
				text = text[1 : len(text)-1]
			}
			p.add(node{Kind: "code", Text: text})
			return i + at + run
		}
		at += run
		if at > 10_000 { // code in a paragraph is short; a text of nothing but backticks must not take for ever
			break
		}
	}
	p.addText(rest[:marks])
	return i + marks
}

// opening notes a run of * or _, or a bracket.
func (p *inlines) opening(i int) int {
	rest := p.text[i:]
	p.marks++
	c := rest[0]
	if c == '[' {
		p.open = append(p.open, len(p.spans))
		p.spans = append(p.spans, span{node: node{Kind: "text", Text: "["}, mark: '['})
		return i + 1
	}
	run := len(rest) - len(strings.TrimLeft(rest, string(c)))
	before, _ := utf8.DecodeLastRuneInString(p.text[:i])
	after, _ := utf8.DecodeRuneInString(rest[run:])
	if i == 0 {
		before = ' '
	}
	if run == len(rest) {
		after = ' '
	}
	left := !unicode.IsSpace(after) && (!isPunctuationRune(after) || unicode.IsSpace(before) || isPunctuationRune(before))
	right := !unicode.IsSpace(before) && (!isPunctuationRune(before) || unicode.IsSpace(after) || isPunctuationRune(after))
	s := span{node: node{Kind: "text", Text: rest[:run]}, mark: c, count: run, run: run, open: left, close: right}
	if c == '_' {
		s.open = left && (!right || isPunctuationRune(before))
		s.close = right && (!left || isPunctuationRune(after))
	}
	p.spans = append(p.spans, s)
	return i + run
}

// closeBracket makes a link of what stands between the last "[" and here, if an address follows.
func (p *inlines) closeBracket(i int) int {
	last := len(p.open) - 1
	if last < 0 {
		p.addText("]")
		return i + 1
	}
	opener := p.open[last]
	p.open = p.open[:last]
	address, n := destination(p.text[i+1:])
	if n == 0 || p.spans[opener].inert {
		p.spans[opener].mark = 0
		p.addText("]")
		return i + 1
	}
	inside := emphasise(p.spans[opener+1:])
	p.spans = p.spans[:opener]
	if !allowed(address) {
		for _, child := range inside {
			p.add(child)
		}
		p.addText(" (" + address + ")")
		return i + 1 + n
	}
	p.add(node{Kind: "link", Address: address, Inside: inside})
	for _, outer := range p.open { // no link in a link
		p.spans[outer].inert = true
	}
	return i + 1 + n
}

// destination reads "(address)" or "(address "title")". The title is dropped: the address is shown instead.
func destination(rest string) (address string, n int) {
	rest = rest[:min(len(rest), maxAddress)]
	if rest == "" || rest[0] != '(' {
		return "", 0
	}
	at := 1 + len(rest[1:]) - len(strings.TrimLeft(rest[1:], " \t\n"))
	start, depth := at, 0
	if at < len(rest) && rest[at] == '<' {
		end := strings.IndexAny(rest[at+1:], "<>\n")
		if end < 0 || rest[at+1+end] != '>' {
			return "", 0
		}
		address, at = rest[at+1:at+1+end], at+end+2
	} else {
	scan:
		for ; at < len(rest); at++ {
			switch c := rest[at]; {
			case c == '\\' && at+1 < len(rest) && isPunctuation(rest[at+1]):
				at++
			case c == '(':
				depth++
			case c == ')':
				if depth == 0 {
					break scan
				}
				depth--
			case c <= ' ' || c == 0x7f:
				break scan
			}
		}
		address = rest[start:min(at, len(rest))]
	}
	after := strings.TrimLeft(rest[min(at, len(rest)):], " \t\n")
	if after != "" && strings.ContainsRune("\"'(", rune(after[0])) {
		closing := map[byte]byte{'"': '"', '\'': '\'', '(': ')'}[after[0]]
		end := strings.IndexByte(after[1:], closing)
		if end < 0 {
			return "", 0
		}
		after = strings.TrimLeft(after[end+2:], " \t\n")
	}
	if depth != 0 || after == "" || after[0] != ')' {
		return "", 0
	}
	return unescape(address), len(rest) - len(after) + 1
}

func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && isPunctuation(text[i+1]) {
			i++
		} else if text[i] == '&' {
			if decoded, n := entity(text[i:]); n > 0 {
				out.WriteString(decoded)
				i += n - 1
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// allowed says whether a link may lead there.
func allowed(address string) bool {
	if !utf8.ValidString(address) || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || !unicode.IsPrint(r) }) {
		return false
	}
	lower := strings.ToLower(address)
	return strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "mailto:")
}

// autolink reads "<https://…>" and "<name@host>".
func autolink(rest string) (address, shown string, n int) {
	end := strings.IndexAny(rest[1:], "<> \t\n")
	if end < 1 || rest[1+end] != '>' {
		return "", "", 0
	}
	inside := rest[1 : 1+end]
	switch {
	case allowed(inside):
		return inside, inside, end + 2
	case strings.Count(inside, "@") == 1 && !strings.ContainsAny(inside, ":/\\\"'()&") && inside[0] != '@' && inside[len(inside)-1] != '@' && allowed("mailto:"+inside):
		return "mailto:" + inside, inside, end + 2
	}
	return "", "", 0
}

var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u00a0"}

// entity reads the few named character references that people write, and numeric ones.
func entity(rest string) (text string, n int) {
	end := strings.IndexByte(rest[:min(len(rest), 10)], ';')
	if end < 2 {
		return "", 0
	}
	name := rest[1:end]
	if text, ok := entities[name]; ok {
		return text, end + 1
	}
	if name[0] != '#' {
		return "", 0
	}
	base, digits := 10, name[1:]
	if strings.HasPrefix(digits, "x") || strings.HasPrefix(digits, "X") {
		base, digits = 16, digits[1:]
	}
	value, err := strconv.ParseUint(digits, base, 32)
	if err != nil || value > unicode.MaxRune {
		return "", 0
	}
	if r := rune(value); unicode.IsPrint(r) {
		return string(r), end + 1
	}
	return "\ufffd", end + 1
}

// emphasise pairs the marks (CommonMark, "process emphasis") and returns what comes out.
func emphasise(spans []span) []node {
	next := make([]int, len(spans)) // the span after each that is still there
	var marks []int                 // those with * and _ that are left, as a stack up to the closer at hand
	for i := range spans {
		next[i] = i + 1
	}
	for i := range spans {
		c := &spans[i]
		if c.mark != '*' && c.mark != '_' {
			continue
		}
		for c.close && c.count > 0 {
			found := len(marks) - 1
			for found >= 0 && !pair(&spans[marks[found]], c) {
				found--
			}
			if found < 0 {
				break
			}
			opener := marks[found]
			kind, used := "em", 1
			if spans[opener].count >= 2 && c.count >= 2 {
				kind, used = "strong", 2
			}
			spans[opener].count -= used
			c.count -= used
			// What stood between them becomes one span, in the place of the first.
			if first := next[opener]; first < i {
				spans[first] = span{node: node{Kind: kind, Inside: flatten(spans, next, first, i)}}
				next[first] = i
			}
			marks = marks[:found+1]
			if spans[opener].count == 0 {
				marks = marks[:found]
			}
		}
		if c.open && c.count > 0 {
			marks = append(marks, i)
		}
	}
	return flatten(spans, next, 0, len(spans))
}

// pair says whether two runs can be the ends of one emphasis.
func pair(opener, closer *span) bool {
	return opener.mark == closer.mark && opener.count > 0 &&
		!((opener.close || closer.open) && (opener.run+closer.run)%3 == 0 && (opener.run%3 != 0 || closer.run%3 != 0))
}

// flatten returns the nodes from one span up to another, marks that are left over as text, neighbouring texts as one.
func flatten(spans []span, next []int, from, to int) []node {
	var nodes []node
	var text strings.Builder
	end := func() {
		if text.Len() > 0 {
			nodes = append(nodes, node{Kind: "text", Text: text.String()})
			text.Reset()
		}
	}
	for i := from; i < to; i = next[i] {
		switch s := &spans[i]; {
		case s.mark == '*' || s.mark == '_':
			text.WriteString(s.Text[:s.count])
		case s.Kind == "text":
			text.WriteString(s.Text)
		default:
			end()
			nodes = append(nodes, s.node)
		}
	}
	end()
	return nodes
}

func isPunctuation(c byte) bool {
	return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
}

func isPunctuationRune(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }
