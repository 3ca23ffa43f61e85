package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"valise/crypto"
	"valise/portal/wkd"
)

// The Web Key Directory (draft-koch-openpgp-webkey-service) gives a mail program the certificate of an address. In it stand the root and the staff, as far as a user ID
// of theirs that the root vouches for is an address, the desk's certificate for mail programs, and what the operator puts there. Two addresses of it: the direct one, on a mail domain's own host, and the advanced
// one, which names the domain. It gives nothing that TLS does not vouch for; what a statement's signers are, the root says.

const wkdPath = "/.well-known/openpgpkey/"

// getWKD serves "hu/HASH", a certificate in binary by the hash of an address's local part, and "policy", an empty file that says that there is a directory: of
// all domains, or behind "DOMAIN/" of that one.
func (s *server) getWKD(w http.ResponseWriter, r *http.Request) error {
	path := strings.Split(r.PathValue("path"), "/")
	domain := ""
	if path[0] != "hu" && path[0] != "policy" {
		domain, path = strings.ToLower(path[0]), path[1:]
	}
	policy := len(path) == 1 && path[0] == "policy"
	if !policy && (len(path) != 2 || path[0] != "hu") {
		return notFound(w, r)
	}
	all, err := s.mailCertificates(r.Context())
	if err != nil {
		return err
	}
	for _, c := range all {
		for _, address := range c.addresses {
			local, of, _ := wkd.Cut(address)
			switch {
			case domain != "" && domain != of:
			case policy:
				openToAll(w)
				writePublic(w, r, "text/plain; charset=utf-8", nil)
				return nil
			case wkd.Hash(local) == path[1]:
				openToAll(w)
				writePublic(w, r, "application/octet-stream", c.data)
				return nil
			}
		}
	}
	return notFound(w, r)
}

// checkMailCertificates refuses what no mail program would take: a certificate without an address, one that has expired, one that nothing can be sealed to.
func (p *Portal) checkMailCertificates() error {
	for _, c := range p.MailCertificates {
		if len(wkd.Addresses(c.UserIDs()...)) == 0 {
			return fmt.Errorf("the certificate %s has no user ID with a mail address, so nobody would find it by one; add it (gpg --quick-add-uid %s 'Name <name@court.example>') and export the certificate again", c.Fingerprint(), c.Fingerprint())
		}
		if err := c.CheckPolicy(p.Now()); err != nil {
			return fmt.Errorf("a certificate of the Web Key Directory: %w", err)
		}
	}
	return nil
}

// openToAll lets pages of other sites read an answer, as the draft asks; nothing in it is secret.
func openToAll(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
}

// mailCertificate is a certificate with the addresses by which it is found.
type mailCertificate struct {
	certificate *crypto.Certificate
	data        []byte // what a mail program gets of it
	addresses   []string
}

// mailCertificates are all in the directory: the root, the desk's for mail programs, what the operator put there, staff in office. The first with an address has it.
func (s *server) mailCertificates(ctx context.Context) ([]mailCertificate, error) {
	var all []mailCertificate
	add := func(c *crypto.Certificate, data []byte, userIDs []string) {
		if addresses := wkd.Addresses(userIDs...); len(addresses) > 0 {
			all = append(all, mailCertificate{c, data, addresses})
		}
	}
	add(s.Root.Certificate(), s.Root.Certificate().Bytes(), s.Root.Certificate().UserIDs())
	desk, err := s.Registry.MailCertificates(ctx)
	if err != nil {
		return nil, err
	}
	for _, member := range desk {
		small, err := member.MailCertificate(s.Root)
		if err != nil {
			return nil, err
		}
		add(member.Certificate(), small, []string{member.Name()})
	}
	for _, c := range s.MailCertificates {
		add(c, c.Bytes(), c.UserIDs())
	}
	staff, err := s.Registry.Staff(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range staff {
		if member, err := s.Root.VerifyStaff(c, s.Now()); err == nil && !member.Has(crypto.RoleDeskMail) {
			add(c, c.Bytes(), []string{member.Name()})
		}
	}
	return all, nil
}

// hasAddress says whether a certificate has an address among its user IDs.
func hasAddress(local, domain string) func(*crypto.Certificate) bool {
	return func(c *crypto.Certificate) bool {
		return slices.Contains(wkd.Addresses(c.UserIDs()...), strings.ToLower(local)+"@"+strings.ToLower(domain))
	}
}
