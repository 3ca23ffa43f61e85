package courier

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"valise/portal/courier/route"
	"valise/portal/portaltest"
)

// servers are a domain's, each at an address of its own, with DNS and a web server for its policy.
type servers struct {
	t         *testing.T
	dns       *portaltest.DNS
	authority *portaltest.Authority
	port      string
	records   []string
	sinks     []*portaltest.MailSink
	policy    string // what the web server shows
	web       *httptest.Server
}

const (
	firstServer  = "mx1.mission.example"
	secondServer = "mx2.mission.example"
)

// newServers has no mail server yet.
func newServers(t *testing.T, authority *portaltest.Authority) *servers {
	t.Helper()
	x := &servers{t: t, dns: portaltest.StartDNS(t), authority: authority, port: "0"}
	x.web = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, x.policy)
	}))
	x.web.TLS = x.authority.Issue(false, "mta-sts.mission.example").Server
	x.web.StartTLS()
	t.Cleanup(x.web.Close)
	x.records = []string{"mta-sts.mission.example. A 127.0.0.1"}
	return x
}

// serve starts the next mail server; without a certificate it offers no TLS.
func (x *servers) serve(c *portaltest.Certificate, fault func(portaltest.Stage, string) portaltest.Fault) {
	x.t.Helper()
	n := len(x.sinks) + 1
	sink := portaltest.StartMailSink(x.t, portaltest.MailSinkOptions{At: fmt.Sprintf("127.0.0.%d:%s", n, x.port), TLS: c, Keep: true, Fault: fault})
	_, x.port, _ = net.SplitHostPort(sink.Address)
	x.sinks = append(x.sinks, sink)
	x.records = append(x.records, fmt.Sprintf("mission.example. MX %d mx%d.mission.example.", n, n), fmt.Sprintf("mx%d.mission.example. A 127.0.0.%d", n, n))
}

// pin says in DNS which key a mail server has.
func (x *servers) pin(host string, c *portaltest.Certificate) {
	x.t.Helper()
	digest, err := dns.CertificateToDANE(1, 1, c.Leaf())
	if err != nil {
		x.t.Fatal(err)
	}
	x.records = append(x.records, "_"+x.port+"._tcp."+host+". TLSA 3 1 1 "+digest)
}

// publish shows a policy that names a mail server.
func (x *servers) publish(host string) {
	x.policy = "version: STSv1\nmode: enforce\nmx: " + host + "\nmax_age: 86400\n"
	x.records = append(x.records, `_mta-sts.mission.example. TXT "v=STSv1; id=1"`)
}

// send sends one mail, and says why it wasn't taken.
func (x *servers) send(change func(*Server)) string {
	x.t.Helper()
	x.dns.Set(x.records...)
	return x.sendBy(x.dns.Address, change)
}

// sendBy is send with another resolver.
func (x *servers) sendBy(resolver string, change func(*Server)) string {
	x.t.Helper()
	port, err := strconv.ParseUint(x.port, 10, 16)
	if err != nil {
		x.t.Fatal(err)
	}
	i := &Identity{From: "registry@court.example", Server: Server{Resolver: resolver, Roots: x.authority.Pool, Port: uint16(port)}}
	if change != nil {
		change(&i.Server)
	}
	if err := i.Check(); err != nil {
		x.t.Fatal(err)
	}
	transport, err := newTransport(i, []byte("a secret of the courier's"), nil)
	if err != nil {
		x.t.Fatal(err)
	}
	transport.finder, err = route.New(route.Options{Resolver: i.Server.Resolver, Roots: i.Server.Roots, Port: uint16(port), PolicyPort: uint16(x.web.Listener.Addr().(*net.TCPAddr).Port)})
	if err != nil {
		x.t.Fatal(err)
	}
	defer transport.rest(true)
	if f := transport.send(x.t.Context(), "registry@court.example", "ama@mission.example", "mission.example", "token", []byte("Subject: ...\r\n\r\nsealed\r\n")); f != nil {
		return f.reason
	}
	return "sent"
}

