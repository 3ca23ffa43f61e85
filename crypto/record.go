package crypto

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxRecordRecipients is how many certificates a record may be sealed to.
const maxRecordRecipients = 100

// SealRecord makes a complete message, signed for the purpose, that any one of a
// few certificates opens: personal details to the registrars, a draft to the desk.
// now is the signature's time, and that at which the certificates must be good.
//
// A message has one suite: SuitePQ when all certificates are of it. One of
// SuiteCompat makes the whole record one of SuiteCompat, which is then not
// post-quantum for anyone, so give staff keys of ProfilePQ.
func SealRecord(content []byte, signer *Key, purpose Purpose, to []*Certificate, now time.Time) ([]byte, error) {
	if len(to) == 0 || len(to) > maxRecordRecipients {
		return nil, fmt.Errorf("a record is sealed to 1 to %d certificates, not to %d", maxRecordRecipients, len(to))
	}
	suite := SuitePQ
	for i, c := range to {
		if !c.exists() {
			return nil, errZeroCertificate
		}
		if err := c.CheckPolicy(now); err != nil {
			return nil, fmt.Errorf("nothing can be sealed to certificate %s: %w", c.fingerprint, err)
		}
		if slices.ContainsFunc(to[:i], func(other *Certificate) bool { return other.fingerprint == c.fingerprint }) {
			return nil, fmt.Errorf("certificate %s is named twice", c.fingerprint)
		}
		if c.Suite() == SuiteCompat {
			suite = SuiteCompat
		}
	}
	key, err := newSessionKey(suite)
	if err != nil {
		return nil, err
	}
	body, err := key.seal(purpose, signer, content, now)
	if err != nil {
		return nil, err
	}
	var message []byte
	for _, c := range to {
		envelope, err := key.wrap(c)
		if err != nil {
			return nil, err
		}
		message = append(message, envelope...)
	}
	return append(message, body...), nil
}

// OpenRecord opens a record, armored or binary, with any of keys, and verifies
// that one of signers signed the content for the purpose, as VerifyDetached
// demands.
func OpenRecord(message []byte, keys []*Key, signers []*Certificate, purpose Purpose, now time.Time) ([]byte, *Signature, error) {
	key, err := UnwrapRecord(message, keys)
	if err != nil {
		return nil, nil, err
	}
	return OpenRecordWith(message, key, signers, purpose, now)
}

// UnwrapRecord is the half of OpenRecord that takes a private key; OpenRecordWith, in
// another worker perhaps, is the other.
func UnwrapRecord(message []byte, keys []*Key) (*SessionKey, error) {
	envelopes, body, err := splitRecord(message)
	if err != nil {
		return nil, err
	}
	suite, err := CheckBody(body)
	if err != nil {
		return nil, err
	}
	key, err := unwrapAny(envelopes, keys)
	if err != nil {
		return nil, err
	}
	if key.suite != suite {
		return nil, errNoMessage(errors.New("its envelope and its body are of different suites"))
	}
	return key, nil
}

// OpenRecordWith is OpenRecord with the key that UnwrapRecord returned.
func OpenRecordWith(message []byte, key *SessionKey, signers []*Certificate, purpose Purpose, now time.Time) ([]byte, *Signature, error) {
	_, body, err := splitRecord(message)
	if err != nil {
		return nil, nil, err
	}
	suite, err := CheckBody(body)
	if err != nil {
		return nil, nil, err
	}
	if key == nil || key.suite != suite {
		return nil, nil, errNoMessage(errors.New("its envelope and its body are of different suites"))
	}
	plain, err := key.decrypt(body)
	if err != nil {
		return nil, nil, err
	}
	return verifyInside(plain, signers, purpose, now)
}

// splitRecord takes a record, armored or binary, apart.
func splitRecord(message []byte) (envelopes []rawPacket, body []byte, err error) {
	raw, err := binaryMessage(message)
	if err != nil {
		return nil, nil, err
	}
	packets, err := splitPackets(raw, maxRecordRecipients+1)
	if err != nil {
		return nil, nil, errNoMessage(err)
	}
	if len(packets) < 2 {
		return nil, nil, errNoMessage(errors.New("it is cut off"))
	}
	return packets[:len(packets)-1], packets[len(packets)-1].whole, nil
}

// unwrapAny opens the first of several envelopes that is addressed to one of keys.
func unwrapAny(envelopes []rawPacket, keys []*Key) (*SessionKey, error) {
	for _, p := range envelopes {
		if p.kind != packetPKESK {
			return nil, errNoMessage(fmt.Errorf("it holds an OpenPGP packet of type %d", p.kind))
		}
	}
	problem := errors.New("it is sealed to nobody")
	for _, p := range envelopes {
		key, err := Unwrap(p.whole, keys...)
		if err == nil {
			return key, nil
		}
		problem = err
	}
	if len(envelopes) > 1 {
		problem = errors.New("the record is sealed to other keys than those at hand, or damaged")
	}
	return nil, problem
}

// CheckRecord is the server's look at what a client calls a sealed record: as many
// envelopes as a record may have, then one sealed body, in binary form. That it is what it
// seems can only be told by who opens it.
func CheckRecord(message []byte) error {
	packets, err := splitPackets(message, maxRecordRecipients+1)
	if err != nil {
		return errNoMessage(err)
	}
	if len(packets) < 2 {
		return errNoMessage(errors.New("it is not made of envelopes and a body"))
	}
	last := len(packets) - 1
	for _, p := range packets[:last] {
		if _, err := parseEnvelope(p.whole); err != nil {
			return errNoMessage(err)
		}
	}
	if _, err := CheckBody(packets[last].whole); err != nil {
		return errNoMessage(err)
	}
	return nil
}

// RecordAddressees is CheckRecord, and returns to whom of some certificates a record
// is sealed, in their order. An envelope for anybody else, or a second one for the
// same certificate, is refused.
func RecordAddressees(message []byte, among []*Certificate) ([]*Certificate, error) {
	if err := CheckRecord(message); err != nil {
		return nil, err
	}
	packets, err := splitPackets(message, maxRecordRecipients+1)
	if err != nil {
		return nil, errNoMessage(err)
	}
	suite, err := CheckBody(packets[len(packets)-1].whole)
	if err != nil {
		return nil, err
	}
	sealed := make([]bool, len(among))
	for _, p := range packets[:len(packets)-1] {
		at := slices.IndexFunc(among, func(c *Certificate) bool { return CheckEnvelopeFor(suite, p.whole, c) == nil })
		switch {
		case at < 0:
			return nil, errors.New("the record has an envelope for somebody whom it must not be sealed to")
		case sealed[at]:
			return nil, fmt.Errorf("the record has two envelopes for certificate %s", among[at].fingerprint)
		}
		sealed[at] = true
	}
	var to []*Certificate
	for i, c := range among {
		if sealed[i] {
			to = append(to, c)
		}
	}
	return to, nil
}
