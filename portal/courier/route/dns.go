package route

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Times and sizes of questions to DNS.
const (
	askTime    = 5 * time.Second // a resolver that knows nothing yet asks many others
	askRounds  = 2
	maxAsked   = 3    // resolvers of the system
	udpSize    = 1232 // octets that pass without being cut (DNS flag day 2020); larger answers come over TCP
	maxAliases = 8
	systemFile = "/etc/resolv.conf"
)

// ErrNoAnswer is that DNS gave no answer, or one that does not hold (DNSSEC). Trying again may help.
var ErrNoAnswer = errors.New("DNS gives no answer that holds")

// resolver asks DNS, through a resolver.
type resolver struct {
	address  string // "": those of the system
	believed bool   // it verifies answers (DNSSEC), and says so to nobody but us
}

// CheckResolver says what is wrong with the address of a resolver that verifies answers. It is on this machine: what it says about that is one bit, which anybody on the way could set.
func CheckResolver(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the resolver %q is not an address with a port, such as 127.0.0.1:53", address)
	}
	if !a.Addr().IsLoopback() || a.Port() == 0 {
		return fmt.Errorf("the resolver %q is not on this machine: its word on what is signed (DNSSEC) can be believed only where nobody is on the way; run one here, at 127.0.0.1:53", address)
	}
	return nil
}

// Verifies says whether a resolver vouches for the root of DNS, as each does that verifies answers and reaches it.
func Verifies(ctx context.Context, address string) bool {
	a, err := resolver{address: address, believed: true}.ask(ctx, ".", dns.TypeNS)
	return err == nil && a.secure && len(a.records) > 0
}

// answer is what DNS says about a name.
type answer struct {
	name    string   // behind all aliases, in small letters with the dot at the end
	records []dns.RR // of the kind that was asked for, of that name
	secure  bool     // signatures up to the root hold, also over there being nothing
	missing bool     // there is no such name at all
}

func (r resolver) servers() []string {
	if r.address != "" {
		return []string{r.address}
	}
	config, err := dns.ClientConfigFromFile(systemFile)
	if err != nil || len(config.Servers) == 0 {
		return []string{"127.0.0.1:53"} // resolv.conf(5)
	}
	var all []string
	for _, server := range config.Servers[:min(len(config.Servers), maxAsked)] {
		all = append(all, net.JoinHostPort(server, config.Port))
	}
	return all
}

// ask returns what DNS says about a name, or ErrNoAnswer.
func (r resolver) ask(ctx context.Context, name string, kind uint16) (*answer, error) {
	name = dns.CanonicalName(name)
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, ErrNoAnswer
	}
	question := new(dns.Msg).SetQuestion(name, kind)
	question.AuthenticatedData = true // say whether it is secure (RFC 6840, section 5.7)
	question.SetEdns0(udpSize, false)
	servers := r.servers()
	for range askRounds {
		for _, server := range servers {
			said := exchange(ctx, question, server)
			if said == nil {
				continue
			}
			a := read(said, name, kind)
			a.secure = r.believed && said.AuthenticatedData
			return a, nil
		}
	}
	return nil, ErrNoAnswer
}

// exchange returns what a resolver says, or nil. That it found something wrong (SERVFAIL), as with a signature that does not hold, is no answer.
func exchange(ctx context.Context, question *dns.Msg, server string) *dns.Msg {
	said := exchangeOver(ctx, "udp", question, server)
	if said != nil && said.Truncated {
		said = exchangeOver(ctx, "tcp", question, server)
	}
	if said == nil || said.Truncated || said.Rcode != dns.RcodeSuccess && said.Rcode != dns.RcodeNameError {
		return nil
	}
	return said
}

func exchangeOver(ctx context.Context, network string, question *dns.Msg, server string) *dns.Msg {
	client := &dns.Client{Net: network, Timeout: askTime}
	said, _, err := client.ExchangeContext(ctx, question, server)
	if err != nil || !said.Response || len(said.Question) != 1 {
		return nil
	}
	if asked, about := question.Question[0], said.Question[0]; about.Qtype != asked.Qtype || !strings.EqualFold(about.Name, asked.Name) {
		return nil
	}
	return said
}

// read follows aliases from a name to the records of a kind.
func read(said *dns.Msg, name string, kind uint16) *answer {
	a := &answer{name: name, missing: said.Rcode == dns.RcodeNameError}
	if kind != dns.TypeCNAME {
		for range maxAliases {
			to := aliasIn(said.Answer, a.name)
			if to == "" {
				break
			}
			a.name = to
		}
	}
	for _, record := range said.Answer {
		if h := record.Header(); h.Rrtype == kind && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == a.name {
			a.records = append(a.records, record)
		}
	}
	return a
}

func aliasIn(records []dns.RR, name string) string {
	for _, record := range records {
		if alias, ok := record.(*dns.CNAME); ok && dns.CanonicalName(alias.Hdr.Name) == name {
			return dns.CanonicalName(alias.Target)
		}
	}
	return ""
}

// place is where a host is.
type place struct {
	name      string // behind aliases
	addresses []netip.Addr
	secure    bool // DNSSEC vouches for them
	missing   bool // there is no such name
}

// maxAddresses is how many addresses of a kind one host has.
const maxAddresses = 3

// find returns where a host is. Many domains answer well about one kind of address and not about the other; so long as there are addresses, one answer is enough.
func (r resolver) find(ctx context.Context, host string) (*place, error) {
	p := &place{name: dns.CanonicalName(host), missing: true}
	var unknown bool
	for _, kind := range []uint16{dns.TypeAAAA, dns.TypeA} {
		a, err := r.ask(ctx, host, kind)
		if err != nil {
			unknown = true
			continue
		}
		p.missing = p.missing && a.missing
		if len(a.records) == 0 {
			continue
		}
		p.secure = a.secure && (p.secure || len(p.addresses) == 0)
		p.name = a.name
		for _, record := range a.records[:min(len(a.records), maxAddresses)] {
			if address, ok := addressIn(record); ok {
				p.addresses = append(p.addresses, address)
			}
		}
	}
	if unknown && len(p.addresses) == 0 {
		return nil, ErrNoAnswer
	}
	return p, nil
}

func addressIn(record dns.RR) (netip.Addr, bool) {
	var ip net.IP
	switch record := record.(type) {
	case *dns.A:
		ip = record.A
	case *dns.AAAA:
		ip = record.AAAA
	}
	address, ok := netip.AddrFromSlice(ip)
	return address.Unmap(), ok
}
