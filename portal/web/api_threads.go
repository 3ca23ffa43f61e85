package web

import (
	"net/http"
	"strings"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/correspond"
)

func pathThread(r *http.Request) (crypto.Number, error) {
	n, err := crypto.ParseNumber(r.PathValue("thread"))
	if err != nil {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no thread's number: %v.", err)
	}
	if n.Kind() != crypto.KindThread {
		return "", portal.Errorf(portal.Invalid, "invalid-number", "That is no thread's number; a thread's starts with T.")
	}
	return n, nil
}

// getThreads lists a mailbox's threads, or the desk's in one state: ?state=closed; open without.
func (s *server) getThreads(w http.ResponseWriter, r *http.Request) error {
	state := "open"
	if asked := r.URL.Query().Get("state"); asked != "" {
		state = asked
	}
	actor := visitOf(r).actor
	threads, err := s.Correspond.Threads(r.Context(), actor, state)
	if err != nil {
		return err
	}
	answer := api.Threads{Threads: make([]api.Thread, len(threads))}
	var firsts []correspond.Record
	for i, t := range threads {
		answer.Threads[i] = wireThread(t, actor)
		firsts = append(firsts, t.First)
	}
	if answer.Chains, err = s.wireChains(r, firsts); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

// getThread lists a thread's messages, without their bodies.
func (s *server) getThread(w http.ResponseWriter, r *http.Request) error {
	n, err := pathThread(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	thread, messages, err := s.Correspond.Thread(r.Context(), actor, n)
	if err != nil {
		return err
	}
	answer := api.ThreadDetail{Thread: wireThread(thread, actor), List: make([]api.ThreadMessage, len(messages))}
	mailed := false
	for i, m := range messages {
		answer.List[i] = wireThreadMessage(m, actor)
		mailed = mailed || m.Kind == crypto.MailedReply
	}
	if answer.Chains, err = s.wireChains(r, messages); err != nil {
		return err
	}
	if mailed && actor.Staff() != nil {
		writers, err := s.Correspond.MailWriters(r.Context(), thread)
		if err != nil {
			return err
		}
		for of, chain := range writers {
			answer.Chains[of.String()] = wireChain(chain)
		}
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (s *server) wireChains(r *http.Request, messages []correspond.Record) (map[string][]string, error) {
	chains, err := s.Correspond.Chains(r.Context(), messages...)
	if err != nil {
		return nil, err
	}
	wire := make(map[string][]string, len(chains))
	for of, chain := range chains {
		wire[of.String()] = wireChain(chain)
	}
	return wire, nil
}

// getThreadMessage hands out a message's body, and marks it read.
func (s *server) getThreadMessage(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead {
		return s.headThreadMessage(w, r, "application/json")
	}
	m, body, err := s.readMessage(r)
	if err != nil {
		return err
	}
	answer := wireThreadMessage(m, visitOf(r).actor)
	answer.Body = body
	return writeJSON(w, http.StatusOK, answer)
}

// getThreadMessageFile is getThreadMessage for other OpenPGP programs: envelope ‖ body is a complete message.
func (s *server) getThreadMessageFile(w http.ResponseWriter, r *http.Request) error {
	const contentType = "application/pgp-encrypted"
	if r.Method == http.MethodHead {
		return s.headThreadMessage(w, r, contentType)
	}
	m, body, err := s.readMessage(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+m.ID+`.asc"`)
	writeBytes(w, http.StatusOK, contentType, crypto.ArmorMessage(crypto.Message(m.Envelope, body))) // of a mail, body alone is one
	return nil
}

// headThreadMessage answers HEAD, which hands out no body and so marks nothing read.
func (s *server) headThreadMessage(w http.ResponseWriter, r *http.Request, contentType string) error {
	n, err := pathThread(r)
	if err != nil {
		return err
	}
	if _, _, err := s.Correspond.Thread(r.Context(), visitOf(r).actor, n); err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *server) readMessage(r *http.Request) (correspond.Record, []byte, error) {
	n, err := pathThread(r)
	if err != nil {
		return correspond.Record{}, nil, err
	}
	id := r.PathValue("message")
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return correspond.Record{}, nil, portal.Errorf(portal.Invalid, "invalid-id", "That is no message's id.")
	}
	return s.Correspond.Message(r.Context(), visitOf(r).actor, n, id)
}

// postThreadMessage keeps a reply or an answer; what it confirms is on disk.
func (s *server) postThreadMessage(w http.ResponseWriter, r *http.Request) error {
	n, err := pathThread(r)
	if err != nil {
		return err
	}
	var request api.NewMessage
	if err := decode(w, r, &request); err != nil {
		return err
	}
	m := &crypto.SealedThreadMessage{
		Kind: request.Kind, Thread: n, Mailbox: request.Mailbox, About: request.About, ID: request.ID, SHA256: request.SHA256,
		Headings: request.Headings, Bodies: request.Bodies, Envelopes: make([]crypto.Envelope, len(request.Envelopes)),
	}
	for i, e := range request.Envelopes {
		m.Envelopes[i] = crypto.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data}
	}
	actor := visitOf(r).actor
	keep := s.Correspond.Reply
	if actor.Staff() != nil {
		keep = s.Correspond.Answer
	}
	received, created, err := keep(r.Context(), actor, m)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return writeJSON(w, status, api.ReceivedMessage{Received: wireTime(received)})
}

func (s *server) getAddressees(w http.ResponseWriter, r *http.Request) error {
	mailbox, err := pathMailbox(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	label, members, err := s.Correspond.Addressees(r.Context(), actor, mailbox)
	if err != nil {
		return err
	}
	answer := api.Addressees{Mailbox: mailbox, Representatives: make([]api.Addressee, len(members))}
	for i, m := range members {
		answer.Representatives[i] = api.Addressee{Representative: m.Representative.String(), Chain: wireChain(m.Chain)}
		if actor.Staff() != nil {
			answer.Representatives[i].Details = m.Details
		}
	}
	if actor.Staff() != nil {
		answer.Label = label
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (s *server) getLacking(w http.ResponseWriter, r *http.Request) error {
	lacking, err := s.Correspond.Lacking(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	answer := make([]api.Lack, len(lacking))
	for i, l := range lacking {
		answer[i] = api.Lack(l)
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (s *server) postThreadEnvelopes(w http.ResponseWriter, r *http.Request) error {
	n, err := pathThread(r)
	if err != nil {
		return err
	}
	var request api.Share
	if err := decode(w, r, &request); err != nil {
		return err
	}
	shared := make([]correspond.Shared, len(request.Envelopes))
	for i, e := range request.Envelopes {
		shared[i] = correspond.Shared{Message: e.Message, Envelope: crypto.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data}}
	}
	added, err := s.Correspond.Share(r.Context(), visitOf(r).actor, n, shared)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Sharing{Added: added})
}

func (s *server) postThreadAssignment(w http.ResponseWriter, r *http.Request) error {
	n, err := pathThread(r)
	if err != nil {
		return err
	}
	var request api.Assignment
	if err := decode(w, r, &request); err != nil {
		return err
	}
	if err := s.Correspond.Assign(r.Context(), visitOf(r).actor, n, request.Assignee); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) postThreadClose(w http.ResponseWriter, r *http.Request) error {
	n, err := pathThread(r)
	if err != nil {
		return err
	}
	if err := s.Correspond.Close(r.Context(), visitOf(r).actor, n); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) postThreadReopen(w http.ResponseWriter, r *http.Request) error {
	n, err := pathThread(r)
	if err != nil {
		return err
	}
	if err := s.Correspond.Reopen(r.Context(), visitOf(r).actor, n); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// wireThread shows staff whose mailbox it is and who works on it, and representatives neither.
func wireThread(t correspond.Thread, actor portal.Actor) api.Thread {
	wire := api.Thread{
		Thread: t.Number, Mailbox: t.Mailbox, About: t.About, Closed: t.Closed, Begun: wireTime(t.BegunAt), Changed: wireTime(t.ChangedAt),
		Last: t.Last, Messages: t.Messages, Unread: t.Unread, Unshared: t.Unshared, First: wireThreadMessage(t.First, actor),
	}
	if actor.Staff() != nil {
		wire.Assignee, wire.Label = t.Assignee, t.Label
	}
	return wire
}

func wireThreadMessage(m correspond.Record, actor portal.Actor) api.ThreadMessage {
	wire := api.ThreadMessage{
		ID: m.ID, Kind: m.Kind, SHA256: m.SHA256, Writer: m.Writer, Received: wireTime(m.ReceivedAt), Read: wireTimeOrNull(m.ReadAt),
		Suite: m.Suite, Envelope: m.Envelope, Heading: m.Heading,
	}
	if actor.Staff() != nil {
		wire.Answers = m.Answers
	}
	return wire
}
