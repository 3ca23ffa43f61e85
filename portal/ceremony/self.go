package ceremony

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"valise/crypto"
)

// Self is the representative in front of the client: their number, the keys that
// open, and the certificates that are or were theirs. It comes from what they hold
// and not from what a server says, but for the earlier certificates of who uses a key
// of their own. The zero value is nobody, for whom no notice is meant.
type Self struct {
	representative crypto.Representative
	keys           []*crypto.Key
	certificates   []crypto.Fingerprint
	chain          *crypto.Recipient // nil, or whose earlier certificates are theirs too
}

// SelfOf is the holder of an unlocked bundle, with its keys, current and past.
func SelfOf(b *crypto.Bundle) (*Self, error) {
	if b == nil {
		return nil, errors.New("there is no unlocked key")
	}
	as, err := crypto.ParseRepresentative(b.Holder)
	if err != nil {
		return nil, err
	}
	if err := checkBundle(as, b); err != nil {
		return nil, err
	}
	self := &Self{representative: as, keys: b.Keys()}
	for _, k := range self.keys {
		self.certificates = append(self.certificates, k.Certificate().Fingerprint())
	}
	return self, nil
}

// SelfWithKey is a representative who keeps their key themselves. What arrived before
// they claimed was sealed to the issued key; that it was theirs, chain shows (as the
// server shows it in api.Me, issued one first), if it holds now and ends at the key.
// Without a chain that holds, err says why, and only what was sealed to the key
// itself counts: self is usable all the same.
func SelfWithKey(t *Trust, as crypto.Representative, key *crypto.Key, chain []string, now time.Time) (self *Self, err error) {
	if key == nil {
		return nil, errors.New("there is no key to open with")
	}
	own := key.Certificate().Fingerprint()
	self = &Self{representative: as, keys: []*crypto.Key{key}, certificates: []crypto.Fingerprint{own}}
	r, err := t.VerifyChain(chain, as, now)
	switch {
	case err != nil:
		return self, err
	case r.Certificate().Fingerprint() != own:
		return self, fmt.Errorf("the portal shows another certificate as yours, %s, than that of your key, %s", r.Certificate().Fingerprint(), own)
	}
	self.chain = r
	return self, nil
}

// had says whether a certificate is or was theirs.
func (s *Self) had(f crypto.Fingerprint) bool {
	return slices.Contains(s.certificates, f) || s.chain != nil && s.chain.Had(f)
}

// Representative returns their number.
func (s *Self) Representative() crypto.Representative { return s.representative }

// ErrPassedOn is that a notice is genuine and wasn't meant for who would have opened
// it: somebody who could open it wrapped its session key anew.
var ErrPassedOn = errors.New("this notice was sealed to somebody else's mailbox and passed on to you; it is genuine, but it was not meant for you: don't rely on it, don't acknowledge it, and tell the institution by another way than this portal")

// meant says whether a genuine notice was meant for this representative: whether the
// membership shows that they are in its audience, under a certificate of theirs.
func (s *Self) meant(v *crypto.VerifiedManifest, membership []byte) error {
	if s == nil || len(s.keys) == 0 {
		return errors.New("there is nobody to open a notice for: unlock your key first")
	}
	if len(membership) == 0 {
		return fmt.Errorf("%w (the portal shows nothing to the contrary)", ErrPassedOn)
	}
	m, err := v.CheckMembership(membership)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrPassedOn, err)
	}
	switch to := m.Member; {
	case to.Representative != s.representative:
		return fmt.Errorf("%w (it was sealed to %s, and you are %s)", ErrPassedOn, to.Representative, s.representative)
	case !s.had(to.Certificate):
		return fmt.Errorf("this notice names you, but it was sealed to a key that you don't have, %s: somebody may have had a key made in your name, and read what was meant for you. Tell the institution by another way than this portal", to.Certificate.Spaced())
	}
	return nil
}
