package registry

import (
	"bytes"
	"context"

	"valise/crypto"
	"valise/portal"
)

// maxRecord is the size in bytes of the largest sealed label or details: an envelope for each of a hundred staff, and a name.
const maxRecord = 256 << 10

// verifierSize is that of crypto.LogInVerifier.
const verifierSize = 32

// Issuance is what a registrar's client hands in.
type Issuance struct {
	Representative crypto.Representative
	Profile        crypto.Profile
	Certificate    []byte // armored or binary
	Salt           []byte
	Verifier       []byte
	LockedBundle   []byte
	Label          []byte // sealed; empty when the mailbox exists
	Details        []byte // sealed
}

// Issue keeps a new representative. Registrars only, and only with a certificate that they themselves certified.
func (g *Registry) Issue(ctx context.Context, actor portal.Actor, i Issuance) error {
	const act = "registry.issue"
	if err := g.admit(ctx, actor, act, i.Representative.String(), crypto.RoleRegistrar); err != nil {
		return err
	}
	if again, err := crypto.ParseRepresentative(i.Representative.String()); err != nil || again != i.Representative {
		return portal.Errorf(portal.Invalid, "invalid-number", "That is no representative's number. Draw a new mailbox number, or take the next ordinal of one that exists.")
	}
	if i.Profile != crypto.ProfilePQ && i.Profile != crypto.ProfileCompat {
		return portal.Errorf(portal.Invalid, "invalid-profile", "A key is issued with profile pq or compat.")
	}
	if err := checkLock(i.Salt, i.Verifier, i.LockedBundle); err != nil {
		return err
	}
	if err := checkRecords(i); err != nil {
		return err
	}
	c, err := crypto.ParseCertificate(i.Certificate)
	if err != nil {
		return portal.CertificateError(err)
	}
	recipient, err := g.verify(ctx, []*crypto.Certificate{c}, i.Representative)
	if err != nil {
		return err
	}
	if recipient.Registrar().Certificate().Fingerprint() != actor.Staff().Certificate().Fingerprint() {
		return portal.Errorf(portal.Invalid, "other-registrar", "Another registrar certified this key than the one who is logged in. Certify it with your own key.")
	}
	if err := checkProfile(i.Profile, c); err != nil {
		return err
	}
	if err := g.audit(ctx, actor, act, i.Representative.String()); err != nil {
		return err
	}
	return g.store.Issue(ctx, portal.RepresentativeRecord{
		Representative: i.Representative, State: portal.Issued, Profile: i.Profile,
		Salt: i.Salt, Verifier: i.Verifier, LockedBundle: i.LockedBundle,
		Chain: [][]byte{c.Bytes()}, Details: i.Details, IssuedAt: g.now(),
	}, i.Label)
}

// checkLock looks at a locked bundle and what belongs to it, as far as that can be done without the secret.
func checkLock(salt, verifier, locked []byte) error {
	inside, err := crypto.BundleSalt(locked)
	switch {
	case err != nil:
		return portal.Errorf(portal.Invalid, "invalid-lock", "%s", portal.Sentence(err))
	case !bytes.Equal(inside, salt):
		return portal.Errorf(portal.Invalid, "invalid-lock", "The salt is not that of the locked bundle, so nobody could open it. Lock the key again.")
	case len(verifier) != verifierSize:
		return portal.Errorf(portal.Invalid, "invalid-lock", "The verifier has %d bytes, it must have %d. Lock the key again.", len(verifier), verifierSize)
	}
	return nil
}

// checkRecords refuses what is not sealed, whatever the client calls it.
func checkRecords(i Issuance) error {
	if len(i.Label) > 0 {
		if err := checkSealed("label", i.Label); err != nil {
			return err
		}
	}
	return checkSealed("details", i.Details)
}

func checkSealed(what string, record []byte) error {
	if len(record) > maxRecord {
		return portal.Errorf(portal.TooLarge, "too-large", "The sealed %s has more than %d KiB.", what, maxRecord>>10)
	}
	if err := crypto.CheckRecord(record); err != nil {
		return portal.Errorf(portal.Invalid, "invalid-"+what, "The %s must be sealed before they are sent: %v.", what, err)
	}
	return nil
}

// checkProfile says whether a key is of the profile that it is said to be: staff rely on it when they count who isn't post-quantum.
func checkProfile(p crypto.Profile, c *crypto.Certificate) error {
	fits := true
	switch p {
	case crypto.ProfilePQ:
		fits = c.Suite() == crypto.SuitePQ && c.PostQuantum()
	case crypto.ProfileCompat:
		fits = c.Suite() == crypto.SuiteCompat && !c.PostQuantum()
	}
	if !fits {
		return portal.Errorf(portal.Invalid, "invalid-profile", "The certificate is not of the profile %s. Make the key anew, or name the profile that it has.", p)
	}
	return nil
}
