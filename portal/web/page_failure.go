package web

import (
	"net/http"
	"strconv"
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
	if text, err := l.say("failure.code."+f.code, nil, nil); err == nil {
		page.Message = text
	} else {
		page.Foreign = l.tag != "en"
	}
	if err := g.render(w, r, f.status, "failure", page); err != nil {
		// The page that tells of a mistake has one itself: plain words then.
		writeBytes(w, f.status, "text/plain; charset=utf-8", []byte(f.message+"\n"))
	}
}
