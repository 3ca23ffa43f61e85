package route

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// What RFC 7672 has of TLSA records (RFC 6698, section 2.1): usages by which mail servers are shown, selectors and matching types.
const (
	usageAuthority = 2 // DANE-TA: the certificate leads to this one, which is in the chain
	usageServer    = 3 // DANE-EE: the certificate is this one; neither name nor dates in it count

	selectCertificate = 0
	selectKey         = 1

	matchFull   = 0
	matchSHA256 = 1
	matchSHA512 = 2
)

// errNotPinned is that a mail server shows another certificate than DNS says.
var errNotPinned = errors.New("the certificate is not the one that DNS says (DANE)")

// IsUntrusted says whether a connection failed for the server's certificate.
func IsUntrusted(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.Is(err, errNotPinned) || errors.As(err, &untrusted)
}

// pinned looks for what DNS, signed, says about a server's certificate (RFC 7672, section 2.2). About hosts whose own address is not signed nothing is asked: there could be no answer, and some resolvers' servers can't even say that.
func (f *Finder) pinned(ctx context.Context, s *Server, p *place) error {
	var bases []string
	if alias := plain(p.name); alias != s.Host {
		if p.secure {
			bases = []string{alias, s.Host}
		} else { // the alias may be signed where what it leads to is not
			a, err := f.dns.ask(ctx, s.Host, dns.TypeCNAME)
			if err != nil {
				return err
			}
			if a.secure {
				bases = []string{s.Host}
			}
		}
	} else if p.secure {
		bases = []string{s.Host}
	}
	for _, base := range bases {
		a, err := f.dns.ask(ctx, "_"+strconv.Itoa(int(s.Addresses[0].Port()))+"._tcp."+base, dns.TypeTLSA)
		if err != nil {
			return err // to take no answer for no record would be to let everybody on the way take the record away
		}
		if !a.secure || len(a.records) == 0 {
			continue
		}
		s.Promise = PromisedTLS
		if s.records = usable(a.records); len(s.records) > 0 {
			s.Promise, s.names = PromisedDANE, []string{base}
			if base != s.Host {
				s.names = append(s.names, s.Host)
			}
		}
		return nil
	}
	return nil
}

// usable are the records that can be matched, but for digests beside a stronger one of the same thing (RFC 7671, section 9).
func usable(records []dns.RR) (all []*dns.TLSA) {
	strongest := map[[2]uint8]uint8{}
	for _, record := range records {
		r, ok := record.(*dns.TLSA)
		if !ok || r.Usage != usageAuthority && r.Usage != usageServer || r.Selector > selectKey || !wellFormed(r) {
			continue
		}
		all = append(all, r)
		of := [2]uint8{r.Usage, r.Selector}
		strongest[of] = max(strongest[of], r.MatchingType)
	}
	return slices.DeleteFunc(all, func(r *dns.TLSA) bool {
		return r.MatchingType != matchFull && r.MatchingType < strongest[[2]uint8{r.Usage, r.Selector}]
	})
}

func wellFormed(r *dns.TLSA) bool {
	data, err := hex.DecodeString(r.Certificate)
	switch {
	case err != nil:
		return false
	case r.MatchingType == matchSHA256:
		return len(data) == sha256.Size
	case r.MatchingType == matchSHA512:
		return len(data) == sha512.Size
	case r.MatchingType != matchFull:
		return false
	case r.Selector == selectKey:
		_, err = x509.ParsePKIXPublicKey(data)
	default:
		_, err = x509.ParseCertificate(data)
	}
	return err == nil
}

func matches(r *dns.TLSA, c *x509.Certificate) bool {
	found, err := dns.CertificateToDANE(r.Selector, r.MatchingType, c)
	return err == nil && strings.EqualFold(found, r.Certificate)
}

// verifyDANE says whether a server shows what DNS says. It is called for each connection, also for those that are resumed.
func (s *Server) verifyDANE(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errNotPinned
	}
	leaf, chain := state.PeerCertificates[0], state.PeerCertificates[1:]
	roots, others, pinned := x509.NewCertPool(), x509.NewCertPool(), false
	for _, r := range s.records {
		if r.Usage == usageServer {
			if matches(r, leaf) {
				return nil
			}
			continue
		}
		if r.Selector == selectCertificate && r.MatchingType == matchFull { // it need not be in the chain
			if data, err := hex.DecodeString(r.Certificate); err == nil {
				if authority, err := x509.ParseCertificate(data); err == nil {
					roots.AddCert(authority)
					pinned = true
				}
			}
		}
		for _, c := range chain {
			if matches(r, c) {
				roots.AddCert(c)
				pinned = true
			}
		}
	}
	if !pinned || !slices.ContainsFunc(s.names, func(name string) bool { return leaf.VerifyHostname(name) == nil }) {
		return errNotPinned
	}
	for _, c := range chain {
		others.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: others}); err != nil {
		return errNotPinned
	}
	return nil
}
