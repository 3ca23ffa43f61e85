package web

import (
	"net/http"
	"strings"
	"time"

	"valise/portal/passkey"
	"valise/portal/session"
)

type staffAccountPage struct {
	Waiting     []session.Waiting
	Passkeys    []passkey.Passkey
	Last        bool // it is the last one, and stays
	Reset       *resetLine
	Impossible  bool
	Fingerprint []string // in groups of four
	Sessions    []session.Info
}

// getStaffAccount shows a staff member what is theirs: log-ins that wait, passkeys, sessions.
func (s *server) getStaffAccount(w http.ResponseWriter, r *http.Request) error {
	v := visitOf(r)
	f, err := s.factorsOf(r.Context(), v.actor, v.session)
	if err != nil {
		return err
	}
	page := staffAccountPage{
		Passkeys: f.have, Last: s.Passkeys.Demanded() && len(f.have) <= 1, Impossible: s.Passkeys.Possible() != nil,
		Fingerprint: strings.Fields(v.actor.Staff().Certificate().Fingerprint().Spaced()),
	}
	for i := range page.Passkeys {
		p := &page.Passkeys[i]
		p.Created = wireTime(p.Created)
		if !p.Used.IsZero() {
			p.Used = wireTime(p.Used)
		}
	}
	if page.Reset, err = s.resetLine(r, f.last); err != nil {
		return err
	}
	if page.Waiting, err = s.Sessions.Waiting(r); err != nil {
		return err
	}
	if page.Sessions, err = s.Sessions.Lines(r); err != nil {
		return err
	}
	for _, times := range [][]*time.Time{waitingTimes(page.Waiting), lineTimes(page.Sessions)} {
		for _, t := range times {
			*t = wireTime(*t)
		}
	}
	return s.renderPasskeys(w, r, http.StatusOK, "staff_account", page)
}

func waitingTimes(list []session.Waiting) (times []*time.Time) {
	for i := range list {
		times = append(times, &list[i].Since)
	}
	return times
}

func lineTimes(list []session.Info) (times []*time.Time) {
	for i := range list {
		times = append(times, &list[i].Created, &list[i].Seen)
	}
	return times
}
