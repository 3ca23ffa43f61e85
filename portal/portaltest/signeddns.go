package portaltest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Zone is a domain's part of DNS.
type Zone struct {
	Name    string   // "mission.example"
	Records []string // as [StartDNS] takes them, with whole names
	// Unsigned zones are not signed, and the root says so, signed.
	Unsigned bool
	// Over has the signatures be over since yesterday.
	Over bool
	// Replaced has the zone signed by another key than the root says.
	Replaced bool
	// Alter is what somebody does to the zone's file behind the domain's back: one record a line, each with its signature (RRSIG) on the line below.
	Alter func(signed string) string
}

// SignedDNS is DNS from a root of its own down: zones that ldns signed (DNSSEC), served by NSD, and Unbound, which resolves and verifies them as the resolver on a courier's machine does.
type SignedDNS struct {
	Address string // of Unbound, 127.0.0.1:PORT, UDP and TCP

	t              testing.TB
	folder         string
	keys           map[string]string // by zone: the name of its key's files
	servers, asked int               // ports of NSD and of Unbound
	nsd, unbound   *process
}

const nsdConfig = `server:
  ip-address: 127.0.0.1@%[1]d
  username: ""
  chroot: ""
  zonesdir: "%[2]s"
  database: ""
  zonelistfile: "%[2]s/zone.list"
  xfrdfile: ""
  xfrdir: "%[2]s"
  pidfile: ""
remote-control:
  control-enable: no
`

const unboundConfig = `server:
  interface: 127.0.0.1
  port: %[1]d
  username: ""
  chroot: ""
  directory: "%[2]s"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  trust-anchor-file: "%[2]s/%[3]s.ds"
  module-config: "validator iterator"
remote-control:
  control-enable: no
`

const rootZone = `. 60 IN SOA ns.root. somebody.root. 1 3600 600 86400 60
. 60 IN NS ns.root.
ns.root. 60 IN A 127.0.0.1
`

// StartSignedDNS starts both, and they end with the test. Names in no zone are not there, and the root says so, signed.
func StartSignedDNS(t testing.TB, zones ...Zone) *SignedDNS {
	t.Helper()
	return startSignedDNS(t, startOnFreePort, zones)
}

// StartSystemDNS is StartSignedDNS at port 53, where programs ask that can be told of no other; for a test that has a network of its own ([OwnNetwork]).
func StartSystemDNS(t testing.TB, zones ...Zone) *SignedDNS {
	t.Helper()
	return startSignedDNS(t, func(run func(int) error) error { return run(53) }, zones)
}

