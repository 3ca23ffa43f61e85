package crypto_test

import (
	"fmt"
	"time"

	"valise/crypto"
)

// An author seals a notice, another person opens and approves it, a State's
// representative opens and acknowledges it, and anyone verifies the receipt.
func Example_notice() {
	now := time.Now()
	institution := newInstitution(now)
	root, staff := institution.root, institution.staff

	// The author's machine.
	draft := &crypto.Draft{
		From: "International Court",
		Languages: []crypto.LanguageVersion{
			{Language: "en", Subject: "Security incident", Text: "We have detected anomalous activity.\n"},
			{Language: "fr", Subject: "Incident de sécurité", Text: "Nous avons détecté une activité anormale.\n"},
		},
		Acknowledge: true,
		Deadline:    now.Add(72 * time.Hour),
		Fallback:    crypto.FallbackAfter(12),
	}
	sealed, err := crypto.SealNotice(root, institution.author, draft, []*crypto.Recipient{institution.recipient}, institution.desk, now, nil)
	check(err)

	// The server finds the envelope by its holder; body and heading go with it.
	fetch := func(holder string) (envelope, body []byte) {
		for _, e := range sealed.Envelopes {
			if e.Holder == holder {
				return e.Data, sealed.Bodies[e.Suite]
			}
		}
		return nil, nil
	}

	// The approver's machine opens the very bytes that recipients will open.
	submission, err := root.VerifySubmission(sealed.Signed(), staff, now)
	check(err)
	envelope, body := fetch(crypto.StaffHolder(institution.approver.Certificate().Fingerprint()))
	examined, err := crypto.OpenNotice(submission, envelope, body, []*crypto.Key{institution.approver})
	check(err)
	signed := sealed.Signed()
	signed.ApproverSignature, err = crypto.Approve(root, institution.approver, examined, signed.Manifest, now)
	check(err)

	// The representative's machine.
	verified, err := root.VerifyManifest(signed, staff, now)
	check(err)
	representative := institution.recipient.Representative()
	envelope, body = fetch(representative.String())
	opened, err := crypto.OpenNotice(verified, envelope, body, []*crypto.Key{institution.own})
	check(err)
	fmt.Println(opened.Content().Languages[1].Subject)
	fmt.Println(verified.Author().Name(), "and", verified.Approver().Name())
	nonce := crypto.NewNonce() // the server's
	text, err := crypto.Acknowledge(opened, institution.own, representative, crypto.DecisionAcknowledged, nonce, now)
	check(err)

	// Anyone, with the signed manifest and the certificates.
	receipt, err := crypto.VerifyReceipt(text, verified, institution.recipient.Certificate(), now)
	check(err)
	fmt.Println(receipt.Acknowledgement().Decision)
	// Output:
	// Incident de sécurité
	// Anna Meijer and Benoît Diallo
	// acknowledged
}

// institution is what exists before a notice: see Example_issueAndClaim.
type institution struct {
	root             *crypto.Root
	author, approver *crypto.Key
	staff            []*crypto.Certificate
	desk             []*crypto.Staff
	own              *crypto.Key
	recipient        *crypto.Recipient
}

func newInstitution(now time.Time) *institution {
	i := new(institution)
	rootKey, err := crypto.GenerateRoot("International Court", now)
	check(err)
	i.root, err = crypto.OpenRoot(crypto.Pin{Fingerprint: rootKey.Certificate().Fingerprint()}, rootKey.Certificate().Bytes())
	check(err)
	hire := func(name string, role crypto.Role) *crypto.Key {
		key, err := crypto.GenerateKey(crypto.ProfilePQ, name, now)
		check(err)
		certificate, err := crypto.CertifyStaff(rootKey, key.Certificate(), []crypto.Role{role}, now)
		check(err)
		key, err = key.WithCertificate(certificate)
		check(err)
		member, err := i.root.VerifyStaff(certificate, now)
		check(err)
		i.staff, i.desk = append(i.staff, certificate), append(i.desk, member)
		return key
	}
	i.author = hire("Anna Meijer", crypto.RoleAuthor)
	i.approver = hire("Benoît Diallo", crypto.RoleApprover)
	registrar := hire("Chen Wei", crypto.RoleRegistrar)
	representative := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}
	i.own, err = crypto.GenerateKey(crypto.ProfilePQ, representative.String(), now)
	check(err)
	certificate, err := crypto.CertifyIssued(registrar, i.own.Certificate(), representative, now)
	check(err)
	i.recipient, err = i.root.VerifyRepresentative(i.staff, []*crypto.Certificate{certificate}, representative, now)
	check(err)
	return i
}
