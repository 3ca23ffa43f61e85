package registry

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
)

// How old the time in a log-in text may be: as old as its nonce, which counts for two minutes, and what the clocks of several nodes differ.
const (
	logInPeriod = 2 * time.Minute
	nodeSkew    = time.Minute
)

// identity is whom a log-in text or a request names: a representative, or a staff member.
type identity struct {
	representative crypto.Representative
	staff          crypto.Fingerprint // "": a representative
}

func parseIdentity(as string) (identity, error) {
	if f, err := crypto.ParseFingerprint(as); err == nil {
		return identity{staff: f}, nil
	}
	r, err := crypto.ParseRepresentative(as)
	if err != nil {
		return identity{}, portal.Errorf(portal.Invalid, "invalid-number", "That is no representative's number: %v.", err)
	}
	return identity{representative: r}, nil
}

func (i identity) String() string {
	if i.staff != "" {
		return string(i.staff)
	}
	return i.representative.String()
}

// Salt returns the salt to derive the log-in secret with. as is a representative's number or a staff fingerprint; whatever can't have a salt,
// because it is unknown, staff, or of profile own, gets one by HMAC. The error is only for text that is neither (portal.Invalid).
func (g *Registry) Salt(ctx context.Context, as string) (canonical string, salt []byte, err error) {
	who, err := parseIdentity(as)
	if err != nil {
		return "", nil, err
	}
	canonical = who.String()
	mac := hmac.New(sha256.New, g.saltKey)
	mac.Write([]byte(canonical))
	salt = mac.Sum(nil)[:crypto.SaltSize]
	lock, err := g.lock(ctx, who)
	if err != nil {
		return "", nil, err
	}
	if len(lock.Salt) == crypto.SaltSize {
		salt = lock.Salt
	}
	return canonical, salt, nil
}

// lock returns what the portal keeps to give out a locked bundle; the zero Lock for whom it has none.
func (g *Registry) lock(ctx context.Context, who identity) (Lock, error) {
	// Staff are looked up, too, under a name that nobody has: the answer takes the same time.
	lock, err := g.store.Lock(ctx, who.String())
	if portal.KindOf(err) == portal.NotFound {
		return Lock{}, nil
	}
	return lock, err
}

// Unlock hands out the locked bundle for the right log-in secret. A wrong one and an unknown number are the same portal.Unauthenticated.
func (g *Registry) Unlock(ctx context.Context, as string, logInSecret []byte) (locked []byte, state portal.RepresentativeState, err error) {
	who, err := parseIdentity(as)
	if err != nil {
		return nil, "", err
	}
	lock, err := g.lock(ctx, who)
	if err != nil {
		return nil, "", err
	}
	known := len(lock.Verifier) == verifierSize && (lock.State == portal.Issued || lock.State == portal.Claimed)
	verifier := lock.Verifier
	if !known {
		verifier = make([]byte, verifierSize) // which no secret has; compared all the same
	}
	if subtle.ConstantTimeCompare(crypto.LogInVerifier(logInSecret), verifier) != 1 || !known {
		return nil, "", portal.Errorf(portal.Unauthenticated, "wrong-secret", "The number, or the passphrase or claim code, is wrong. Check both, and mind capitals.")
	}
	record, err := g.store.Representative(ctx, who.representative)
	if err != nil {
		return nil, "", err
	}
	if subtle.ConstantTimeCompare(record.Verifier, lock.Verifier) != 1 {
		return nil, "", portal.Errorf(portal.Conflict, "lock-changed", "The passphrase was changed at this moment. Start again.")
	}
	return record.LockedBundle, record.State, nil
}

// Proof exists only when a signed log-in text held: signature, certificate, origin, time.
// The caller must still take its nonce.
type Proof struct {
	actor portal.Actor
	state portal.RepresentativeState
	key   crypto.Fingerprint
	nonce string
}

// Actor is who logs in.
func (p *Proof) Actor() portal.Actor { return p.actor }

// Key is the certificate whose key signed: the current one of who logs in.
func (p *Proof) Key() crypto.Fingerprint { return p.key }

// State is where a representative stands; "" for staff.
func (p *Proof) State() portal.RepresentativeState { return p.state }

// Nonce is the one in the text, which must have been given to whom the text names.
func (p *Proof) Nonce() string { return p.nonce }

// unproven is what everybody is told whose proof did not hold.
func unproven(code, format string, args ...any) *portal.Error {
	return portal.Errorf(portal.Unauthenticated, code, format, args...)
}

var errProcess = unproven("notary", "This is the key of a notary, of a courier or of the desk. That is no person, and does not log in.")

