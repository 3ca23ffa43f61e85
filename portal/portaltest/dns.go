package portaltest

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// DNS is a resolver that answers what it is told, as one does that verifies signatures (DNSSEC): what it was told is secure unless it was told otherwise. It follows aliases.
type DNS struct {
	Address string // 127.0.0.1:PORT, UDP and TCP

	t       testing.TB
	mutex   sync.Mutex
	records map[string][]dns.RR
	below   map[string]dnsFault // for a name and all below it
	asked   []string
}

type dnsFault struct{ unsigned, failing, silent bool }

// StartDNS starts a resolver that ends with the test. Records are lines of a zone file, with whole names: "mission.example. MX 10 mx.mission.example.". Whatever isn't there, isn't.
func StartDNS(t testing.TB, records ...string) *DNS {
	t.Helper()
	d := &DNS{t: t, below: map[string]dnsFault{}}
	d.Set(records...)
	var packets net.PacketConn
	var streams net.Listener
	for range 20 { // one port for both
		var err error
		if packets, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if streams, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			break
		}
		packets.Close()
	}
	if streams == nil {
		t.Fatal("no port is free for UDP and TCP alike")
	}
	d.Address = packets.LocalAddr().String()
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: d}, {Listener: streams, Handler: d}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return d
}

// Set puts other records in place of all that there were.
func (d *DNS) Set(records ...string) {
	d.t.Helper()
	all := map[string][]dns.RR{}
	for _, line := range records {
		record, err := dns.NewRR(line)
		if err != nil || record == nil {
			d.t.Fatalf("%s: %v", line, err)
		}
		name := dns.CanonicalName(record.Header().Name)
		all[name] = append(all[name], record)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.records = all
}

// Unsigned says that nobody signed what is said about a name and all below it.
func (d *DNS) Unsigned(name string) { d.fault(name, dnsFault{unsigned: true}) }

// Fail answers SERVFAIL about a name and all below it, as a resolver does about what is not signed as it should be.
func (d *DNS) Fail(name string) { d.fault(name, dnsFault{failing: true}) }

// Silence answers nothing about a name and all below it.
func (d *DNS) Silence(name string) { d.fault(name, dnsFault{silent: true}) }

// Heal undoes these.
func (d *DNS) Heal(name string) { d.fault(name, dnsFault{}) }

func (d *DNS) fault(name string, f dnsFault) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.below[dns.CanonicalName(name)] = f
}

// Asked returns what was asked so far, "mx.mission.example. TLSA".
func (d *DNS) Asked() []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return append([]string(nil), d.asked...)
}

// ServeDNS implements dns.Handler.
func (d *DNS) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	said := new(dns.Msg).SetReply(question)
	said.RecursionAvailable = true
	name, kind := dns.CanonicalName(question.Question[0].Name), question.Question[0].Qtype
	d.asked = append(d.asked, name+" "+dns.TypeToString[kind])
	option := question.IsEdns0()
	secure := question.AuthenticatedData || option != nil && option.Do() // resolvers say it to who asks
	for range 10 {
		f := d.faultOf(name)
		if f.silent {
			return
		}
		if f.failing {
			said.Rcode, said.Answer, secure = dns.RcodeServerFailure, nil, false
			break
		}
		secure = secure && !f.unsigned
		alias := ""
		for _, record := range d.records[name] {
			if a, ok := record.(*dns.CNAME); ok && kind != dns.TypeCNAME {
				alias = dns.CanonicalName(a.Target)
				said.Answer = append(said.Answer, record)
			} else if record.Header().Rrtype == kind {
				said.Answer = append(said.Answer, record)
			}
		}
		if alias == "" {
			if !d.there(name) {
				said.Rcode = dns.RcodeNameError
			}
			break
		}
		name = alias
	}
	said.AuthenticatedData = secure
	size := dns.MinMsgSize
	if option != nil {
		size = int(option.UDPSize())
	}
	if w.RemoteAddr().Network() == "udp" {
		said.Truncate(size)
	}
	w.WriteMsg(said)
}

// there says whether anything is at a name or below it.
func (d *DNS) there(name string) bool {
	for other := range d.records {
		if dns.IsSubDomain(name, other) {
			return true
		}
	}
	return false
}

func (d *DNS) faultOf(name string) (f dnsFault) {
	longest := -1
	for above, fault := range d.below {
		if dns.IsSubDomain(above, name) && strings.Count(above, ".") > longest {
			f, longest = fault, strings.Count(above, ".")
		}
	}
	return f
}
