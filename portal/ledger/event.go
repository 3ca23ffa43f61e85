package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// Kind is what happened.
type Kind string

// The kinds of events that everybody may know of.
const (
	StatementPublished Kind = "statement-published" // its first version
	StatementCorrected Kind = "statement-corrected" // a later version
	StatementWithdrawn Kind = "statement-withdrawn"
	StaffCertificate   Kind = "staff-certificate" // given, changed or taken away: the certificate says which
	CheckpointKey      Kind = "checkpoint-key"    // a key that will sign checkpoints from now on
	ClientManifest     Kind = "client-manifest"   // the scripts and WASM that a release serves
)

// The kinds of events that concern only their parties; the log holds commitments to them.
const (
	NoticeDispatched      Kind = "notice-dispatched"      // released, to whomever
	NoticeDelivered       Kind = "notice-delivered"       // put into one mailbox
	NoticeOpened          Kind = "notice-opened"          // fetched by a representative
	NoticeAcknowledged    Kind = "notice-acknowledged"    // with a signed receipt
	NoticeNotified        Kind = "notice-notified"        // a mailbox was told or reminded of it
	NoticeNotifyFailed    Kind = "notice-notify-failed"   // it was to be, and couldn't
	NoticeExpired         Kind = "notice-expired"         // the deadline passed without an answer
	NoticeRelayed         Kind = "notice-relayed"         // by e-mail
	NoticeRelayFailed     Kind = "notice-relay-failed"    // likewise
	NoticeRecalled        Kind = "notice-recalled"        // before its release
	StatementAcknowledged Kind = "statement-acknowledged" // likewise: the statement is public, who acknowledged it isn't
	RepresentativeIssued  Kind = "representative-issued"
	RepresentativeClaimed Kind = "representative-claimed"
	RepresentativeRevoked Kind = "representative-revoked"
	MessageReceived       Kind = "message-received" // a reply or an answer in a thread
)

// Private says whether the log holds only a commitment to events of this kind. It is
// true for a kind that isn't known: what nobody decided to publish is not public.
func (k Kind) Private() bool {
	switch k {
	case StatementPublished, StatementCorrected, StatementWithdrawn, StaffCertificate, CheckpointKey, ClientManifest:
		return false
	}
	return true
}

// Digest is a SHA-256 digest; the zero value is none.
type Digest [sha256.Size]byte

// String returns 64 small hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Event is one thing that happened. Which of the fields it has depends on its kind
// (docs/ledger.md, "Events"); exactly those must be set, and the others be zero.
type Event struct {
	Kind           Kind
	Statement      crypto.Number         //
	Version        int                   // of the statement, from 1
	Notice         crypto.Number         //
	Mailbox        crypto.Number         //
	Representative crypto.Representative //
	Manifest       Digest                // of the statement's, the notice's or the client's manifest
	Receipt        Digest                // of the clear-signed acknowledgement
	Fingerprint    crypto.Fingerprint    //
	Certificate    Digest                // of the binary certificate
	Thread         crypto.Number         //
	Message        Digest                // of the heading of a reply or an answer, in clear
	ID             string                // of a portal.NoticeEvent
	By             string                // a holder; "": the portal
	Via            string                // how somebody was reached
	Evidence       Digest                // of what somebody signed
	Key            string                // a verifier key (C2SP signed-note)
	At             time.Time             // written in UTC, cut to seconds
}

// field is one line of an event. get returns "" when the event hasn't got it. set
// need not insist on one spelling: whoever calls it compares what get returns then.
type field struct {
	key  string
	must string // what the value must be, for messages
	get  func(*Event) string
	set  func(*Event, string) error
}

func digestField(key string, at func(*Event) *Digest) field {
	return field{key, "a SHA-256 digest, 64 digits 0–9 and small letters a–f",
		func(e *Event) string {
			if *at(e) == (Digest{}) {
				return ""
			}
			return at(e).String()
		},
		func(e *Event, v string) (err error) {
			*at(e), err = ParseDigest(v)
			return err
		}}
}

func numberField(key, must string, at func(*Event) *crypto.Number, kinds ...crypto.Kind) field {
	return field{key, must,
		func(e *Event) string { return string(*at(e)) },
		func(e *Event, v string) error {
			n, err := crypto.ParseNumber(v)
			if err == nil && !slices.Contains(kinds, n.Kind()) {
				err = fmt.Errorf("%s is a number of another kind", n)
			}
			*at(e) = n
			return err
		}}
}