func startSignedDNS(t testing.TB, onPort func(func(int) error) error, zones []Zone) *SignedDNS {
	t.Helper()
	folder, remove, err := folder("dns")
	if err != nil {
		t.Fatal(err)
	}
	d := &SignedDNS{t: t, folder: folder, keys: map[string]string{}}
	t.Cleanup(func() {
		d.stop()
		remove()
	})
	d.publish(zones)
	err = startOnFreePort(func(port int) error {
		d.servers = port
		return d.serve(zones)
	})
	if err == nil {
		err = onPort(func(port int) error {
			d.asked, d.Address = port, fmt.Sprintf("127.0.0.1:%d", port)
			return d.resolve(zones)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Set puts other zones in place of all that there were, and has forgotten what was asked before. Who signs a zone stays the same.
func (d *SignedDNS) Set(zones ...Zone) {
	d.t.Helper()
	d.stop()
	d.publish(zones)
	if err := errors.Join(d.serve(zones), d.resolve(zones)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *SignedDNS) stop() {
	d.t.Helper()
	for _, p := range []**process{&d.unbound, &d.nsd} {
		if *p == nil {
			continue
		}
		if err := (*p).stop(syscall.SIGTERM); err != nil {
			d.t.Error(err)
		}
		*p = nil
	}
}

// publish writes the zones' files, and the root's, which says of each who signs it.
func (d *SignedDNS) publish(zones []Zone) {
	d.t.Helper()
	root := rootZone
	for _, z := range zones {
		name := dns.Fqdn(z.Name)
		root += name + " 60 IN NS ns.root.\n"
		text := fmt.Sprintf("%[1]s 60 IN SOA ns.root. somebody.root. 1 3600 600 86400 60\n%[1]s 60 IN NS ns.root.\n", name)
		for _, line := range z.Records {
			record, err := dns.NewRR(line)
			if err != nil || record == nil {
				d.t.Fatalf("%s: %v", line, err)
			}
			record.Header().Ttl = 60
			text += record.String() + "\n"
		}
		d.write(z.Name, text)
		if !z.Unsigned {
			key := d.key(z.Name)
			root += d.read(key + ".ds")
			if z.Replaced {
				key = d.newKey(z.Name)
			}
			d.sign(z.Name, key, z.Over)
		}
		if z.Alter != nil {
			before := d.read(z.Name + ".zone")
			after := z.Alter(before)
			if after == before {
				d.t.Fatalf("nothing of this zone was altered:\n%s", before)
			}
			d.write(z.Name, after)
		}
	}
	d.write("", root)
	d.sign("", d.key(""), false)
}

func (d *SignedDNS) sign(zone, key string, over bool) {
	d.t.Helper()
	now := time.Now().UTC()
	from, until := now.Add(-72*time.Hour), now.Add(72*time.Hour)
	if over {
		until = now.Add(-24 * time.Hour)
	}
	const form = "20060102150405"
	d.ldns("ldns-signzone", "-i", from.Format(form), "-e", until.Format(form), "-o", dns.Fqdn(zone), "-f", zone+".zone", zone+".zone", key)
}

// key returns the name of the files with the key that signs a zone, and makes it at first.
func (d *SignedDNS) key(zone string) string {
	d.t.Helper()
	if d.keys[zone] == "" {
		d.keys[zone] = d.newKey(zone)
	}
	return d.keys[zone]
}

func (d *SignedDNS) newKey(zone string) string {
	d.t.Helper()
	return d.ldns("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", dns.Fqdn(zone))
}

func (d *SignedDNS) ldns(name string, arguments ...string) string {
	d.t.Helper()
	program, err := find(name, "ldnsutils")
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(program, arguments...)
	cmd.Dir = d.folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s %s: %v\n%s", name, arguments, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (d *SignedDNS) read(name string) string {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.folder, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}

func (d *SignedDNS) write(zone, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.folder, zone+".zone"), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// serve starts NSD.
func (d *SignedDNS) serve(zones []Zone) (err error) {
	program, err := find("nsd", "nsd", "/usr/sbin")
	if err != nil {
		return err
	}
	config := fmt.Sprintf(nsdConfig, d.servers, d.folder)
	for _, z := range append([]Zone{{}}, zones...) {
		config += fmt.Sprintf("zone:\n  name: %q\n  zonefile: %q\n", dns.Fqdn(z.Name), z.Name+".zone")
	}
	path := filepath.Join(d.folder, "nsd.conf")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return err
	}
	d.nsd, err = d.run(exec.Command(program, "-d", "-c", path), d.servers, false)
	return err
}

// resolve starts Unbound, which trusts the root's key and nothing else, and finds every zone at NSD's port.
func (d *SignedDNS) resolve(zones []Zone) (err error) {
	program, err := find("unbound", "unbound", "/usr/sbin")
	if err != nil {
		return err
	}
	config := fmt.Sprintf(unboundConfig, d.asked, d.folder, d.key(""))
	for _, z := range append([]Zone{{}}, zones...) {
		config += fmt.Sprintf("stub-zone:\n  name: %q\n  stub-addr: 127.0.0.1@%d\n", dns.Fqdn(z.Name), d.servers)
	}
	path := filepath.Join(d.folder, "unbound.conf")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return err
	}
	d.unbound, err = d.run(exec.Command(program, "-d", "-c", path), d.asked, true)
	return err
}

// run starts a server, and waits until it knows the root; a resolver has to vouch for it as well.
func (d *SignedDNS) run(cmd *exec.Cmd, port int, verifies bool) (*process, error) {
	p, err := start(cmd, syscall.SIGTERM) // NSD is several processes, which end with the first when that is asked to
	if err != nil {
		return nil, err
	}
	question := new(dns.Msg).SetQuestion(".", dns.TypeNS)
	question.AuthenticatedData = true
	if err := p.ready(func(ctx context.Context) error {
		said, _, err := new(dns.Client).ExchangeContext(ctx, question, fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		if len(said.Answer) == 0 || said.AuthenticatedData != verifies {
			return fmt.Errorf("it answers %s", said)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return p, nil
}
