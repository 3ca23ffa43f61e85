package crypto

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// PolicyError names the rule that a certificate breaks and what its owner can do.
type PolicyError struct {
	Rule   string // machine-readable: one of the Rule constants
	Why    string // one sentence for the owner
	Remedy string // what to do, with the command where there is one
}

func (e *PolicyError) Error() string { return strings.TrimSpace(e.Why + " " + e.Remedy) }

// The rules of PolicyError.
const (
	RuleNoCertificate     = "no-certificate"
	RulePrivateKey        = "private-key"
	RuleSeveral           = "several-certificates"
	RuleTooLarge          = "too-large"
	RuleNoSelfSignature   = "no-self-signature"
	RuleSHA1              = "sha1"
	RuleRSATooShort       = "rsa-too-short"
	RuleRSATooLong        = "rsa-too-long"
	RuleDSA               = "dsa"
	RuleElGamal           = "elgamal"
	RuleWeakCurve         = "weak-curve"
	RuleUnknownAlgorithm  = "unknown-algorithm"
	RuleExpired           = "expired"
	RuleNotYetValid       = "not-yet-valid"
	RuleRevoked           = "revoked"
	RuleNoEncryption      = "no-encryption"
	RuleNoSigning         = "no-signing"
	RuleIdentifyingUserID = "identifying-user-id"
	RuleUserIDMissing     = "user-id-missing"
)

// RSA keys below the minimum are too weak. GnuPG makes none above 4096 bits unless
// asked to; above the maximum, a few signatures would keep who verifies them busy.
const (
	minimumRSABits = 3072
	maximumRSABits = 8192
)

// ClockSkew is how far in the future a signature may be dated: the clocks of
// those who sign and those who verify differ.
const ClockSkew = 10 * time.Minute

const exportCommand = "gpg --armor --export-options export-minimal --export FINGERPRINT"

func errNoCertificate(cause error) *PolicyError {
	switch {
	case errors.Is(cause, errTooManyPackets):
		return errTooLarge()
	case errors.Is(cause, errSeveralBlocks):
		return errSeveral()
	}
	return &PolicyError{RuleNoCertificate,
		"This is not a certificate (OpenPGP public key) that can be read: " + cause.Error() + ".",
		"Export it again: " + exportCommand}
}

func errPrivateKey() *PolicyError {
	return &PolicyError{RulePrivateKey,
		"This is a private key, which must never leave your hands.",
		"Delete the copy and send the public key instead: " + exportCommand}
}

func errSeveral() *PolicyError {
	return &PolicyError{RuleSeveral,
		"There is more than one certificate in it.",
		"Export only one: " + exportCommand}
}

func errTooLarge() *PolicyError {
	return &PolicyError{RuleTooLarge,
		fmt.Sprintf("The certificate is too large; at most %d KiB, %d packets, %d signatures of its own, %d user IDs and %d subkeys are accepted.", MaxCertificateSize>>10, maxCertificatePackets, maxSelfSignatures, maxUserIDs, maxSubkeys),
		"Leave out other people's signatures: " + exportCommand}
}

func errNoEncryption() *PolicyError {
	return &PolicyError{RuleNoEncryption,
		"Nothing can be encrypted to this certificate.",
		"Add an encryption subkey (gpg --quick-add-key FINGERPRINT cv25519 encr) and export the certificate again: " + exportCommand}
}

// checkAlgorithm returns a *PolicyError for a key that is too weak, nil for one that is fine.
func checkAlgorithm(key *packet.PublicKey) *PolicyError {
	const replace = "Make a new key, for example: gpg --quick-generate-key USER-ID future-default default 2y"
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly, packet.PubKeyAlgoRSAEncryptOnly:
		bits, err := key.BitLength()
		if err != nil || bits < minimumRSABits {
			return &PolicyError{RuleRSATooShort, fmt.Sprintf("An RSA key of the certificate has %d bits; at least %d are needed.", bits, minimumRSABits), replace}
		}
		if bits > maximumRSABits {
			return &PolicyError{RuleRSATooLong, fmt.Sprintf("An RSA key of the certificate has %d bits; at most %d are accepted.", bits, maximumRSABits), replace}
		}
	case packet.PubKeyAlgoDSA:
		return &PolicyError{RuleDSA, "The certificate has a DSA key, which is no longer accepted.", replace}
	case packet.PubKeyAlgoElGamal:
		return &PolicyError{RuleElGamal, "The certificate has an ElGamal key, which is no longer accepted.", replace}
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoECDH, packet.PubKeyAlgoEdDSA:
		if curve, err := key.Curve(); err != nil || curve == packet.CurveSecP256k1 {
			return &PolicyError{RuleWeakCurve, "The certificate has a key on an elliptic curve that is not accepted.", replace}
		}
	case packet.PubKeyAlgoEd25519, packet.PubKeyAlgoEd448, packet.PubKeyAlgoX25519, packet.PubKeyAlgoX448,
		packet.PubKeyAlgoMlkem768X25519, packet.PubKeyAlgoMlkem1024X448,
		packet.PubKeyAlgoMldsa65Ed25519, packet.PubKeyAlgoMldsa87Ed448,
		packet.PubKeyAlgoSlhdsaShake128s, packet.PubKeyAlgoSlhdsaShake128f, packet.PubKeyAlgoSlhdsaShake256s:
	default:
		return &PolicyError{RuleUnknownAlgorithm, fmt.Sprintf("The certificate has a key of a kind (%d) that is not accepted.", key.PubKeyAlgo), replace}
	}
	return nil
}

