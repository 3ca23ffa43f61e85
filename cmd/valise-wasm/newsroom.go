//go:build desk || !js

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// The calls of the newsroom: statements, as staff write, examine and approve them. What the portal says comes in as parameters, as
// newsroom-ceremonies.js fetched it; Published is the answer of GET /statements/{statement}, null when nothing is published.
func init() {
	register(table{
		"statement-works":     handle((*engine).statementWorks),
		"statement-work":      handle((*engine).statementWork),
		"statement-published": handle((*engine).statementPublished),
		"statement-new":       handle((*engine).newStatement),
		"statement-seal":      handle((*engine).sealStatement),
		"statement-submit":    handle((*engine).submitStatement),
		"statement-preview":   handle((*engine).previewStatement),
		"statement-examine":   handle((*engine).examineStatement),
		"statement-approve":   handle((*engine).approveStatement),
		"statement-return":    handle((*engine).returnStatement),
	})
}

// coded hands on the code of an error that has one for pages.
func coded(err error) error {
	var known *portal.Error
	var already *refusal
	if err != nil && !errors.As(err, &already) && errors.As(err, &known) && known.Code != "" {
		return &refusal{known.Code, err}
	}
	return err
}

// ------------------------------------------------------------------ drafts

// wireDraft is a draft as pages have it. Times are RFC 3339 with the offset that is meant; "" for none.
type wireDraft struct {
	Statement   crypto.Number        `json:"statement"`
	Kind        crypto.StatementKind `json:"kind"`
	Topic       string               `json:"topic"`
	Series      crypto.Number        `json:"series"`
	Languages   []draftLanguage      `json:"languages"`
	Attachments []draftAttachment    `json:"attachments"`
	PublishAt   string               `json:"publishAt"`
	Zone        string               `json:"zone"`
	Acknowledge []string             `json:"acknowledge"` // "S", "O", "I"
	Deadline    string               `json:"deadline"`
}

type draftLanguage struct {
	Language string `json:"language"`
	Title    string `json:"title"`
	Reason   string `json:"reason"`
	Body     string `json:"body"`
}

type draftAttachment struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Sealed string `json:"sealed,omitempty"` // which of the uploaded files it is; pages hand it back as it is
}

func wireDraftOf(d *crypto.StatementDraft) wireDraft {
	w := wireDraft{
		Statement: d.Statement, Kind: kindOfDraft(d), Topic: d.Topic, Series: d.Series, Zone: d.Zone, PublishAt: rfc3339(d.PublishAt), Deadline: rfc3339(d.Deadline),
		Languages: make([]draftLanguage, len(d.Languages)), Attachments: attachmentsOf(d.Attachments), Acknowledge: lettersOf(d.Acknowledge),
	}
	for i, a := range d.Attachments {
		w.Attachments[i].Sealed = d.Sealed[a.SHA256]
	}
	for i, l := range d.Languages {
		w.Languages[i] = draftLanguage(l)
	}
	return w
}

func kindOfDraft(d *crypto.StatementDraft) crypto.StatementKind {
	if d.Kind == "" {
		return crypto.StatementOriginal
	}
	return d.Kind
}

func attachmentsOf(list []crypto.StatementAttachment) []draftAttachment {
	wire := make([]draftAttachment, len(list))
	for i, a := range list {
		wire[i] = draftAttachment{Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256}
	}
	return wire
}

func lettersOf(kinds []crypto.Kind) []string {
	letters := make([]string, len(kinds))
	for i, k := range kinds {
		letters[i] = string(rune(k))
	}
	return letters
}

func (w *wireDraft) draft(revision int) (*crypto.StatementDraft, error) {
	d := &crypto.StatementDraft{Statement: w.Statement, Revision: revision, Kind: w.Kind, Topic: w.Topic, Series: w.Series, Zone: w.Zone}
	for _, l := range w.Languages {
		d.Languages = append(d.Languages, crypto.StatementLanguage(l))
	}
	for _, a := range w.Attachments {
		d.Attachments = append(d.Attachments, crypto.StatementAttachment{SHA256: a.SHA256, Size: a.Size, Type: a.Type, Name: a.Name})
		if a.Sealed == "" {
			continue
		}
		if d.Sealed == nil {
			d.Sealed = make(map[string]string)
		}
		d.Sealed[a.SHA256] = a.Sealed
	}
	for _, letter := range w.Acknowledge {
		if len(letter) != 1 || !crypto.Kind(letter[0]).Mailbox() {
			return nil, fmt.Errorf("%w (no kind %.10q)", errEngine, letter)
		}
		d.Acknowledge = append(d.Acknowledge, crypto.Kind(letter[0]))
	}
	var err error
	if d.PublishAt, err = parseStamp(w.PublishAt); err != nil {
		return nil, err
	}
	d.Deadline, err = parseStamp(w.Deadline)
	return d, err
}

