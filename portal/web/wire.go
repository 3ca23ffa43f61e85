package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/dispatch"
	"valise/portal/registry"
)

// This file converts between what the steps keep and what travels (package api), and reads numbers out of paths.

// ------------------------------------------------------------------ paths

func pathNotice(r *http.Request) (crypto.Number, error) {
	n, err := crypto.ParseNumber(r.PathValue("notice"))
	if err != nil {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no notice's number: %v.", err)
	}
	if n.Kind() != crypto.KindNotice {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no notice's number; a notice's starts with N.")
	}
	return n, nil
}

func pathMailbox(r *http.Request) (crypto.Number, error) {
	n, err := crypto.ParseNumber(r.PathValue("mailbox"))
	if err != nil {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no mailbox's number: %v.", err)
	}
	if !n.Kind().Mailbox() {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is the number of a notice or a statement; a mailbox's starts with S, O or I.")
	}
	return n, nil
}

// pathRepresentative reads "S-7K2M9QXC.2".
func pathRepresentative(r *http.Request) (crypto.Representative, error) {
	representative, err := crypto.ParseRepresentative(strings.Replace(r.PathValue("representative"), ".", "/", 1))
	if err != nil {
		return crypto.Representative{}, portal.Errorf(portal.Invalid, "invalid-number", "That is no representative's number: %v.", err)
	}
	return representative, nil
}

// ------------------------------------------------------------------ times

// wireTime is UTC, to the second.
func wireTime(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// wireTimeOrNull is null for what has not happened.
func wireTimeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = wireTime(t)
	return &t
}

// ------------------------------------------------------------------ certificates

func armorAll(certificates []*crypto.Certificate) []string {
	armored := make([]string, len(certificates))
	for i, c := range certificates {
		armored[i] = c.Armor()
	}
	return armored
}

func wireChain(chain [][]byte) []string {
	armored := make([]string, len(chain))
	for i, data := range chain {
		armored[i] = crypto.ArmorCertificate(data)
	}
	return armored
}

// ------------------------------------------------------------------ mailboxes

func wireMe(record portal.RepresentativeRecord) (api.Me, error) {
	if len(record.Chain) == 0 {
		return api.Me{}, fmt.Errorf("a representative without certificate")
	}
	current, err := crypto.ParseCertificate(record.Chain[len(record.Chain)-1])
	if err != nil {
		return api.Me{}, fmt.Errorf("a stored certificate: %w", err)
	}
	return api.Me{
		Representative: record.Representative.String(), State: record.State, Profile: record.Profile,
		Fingerprint: current.Fingerprint(), Chain: wireChain(record.Chain),
	}, nil
}

func wireMailbox(m registry.Mailbox) api.Mailbox {
	mailbox := api.Mailbox{
		Mailbox: m.Number, Kind: string(m.Number.Kind()), Label: m.Label,
		Representatives: make([]api.Representative, len(m.Representatives)),
	}
	for i, record := range m.Representatives {
		mailbox.Representatives[i] = api.Representative{
			Representative: record.Representative.String(), State: record.State, Profile: record.Profile,
			Chain: wireChain(record.Chain), Details: record.Details, Issued: wireTime(record.IssuedAt), Claimed: wireTimeOrNull(record.ClaimedAt),
			Revoked: wireTimeOrNull(record.RevokedAt), Reason: record.Reason, Email: record.HasAddress, StoppedEmail: wireTimeOrNull(record.StoppedEmail),
		}
	}
	return mailbox
}

func wireHeldEnvelopes(held []registry.HeldEnvelope) []api.HeldEnvelope {
	envelopes := make([]api.HeldEnvelope, len(held))
	for i, e := range held {
		envelopes[i] = api.HeldEnvelope{Notice: e.Notice, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data, Personal: e.Personal}
	}
	return envelopes
}

func heldEnvelopes(envelopes []api.HeldEnvelope) []registry.HeldEnvelope {
	held := make([]registry.HeldEnvelope, len(envelopes))
	for i, e := range envelopes {
		held[i] = registry.HeldEnvelope{Notice: e.Notice, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data, Personal: e.Personal}
	}
	return held
}

// ------------------------------------------------------------------ notices

