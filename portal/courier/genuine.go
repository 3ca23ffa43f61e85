package courier

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"valise/crypto"
)

// Whoever takes over the web server, or writes into the database, can make up notices, queue them, and exchange what lies there. The courier, which writes under the institution's
// name to addresses that they can't read, would be their messenger. So it carries only what it has verified itself, up to the root, as a recipient's client does: a manifest that two
// people of the staff signed, by which this representative is addressed, and the very parts that it names.

// errNotGenuine is what a letter is that must not be carried. It says what doesn't hold.
type errNotGenuine struct{ err error }

func (e *errNotGenuine) Error() string { return e.err.Error() }
func (e *errNotGenuine) Unwrap() error { return e.err }

// genuine verifies a letter but for its body, for which there is Body. An *errNotGenuine says that it doesn't hold; other errors, that it can't be known now.
func (c *Courier) genuine(ctx context.Context, e *Entry, l *Letter) (*crypto.VerifiedManifest, error) {
	v, err := c.manifest(ctx, l.Signed)
	if err != nil {
		return nil, err
	}
	if v.Manifest().Notice != e.Notice {
		return nil, &errNotGenuine{fmt.Errorf("it is the manifest of another notice")}
	}
	m, err := v.CheckMembership(l.Membership)
	switch {
	case err != nil:
		return nil, &errNotGenuine{err}
	case m.Member.Representative != e.Representative || m.Member.Suite != l.Suite:
		return nil, &errNotGenuine{errors.New("it is addressed to somebody else")}
	case m.Member.Personal.IsZero() != (l.Personal == nil):
		return nil, &errNotGenuine{errors.New("it has a personal part that was not signed, or lacks one that was")}
	}
	if err := c.checkEnvelopes(l, m.Member); err != nil {
		return nil, err
	}
	return v, nil
}

// checkEnvelopes says whether the envelopes are such, and nothing else that a mail program would take for a message, for a key of the representative; and whether the
// personal part is the one that was signed.
func (c *Courier) checkEnvelopes(l *Letter, m crypto.AudienceMember) error {
	chain, err := c.verified.ParseAll(l.Chain)
	if err != nil {
		return &errNotGenuine{err}
	}
	envelopes := [][]byte{l.Envelope}
	if l.Personal != nil {
		envelope, part, err := crypto.SplitMessage(l.Personal)
		if err == nil {
			err = crypto.CheckPersonal(m, part)
		}
		if err != nil {
			return &errNotGenuine{err}
		}
		envelopes = append(envelopes, envelope)
	}
	for _, certificate := range chain {
		if certificate.Fingerprint() != l.Certificate {
			continue
		}
		for _, envelope := range envelopes {
			if err := crypto.CheckEnvelopeFor(l.Suite, envelope, certificate); err != nil {
				return &errNotGenuine{err}
			}
		}
		return nil
	}
	return &errNotGenuine{errors.New("its envelope is for a key that is not the representative's")}
}

// maxManifests of some kilobytes each are remembered.
const maxManifests = 256

// manifest verifies both signatures over a manifest, or remembers that they held, for as long as staff certificates are taken as they were.
func (c *Courier) manifest(ctx context.Context, signed crypto.SignedManifest) (*crypto.VerifiedManifest, error) {
	key := digestOf(signed)
	for fresh := false; ; fresh = true {
		if fresh { // whoever signed may have come just now
			c.mutex.Lock()
			c.staff = nil
			c.mutex.Unlock()
		}
		staff, err := c.staffCertificates(ctx)
		if err != nil {
			return nil, err
		}
		c.mutex.Lock()
		known := c.manifests[key]
		c.mutex.Unlock()
		if known != nil {
			return known, nil
		}
		v, err := c.root.VerifyManifest(signed, staff, c.now())
		if err != nil && fresh {
			return nil, &errNotGenuine{err}
		}
		if err != nil {
			continue
		}
		c.mutex.Lock()
		defer c.mutex.Unlock()
		if c.manifests == nil || len(c.manifests) >= maxManifests {
			c.manifests = map[[sha256.Size]byte]*crypto.VerifiedManifest{}
		}
		c.manifests[key] = v
		return v, nil
	}
}

func digestOf(signed crypto.SignedManifest) (key [sha256.Size]byte) {
	h := sha256.New()
	for _, part := range [][]byte{signed.Manifest, signed.AuthorSignature, signed.ApproverSignature} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	h.Sum(key[:0])
	return key
}

// maxBodies is how many octets of bodies are remembered: those of the notices that are just being sent.
const maxBodies = 16 << 20

// bodyOf names a body by the manifest that it was checked against.
type bodyOf struct {
	manifest *crypto.VerifiedManifest
	suite    crypto.Suite
}

// body returns the body of a letter, if it is the one that was signed.
func (c *Courier) body(ctx context.Context, v *crypto.VerifiedManifest, suite crypto.Suite) ([]byte, error) {
	key := bodyOf{v, suite}
	c.mutex.Lock()
	body, known := c.bodies[key]
	c.mutex.Unlock()
	if known {
		return body, nil
	}
	body, err := c.store.Body(ctx, v.Manifest().Notice, suite)
	if err != nil {
		return nil, err
	}
	if err := v.CheckBody(body); err != nil {
		return nil, &errNotGenuine{err}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.bodiesSize+len(body) > maxBodies {
		clear(c.bodies)
		c.bodiesSize = 0
	}
	if _, known := c.bodies[key]; !known && len(body) <= maxBodies {
		c.bodies[key] = body
		c.bodiesSize += len(body)
	}
	return body, nil
}
