package route

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"iter"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// What can be wrong with a way, besides ErrNoAnswer. None of them holds a name.
var (
	ErrNoMail    = errors.New("the domain takes no mail")                                            // there is no such domain, or it says so (RFC 7505)
	ErrNoAddress = errors.New("the mail server that DNS names has no address")                       // there may be others
	ErrNotNamed  = errors.New("the domain's policy (MTA-STS) names no such mail server as DNS does") // likewise
)

// Finder finds mail servers, and remembers policies. It may be used by several at once. Use New.
type Finder struct {
	dns      resolver
	policies *policies
	port     uint16
}

// Options say how a Finder works.
type Options struct {
	Resolver   string         // address and port of a resolver on this machine that verifies answers (DNSSEC); "": those of the system, and no DANE
	Roots      *x509.CertPool // whom certificates of web servers with policies are believed from; nil: whom the system believes
	Port       uint16         // of mail servers; 0: 25, the only one that they have outside tests
	PolicyPort uint16         // of web servers with policies; 0: 443, likewise

	Keep       string // a file that keeps policies over a restart; "": they are in memory alone
	KeepSecret []byte // at least 16 octets under which it is sealed

	Problem func(string) // is told what is wrong with that file, which stops nothing; nil: nobody is told
	Now     func() time.Time
}

// New makes a Finder. It asks nothing yet.
func New(o Options) (*Finder, error) {
	if o.Resolver != "" {
		if err := CheckResolver(o.Resolver); err != nil {
			return nil, err
		}
	}
	if o.Problem == nil {
		o.Problem = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := resolver{address: o.Resolver, believed: o.Resolver != ""}
	p, err := newPolicies(r, &o)
	return &Finder{dns: r, port: cmp.Or(o.Port, 25), policies: p}, err
}

// Promise is what a domain said elsewhere about a mail server's TLS, beyond what an attacker who alters DNS or the line could take away. The more, the larger.
type Promise int

// The promises.
const (
	PromisedNothing Promise = iota
	PromisedTLS             // DNS, signed, says that there is TLS, in a way that is not understood
	PromisedPolicy          // MTA-STS, in mode enforce
	PromisedDANE
)

// Server is a mail server.
type Server struct {
	Host      string           // as DNS names it, or the courier's file
	Addresses []netip.AddrPort // nil: the system finds them
	Promise   Promise

	records []*dns.TLSA // of PromisedDANE
	names   []string    // for one of which the certificate is, where an authority is pinned; the first is said to the server (SNI)
}

// TLS is how a connection to the server is begun: it fails when the server doesn't show what it has to. roots are whom certificates are believed from; nil: whom the system believes.
func (s *Server) TLS(roots *x509.CertPool) *tls.Config {
	config := &tls.Config{ServerName: s.Host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	if s.Promise == PromisedDANE {
		config.ServerName = s.names[0]
		config.InsecureSkipVerify = true // what DNS says is verified in place of what authorities say
		config.VerifyConnection = s.verifyDANE
	}
	return config
}

// maxServers is how many servers of a domain are looked at.
const maxServers = 5

// Servers finds the mail servers of a domain, best first (RFC 5321, section 5.1); in place of one that can't be used it gives the reason, which is one of this package's errors. A server is looked at when those before it
// were no use. What is asked about the domain alone is asked once.
func (f *Finder) Servers(ctx context.Context, domain string) iter.Seq2[*Server, error] {
	return func(yield func(*Server, error) bool) {
		mx, err := f.exchanges(ctx, domain)
		if err != nil {
			yield(nil, err)
			return
		}
		var policy *policy
		for _, host := range mx.hosts {
			s, err := f.server(ctx, host, mx.secure)
			if err == nil && s.Promise < PromisedDANE {
				if policy == nil {
					if policy, err = f.policies.of(ctx, domain); err != nil {
						yield(nil, err)
						return
					}
				}
				err = policy.bind(s)
				if err != nil {
					f.policies.doubt(domain)
				}
			}
			if err == nil && s.Promise == PromisedDANE {
				s.names = append(s.names, mx.names...)
			}
			if err != nil {
				s = nil
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// exchanges are the hosts that take a domain's mail.
type exchanges struct {
	hosts  []string
	names  []string // of the domain itself, behind aliases too
	secure bool
}

func (f *Finder) exchanges(ctx context.Context, domain string) (*exchanges, error) {
	a, err := f.dns.ask(ctx, domain, dns.TypeMX)
	if err != nil {
		return nil, err
	}
	if a.missing {
		return nil, ErrNoMail
	}
	x := &exchanges{names: []string{plain(domain)}, secure: a.secure}
	if alias := plain(a.name); alias != x.names[0] {
		x.names = append(x.names, alias)
	}
	if len(a.records) == 0 { // a domain that has an address is its own mail server
		p, err := f.dns.find(ctx, domain)
		if err == nil && len(p.addresses) == 0 {
			err = ErrNoMail
		}
		if err != nil {
			return nil, err
		}
		x.hosts = x.names[:1]
		return x, nil
	}
	rand.Shuffle(len(a.records), func(i, j int) { a.records[i], a.records[j] = a.records[j], a.records[i] })
	slices.SortStableFunc(a.records, func(r, s dns.RR) int { return cmp.Compare(r.(*dns.MX).Preference, s.(*dns.MX).Preference) })
	for _, record := range a.records {
		host := plain(record.(*dns.MX).Mx)
		if host != "" && !slices.Contains(x.hosts, host) && len(x.hosts) < maxServers {
			x.hosts = append(x.hosts, host)
		}
	}
	if len(x.hosts) == 0 {
		return nil, ErrNoMail // it says so (RFC 7505)
	}
	return x, nil
}

// plain is a name in small letters, without the dot at its end.
func plain(name string) string { return strings.TrimSuffix(dns.CanonicalName(name), ".") }

// server looks at one host, named by somebody who could be believed or not.
func (f *Finder) server(ctx context.Context, host string, named bool) (*Server, error) {
	p, err := f.dns.find(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(p.addresses) == 0 {
		return nil, ErrNoAddress
	}
	s := &Server{Host: host}
	for _, address := range p.addresses {
		s.Addresses = append(s.Addresses, netip.AddrPortFrom(address, f.port))
	}
	if named {
		err = f.pinned(ctx, s, p)
	}
	return s, err
}

// Smarthost looks at a mail server that the courier's file names, host:port; DANE counts there too, as whoever wrote the file is believed (RFC 7672, section 2.2.2). A host that DNS doesn't know is left to the system to find.
func (f *Finder) Smarthost(ctx context.Context, address string) (*Server, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, ErrNoAddress
	}
	number, err := strconv.ParseUint(port, 10, 16)
	_, notAName := netip.ParseAddr(host)
	if !f.dns.believed || err != nil || notAName == nil {
		return &Server{Host: host}, nil
	}
	at := *f
	at.port = uint16(number)
	s, err := at.server(ctx, plain(host), true)
	if errors.Is(err, ErrNoAddress) {
		return &Server{Host: host}, nil
	}
	return s, err
}

// Keep writes down which policies were learnt, if there is a file for it. Call it now and then, and at the end.
func (f *Finder) Keep() { f.policies.keep() }
