package web

import (
	"net/http"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/correspond"
)

const inboxPath = deskPath + "/inbox"

// threadRow is a thread as the server knows it: without its subject.
type threadRow struct {
	Number, Mailbox, About crypto.Number
	Link, AboutLink        string
	State                  string // a key under "thread.state."
	Calls                  bool   // it waits for whoever looks
	Changed                time.Time
	Messages, Unread       int
	Assignee               string // name
}

// threadRows is what the template "thread-rows" gets.
type threadRows struct {
	View    *view
	Threads []threadRow
}

type threadsPage struct {
	Mailbox crypto.Number // of a representative
	Own     bool
	Closed  bool // the desk's closed ones
	Unread  int
	Waiting int
	Calls   []threadRow // what waits for an answer, or is unread
	Rest    []threadRow
}

// getThreadsPage lists what a mailbox wrote to the desk, and what came back: what is unread first.
func (s *server) getThreadsPage(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	threads, err := s.Correspond.Threads(r.Context(), actor, "")
	if err != nil {
		return err
	}
	me, err := s.Registry.Me(r.Context(), actor)
	if err != nil {
		return err
	}
	page := threadsPage{Mailbox: me.Representative.Mailbox, Own: me.Profile == crypto.ProfileOwn}
	for _, t := range threads {
		row := threadRowOf(t, "/threads/", "/notices/", "/mailbox/statements/")
		page.Unread += t.Unread
		if row.Calls = t.Unread > 0; row.Calls {
			page.Calls = append(page.Calls, row)
		} else {
			page.Rest = append(page.Rest, row)
		}
	}
	return s.pages.render(w, r, http.StatusOK, "thread_list", page)
}

// getInbox lists the threads of the desk: what waits for an answer first, who has waited longest at the top.
func (s *server) getInbox(w http.ResponseWriter, r *http.Request) error {
	page := threadsPage{Closed: r.URL.Query().Get("state") == "closed"}
	state := "open"
	if page.Closed {
		state = "closed"
	}
	threads, err := s.Correspond.Threads(r.Context(), visitOf(r).actor, state)
	if err != nil {
		return err
	}
	names, err := s.names(r.Context())
	if err != nil {
		return err
	}
	for _, t := range threads {
		row := threadRowOf(t, deskPath+"/threads/", "", "")
		if t.Assignee != "" {
			row.Assignee = names.of(t.Assignee)
		}
		page.Unread += t.Unread
		if row.Calls = t.Waiting(); row.Calls {
			page.Waiting++
			page.Calls = append(page.Calls, row)
		} else {
			page.Rest = append(page.Rest, row)
		}
	}
	slices.Reverse(page.Calls)
	return s.pages.render(w, r, http.StatusOK, "thread_inbox", page)
}

func threadRowOf(t correspond.Thread, under, notices, statements string) threadRow {
	row := threadRow{
		Number: t.Number, Mailbox: t.Mailbox, About: t.About, Link: under + string(t.Number), State: "answered",
		Changed: t.ChangedAt.UTC(), Messages: t.Messages, Unread: t.Unread,
	}
	if notices != "" {
		row.AboutLink = aboutLink(t.About, notices, statements)
	}
	switch {
	case t.Closed:
		row.State = "closed"
	case t.Waiting():
		row.State = "waiting"
	}
	return row
}

func aboutLink(about crypto.Number, notices, statements string) string {
	switch about.Kind() {
	case crypto.KindNotice:
		return notices + string(about)
	case crypto.KindStatement:
		return statements + string(about)
	}
	return ""
}

// deskMember is who a thread can be assigned to.
type deskMember struct {
	Holder, Name string
	Chosen       bool
}

type threadMessageRow struct {
	ID       string
	Kind     crypto.MessageKind
	Received time.Time
	Unread   bool
	Shared   bool
	File     string // address of the sealed message
}

