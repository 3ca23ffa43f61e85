package passkey

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"valise/crypto"
	"valise/portal"
)

// Limits.
const (
	QuestionPeriod = 5 * time.Minute // how long an authenticator may take to answer
	ResetPeriod    = 24 * time.Hour  // how long after a reset a passkey may be enrolled with the key alone
	MaxPasskeys    = 10              // per person
	MaxLabel       = 60              // characters
	MaxReason      = 500             // characters
	MaxAnswer      = 32 << 10        // bytes of an authenticator's answer as JSON
)

// Config says for whom passkeys are made and who must have one.
type Config struct {
	Origin string // "https://portal.example"
	Name   string // the institution's, which authenticators show
	Secret []byte // the portal secret: 32 bytes, in no database
	// InsecureSingleFactor was asked for by name: staff need none. Whoever has one must still show it.
	InsecureSingleFactor bool
}

// Passkeys is the step. Use New.
type Passkeys struct {
	store    Store
	sessions Sessions
	party    *webauthn.WebAuthn // nil: the origin can have none
	why      error              // then, why
	userKey  []byte
	demanded bool
	now      func() time.Time
}

// CheckOrigin says whether browsers make passkeys for an origin: they do for the name of a host over https, and for localhost.
func CheckOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%q is not an address like https://portal.example", origin)
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return fmt.Errorf("browsers make no passkeys for an IP address, and the portal's address is %s", origin)
	}
	if u.Scheme != "https" && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return fmt.Errorf("browsers make no passkeys without HTTPS, and the portal's address is %s", origin)
	}
	return nil
}

// New makes the step. At an origin that browsers make no passkeys for, it is an error if they are demanded; else nobody can enrol one.
func New(store Store, sessions Sessions, c Config, now func() time.Time) (*Passkeys, error) {
	key, err := hkdf.Key(sha256.New, c.Secret, nil, "valise passkey users v1", 32)
	if err != nil {
		return nil, err
	}
	k := &Passkeys{store: store, sessions: sessions, userKey: key, demanded: !c.InsecureSingleFactor, now: now}
	if k.why = CheckOrigin(c.Origin); k.why != nil {
		if k.demanded {
			return nil, k.why
		}
		return k, nil
	}
	u, err := url.Parse(c.Origin)
	if err != nil {
		return nil, err
	}
	limit := webauthn.TimeoutConfig{Enforce: true, Timeout: QuestionPeriod, TimeoutUVD: QuestionPeriod}
	k.party, err = webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: c.Name, RPOrigins: []string{c.Origin},
		// Nobody's attestation is asked for: which models to allow is no choice of ours, and it would identify the device.
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// We always say which ones may answer, so they needn't be found without that: a security key has room for few that can be.
			ResidentKey: protocol.ResidentKeyRequirementDiscouraged, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: limit, Registration: limit},
	})
	return k, err
}

// Demanded says whether every staff member must have one.
func (k *Passkeys) Demanded() bool { return k.demanded }

// Possible is nil where browsers make passkeys; else it says why they don't.
func (k *Passkeys) Possible() error {
	if k.party != nil {
		return nil
	}
	return portal.Errorf(portal.Conflict, "no-passkeys-here", "%s.", portal.Sentence(k.why))
}

// ------------------------------------------------------------------ who may

var errNobody = portal.Errorf(portal.Unauthenticated, "no-session", "You are not logged in, or your session has ended. Log in and try again.")

// staffOnly refuses everybody else.
func staffOnly(actor portal.Actor) error {
	if actor.Staff() != nil {
		return nil
	}
	if _, ok := actor.Representative(); ok {
		return portal.Errorf(portal.Forbidden, "staff-only", "This is for staff of the institution.")
	}
	return errNobody
}

// What is written down as an act's object is a name of ours, and never a text of whoever acts: auditors read the trail in sentences.
var (
	idShape   = regexp.MustCompile(`^[0-9a-f]{16}$`)
	codeShape = regexp.MustCompile(`^[0-9A-Z]{4}-[0-9A-Z]{4}$`)
)

func checkID(id string) error {
	if idShape.MatchString(id) {
		return nil
	}
	return portal.Errorf(portal.NotFound, "no-such-passkey", "There is no such passkey any more. Load the page again.")
}

