package route

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"valise/portal/portaltest"
)

func TestMain(m *testing.M) { portaltest.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func finder(t testing.TB, o Options) *Finder {
	t.Helper()
	f, err := New(o)
	must(t, err)
	return f
}

// ways says which servers were found, and what was wrong with others, in order.
func ways(t testing.TB, f *Finder, domain string) string {
	t.Helper()
	var all []string
	for s, err := range f.Servers(t.Context(), domain) {
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		all = append(all, s.Host+[]string{"", " TLS", " policy", " DANE"}[s.Promise])
	}
	return strings.Join(all, ", ")
}

// pin is a TLSA record.
func pin(t testing.TB, host string, usage, selector, matching uint8, c *x509.Certificate) string {
	t.Helper()
	data, err := dns.CertificateToDANE(selector, matching, c)
	must(t, err)
	return fmt.Sprintf("_25._tcp.%s. TLSA %d %d %d %s", host, usage, selector, matching, data)
}

// TestServersOfADomain: by preference, and what there is where there are none.
func TestServersOfADomain(t *testing.T) {
	d := portaltest.StartDNS(t,
		"mission.example. MX 20 second.mission.example.", "mission.example. MX 10 First.Mission.Example.", "mission.example. MX 30 nowhere.mission.example.",
		"first.mission.example. A 127.0.0.1", "first.mission.example. AAAA ::1", "second.mission.example. A 127.0.0.2", "nowhere.mission.example. TXT nothing",
		"alone.example. A 127.0.0.3", "null.example. MX 0 .", "null.example. A 127.0.0.1", "text.example. TXT something",
		"other.example. CNAME mission.example.",
		"lost.example. MX 10 mx.lost.example.", "half.example. MX 10 mx.half.example.", "mx.half.example. A 127.0.0.4",
		"silent.example. MX 10 mx.silent.example.",
	)
	var many []string
	for i := range 90 { // more than one packet holds
		many = append(many, fmt.Sprintf("many.example. MX %d mx%d.many.example.", i, i), fmt.Sprintf("mx%d.many.example. A 127.0.0.1", i))
	}
	f := finder(t, Options{Resolver: d.Address})
	for domain, want := range map[string]string{
		"mission.example":  "first.mission.example, second.mission.example, the mail server that DNS names has no address",
		"MISSION.example.": "first.mission.example, second.mission.example, the mail server that DNS names has no address",
		"other.example":    "first.mission.example, second.mission.example, the mail server that DNS names has no address",
		"alone.example":    "alone.example",
		"null.example":     ErrNoMail.Error(),
		"text.example":     ErrNoMail.Error(),
		"nosuch.example":   ErrNoMail.Error(),
		"half.example":     "mx.half.example",
	} {
		if got := ways(t, f, domain); got != want {
			t.Errorf("%s: %s", domain, got)
		}
	}
	for s, err := range f.Servers(t.Context(), "mission.example") {
		must(t, err)
		if got := fmt.Sprint(s.Addresses); got != "[[::1]:25 127.0.0.1:25]" {
			t.Error(got)
		}
		break
	}
	d.Fail("lost.example")
	if got := ways(t, f, "lost.example"); got != ErrNoAnswer.Error() {
		t.Errorf("where DNS fails: %s", got)
	}
	d.Fail("mx.silent.example")
	if got := ways(t, f, "silent.example"); got != ErrNoAnswer.Error() {
		t.Errorf("where DNS fails about the only server: %s", got)
	}
	d.Silence("silent.example")
	short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	for _, err := range f.Servers(short, "silent.example") {
		if !errors.Is(err, ErrNoAnswer) {
			t.Errorf("where DNS says nothing: %v", err)
		}
	}
	d.Set(many...)
	if got := ways(t, f, "many.example"); got != "mx0.many.example, mx1.many.example, mx2.many.example, mx3.many.example, mx4.many.example" {
		t.Error(got)
	}
}

// TestWhenDNSPins: only what is signed from the domain on pins, and taking answers away wins nothing.
func TestWhenDNSPins(t *testing.T) {
	leaf := portaltest.NewAuthority(t).Issue(false, "mx.mission.example").Leaf()
	const host = "mx.mission.example"
	good := pin(t, host, 3, 1, 1, leaf)
	base := []string{"mission.example. MX 10 mx.mission.example.", "mx.mission.example. A 127.0.0.1", "hosting.example. TXT x", "mx.hosting.example. A 127.0.0.1"}
	aliased := []string{"mission.example. MX 10 mx.mission.example.", "mx.mission.example. CNAME mx.hosting.example.", "mx.hosting.example. A 127.0.0.1"}
	const asksNothing = true
	for name, c := range map[string]struct {
		records  []string
		unsigned []string
		failing  []string
		system   bool // the resolver's word is not taken
		want     string
		nothing  bool // no TLSA record is asked for
	}{
		"signed":                  {records: append(base, good), want: host + " DANE"},
		"nothing pinned":          {records: base, want: host},
		"the system's resolver":   {records: append(base, good), system: true, want: host, nothing: asksNothing},
		"the domain isn't signed": {records: append(base, good), unsigned: []string{"mission.example"}, want: host, nothing: asksNothing},
		"only the server is signed": {records: []string{"mission.example. MX 10 mx.hosting.example.", "mx.hosting.example. A 127.0.0.1", pin(t, "mx.hosting.example", 3, 1, 1, leaf)}, unsigned: []string{"mission.example"},
			want: "mx.hosting.example", nothing: asksNothing},
		"the server isn't signed":     {records: append(base, good), unsigned: []string{host}, want: host, nothing: asksNothing},
		"what pins isn't signed":      {records: append(base, good), unsigned: []string{"_tcp." + host}, want: host},
		"what pins is taken away":     {records: append(base, good), failing: []string{"_tcp." + host}, want: ErrNoAnswer.Error()},
		"the servers are taken away":  {records: append(base, good), failing: []string{"mission.example"}, want: ErrNoAnswer.Error()},
		"only uses for other things":  {records: append(base, pin(t, host, 1, 1, 1, leaf), pin(t, host, 0, 0, 2, leaf)), want: host + " TLS"},
		"unknown digest":              {records: append(base, "_25._tcp.mx.mission.example. TLSA 3 1 3 00"), want: host + " TLS"},
		"short digest":                {records: append(base, "_25._tcp.mx.mission.example. TLSA 3 1 1 00"), want: host + " TLS"},
		"no certificate":              {records: append(base, "_25._tcp.mx.mission.example. TLSA 2 0 0 3000"), want: host + " TLS"},
		"alias, pinned at its end":    {records: append(aliased, pin(t, "mx.hosting.example", 3, 1, 1, leaf)), want: host + " DANE"},
		"alias, pinned at its start":  {records: append(aliased, good), want: host + " DANE"},
		"alias to what isn't signed":  {records: append(aliased, good), unsigned: []string{"hosting.example"}, want: host + " DANE"},
		"alias to what pins unsigned": {records: append(aliased, pin(t, "mx.hosting.example", 3, 1, 1, leaf)), unsigned: []string{"hosting.example"}, want: host},
		"unsigned alias":              {records: append(aliased, good), unsigned: []string{host}, want: host, nothing: asksNothing},
		"a domain that is its server": {records: []string{"mission.example. A 127.0.0.1", pin(t, "mission.example", 3, 1, 1, leaf)}, want: "mission.example DANE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := portaltest.StartDNS(t, c.records...)
			for _, n := range c.unsigned {
				d.Unsigned(n)
			}
			for _, n := range c.failing {
				d.Fail(n)
			}
			f := finder(t, Options{Resolver: d.Address})
			f.dns.believed = !c.system
			if got := ways(t, f, "mission.example"); got != c.want {
				t.Errorf("%s; asked: %s", got, d.Asked())
			}
			if c.nothing && slices.ContainsFunc(d.Asked(), func(q string) bool { return strings.HasSuffix(q, "TLSA") }) {
				t.Errorf("asked %s", d.Asked())
			}
		})
	}
}