type threadPage struct {
	threadRow
	New       bool
	Desk      bool
	Own       bool
	Closed    bool
	Languages []string
	Language  string // the one that is chosen
	List      []threadMessageRow
	Members   []deskMember
	Me        string // holder
}

func (s *server) threadPage(w http.ResponseWriter, r *http.Request) threadPage {
	page := threadPage{Languages: s.Institution.Languages, Language: s.pages.languages.pick(w, r, s.pages.secure).tag, Me: visitOf(r).actor.Holder()}
	if !slices.Contains(page.Languages, page.Language) {
		page.Language = page.Languages[0]
	}
	return page
}

// getNewThread has the form for a first message: ?about=N-… when it replies to a notice or a statement.
func (s *server) getNewThread(w http.ResponseWriter, r *http.Request) error {
	me, err := s.Registry.Me(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	page := s.threadPage(w, r)
	page.New, page.Own, page.Mailbox = true, me.Profile == crypto.ProfileOwn, me.Representative.Mailbox
	if asked := r.URL.Query().Get("about"); asked != "" {
		about, err := crypto.ParseNumber(asked)
		if err != nil || about.Kind() != crypto.KindNotice && about.Kind() != crypto.KindStatement {
			return portal.Errorf(portal.Invalid, "invalid-number", "One replies to a notice (N-…) or a statement (P-…).")
		}
		page.About, page.AboutLink = about, aboutLink(about, "/notices/", "/mailbox/statements/")
	}
	return s.pages.render(w, r, http.StatusOK, "thread", page)
}

// getThreadPage shows a thread as far as the server knows it. It marks nothing read: the script does, which opens the messages.
func (s *server) getThreadPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderThread(w, r, "thread", "/threads/", "/notices/", "/mailbox/statements/")
}

// getDeskThread is getThreadPage for the desk.
func (s *server) getDeskThread(w http.ResponseWriter, r *http.Request) error {
	return s.renderThread(w, r, "thread_desk", deskPath+"/threads/", noticesPath+"/", "/statements/")
}

func (s *server) renderThread(w http.ResponseWriter, r *http.Request, name, under, notices, statements string) error {
	n, err := pathThread(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	thread, messages, err := s.Correspond.Thread(r.Context(), actor, n)
	if err != nil {
		return err
	}
	page := s.threadPage(w, r)
	page.threadRow = threadRowOf(thread, under, notices, statements)
	page.Closed, page.Desk = thread.Closed, actor.Staff() != nil
	for _, m := range messages {
		shared := len(m.Envelope) > 0 || m.Kind == crypto.MailedReply && page.Desk
		page.List = append(page.List, threadMessageRow{
			ID: m.ID, Kind: m.Kind, Received: m.ReceivedAt.UTC(), Unread: m.ReadAt.IsZero() && shared, Shared: shared,
			File: "/api/v1/threads/" + string(n) + "/messages/" + m.ID + "/message.asc",
		})
	}
	if page.Desk {
		if page.Members, err = s.deskMembers(r, thread.Assignee); err != nil {
			return err
		}
	} else {
		me, err := s.Registry.Me(r.Context(), actor)
		if err != nil {
			return err
		}
		page.Own = me.Profile == crypto.ProfileOwn
	}
	return s.pages.render(w, r, http.StatusOK, name, page)
}

// deskMembers are who can look after a thread.
func (s *server) deskMembers(r *http.Request, assignee string) (members []deskMember, err error) {
	staff, err := s.Registry.Staff(r.Context())
	if err != nil {
		return nil, err
	}
	for _, c := range staff {
		member, err := s.Root.VerifyStaff(c, s.Now())
		if err != nil || !member.Has(crypto.RoleAuthor) && !member.Has(crypto.RoleApprover) {
			continue
		}
		holder := portal.StaffHolder(c.Fingerprint())
		members = append(members, deskMember{holder, member.Name(), holder == assignee})
	}
	return members, nil
}