func checkCode(code string) error {
	if codeShape.MatchString(code) {
		return nil
	}
	return portal.Errorf(portal.NotFound, "nobody-waits", "A code looks like 7K2M-9QXD. Look at the one that the command shows, or start the command again.")
}

// audit writes down what is about to be done. When it can't be written, it must not be done.
func (k *Passkeys) audit(ctx context.Context, actor portal.Actor, act, object string) error {
	return k.store.RecordAudit(ctx, portal.AuditEntry{Actor: actor.Holder(), Act: act, Object: object})
}

// ------------------------------------------------------------------ looking

// Own returns the actor's passkeys, the oldest first, and the latest reset, nil when there was none.
func (k *Passkeys) Own(ctx context.Context, actor portal.Actor) ([]Passkey, *Reset, error) {
	if err := staffOnly(actor); err != nil {
		return nil, nil, err
	}
	list, err := k.store.Passkeys(ctx, actor.Holder())
	if err != nil {
		return nil, nil, err
	}
	last, err := k.store.LastReset(ctx, actor.Holder())
	return list, last, err
}

// EnrolsAlone says until when somebody without passkeys may enrol one with the key alone; the zero time: for as long as they have none. The
// error says that they may not.
func (k *Passkeys) EnrolsAlone(have []Passkey, last *Reset) (until time.Time, err error) {
	if len(have) > 0 {
		return until, portal.Errorf(portal.Forbidden, "passkey-first", "You have a passkey. Show it first, then enrol another one.")
	}
	if last == nil {
		return until, nil
	}
	until = last.At.Add(ResetPeriod)
	if !k.now().Before(until) {
		return until, portal.Errorf(portal.Forbidden, "reset-expired", "Your passkeys were reset by an administrator, and the 24 hours in which you could enrol a new one with your key alone are over. Ask an administrator to reset them again.")
	}
	return until, nil
}

// Standings returns how all staff stand who have a passkey or a single sign-on account, by holder; for any staff member.
func (k *Passkeys) Standings(ctx context.Context, actor portal.Actor) (map[string]Standing, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	return k.store.Standings(ctx)
}

// lastResets is how many Resets returns.
const lastResets = 100

// Resets returns the latest resets of all staff with their reasons, the newest first; for auditors and administrators.
func (k *Passkeys) Resets(ctx context.Context, actor portal.Actor) ([]Reset, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	if !actor.Has(crypto.RoleAuditor) && !actor.Has(crypto.RoleAdministrator) {
		return nil, portal.Errorf(portal.Forbidden, "auditor-only", "This takes the role auditor or administrator, which the institution's root did not give you.")
	}
	return k.store.Resets(ctx, lastResets)
}

// ------------------------------------------------------------------ changing

// Rename gives one of the actor's passkeys another label.
func (k *Passkeys) Rename(ctx context.Context, actor portal.Actor, id, label string) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	label, err := line(label, MaxLabel, "label", "the name of the device")
	if err != nil {
		return err
	}
	if err := checkID(id); err != nil {
		return err
	}
	if err := k.audit(ctx, actor, "passkey.rename", id); err != nil {
		return err
	}
	return k.store.RenamePasskey(ctx, actor.Holder(), id, label)
}

// Remove removes one of the actor's passkeys, when one was shown for that (PurposeRemove, and id as its object). The last one stays while one is demanded.
func (k *Passkeys) Remove(ctx context.Context, actor portal.Actor, id string, shown *Shown) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	if err := checkID(id); err != nil {
		return err
	}
	if err := shown.For(actor, PurposeRemove, id); err != nil {
		return err
	}
	if err := k.audit(ctx, actor, "passkey.remove", id); err != nil {
		return err
	}
	return k.store.RemovePasskey(ctx, actor.Holder(), id, func(have []Passkey) error {
		if k.demanded && len(have) <= 1 {
			return portal.Errorf(portal.Conflict, "last-passkey", "This is your last passkey, and the portal demands one. Enrol another device first, then remove this one. If the device is lost or stolen, ask an administrator for a reset.")
		}
		return nil
	})
}