// The lines of events.
var (
	statementField = numberField("statement", "a statement's number, such as P-V2HC9RK1", func(e *Event) *crypto.Number { return &e.Statement }, crypto.KindStatement)
	versionField   = field{"version", "a number from 1 to 9999",
		func(e *Event) string {
			if e.Version == 0 {
				return ""
			}
			return strconv.Itoa(e.Version)
		},
		func(e *Event, v string) (err error) {
			e.Version, err = strconv.Atoi(v)
			if err == nil && (e.Version < 1 || e.Version > 9999) {
				err = fmt.Errorf("%s is out of range", v)
			}
			return err
		}}
	noticeField         = numberField("notice", "a notice's number, such as N-4GZ0R8T4", func(e *Event) *crypto.Number { return &e.Notice }, crypto.KindNotice)
	mailboxField        = numberField("mailbox", "a mailbox's number, such as S-7K2M9QXD", func(e *Event) *crypto.Number { return &e.Mailbox }, crypto.KindState, crypto.KindOrganisation, crypto.KindIndividual)
	representativeField = field{"representative", "a representative's number, such as S-7K2M9QXD/2",
		func(e *Event) string {
			if e.Representative == (crypto.Representative{}) {
				return ""
			}
			return e.Representative.String()
		},
		func(e *Event, v string) (err error) {
			e.Representative, err = crypto.ParseRepresentative(v)
			return err
		}}
	manifestField    = digestField("manifest", func(e *Event) *Digest { return &e.Manifest })
	receiptField     = digestField("receipt", func(e *Event) *Digest { return &e.Receipt })
	threadField      = numberField("thread", "a thread's number, such as T-4GZ0R8T4", func(e *Event) *crypto.Number { return &e.Thread }, crypto.KindThread)
	messageField     = digestField("message", func(e *Event) *Digest { return &e.Message })
	certificateField = digestField("certificate", func(e *Event) *Digest { return &e.Certificate })
	fingerprintField = field{"fingerprint", "a fingerprint: 40 or 64 digits 0–9 and capitals A–F, without spaces",
		func(e *Event) string { return string(e.Fingerprint) },
		func(e *Event, v string) (err error) {
			e.Fingerprint, err = crypto.ParseFingerprint(v)
			return err
		}}
	eventField = field{"event", "the ID of an event, 32 digits 0–9 and small letters a–f",
		func(e *Event) string { return e.ID },
		func(e *Event, v string) error {
			e.ID = v
			if id, err := hex.DecodeString(v); err != nil || len(id) != 16 || hex.EncodeToString(id) != v {
				return fmt.Errorf("this is no ID")
			}
			return nil
		}}
	byField = field{"by", "who did it: a representative's number, \"staff:\" and a fingerprint, or none",
		func(e *Event) string { return e.By },
		func(e *Event, v string) error {
			e.By = v
			if f, ok := strings.CutPrefix(v, portal.StaffHolder("")); ok {
				_, err := crypto.ParseFingerprint(f)
				return err
			}
			_, err := crypto.ParseRepresentative(v)
			return err
		}}
	viaField = field{"via", "how somebody was reached: portal, e-mail, telephone, courier, note-verbale or in-person",
		func(e *Event) string { return e.Via },
		func(e *Event, v string) error {
			e.Via = v
			if !slices.Contains(portal.NoticeVias, portal.NoticeVia(v)) {
				return fmt.Errorf("there is no such way")
			}
			return nil
		}}
	evidenceField = digestField("evidence", func(e *Event) *Digest { return &e.Evidence })
	keyField      = field{"key", "a verifier key: name+8 hexadecimal digits+base64",
		func(e *Event) string { return e.Key },
		func(e *Event, v string) error {
			e.Key = v
			_, err := ParseLogVerifier(v)
			return err
		}}
	timeField = field{"time", "a time in UTC with seconds, such as 2026-01-15T12:00:00Z",
		func(e *Event) string {
			if e.At.IsZero() {
				return ""
			}
			return e.At.UTC().Format(time.RFC3339)
		},
		func(e *Event, v string) error {
			t, err := time.Parse(time.RFC3339, v)
			e.At = t.UTC()
			return err
		}}

	allFields = []field{
		statementField, versionField, noticeField, mailboxField, representativeField, manifestField,
		receiptField, fingerprintField, certificateField, keyField, threadField, messageField, eventField, viaField, byField, evidenceField, timeField,
	}
)

