package web

import (
	"net/http"
	"net/url"
	"strconv"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/publish"
)

const newsroomPath = deskPath + "/statements"

// workGroup are statements that await the same. Key is a key under "newsroom.".
type workGroup struct {
	Key   string
	Lines []deskLine
}

// Calls says whether it waits for whoever looks.
func (g workGroup) Calls() bool { return g.Key == "approve" || g.Key == "returned" }

// newsroomGroups are all groups, what awaits whoever looks first.
var newsroomGroups = []string{"approve", "returned", "mine", "others", "submitted", "approved"}

type newsroomPage struct {
	Groups      []workGroup // none of them empty
	Calls       int         // how many statements wait for whoever looks
	Query       string
	Published   []publishedLine
	Next, First string // addresses; "" for none
	Problem     string
}

// publishedLine is a published statement, and what can be done with it.
type publishedLine struct {
	archiveLine
	Work string // where a new version of it is being worked on; "": nowhere
	Open bool   // a new version can be begun
}

// getNewsroom lists the statements that are being worked on, by what awaits whom, and those that are published.
func (s *server) getNewsroom(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	works, err := s.Publish.Drafts(r.Context(), actor)
	if err != nil {
		return err
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	var page newsroomPage
	grouped := make(map[string][]deskLine)
	at := make(map[crypto.Number]string)
	for _, work := range works {
		group, line := newsroomLine(work, actor, names)
		grouped[group] = append(grouped[group], line)
		at[line.Number] = line.Link
	}
	for _, key := range newsroomGroups {
		if len(grouped[key]) == 0 {
			continue
		}
		group := workGroup{Key: key, Lines: grouped[key]}
		if group.Calls() {
			page.Calls += len(group.Lines)
		}
		page.Groups = append(page.Groups, group)
	}
	status, err := s.newsroomArchive(w, r, &page, at)
	if err != nil {
		return err
	}
	return s.pages.render(w, r, status, "newsroom", page)
}

// newsroomLine says where a statement stands, and in which group that is for an actor.
func newsroomLine(work publish.Work, actor portal.Actor, names nameBook) (group string, line deskLine) {
	me := actor.Holder()
	line = deskLine{
		Number: work.Statement, State: string(work.State), By: names.of(work.SavedBy), At: work.SavedAt.UTC(), Link: newsroomPath + "/" + string(work.Statement),
	}
	switch work.State {
	case publish.Submitted:
		line.By, line.At = names.of(work.SubmittedBy), work.SubmittedAt.UTC()
		if actor.Has(crypto.RoleApprover) && work.SubmittedBy != me {
			line.Calls = true
			return "approve", line
		}
		return "submitted", line
	case publish.Approved:
		line.By, line.At = names.of(work.ApprovedBy), work.ApprovedAt.UTC()
		if work.CheckedAt.IsZero() {
			line.State = "unchecked"
		}
		return "approved", line
	}
	line.Link += "/edit"
	mine := work.SavedBy == me
	if work.Reason != nil {
		line.State, line.By, line.At = "returned", names.of(work.ReturnedBy), work.ReturnedAt.UTC()
		if mine {
			line.Calls = true
			return "returned", line
		}
	}
	if mine {
		return "mine", line
	}
	return "others", line
}

// newsroomArchive fills in a page of what is published, and returns the status to answer with.
func (s *server) newsroomArchive(w http.ResponseWriter, r *http.Request, page *newsroomPage, works map[crypto.Number]string) (status int, err error) {
	values := r.URL.Query()
	page.Query = values.Get("q")
	q, err := archiveQuery(url.Values{"q": values["q"], "before": values["before"]})
	var entries []publish.Entry
	var next publish.Place
	if err == nil {
		entries, next, err = s.Publish.Archive(r.Context(), q)
	}
	if err != nil {
		f, ok := s.again(r, err)
		if !ok {
			return 0, err
		}
		page.Problem, err = s.problem(w, r, f)
		return f.status, err
	}
	l := s.pages.languages.pick(w, r, s.pages.secure)
	for _, line := range archiveLines(entries, l.tag) {
		work := works[line.Number]
		page.Published = append(page.Published, publishedLine{line, work, work == "" && line.Kind != crypto.StatementWithdrawal})
	}
	address := func(before string) string {
		return newsroomPath + "?" + asked(url.Values{"q": values["q"]}, before) + "#published"
	}
	if next != 0 {
		page.Next = address(strconv.FormatInt(int64(next), 10))
	}
	if values.Get("before") != "" {
		page.First = address("")
	}
	return http.StatusOK, nil
}

// getStatementStanding tells an open editor whether somebody else was there.
func (s *server) getStatementStanding(w http.ResponseWriter, r *http.Request) error {
	n, err := pathStatement(r)
	if err != nil {
		return err
	}
	work, err := s.Publish.Standing(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireStatementStanding(work))
}

// wireStatementStanding is a work without anything sealed.
func wireStatementStanding(w publish.Work) api.StatementStanding {
	return api.StatementStanding{
		Statement: w.Statement, State: api.StatementState(w.State), Revision: w.Revision, Saved: wireTime(w.SavedAt), SavedBy: w.SavedBy,
		Submission: w.SubmissionSHA256, Submitted: wireTimeOrNull(w.SubmittedAt), SubmittedBy: w.SubmittedBy,
		Approved: wireTimeOrNull(w.ApprovedAt), ApprovedBy: w.ApprovedBy, Checked: wireTimeOrNull(w.CheckedAt),
		Returned: wireTimeOrNull(w.ReturnedAt), ReturnedBy: w.ReturnedBy,
	}
}