// TestASmarthostIsPinnedToo: by its own port; and one that DNS doesn't know is left to the system.
func TestASmarthostIsPinnedToo(t *testing.T) {
	leaf := portaltest.NewAuthority(t).Issue(false, "mail.court.example").Leaf()
	d := portaltest.StartDNS(t, "mail.court.example. A 127.0.0.1", strings.Replace(pin(t, "mail.court.example", 3, 1, 1, leaf), "_25.", "_587.", 1))
	f := finder(t, Options{Resolver: d.Address})
	for address, want := range map[string]Promise{"mail.court.example:587": PromisedDANE, "mail.court.example:465": PromisedNothing, "127.0.0.1:587": PromisedNothing, "relay:25": PromisedNothing} {
		s, err := f.Smarthost(t.Context(), address)
		must(t, err)
		if s.Promise != want {
			t.Errorf("%s: %d", address, s.Promise)
		}
	}
	d.Fail("_tcp.mail.court.example")
	if _, err := f.Smarthost(t.Context(), "mail.court.example:587"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("the record taken away: %v", err)
	}
}

// shakeHands says how a TLS connection to somebody begins who shows a certificate.
func shakeHands(s *Server, roots *x509.CertPool, shown *portaltest.Certificate) error {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	go tls.Server(theirs, shown.Server).Handshake()
	return tls.Client(ours, s.TLS(roots)).Handshake()
}

