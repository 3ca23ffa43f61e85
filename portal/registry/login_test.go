package registry_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/registry"
)

func TestSalt(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	r, _ := c.issue(t)
	salt := func(g *registry.Registry, as, wantCanonical string) []byte {
		t.Helper()
		canonical, salt, err := g.Salt(ctx, as)
		must(t, err)
		if canonical != wantCanonical || len(salt) != crypto.SaltSize {
			t.Errorf("%q became %q, with a salt of %d bytes", as, canonical, len(salt))
		}
		return salt
	}
	typed := strings.ToLower(string(r.Mailbox))
	if !bytes.Equal(salt(c.Registry, typed, r.String()), c.secrets.Salt()) {
		t.Error("the salt is not the one that the key was locked with")
	}
	unknown, other := crypto.NewNumber(crypto.KindState), crypto.NewNumber(crypto.KindState)
	first := salt(c.Registry, string(unknown), string(unknown)+"/1")
	if !bytes.Equal(first, salt(c.Registry, string(unknown)+"/1", string(unknown)+"/1")) {
		t.Error("the salt of an unknown number changes")
	}
	if bytes.Equal(first, salt(c.Registry, string(other), string(other)+"/1")) {
		t.Error("all unknown numbers have the same salt")
	}
	elsewhere := registry.New(c.db, c.pin, []byte("another portal secret, 32 octets"), func() time.Time { return c.now })
	if bytes.Equal(first, salt(elsewhere, string(unknown), string(unknown)+"/1")) {
		t.Error("the salt of an unknown number can be computed without the portal secret")
	}
	fingerprint := c.author.Certificate().Fingerprint()
	salt(c.Registry, fingerprint.Spaced(), string(fingerprint))
	for _, as := range []string{"", "somebody", "N-4GZ0R8TB", "S-7K2M9QXX", "staff:" + string(fingerprint)} {
		if _, _, err := c.Salt(ctx, as); portal.KindOf(err) != portal.Invalid {
			t.Errorf("%q: %v", as, err)
		}
	}
}

func TestUnlock(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	r, issued := c.issue(t)
	locked, state, err := c.Unlock(ctx, r.String(), c.secrets.LogInSecret())
	must(t, err)
	if !bytes.Equal(locked, c.locked) || state != portal.Issued {
		t.Errorf("unlocked %d bytes, %s", len(locked), state)
	}
	revoked, _ := c.issue(t)
	c.revoke(t, revoked)
	brought, broughtIssued := c.issue(t)
	own := successor(brought, broughtIssued, crypto.ProfilePQ)
	must(t, c.Claim(ctx, portal.ActingRepresentative(brought), registry.Claiming{Profile: crypto.ProfileOwn, Certificate: own.Certificate().Bytes()}))

	// Whoever fails learns nothing about why.
	texts := map[string]bool{}
	for name, try := range map[string]struct {
		as     string
		secret []byte
	}{
		"a wrong secret":      {r.String(), make([]byte, 32)},
		"no secret":           {r.String(), nil},
		"an unknown number":   {string(crypto.NewNumber(crypto.KindIndividual)), c.secrets.LogInSecret()},
		"who was revoked":     {revoked.String(), c.secrets.LogInSecret()},
		"who brought a key":   {brought.String(), c.secrets.LogInSecret()},
		"nothing of theirs":   {brought.String(), nil},
		"a member of staff":   {string(c.author.Certificate().Fingerprint()), c.secrets.LogInSecret()},
		"the verifier itself": {r.String(), crypto.LogInVerifier(c.secrets.LogInSecret())},
	} {
		locked, state, err := c.Unlock(ctx, try.as, try.secret)
		wantCode(t, err, portal.Unauthenticated, "wrong-secret")
		if locked != nil || state != "" {
			t.Errorf("%s got something", name)
		}
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("the answers tell who is known: %v", texts)
	}
	if _, _, err := c.Unlock(ctx, "?", nil); portal.KindOf(err) != portal.Invalid {
		t.Error(err)
	}

	// Once claimed, the code on the letter opens nothing.
	must(t, c.Claim(ctx, portal.ActingRepresentative(r), c.claiming(t, r, issued, successor(r, issued, crypto.ProfilePQ), crypto.ProfilePQ)))
	_, _, err = c.Unlock(ctx, r.String(), c.secrets.LogInSecret())
	wantCode(t, err, portal.Unauthenticated, "wrong-secret")
}

