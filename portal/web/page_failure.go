package web

import (
	"net/http"
	"strconv"
	"strings"
)

type failurePage struct {
	Code      string
	Title     string // key of a message
	Message   string
	Foreign   bool // the message is English in a page that isn't
	Reference string
	Go        string // address of the place that is theirs; "" for the first page
	GoText    string // key of a message
}

// elsewhere is where somebody belongs who came to the others' pages.
var elsewhere = map[string]struct{ address, text string }{
	"claim-first":          {"/claim", "home.letter.go"},
	"representatives-only": {deskPath, "failure.to-desk"},
	"staff-only":           {"/mailbox", "failure.to-mailbox"},
	"author-only":          {deskPath, "failure.to-desk"},
	"approver-only":        {deskPath, "failure.to-desk"},
	"registrar-only":       {deskPath, "failure.to-desk"},
	"auditor-only":         {deskPath, "failure.to-desk"},
	"administrator-only":   {deskPath, "failure.to-desk"},
}

// failure says what went wrong, in the catalogue's words for its code. In other languages than English, those that scripts have will do, too: the failure's own sentence
// says more, but is English, and foreign then says that it is that.
func (l *spoken) failure(f failure) (text string, foreign bool) {
	keys := []string{"failure.code." + f.code}
	if l.tag != "en" {
		keys = append(keys, scriptPrefix+"code-"+f.code, scriptPrefix+"desk-code-"+f.code)
	}
	for _, key := range keys {
		if text, err := l.say(key, nil, nil); err == nil {
			return strings.NewReplacer("{seconds}", strconv.Itoa(f.retryAfter), "{reference}", f.reference).Replace(text), false
		}
	}
	return f.message, l.tag != "en"
}

// problem is what went wrong, for pages that show it beside a form: an English sentence is said to be one.
func (l *spoken) problem(f failure) (string, error) {
	text, foreign := l.failure(f)
	if !foreign {
		return text, nil
	}
	return l.say("failure.english", map[string]any{"Message": text}, nil)
}

// problem is the same in the language of who asks.
func (s *server) problem(w http.ResponseWriter, r *http.Request, f failure) (string, error) {
	return s.pages.languages.pick(w, r, s.pages.secure).problem(f)
}

// failure is the page that says what went wrong.
func (g *pages) failure(w http.ResponseWriter, r *http.Request, f failure) {
	page := failurePage{Code: f.code, Message: f.message, Reference: f.reference}
	page.Go, page.GoText = elsewhere[f.code].address, elsewhere[f.code].text
	l := g.languages.pick(w, r, g.secure)
	page.Title = "failure.title." + strconv.Itoa(f.status)
	if _, err := l.say(page.Title, nil, nil); err != nil {
		page.Title = "failure.title.400"
		if f.status >= http.StatusInternalServerError {
			page.Title = "failure.title.500"
		}
	}
	page.Message, page.Foreign = l.failure(f)
	if err := g.render(w, r, f.status, "failure", page); err != nil {
		// The page that tells of a mistake has one itself: plain words then.
		writeBytes(w, f.status, "text/plain; charset=utf-8", []byte(f.message+"\n"))
	}
}