// CheckPolicy says whether notices may be sealed to the certificate, and its
// owner's signatures believed, at a time. It returns nil or a *PolicyError.
func (c *Certificate) CheckPolicy(at time.Time) error {
	if !c.exists() {
		return errNoCertificate(errZeroCertificate)
	}
	if err := c.checkEncryption(at); err != nil {
		return c.withFingerprint(err)
	}
	return nil
}

func (c *Certificate) checkEncryption(at time.Time) *PolicyError {
	if err := c.signerPolicy(at); err != nil {
		return err
	}
	if c.encryption == nil {
		return errNoEncryption()
	}
	if err := checkAlgorithm(c.encryption.PublicKey); err != nil {
		return err
	}
	for _, s := range []*packet.Signature{c.self, c.encryption.SelfSignature} {
		if s.CreationTime.After(at.Add(ClockSkew)) {
			return errNotYetValid(s.CreationTime)
		}
	}
	return c.checkPeriod(c.encryption.PublicKey, c.encryption.SelfSignature, at)
}

// checkSigner is the policy for a certificate that only has to verify, at the
// time when it signed: the institution's root has no encryption subkey, and a
// recipient's old key may have expired since it certified its successor.
func (c *Certificate) checkSigner(at time.Time) error {
	if !c.exists() {
		return errNoCertificate(errZeroCertificate)
	}
	if err := c.signerPolicy(at); err != nil {
		return c.withFingerprint(err)
	}
	return nil
}

// withFingerprint completes the commands in the remedy.
func (c *Certificate) withFingerprint(e *PolicyError) error {
	if !c.exists() {
		return e
	}
	return &PolicyError{e.Rule, e.Why, strings.ReplaceAll(e.Remedy, "FINGERPRINT", string(c.fingerprint))}
}

func (c *Certificate) signerPolicy(at time.Time) *PolicyError {
	if err := checkAlgorithm(c.entity.PrimaryKey); err != nil {
		return err
	}
	if c.self == nil {
		return c.errNoSelfSignature()
	}
	if revokedAt(c.entity.Revocations, at) {
		return &PolicyError{RuleRevoked, "The certificate has been revoked by its owner.", "Make a new key and have it certified."}
	}
	if err := c.checkPeriod(c.entity.PrimaryKey, c.self, at); err != nil {
		return err
	}
	if direct := newest(c.entity.DirectSignatures); direct != nil {
		if err := c.checkPeriod(c.entity.PrimaryKey, direct, at); err != nil {
			return err
		}
	}
	return c.checkSubkeys(at)
}

// checkSubkeys refuses weak subkeys that sign or encrypt and are still in use.
// Authentication subkeys, and those that expired or were revoked, do no harm.
func (c *Certificate) checkSubkeys(at time.Time) *PolicyError {
	canSign := c.self.FlagsValid && c.self.FlagSign
	for i := range c.entity.Subkeys {
		subkey := &c.entity.Subkeys[i]
		binding := newest(subkey.Bindings)
		if binding == nil || revokedAt(subkey.Revocations, at) || c.checkPeriod(subkey.PublicKey, binding, at) != nil {
			continue
		}
		signs := binding.FlagsValid && binding.FlagSign
		if !signs && !mayEncrypt(binding, subkey.PublicKey) {
			continue
		}
		if err := checkAlgorithm(subkey.PublicKey); err != nil {
			return err
		}
		canSign = canSign || signs
	}
	if !canSign {
		return &PolicyError{RuleNoSigning,
			"The certificate has no key that may sign.",
			"Add a signing subkey (gpg --quick-add-key FINGERPRINT ed25519 sign) and export the certificate again: " + exportCommand}
	}
	return nil
}

