package portal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
)

// NoticeEventKind is what happened to a notice on its way, in the words of ETSI EN 319 522-1 where it has one (docs/formats.md, "Events").
type NoticeEventKind string

const (
	NotificationForAcceptance      NoticeEventKind = "NotificationForAcceptance"      // a mailbox was told or reminded that the notice waits for its answer
	ConsignmentNotificationFailure NoticeEventKind = "ConsignmentNotificationFailure" // it was to be told, and could not be
	AcceptanceRejectionExpiry      NoticeEventKind = "AcceptanceRejectionExpiry"      // the deadline passed without an answer
	RelayToNonERDS                 NoticeEventKind = "RelayToNonERDS"                 // the sealed message went out by e-mail
	RelayToNonERDSFailure          NoticeEventKind = "RelayToNonERDSFailure"          // it did not
	Recall                         NoticeEventKind = "Recall"                         // ours: taken back before its release
)

// NoticeEventKinds are all.
var NoticeEventKinds = []NoticeEventKind{NotificationForAcceptance, ConsignmentNotificationFailure, AcceptanceRejectionExpiry, RelayToNonERDS, RelayToNonERDSFailure, Recall}

// NoticeVia is how somebody was reached.
type NoticeVia string

const (
	ViaPortal      NoticeVia = "portal" // shown in the mailbox
	ViaEMail       NoticeVia = "e-mail"
	ViaTelephone   NoticeVia = "telephone"
	ViaCourier     NoticeVia = "courier"
	ViaNoteVerbale NoticeVia = "note-verbale"
	ViaInPerson    NoticeVia = "in-person"
)

// NoticeVias are all.
var NoticeVias = []NoticeVia{ViaPortal, ViaEMail, ViaTelephone, ViaCourier, ViaNoteVerbale, ViaInPerson}

// NoticeEvent is something that happened to a notice, beside its release, its being opened and its receipts. It is kept for good, and is a private leaf of
// the ledger.
type NoticeEvent struct {
	// ID is 32 small hexadecimal digits; "" lets RecordNoticeEvents draw one. Of two events with one ID the first stays: see NoticeEventID.
	ID       string
	Notice   crypto.Number
	Mailbox  crypto.Number // "" for Recall only
	Kind     NoticeEventKind
	At       time.Time
	By       string    // a holder, such as StaffHolder's; "": the portal itself
	Via      NoticeVia // "" for AcceptanceRejectionExpiry and Recall
	Evidence []byte    // what somebody signed; nil: nobody did. Its digest is in the ledger
}

// NoticeEventID is the ID of something that happens once, such as the reminder of a notice to a mailbox at an hour, whoever records it and however often.
func NoticeEventID(occasion ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(occasion, "\n")))
	return hex.EncodeToString(sum[:16])
}

// NewNoticeEventID draws one.
func NewNoticeEventID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// maxEventEvidence is the size in bytes of the largest evidence that an event has.
const maxEventEvidence = 256 << 10

// Check refuses what is no event that can be kept.
func (e NoticeEvent) Check() error {
	alone := e.Kind == Recall || e.Kind == AcceptanceRejectionExpiry
	wrong := func(what string) error { return fmt.Errorf("a %.40q event of a notice %s", string(e.Kind), what) }
	switch n, err := crypto.ParseNumber(string(e.Notice)); {
	case !slices.Contains(NoticeEventKinds, e.Kind):
		return wrong("is of no kind that there is")
	case err != nil || n != e.Notice || n.Kind() != crypto.KindNotice:
		return wrong("names no notice")
	case e.At.IsZero():
		return wrong("has no time")
	case (e.Mailbox == "") != (e.Kind == Recall):
		return wrong("must name a mailbox, and the recall of a notice none")
	case alone && e.Via != "" || !alone && !slices.Contains(NoticeVias, e.Via):
		return wrong(fmt.Sprintf("can't have happened by way of %.40q", string(e.Via)))
	case len(e.Evidence) > maxEventEvidence || alone && e.Evidence != nil:
		return wrong("has evidence that it can't have")
	}
	if e.Mailbox != "" {
		if m, err := crypto.ParseNumber(string(e.Mailbox)); err != nil || m != e.Mailbox || !slices.Contains([]crypto.Kind{crypto.KindState, crypto.KindOrganisation, crypto.KindIndividual}, m.Kind()) {
			return wrong("names no mailbox")
		}
	}
	if id, err := hex.DecodeString(e.ID); err != nil || len(id) != 16 || hex.EncodeToString(id) != e.ID {
		return wrong("has no ID of 32 small hexadecimal digits")
	}
	if e.By != "" {
		if _, err := crypto.ParseRepresentative(e.By); err != nil && !strings.HasPrefix(e.By, StaffHolder("")) {
			return wrong("is by nobody whom the portal knows")
		}
	}
	return nil
}
