package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal"
)

// noticeLine is a notice as the server knows it: without its subject. The browser fills that in, and verifies the rest.
type noticeLine struct {
	Number    crypto.Number
	State     string // a key under "state."
	Delivered time.Time
	Deadline  *time.Time // only while it is awaited
	By        string     // who acknowledged
}

// noticeRows is what the template "rows" gets.
type noticeRows struct {
	View    *view
	Notices []noticeLine
}

type mailboxPage struct {
	Mailbox                crypto.Number
	Own                    bool // the key is not with us: this browser can't open anything
	Awaiting, Unread, Rest []noticeLine
}

// Empty says that nothing has ever arrived.
func (p mailboxPage) Empty() bool { return len(p.Awaiting)+len(p.Unread)+len(p.Rest) == 0 }

// getMailbox lists a mailbox: what awaits acknowledgement first.
func (s *server) getMailbox(w http.ResponseWriter, r *http.Request) error {
	actor := visitOf(r).actor
	deliveries, err := s.Dispatch.Mailbox(r.Context(), actor)
	if err != nil {
		return err
	}
	me, err := s.Registry.Me(r.Context(), actor)
	if err != nil {
		return err
	}
	page := mailboxPage{Mailbox: me.Representative.Mailbox, Own: me.Profile == crypto.ProfileOwn}
	for _, d := range deliveries {
		line, err := s.noticeLine(d)
		if err != nil {
			return err
		}
		switch line.State {
		case "awaiting", "overdue":
			page.Awaiting = append(page.Awaiting, line)
		case "unread":
			page.Unread = append(page.Unread, line)
		default:
			page.Rest = append(page.Rest, line)
		}
	}
	slices.SortStableFunc(page.Awaiting, soonestFirst)
	return s.pages.render(w, r, http.StatusOK, "mailbox", page)
}

// soonestFirst sorts by deadline; what has none comes last.
func soonestFirst(a, b noticeLine) int {
	switch {
	case a.Deadline == nil || b.Deadline == nil:
		return cmp.Compare(btoi(a.Deadline == nil), btoi(b.Deadline == nil))
	}
	return a.Deadline.Compare(*b.Deadline)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// noticeLine tells where a delivered notice stands.
func (s *server) noticeLine(d portal.Delivery) (noticeLine, error) {
	m, err := crypto.ParseManifest(d.Notice.Signed.Manifest)
	if err != nil {
		return noticeLine{}, err
	}
	line := noticeLine{Number: d.Notice.Number, Delivered: d.DeliveredAt.UTC(), State: "unread"}
	switch a := d.Acknowledgement; {
	case a != nil:
		line.State, line.By = string(a.Decision), a.Representative.String()
	case m.Acknowledge:
		line.State = "awaiting"
		if !m.Deadline.IsZero() {
			line.Deadline = &m.Deadline
			if s.Now().After(m.Deadline) {
				line.State = "overdue"
			}
		}
	case !d.OpenedAt.IsZero():
		line.State = "read"
	}
	return line, nil
}
