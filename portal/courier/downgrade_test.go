package courier_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"valise/crypto"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// toMission has one mail to send, to mission.example, whose server is the sink.
func toMission(t *testing.T) *post {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindState, crypto.ProfilePQ)
	p.address(person, nil)
	p.Release(atOnce(p.Server), person)
	return p
}

// straight has the courier send to the domain's own server, at the sink's port, which a resolver says.
func (p *post) straight(resolver string) courier.Config {
	p.t.Helper()
	port, err := strconv.ParseUint(p.port(), 10, 16)
	must(p.t, err)
	config := p.config()
	for _, i := range []*courier.Identity{config.Institution, config.Individuals} {
		i.Server = courier.Server{Resolver: resolver, Port: uint16(port)}
	}
	return config
}

func (p *post) port() string {
	p.t.Helper()
	_, port, err := net.SplitHostPort(p.sink.Address)
	must(p.t, err)
	return port
}

// pin is what the domain's DNS says of its server's certificate.
func (p *post) pin(c *portaltest.Certificate) string {
	p.t.Helper()
	digest, err := dns.CertificateToDANE(1, 1, c.Leaf())
	must(p.t, err)
	return "_" + p.port() + "._tcp.mx.mission.example. TLSA 3 1 1 " + digest
}

// TestADomainsOwnServer: without a smarthost a mail waits, and staff learn why, while the domain's server isn't the one that its DNS says; then it goes there. The log knows neither domain nor server.
func TestADomainsOwnServer(t *testing.T) {
	p := toMission(t)
	zone := []string{"mission.example. MX 10 mx.mission.example.", "mx.mission.example. A 127.0.0.1"}
	d := portaltest.StartDNS(t, append(zone, p.pin(portaltest.TLS(t)))...)
	config := p.straight(d.Address)
	p.until(p.courier(config), "another's server", p.is("waiting dane"))
	p.pass(time.Hour)
	d.Fail("mission.example")
	p.until(p.courier(config), "DNS fails", p.is("waiting no-dns"))
	p.pass(time.Hour)
	d.Heal("mission.example")
	if len(p.sink.Mails()) != 0 {
		t.Fatal("a mail went to another's server")
	}
	d.Set(append(zone, p.pin(p.tls))...)
	p.until(p.courier(config), "the server that DNS says", p.is("sent "))
	if len(p.sink.Mails()) != 1 {
		t.Error("the mail went elsewhere")
	}
	if log := p.log.String(); strings.Contains(log, "mission") || strings.Contains(log, "127.0.0.1") {
		t.Errorf("the log says where mail goes: %s", log)
	}
}

// TestADomainsOwnServerWithARealResolver: the same with zones that are signed, and Unbound. While the domain's signatures don't hold the mail waits, and staff learn why; once they do it goes to the server that they pin.
func TestADomainsOwnServerWithARealResolver(t *testing.T) {
	p := toMission(t)
	zone := portaltest.Zone{Name: "mission.example", Records: []string{
		"mission.example. MX 10 mx.mission.example.", "mx.mission.example. A 127.0.0.1", p.pin(p.tls)}}
	another := zone
	another.Alter = func(signed string) string { return strings.Replace(signed, "10 mx.mission", "10 mx.evil", 1) }
	d := portaltest.StartSignedDNS(t, another)
	config := p.straight(d.Address)
	p.until(p.courier(config), "somebody names another server", p.is("waiting no-dns"))
	if len(p.sink.Mails()) != 0 {
		t.Fatal("a mail went by what nobody vouches for")
	}
	p.pass(time.Hour)
	d.Set(zone)
	p.until(p.courier(config), "all is as the domain signed it", p.is("sent "))
	if len(p.sink.Mails()) != 1 {
		t.Error("the mail went elsewhere")
	}
}