// TestWhatAPinnedServerShows: what DNS says is what counts, and nothing else is.
func TestWhatAPinnedServerShows(t *testing.T) {
	const host = "mx.mission.example"
	authority, other := portaltest.NewAuthority(t), portaltest.NewAuthority(t)
	shown := authority.Issue(false, host)
	leaf, root := shown.Leaf(), authority.Certificate
	stranger := other.Issue(false, host)
	for name, c := range map[string]struct {
		pins  []string
		shown *portaltest.Certificate
		good  bool
	}{
		"its key":                     {[]string{pin(t, host, 3, 1, 1, leaf)}, shown, true},
		"its key, whole":              {[]string{pin(t, host, 3, 1, 0, leaf)}, shown, true},
		"its certificate":             {[]string{pin(t, host, 3, 0, 2, leaf)}, shown, true},
		"one of several":              {[]string{pin(t, host, 3, 1, 1, stranger.Leaf()), pin(t, host, 3, 1, 1, leaf)}, shown, true},
		"another key":                 {[]string{pin(t, host, 3, 1, 1, stranger.Leaf())}, shown, false},
		"another key, vouched for":    {[]string{pin(t, host, 3, 1, 1, leaf)}, stranger, false},
		"another name, its key":       {[]string{pin(t, host, 3, 1, 1, authority.Issue(false, "else.example").Leaf())}, shown, false},
		"the weaker digest only":      {[]string{pin(t, host, 3, 1, 1, leaf), pin(t, host, 3, 1, 2, stranger.Leaf())}, shown, false},
		"its authority":               {[]string{pin(t, host, 2, 0, 1, root)}, shown, true},
		"its authority's key":         {[]string{pin(t, host, 2, 1, 2, root)}, shown, true},
		"its authority, whole":        {[]string{pin(t, host, 2, 0, 0, root)}, shown, true},
		"another authority":           {[]string{pin(t, host, 2, 0, 1, other.Certificate)}, shown, false},
		"the authority, another name": {[]string{pin(t, host, 2, 0, 1, root)}, authority.Issue(false, "mx.else.example"), false},
		"the authority, the domain":   {[]string{pin(t, host, 2, 0, 1, root)}, authority.Issue(false, "mission.example"), true},
		"the authority, out of date":  {[]string{pin(t, host, 2, 0, 1, root)}, authority.Issue(true, host), false},
		"the server as authority":     {[]string{pin(t, host, 2, 0, 1, leaf)}, shown, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := portaltest.StartDNS(t, append(c.pins, "mission.example. MX 10 mx.mission.example.", "mx.mission.example. A 127.0.0.1")...)
			for s, err := range finder(t, Options{Resolver: d.Address}).Servers(t.Context(), "mission.example") {
				must(t, err)
				if s.Promise != PromisedDANE {
					t.Fatal("it isn't pinned")
				}
				// The authorities that are believed are those of who shows: that must not count.
				err := shakeHands(s, c.shown.Pool, c.shown)
				if (err == nil) != c.good || err != nil && !IsUntrusted(err) {
					t.Error(err)
				}
			}
		})
	}
	// The server's own key counts whatever name and dates stand in the certificate (RFC 7672, section 3.1.1).
	old := authority.Issue(true, "else.example")
	d := portaltest.StartDNS(t, pin(t, host, 3, 1, 1, old.Leaf()), "mission.example. MX 10 mx.mission.example.", "mx.mission.example. A 127.0.0.1")
	for s, err := range finder(t, Options{Resolver: d.Address}).Servers(t.Context(), "mission.example") {
		must(t, err)
		must(t, shakeHands(s, nil, old))
	}
}

func TestResolversAreOnThisMachine(t *testing.T) {
	for address, good := range map[string]bool{"127.0.0.1:53": true, "[::1]:5353": true, "127.0.0.53:53": true, "192.0.2.1:53": false, "localhost:53": false, "127.0.0.1": false, "127.0.0.1:0": false} {
		if err := CheckResolver(address); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
		if _, err := New(Options{Resolver: address}); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
}