// TestADowngradeSendsNothing: whatever somebody does to DNS or to the line, a server that doesn't keep what the domain promised learns neither sender nor recipient.
func TestADowngradeSendsNothing(t *testing.T) {
	authority := portaltest.NewAuthority(t)
	good, other, stranger := authority.Issue(false, firstServer), authority.Issue(false, secondServer), portaltest.NewAuthority(t).Issue(false, firstServer)
	type x = *servers
	for name, c := range map[string]struct {
		shown   *portaltest.Certificate // by the first server; nil: it offers no TLS
		promise func(x)
		server  func(*Server)
		want    string
	}{
		"nothing promised":                   {good, nil, nil, "sent"},
		"nothing promised, no TLS":           {nil, nil, nil, ReasonNoTLS},
		"nothing promised, another's name":   {other, nil, nil, ReasonNoTLS},
		"nothing promised, nobody vouches":   {stranger, nil, nil, ReasonNoTLS},
		"… and none is asked for":            {nil, nil, func(s *Server) { s.InsecurePlain = true }, "sent"},
		"… and any certificate is taken":     {stranger, nil, func(s *Server) { s.InsecureUnverified = true }, "sent"},
		"pinned":                             {stranger, func(x x) { x.pin(firstServer, stranger) }, nil, "sent"},
		"pinned, another key":                {good, func(x x) { x.pin(firstServer, stranger) }, nil, ReasonDANE},
		"pinned, no TLS":                     {nil, func(x x) { x.pin(firstServer, good) }, nil, ReasonDANE},
		"pinned, no TLS, none asked for":     {nil, func(x x) { x.pin(firstServer, good) }, func(s *Server) { s.InsecurePlain = true }, ReasonDANE},
		"pinned, another key, any taken":     {good, func(x x) { x.pin(firstServer, stranger) }, func(s *Server) { s.InsecureUnverified = true }, ReasonDANE},
		"pinned, and DNS says nothing of it": {good, func(x x) { x.pin(firstServer, good); x.dns.Fail("_tcp." + firstServer) }, nil, ReasonNoDNS},
		"pinned unsigned":                    {good, func(x x) { x.pin(firstServer, stranger); x.dns.Unsigned("mission.example") }, nil, "sent"},
		"a policy":                           {good, func(x x) { x.publish(firstServer) }, nil, "sent"},
		"a policy, another server":           {good, func(x x) { x.publish("mx9.mission.example") }, nil, ReasonPolicy},
		"a policy, another's name":           {other, func(x x) { x.publish(firstServer) }, nil, ReasonPolicy},
		"a policy, nobody vouches":           {stranger, func(x x) { x.publish(firstServer) }, nil, ReasonPolicy},
		"a policy, any certificate is taken": {stranger, func(x x) { x.publish(firstServer) }, func(s *Server) { s.InsecureUnverified = true }, ReasonPolicy},
		"a policy, no TLS":                   {nil, func(x x) { x.publish(firstServer) }, nil, ReasonPolicy},
		"a policy, no TLS, none asked for":   {nil, func(x x) { x.publish(firstServer) }, func(s *Server) { s.InsecurePlain = true }, ReasonPolicy},
		"a policy that DNS keeps back":       {good, func(x x) { x.publish(firstServer); x.dns.Fail("_mta-sts.mission.example") }, nil, ReasonNoDNS},
		"pinned, and a policy against it":    {good, func(x x) { x.pin(firstServer, good); x.publish("mx9.mission.example") }, nil, "sent"},
		"pinned wrongly, a policy for it":    {good, func(x x) { x.pin(firstServer, stranger); x.publish(firstServer) }, nil, ReasonDANE},
		"the domain takes no mail":           {good, func(x x) { x.records = []string{"mission.example. MX 0 ."} }, nil, ReasonNoDomain},
		"no servers, an address":             {authority.Issue(false, "mission.example"), func(x x) { x.records = []string{"mission.example. A 127.0.0.1"} }, nil, "sent"},
		"DNS fails":                          {good, func(x x) { x.dns.Fail("mission.example") }, nil, ReasonNoDNS},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newServers(t, authority)
			x.serve(c.shown, nil)
			if c.promise != nil {
				c.promise(x)
			}
			got := x.send(c.server)
			if got != c.want {
				t.Errorf("%s; DNS was asked: %s", got, x.dns.Asked())
			}
			if wire := x.sinks[0].Wire(); got != "sent" && (bytes.Contains(wire, []byte("MAIL")) || bytes.Contains(wire, []byte("mission")) || bytes.Contains(wire, []byte("court"))) {
				t.Errorf("the server was told: %s", wire)
			}
			if (len(x.sinks[0].Mails()) == 1) != (got == "sent") {
				t.Error("the server has another opinion")
			}
		})
	}
}