// CheckRepresentative is CheckPolicy, and demands that the certificate says
// nothing of its owner but the representative's number: the number is its only
// user ID, and there is no photograph in it.
func (c *Certificate) CheckRepresentative(representative Representative, at time.Time) error {
	if err := c.checkUserID(representative.String()); err != nil {
		return c.withFingerprint(err)
	}
	return c.CheckPolicy(at)
}

// checkUserID looks at the packets, so that a user ID without a signature, which
// names its owner all the same, is found too.
func (c *Certificate) checkUserID(number string) *PolicyError {
	if !c.exists() {
		return errNoCertificate(errZeroCertificate)
	}
	for _, p := range c.packet {
		if p.kind == packetUserID && string(p.body) != number || p.kind == packetUserAttribute {
			return &PolicyError{RuleIdentifyingUserID,
				"The certificate names its owner: its only user ID must be the number " + number + ", without name, e-mail address or photograph.",
				fmt.Sprintf("Add the number, and export the certificate with nothing else: gpg --quick-add-uid FINGERPRINT '%s' && gpg --armor --export-options export-minimal --export-filter keep-uid='uid = %s' --export FINGERPRINT", number, number)}
		}
	}
	if !slices.Contains(c.userIDs, number) {
		return &PolicyError{RuleUserIDMissing,
			"The certificate lacks the user ID " + number + ".",
			fmt.Sprintf("Add it and export the certificate again: gpg --quick-add-uid FINGERPRINT '%s' && %s", number, exportCommand)}
	}
	return nil
}

// errNoSelfSignature finds out why no self-signature was accepted.
func (c *Certificate) errNoSelfSignature() *PolicyError {
	for _, identity := range c.entity.Identities {
		for _, s := range identity.SelfCertifications {
			if !acceptableHash(s.Packet) {
				return &PolicyError{RuleSHA1,
					"The certificate vouches for itself only with SHA-1 or an older hash function, which can be forged.",
					"Sign it anew, for example by setting its expiry (gpg --cert-digest-algo SHA512 --quick-set-expire FINGERPRINT 2y && gpg --cert-digest-algo SHA512 --quick-set-expire FINGERPRINT 2y '*') and export it again: " + exportCommand}
			}
		}
		if slices.ContainsFunc(identity.SelfCertifications, cryptographicallyValid) {
			return &PolicyError{RuleRevoked, "The certificate's user ID has been revoked by its owner.", "Add the user ID again, or make a new key, and have it certified."}
		}
	}
	return &PolicyError{RuleNoSelfSignature, "The certificate's signature on itself is missing or doesn't hold.", "Export it again: " + exportCommand}
}

// checkPeriod says whether at is within the period that self gives key. The date
// of self doesn't matter: when an expiry is extended, GnuPG exports only the new
// self-signature, and what was signed before it must still hold.
func (c *Certificate) checkPeriod(key *packet.PublicKey, self *packet.Signature, at time.Time) *PolicyError {
	if key.CreationTime.After(at.Add(ClockSkew)) {
		return errNotYetValid(key.CreationTime)
	}
	if end := keyEnd(key, self); !end.IsZero() && !at.Before(end) {
		return &PolicyError{RuleExpired,
			"The certificate, or the key in it that counts, expired on " + end.UTC().Format("2 January 2006") + ".",
			"Extend it (" + c.extendCommands(at) + ") and export it again: " + exportCommand}
	}
	return nil
}

// extendCommands names the encryption subkey if it has expired, too: GnuPG's "all
// subkeys" leaves out those that have.
func (c *Certificate) extendCommands(at time.Time) string {
	const extend = "gpg --quick-set-expire FINGERPRINT 2y"
	if e := c.encryption; e != nil && e.PublicKey.IsSubkey {
		if end := keyEnd(e.PublicKey, e.SelfSignature); !end.IsZero() && !at.Before(end) {
			return extend + " && " + extend + " " + string(fingerprintOf(e.PublicKey))
		}
	}
	return extend
}

func errNotYetValid(from time.Time) *PolicyError {
	return &PolicyError{RuleNotYetValid,
		"The certificate is dated " + from.UTC().Format("2 January 2006, 15:04") + " UTC, which is in the future.",
		"Check the clock of the computer that made it; wait, or make it again."}
}

// keyEnd returns when a key expires by its self-signature; zero: never.
func keyEnd(key *packet.PublicKey, self *packet.Signature) time.Time {
	var end time.Time
	earlier := func(from time.Time, seconds *uint32) {
		if seconds == nil || *seconds == 0 {
			return
		}
		if t := from.Add(time.Duration(*seconds) * time.Second); end.IsZero() || t.Before(end) {
			end = t
		}
	}
	earlier(key.CreationTime, self.KeyLifetimeSecs)
	earlier(self.CreationTime, self.SigLifetimeSecs)
	return end
}
