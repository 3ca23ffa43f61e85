package web

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/passkey"
	"valise/portal/session"
)

// getFactors says what is asked of a staff member, and what they have.
func (s *server) getFactors(w http.ResponseWriter, r *http.Request) error {
	v := visitOf(r)
	f, err := s.factorsOf(r.Context(), v.actor, v.session)
	if err != nil {
		return err
	}
	answer := api.Factors{
		Complete: v.session.Complete, Missing: slices.Concat([]string{}, f.missing), Passkeys: []api.Passkey{}, Waiting: []api.WaitingItem{},
	}
	if f.last != nil {
		by, _ := portal.StaffFingerprint(f.last.By)
		answer.Reset = &api.FactorReset{By: by, Reason: f.last.Reason, At: wireTime(f.last.At), Until: wireTime(f.last.At.Add(passkey.ResetPeriod))}
	}
	if v.session.Complete { // somebody with a copied key needn't know which devices there are
		for _, p := range f.have {
			answer.Passkeys = append(answer.Passkeys, wirePasskey(p))
		}
		waiting, err := s.Sessions.Waiting(r)
		if err != nil {
			return err
		}
		for _, item := range waiting {
			answer.Waiting = append(answer.Waiting, api.WaitingItem{Code: item.Code, Since: wireTime(item.Since)})
		}
	}
	return writeJSON(w, http.StatusOK, answer)
}

func wirePasskey(p passkey.Passkey) api.Passkey {
	return api.Passkey{ID: p.ID, Label: p.Label, KeyAlone: p.KeyAlone, Created: wireTime(p.Created), Used: wireTimeOrNull(p.Used)}
}

// ------------------------------------------------------------------ passkeys

// postPasskeyQuestion asks for a passkey, for one purpose. A half session may only be asked for log-in.
func (s *server) postPasskeyQuestion(w http.ResponseWriter, r *http.Request) error {
	var request api.PasskeyPurpose
	if err := decode(w, r, &request); err != nil {
		return err
	}
	v, purpose, object := visitOf(r), passkey.Purpose(request.Purpose), request.Object
	if !v.session.Complete && purpose != passkey.PurposeLogIn {
		return errFactorMissing
	}
	if purpose == passkey.PurposeReset {
		object = portal.StaffHolder(crypto.Fingerprint(object))
	}
	q, err := s.Passkeys.BeginShow(r.Context(), v.actor, purpose, object)
	return s.ask(w, r, askedPasskey, q, err)
}

// postFactorLogIn takes the passkey that makes a session whole.
func (s *server) postFactorLogIn(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressFactor); err != nil {
		return err
	}
	var request api.PasskeyAnswer
	if err := decode(w, r, &request); err != nil {
		return err
	}
	shown, err := s.shownFor(w, r, request.Answer, passkey.PurposeLogIn, "")
	if err != nil {
		return err
	}
	if err := shown.For(visitOf(r).actor, passkey.PurposeLogIn, ""); err != nil {
		return err
	}
	answer, err := s.factorShown(w, r, func(state *session.State) { state.Passkey = true })
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

// postEnrolmentQuestion asks for a new passkey: with another one shown just now, or, for the first, with the key alone. The step knows which.
func (s *server) postEnrolmentQuestion(w http.ResponseWriter, r *http.Request) error {
	var request api.PasskeyAnswer
	if err := decode(w, r, &request); err != nil {
		return err
	}
	shown, err := s.shownFor(w, r, request.Answer, passkey.PurposeEnrol, "")
	if err != nil {
		return err
	}
	q, err := s.Passkeys.BeginEnrolment(r.Context(), visitOf(r).actor, shown)
	return s.ask(w, r, askedEnrolment, q, err)
}

// postPasskeys keeps a new passkey. To enrol one is to show it: the first makes a half session whole.
func (s *server) postPasskeys(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressFactor); err != nil {
		return err
	}
	var request api.PasskeyEnrolment
	if err := decode(w, r, &request); err != nil {
		return err
	}
	data, err := s.Sessions.Answered(w, r, askedEnrolment)
	if err != nil {
		return err
	}
	if _, err := s.Passkeys.FinishEnrolment(r.Context(), visitOf(r).actor, data, request.Answer, request.Label); err != nil {
		return err
	}
	answer, err := s.factorShown(w, r, func(state *session.State) { state.Passkey = true })
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, answer)
}