// VerifyLogIn checks a clear-signed log-in text against the certificate of whom it names. Whatever is wrong with the proof is portal.Unauthenticated.
func (g *Registry) VerifyLogIn(ctx context.Context, signedText []byte, origin string) (*Proof, error) {
	text, err := crypto.ReadClearSigned(signedText)
	if err != nil {
		return nil, unproven("invalid-proof", "%s", portal.Sentence(err))
	}
	named, err := crypto.ParseLogIn(text)
	if err != nil {
		return nil, unproven("invalid-proof", "%s", portal.Sentence(err))
	}
	who, err := parseIdentity(named.As)
	if err != nil {
		return nil, unproven("invalid-proof", "%s", portal.Sentence(err))
	}
	now := g.now()
	switch {
	case named.Origin != origin:
		return nil, unproven("other-origin", "The signed text is for another address than this portal's, %s. Don't use it, and find out where you got it.", origin)
	case named.Time.Before(now.Add(-logInPeriod-nodeSkew)) || named.Time.After(now.Add(nodeSkew)):
		return nil, unproven("proof-expired", "The signed text is older than two minutes. Ask for a new one and sign that.")
	}
	proof, err := g.prove(ctx, who, signedText, now)
	if err != nil {
		return nil, err
	}
	proof.nonce = named.Nonce
	return proof, nil
}

// RecordLogIn writes down that a staff member's session is about to begin. When a representative logs in is nobody's business, and isn't written down.
func (g *Registry) RecordLogIn(ctx context.Context, p *Proof) error {
	if p.actor.Staff() == nil {
		return nil
	}
	return g.audit(ctx, p.actor, "registry.log-in", p.actor.Holder())
}

// prove verifies the signature first, so that who can't sign learns nothing about who is known and why their certificate doesn't count.
func (g *Registry) prove(ctx context.Context, who identity, signedText []byte, now time.Time) (*Proof, error) {
	staff, err := g.staff(ctx)
	if err != nil {
		return nil, err
	}
	chain, state, err := g.certificates(ctx, who, staff)
	if err != nil {
		return nil, err
	}
	current := g.root.Certificate() // for whom nobody knows: a certificate that didn't sign this
	if len(chain) > 0 {
		current = chain[len(chain)-1]
	}
	if _, _, err := crypto.VerifyClearSigned(current, crypto.PurposeLogIn, signedText, now); err != nil || len(chain) == 0 {
		return nil, unproven("wrong-signature", "The text is not signed with the key that the portal knows for %s. Sign it unchanged, with that key, and try again.", who).
			Because(fmt.Errorf("known %t: %w", len(chain) > 0, err))
	}
	if who.staff != "" {
		member, err := g.root.VerifyStaff(current, now)
		if err != nil {
			return nil, unproven("not-staff", "%s", portal.Sentence(err))
		}
		if member.IsProcess() {
			return nil, errProcess
		}
		return &Proof{actor: portal.ActingStaff(member), key: current.Fingerprint()}, nil
	}
	if state != portal.Issued && state != portal.Claimed {
		return nil, errShutOut
	}
	if _, err := g.root.VerifyRepresentative(staff, chain, who.representative, now); err != nil {
		return nil, unproven("certificate-not-current", "%s", portal.Sentence(err))
	}
	return &Proof{actor: portal.ActingRepresentative(who.representative), state: state, key: current.Fingerprint()}, nil
}

// certificates returns the chain of a representative or the one certificate of a staff member; nil when nobody is known by that name.
func (g *Registry) certificates(ctx context.Context, who identity, staff []*crypto.Certificate) ([]*crypto.Certificate, portal.RepresentativeState, error) {
	if who.staff != "" {
		for _, c := range staff {
			if c.Fingerprint() == who.staff {
				return []*crypto.Certificate{c}, "", nil
			}
		}
		return nil, "", nil
	}
	record, err := g.store.Representative(ctx, who.representative)
	if portal.KindOf(err) == portal.NotFound {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	chain, err := g.verified.ParseAll(record.Chain)
	return chain, record.State, err
}

// ActorOf returns the actor of a session's holder as things stand now: a staff member whose certification ended, a revoked representative, and one whose certificate was replaced since
// (by whatever way; key is the one that the session was begun with) is portal.Unauthenticated. So a stolen key is worth nothing from the moment on at which another took its place, and no
// process that replaces one has to reach the sessions.
func (g *Registry) ActorOf(ctx context.Context, holder string, key crypto.Fingerprint) (portal.Actor, portal.RepresentativeState, error) {
	if f, ok := portal.StaffFingerprint(holder); ok {
		if key != f {
			return portal.Actor{}, "", errKeyReplaced
		}
		staff, err := g.staff(ctx)
		if err != nil {
			return portal.Actor{}, "", err
		}
		for _, c := range staff {
			if c.Fingerprint() != f {
				continue
			}
			member, err := g.root.VerifyStaff(c, g.now())
			if err != nil {
				return portal.Actor{}, "", unproven("not-staff", "%s", portal.Sentence(err))
			}
			if member.IsProcess() {
				return portal.Actor{}, "", errProcess
			}
			return portal.ActingStaff(member), "", nil
		}
		return portal.Actor{}, "", errShutOut
	}
	r, err := crypto.ParseRepresentative(holder)
	if err != nil || r.String() != holder {
		return portal.Actor{}, "", errNobody
	}
	state, current, err := g.store.CurrentKey(ctx, r)
	if state, err = admitted(state, err); err != nil {
		return portal.Actor{}, "", err
	}
	if key == "" || key != current {
		return portal.Actor{}, "", errKeyReplaced
	}
	return portal.ActingRepresentative(r), state, nil
}

var errKeyReplaced = unproven("key-replaced", "The key with which you logged in was replaced by another one. Log in with that.")
