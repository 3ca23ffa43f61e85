package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// engine is what one tab's worker holds. It is used by one caller at a time.
type engine struct {
	now     func() time.Time
	origin  string // where the page itself knows it is
	as      crypto.Representative
	secrets *crypto.Secrets // between derive and what it is for
	bundle  *crypto.Bundle  // nil: locked
	trust   *ceremony.Trust // with it
	desk    *officer        // with both, when the key is a staff member's
	pending *pendingClaim   // a claim that is under way

	uncertified *crypto.Certificate // of a staff key that could not log in
	opened      map[crypto.Number]*openedNotice
	reading     map[crypto.Number]*readingStatement
	letters     letters

	offline offline // what the offline reader was handed

	judged  *judging // what is being verified; in desk.wasm only
	helping *helping // this worker is a helper, and has no key; in desk.wasm only
}

// officer is a staff member with their key.
type officer struct {
	member *crypto.Staff
	key    *crypto.Key   // with the root's certification: what signs
	keys   []*crypto.Key // key, and those they had before: what opens

	examined map[crypto.Number]*ceremony.ExaminedStatement // submissions that are open before them
	outgoing map[string][]byte                             // sealed files that are to be uploaded, by the digest that names them

	directory *ceremony.Directory // the mailboxes, as they were last read
	notice    *noticeOnDesk       // that is open before them
	unread    *api.StaffNotice    // that is opened next, once what it says to single mailboxes is there
	composing *composing          // a notice that they write
}

// noticeOnDesk is a notice as it was examined.
type noticeOnDesk struct {
	examined *ceremony.Examined
	signed   api.SignedManifest
}

// holder names whom the unlocked key belongs to as sessions do: S-7K2M9QXD/2, or staff:FINGERPRINT.
func (e *engine) holder() string {
	if e.desk != nil {
		return crypto.StaffHolder(e.desk.key.Certificate().Fingerprint())
	}
	return e.as.String()
}

// rawData is an answer that is bytes and not JSON.
type rawData []byte

// refusal is an error that has a code for the page.
type refusal struct {
	code string
	err  error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

var (
	errEngine = &refusal{"engine", errors.New("the part of this page that handles your key has a mistake; load the page again")}
	errLocked = &refusal{"locked", errors.New("the key is locked; unlock it with your passphrase")}
)

// codeOf is the stable word for a page to decide by.
func codeOf(err error) string {
	var r *refusal
	var policy *crypto.PolicyError
	switch {
	case errors.As(err, &r):
		return r.code
	case errors.Is(err, crypto.ErrWrongSecret):
		return "wrong-secret"
	case errors.As(err, &policy):
		return "policy-" + policy.Rule
	}
	if is, ok := ceremony.IsWrongKey(err); ok {
		return is
	}
	return cmp.Or(ceremony.ReasonOf(err), "refused")
}

// call runs one call by name. A panic becomes an error: the worker must not die with a key that nobody can use.
func (e *engine) call(name string, parameters, data []byte) (result any, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			result, err = nil, fmt.Errorf("%w (%v)", errEngine, problem)
		}
	}()
	do := calls[name]
	if do == nil {
		return nil, fmt.Errorf("%w (no call %q)", errEngine, name)
	}
	result, err = do(e, parameters, data)
	if err != nil && result != nil {
		result = nil
	}
	return result, sentence(err)
}

// sentence makes an error text one for people: it begins with a capital and ends with a full stop.
func sentence(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if last, _ := utf8.DecodeLastRuneInString(text); !strings.ContainsRune(".!?…", last) {
		text += "."
	}
	return &refusal{codeOf(err), errors.New(text)}
}

// handle makes a call of a function with typed parameters.
func handle[P, R any](do func(*engine, P) (R, error)) func(*engine, []byte, []byte) (any, error) {
	return func(e *engine, parameters, _ []byte) (any, error) {
		var p P
		if err := json.Unmarshal(parameters, &p); err != nil {
			return nil, fmt.Errorf("%w (%v)", errEngine, err)
		}
		return do(e, p)
	}
}

type none struct{}

// table holds calls by name.
type table map[string]func(e *engine, parameters, data []byte) (any, error)

// calls is everything that a page can ask for. Each group of calls registers itself from its own file; which files there are, the build tags say.
var calls = make(table)

// register adds a group of calls. It is called by init functions only.
func register(group table) {
	for name, do := range group {
		if calls[name] != nil {
			panic("two calls are named " + name)
		}
		calls[name] = do
	}
}

