package crypto

import (
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

// minimumRSABits is the size below which RSA keys are refused.
const minimumRSABits = 3072

// ClockSkew is how far in the future a signature may be dated: the clocks of
// those who sign and those who verify differ.
const ClockSkew = 10 * time.Minute

const exportCommand = "gpg --armor --export-options export-minimal --export FINGERPRINT"

func errNoCertificate(cause error) *PolicyError {
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
		fmt.Sprintf("The certificate is too large; at most %d KiB, %d packets, %d user IDs and %d subkeys are accepted.", MaxCertificateSize>>10, maxCertificatePackets, maxUserIDs, maxSubkeys),
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
		if bits, err := key.BitLength(); err != nil || bits < minimumRSABits {
			return &PolicyError{RuleRSATooShort, fmt.Sprintf("An RSA key of the certificate has %d bits; at least %d are needed.", bits, minimumRSABits), replace}
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
	if err := c.checkSigner(at); err != nil {
		return err
	}
	if c.encryption == nil {
		return errNoEncryption()
	}
	if err := checkAlgorithm(c.encryption.PublicKey); err != nil {
		return err
	}
	if err := checkPeriod(c.encryption.PublicKey, c.encryption.SelfSignature, at); err != nil {
		return err
	}
	return nil
}

// checkSigner is the policy for a certificate that only has to verify: the
// institution's root has no encryption subkey.
func (c *Certificate) checkSigner(at time.Time) error {
	if err := checkAlgorithm(c.entity.PrimaryKey); err != nil {
		return err
	}
	if c.self == nil {
		return c.errNoSelfSignature()
	}
	if revokedAt(c.entity.Revocations, at) {
		return &PolicyError{RuleRevoked, "The certificate has been revoked by its owner.", "Make a new key and have it certified."}
	}
	if err := checkPeriod(c.entity.PrimaryKey, c.self, at); err != nil {
		return err
	}
	if direct := newest(c.entity.DirectSignatures); direct != nil {
		if err := checkPeriod(c.entity.PrimaryKey, direct, at); err != nil {
			return err
		}
	}
	return c.checkSubkeys(at)
}

// checkSubkeys refuses weak subkeys that sign or encrypt and are still in use.
// Authentication subkeys, and those that expired or were revoked, do no harm.
func (c *Certificate) checkSubkeys(at time.Time) error {
	canSign := c.self.FlagsValid && c.self.FlagSign
	for i := range c.entity.Subkeys {
		subkey := &c.entity.Subkeys[i]
		binding := newest(subkey.Bindings)
		if binding == nil || revokedAt(subkey.Revocations, at) || checkPeriod(subkey.PublicKey, binding, at) != nil {
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

// errNoSelfSignature finds out why no self-signature was accepted.
func (c *Certificate) errNoSelfSignature() *PolicyError {
	for _, identity := range c.entity.Identities {
		for _, s := range identity.SelfCertifications {
			if !acceptableHash(s.Packet) {
				return &PolicyError{RuleSHA1,
					"The certificate vouches for itself only with SHA-1 or an older hash function, which can be forged.",
					"Sign it anew, for example by setting its expiry (gpg --cert-digest-algo SHA512 --quick-set-expire FINGERPRINT 2y; and once more with '*' at the end for the subkeys), and export it again: " + exportCommand}
			}
		}
		if slices.ContainsFunc(identity.SelfCertifications, cryptographicallyValid) {
			return &PolicyError{RuleRevoked, "The certificate's user ID has been revoked by its owner.", "Add the user ID again, or make a new key, and have it certified."}
		}
	}
	return &PolicyError{RuleNoSelfSignature, "The certificate's signature on itself is missing or doesn't hold.", "Export it again: " + exportCommand}
}

// checkPeriod says whether key is within the period that its self-signature gives it.
func checkPeriod(key *packet.PublicKey, self *packet.Signature, at time.Time) error {
	if latest := at.Add(ClockSkew); key.CreationTime.After(latest) || self.CreationTime.After(latest) {
		return &PolicyError{RuleNotYetValid,
			"The certificate is dated " + self.CreationTime.UTC().Format("2 January 2006, 15:04") + " UTC, which is in the future.",
			"Check the clock of the computer that made it, and wait or make it again."}
	}
	if end := keyEnd(key, self); !end.IsZero() && !at.Before(end) {
		return &PolicyError{RuleExpired,
			"The certificate, or the key in it that counts, expired on " + end.UTC().Format("2 January 2006") + ".",
			"Extend it (gpg --quick-set-expire FINGERPRINT 2y; and once more with '*' at the end for the subkeys) and export it again: " + exportCommand}
	}
	return nil
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