func parseStamp(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, &refusal{"time", fmt.Errorf("%.40q is no time with an offset from UTC", text)}
	}
	_, offset := t.Zone() // what counts is the offset, not where this machine is
	return t.In(time.FixedZone("", offset)), nil
}

type newDraft struct {
	Kind      crypto.StatementKind `json:"kind"`
	Of        crypto.Number        `json:"of"`
	Published *api.Statement       `json:"published"`
}

type begunDraft struct {
	Draft    wireDraft         `json:"draft"`
	Revision int               `json:"revision"`
	Previous *publishedVersion `json:"previous"`
}

// publishedVersion is the published version that a draft follows.
type publishedVersion struct {
	wireDraft
	Version int `json:"version"`
}

func versionOf(v *crypto.VerifiedStatement) *publishedVersion {
	if v == nil {
		return nil
	}
	return &publishedVersion{wireDraftOf(ceremony.DraftOf(v)), v.Manifest().Version}
}

// newStatement begins a draft; nothing is saved with that.
func (e *engine) newStatement(p newDraft) (begunDraft, error) {
	if _, err := e.onDuty(); err != nil {
		return begunDraft{}, err
	}
	if p.Kind == crypto.StatementOriginal {
		return begunDraft{Draft: wireDraftOf(&crypto.StatementDraft{Statement: crypto.NewNumber(crypto.KindStatement)})}, nil
	}
	previous, err := e.newest(p.Of, p.Published)
	if err != nil {
		return begunDraft{}, err
	}
	d, err := ceremony.BeginVersion(previous, p.Kind)
	if err != nil {
		return begunDraft{}, err
	}
	return begunDraft{Draft: wireDraftOf(d), Previous: versionOf(previous)}, nil
}

// newest verifies all published versions and returns the newest; nil when there is none.
func (e *engine) newest(n crypto.Number, published *api.Statement) (*crypto.VerifiedStatement, error) {
	if published == nil {
		return nil, nil
	}
	versions, err := ceremony.ReadStatement(e.trust, n, *published, e.now())
	if err != nil {
		return nil, err
	}
	return versions[len(versions)-1], nil
}

type sealingDraft struct {
	Draft    wireDraft `json:"draft"`
	Revision int       `json:"revision"` // of the one that was changed; 0: new
}

// sealStatement returns what to send to save a draft.
func (e *engine) sealStatement(p sealingDraft) (api.SaveStatement, error) {
	o, err := e.onDuty()
	if err != nil {
		return api.SaveStatement{}, err
	}
	d, err := p.Draft.draft(p.Revision + 1)
	if err != nil {
		return api.SaveStatement{}, err
	}
	return ceremony.SaveStatement(e.trust, o.key, d, e.now())
}

type previewing struct {
	Body string `json:"body"`
}

// previewStatement reads Markdown as it will be shown.
func (e *engine) previewStatement(p previewing) ([]node, error) {
	return parseMarkdown(crypto.TidyStatementBody(p.Body)), nil
}

// ------------------------------------------------------------------ what staff work on