func init() {
	register(table{
		"begin":   handle((*engine).begin),
		"number":  handle((*engine).number),
		"code":    handle((*engine).code),
		"forget":  handle((*engine).forget),
		"derive":  handle((*engine).derive),
		"unlock":  handle((*engine).unlock),
		"proves":  handle((*engine).proves),
		"sign-in": handle((*engine).signLogIn),
		"keep":    handle((*engine).keep),
		"restore": handle((*engine).restore),

		"passphrase":       handle((*engine).newPassphrase),
		"check-passphrase": handle((*engine).checkPassphrase),
		"change-lock":      handle((*engine).changeLock),
		"export":           handle((*engine).export),

		"claim":         handle((*engine).newClaim),
		"claim-own":     handle((*engine).newOwnClaim),
		"claim-request": handle((*engine).claimRequest),
		"claim-is":      handle((*engine).claimIs),
		"claim-done":    handle((*engine).claimDone),

		"list":        handle((*engine).list),
		"open":        (*engine).open,
		"renonce":     handle((*engine).renonce),
		"attachment":  handle((*engine).attachment),
		"acknowledge": handle((*engine).acknowledge),

		"check-receipt": handle((*engine).checkReceipt),
		"receipt-kept":  handle((*engine).receiptKept),
	})
}

// ------------------------------------------------------------------ logging in, unlocking

type beginning struct {
	Origin string `json:"origin"`
}

// begin tells where the page is. It is asked of the browser by the worker's own script, never of the server.
func (e *engine) begin(p beginning) (none, error) {
	e.origin = p.Origin
	return none{}, nil
}

type typedText struct {
	Text string `json:"text"`
}

type representative struct {
	Representative string `json:"representative"`
	Mailbox        string `json:"mailbox"`
}

// number reads a representative's number as people type it.
func (e *engine) number(p typedText) (representative, error) {
	as, err := crypto.ParseRepresentative(p.Text)
	if err != nil {
		return representative{}, &refusal{"number", err}
	}
	return representative{as.String(), string(as.Mailbox)}, nil
}

// code says whether a text is a claim code; if not, in which group it was mistyped.
func (e *engine) code(p typedText) (none, error) {
	if _, err := crypto.ParseClaimCode(p.Text); err != nil {
		return none{}, &refusal{"mistyped", err}
	}
	return none{}, nil
}

// forget drops everything secret. Go's memory is not wiped, but the worker that holds it is ended right after.
func (e *engine) forget(none) (none, error) {
	*e = engine{now: e.now, origin: e.origin}
	return none{}, nil
}

type derivation struct {
	As        string             `json:"as"`
	Typed     string             `json:"typed"`
	Challenge api.LogInChallenge `json:"challenge"`
}

// derive works what was typed into secrets, and returns what to show the server for the locked bundle.
func (e *engine) derive(p derivation) (api.Unlock, error) {
	as, err := crypto.ParseRepresentative(p.As)
	if err != nil {
		return api.Unlock{}, err
	}
	e.secrets = nil
	secrets, err := ceremony.DeriveSecrets(p.Typed, p.Challenge.Salt)
	if err != nil {
		return api.Unlock{}, err
	}
	e.as, e.secrets = as, secrets
	return ceremony.UnlockRequest(as, secrets), nil
}

type unlocking struct {
	Unlocked    api.Unlocked    `json:"unlocked"`
	Institution api.Institution `json:"institution"`
}

// identity is who the unlocked key belongs to, and whom it believes.
type identity struct {
	Representative string `json:"representative"`
	State          string `json:"state,omitempty"`
	Institution    string `json:"institution"` // its name in the root certificate
	Root           string `json:"root"`        // fingerprint, spaced
	PostQuantum    bool   `json:"post_quantum"`
}

// unlock opens the locked bundle, and the institution's root against the pin inside.
func (e *engine) unlock(p unlocking) (identity, error) {
	if e.secrets == nil {
		return identity{}, errEngine
	}
	bundle, err := ceremony.Unlock(e.as, p.Unlocked, e.secrets)
	if err != nil {
		return identity{}, err
	}
	i, err := e.take(bundle, p.Institution)
	i.State = string(p.Unlocked.State)
	return i, err
}

// take makes a bundle the engine's own, if the institution is the one that it pins.
func (e *engine) take(bundle *crypto.Bundle, i api.Institution) (identity, error) {
	as, err := crypto.ParseRepresentative(bundle.Holder)
	if err != nil {
		return identity{}, err
	}
	trust, err := ceremony.Believe(bundle.Pin, i)
	if err != nil {
		return identity{}, &refusal{"other-root", err}
	}
	e.as, e.bundle, e.trust, e.desk, e.opened, e.reading, e.letters = as, bundle, trust, nil, nil, nil, letters{}
	return e.identity(), nil
}

func (e *engine) identity() identity {
	return identity{
		Representative: e.as.String(), Institution: e.trust.Institution(),
		Root: e.trust.Pin().Fingerprint.Spaced(), PostQuantum: e.bundle.Key.Certificate().PostQuantum(),
	}
}

// proves says that the secrets just derived open the locked bundle: somebody who wants to change the passphrase knows the one until now.
func (e *engine) proves(p unlocking) (none, error) {
	if e.secrets == nil {
		return none{}, errEngine
	}
	_, err := ceremony.Unlock(e.as, p.Unlocked, e.secrets)
	return none{}, err
}

