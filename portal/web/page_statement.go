package web

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"valise/crypto"
	"valise/portal/publish"
)

// publishedStatement are all versions of a statement, verified up to the root: nothing else is shown.
type publishedStatement struct {
	number   crypto.Number
	kept     []publish.Version
	verified []*crypto.VerifiedStatement
}

func (s *server) published(ctx context.Context, n crypto.Number) (*publishedStatement, error) {
	p := &publishedStatement{number: n}
	var err error
	p.kept, p.verified, err = s.Publish.Verified(ctx, n)
	return p, err
}

func (p *publishedStatement) newest() int { return len(p.verified) }

// version returns one; 0 is the newest.
func (p *publishedStatement) version(v int) *crypto.VerifiedStatement {
	if v == 0 {
		v = p.newest()
	}
	return p.verified[v-1]
}

// at is when a version was published, at the offset from UTC in which it was set.
func (p *publishedStatement) at(v int) time.Time {
	return p.kept[v-1].PublishedAt.In(p.verified[v-1].Manifest().PublishAt.Location())
}

// address is where a version stands in a language, or in its authoritative one if it isn't in that.
func (p *publishedStatement) address(v int, tag string) string {
	version := p.version(v)
	if version.Text(tag) == nil {
		tag = version.Texts()[0].Language
	}
	if version.Manifest().Version == p.newest() {
		return statementAddress(p.number, tag)
	}
	return statementAddress(p.number, strconv.Itoa(version.Manifest().Version), tag)
}

func statementAddress(n crypto.Number, rest ...string) string {
	return strings.Join(append([]string{"/statements", string(n)}, rest...), "/")
}

// statementPage is what the page of one text shows.
type statementPage struct {
	Number        crypto.Number
	Version       int
	Newest        int
	Kind          crypto.StatementKind
	Language      string
	Direction     string
	Authoritative string // the name of the authoritative language, "" when this is it
	Title         string
	Topic         string
	Series        crypto.Number // the statement that its incident began with
	Reason        string
	Body          template.HTML
	Beginning     string
	Published     time.Time
	First         time.Time
	Author        signerLine
	Approver      signerLine
	Languages     []languageLink
	Versions      []versionLine // the newest first
	Replaced      *versionLine  // by which, when this isn't the newest version
	Withdrawn     *versionLine  // when the newest version withdraws it, and this is an older one
	Attachments   []fileLine
	Asked         []string // who is asked to acknowledge
	Deadline      time.Time
	Address       string // of this text in its newest version
	Files         string // what the files' addresses begin with
	TextSHA256    string
	SHA256        string // of the manifest
}

// fileLine is an attachment by name and digest.
type fileLine struct {
	Name, Type, SHA256 string
	Size               int // bytes
	Address            string
}

// Check is the line that compares the file with its digest. It is for people to paste into a shell, and the name is what somebody made it.
func (f fileLine) Check() string {
	return "echo " + shellQuoted(f.SHA256+"  "+f.Name) + " | sha256sum --check"
}

// Fetch is the option of curl that fetches the file under its name.
func (f fileLine) Fetch(origin string) string {
	return "-o " + shellQuoted(f.Name) + " " + shellQuoted(origin+f.Address)
}

// shellQuoted is a word that a POSIX shell takes as it is.
func shellQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

type signerLine struct {
	Name        string
	At          time.Time
	Fingerprint crypto.Fingerprint
}

type versionLine struct {
	Version   int
	Kind      crypto.StatementKind
	At        time.Time
	Reason    string
	Language  string
	Direction string
	Link      string
	Current   bool
}

// getStatementPage shows the newest version of a statement in the language that the browser prefers.
func (s *server) getStatementPage(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	p, err := s.published(r.Context(), n)
	if err != nil {
		return err
	}
	varyByLanguage(w)
	return s.writeStatement(w, r, p, 0, preferredText(r, p.version(0)))
}

// preferredText is the language of a statement that the browser prefers, or the authoritative one.
func preferredText(r *http.Request, v *crypto.VerifiedStatement) string {
	languages := v.Manifest().Languages()
	tags := make([]language.Tag, len(languages))
	for i, tag := range languages {
		tags[i] = language.Make(tag)
	}
	_, i, _ := language.NewMatcher(tags).Match(acceptedLanguages(r)...)
	return languages[i]
}

// getStatementItem serves a text of a statement as a page ("fr"), or one of the files that prove it ("fr.txt"), of the newest version or of the one in the
// path. Texts and signatures come out byte for byte as they were signed.
func (s *server) getStatementItem(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	version := 0
	if text := r.PathValue("version"); text != "" {
		if version, err = strconv.Atoi(text); err != nil || version < 1 || strconv.Itoa(version) != text {
			return notFound(w, r)
		}
	}
	p, err := s.published(r.Context(), n)
	if err != nil {
		return err
	}
	if version > p.newest() {
		return notFound(w, r)
	}
	item := r.PathValue("item")
	// A version without a language, as somebody cuts an address short.
	if v, err := strconv.Atoi(item); version == 0 && err == nil && 0 < v && v <= p.newest() && strconv.Itoa(v) == item {
		varyByLanguage(w)
		return s.writeStatement(w, r, p, v, preferredText(r, p.version(v)))
	}
	if p.version(version).Text(item) != nil {
		return s.writeStatement(w, r, p, version, item)
	}
	if item == proofFile {
		if version == 0 {
			version = p.newest()
		}
		return s.writeStatementProof(w, r, n, version)
	}
	mediaType, body, err := statementFile(p.version(version), item)
	if err != nil {
		return err
	}
	if body == nil {
		return notFound(w, r)
	}
	writePublic(w, r, mediaType, body)
	return nil
}

