package web

import (
	"net/http"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/courier"
)

// getOutbox tells staff what goes by e-mail, what of it could not be sent, and why. To where, it doesn't know.
func (s *server) getOutbox(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	var n crypto.Number
	if text := query.Get("notice"); text != "" {
		var err error
		if n, err = crypto.ParseNumber(text); err != nil || n.Kind() != crypto.KindNotice {
			return portal.Errorf(portal.Invalid, "invalid-number", "That is no notice's number; one starts with N.")
		}
	}
	entries, err := s.Mail.List(r.Context(), visitOf(r).actor, n, courier.State(query.Get("state")))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireOutbox(entries))
}

func wireOutbox(entries []courier.Entry) []api.Mail {
	mails := make([]api.Mail, len(entries))
	for i, e := range entries {
		mails[i] = api.Mail{
			Notice: e.Notice, Representative: e.Representative.String(), State: string(e.State), Queued: wireTime(e.QueuedAt), Due: wireTime(e.DueAt),
			Settled: wireTimeOrNull(e.SettledAt), Attempts: e.Attempts, Reason: e.Reason,
		}
		if e.State == courier.Waiting {
			mails[i].Next = wireTimeOrNull(e.NextAt)
		}
	}
	return mails
}

// postOutboxRetry has what could not be sent tried again.
func (s *server) postOutboxRetry(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	return done(w, s.Mail.Retry(r.Context(), visitOf(r).actor, n, of))
}
