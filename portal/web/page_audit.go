package web

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"valise/portal"
	"valise/portal/audit"
)

// auditPage is the trail, and what was asked of it.
type auditPage struct {
	From, To, Actor, Act, Object, Show string
	Asked                              bool // for something in particular
	Later                              bool // not the first page
	Actors                             []auditActor
	Groups                             []auditGroup
	Days                               []auditDay
	Next, First, CSV                   string // addresses; "" for none
	Problem                            string
	Foreign                            bool // the problem is told in English in a page that isn't
}

type auditActor struct {
	Holder, Name string
}

// auditDay are the entries of a day, in UTC, newest first.
type auditDay struct {
	Day   time.Time
	Lines []auditLine
}

type auditLine struct {
	At      time.Time
	Clock   string
	Act     string
	Refused bool
	Text    []auditText
}

// auditText is a piece of a sentence: words, or a number, which is not broken at the end of a line.
type auditText struct {
	Text   string
	Number bool
}

var numbers = regexp.MustCompile(`\b[SOINPTG]-[0-9A-Z]{8}\b(/\d+)?`)

// auditPieces cuts a sentence at its numbers.
func auditPieces(text string) (pieces []auditText) {
	rest := 0
	for _, at := range numbers.FindAllStringIndex(text, -1) {
		pieces = append(pieces, auditText{text[rest:at[0]], false}, auditText{text[at[0]:at[1]], true})
		rest = at[1]
	}
	return append(pieces, auditText{text[rest:], false})
}

// getAuditPage shows the trail, page by page. It works without scripts.
func (s *server) getAuditPage(w http.ResponseWriter, r *http.Request) error {
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	values := r.URL.Query()
	page := auditPage{
		From: values.Get("from"), To: values.Get("to"), Actor: values.Get("actor"), Act: values.Get("act"), Object: values.Get("object"),
		Show: cmp.Or(values.Get("show"), showChanges), Later: values.Get("before") != "", Groups: auditGroups,
	}
	page.Asked = page.From+page.To+page.Actor+page.Act+page.Object != ""
	for holder, name := range names {
		page.Actors = append(page.Actors, auditActor{holder, name})
	}
	slices.SortFunc(page.Actors, func(a, b auditActor) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Holder, b.Holder)) })
	status := http.StatusOK
	l := s.pages.languages.pick(w, r, s.pages.secure)
	q, err := auditQuery(values, showChanges)
	var entries []audit.Entry
	var next audit.Place
	if err == nil {
		q.Limit = audit.DefaultPage
		entries, next, err = s.Audit.Trail(r.Context(), visitOf(r).actor, q)
	}
	if err != nil {
		f, ok := s.again(r, err)
		if !ok {
			return err
		}
		page.Problem, page.Foreign = l.failure(f)
		status = f.status
	}
	if page.Days, err = auditDays(l, names, entries); err != nil {
		return err
	}
	if next != (audit.Place{}) {
		page.Next = "/staff/audit?" + askedOfAudit(values, next.String())
	}
	if page.Later {
		page.First = "/staff/audit?" + askedOfAudit(values, "")
	}
	if page.Problem == "" {
		download := url.Values{"show": {page.Show}}
		for _, name := range []string{"from", "to", "actor", "act", "object"} {
			if value := values.Get(name); value != "" {
				download.Set(name, value)
			}
		}
		page.CSV = "/api/v1/staff/audit.csv?" + download.Encode()
	}
	return s.pages.render(w, r, status, "audit", page)
}

// askedOfAudit is the same question for another page.
func askedOfAudit(v url.Values, before string) string {
	again := make(url.Values)
	for _, name := range []string{"from", "to", "actor", "act", "object", "show"} {
		if value := v.Get(name); value != "" {
			again.Set(name, value)
		}
	}
	if before != "" {
		again.Set("before", before)
	}
	return again.Encode()
}

// auditDays sorts entries, newest first as they are, by days.
func auditDays(l *spoken, names nameBook, entries []audit.Entry) (days []auditDay, err error) {
	for _, e := range entries {
		day := e.At.Truncate(24 * time.Hour)
		if len(days) == 0 || !days[len(days)-1].Day.Equal(day) {
			days = append(days, auditDay{Day: day})
		}
		line := auditLine{At: e.At, Clock: e.At.Format("15:04:05"), Act: e.Name(), Refused: e.Refused()}
		sentence, err := auditSentence(l, names, e)
		if err != nil {
			return nil, err
		}
		line.Text = auditPieces(sentence)
		last := &days[len(days)-1]
		last.Lines = append(last.Lines, line)
	}
	return days, nil
}

// refusedOtherwise are acts that are refused for another reason than that somebody has not the right; that has a sentence of its own.
var refusedOtherwise = []string{"passkey.show", "passkey.copied", "sign-on.other-account"}

// longestObject is how much of something that is no number is shown: of a passkey's id, say.
const longestObject = 25

// auditSentence tells an act in words.
func auditSentence(l *spoken, names nameBook, e audit.Entry) (string, error) {
	who, what := names.of(e.Actor), e.Object
	var err error
	if e.Actor == "" {
		if who, err = l.say("audit.nobody", nil, nil); err != nil {
			return "", err
		}
	}
	switch _, ofStaff := portal.StaffFingerprint(e.Object); {
	case ofStaff:
		what = names.of(e.Object)
	case e.Object == "all":
		what = ""
	case len(what) > longestObject && !strings.Contains(what, " "):
		what = strings.ToValidUTF8(what[:longestObject-10], "") + "…"
	default:
		what = strings.ReplaceAll(what, " ", ", ")
	}
	// What no catalogue knows, because a newer version of Valise wrote it, is told as it stands there.
	if !isAuditAct(e.Name()) {
		return strings.Join([]string{who, e.Act, what}, " · "), nil
	}
	words := map[string]any{"Who": who, "What": what}
	switch {
	case !e.Refused():
		return l.say("audit.did."+e.Name(), words, nil)
	case slices.Contains(refusedOtherwise, e.Name()):
		return l.say("audit.not."+e.Name(), words, nil)
	}
	act, err := l.say("audit.act."+e.Name(), nil, nil)
	if err != nil {
		return "", err
	}
	if what != "" {
		act += " (" + what + ")"
	}
	return l.say("audit.refused", map[string]any{"Who": who, "Act": act}, nil)
}