// logIn signs a log-in text as of now.
func (c *court) logIn(t *testing.T, as string, k *crypto.Key) []byte {
	t.Helper()
	return signLogIn(t, &crypto.LogIn{Origin: origin, As: as, Nonce: crypto.NewNonce(), Time: c.now}, k, c.now)
}

func signLogIn(t *testing.T, text *crypto.LogIn, k *crypto.Key, now time.Time) []byte {
	t.Helper()
	encoded, err := text.Encode()
	must(t, err)
	signed, err := crypto.ClearSign(k, crypto.PurposeLogIn, encoded, now)
	must(t, err)
	return signed
}

func TestLogIn(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	unclaimed, issuedKey := c.issue(t)
	claimed, ownKey := c.claimedMailbox(t)
	author := c.author.Certificate().Fingerprint()
	for name, who := range map[string]struct {
		as     string
		key    *crypto.Key
		holder string
		state  portal.RepresentativeState
	}{
		"with the issued key":  {unclaimed.String(), issuedKey, unclaimed.String(), portal.Issued},
		"with their own key":   {claimed.String(), ownKey, claimed.String(), portal.Claimed},
		"as a member of staff": {string(author), c.author, portal.StaffHolder(author), ""},
	} {
		nonce := crypto.NewNonce()
		proof, err := c.VerifyLogIn(ctx, signLogIn(t, &crypto.LogIn{Origin: origin, As: who.as, Nonce: nonce, Time: c.now}, who.key, c.now), origin)
		must(t, err)
		if proof.Actor().Holder() != who.holder || proof.State() != who.state || proof.Nonce() != nonce {
			t.Errorf("%s: %q, %q, %q", name, proof.Actor().Holder(), proof.State(), proof.Nonce())
		}
		actor, state, err := c.ActorOf(ctx, who.holder, proof.Key())
		must(t, err)
		if actor.Holder() != who.holder || state != who.state {
			t.Errorf("%s: the session is that of %q, %q", name, actor.Holder(), state)
		}
		for _, other := range []crypto.Fingerprint{"", c.stranger.Certificate().Fingerprint()} {
			actor, _, err := c.ActorOf(ctx, who.holder, other)
			if wantCode(t, err, portal.Unauthenticated, "key-replaced"); actor.Holder() != "" {
				t.Errorf("%s: a session that was begun with the key %q is theirs", name, other)
			}
		}
	}
}

