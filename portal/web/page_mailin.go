package web

import (
	"net/http"
	"slices"
	"strings"

	"valise/portal"
	"valise/portal/courier"
)

// mailInPath is where staff see what came by e-mail.
const mailInPath = deskPath + "/mail"

type mailInPage struct {
	Kept     []keptLine
	Commands []portal.TakenCommand // of the last thirty days
	Counts   []mailInCount         // likewise, together
	More     bool
}

type keptLine struct{ courier.KeptMail }

// keptWhys are the codes that have words, "mail-in.why."; any other is shown as it is.
var keptWhys = []string{
	"not-signed", "invalid-signature", "words-around", "invalid-receipt", "invalid-command", "wrong-nonce",
	"other-certificate", "no-notice", "already-acknowledged", "never-by-email", "no-address", "address-is-newer",
	"key-at-portal", "no-certificate", "invalid-certificate", "used-before", "too-many-commands", "revoked",
	"other-key", "not-sealed", "too-many-mails", "too-many-threads", "thread-full", "more-than-its-thread",
}

// Word is why it was kept, when there are words for that.
func (l keptLine) Word() string {
	if slices.Contains(keptWhys, l.Detail) {
		return l.Detail
	}
	return ""
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
	page := mailInPage{Commands: in.Commands, More: len(in.Kept) == courier.MaxKept}
	for _, kept := range in.Kept {
		page.Kept = append(page.Kept, keptLine{kept})
	}
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
