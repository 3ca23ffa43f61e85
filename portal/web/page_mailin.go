package web

import (
	"net/http"
	"strings"

	"valise/portal/courier"
)

// mailInPath is where staff see what came by e-mail.
const mailInPath = deskPath + "/mail"

type mailInPage struct {
	Kept     []courier.KeptMail
	Commands []courier.TakenCommand // of the last thirty days
	Counts   []mailInCount          // likewise, together
	More     bool
}

type mailInCount struct {
	Fate, Reason string
	Mails        int
}

// getMailInPage lists what came and could not be dealt with, and counts all that came. What a mail says is sealed, and opened with the command line only: it may be hostile, and a browser is
// the wrong place for it.
func (s *server) getMailInPage(w http.ResponseWriter, r *http.Request) error {
	in, err := s.Mail.Inbox(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	page := mailInPage{Kept: in.Kept, Commands: in.Commands, More: len(in.Kept) == courier.MaxKept}
	at := map[string]int{}
	for _, c := range in.Counts {
		i, there := at[c.What]
		if !there {
			i = len(page.Counts)
			at[c.What] = i
			fate, reason, _ := strings.Cut(c.What, " ")
			page.Counts = append(page.Counts, mailInCount{Fate: fate, Reason: reason})
		}
		page.Counts[i].Mails += c.Mails
	}
	return s.pages.render(w, r, http.StatusOK, "mail_in", page)
}
