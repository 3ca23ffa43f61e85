package evidence

import (
	"bytes"
	_ "embed"
	"errors"
	"regexp"
	"strings"
	"text/template"

	"valise/crypto"
	"valise/portal"
)

//go:embed bundle.md
var englishText string

// frenchText has no commands of its own: each {{commands}} is the next block of the English one, with what it must print.
//
//go:embed bundle.fr.md
var frenchText string

var (
	english = template.Must(template.New(readmeFile).Parse(englishText))
	french  = template.Must(template.New(frenchFile).Funcs(template.FuncMap{"commands": func() string { return "" }}).Parse(frenchText))

	// fence finds a block of commands, and the block that it must print, if there is one.
	fence = regexp.MustCompile("(?ms)^```sh\n.*?^```(?:\n```text\n.*?^```)?$")
)

// facts are what the READMEs of a bundle say its commands print. All of them follow from the other files.
type facts struct {
	Notice      crypto.Number
	Institution string
	Root        string // in groups, as on paper
	RootPlain   crypto.Fingerprint
	Author      signature
	Approver    signature
	Staff       int
	Acknowledge bool
	Deadline    string

	Origin     string
	Size       int64
	Cosigned   int // by witnesses that the root names
	Witnesses  int
	Quorum     int
	Dispatched string

	Mailboxes    int
	Members      int
	Acknowledged int
	Refused      int
	Proved       int // receipts in the ledger
	Told, Missed int // contacts outside the portal that told somebody; that reached nobody
	Entered      int // what else of mailboxes is in it

	Files  int // in SHA256SUMS
	Shown  int // lines of events.csv that the files prove
	Portal int // those on the portal's word
}

type signature struct {
	Name        string
	Fingerprint crypto.Fingerprint
	Time        string
}

// facts of a notice, before the mailboxes were counted.
func (s *sealed) facts(staff int) *facts {
	v := s.manifest
	f := &facts{
		Notice: v.Manifest().Notice, Root: s.root.Fingerprint().Spaced(), RootPlain: s.root.Fingerprint(), Institution: strings.Join(s.root.Certificate().UserIDs(), ", "), Staff: staff,
		Author:      signature{v.Author().Name(), v.Author().Certificate().Fingerprint(), stamp(v.AuthorSignature().Made())},
		Approver:    signature{v.Approver().Name(), v.Approver().Certificate().Fingerprint(), stamp(v.ApproverSignature().Made())},
		Acknowledge: v.Manifest().Acknowledge,
		Origin:      s.checkpoint.Origin, Size: s.checkpoint.Size, Cosigned: len(s.checkpoint.Cosignatures()), Witnesses: len(s.policy.Witnesses), Quorum: s.policy.Quorum,
		Dispatched: stamp(s.dispatched),
	}
	if d := v.Manifest().Deadline; !d.IsZero() {
		f.Deadline = stamp(d)
	}
	return f
}

// count counts a mailbox, and its answer if it gave one.
func (f *facts) count(m *portal.MailboxEvidence, answer *Event) {
	f.Mailboxes++
	f.Members += len(m.Members)
	f.answer(answer)
}

func (f *facts) answer(e *Event) {
	if e == nil {
		return
	}
	if e.Event == ConsignmentRejection {
		f.Refused++
	} else {
		f.Acknowledged++
	}
	if e.Word == ByLedger {
		f.Proved++
	}
}

func (f *facts) contact(e *Event) {
	if e.Event == ConsignmentNotificationFailure {
		f.Missed++
	} else {
		f.Told++
	}
}

func (f *facts) tally(events []Event) {
	for _, e := range events {
		if e.Word == ByPortal {
			f.Portal++
		} else {
			f.Shown++
		}
	}
}

// Receipts is how many there are.
func (f *facts) Receipts() int { return f.Acknowledged + f.Refused }

// readmes returns README.md and README.fr.md.
func (f *facts) readmes() (inEnglish, inFrench []byte) {
	inEnglish = f.execute(english)
	rest := fence.FindAllString(string(inEnglish), -1)
	inFrench = f.execute(template.Must(french.Clone()).Funcs(template.FuncMap{"commands": func() (string, error) {
		if len(rest) == 0 {
			return "", errors.New("the French README has more places for commands than the English one")
		}
		next := rest[0]
		rest = rest[1:]
		return next, nil
	}}))
	if len(rest) > 0 {
		panic("the French README leaves out commands of the English one")
	}
	return inEnglish, inFrench
}

func (f *facts) execute(t *template.Template) []byte {
	var b bytes.Buffer
	if err := t.Execute(&b, f); err != nil {
		panic(err) // templates and fields are ours, and a buffer takes everything
	}
	return b.Bytes()
}