type challenge struct {
	Challenge api.LogInChallenge `json:"challenge"`
	Claimed   bool               `json:"claimed"` // with the key that the claim under way made
}

// signLogIn answers a challenge.
func (e *engine) signLogIn(p challenge) (api.LogIn, error) {
	bundle := e.bundle
	if p.Claimed && e.pending != nil {
		bundle = e.pending.claim.Bundle()
	}
	if bundle == nil {
		return api.LogIn{}, errLocked
	}
	as, key := e.as.String(), bundle.Key
	if e.desk != nil {
		as, key = string(e.desk.key.Certificate().Fingerprint()), e.desk.key
	}
	return ceremony.SignLogIn(p.Challenge, e.origin, as, key, e.now())
}

// ------------------------------------------------------------------ passphrases

type passphrase struct {
	Passphrase string `json:"passphrase"`
}

func (e *engine) newPassphrase(none) (passphrase, error) {
	return passphrase{ceremony.NewPassphrase()}, nil
}

func (e *engine) checkPassphrase(p passphrase) (none, error) {
	if err := crypto.CheckPassphrase(p.Passphrase); err != nil {
		return none{}, &refusal{"weak", err}
	}
	return none{}, nil
}

// changeLock locks the key under another passphrase.
func (e *engine) changeLock(p passphrase) (api.Lock, error) {
	if e.bundle == nil {
		return api.Lock{}, errLocked
	}
	return ceremony.ChangeLock(e.bundle, p.Passphrase)
}

// export gives out the private key without a lock, for its owner to take to another program. Post-quantum keys stay: no such program
// would know what to do with them.
func (e *engine) export(none) (rawData, error) {
	switch {
	case e.bundle == nil:
		return nil, errLocked
	case e.bundle.Key.Certificate().PostQuantum():
		return nil, &refusal{"export", errors.New("a post-quantum key works with Valise only, so it isn't exported")}
	}
	return rawData(e.bundle.Key.Armor()), nil
}

// ------------------------------------------------------------------ claiming

// pendingClaim is kept until the server has confirmed it, or shows that it did: pressing the button again must not make another key.
type pendingClaim struct {
	claim      *ceremony.Claim
	profile    crypto.Profile
	passphrase string
	own        []byte
}

type claiming struct {
	Profile    crypto.Profile `json:"profile"`
	Passphrase string         `json:"passphrase"`
}

type claimKey struct {
	Fingerprint crypto.Fingerprint `json:"fingerprint"`
}

// newClaim makes the representative's own key, unless a claim with the same profile and passphrase is under way already.
func (e *engine) newClaim(p claiming) (claimKey, error) {
	if e.bundle == nil {
		return claimKey{}, errLocked
	}
	if e.pending == nil || e.pending.profile != p.Profile || e.pending.passphrase != p.Passphrase {
		claim, err := ceremony.NewClaim(e.bundle, p.Profile, p.Passphrase, e.now())
		if err != nil {
			return claimKey{}, err
		}
		e.pending = &pendingClaim{claim: claim, profile: p.Profile, passphrase: p.Passphrase}
	}
	return claimKey{e.pending.claim.Certificate().Fingerprint()}, nil
}

type ownCertificate struct {
	Certificate string `json:"certificate"`
}

// newOwnClaim claims with a certificate that was made elsewhere.
func (e *engine) newOwnClaim(p ownCertificate) (claimKey, error) {
	if e.bundle == nil {
		return claimKey{}, errLocked
	}
	own := []byte(p.Certificate)
	if e.pending == nil || !bytes.Equal(e.pending.own, own) {
		claim, err := ceremony.NewOwnClaim(e.bundle, own, e.now())
		if err != nil {
			return claimKey{}, err
		}
		e.pending = &pendingClaim{claim: claim, own: own}
	}
	return claimKey{e.pending.claim.Certificate().Fingerprint()}, nil
}

type heldEnvelopes struct {
	Envelopes []api.HeldEnvelope `json:"envelopes"`
}

// claimRequest rewraps what has arrived and returns what to send.
func (e *engine) claimRequest(p heldEnvelopes) (api.Claim, error) {
	if e.pending == nil {
		return api.Claim{}, errEngine
	}
	return e.pending.claim.Request(p.Envelopes)
}

type isSame struct {
	Same bool `json:"same"`
}

// claimIs says whether the server knows the representative by the key of the claim under way: an answer got lost, but not the request.
func (e *engine) claimIs(me api.Me) (isSame, error) {
	return isSame{e.pending != nil && me.Fingerprint == e.pending.claim.Certificate().Fingerprint()}, nil
}

// claimDone puts the new key in the place of the issued one. A certificate made elsewhere leaves nothing here.
func (e *engine) claimDone(none) (isSame, error) {
	if e.pending == nil {
		return isSame{}, errEngine
	}
	bundle := e.pending.claim.Bundle()
	e.bundle, e.pending, e.secrets = bundle, nil, nil
	if bundle == nil {
		e.trust = nil
	}
	return isSame{bundle != nil}, nil
}
