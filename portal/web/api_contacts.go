package web

import (
	"net/http"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/dispatch"
)

// postContact keeps a contact outside the portal.
func (s *server) postContact(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	var request api.RecordContact
	if err := decode(w, r, &request); err != nil {
		return err
	}
	kept, created, err := s.Dispatch.RecordContact(r.Context(), visitOf(r).actor, n, []byte(request.Contact), request.Note)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return writeJSON(w, status, api.RecordedContact{Received: wireTime(kept.ReceivedAt), Contact: string(kept.Signed)})
}

// getContacts gives all contacts about a notice, with their sealed notes.
func (s *server) getContacts(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	records, err := s.Dispatch.Contacts(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	contacts := make([]api.Contact, len(records))
	for i, c := range records {
		contacts[i] = api.Contact{Mailbox: c.Mailbox, Contact: string(c.Signed), Note: c.Note, Received: wireTime(c.ReceivedAt)}
	}
	return writeJSON(w, http.StatusOK, contacts)
}

// postReminders reminds mailboxes.
func (s *server) postReminders(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	var request api.Remind
	if err := decode(w, r, &request); err != nil {
		return err
	}
	done, err := s.Dispatch.Remind(r.Context(), visitOf(r).actor, n, dispatch.Reminding{Mailboxes: request.Mailboxes, Overdue: request.Overdue, Awaited: request.Awaited})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Reminded{Reminded: orEmpty(done.Reminded), Lately: orEmpty(done.Lately), Answered: orEmpty(done.Answered)})
}

func orEmpty(list []crypto.Number) []crypto.Number {
	if list == nil {
		return []crypto.Number{}
	}
	return list
}

// fullStatus is a notice's status as it travels, with reminders and contacts.
func (s *server) fullStatus(r *http.Request, n crypto.Number) (api.Status, error) {
	actor := visitOf(r).actor
	status, err := s.Dispatch.Status(r.Context(), actor, n)
	if err != nil {
		return api.Status{}, err
	}
	told, err := s.Dispatch.Told(r.Context(), actor, n)
	if err != nil {
		return api.Status{}, err
	}
	wire := wireStatus(status)
	for i := range wire.Mailboxes {
		m := &wire.Mailboxes[i]
		t := told[m.Mailbox]
		m.Reminded = wireTimeOrNull(t.RemindedAt)
		if c := t.Contact; c != nil {
			m.Contacted = &api.LastContact{Way: c.Way, Outcome: c.Outcome, Time: c.Time}
		}
	}
	return wire, nil
}

// getStatusTable gives the mailboxes of a notice as a table, without names: those are sealed.
func (s *server) getStatusTable(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	status, err := s.fullStatus(r, n)
	if err != nil {
		return err
	}
	writeFile(w, string(n)+".csv", "text/csv; charset=utf-8", api.StatusTable(status, api.StatusNames{}))
	return nil
}