func wireNotice(d portal.Delivery) api.Notice {
	return api.Notice{
		Notice: d.Notice.Number, SignedManifest: wireManifest(d.Notice.Signed), Membership: string(d.Membership),
		Suite: d.Suite, Envelope: d.Envelope, Heading: d.Notice.Headings[d.Suite],
		Delivered: wireTime(d.DeliveredAt), Opened: wireTimeOrNull(d.OpenedAt), Reminded: wireTimeOrNull(d.RemindedAt), Acknowledgement: wireAcknowledgement(d.Acknowledgement),
	}
}

func wireAcknowledgement(a *portal.AcknowledgementRecord) *api.Acknowledgement {
	if a == nil {
		return nil
	}
	return &api.Acknowledgement{
		Representative: a.Representative.String(), Certificate: a.Certificate, Decision: a.Decision, Received: wireTime(a.ReceivedAt),
	}
}

func wireManifest(s crypto.SignedManifest) api.SignedManifest {
	return api.SignedManifest{
		Manifest: string(s.Manifest), AuthorSignature: string(s.AuthorSignature), ApproverSignature: string(s.ApproverSignature),
	}
}

func wireEvidence(e dispatch.Evidence) api.Evidence {
	return api.Evidence{SignedManifest: wireManifest(e.Signed), Membership: string(e.Membership), Chain: wireChain(e.Chain), Received: wireTime(e.Kept.ReceivedAt)}
}

func sealedNotice(s api.Submission) *crypto.SealedNotice {
	envelopes := make([]crypto.Envelope, len(s.Envelopes))
	for i, e := range s.Envelopes {
		envelopes[i] = crypto.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data, Personal: e.Personal}
	}
	parts := make([]crypto.SealedPersonal, len(s.PersonalParts.PersonalParts))
	for i, p := range s.PersonalParts.PersonalParts {
		parts[i] = crypto.SealedPersonal(p)
	}
	return &crypto.SealedNotice{
		Manifest: []byte(s.Manifest), AuthorSignature: []byte(s.AuthorSignature), Audience: []byte(s.Audience),
		Headings: s.Headings, Bodies: s.Bodies, Envelopes: envelopes,
		PersonalParts: parts, PersonalKey: s.PersonalKey,
	}
}

func wireStaffNotice(record portal.NoticeRecord) api.StaffNotice {
	return api.StaffNotice{
		Notice: record.Number, State: record.State, SignedManifest: wireManifest(record.Signed),
		Submitted: wireTime(record.SubmittedAt), Released: wireTimeOrNull(record.ReleasedAt),
		Approved: wireTimeOrNull(record.ApprovedAt), Release: wireTimeOrNull(record.ReleaseAt), Problem: wireProblem(record.Problem),
		Ended: wireTimeOrNull(record.EndedAt), EndedBy: record.EndedBy, Reason: record.Reason,
	}
}

func wireProblem(p *portal.ReleaseProblem) *api.ReleaseProblem {
	if p == nil {
		return nil
	}
	return &api.ReleaseProblem{At: wireTime(p.At), Code: p.Code, Message: p.Text}
}

func wireExamined(e dispatch.Examined) api.StaffNotice {
	notice := wireStaffNotice(e.Notice)
	notice.Audience, notice.Headings, notice.Bodies = string(e.Notice.Audience), e.Notice.Headings, e.Bodies
	notice.Envelope, notice.Suite = e.Envelope.Data, e.Envelope.Suite
	return notice
}

func wireStatus(s *dispatch.Status) api.Status {
	status := api.Status{
		Notice: s.Notice.Number, State: s.Notice.State, Acknowledge: s.Manifest.Acknowledge,
		Deadline: wireTimeOrNull(s.Manifest.Deadline), Released: wireTimeOrNull(s.Notice.ReleasedAt),
		Urgent: s.Manifest.Urgent, Release: wireTimeOrNull(s.Notice.ReleaseAt), Problem: wireProblem(s.Notice.Problem),
		Mailboxes: make([]api.MailboxStatus, len(s.Mailboxes)),
	}
	for i, m := range s.Mailboxes {
		line := api.MailboxStatus{
			Mailbox: m.Mailbox, Delivered: wireTimeOrNull(m.DeliveredAt), Opened: wireTimeOrNull(m.OpenedAt), Overdue: s.Overdue(m),
		}
		if a := m.Acknowledgement; a != nil {
			line.Acknowledged, line.By, line.Decision = wireTimeOrNull(a.ReceivedAt), a.Representative.String(), a.Decision
		}
		status.Mailboxes[i] = line
	}
	return status
}
