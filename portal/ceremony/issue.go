package ceremony

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// Order is what a registrar asks for: a new representative, and a new mailbox for
// them unless it exists.
type Order struct {
	Representative crypto.Representative
	Profile        crypto.Profile // ProfilePQ or ProfileCompat, of the issued key
	Stakeholder    string         // name of the State, organisation or individual; "" when the mailbox exists
	Person         string         // name of the representative

	// Own is the fingerprint of the representative's own certificate, which they said themselves to the registrar: nothing but that can take the mailbox up. "": they need none.
	Own crypto.Fingerprint
}

// NewMailbox draws the number of a new mailbox's first representative.
func NewMailbox(kind crypto.Kind) (crypto.Representative, error) {
	switch kind {
	case crypto.KindState, crypto.KindOrganisation, crypto.KindIndividual:
		return crypto.Representative{Mailbox: crypto.NewNumber(kind), Ordinal: 1}, nil
	}
	return crypto.Representative{}, errors.New("a mailbox is that of a State, an organisation or an individual")
}

// Issued is what came of an order. The claim code is nowhere else: it goes on paper,
// and then it is forgotten here.
type Issued struct {
	Request api.Issue
	Code    crypto.ClaimCode
}

// Issue makes a representative's first key, certifies it as the registrar, and locks
// it with the pin under a new claim code. Who it is goes up as records sealed to the
// registrars and, for States and organisations, to authors and approvers, who must know whom
// they write to.
func Issue(t *Trust, registrar *crypto.Key, o Order, now time.Time) (*Issued, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	registrar, _, err := t.StaffKey(registrar, now, crypto.RoleRegistrar)
	if err != nil {
		return nil, err
	}
	request := api.Issue{Representative: o.Representative.String(), Profile: o.Profile}
	if err := sealNames(t, registrar, o, &request, now); err != nil {
		return nil, err
	}
	key, err := crypto.GenerateKey(o.Profile, o.Representative.String(), now)
	if err != nil {
		return nil, err
	}
	var certificate *crypto.Certificate
	if o.Own == "" {
		certificate, err = crypto.CertifyIssued(registrar, key.Certificate(), o.Representative, now)
	} else {
		certificate, err = crypto.CertifyIssuedFor(registrar, key.Certificate(), o.Representative, o.Own, now)
	}
	if err != nil {
		return nil, err
	}
	if key, err = key.WithCertificate(certificate); err != nil {
		return nil, err
	}
	code := crypto.NewClaimCode()
	lock, err := lock(&crypto.Bundle{Holder: o.Representative.String(), Pin: t.Pin(), Key: key}, string(code))
	if err != nil {
		return nil, err
	}
	request.Certificate = certificate.Armor()
	request.Salt, request.Verifier, request.LockedBundle = lock.Salt, lock.Verifier, lock.LockedBundle
	return &Issued{Request: request, Code: code}, nil
}

// ConfirmDigits are how many digits from the end of a fingerprint a registrar types, as its owner read it to them: 64 bits, to which nobody finds another certificate in
// reasonable time.
const ConfirmDigits = 16

// ErrNotConfirmed says that what a registrar typed is not the end of the fingerprint.
var ErrNotConfirmed = errors.New("what you typed is not the end of that fingerprint. If it is what its owner read to you, this certificate is somebody else's")

// ConfirmOwn returns the fingerprint of a representative's own certificate for Order.Own: when something can be sealed to it, and what was typed, at least ConfirmDigits digits with spaces or without, is its end.
func ConfirmOwn(c *crypto.Certificate, typed string, now time.Time) (crypto.Fingerprint, error) {
	if err := c.CheckPolicy(now); err != nil {
		return "", err
	}
	typed = strings.ToUpper(strings.Join(strings.Fields(typed), ""))
	if len(typed) < ConfirmDigits || !strings.HasSuffix(string(c.Fingerprint()), typed) {
		return "", ErrNotConfirmed
	}
	return c.Fingerprint(), nil
}

// sealNames seals stakeholder's and person's name to those who may know.
func sealNames(t *Trust, registrar *crypto.Key, o Order, request *api.Issue, now time.Time) error {
	roles := []crypto.Role{crypto.RoleRegistrar}
	if o.Representative.Mailbox.Kind() != crypto.KindIndividual {
		roles = append(roles, crypto.RoleAuthor, crypto.RoleApprover)
	}
	readers := t.Staff(now, roles...)
	if err := checkName("person's name", o.Person); err != nil {
		return err
	}
	var err error
	if request.Details, err = sealRecord(record{detailsRecord, o.Representative.String(), o.Person}, registrar, readers, now); err != nil {
		return fmt.Errorf("sealing the person's name: %w", err)
	}
	if o.Stakeholder == "" {
		return nil
	}
	if err := checkName("stakeholder's name", o.Stakeholder); err != nil {
		return err
	}
	if request.Label, err = sealRecord(record{labelRecord, string(o.Representative.Mailbox), o.Stakeholder}, registrar, readers, now); err != nil {
		return fmt.Errorf("sealing the stakeholder's name: %w", err)
	}
	return nil
}