// statementLine is a statement that staff work on, in a list. Names are those that the root certified.
type statementLine struct {
	Statement   crypto.Number        `json:"statement"`
	State       api.StatementState   `json:"state"`
	Kind        crypto.StatementKind `json:"kind"`
	Version     int                  `json:"version"` // that it is to be; 0 in a list, of a correction or withdrawal
	Revision    int                  `json:"revision"`
	Title       string               `json:"title"`
	Language    string               `json:"language"` // of the title
	Topic       string               `json:"topic"`
	Series      crypto.Number        `json:"series"`
	Saved       string               `json:"saved"`
	SavedBy     string               `json:"savedBy"`
	Submitted   string               `json:"submitted,omitempty"`
	SubmittedBy string               `json:"submittedBy,omitempty"`
	Approved    string               `json:"approved,omitempty"`
	ApprovedBy  string               `json:"approvedBy,omitempty"`
	Checked     string               `json:"checked,omitempty"`
	Returned    string               `json:"returned,omitempty"`
	ReturnedBy  string               `json:"returnedBy,omitempty"`
	Why         string               `json:"why,omitempty"`
	PublishAt   string               `json:"publishAt"`
	Zone        string               `json:"zone"`
	Mine        bool                 `json:"mine"` // I submitted it
	Problem     string               `json:"problem,omitempty"`
}

type listingWorks struct {
	Works     []api.StatementWork `json:"works"`
	Languages []string            `json:"languages"` // the reader's, preferred first
}

func (e *engine) statementWorks(p listingWorks) ([]statementLine, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	lines := make([]statementLine, len(p.Works))
	for i, w := range p.Works {
		opened, err := ceremony.OpenWork(e.trust, o.keys, w, e.now())
		lines[i] = e.lineOf(w, opened, p.Languages)
		if err != nil {
			lines[i].Problem = sentence(err).Error()
		}
	}
	return lines, nil
}

// lineOf says what the portal tells, and, when it could be opened, what the draft says.
func (e *engine) lineOf(w api.StatementWork, o *ceremony.WorkedOn, languages []string) statementLine {
	now := e.now()
	line := statementLine{
		Statement: w.Statement, State: w.State, Revision: w.Revision, Kind: crypto.StatementOriginal, Saved: rfc3339(w.Saved), SavedBy: e.trust.NameOf(w.SavedBy, now),
		Submitted: stampOf(w.Submitted), SubmittedBy: e.trust.NameOf(w.SubmittedBy, now), Approved: stampOf(w.Approved), ApprovedBy: e.trust.NameOf(w.ApprovedBy, now),
		Checked: stampOf(w.Checked), Returned: stampOf(w.Returned), ReturnedBy: e.trust.NameOf(w.ReturnedBy, now), Mine: w.SubmittedBy != "" && w.SubmittedBy == e.holder(),
	}
	if o == nil {
		return line
	}
	d := o.Content
	line.Kind, line.Topic, line.Series, line.PublishAt, line.Zone = kindOfDraft(d), d.Topic, d.Series, rfc3339(d.PublishAt), d.Zone
	if line.Kind == crypto.StatementOriginal {
		line.Version = 1
	}
	line.Title, line.Language = titleOf(d.Languages, languages)
	line.SavedBy = o.Writer.Name()
	if o.Why != nil {
		line.Why, line.ReturnedBy = o.Why.Reason, o.ReturnedBy.Name()
	}
	return line
}

// titleOf is the title in the first language that is wanted and has one; else the first there is.
func titleOf(languages []crypto.StatementLanguage, wanted []string) (title, language string) {
	for _, tag := range wanted {
		for _, l := range languages {
			if strings.EqualFold(l.Language, tag) && l.Title != "" {
				return l.Title, l.Language
			}
		}
	}
	for _, l := range languages {
		if l.Title != "" {
			return l.Title, l.Language
		}
	}
	return "", ""
}

func stampOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return rfc3339(*t)
}

type aboutWork struct {
	Statement crypto.Number     `json:"statement"`
	Work      api.StatementWork `json:"work"`
	Published *api.Statement    `json:"published"`
	Languages []string          `json:"languages"`
}

type openedWork struct {
	statementLine
	Draft    wireDraft         `json:"draft"`
	Previous *publishedVersion `json:"previous"`
}

func (e *engine) openWork(p aboutWork) (*ceremony.WorkedOn, *crypto.VerifiedStatement, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, nil, err
	}
	if p.Work.Statement != p.Statement {
		return nil, nil, fmt.Errorf("the portal shows %s as %s: tell the administrators", p.Work.Statement, p.Statement)
	}
	opened, err := ceremony.OpenWork(e.trust, o.keys, p.Work, e.now())
	if err != nil {
		return nil, nil, err
	}
	previous, err := e.newest(p.Statement, p.Published)
	return opened, previous, err
}

