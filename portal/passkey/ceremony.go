package passkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"valise/portal"
)

// Purpose is what a passkey is shown for. What was shown for one counts for no other.
type Purpose string

const (
	PurposeLogIn   Purpose = "log-in"
	PurposeEnrol   Purpose = "enrol"
	PurposeRemove  Purpose = "remove"  // object: the passkey's id
	PurposeConfirm Purpose = "confirm" // object: the code of a log-in that waits
	PurposeReset   Purpose = "reset"   // object: the member's holder name
)

// Question is what an authenticator is asked.
type Question struct {
	Options json.RawMessage // for the browser: PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON
	Data    []byte          // for the server: to be kept in the session, for one answer
}

// asked is Question.Data.
type asked struct {
	Enrolment bool                 `json:"enrolment"`
	Holder    string               `json:"holder"`
	Purpose   Purpose              `json:"purpose,omitempty"`
	Object    string               `json:"object,omitempty"`
	KeyAlone  bool                 `json:"key_alone,omitempty"`
	Session   webauthn.SessionData `json:"session"`
}

// Shown is the proof that somebody showed a passkey just now, for one purpose. It exists only when that held; nil shows nothing.
type Shown struct {
	holder, object string
	purpose        Purpose
}

// For is nil when the actor showed it for this.
func (s *Shown) For(actor portal.Actor, purpose Purpose, object string) error {
	if s == nil || s.holder == "" || s.holder != actor.Holder() || s.purpose != purpose || s.object != object {
		return portal.Errorf(portal.Forbidden, "passkey-not-shown", "Show a passkey for this first.")
	}
	return nil
}

var errStale = portal.Errorf(portal.Conflict, "question-over", "That took longer than five minutes, or was answered already. Start again.")

// user is a staff member as go-webauthn wants one.
type user struct {
	handle      []byte
	name        string
	credentials []webauthn.Credential
}

func (u *user) WebAuthnID() []byte                         { return u.handle }
func (u *user) WebAuthnName() string                       { return u.name }
func (u *user) WebAuthnDisplayName() string                { return u.name }
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

func (k *Passkeys) user(actor portal.Actor, have []Passkey) (*user, error) {
	u := &user{handle: k.handle(actor.Holder()), name: actor.Staff().Name()}
	for _, p := range have {
		var c webauthn.Credential
		if err := json.Unmarshal(p.Credential, &c); err != nil {
			return nil, fmt.Errorf("a stored passkey: %w", err)
		}
		c.Authenticator.SignCount, c.Authenticator.CloneWarning = p.Count, false
		u.credentials = append(u.credentials, c)
	}
	return u, nil
}

func question(options any, a asked) (*Question, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	q := &Question{Data: data}
	q.Options, err = json.Marshal(options)
	return q, err
}

// unasked reads Question.Data back; nothing is what was not asked, or too long ago.
func (k *Passkeys) unasked(actor portal.Actor, data []byte, enrolment bool) (a asked, err error) {
	if len(data) == 0 {
		return a, errStale
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, err
	}
	if a.Enrolment != enrolment || a.Holder != actor.Holder() || a.Session.Challenge == "" || a.Session.Expires.IsZero() {
		return a, errStale
	}
	if !k.now().Before(a.Session.Expires) {
		return a, errStale
	}
	return a, nil
}

// ------------------------------------------------------------------ enrolling

