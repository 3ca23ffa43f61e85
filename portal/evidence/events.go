package evidence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
)

// Name is what happened, in the words of ETSI EN 319 522-1, clause 6.2, where it has one (docs/formats.md has the table).
type Name string

const (
	SubmissionAcceptance      Name = "SubmissionAcceptance"      // the author's sealed notice was taken in
	Approval                  Name = "Approval"                  // ours: the second person signed
	Dispatch                  Name = "Dispatch"                  // ours: released into all mailboxes at once
	ContentConsignment        Name = "ContentConsignment"        // it lies in this mailbox
	ContentHandover           Name = "ContentHandover"           // a representative of it fetched it for the first time
	ConsignmentAcceptance     Name = "ConsignmentAcceptance"     // acknowledged
	ConsignmentRejection      Name = "ConsignmentRejection"      // opened, and acknowledgement declined
	AcceptanceRejectionExpiry Name = "AcceptanceRejectionExpiry" // the deadline passed in silence

	NotificationForAcceptance      Name = "NotificationForAcceptance"      // the mailbox was reminded, or its people were told by another way
	ConsignmentNotificationFailure Name = "ConsignmentNotificationFailure" // they were to be, and couldn't be reached
	RelayToNonERDS                 Name = "RelayToNonERDS"                 // the sealed message went out by e-mail
	RelayToNonERDSFailure          Name = "RelayToNonERDSFailure"          // it did not
)

// order of events of one second.
var order = []Name{SubmissionAcceptance, Approval, Dispatch, ContentConsignment, RelayToNonERDS, RelayToNonERDSFailure, NotificationForAcceptance, ConsignmentNotificationFailure,
	ContentHandover, ConsignmentAcceptance, ConsignmentRejection, AcceptanceRejectionExpiry}

// Word says on whose word a line stands.
type Word string

const (
	BySignature Word = "signature" // of whom the line names; the time is theirs
	ByLedger    Word = "ledger"    // and the portal entered it in the ledger; the time is that of the entry
	ByPortal    Word = "portal"    // nobody but the portal says it
)

// Event is a line of events.csv.
type Event struct {
	Event    Name   `json:"event"`
	Time     string `json:"time"`     // RFC 3339, UTC, to the second
	Mailbox  string `json:"mailbox"`  // "": all
	By       string `json:"by"`       // a fingerprint, a representative, or "portal"
	Via      string `json:"via"`      // how the mailbox was told or reached; "": it wasn't
	Evidence string `json:"evidence"` // the file that shows it; "": none does
	Word     Word   `json:"word"`
}

const csvHead = "event,time,mailbox,by,via,evidence,word\n"

func (e Event) line() string {
	return strings.Join([]string{string(e.Event), e.Time, e.Mailbox, e.By, e.Via, e.Evidence, string(e.Word)}, ",") + "\n"
}

func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// sortEvents sorts them. What the portal says of two representatives of a mailbox in one second is one line.
func sortEvents(events []Event) []Event {
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(strings.Compare(a.Time, b.Time), cmp.Compare(slices.Index(order, a.Event), slices.Index(order, b.Event)), strings.Compare(a.Mailbox, b.Mailbox),
			strings.Compare(a.By, b.By), strings.Compare(a.Via, b.Via), strings.Compare(a.Evidence, b.Evidence))
	})
	return slices.Compact(events)
}

// encode writes sorted events as the two lists.
func encode(events []Event) (table, list []byte) {
	var c, j bytes.Buffer
	c.WriteString(csvHead)
	j.WriteString("[\n")
	for i, e := range events {
		c.WriteString(e.line())
		text, err := json.Marshal(e)
		if err != nil {
			panic(err) // texts, which can always be written
		}
		j.Write(text)
		if i < len(events)-1 {
			j.WriteByte(',')
		}
		j.WriteByte('\n')
	}
	j.WriteString("]\n")
	return c.Bytes(), j.Bytes()
}

// parseEvents reads events.csv. Nothing in it is known to be true.
func parseEvents(table []byte) ([]Event, error) {
	text, ok := strings.CutPrefix(string(table), csvHead)
	if !ok || text != "" && !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("%s does not begin with %q, or was cut off", csvFile, strings.TrimSpace(csvHead))
	}
	var events []Event
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		if len(f) != 7 || !slices.Contains(order, Name(f[0])) || !slices.Contains([]Word{BySignature, ByLedger, ByPortal}, Word(f[6])) || strings.ContainsAny(line, "\"\r\\") {
			return nil, fmt.Errorf("line %d of %s is no event that a bundle has", len(events)+2, csvFile)
		}
		if t, err := time.Parse(time.RFC3339, f[1]); err != nil || stamp(t) != f[1] {
			return nil, fmt.Errorf("line %d of %s has no time in UTC", len(events)+2, csvFile)
		}
		events = append(events, Event{Name(f[0]), f[1], f[2], f[3], f[4], f[5], Word(f[6])})
	}
	return events, nil
}

// ofNotice are the events before the mailboxes.
func ofNotice(v *crypto.VerifiedManifest, submitted, dispatched time.Time) []Event {
	return []Event{
		{SubmissionAcceptance, stamp(submitted), "", string(v.Author().Certificate().Fingerprint()), "", authorFile, ByPortal},
		approved(v), dispatch(dispatched),
	}
}