func (e *engine) statementWork(p aboutWork) (openedWork, error) {
	opened, previous, err := e.openWork(p)
	if err != nil {
		return openedWork{}, err
	}
	w := openedWork{statementLine: e.lineOf(p.Work, opened, p.Languages), Draft: wireDraftOf(opened.Content), Previous: versionOf(previous)}
	if w.Version = 1; previous != nil {
		w.Version = previous.Manifest().Version + 1
	}
	return w, nil
}

type publishedLine struct {
	Statement crypto.Number        `json:"statement"`
	State     api.StatementState   `json:"state"` // published
	Version   int                  `json:"version"`
	Kind      crypto.StatementKind `json:"kind"`
	Title     string               `json:"title"`
	Language  string               `json:"language"`
}

// statementPublished verifies a statement on which nobody works any more.
func (e *engine) statementPublished(p aboutWork) (publishedLine, error) {
	v, err := e.newest(p.Statement, p.Published)
	if err != nil {
		return publishedLine{}, err
	}
	if v == nil {
		return publishedLine{}, errEngine
	}
	m := v.Manifest()
	line := publishedLine{Statement: m.Statement, State: api.StatementPublished, Version: m.Version, Kind: m.Kind}
	line.Title, line.Language = titleOf(ceremony.DraftOf(v).Languages, p.Languages)
	return line, nil
}

type submitting struct {
	aboutWork
	Revision int `json:"revision"` // that its author has before them
}

// submitStatement returns what to send to submit a draft.
func (e *engine) submitStatement(p submitting) (api.SubmitStatement, error) {
	opened, previous, err := e.openWork(p.aboutWork)
	if err != nil {
		return api.SubmitStatement{}, err
	}
	if opened.Revision != p.Revision {
		return api.SubmitStatement{}, &refusal{"draft-changed", errors.New("somebody else saved the draft meanwhile; look at it, then submit it")}
	}
	s, err := ceremony.SubmitStatement(e.trust, e.desk.key, opened.Content, previous, e.now())
	return s, coded(err)
}

// ------------------------------------------------------------------ examining

// examinedStatement is a statement that was submitted, or is approved, as the world will see it: every line of it held.
type examinedStatement struct {
	Statement   crypto.Number        `json:"statement"`
	State       api.StatementState   `json:"state"`
	Submission  string               `json:"submission"`
	Version     int                  `json:"version"`
	Kind        crypto.StatementKind `json:"kind"`
	Author      string               `json:"author"`
	Signed      string               `json:"signed"`
	AuthorKey   string               `json:"authorKey"` // fingerprint, spaced
	Submitted   string               `json:"submitted"`
	Approver    string               `json:"approver,omitempty"`
	Approved    string               `json:"approved,omitempty"`
	ApproverKey string               `json:"approverKey,omitempty"`
	Checked     string               `json:"checked,omitempty"`
	Topic       string               `json:"topic"`
	Series      crypto.Number        `json:"series"`
	PublishAt   string               `json:"publishAt"`
	Zone        string               `json:"zone"`   // in which the author chose it; not signed
	AtOnce      bool                 `json:"atOnce"` // its author chose no time: as soon as it is approved
	Due         bool                 `json:"due"`
	Acknowledge []string             `json:"acknowledge"`
	Deadline    string               `json:"deadline,omitempty"`
	Attachments []draftAttachment    `json:"attachments"`
	SHA256      string               `json:"sha256"` // of the manifest
	Texts       []examinedText       `json:"texts"`  // the authoritative one first
	Previous    *examinedPrevious    `json:"previous"`
	Diff        []languageChanges    `json:"diff"` // of every language; null for an original
	Changes     *statementChanges    `json:"changes"`
	Mine        bool                 `json:"mine"` // I am its author
	Obstacle    *obstacle            `json:"obstacle"`
}

type examinedText struct {
	Language      string `json:"language"`
	Title         string `json:"title"`
	Reason        string `json:"reason,omitempty"`
	Blocks        []node `json:"blocks"`
	Authoritative bool   `json:"authoritative"`
	SHA256        string `json:"sha256"`
}

type examinedPrevious struct {
	Version   int            `json:"version"`
	Kind      string         `json:"kind"`
	PublishAt string         `json:"publishAt"`
	Texts     []examinedText `json:"texts"`
}

