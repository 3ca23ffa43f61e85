package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/audit"
)

// auditGroup are acts that one looks for together. Key names them in a question, and under "audit.group." in the catalogues.
type auditGroup struct {
	Key  string
	Acts []string
}

// auditGroups are all acts that the steps write down, in the order in which the page offers them. Each has a sentence and a name in the catalogues.
var auditGroups = []auditGroup{
	{"statements", []string{
		"publish.save", "publish.attach", "publish.discard", "publish.submit", "publish.approve", "publish.return", "publish.cancel", "publish.check", "publish.publish",
		"publish.drafts", "publish.draft", "publish.attachment", "publish.standing", "publish.awaited", "publish.acknowledgements", "publish.receipt",
	}},
	{"notices", []string{
		"dispatch.submit", "dispatch.approve", "dispatch.return", "dispatch.recall", "dispatch.notices", "dispatch.examine", "dispatch.personal", "dispatch.status", "dispatch.reach", "dispatch.receipt", "dispatch.receipts", "dispatch.manifest", "dispatch.contact", "dispatch.contacts", "dispatch.remind", "courier.outbox", "courier.retry", "courier.inbox", "courier.mail", "courier.remove-mail", "dispatch.bundle", "dispatch.upload", "dispatch.drafts", "dispatch.draft", "dispatch.save-draft", "dispatch.discard-draft", "dispatch.attach", "dispatch.attachment",
	}},
	{"threads", []string{
		"correspond.reply", "correspond.answer", "correspond.assign", "correspond.close", "correspond.reopen", "correspond.share",
		"correspond.inbox", "correspond.thread", "correspond.message", "correspond.addressees", "correspond.lacking",
	}},
	{"mailboxes", []string{"registry.issue", "registry.revoke", "registry.claim", "registry.change-lock", "registry.directory", "registry.chain", "registry.save-group", "registry.set-address", "registry.remove-address", "registry.mail-resend", "registry.mail-stop-email", "registry.mail-new-certificate", "registry.mail-more", "registry.address", "registry.groups", "registry.group", "registry.desk-keys", "registry.share-desk-key"}},
	{"staff", []string{
		"registry.log-in", "registry.add-staff", "registry.add-client-manifest", "passkey.show", "passkey.enrol", "passkey.enrol-with-key-alone", "passkey.rename", "passkey.remove", "passkey.reset", "passkey.copied",
		"sign-on", "sign-on.other-account", "log-in.confirm", "log-in.refuse",
	}},
	{"trail", []string{"audit.read", "audit.export"}},
}

// isAuditAct says whether the catalogues have words for an act.
func isAuditAct(name string) bool {
	return slices.ContainsFunc(auditGroups, func(g auditGroup) bool { return slices.Contains(g.Acts, name) })
}

// auditActs are the acts that a word of a question names: one, or a group.
func auditActs(word string) []string {
	if i := slices.IndexFunc(auditGroups, func(g auditGroup) bool { return g.Key == word }); i >= 0 {
		return auditGroups[i].Acts
	}
	if word == "" {
		return nil
	}
	return []string{word}
}

// What of the trail is shown.
const (
	showAll     = "all"
	showChanges = "changes"
	showRefused = "refused"
)

// auditQuery reads a question to the trail out of an address; show is what is shown when it doesn't say.
func auditQuery(v url.Values, show string) (q audit.Query, err error) {
	if asked := v.Get("show"); asked != "" {
		show = asked
	}
	switch show {
	case showAll:
	case showChanges:
		q.Changes = true
	case showRefused:
		q.Refused = true
	default:
		return q, portal.Errorf(portal.Invalid, "invalid-show", "\"show\" is all, changes or refused.")
	}
	if q.From, err = auditTime(v.Get("from"), false); err != nil {
		return q, err
	}
	if q.To, err = auditTime(v.Get("to"), true); err != nil {
		return q, err
	}
	if q.Before, err = audit.ParsePlace(v.Get("before")); err != nil {
		return q, err
	}
	if limit := v.Get("limit"); limit != "" {
		if q.Limit, err = strconv.Atoi(limit); err != nil || q.Limit < 1 {
			return q, portal.Errorf(portal.Invalid, "invalid-limit", "A page has 1 to %d entries.", audit.MaxPage)
		}
	}
	q.Actor, q.Acts, q.Object = strings.TrimSpace(v.Get("actor")), auditActs(v.Get("act")), strings.TrimSpace(v.Get("object"))
	if !strings.Contains(q.Object, ":") {
		q.Object = strings.ToUpper(q.Object)
	}
	if auditedNumber.MatchString(q.Object) {
		if q.Object, err = auditNumber(q.Object); err != nil {
			return q, err
		}
	}
	return q, nil
}

// auditedNumber is what somebody typed who meant a number.
var auditedNumber = regexp.MustCompile(`^[A-Z]-?[0-9A-Z]+(/[0-9]+)?$`)

// auditNumber spells a number as the trail does. One with a typing error is refused: that nothing was found would be taken for an answer.
func auditNumber(text string) (string, error) {
	mailbox, _, representative := strings.Cut(text, "/")
	number, err := crypto.ParseNumber(mailbox)
	if err != nil {
		return "", portal.Errorf(portal.Invalid, "invalid-object", "%s is no number, such as P-7K2M9QXD, N-7K2M9QXD or S-7K2M9QXD/2: look for a typing error.", text)
	}
	if !representative {
		return string(number), nil
	}
	who, err := crypto.ParseRepresentative(text)
	if err != nil {
		return "", portal.Errorf(portal.Invalid, "invalid-object", "%s is no representative’s number, such as S-7K2M9QXD/2.", text)
	}
	return who.String(), nil
}

// auditTime reads a day or a time; the day that a period ends with is part of it.
func auditTime(text string, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			day = day.AddDate(0, 0, 1)
		}
		return day, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, portal.Errorf(portal.Invalid, "invalid-time", "A time is a day, such as 2026-01-31, or a time with its offset, such as 2026-01-31T09:30:00Z.")
	}
	return t, nil
}

func wireAudit(entries []audit.Entry, names nameBook) []api.AuditEntry {
	lines := make([]api.AuditEntry, len(entries))
	for i, e := range entries {
		lines[i] = api.AuditEntry{At: e.At, Actor: e.Actor, Name: names[e.Actor], Act: e.Name(), Refused: e.Refused(), Object: e.Object}
	}
	return lines
}

func (s *server) getAudit(w http.ResponseWriter, r *http.Request) error {
	q, err := auditQuery(r.URL.Query(), showAll)
	if err != nil {
		return err
	}
	entries, next, err := s.Audit.Trail(r.Context(), visitOf(r).actor, q)
	if err != nil {
		return err
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.AuditTrail{Entries: wireAudit(entries, names), Next: next.String()})
}

// getAuditCSV hands out all that was asked for, as a table (RFC 4180).
func (s *server) getAuditCSV(w http.ResponseWriter, r *http.Request) error {
	q, err := auditQuery(r.URL.Query(), showAll)
	if err != nil {
		return err
	}
	entries, err := s.Audit.Export(r.Context(), visitOf(r).actor, q)
	if err != nil {
		return err
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	lines := [][]string{{"at", "actor", "name", "act", "refused", "object"}}
	for _, e := range wireAudit(entries, names) {
		lines = append(lines, []string{e.At.Format(time.RFC3339Nano), e.Actor, e.Name, e.Act, strconv.FormatBool(e.Refused), e.Object})
	}
	writeFile(w, "audit.csv", "text/csv; charset=utf-8", api.Table(lines))
	return nil
}
