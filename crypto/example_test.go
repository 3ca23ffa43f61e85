package crypto_test

import (
	"errors"
	"fmt"
	"log"
	"time"

	"valise/crypto"
)

// A registrar issues a mailbox; its representative claims it with the code from
// the letter; whoever seals a notice checks the chain up to the root on paper.
func Example_issueAndClaim() {
	now := time.Now()

	// At the institution, once.
	root, err := crypto.GenerateRoot("International Court", now)
	check(err)
	registrar, err := crypto.GenerateKey(crypto.ProfilePQ, "Chen Wei", now)
	check(err)
	registrarCertificate, err := crypto.CertifyStaff(root, registrar.Certificate(), []crypto.Role{crypto.RoleRegistrar}, now)
	check(err)
	pin := crypto.Pin{Fingerprint: root.Certificate().Fingerprint()}

	// Issue: key, certificate, locked bundle for the server; the claim code goes into the letter.
	representative := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}
	issued, err := crypto.GenerateKey(crypto.ProfilePQ, representative.String(), now)
	check(err)
	issuedCertificate, err := crypto.CertifyIssued(registrar, issued.Certificate(), representative, now)
	check(err)
	issued, err = issued.WithCertificate(issuedCertificate)
	check(err)
	code := crypto.NewClaimCode()
	secrets, err := crypto.DeriveSecrets([]byte(code), crypto.NewSalt())
	check(err)
	locked, err := crypto.LockBundle(&crypto.Bundle{Holder: representative.String(), Pin: pin, Key: issued}, secrets)
	check(err)

	// Claim: the code opens the bundle; its key vouches for a new one, which a passphrase locks.
	salt, err := crypto.BundleSalt(locked)
	check(err)
	secrets, err = crypto.DeriveSecrets([]byte(code), salt)
	check(err)
	bundle, err := crypto.UnlockBundle(locked, secrets)
	check(err)
	own, err := crypto.GenerateKey(crypto.ProfilePQ, bundle.Holder, now)
	check(err)
	ownCertificate, err := crypto.CertifySuccessor(bundle.Key, own.Certificate(), representative, now)
	check(err)
	own, err = own.WithCertificate(ownCertificate)
	check(err)
	secrets, err = crypto.DeriveSecrets([]byte(crypto.NewPassphrase()), crypto.NewSalt())
	check(err)
	locked, err = crypto.LockBundle(&crypto.Bundle{Holder: bundle.Holder, Pin: bundle.Pin, Key: own, Past: bundle.Keys()}, secrets)
	check(err)

	// The letter's code no longer opens what rests on the server.
	salt, err = crypto.BundleSalt(locked)
	check(err)
	secrets, err = crypto.DeriveSecrets([]byte(code), salt)
	check(err)
	_, err = crypto.UnlockBundle(locked, secrets)
	fmt.Println("wrong secret:", errors.Is(err, crypto.ErrWrongSecret))

	// Before sealing a notice.
	pinned, err := crypto.OpenRoot(pin, root.Certificate().Bytes())
	check(err)
	recipient, err := pinned.VerifyRepresentative(
		[]*crypto.Certificate{registrarCertificate},
		[]*crypto.Certificate{issuedCertificate, ownCertificate},
		representative, now)
	check(err)
	fmt.Println("issued by", recipient.Registrar().Name())
	fmt.Println("post-quantum:", recipient.Certificate().PostQuantum())
	// Output:
	// wrong secret: true
	// issued by Chen Wei
	// post-quantum: true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
