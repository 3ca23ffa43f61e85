package verdict

import (
	"errors"
	"time"
	"unicode"
	"unicode/utf8"

	"valise/crypto"
	"valise/portal/ledger"
)

// Outcome is what a verdict comes to. The zero value is none of them.
type Outcome string

const (
	Holds     Outcome = "holds"
	Fails     Outcome = "fails"     // it doesn't hold: don't rely on it
	Undecided Outcome = "undecided" // it can't be judged with what is here
)

// Kind is what a file turned out to be.
type Kind string

const (
	Unknown            Kind = "unknown"
	StatementText      Kind = "statement-text"     // one text, clear-signed, or with its signatures beside it
	Statement          Kind = "statement"          // all texts of a version, in JSON
	StatementManifest  Kind = "statement-manifest" // with its signatures beside it
	Receipt            Kind = "receipt"            // of a notice
	StatementReceipt   Kind = "statement-receipt"
	NoticeManifest     Kind = "notice-manifest"
	Message            Kind = "message" // sealed
	StaffCertificate   Kind = "staff-certificate"
	RootCertificate    Kind = "root-certificate"
	Representative     Kind = "representative" // a representative's certificates
	Proof              Kind = "proof"
	Checkpoint         Kind = "checkpoint"
	Signatures         Kind = "signatures" // of a text that is missing
	Evidence           Kind = "evidence"
	Membership         Kind = "membership"
	Certificates       Kind = "certificates"   // before it is known whose
	statementSignature Kind = "signature-file" // before it is known of what
)

// Verdict is what is to be said about one thing.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	Kind    Kind    `json:"kind"`
	File    string  `json:"file"` // its name
	// Summary says in a sentence what it is, when it holds; what is wrong, or missing, when not.
	Summary Line `json:"summary"`
	// Cause is why it doesn't hold, or can't be judged: a crypto.Cause, "ledger-" with a ledger.Trouble, or one of this package. Detail is
	// the precise sentence, in English.
	Cause  string `json:"cause,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Warnings are what a reader must see with it: a newer version, a root that nobody compared.
	Warnings  []Line `json:"warnings,omitempty"`
	Checked   []Line `json:"checked,omitempty"`
	Unchecked []Line `json:"unchecked,omitempty"`
	Facts     Facts  `json:"facts"`

	err error
}

// Err is nil when it holds; otherwise what is wrong or missing.
func (v *Verdict) Err() error {
	if v.Outcome == Holds {
		return nil
	}
	if v.err == nil {
		return errors.New(v.Summary.String())
	}
	return v.err
}

// Facts are filled in as far as they were proved.
type Facts struct {
	Institution    string             `json:"institution,omitempty"` // its name in the root certificate
	Root           crypto.Fingerprint `json:"root,omitempty"`
	Paper          bool               `json:"paper"` // the root is the one whose fingerprint was given
	Statement      crypto.Number      `json:"statement,omitempty"`
	Version        int                `json:"version,omitempty"`
	VersionKind    string             `json:"version_kind,omitempty"`
	Language       string             `json:"language,omitempty"`
	Title          string             `json:"title,omitempty"`
	PublishAt      *time.Time         `json:"publish_at,omitempty"`
	Published      *bool              `json:"published,omitempty"` // by the portal; nil: not asked, or no answer
	Newest         int                `json:"newest,omitempty"`    // version
	Withdrawn      bool               `json:"withdrawn,omitempty"`
	Notice         crypto.Number      `json:"notice,omitempty"`
	Created        *time.Time         `json:"created,omitempty"`
	ManifestSHA256 string             `json:"manifest_sha256,omitempty"`
	Author         *Signer            `json:"author,omitempty"`
	Approver       *Signer            `json:"approver,omitempty"`
	Representative string             `json:"representative,omitempty"`
	Fingerprint    crypto.Fingerprint `json:"fingerprint,omitempty"`
	Registrar      string             `json:"registrar,omitempty"`
	MeantFor       string             `json:"meant_for,omitempty"`
	Decision       crypto.Decision    `json:"decision,omitempty"`
	Time           *time.Time         `json:"time,omitempty"`
	Received       *time.Time         `json:"received,omitempty"`
	Name           string             `json:"name,omitempty"`
	Roles          []crypto.Role      `json:"roles,omitempty"`
	Certified      *time.Time         `json:"certified,omitempty"`
	Ledger         *Entered           `json:"ledger,omitempty"`
}

// Signer is a staff member who signed.
type Signer struct {
	Name        string             `json:"name"`
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
	Signed      time.Time          `json:"signed"`
}

func signer(who *crypto.Staff, s *crypto.Signature) *Signer {
	return &Signer{who.Name(), who.Certificate().Fingerprint(), s.Made()}
}

// Entered says where something stands in which ledger.
type Entered struct {
	Included     *ledger.Included     `json:"-"`
	Origin       string               `json:"origin"`
	Index        int64                `json:"index"`
	Size         int64                `json:"size"`
	Event        ledger.Kind          `json:"event,omitempty"`
	Cosignatures []ledger.Cosignature `json:"cosignatures,omitempty"`
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// checked adds a check that held.
func (v *Verdict) checked(code string, gaps ...string) {
	v.Checked = append(v.Checked, line("check-"+code, gaps...))
}

// unchecked adds something that a reader might think was checked.
func (v *Verdict) unchecked(code string, gaps ...string) {
	v.Unchecked = append(v.Unchecked, line("not-"+code, gaps...))
}

func (v *Verdict) warn(code string, gaps ...string) {
	v.Warnings = append(v.Warnings, line("warn-"+code, gaps...))
}

// holds says that all of it held.
func (v Verdict) holds(gaps ...string) Verdict {
	v.Outcome, v.Summary = Holds, line("holds-"+string(v.Kind), gaps...)
	return v
}

// fails says that something didn't hold. What the thing says of itself is not the institution's word, and goes.
func (v Verdict) fails(err error) Verdict {
	cause := string(crypto.CauseOf(err))
	var alarm *ledger.Alarm
	if errors.As(err, &alarm) {
		cause = "ledger-" + string(alarm.Trouble)
	}
	var own *found
	if errors.As(err, &own) {
		cause = own.cause
	}
	if cause == "" {
		cause = "unreadable"
	}
	f := v.Facts
	v.Outcome, v.Cause, v.Summary, v.Detail, v.err = Fails, cause, line("cause-"+cause), sentence(err), err
	v.Facts = Facts{Institution: f.Institution, Root: f.Root, Paper: f.Paper}
	return v
}

// found is what only this package finds wrong.
type found struct {
	cause string
	error
}

func (f *found) Unwrap() error { return f.error }

func because(cause string, err error) error { return &found{cause, err} }

// misses says what is needed to judge it.
func (v Verdict) misses(what string, err error) Verdict {
	v.Outcome, v.Cause, v.Summary, v.err = Undecided, what, line("misses-"+what), err
	if err != nil {
		v.Detail = sentence(err)
	}
	return v
}

// sentence makes an error's text one for people.
func sentence(err error) string {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if last, _ := utf8.DecodeLastRuneInString(text); last != '.' && last != '!' && last != '?' {
		text += "."
	}
	return text
}