// RefusingLogIn writes down that the actor refuses a log-in that waits for their confirmation: somebody else may have their key.
func (k *Passkeys) RefusingLogIn(ctx context.Context, actor portal.Actor, code string) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	if err := checkCode(code); err != nil {
		return err
	}
	return k.audit(ctx, actor, "log-in.refuse", code)
}

// ConfirmingLogIn admits the actor to confirming a log-in that waits: with a passkey shown for it (PurposeConfirm, and the code as its object), unless
// they have none because none is demanded.
func (k *Passkeys) ConfirmingLogIn(ctx context.Context, actor portal.Actor, code string, shown *Shown) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	if err := checkCode(code); err != nil {
		return err
	}
	have, err := k.store.Passkeys(ctx, actor.Holder())
	if err != nil {
		return err
	}
	if len(have) > 0 || k.demanded {
		if err := shown.For(actor, PurposeConfirm, code); err != nil {
			return err
		}
	}
	return k.audit(ctx, actor, "log-in.confirm", code)
}

// Reset takes another member's passkeys and single sign-on account away, with a reason, and ends their sessions; for administrators, who
// show a passkey of their own for it (PurposeReset, and the member's holder name as its object).
func (k *Passkeys) Reset(ctx context.Context, actor portal.Actor, holder, reason string, shown *Shown) error {
	if err := k.mayReset(ctx, actor, holder); err != nil {
		return err
	}
	reason, err := line(reason, MaxReason, "reason", "the reason")
	if err != nil {
		return err
	}
	if err := shown.For(actor, PurposeReset, holder); err != nil {
		return err
	}
	if err := k.audit(ctx, actor, "passkey.reset", holder); err != nil {
		return err
	}
	// Their sessions end first: when that can't be done, nothing is. And once more behind: a session may have begun in between.
	if err := k.sessions.RevokeHolder(ctx, holder); err != nil {
		return err
	}
	if err := k.store.ResetFactors(ctx, Reset{Holder: holder, By: actor.Holder(), Reason: reason, At: k.now()}); err != nil {
		return err
	}
	return k.sessions.RevokeHolder(ctx, holder)
}

// mayReset refuses who may not; a staff member without the role is written down, since that is how a stolen account looks.
func (k *Passkeys) mayReset(ctx context.Context, actor portal.Actor, holder string) error {
	if err := staffOnly(actor); err != nil {
		return err
	}
	var refusal error
	switch f, ok := portal.StaffFingerprint(holder); {
	case !ok || !isFingerprint(f):
		return portal.Errorf(portal.Invalid, "invalid-member", "That is no staff member.")
	case !actor.Has(crypto.RoleAdministrator):
		refusal = portal.Errorf(portal.Forbidden, "administrator-only", "This takes the role administrator, which the institution's root did not give you.")
	case holder == actor.Holder():
		refusal = portal.Errorf(portal.Forbidden, "not-yourself", "Nobody resets their own second factor. Ask another administrator.")
	default:
		return nil
	}
	if err := k.audit(ctx, actor, "passkey.reset refused", holder); err != nil {
		return err
	}
	return refusal
}

func isFingerprint(f crypto.Fingerprint) bool {
	again, err := crypto.ParseFingerprint(string(f))
	return err == nil && again == f
}

// line reads what a person typed into one line.
func line(text string, most int, code, what string) (string, error) {
	if !utf8.ValidString(text) {
		return "", portal.Errorf(portal.Invalid, "invalid-"+code, "%s is not UTF-8.", portal.Sentence(fmt.Errorf("%s", what)))
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }), " ")
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "", portal.Errorf(portal.Invalid, "invalid-"+code, "Write down %s.", what)
	case n > most:
		return "", portal.Errorf(portal.Invalid, "invalid-"+code, "Make %s shorter: %d characters at most.", what, most)
	}
	return text, nil
}

// idOf names a passkey by its credential.
func idOf(credentialID []byte) string {
	sum := sha256.Sum256(credentialID)
	return hex.EncodeToString(sum[:8])
}

// handle is what authenticators know a member by: nothing that can be told without the portal secret.
func (k *Passkeys) handle(holder string) []byte {
	mac := hmac.New(sha256.New, k.userKey)
	mac.Write([]byte(holder))
	return mac.Sum(nil)
}