// TestTheNextServer: one that is not as it has to be, or doesn't answer, is passed over; what is said when there is no good one is the gravest.
func TestTheNextServer(t *testing.T) {
	authority := portaltest.NewAuthority(t)
	first, second := authority.Issue(false, firstServer), authority.Issue(false, secondServer)
	busy := func(at portaltest.Stage, _ string) portaltest.Fault {
		return portaltest.Fault{Drop: at == portaltest.StageGreeting}
	}
	for name, c := range map[string]struct {
		servers func(*servers)
		want    string
		by      int
	}{
		"the first hangs up":             {func(x *servers) { x.serve(first, busy); x.serve(second, nil) }, "sent", 2},
		"the first is another":           {func(x *servers) { x.serve(second, nil); x.serve(second, nil) }, "sent", 2},
		"the first has no address":       {func(x *servers) { x.serve(first, nil); x.serve(second, nil); x.records[2] = "x.example. A 127.0.0.1" }, "sent", 2},
		"the first isn't as DNS says":    {func(x *servers) { x.serve(first, nil); x.serve(second, nil); x.pin(firstServer, second) }, "sent", 2},
		"no policy is for the first":     {func(x *servers) { x.serve(first, nil); x.serve(second, nil); x.publish(secondServer) }, "sent", 2},
		"none is good":                   {func(x *servers) { x.serve(first, nil); x.serve(first, busy); x.pin(firstServer, second) }, ReasonDANE, 0},
		"none is good, the gravest last": {func(x *servers) { x.serve(first, busy); x.serve(first, nil); x.pin(secondServer, second) }, ReasonDANE, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newServers(t, authority)
			c.servers(x)
			if got := x.send(nil); got != c.want {
				t.Errorf("%s; DNS was asked: %s", got, strings.Join(x.dns.Asked(), ", "))
			}
			for i, sink := range x.sinks {
				if (len(sink.Mails()) == 1) != (i+1 == c.by) {
					t.Errorf("server %d got %d mails", i+1, len(sink.Mails()))
				}
			}
		})
	}
}

// TestADowngradeWithARealResolver: the promises that count, and what is done against them, with Unbound, and zones that ldns signed and NSD serves.
func TestADowngradeWithARealResolver(t *testing.T) {
	authority := portaltest.NewAuthority(t)
	good, stranger := authority.Issue(false, firstServer), portaltest.NewAuthority(t).Issue(false, firstServer)
	pinned := func(c *portaltest.Certificate) func(*servers) { return func(x *servers) { x.pin(firstServer, c) } }
	published := func(host string) func(*servers) { return func(x *servers) { x.publish(host) } }
	loose := func(s *Server) { s.InsecurePlain, s.InsecureUnverified = true, true } // whatever else is allowed, a promise counts
	// without takes a record and its signature out of the signed zone, as who is on the way does.
	without := func(name string) func(*portaltest.Zone) {
		return func(z *portaltest.Zone) {
			z.Alter = func(signed string) string {
				var left []string
				for line := range strings.Lines(signed) {
					if !strings.HasPrefix(line, name) {
						left = append(left, line)
					}
				}
				return strings.Join(left, "")
			}
		}
	}
	for name, c := range map[string]struct {
		shown   *portaltest.Certificate // nil: it offers no TLS
		promise func(*servers)
		zone    func(*portaltest.Zone)
		want    string
	}{
		"pinned":                            {stranger, pinned(stranger), nil, "sent"},
		"pinned, another key":               {good, pinned(stranger), nil, ReasonDANE},
		"pinned, no TLS":                    {nil, pinned(good), nil, ReasonDANE},
		"pinned, and the pin taken out":     {nil, pinned(good), without("_"), ReasonNoDNS},
		"pinned, and signatures are over":   {good, pinned(good), func(z *portaltest.Zone) { z.Over = true }, ReasonNoDNS},
		"pinned, and signed by another key": {good, pinned(good), func(z *portaltest.Zone) { z.Replaced = true }, ReasonNoDNS},
		"pinned unsigned":                   {good, pinned(stranger), func(z *portaltest.Zone) { z.Unsigned = true }, "sent"},
		"a policy":                          {good, published(firstServer), nil, "sent"},
		"a policy, another server":          {good, published("mx9.mission.example"), nil, ReasonPolicy},
		"a policy, nobody vouches":          {stranger, published(firstServer), nil, ReasonPolicy},
		"a policy, no TLS":                  {nil, published(firstServer), nil, ReasonPolicy},
		"a policy, in what is not signed":   {nil, published(firstServer), func(z *portaltest.Zone) { z.Unsigned = true }, ReasonPolicy},
		"a policy, and the word of it gone": {nil, published(firstServer), without("_mta-sts"), ReasonNoDNS},
		"pinned wrongly, a policy for it":   {good, func(x *servers) { x.pin(firstServer, stranger); x.publish(firstServer) }, nil, ReasonDANE},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newServers(t, authority)
			x.serve(c.shown, nil)
			c.promise(x)
			zone := portaltest.Zone{Name: "mission.example", Records: x.records}
			if c.zone != nil {
				c.zone(&zone)
			}
			change := loose
			if c.want == "sent" {
				change = nil
			}
			if got := x.sendBy(portaltest.StartSignedDNS(t, zone).Address, change); got != c.want {
				t.Error(got)
			}
			if wire := x.sinks[0].Wire(); c.want != "sent" && (bytes.Contains(wire, []byte("MAIL")) || bytes.Contains(wire, []byte("mission")) || bytes.Contains(wire, []byte("court"))) {
				t.Errorf("the server was told: %s", wire)
			}
			if (len(x.sinks[0].Mails()) == 1) != (c.want == "sent") {
				t.Error("the server has another opinion")
			}
		})
	}
}
