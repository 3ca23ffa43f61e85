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

// A content is encrypted once; each recipient gets an envelope of their own, and
// envelope ‖ body is a message that any program opens that knows the suite.
func ExampleSealBody() {
	now := time.Now()
	author, err := crypto.GenerateKey(crypto.ProfilePQ, "Anna Meijer", now)
	check(err)
	recipient, err := crypto.GenerateKey(crypto.ProfilePQ, "S-7K2M9QXD/2", now)
	check(err)

	body, key, err := crypto.SealBody(crypto.SuitePQ, author, []byte("the content"), now)
	check(err)
	envelopes, err := crypto.WrapAll(
		map[crypto.Suite]*crypto.SessionKey{crypto.SuitePQ: key},
		[]*crypto.Certificate{recipient.Certificate()}, nil)
	check(err)

	// What the server can tell without keys.
	suite, err := crypto.CheckBody(body)
	check(err)
	check(crypto.CheckEnvelope(envelopes[0], recipient.Certificate()))
	message := crypto.ArmorMessage(crypto.Message(envelopes[0], body))

	// At the recipient's.
	envelope, body, err := crypto.SplitMessage(message)
	check(err)
	key, err = crypto.Unwrap(envelope, recipient)
	check(err)
	content, signature, err := crypto.OpenBody(body, key, author.Certificate(), now)
	check(err)
	fmt.Println(suite, signature.Purpose(), signature.Signer().UserIDs())
	fmt.Println(string(content))
	// Output:
	// pq content [Anna Meijer]
	// the content
}

// A receipt is a text that gpg verifies years later, without Valise.
func ExampleClearSign() {
	now := time.Now()
	key, err := crypto.GenerateKey(crypto.ProfilePQ, "S-7K2M9QXD/2", now)
	check(err)
	receipt, err := crypto.ClearSign(key, crypto.PurposeAcknowledgement, []byte("valise acknowledgement v1\ndecision: acknowledged\n"), now)
	check(err)

	text, _, err := crypto.VerifyClearSigned(key.Certificate(), crypto.PurposeAcknowledgement, receipt, now)
	check(err)
	fmt.Print(string(text))
	_, _, err = crypto.VerifyClearSigned(key.Certificate(), crypto.PurposeLogIn, receipt, now)
	fmt.Println(err)
	// Output:
	// valise acknowledgement v1
	// decision: acknowledged
	// the signature was made for another purpose, "acknowledgement" instead of "login"
}