// languageChanges is what changed in one language: in the title, the reason, and the body, paragraph by paragraph.
type languageChanges struct {
	Language   string             `json:"language"`
	New        bool               `json:"new"`
	Changed    bool               `json:"changed"`
	Title      []ceremony.Piece   `json:"title"`
	Reason     []ceremony.Piece   `json:"reason"`
	Paragraphs [][]ceremony.Piece `json:"paragraphs"`
}

type statementChanges struct {
	Topic       *ceremony.Change   `json:"topic"`
	Series      *ceremony.Change   `json:"series"`
	PublishAt   *ceremony.Change   `json:"publishAt"`
	Acknowledge *ceremony.Change   `json:"acknowledge"`
	Deadline    *ceremony.Change   `json:"deadline"`
	Attachments []attachmentChange `json:"attachments"`
}

type attachmentChange struct {
	Before *draftAttachment `json:"before"`
	After  *draftAttachment `json:"after"`
}

// obstacle says why who is logged in can't approve: "mine", "role", "no-notary" (it has a minute, and nobody could publish it then), "deadline" (it has
// passed), or "refused" with the reason.
type obstacle struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// examineStatement opens and verifies what was submitted, and keeps it for approveStatement.
func (e *engine) examineStatement(p aboutWork) (examinedStatement, error) {
	o, err := e.onDuty()
	if err != nil {
		return examinedStatement{}, err
	}
	delete(o.examined, p.Statement)
	now := e.now()
	previous, err := e.newest(p.Statement, p.Published)
	if err != nil {
		return examinedStatement{}, err
	}
	if p.Work.State == api.StatementApproved {
		v, err := ceremony.OpenApproved(e.trust, o.keys, p.Statement, p.Work, previous, now)
		if err != nil {
			return examinedStatement{}, err
		}
		shown := e.shownStatement(p.Work, v, v.Author(), v.AuthorSignature(), v.SHA256(), previous)
		shown.Approver, shown.Approved, shown.ApproverKey = v.Approver().Name(), rfc3339(v.ApproverSignature().Made().UTC()), v.Approver().Certificate().Fingerprint().Spaced()
		return shown, nil
	}
	x, err := ceremony.ExamineStatement(e.trust, o.keys, p.Statement, p.Work, previous, now)
	if err != nil {
		return examinedStatement{}, err
	}
	if o.examined == nil {
		o.examined = make(map[crypto.Number]*ceremony.ExaminedStatement)
	}
	o.examined[p.Statement] = x
	s := x.Submitted
	shown := e.shownStatement(p.Work, s, s.Author(), s.AuthorSignature(), s.SHA256(), previous)
	shown.Obstacle = e.obstacleTo(x, shown.Mine)
	return shown, nil
}

func (e *engine) shownStatement(w api.StatementWork, s ceremony.StatementVersion, author *crypto.Staff, signature *crypto.Signature, digest string, previous *crypto.VerifiedStatement) examinedStatement {
	m := s.Manifest()
	first := s.Texts()[0]
	shown := examinedStatement{
		Statement: m.Statement, State: w.State, Submission: w.Submission, Version: m.Version, Kind: m.Kind,
		Author: author.Name(), Signed: rfc3339(signature.Made().UTC()), AuthorKey: author.Certificate().Fingerprint().Spaced(), Submitted: stampOf(w.Submitted), Checked: stampOf(w.Checked),
		Topic: first.Topic, Series: first.Series, PublishAt: rfc3339(m.PublishAt), AtOnce: m.PublishAt.Equal(m.Created), Due: !e.now().Before(m.PublishAt),
		Acknowledge: lettersOf(m.Acknowledge), Deadline: rfc3339(m.Deadline), Attachments: attachmentsOf(first.Attachments), SHA256: digest, Texts: textsOf(s),
		Mine: author.Certificate().Fingerprint() == e.desk.key.Certificate().Fingerprint(),
	}
	// The zone's name is only in the draft, and says nothing that is signed.
	if opened, err := ceremony.OpenWork(e.trust, e.desk.keys, w, e.now()); err == nil && opened.Content.PublishAt.Equal(m.PublishAt) {
		shown.Zone = opened.Content.Zone
	}
	if previous == nil {
		return shown
	}
	b := previous.Manifest()
	shown.Previous = &examinedPrevious{b.Version, string(b.Kind), rfc3339(b.PublishAt), textsOf(previous)}
	shown.Diff, shown.Changes = changesOf(ceremony.CompareStatements(previous, s))
	return shown
}