// BeginEnrolment asks for a new passkey. Who has one already shows it first (PurposeEnrol); who has none may enrol with the key alone, unless a
// reset was too long ago.
func (k *Passkeys) BeginEnrolment(ctx context.Context, actor portal.Actor, shown *Shown) (*Question, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	if err := k.Possible(); err != nil {
		return nil, err
	}
	have, last, err := k.Own(ctx, actor)
	if err != nil {
		return nil, err
	}
	keyAlone := shown.For(actor, PurposeEnrol, "") != nil
	if err := k.mayEnrol(keyAlone, have, last); err != nil {
		return nil, err
	}
	u, err := k.user(actor, have)
	if err != nil {
		return nil, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range u.credentials {
		known = append(known, c.Descriptor())
	}
	options, session, err := k.party.BeginRegistration(u, webauthn.WithExclusions(known))
	if err != nil {
		return nil, err
	}
	session.Expires = k.now().Add(QuestionPeriod) // by our clock
	return question(options.Response, asked{Enrolment: true, Holder: actor.Holder(), KeyAlone: keyAlone, Session: *session})
}

// mayEnrol is asked before the question, and once more in the transaction that keeps the answer.
func (k *Passkeys) mayEnrol(keyAlone bool, have []Passkey, last *Reset) error {
	switch {
	case len(have) >= MaxPasskeys:
		return portal.Errorf(portal.Conflict, "too-many-passkeys", "You have %d passkeys, which is as many as one may have. Remove one that you don't use any more.", len(have))
	case keyAlone:
		_, err := k.EnrolsAlone(have, last)
		return err
	case len(have) == 0: // what was shown has been taken away meanwhile
		return errStale
	}
	return nil
}

// FinishEnrolment takes an authenticator's answer (RegistrationResponseJSON) to what BeginEnrolment asked, and keeps the passkey.
func (k *Passkeys) FinishEnrolment(ctx context.Context, actor portal.Actor, data, answer []byte, label string) (*Passkey, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	a, err := k.unasked(actor, data, true)
	if err != nil {
		return nil, err
	}
	if label, err = line(label, MaxLabel, "label", "the name of the device"); err != nil {
		return nil, err
	}
	if err := checkSize(answer); err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, refused("enrolment", err)
	}
	a.Session.Expires = time.Time{} // was compared with our own clock
	credential, err := k.party.CreateCredential(&user{handle: k.handle(actor.Holder())}, a.Session, parsed)
	if err != nil {
		return nil, refused("enrolment", err)
	}
	if !parsed.Response.AttestationObject.AuthData.Flags.HasUserVerified() {
		return nil, refused("enrolment", errors.New("the user was not verified"))
	}
	kept, err := keep(*credential)
	if err != nil {
		return nil, err
	}
	p := Passkey{
		ID: idOf(credential.ID), Holder: actor.Holder(), Label: label, KeyAlone: a.KeyAlone, Credential: kept,
		Count: credential.Authenticator.SignCount, Created: k.now(),
	}
	act := "passkey.enrol"
	if p.KeyAlone {
		act = "passkey.enrol-with-key-alone"
	}
	if err := k.audit(ctx, actor, act, p.ID); err != nil {
		return nil, err
	}
	err = k.store.EnrolPasskey(ctx, p, func(have []Passkey, last *Reset) error { return k.mayEnrol(p.KeyAlone, have, last) })
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// keep is what is stored of a credential: what later answers are checked with, and no attestation.
func keep(c webauthn.Credential) ([]byte, error) {
	c.Attestation = webauthn.CredentialAttestation{}
	return json.Marshal(c)
}

// ------------------------------------------------------------------ showing

// BeginShow asks for one of the actor's passkeys, for one purpose.
func (k *Passkeys) BeginShow(ctx context.Context, actor portal.Actor, purpose Purpose, object string) (*Question, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	switch purpose {
	case PurposeLogIn, PurposeEnrol, PurposeRemove, PurposeConfirm:
	case PurposeReset:
		if err := k.mayReset(ctx, actor, object); err != nil {
			return nil, err
		}
	default:
		return nil, portal.Errorf(portal.Invalid, "invalid-purpose", "A passkey can't be shown for that.")
	}
	have, err := k.store.Passkeys(ctx, actor.Holder())
	if err != nil {
		return nil, err
	}
	if len(have) == 0 {
		return nil, portal.Errorf(portal.Conflict, "no-passkey", "You have no passkey yet. Enrol one first.")
	}
	if err := k.Possible(); err != nil {
		return nil, err
	}
	u, err := k.user(actor, have)
	if err != nil {
		return nil, err
	}
	options, session, err := k.party.BeginLogin(u, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	session.Expires = k.now().Add(QuestionPeriod)
	return question(options.Response, asked{Holder: actor.Holder(), Purpose: purpose, Object: object, Session: *session})
}

// FinishShow takes an authenticator's answer (AuthenticationResponseJSON) to what BeginShow asked, for the same purpose.
func (k *Passkeys) FinishShow(ctx context.Context, actor portal.Actor, data, answer []byte, purpose Purpose, object string) (*Shown, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	a, err := k.unasked(actor, data, false)
	if err != nil {
		return nil, err
	}
	if a.Purpose != purpose || a.Object != object {
		return nil, errStale
	}
	if err := checkSize(answer); err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, refused("passkey", err)
	}
	have, err := k.store.Passkeys(ctx, actor.Holder())
	if err != nil {
		return nil, err
	}
	// One that was enrolled or removed meanwhile is no reason to refuse another one: what counts is what is there now.
	a.Session.AllowedCredentialIDs = nil
	u, err := k.user(actor, have)
	if err != nil {
		return nil, err
	}
	a.Session.Expires = time.Time{} // was compared with our own clock
	credential, err := k.party.ValidateLogin(u, a.Session, parsed)
	if err != nil || !parsed.Response.AuthenticatorData.Flags.HasUserVerified() {
		if audit := k.audit(ctx, actor, "passkey.show refused", string(purpose)); audit != nil {
			return nil, audit
		}
		return nil, refused("passkey", err)
	}
	return k.shown(ctx, actor, credential, a)
}

// shown notes the use. The counter is compared in the store, so that of two copies at the same time one is refused.
func (k *Passkeys) shown(ctx context.Context, actor portal.Actor, credential *webauthn.Credential, a asked) (*Shown, error) {
	p := Passkey{ID: idOf(credential.ID), Holder: actor.Holder(), Count: credential.Authenticator.SignCount, Used: k.now()}
	used := !credential.Authenticator.CloneWarning
	if used {
		if err := k.audit(ctx, actor, "passkey.show "+string(a.Purpose), p.ID); err != nil {
			return nil, err
		}
		var err error
		if p.Credential, err = keep(*credential); err != nil {
			return nil, err
		}
		if used, err = k.store.UsePasskey(ctx, p); err != nil {
			return nil, err
		}
	}
	if !used {
		if err := k.audit(ctx, actor, "passkey.copied refused", p.ID); err != nil {
			return nil, err
		}
		return nil, portal.Errorf(portal.Forbidden, "passkey-copied", "This passkey's counter has not risen since it was last used, as if somebody had a copy of it. It is refused. Use another one, tell an administrator, and remove this one.")
	}
	return &Shown{holder: actor.Holder(), purpose: a.Purpose, object: a.Object}, nil
}

func checkSize(answer []byte) error {
	if len(answer) > MaxAnswer {
		return portal.Errorf(portal.TooLarge, "too-large", "The authenticator's answer is larger than %d KiB.", MaxAnswer>>10)
	}
	return nil
}

// refused is what the person is told; the log gets what was wrong.
func refused(code string, err error) error {
	var detail *protocol.Error
	if errors.As(err, &detail) && detail.DevInfo != "" {
		err = fmt.Errorf("%w (%s)", err, detail.DevInfo)
	}
	return portal.Errorf(portal.Forbidden, code+"-refused", "The passkey's answer does not hold: it is for another portal, another question or another key, or the device did not make sure that it is you. Try again, and use a passkey that you enrolled here.").Because(err)
}