func TestLogInIsRefused(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	r, own := c.claimedMailbox(t)
	other, otherKey := c.claimedMailbox(t)
	second, issuedKey := c.issue(t)
	must(t, c.Claim(ctx, portal.ActingRepresentative(second), c.claiming(t, second, issuedKey, successor(second, issuedKey, crypto.ProfilePQ), crypto.ProfilePQ)))
	revoked, revokedKey := c.issue(t)
	c.revoke(t, revoked)
	unknown := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}
	text := func(change func(*crypto.LogIn)) []byte {
		l := &crypto.LogIn{Origin: origin, As: r.String(), Nonce: crypto.NewNonce(), Time: c.now}
		change(l)
		return signLogIn(t, l, own, c.now)
	}
	otherPurpose := func() []byte {
		encoded, err := (&crypto.LogIn{Origin: origin, As: r.String(), Nonce: crypto.NewNonce(), Time: c.now}).Encode()
		must(t, err)
		signed, err := crypto.ClearSign(own, crypto.PurposeAcknowledgement, encoded, c.now)
		must(t, err)
		return signed
	}
	for name, try := range map[string]struct {
		code   string
		signed []byte
	}{
		"nothing":                          {"invalid-proof", nil},
		"an unsigned text":                 {"invalid-proof", []byte("valise login v1\n")},
		"another portal's text":            {"other-origin", text(func(l *crypto.LogIn) { l.Origin = "https://portal.example.evil" })},
		"an old text":                      {"proof-expired", text(func(l *crypto.LogIn) { l.Time = c.now.Add(-4 * time.Minute) })},
		"a text of tomorrow":               {"proof-expired", text(func(l *crypto.LogIn) { l.Time = c.now.Add(24 * time.Hour) })},
		"an altered text":                  {"wrong-signature", bytes.Replace(c.logIn(t, other.String(), own), []byte(other.String()), []byte(r.String()), 1)},
		"another's name, their own key":    {"wrong-signature", c.logIn(t, other.String(), own)},
		"a stranger's key":                 {"wrong-signature", c.logIn(t, r.String(), c.stranger)},
		"a registrar's key":                {"wrong-signature", c.logIn(t, r.String(), c.registrar)},
		"a staff name, a mailbox's key":    {"wrong-signature", c.logIn(t, string(c.author.Certificate().Fingerprint()), own)},
		"a stranger's own fingerprint":     {"wrong-signature", c.logIn(t, string(c.stranger.Certificate().Fingerprint()), c.stranger)},
		"the root":                         {"wrong-signature", c.logIn(t, string(c.Root.Certificate().Fingerprint()), c.Root)},
		"an unknown number, the root":      {"wrong-signature", c.logIn(t, unknown.String(), c.Root)},
		"the issued key after the claim":   {"wrong-signature", c.logIn(t, second.String(), issuedKey)},
		"a signature for something else":   {"wrong-signature", otherPurpose()},
		"who was revoked":                  {"revoked", c.logIn(t, revoked.String(), revokedKey)},
		"another mailbox's representative": {"wrong-signature", c.logIn(t, r.String(), otherKey)},
	} {
		proof, err := c.VerifyLogIn(ctx, try.signed, origin)
		if proof != nil {
			t.Errorf("%s: a proof came of it", name)
		}
		t.Run(name, func(t *testing.T) { wantCode(t, err, portal.Unauthenticated, try.code) })
	}

	// Unknown and known numbers can't be told apart by who can't sign.
	public := func(as crypto.Representative) string {
		_, err := c.VerifyLogIn(ctx, c.logIn(t, as.String(), c.stranger), origin)
		return strings.ReplaceAll(err.(*portal.Error).Public, as.String(), "?")
	}
	if public(r) != public(unknown) {
		t.Errorf("%q, but %q", public(r), public(unknown))
	}

	// Certifications of staff end by themselves.
	c.now = noon.Add(crypto.StaffPeriod)
	_, err := c.VerifyLogIn(ctx, c.logIn(t, string(c.author.Certificate().Fingerprint()), c.author), origin)
	wantCode(t, err, portal.Unauthenticated, "not-staff")
	_, _, err = c.ActorOf(ctx, portal.StaffHolder(c.author.Certificate().Fingerprint()), c.author.Certificate().Fingerprint())
	wantCode(t, err, portal.Unauthenticated, "not-staff")
}

func TestNobodysSession(t *testing.T) {
	c := newCourt(t)
	revoked, _ := c.issue(t)
	c.revoke(t, revoked)
	for _, holder := range []string{
		"", "staff:", "staff:" + string(c.stranger.Certificate().Fingerprint()), "somebody", revoked.String(),
		string(crypto.NewNumber(crypto.KindState)) + "/1", strings.ToLower(revoked.String()), string(c.author.Certificate().Fingerprint()),
	} {
		f, _ := portal.StaffFingerprint(holder)
		actor, _, err := c.ActorOf(t.Context(), holder, f)
		if portal.KindOf(err) != portal.Unauthenticated || actor.Holder() != "" {
			t.Errorf("%q: %q, %v", holder, actor.Holder(), err)
		}
	}
}