// Files of a statement beside its texts.
const (
	signersFile = "signers.asc" // both signers' certificates
	signedFile  = "signed.json" // manifest, texts and signatures in one piece
	proofFile   = "ledger.tlog-proof"
)

// statementFile returns a file of a version; nil when there is none of that name.
func statementFile(v *crypto.VerifiedStatement, name string) (mediaType string, body []byte, err error) {
	const text, signature = "text/plain; charset=utf-8", "application/pgp-signature"
	signed := v.Signed()
	switch name {
	case "manifest.txt":
		return text, signed.Manifest, nil
	case "manifest.txt.asc":
		body, err = signed.ManifestSignatures()
		return signature, body, err
	case signersFile:
		return "application/pgp-keys", []byte(v.Author().Certificate().Armor() + v.Approver().Certificate().Armor()), nil
	case signedFile:
		body, err = signed.Encode()
		return "application/json", body, err
	}
	tag, ending, _ := strings.Cut(name, ".")
	i := slices.Index(v.Manifest().Languages(), tag)
	if i < 0 {
		return "", nil, nil
	}
	switch ending {
	case "txt":
		body, err = signed.Texts[i].ClearSigned()
		return text, body, err
	case "md":
		return "text/markdown; charset=utf-8", signed.Texts[i].Text, nil
	case "md.asc":
		body, err = signed.Texts[i].Detached()
		return signature, body, err
	}
	return "", nil, nil
}

// writeStatement shows one text. Around it the portal speaks the text's language, if it can.
func (s *server) writeStatement(w http.ResponseWriter, r *http.Request, p *publishedStatement, version int, tag string) error {
	page, err := statementPageOf(p, p.version(version), tag)
	if err != nil {
		return err
	}
	if page.Series == "" {
		// The statement that an incident began with names none; what followed names it.
		followed, _, err := s.Publish.Archive(r.Context(), publish.Query{Series: p.number, Limit: 2})
		if err != nil {
			return err
		}
		if len(followed) > 1 {
			page.Series = p.number
		}
	}
	w.Header().Set("Link", "<"+s.Origin+page.Address+`>; rel="canonical"`)
	return s.pages.publicPage(w, r, s.pages.speech(tag), nil, "statement", page)
}

func statementPageOf(p *publishedStatement, v *crypto.VerifiedStatement, tag string) (page statementPage, err error) {
	m, text := v.Manifest(), v.Text(tag)
	page = statementPage{
		Number: p.number, Version: m.Version, Newest: p.newest(), Kind: m.Kind, Language: tag, Direction: directionOf(tag), Title: text.Title, Topic: text.Topic,
		Series: text.Series, Reason: text.Reason, Published: p.at(m.Version), First: p.at(1),
		Author:   signerLine{v.Author().Name(), v.AuthorSignature().Made(), v.Author().Certificate().Fingerprint()},
		Approver: signerLine{v.Approver().Name(), v.ApproverSignature().Made(), v.Approver().Certificate().Fingerprint()},
		Deadline: m.Deadline, Address: p.address(0, tag), Files: statementAddress(p.number, strconv.Itoa(m.Version)) + "/", SHA256: v.SHA256(),
	}
	if !text.Authoritative() {
		page.Authoritative = nameOfLanguage(text.Languages[0])
	}
	if page.Body, err = statementHTML(text.Body); err != nil {
		return page, err
	}
	if page.Beginning = beginningOf(page.Body, 200); page.Beginning == "" {
		page.Beginning = text.Reason
	}
	for _, ref := range m.Texts {
		page.Languages = append(page.Languages, languageLink{Tag: ref.Language, Name: nameOfLanguage(ref.Language), Link: p.address(m.Version, ref.Language), Current: ref.Language == tag})
		if ref.Language == tag {
			page.TextSHA256 = ref.SHA256
		}
	}
	for _, a := range v.Attachments() {
		page.Attachments = append(page.Attachments, fileLine{a.Name, a.Type, a.SHA256, int(a.Size), fileAddress(p.number, m.Version, a.Name)})
	}
	for _, kind := range m.Acknowledge {
		page.Asked = append(page.Asked, string(rune(kind)))
	}
	for i := p.newest(); i >= 1; i-- {
		page.Versions = append(page.Versions, versionLineOf(p, i, tag, i == m.Version))
	}
	if m.Version < p.newest() {
		page.Replaced = &page.Versions[0]
		if page.Versions[0].Kind == crypto.StatementWithdrawal {
			page.Replaced, page.Withdrawn = nil, &page.Versions[0]
		}
	}
	return page, nil
}

func versionLineOf(p *publishedStatement, version int, tag string, current bool) versionLine {
	v := p.version(version)
	text := v.Text(tag)
	if text == nil {
		text = v.Texts()[0]
	}
	return versionLine{
		Version: version, Kind: v.Manifest().Kind, At: p.at(version), Reason: text.Reason, Language: text.Language, Direction: directionOf(text.Language),
		Link: p.address(version, tag), Current: current,
	}
}