func (s *server) postPasskeyLabel(w http.ResponseWriter, r *http.Request) error {
	var request api.PasskeyLabel
	if err := decode(w, r, &request); err != nil {
		return err
	}
	return done(w, s.Passkeys.Rename(r.Context(), visitOf(r).actor, r.PathValue("passkey"), request.Label))
}

func (s *server) postPasskeyRemove(w http.ResponseWriter, r *http.Request) error {
	var request api.PasskeyAnswer
	if err := decode(w, r, &request); err != nil {
		return err
	}
	id := r.PathValue("passkey")
	shown, err := s.shownFor(w, r, request.Answer, passkey.PurposeRemove, id)
	if err != nil {
		return err
	}
	if err := s.Passkeys.Remove(r.Context(), visitOf(r).actor, id, shown); err != nil {
		return err
	}
	// Whoever took the device may have a session that was begun with it.
	return done(w, s.Sessions.EndOthers(w, r))
}

// postMemberReset takes another member's second factor away.
func (s *server) postMemberReset(w http.ResponseWriter, r *http.Request) error {
	var request api.MemberReset
	if err := decode(w, r, &request); err != nil {
		return err
	}
	f, err := crypto.ParseFingerprint(r.PathValue("member"))
	if err != nil {
		return portal.Errorf(portal.Invalid, "invalid-member", "That is no staff member's fingerprint: %v.", err)
	}
	holder := portal.StaffHolder(f)
	shown, err := s.shownFor(w, r, request.Answer, passkey.PurposeReset, holder)
	if err != nil {
		return err
	}
	return done(w, s.Passkeys.Reset(r.Context(), visitOf(r).actor, holder, request.Reason, shown))
}

// done answers 204 unless there was an error.
func done(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// ------------------------------------------------------------------ log-ins that wait for confirmation

// codeAlphabet is Crockford's base 32, as numbers are written in.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newCode draws 40 bits that a person compares: "7K2M-9QXD".
func newCode() string {
	var random [8]byte
	rand.Read(random[:]) // never fails
	code := make([]byte, 0, 9)
	for i, b := range random {
		if i == 4 {
			code = append(code, '-')
		}
		code = append(code, codeAlphabet[b%32])
	}
	return string(code)
}

// postConfirmation is for programs, which can't show a passkey: their half session gets a code, which its holder confirms in a browser where
// they are logged in with everything. Asked again, it says whether they did, and is whole then.
func (s *server) postConfirmation(w http.ResponseWriter, r *http.Request) error {
	if err := decode(w, r, &struct{}{}); err != nil {
		return err
	}
	state := visitOf(r).session
	switch {
	case state.Complete:
	case state.Confirmed:
		var err error
		if state, err = s.Sessions.Complete(w, r); err != nil {
			return err
		}
	default:
		var err error
		if state, err = s.Sessions.WaitForConfirmation(w, r, newCode()); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, api.Confirmation{Code: state.Code, Where: s.Origin + accountPath, Complete: state.Complete})
}

func (s *server) postWaitingConfirm(w http.ResponseWriter, r *http.Request) error {
	var request api.PasskeyAnswer
	if err := decode(w, r, &request); err != nil {
		return err
	}
	code := strings.ToUpper(r.PathValue("code"))
	shown, err := s.shownFor(w, r, request.Answer, passkey.PurposeConfirm, code)
	if err != nil {
		return err
	}
	if err := s.Passkeys.ConfirmingLogIn(r.Context(), visitOf(r).actor, code, shown); err != nil {
		return err
	}
	return done(w, s.Sessions.Confirm(r, code, true))
}

func (s *server) postWaitingRefuse(w http.ResponseWriter, r *http.Request) error {
	if err := decode(w, r, &struct{}{}); err != nil {
		return err
	}
	code := strings.ToUpper(r.PathValue("code"))
	if err := s.Passkeys.RefusingLogIn(r.Context(), visitOf(r).actor, code); err != nil {
		return err
	}
	return done(w, s.Sessions.Confirm(r, code, false))
}
