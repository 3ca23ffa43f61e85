package web

import (
	"net/http"
	"time"

	"valise/portal/api"
	"valise/portal/courier"
)

// getMailIn tells staff what came by e-mail and could not be dealt with, and how much came at all.
func (s *server) getMailIn(w http.ResponseWriter, r *http.Request) error {
	in, err := s.Mail.Inbox(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	answer := api.MailIn{Kept: make([]api.KeptMail, len(in.Kept)), Commands: make([]api.MailCommand, len(in.Commands)), Counts: make([]api.MailCount, len(in.Counts))}
	for i, c := range in.Commands {
		answer.Commands[i] = api.MailCommand{Representative: c.Representative.String(), Command: c.Kind, About: c.About, Time: wireTime(c.SaidAt), Taken: wireTime(c.TakenAt)}
	}
	for i, m := range in.Kept {
		answer.Kept[i] = wireKept(m)
	}
	for i, c := range in.Counts {
		answer.Counts[i] = api.MailCount{Day: c.Day.Format(time.DateOnly), What: c.What, Mails: c.Mails}
	}
	return writeJSON(w, http.StatusOK, answer)
}

func wireKept(m courier.KeptMail) api.KeptMail {
	k := api.KeptMail{ID: m.ID, Received: wireTime(m.ReceivedAt), Reason: m.Reason, Detail: m.Detail, Notice: m.Notice, Size: m.Size}
	if m.Representative.Ordinal > 0 {
		k.Representative = m.Representative.String()
	}
	return k
}

// getKeptMail gives one out, sealed as it is.
func (s *server) getKeptMail(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Mail.Kept(r.Context(), visitOf(r).actor, r.PathValue("mail"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.SealedMail{KeptMail: wireKept(m), Record: m.Record})
}

// deleteKeptMail removes one that was dealt with.
func (s *server) deleteKeptMail(w http.ResponseWriter, r *http.Request) error {
	return done(w, s.Mail.RemoveKept(r.Context(), visitOf(r).actor, r.PathValue("mail")))
}