func approved(v *crypto.VerifiedManifest) Event {
	return Event{Approval, stamp(v.ApproverSignature().Made()), "", string(v.Approver().Certificate().Fingerprint()), "", approverFile, BySignature}
}

func dispatch(at time.Time) Event {
	return Event{Dispatch, stamp(at), "", "portal", "", dispatchFile, ByLedger}
}

// answered is the event of a receipt: entered at that time, or, when the zero time is given, signed when it says.
func answered(a *crypto.Acknowledgement, entered time.Time) Event {
	mailbox := a.Representative.Mailbox
	e := Event{ConsignmentAcceptance, stamp(a.Time), string(mailbox), a.Representative.String(), "", receiptFile(mailbox), BySignature}
	if a.Decision == crypto.DecisionRefused {
		e.Event = ConsignmentRejection
	}
	if !entered.IsZero() {
		e.Time, e.Word = stamp(entered), ByLedger
	}
	return e
}

// ofMailbox are the events of a mailbox that nobody but the portal tells: those of which proved has no proof.
func ofMailbox(m *crypto.Manifest, e *portal.MailboxEvidence, proved []Event, now time.Time) []Event {
	mailbox, receipt := string(e.Mailbox), ""
	if e.Acknowledgement != nil {
		receipt = receiptFile(e.Mailbox) // it reveals the opening value
	}
	shown := func(n Name) bool { return slices.ContainsFunc(proved, func(p Event) bool { return p.Event == n }) }
	var events []Event
	if !shown(ContentConsignment) {
		events = append(events, Event{ContentConsignment, stamp(e.DeliveredAt), mailbox, "portal", "", membershipFile(e.Members[0].Representative), ByPortal})
	}
	if !e.OpenedAt.IsZero() && !shown(ContentHandover) {
		events = append(events, Event{ContentHandover, stamp(e.OpenedAt), mailbox, "portal", "", receipt, ByPortal})
	}
	expired := shown(AcceptanceRejectionExpiry)
	for i, kept := range others(e.Events) {
		at := told(kept, eventProofFile(e.Mailbox, i))
		expired = expired || at.Event == AcceptanceRejectionExpiry
		if !slices.Contains(proved, at) {
			at.Evidence, at.Word = "", ByPortal
			if at.Event == AcceptanceRejectionExpiry {
				at.Evidence = manifestFile
			}
			events = append(events, at)
		}
	}
	if m.Acknowledge && e.Acknowledgement == nil && !expired && !m.Deadline.IsZero() && now.After(m.Deadline) {
		events = append(events, Event{AcceptanceRejectionExpiry, stamp(m.Deadline), mailbox, "portal", "", manifestFile, ByPortal})
	}
	return events
}

// contacted is the event of a contact outside the portal, in the i-th of the mailbox's files: when it was is its signer's word.
func contacted(c *crypto.Contact, i int) Event {
	e := Event{NotificationForAcceptance, stamp(c.Time), string(c.Mailbox), string(c.By), string(c.Way), contactFile(c.Mailbox, i), BySignature}
	if !c.Outcome.Told() {
		e.Event = ConsignmentNotificationFailure
	}
	return e
}

// isContact says whether an event that is kept is a contact outside the portal: somebody of the staff signed it.
func isContact(e portal.NoticeEvent) bool {
	_, byStaff := portal.StaffFingerprint(e.By)
	return byStaff && e.Evidence != nil && e.Via != portal.ViaPortal && (e.Kind == portal.NotificationForAcceptance || e.Kind == portal.ConsignmentNotificationFailure)
}

// others are the events that are kept of a mailbox, without contacts.
func others(events []portal.NoticeEvent) []portal.NoticeEvent {
	return slices.DeleteFunc(slices.Clone(events), isContact)
}

// told is the line of an event that the portal keeps, as the proof in that file shows it.
func told(e portal.NoticeEvent, proof string) Event {
	by := e.By
	if f, ok := portal.StaffFingerprint(by); ok {
		by = string(f)
	}
	return Event{Name(e.Kind), stamp(e.At), string(e.Mailbox), cmp.Or(by, "portal"), string(e.Via), proof, ByLedger}
}

// entered is the line of what the ledger has of a mailbox, and of which the proof lies in that file.
func entered(in *ledger.Event, proof string) (Event, error) {
	switch in.Kind {
	case ledger.NoticeDelivered:
		return Event{ContentConsignment, stamp(in.At), string(in.Mailbox), "portal", "", proof, ByLedger}, nil
	case ledger.NoticeOpened:
		return Event{ContentHandover, stamp(in.At), string(in.Representative.Mailbox), in.Representative.String(), "", proof, ByLedger}, nil
	}
	if in.Kind.NoticeKind() == "" || in.Mailbox == "" {
		return Event{}, fmt.Errorf("%s is a proof of something that doesn't belong there", proof)
	}
	return told(portal.NoticeEvent{Kind: in.Kind.NoticeKind(), At: in.At, Mailbox: in.Mailbox, By: in.By, Via: portal.NoticeVia(in.Via)}, proof), nil
}