// fieldsOf returns the lines of a kind in their order, nil for one that isn't known.
func fieldsOf(k Kind) []field {
	switch k {
	case StatementPublished, StatementCorrected, StatementWithdrawn:
		return []field{statementField, versionField, manifestField, timeField}
	case StaffCertificate:
		return []field{fingerprintField, certificateField, timeField}
	case CheckpointKey:
		return []field{keyField, timeField}
	case ClientManifest:
		return []field{manifestField, timeField}
	case NoticeDispatched:
		return []field{noticeField, manifestField, timeField}
	case NoticeDelivered:
		return []field{noticeField, mailboxField, manifestField, timeField}
	case NoticeOpened:
		return []field{noticeField, representativeField, timeField}
	case NoticeAcknowledged:
		return []field{noticeField, representativeField, receiptField, timeField}
	case NoticeNotified, NoticeNotifyFailed, NoticeRelayed, NoticeRelayFailed:
		return []field{noticeField, mailboxField, eventField, viaField, byField, evidenceField, timeField}
	case NoticeExpired:
		return []field{noticeField, mailboxField, eventField, timeField}
	case NoticeRecalled:
		return []field{noticeField, eventField, byField, timeField}
	case StatementAcknowledged:
		return []field{statementField, versionField, representativeField, receiptField, timeField}
	case RepresentativeIssued, RepresentativeClaimed, RepresentativeRevoked:
		return []field{representativeField, fingerprintField, certificateField, timeField}
	case MessageReceived:
		return []field{threadField, messageField, timeField}
	}
	return nil
}

// lines returns the event's line of its kind and its fields; an error says which
// field is missing, wrong, or one too many.
func (e Event) lines() ([]line, error) {
	fields := fieldsOf(e.Kind)
	if fields == nil {
		return nil, fmt.Errorf("%q is no kind of event that the ledger knows", e.Kind)
	}
	lines := []line{{"kind", string(e.Kind)}}
	for _, f := range fields {
		value := f.get(&e)
		if value == "" && f.mayBeNone() {
			value = none
		} else if err := f.check(value); err != nil {
			return nil, fmt.Errorf("a %s event: %w", e.Kind, err)
		}
		lines = append(lines, line{f.key, value})
	}
	for _, f := range allFields {
		has := slices.ContainsFunc(fields, func(other field) bool { return other.key == f.key })
		if !has && f.get(&e) != "" {
			return nil, fmt.Errorf("a %s event has no %s", e.Kind, f.key)
		}
	}
	return lines, nil
}

// none is the value of a line whose event hasn't got it: every event of a kind has the same lines.
const none = "none"

func (f field) mayBeNone() bool { return f.key == byField.key || f.key == evidenceField.key }

// check says whether value is one that the field may have, in its only spelling.
func (f field) check(value string) error { return f.read(&Event{}, value) }

// read sets the field of e.
func (f field) read(e *Event, value string) error {
	if value == "" {
		return fmt.Errorf("the %s is missing; it must be %s", f.key, f.must)
	}
	if err := f.set(e, value); err != nil || f.get(e) != value {
		return fmt.Errorf("the %s must be %s", f.key, f.must)
	}
	return nil
}

// readEvent reads the lines of an event whose kind was read already.
func readEvent(r *textReader, kind Kind) Event {
	e := Event{Kind: kind}
	fields := fieldsOf(kind)
	if fields == nil {
		r.fail("names a kind of event, %q, that this version does not know; a newer version of Valise may", kind)
	}
	for _, f := range fields {
		value := r.value(f.key)
		if r.err != nil {
			break
		}
		if value == none && f.mayBeNone() {
			continue
		}
		if err := f.read(&e, value); err != nil {
			r.fail("can't be accepted: %w", err)
		}
	}
	return e
}

// ParseDigest reads what String writes.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	if len(text) != 2*len(d) || strings.Trim(text, "0123456789abcdef") != "" {
		return Digest{}, fmt.Errorf("this is no SHA-256 digest in small hexadecimal digits")
	}
	_, err := hex.Decode(d[:], []byte(text))
	return d, err
}

// OfNotice is the event of the ledger for something that happened to a notice.
func OfNotice(e portal.NoticeEvent) Event {
	in := Event{Notice: e.Notice, Mailbox: e.Mailbox, ID: e.ID, By: e.By, Via: string(e.Via), At: e.At}
	if e.Evidence != nil {
		in.Evidence = sha256.Sum256(e.Evidence)
	}
	for kind, of := range noticeKinds {
		if of == e.Kind {
			in.Kind = kind
		}
	}
	if in.Kind == NoticeExpired {
		in.By = ""
	}
	return in
}

// NoticeKind is what a kind of the ledger is called among the events of a notice; "" when it is none of these.
func (k Kind) NoticeKind() portal.NoticeEventKind { return noticeKinds[k] }

var noticeKinds = map[Kind]portal.NoticeEventKind{
	NoticeNotified: portal.NotificationForAcceptance, NoticeNotifyFailed: portal.ConsignmentNotificationFailure, NoticeExpired: portal.AcceptanceRejectionExpiry,
	NoticeRelayed: portal.RelayToNonERDS, NoticeRelayFailed: portal.RelayToNonERDSFailure, NoticeRecalled: portal.Recall,
}