func textsOf(s ceremony.StatementVersion) []examinedText {
	texts := make([]examinedText, len(s.Texts()))
	for i, t := range s.Texts() {
		texts[i] = examinedText{t.Language, t.Title, t.Reason, parseMarkdown(t.Body), t.Authoritative(), s.Manifest().Texts[i].SHA256}
	}
	return texts
}

func changesOf(c *ceremony.StatementChanges) ([]languageChanges, *statementChanges) {
	if c == nil {
		return nil, nil
	}
	languages := make([]languageChanges, len(c.Languages))
	for i, l := range c.Languages {
		languages[i] = languageChanges{l.Language, l.New, l.Any(), l.Title, l.Reason, l.Body}
	}
	changes := &statementChanges{Topic: c.Topic, Series: c.Series, PublishAt: c.PublishAt, Acknowledge: c.Acknowledge, Deadline: c.Deadline, Attachments: []attachmentChange{}}
	wire := func(a *crypto.StatementAttachment) *draftAttachment {
		if a == nil {
			return nil
		}
		return &attachmentsOf([]crypto.StatementAttachment{*a})[0]
	}
	for _, a := range c.Attachments {
		changes.Attachments = append(changes.Attachments, attachmentChange{wire(a.Before), wire(a.After)})
	}
	return languages, changes
}

// obstacleTo finds out, by trying, whether who is logged in can approve.
func (e *engine) obstacleTo(x *ceremony.ExaminedStatement, mine bool) *obstacle {
	now := e.now()
	err := ceremony.MayApprove(e.trust, e.desk.key, x, now)
	if err == nil {
		return nil
	}
	o := &obstacle{"refused", sentence(err).Error()}
	m := x.Submitted.Manifest()
	switch {
	case mine:
		o.Code = "mine"
	case !e.desk.member.Has(crypto.RoleApprover):
		o.Code = "role"
	case !m.Deadline.IsZero() && !m.Deadline.After(now):
		o.Code = "deadline"
	case !x.Due(now) && len(e.trust.Staff(now, crypto.RoleNotary)) == 0:
		o.Code = "no-notary"
	}
	return o
}

type aboutExamined struct {
	Statement crypto.Number `json:"statement"`
	SHA256    string        `json:"sha256"` // of the manifest that the page shows, where something is decided about it
	Reason    string        `json:"reason"`
}

func (e *engine) examined(n crypto.Number) (*ceremony.ExaminedStatement, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	x := o.examined[n]
	if x == nil {
		return nil, &refusal{"not-examined", errors.New("the statement is not open; load the page again")}
	}
	return x, nil
}

// looked is examined for what is decided about it: it must be what the page shows. Something else may have been examined in the background, and not be drawn yet.
func (e *engine) looked(p aboutExamined) (*ceremony.ExaminedStatement, error) {
	x, err := e.examined(p.Statement)
	if err == nil && x.Submitted.SHA256() != p.SHA256 {
		return nil, &refusal{"statement-moved-on", errors.New("what was submitted is another text than the one that you see; look at it again")}
	}
	return x, err
}

// approveStatement signs what was examined and is shown, and returns what to send.
func (e *engine) approveStatement(p aboutExamined) (api.ApproveStatement, error) {
	x, err := e.looked(p)
	if err != nil {
		return api.ApproveStatement{}, err
	}
	a, err := ceremony.ApproveStatement(e.trust, e.desk.key, x, e.now())
	return a, coded(err)
}

// returnStatement seals the reason, and returns what to send.
func (e *engine) returnStatement(p aboutExamined) (api.ReturnStatement, error) {
	x, err := e.looked(p)
	if err != nil {
		return api.ReturnStatement{}, err
	}
	reason := strings.TrimSpace(p.Reason)
	if reason == "" {
		return api.ReturnStatement{}, &refusal{"reason-empty", errors.New("say why it is sent back")}
	}
	r, err := ceremony.ReturnStatement(e.trust, e.desk.key, x, reason, e.now())
	return r, coded(err)
}
