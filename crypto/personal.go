package crypto

import (
	"cmp"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Bounds of the personal parts of a notice.
const (
	// MaxPersonalText is the size in bytes of the longest personal part: its texts in all languages together.
	MaxPersonalText = 64 << 10
	// MaxPersonalSize is the size in bytes of the largest encoded personal part.
	MaxPersonalSize = 256 << 10
	// MaxSealedPersonalSize is that of the largest one that is sealed.
	MaxSealedPersonalSize = MaxPersonalSize + 64<<10
	// MaxPersonalTotal is the size in bytes of all encoded personal parts of a notice together.
	MaxPersonalTotal = 64 << 20
	// MaxPersonalKeySize is the size in bytes of the largest sealed record that opens them for the desk.
	MaxPersonalKeySize = maxRecordRecipients*MaxEnvelopeSize + 64<<10

	personalStep       = 1 << 10 // encoded parts have a multiple of so many bytes
	personalSizeSpread = 64      // bytes by which sealed parts of one suite differ at most: signatures are not all of a length

	personalFirstLine    = "valise personal part v1"
	personalKeyFirstLine = "valise personal key v1"
	personalSecretSize   = 32
	maxPersonalFacts     = 2 << 10
	maxPersonalKeyText   = 1 << 10

	personalHelp = `This part of the notice was sealed for this mailbox alone. When no text stands above, there is nothing to say to it in particular.`
)

// PersonalText is the text of a personal part in one language.
type PersonalText struct {
	// Language is one of the notice's, spelt as there. The notice's subject is the part's, too.
	Language string
	// Text is Markdown, as LanguageVersion.Text, of at least one byte; all of a part's have at most MaxPersonalText together.
	Text string
}

// PersonalDigests name a personal part in the audience: sealed, as its recipients get it, and opened. The zero value means that there is none.
//
// With the sealed part's digest alone an author could make one that opens to something else for the approver, under another key, than for its
// recipients: the modes of OpenPGP don't bind a ciphertext to one key. As the salt of a part is known to nobody else, its digest tells nothing.
type PersonalDigests struct {
	SealedSHA256  string // of the sealed packet, 64 small hexadecimal digits
	ContentSHA256 string // of the encoded part inside
}

// IsZero says whether there is no personal part.
func (p PersonalDigests) IsZero() bool { return p == PersonalDigests{} }

const noPersonalPart = "none"

func (p PersonalDigests) text() string {
	if p.IsZero() {
		return noPersonalPart
	}
	return p.SealedSHA256 + " " + p.ContentSHA256
}

func parsePersonalDigests(text string) (PersonalDigests, error) {
	if text == noPersonalPart {
		return PersonalDigests{}, nil
	}
	sealed, content, _ := strings.Cut(text, " ")
	if !isHex(sealed, sha256.Size) || !isHex(content, sha256.Size) {
		return PersonalDigests{}, errors.New(`must end with "none", or with two SHA-256 digests of 64 small hexadecimal digits: of the sealed personal part, and of what is in it`)
	}
	return PersonalDigests{sealed, content}, nil
}

// SealedPersonal is the personal part for one mailbox, sealed for those of its representatives who open one suite.
type SealedPersonal struct {
	Mailbox Number
	Suite   Suite
	Data    []byte // one SEIPD packet
}

// Personal is what a notice says to one mailbox alone, opened and verified. Nothing but OpenPersonal and OpenAllPersonal makes a usable one.
type Personal struct {
	mailbox Number
	texts   []LanguageVersion
}

// Mailbox returns for whom it is.
func (p *Personal) Mailbox() Number { return p.mailbox }

// Languages returns the texts, in the notice's order and with its subjects. There are none when the institution has nothing to say to this
// mailbox in particular: a notice that has a personal part for one mailbox has one for each, so that storage doesn't show who is concerned.
func (p *Personal) Languages() []LanguageVersion { return slices.Clone(p.texts) }

// Empty says whether there is nothing to read.
func (p *Personal) Empty() bool { return p == nil || len(p.texts) == 0 }

// personalPart is the same before it is encoded, or parsed and not yet compared with the notice.
type personalPart struct {
	from    string
	notice  Number
	mailbox Number
	created time.Time
	salt    string // contentSaltSize bytes in hexadecimal digits
	texts   []LanguageVersion
}

func (p *personalPart) facts() []byte {
	return writeText(personalFirstLine,
		textLine{"from", p.from},
		textLine{"notice", string(p.notice)},
		textLine{"mailbox", string(p.mailbox)},
		textLine{"created", formatTextTime(p.created)},
		textLine{"salt", p.salt},
		textLine{"help", personalHelp})
}

func parsePersonalFacts(text []byte) (*personalPart, error) {
	r := readText("personal part", personalFirstLine, text, maxPersonalFacts)
	p := &personalPart{
		from:    r.value("from"),
		notice:  r.notice("notice"),
		mailbox: r.numberOf("mailbox", KindState, KindOrganisation, KindIndividual),
		created: r.time("created"),
		salt:    r.hex("salt", contentSaltSize),
	}
	if r.value("help") != personalHelp {
		r.wrong("help", "the sentence that is always there")
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *personalPart) check() error {
	if !isOneLine(p.from) || len(p.from) > maxFrom {
		return fmt.Errorf("the institution's name must be one line of 1 to %d bytes", maxFrom)
	}
	if _, err := parsePersonalFacts(p.facts()); err != nil {
		return err
	}
	if len(p.texts) > MaxLanguages {
		return fmt.Errorf("the personal part for %s is in %d languages; at most %d are possible", p.mailbox, len(p.texts), MaxLanguages)
	}
	size, seen := 0, map[string]bool{}
	for _, l := range p.texts {
		if err := l.check(); err != nil {
			return fmt.Errorf("the personal part for %s: %w", p.mailbox, err)
		}
		if tag := strings.ToLower(l.Language); seen[tag] {
			return fmt.Errorf("the personal part for %s has two texts in %s", p.mailbox, l.Language)
		} else {
			seen[tag] = true
		}
		if strings.Contains(l.Text, boundaryOf(p.salt)) { // nobody can hit it by chance
			return fmt.Errorf("the personal part for %s, in %s, holds the line that separates its parts; seal it again", p.mailbox, l.Language)
		}
		size += len(l.Text)
	}
	if size > MaxPersonalText {
		return fmt.Errorf("the personal part for %s has %d bytes of text; at most %d are possible: shorten it", p.mailbox, size, MaxPersonalText)
	}
	return nil
}

// mime writes the part as Content.mime writes a content, without attachments, so that a mail program shows it likewise.
func (p *personalPart) mime() []byte {
	subject := string(p.notice) // of an empty part
	if len(p.texts) > 0 {
		subject = p.texts[0].Subject
	}
	return (&entity{
		boundary: boundaryOf(p.salt), sender: p.from, address: unknownAddress, to: "For " + string(p.mailbox), created: p.created, subject: subject,
		languages: p.texts, facts: p.facts(),
	}).mime()
}

// padPersonal fills an encoded part up to a size. What stands behind the last boundary programs pass over (RFC 2046, section 5.1.1).
func padPersonal(mime []byte, size int) []byte {
	const line = "............................................................................" + crlf // maxEncodeLine
	n := size - len(mime)
	if n <= 0 {
		return mime
	}
	padding := []byte(strings.Repeat(line, n/len(line)+1)[:n])
	if padding[n-1] == '\r' { // no half line end
		padding[n-1] = '.'
	}
	return append(slices.Clip(mime), padding...)
}

// parsePersonal reads exactly what mime and padPersonal write.
func parsePersonal(mime []byte) (*personalPart, error) {
	wrong := func(err error) error {
		return fmt.Errorf("the personal part is not in the form that Valise writes: %w; a newer version may read it", err)
	}
	if len(mime) > MaxPersonalSize || len(mime)%personalStep != 0 {
		return nil, wrong(fmt.Errorf("it has %d bytes, which is no multiple of %d up to %d", len(mime), personalStep, MaxPersonalSize))
	}
	core := strings.TrimRight(string(mime), "."+crlf) + crlf // the last boundary ends with hyphens
	texts, facts, attachments, err := takeApart(core)
	if err != nil {
		return nil, wrong(err)
	}
	if len(attachments) > 0 {
		return nil, wrong(errors.New("it has attachments"))
	}
	p, err := parsePersonalFacts(facts)
	if err != nil {
		return nil, wrong(err)
	}
	p.texts = texts
	if err := p.check(); err != nil {
		return nil, wrong(err)
	}
	if string(padPersonal(p.mime(), len(mime))) != string(mime) {
		return nil, wrong(errors.New("something in it is spelt in another way"))
	}
	return p, nil
}

// ParsePersonal reads a personal part as it was encoded, for who has nothing but that message at hand: when the portal is away. Nothing in it is known to be
// what was approved; OpenPersonal says that. texts may be empty.
func ParsePersonal(mime []byte) (notice, mailbox Number, texts []LanguageVersion, err error) {
	p, err := parsePersonal(mime)
	if err != nil {
		return "", "", nil, err
	}
	return p.notice, p.mailbox, p.texts, nil
}

// personalOf encodes the personal parts of a draft, by mailbox, all in the same size: one for each mailbox of the members, of whom there is one at least.
func personalOf(draft *Draft, notice Number, created time.Time, members []AudienceMember) (map[Number][]byte, error) {
	mailboxes := map[Number]bool{}
	for _, m := range members {
		mailboxes[m.Representative.Mailbox] = true
	}
	for _, mailbox := range slices.Sorted(maps.Keys(draft.Personal)) {
		if !mailboxes[mailbox] {
			return nil, fmt.Errorf("there is a personal part for %s, which is not in the audience: leave it out, or send the notice there too", mailbox)
		}
	}
	encoded := make(map[Number][]byte, len(mailboxes))
	size, longest := 0, Number("")
	for mailbox := range mailboxes {
		p := &personalPart{from: draft.From, notice: notice, mailbox: mailbox, created: created, salt: NewContentSalt()}
		var err error
		if p.texts, err = inOrder(mailbox, draft.Personal[mailbox], draft.Languages); err != nil {
			return nil, err
		}
		if err := p.check(); err != nil {
			return nil, err
		}
		mime := p.mime()
		if n := (len(mime) + personalStep - 1) / personalStep * personalStep; n > size {
			size, longest = n, mailbox
		}
		encoded[mailbox] = mime
	}
	if size > MaxPersonalSize {
		return nil, fmt.Errorf("the personal part for %s has %d KiB once encoded; at most %d are possible: shorten it", longest, size>>10, MaxPersonalSize>>10)
	}
	for mailbox, mime := range encoded {
		encoded[mailbox] = padPersonal(mime, size)
	}
	return encoded, nil
}

// inOrder gives personal texts the order and the subjects of the notice's languages.
func inOrder(mailbox Number, texts []PersonalText, of []LanguageVersion) ([]LanguageVersion, error) {
	var ordered []LanguageVersion
	for _, l := range of {
		for _, t := range texts {
			if t.Language == l.Language {
				ordered = append(ordered, LanguageVersion{l.Language, l.Subject, t.Text})
			}
		}
	}
	for _, t := range texts {
		if !slices.ContainsFunc(of, func(l LanguageVersion) bool { return l.Language == t.Language }) {
			return nil, fmt.Errorf("the personal part for %s is in %q, and the notice is not: write both in the same languages", mailbox, t.Language)
		}
	}
	return ordered, nil
}

// PersonalKeys is what opens the personal parts of a notice: each has a session key of its own, which is derived from one secret that only the
// desk is given. So the desk needs one small record, however many parts there are, and nobody else learns a second key from the one that they hold.
type PersonalKeys struct {
	notice Number
	secret []byte
}

// Secret returns what the keys are derived from, for another worker of the same client; it is to be wiped like any key.
func (k *PersonalKeys) Secret() []byte { return slices.Clone(k.secret) }

// Format keeps the secret out of logs, whatever verb prints it.
func (k *PersonalKeys) Format(f fmt.State, _ rune) {
	io.WriteString(f, "keys of personal parts (not shown)")
}

// PersonalKeysOf is the reverse of Secret.
func PersonalKeysOf(notice Number, secret []byte) (*PersonalKeys, error) {
	if len(secret) != personalSecretSize || notice.Kind() != KindNotice {
		return nil, errors.New("that is no secret of personal parts")
	}
	return &PersonalKeys{notice, slices.Clone(secret)}, nil
}

func newPersonalKeys(notice Number) *PersonalKeys {
	secret, err := hex.DecodeString(randomHex(personalSecretSize))
	if err != nil {
		panic(err) // what randomHex gives are hexadecimal digits
	}
	return &PersonalKeys{notice, secret}
}

// of derives the session key of one part: HKDF-SHA256 (RFC 5869) of the secret, without salt, with
// "valise personal part v1", notice, mailbox and suite, a line each, as info.
func (k *PersonalKeys) of(mailbox Number, suite Suite) (*SessionKey, error) {
	if err := suite.check(); err != nil {
		return nil, err
	}
	info := strings.Join([]string{personalFirstLine, string(k.notice), string(mailbox), string(suite)}, "\n")
	key, err := hkdf.Key(sha256.New, k.secret, nil, info, sessionKeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of a personal part: %w", err)
	}
	return &SessionKey{suite: suite, key: key}, nil
}

// text is what is sealed to the desk.
func (k *PersonalKeys) text(audienceRoot string) []byte {
	return writeText(personalKeyFirstLine,
		textLine{"notice", string(k.notice)},
		textLine{"audience-root", audienceRoot},
		textLine{"secret", hex.EncodeToString(k.secret)})
}

func parsePersonalKeys(text []byte) (k *PersonalKeys, audienceRoot string, err error) {
	r := readText("key of the personal parts", personalKeyFirstLine, text, maxPersonalKeyText)
	k = &PersonalKeys{notice: r.notice("notice")}
	audienceRoot = r.hex("audience-root", sha256.Size)
	secret := r.hex("secret", personalSecretSize)
	if err := r.end(); err != nil {
		return nil, "", err
	}
	if k.secret, err = hex.DecodeString(secret); err != nil {
		return nil, "", err
	}
	return k, audienceRoot, nil
}

// personalDispatch is what sealing a notice makes of its personal parts.
type personalDispatch struct {
	keys    *PersonalKeys
	encoded map[Number][]byte
	places  []personalPlace  // of all parts: by mailbox, then in the order of suites
	parts   []SealedPersonal // that are sealed, in that order
	digests map[personalPlace]PersonalDigests
}

type personalPlace struct {
	mailbox Number
	suite   Suite
}

// preparePersonal encodes the personal parts of a draft, one for each mailbox and suite that occur among sorted members, for seal to seal them. It returns nil
// when the draft has none.
func preparePersonal(draft *Draft, notice Number, created time.Time, members []AudienceMember) (*personalDispatch, error) {
	if len(draft.Personal) == 0 {
		return nil, nil
	}
	encoded, err := personalOf(draft, notice, created, members)
	if err != nil {
		return nil, err
	}
	places := personalPlaces(members)
	if total := len(places) * len(encoded[members[0].Representative.Mailbox]); total > MaxPersonalTotal {
		return nil, fmt.Errorf("the personal parts have %d MiB together, because they are all made as large as the longest, so that their sizes tell nothing; at most %d MiB are possible: shorten the longest, or send the notice in several", total>>20, MaxPersonalTotal>>20)
	}
	return &personalDispatch{keys: newPersonalKeys(notice), encoded: encoded, places: places, digests: map[personalPlace]PersonalDigests{}}, nil
}

// seal seals the next n parts, on all cores.
func (d *personalDispatch) seal(author *Key, n int, created time.Time) error {
	first := len(d.parts)
	parts := make([]SealedPersonal, n)
	if err := onAllCores(n, nil, func(i int) error {
		place := d.places[first+i]
		key, err := d.keys.of(place.mailbox, place.suite)
		if err != nil {
			return err
		}
		data, err := key.seal(PurposePersonal, author, d.encoded[place.mailbox], created)
		parts[i] = SealedPersonal{place.mailbox, place.suite, data}
		return err
	}); err != nil {
		return err
	}
	for _, p := range parts {
		d.digests[personalPlace{p.Mailbox, p.Suite}] = PersonalDigests{sha256Hex(p.Data), sha256Hex(d.encoded[p.Mailbox])}
	}
	d.parts = append(d.parts, parts...)
	return nil
}

// personalPlaces returns the mailboxes and suites of members, each pair once, sorted by mailbox and then in the order of suites.
func personalPlaces(members []AudienceMember) []personalPlace {
	places := make([]personalPlace, len(members))
	for i, m := range members {
		places[i] = personalPlace{m.Representative.Mailbox, m.Suite}
	}
	slices.SortFunc(places, func(a, b personalPlace) int {
		return cmp.Or(strings.Compare(string(a.mailbox), string(b.mailbox)), cmp.Compare(slices.Index(suites, a.suite), slices.Index(suites, b.suite)))
	})
	return slices.Compact(places)
}

// enter writes into the audience what each representative gets.
func (d *personalDispatch) enter(a *Audience) {
	if d == nil {
		return
	}
	for i, m := range a.Members {
		a.Members[i].Personal = d.digests[personalPlace{m.Representative.Mailbox, m.Suite}]
	}
}

// sealKey adds the parts to a notice, and what opens them for the desk.
func (d *personalDispatch) sealKey(s *SealedNotice, author *Key, audienceRoot string, desk []*Staff, now time.Time) error {
	if d == nil {
		return nil
	}
	s.PersonalParts = d.parts
	var err error
	if s.PersonalKey, err = SealRecord(d.keys.text(audienceRoot), author, PurposePersonalKey, holderCertificates(nil, desk), now); err != nil {
		return fmt.Errorf("sealing the personal parts to the desk: %w", err)
	}
	return nil
}

// PersonalKeys returns what opens the personal parts, for whoever wraps (WrapPersonal); nil when the notice has none.
func (s *Sealing) PersonalKeys() *PersonalKeys {
	if s.personal == nil {
		return nil
	}
	return s.personal.keys
}

// AddPersonal takes the personal envelope of the i-th member, as WrapPersonal wrapped it, when PersonalKeys is not nil. Finish misses those that were not added.
func (s *Sealing) AddPersonal(i int, envelope []byte) error {
	if i < 0 || i >= len(s.members) || s.personal == nil {
		return fmt.Errorf("there is no personal part for a member %d of the audience", i)
	}
	m := s.members[i]
	e, err := parseEnvelope(envelope)
	if err == nil && e.suite != m.Suite {
		err = fmt.Errorf("it is of suite %q", e.suite)
	}
	if err != nil {
		return fmt.Errorf("the personal envelope for %s: %w", m.Representative, err)
	}
	s.sealed.Envelopes[i].Personal = envelope
	return nil
}

// WrapPersonal wraps, for each recipient, the key of the personal part of their mailbox, on all cores and in their order. It is what another worker does for
// a Sealing; the policy of certificates is checked by WrapRecipients.
func WrapPersonal(keys *PersonalKeys, recipients []*Recipient) ([][]byte, error) {
	if keys == nil || len(keys.secret) != personalSecretSize {
		return nil, errors.New("there are no keys of personal parts")
	}
	if slices.ContainsFunc(recipients, func(r *Recipient) bool { return r == nil || r.certificate == nil }) {
		return nil, errors.New("a recipient was not verified")
	}
	envelopes := make([][]byte, len(recipients))
	if err := onAllCores(len(recipients), nil, func(i int) error {
		c := recipients[i].certificate
		key, err := keys.of(recipients[i].representative.Mailbox, c.Suite())
		if err != nil {
			return err
		}
		envelopes[i], err = key.Wrap(c)
		return err
	}); err != nil {
		return nil, err
	}
	return envelopes, nil
}

// errPersonal says which part does not hold.
func errPersonal(v *VerifiedManifest, mailbox Number, err error) error {
	return fmt.Errorf("the personal part of %s for %s: %w", v.manifest.Notice, mailbox, err)
}

// CheckPersonal says whether a sealed personal part is the one that was signed for a member of the audience, in a form that can be opened.
// The member must come from CheckAudience or CheckMembership.
func CheckPersonal(m AudienceMember, sealed []byte) error {
	if m.Personal.IsZero() {
		return fmt.Errorf("no personal part was signed for %s, and there is one", m.Representative)
	}
	if len(sealed) > MaxSealedPersonalSize {
		return fmt.Errorf("the personal part for %s has %d KiB; at most %d are accepted", m.Representative.Mailbox, len(sealed)>>10, MaxSealedPersonalSize>>10)
	}
	suite, err := CheckBody(sealed)
	if err != nil {
		return fmt.Errorf("the personal part for %s: %w", m.Representative.Mailbox, err)
	}
	if suite != m.Suite || sha256Hex(sealed) != m.Personal.SealedSHA256 {
		return fmt.Errorf("the personal part for %s is not the one that was signed (suite %s, SHA-256 %s)", m.Representative.Mailbox, m.Suite, m.Personal.SealedSHA256)
	}
	return nil
}

// open opens one part with its session key. The same content must be in it that was signed, by the manifest's author, at the same time.
func (m AudienceMember) openPersonal(o *OpenedNotice, key *SessionKey, sealed []byte) (*Personal, error) {
	v := o.verified
	if err := CheckPersonal(m, sealed); err != nil {
		return nil, fmt.Errorf("notice %s: %w", v.manifest.Notice, err)
	}
	mailbox := m.Representative.Mailbox
	mime, err := v.openWith(key, PurposePersonal, sealed)
	if err != nil {
		return nil, errPersonal(v, mailbox, err)
	}
	if sha256Hex(mime) != m.Personal.ContentSHA256 {
		return nil, errPersonal(v, mailbox, errors.New("it holds another content than the one that was signed"))
	}
	p, err := parsePersonal(mime)
	if err != nil {
		return nil, errPersonal(v, mailbox, err)
	}
	switch {
	case p.notice == v.manifest.Notice && (!p.created.Equal(v.manifest.Created) || p.from != o.content.From):
		return nil, errPersonal(v, mailbox, errors.New("it names another time or sender than the notice"))
	case p.notice != v.manifest.Notice:
		return nil, errPersonal(v, mailbox, fmt.Errorf("it belongs to another notice, %s", p.notice))
	case p.mailbox != mailbox:
		return nil, errPersonal(v, mailbox, fmt.Errorf("it was written for another mailbox, %s", p.mailbox))
	}
	texts := make([]PersonalText, len(p.texts))
	for i, l := range p.texts {
		texts[i] = PersonalText{l.Language, l.Text}
	}
	if ordered, err := inOrder(mailbox, texts, o.content.Languages); err != nil || !slices.Equal(ordered, p.texts) {
		return nil, errPersonal(v, mailbox, errors.New("its languages or subjects are not those of the notice"))
	}
	return &Personal{mailbox: mailbox, texts: p.texts}, nil
}

// OpenPersonal opens the personal part of an opened notice for one recipient, with their personal envelope and any of keys. membership is the text that
// shows that they are in the audience; it says whether there is a part at all, and which: as both staff signatures cover it, a part can neither be
// dropped nor exchanged. Whose membership it is, the caller must have compared (CheckMembership).
//
// It returns nil, without error, when the notice has no personal parts, and one that is Empty when it has none for this mailbox.
func OpenPersonal(o *OpenedNotice, membership, envelope, sealed []byte, keys []*Key) (*Personal, error) {
	if err := o.exists(); err != nil {
		return nil, err
	}
	m, err := o.verified.CheckMembership(membership)
	if err != nil {
		return nil, err
	}
	n := o.verified.manifest.Notice
	switch {
	case m.Member.Personal.IsZero() && len(envelope) == 0 && len(sealed) == 0:
		return nil, nil
	case m.Member.Personal.IsZero():
		return nil, fmt.Errorf("notice %s: the portal shows a personal part, and none was signed", n)
	case len(envelope) == 0 || len(sealed) == 0:
		return nil, fmt.Errorf("notice %s: it has a personal part for %s, and the portal withholds it", n, m.Member.Representative.Mailbox)
	}
	key, err := Unwrap(envelope, keys...)
	if err != nil {
		return nil, errPersonal(o.verified, m.Member.Representative.Mailbox, err)
	}
	return m.Member.openPersonal(o, key, sealed)
}

// OpenAllPersonal opens the personal parts of a notice for a member of the desk, who has opened the notice: all of the audience's, from the bytes that
// go to recipients, and on all cores. audience is its text; personalKey the record that was sealed to the desk. It returns nothing unless there is exactly
// one part for each mailbox and suite of the audience, every one opens, and those of one mailbox say the same. They come by mailbox, each once; none when
// the notice has none. progress, which may be nil, is told how many are open.
func OpenAllPersonal(o *OpenedNotice, audience, personalKey []byte, parts []SealedPersonal, keys []*Key, progress func(done, total int)) ([]*Personal, error) {
	if err := o.exists(); err != nil {
		return nil, err
	}
	v := o.verified
	a, err := v.CheckAudience(audience)
	if err != nil {
		return nil, err
	}
	members, err := matchPersonal(a, parts)
	if err != nil {
		return nil, fmt.Errorf("notice %s: %w", v.manifest.Notice, err)
	}
	if len(parts) == 0 {
		if len(personalKey) > 0 {
			return nil, fmt.Errorf("notice %s: the portal shows a key of personal parts, and there are none", v.manifest.Notice)
		}
		return nil, nil
	}
	secrets, err := v.openPersonalKey(personalKey, keys)
	if err != nil {
		return nil, fmt.Errorf("the key of the personal parts of %s: %w", v.manifest.Notice, err)
	}
	var report func(int)
	if progress != nil {
		report = func(done int) { progress(done, len(parts)) }
	}
	opened := make([]*Personal, len(parts))
	if err := onAllCores(len(parts), report, func(i int) error {
		key, err := secrets.of(parts[i].Mailbox, parts[i].Suite)
		if err != nil {
			return err
		}
		opened[i], err = members[i].openPersonal(o, key, parts[i].Data)
		return err
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(opened, func(a, b *Personal) int { return strings.Compare(string(a.mailbox), string(b.mailbox)) })
	// ParseAudience has seen that both suites of a mailbox hold the same content.
	return slices.CompactFunc(opened, func(a, b *Personal) bool { return a.mailbox == b.mailbox }), nil
}

func (v *VerifiedManifest) openPersonalKey(sealed []byte, keys []*Key) (*PersonalKeys, error) {
	if len(sealed) == 0 {
		return nil, errors.New("the portal withholds it")
	}
	if len(sealed) > MaxPersonalKeySize {
		return nil, fmt.Errorf("it has %d KiB; at most %d are accepted", len(sealed)>>10, MaxPersonalKeySize>>10)
	}
	text, s, err := OpenRecord(sealed, keys, []*Certificate{v.author.Certificate()}, PurposePersonalKey, v.at)
	if err != nil {
		return nil, err
	}
	if err := v.signedWithManifest(s); err != nil {
		return nil, err
	}
	k, audienceRoot, err := parsePersonalKeys(text)
	if err != nil {
		return nil, err
	}
	if k.notice != v.manifest.Notice || audienceRoot != v.manifest.AudienceRoot {
		return nil, fmt.Errorf("it belongs to another notice, or to another audience of it (%s)", k.notice)
	}
	return k, nil
}

// CheckAllPersonal is the server's look at what a client calls the personal parts of a notice, and the record that opens them for the desk: exactly one
// part for each mailbox and suite of the audience, as was signed, all of nearly the same size; none and no record when the audience has none. Whether they
// open can only be told by who opens them. a must come from CheckAudience; the record's addressees are for RecordAddressees.
func CheckAllPersonal(a *Audience, personalKey []byte, parts []SealedPersonal) error {
	members, err := matchPersonal(a, parts)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		if len(personalKey) > 0 {
			return errors.New("there is a key of personal parts, and no part")
		}
		return nil
	}
	if len(personalKey) > MaxPersonalKeySize {
		return fmt.Errorf("the key of the personal parts has %d KiB; at most %d are accepted", len(personalKey)>>10, MaxPersonalKeySize>>10)
	}
	if err := CheckRecord(personalKey); err != nil {
		return fmt.Errorf("the key of the personal parts: %w", err)
	}
	if err := onAllCores(len(parts), nil, func(i int) error { return CheckPersonal(members[i], parts[i].Data) }); err != nil {
		return err
	}
	for _, suite := range suites {
		least, most := 0, 0
		for _, p := range parts {
			if p.Suite == suite && (least == 0 || len(p.Data) < least) {
				least = len(p.Data)
			}
			if p.Suite == suite {
				most = max(most, len(p.Data))
			}
		}
		if most-least > personalSizeSpread {
			return errors.New("the personal parts differ in size, which would show who is told more than others: seal the notice again")
		}
	}
	return nil
}

// matchPersonal finds, for each part, a member of the audience who gets it. There must be one part for each mailbox and suite that has one, and no other.
func matchPersonal(a *Audience, parts []SealedPersonal) ([]AudienceMember, error) {
	if a == nil {
		return nil, errors.New("there is no audience")
	}
	wanted := map[personalPlace]AudienceMember{}
	for _, m := range a.Members {
		if !m.Personal.IsZero() {
			wanted[personalPlace{m.Representative.Mailbox, m.Suite}] = m
		}
	}
	members := make([]AudienceMember, len(parts))
	for i, p := range parts {
		place := personalPlace{p.Mailbox, p.Suite}
		m, ok := wanted[place]
		if !ok {
			return nil, fmt.Errorf("there is a personal part for %s in suite %q that was not signed, or two of them", p.Mailbox, p.Suite)
		}
		members[i] = m
		delete(wanted, place)
	}
	for place := range wanted {
		return nil, fmt.Errorf("the personal part for %s in suite %q is missing, and so are %d others", place.mailbox, place.suite, len(wanted)-1)
	}
	return members, nil
}

// personalAccord refuses an audience in which some have a personal part and others none, whose parts for one mailbox say different things, or in which
// two mailboxes have the same one.
func personalAccord(members []AudienceMember) error {
	type owner struct {
		mailbox Number
		suite   Suite
	}
	sealed, content, of := map[string]owner{}, map[string]Number{}, map[Number]string{}
	for _, m := range members {
		mailbox, p := m.Representative.Mailbox, m.Personal
		if p.IsZero() != members[0].Personal.IsZero() {
			return fmt.Errorf("%s and %s: either all have a personal part or nobody has", members[0].Representative, m.Representative)
		}
		if p.IsZero() {
			continue
		}
		here := owner{mailbox, m.Suite}
		if other, ok := sealed[p.SealedSHA256]; ok && other != here {
			return fmt.Errorf("%s has the sealed personal part of another mailbox or suite, %s", m.Representative, other.mailbox)
		}
		if other, ok := content[p.ContentSHA256]; ok && other != mailbox {
			return fmt.Errorf("%s has the personal part of another mailbox, %s", m.Representative, other)
		}
		if other, ok := of[mailbox]; ok && other != p.ContentSHA256 {
			return fmt.Errorf("%s has another personal part than the other representatives of its mailbox", m.Representative)
		}
		sealed[p.SealedSHA256], content[p.ContentSHA256], of[mailbox] = here, mailbox, p.ContentSHA256
	}
	return samePerPlace(members)
}

// samePerPlace refuses two sealed parts for one mailbox and suite.
func samePerPlace(members []AudienceMember) error {
	parts := map[personalPlace]string{}
	for _, m := range members {
		place := personalPlace{m.Representative.Mailbox, m.Suite}
		if other, ok := parts[place]; ok && other != m.Personal.SealedSHA256 {
			return fmt.Errorf("%s has another sealed personal part than others of its mailbox in suite %s", m.Representative, m.Suite)
		}
		parts[place] = m.Personal.SealedSHA256
	}
	return nil
}
