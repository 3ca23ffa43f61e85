package route

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"valise/portal/portaltest"
)

// domain is one with a policy on a web server, and a clock.
type domain struct {
	t         *testing.T
	dns       *portaltest.DNS
	authority *portaltest.Authority
	web       *httptest.Server
	mutex     sync.Mutex
	text      string
	answer    func(http.ResponseWriter) // in place of the text
	fetched   int
	ahead     time.Duration
}

const enforced = "version: STSv1\r\nmode: enforce\r\nmx: mx.mission.example\r\nmx: *.hosting.example\r\nmax_age: 604800\r\n"

// zone is the domain's DNS.
func zone(id string) []string {
	records := []string{
		"mission.example. MX 10 mx.mission.example.", "mission.example. MX 20 a.hosting.example.", "mission.example. MX 30 a.b.hosting.example.", "mission.example. MX 40 evil.example.",
		"mx.mission.example. A 127.0.0.1", "a.hosting.example. A 127.0.0.1", "a.b.hosting.example. A 127.0.0.1", "evil.example. A 127.0.0.1",
		"mta-sts.mission.example. A 127.0.0.1",
	}
	if id != "" {
		records = append(records, `_mta-sts.mission.example. TXT "v=STSv1; id=`+id+`;"`)
	}
	return records
}

const (
	bound   = "mx.mission.example policy, a.hosting.example policy, the domain's policy (MTA-STS) names no such mail server as DNS does, the domain's policy (MTA-STS) names no such mail server as DNS does"
	unbound = "mx.mission.example, a.hosting.example, a.b.hosting.example, evil.example"
)

// newDomain has a web server whose certificate is for the names.
func newDomain(t *testing.T, names ...string) *domain {
	d := &domain{t: t, dns: portaltest.StartDNS(t, zone("1")...), authority: portaltest.NewAuthority(t), text: enforced}
	d.web = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mutex.Lock()
		defer d.mutex.Unlock()
		d.fetched++
		if r.Host != "mta-sts.mission.example" || r.URL.Path != "/.well-known/mta-sts.txt" || r.Header.Get("User-Agent") != "" {
			t.Errorf("asked for %s%s by %s", r.Host, r.URL.Path, r.Header)
		}
		if d.answer != nil {
			d.answer(w)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, d.text)
	}))
	d.web.TLS = d.authority.Issue(false, names...).Server
	d.web.Config.ErrorLog = log.New(t.Output(), "", 0)
	d.web.StartTLS()
	t.Cleanup(d.web.Close)
	return d
}

func (d *domain) finder(change func(*Options)) *Finder {
	o := Options{Resolver: d.dns.Address, Roots: d.authority.Pool, PolicyPort: uint16(d.web.Listener.Addr().(*net.TCPAddr).Port), Now: func() time.Time {
		d.mutex.Lock()
		defer d.mutex.Unlock()
		return time.Now().Add(d.ahead)
	}}
	if change != nil {
		change(&o)
	}
	return finder(d.t, o)
}

func (d *domain) says(text string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.text = text
}

func (d *domain) pass(by time.Duration) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.ahead += by
}

func (d *domain) times() int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.fetched
}

// TestAPolicyBinds: to the servers that it names; a star is one label.
func TestAPolicyBinds(t *testing.T) {
	d := newDomain(t, "mta-sts.mission.example")
	f := d.finder(nil)
	for range 3 {
		if got := ways(t, f, "Mission.Example"); got != bound {
			t.Fatal(got)
		}
	}
	if d.times() != 1 {
		t.Errorf("it was fetched %d times", d.times())
	}
}

// TestAPolicyIsRemembered: who takes it away, from DNS or from the web, wins nothing while it lasts.
func TestAPolicyIsRemembered(t *testing.T) {
	d := newDomain(t, "mta-sts.mission.example")
	f := d.finder(nil)
	is := func(when, want string) {
		t.Helper()
		if got := ways(t, f, "mission.example"); got != want {
			t.Errorf("%s: %s", when, got)
		}
	}
	is("at first", bound)
	d.pass(lookedAt)
	d.dns.Set(zone("")...)
	is("taken out of DNS", bound)
	d.pass(lookedAt)
	d.dns.Fail("_mta-sts.mission.example")
	is("DNS fails", bound)
	d.pass(lookedAt)
	d.dns.Heal("_mta-sts.mission.example")
	d.dns.Set(zone("2")...)
	d.says("version: STSv1\nmode: nonsense\nmax_age: 1\n")
	is("replaced by nonsense", bound)
	d.pass(lookedAt)
	d.says("version: STSv1\nmode: none\nmax_age: 86400\n")
	is("ended", unbound)
	d.pass(lookedAt)
	d.says(enforced)
	is("another, of which DNS says nothing", unbound)
	d.dns.Set(zone("3")...)
	d.pass(lookedAt)
	is("another, as DNS says", bound)
	d.dns.Set(zone("")...)
	d.pass(8 * 24 * time.Hour)
	is("over", unbound)
}

// TestAPolicyIsFetchedAnew: each day, and when it lets a server through no more.
func TestAPolicyIsFetchedAnew(t *testing.T) {
	d := newDomain(t, "mta-sts.mission.example")
	f := d.finder(nil)
	ways(t, f, "mission.example")
	for _, server := range []string{"a", "b"} { // it is of no use, and changes without DNS saying so
		d.says("version: STSv1\nmode: enforce\nmx: " + server + ".example\nmax_age: 604800\n")
		d.pass(lookedAt)
		ways(t, f, "mission.example")
	}
	if d.times() != 3 {
		t.Errorf("a policy of no use was fetched %d times", d.times())
	}
	d.says(strings.ReplaceAll(enforced, "mx: mx.", "mx: evil.example\nmx: *.b.hosting.example\nmx: mx."))
	d.pass(lookedAt)
	ways(t, f, "mission.example")
	d.pass(lookedAt)
	ways(t, f, "mission.example")
	if d.times() != 4 {
		t.Errorf("a policy of use was fetched %d times", d.times()-3)
	}
	d.pass(2 * fetchedAt)
	ways(t, f, "mission.example")
	if d.times() != 5 {
		t.Error("it wasn't fetched anew after days")
	}
}

// TestPoliciesOutliveTheCourier: in a file that says nothing to others.
func TestPoliciesOutliveTheCourier(t *testing.T) {
	d := newDomain(t, "mta-sts.mission.example")
	path := filepath.Join(t.TempDir(), "policies")
	var problems []string
	kept := func(secret string) func(*Options) {
		return func(o *Options) {
			o.Keep, o.KeepSecret, o.Problem = path, []byte(secret), func(what string) { problems = append(problems, what) }
		}
	}
	const secret = "sixteen octets of a key, or more"
	f := d.finder(kept(secret))
	if got := ways(t, f, "mission.example"); got != bound {
		t.Fatal(got)
	}
	f.Keep()
	data, err := os.ReadFile(path)
	must(t, err)
	if strings.Contains(string(data), "mission") || strings.Contains(string(data), "enforce") {
		t.Error("the file is not sealed")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	d.dns.Set(zone("")...) // who alters DNS while it starts
	if got := ways(t, d.finder(kept(secret)), "mission.example"); got != bound {
		t.Errorf("after a restart: %s", got)
	}
	if len(problems) > 0 {
		t.Error(problems)
	}
	if got := ways(t, d.finder(kept("another courier's key, not ours")), "mission.example"); got != unbound || len(problems) != 1 {
		t.Errorf("with another key: %s, %v", got, problems)
	}
	for _, damage := range [][]byte{nil, []byte("x"), data[:len(data)-1], slices.Concat(data, []byte("x"))} {
		must(t, os.WriteFile(path, damage, 0o600))
		problems = nil
		if got := ways(t, d.finder(kept(secret)), "mission.example"); got != unbound || len(problems) != 1 {
			t.Errorf("with %d octets: %s, %v", len(damage), got, problems)
		}
	}
	must(t, os.Remove(path))
	must(t, os.Mkdir(path, 0o700)) // it can't be written
	problems = nil
	d.dns.Set(zone("2")...)
	f = d.finder(kept(secret))
	if got := ways(t, f, "mission.example"); got != bound {
		t.Errorf("with a file that is none: %s", got)
	}
	f.Keep()
	f.Keep()
	if len(problems) != 3 || strings.Contains(fmt.Sprint(problems), path) {
		t.Errorf("nobody was told as they should be: %v", problems)
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
}

// TestWhatIsNoPolicy: announcements and web servers that don't count.
func TestWhatIsNoPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		announced []string // TXT records; nil: a good one
		answer    func(http.ResponseWriter)
		text      string
		names     string // in the web server's certificate
		want      string
	}{
		"two announcements":  {announced: []string{`"v=STSv1; id=1;"`, `"v=STSv1; id=2;"`}, want: unbound},
		"one of another":     {announced: []string{`"v=STSv1; id=1;"`, `"v=spf1 -all"`}, want: bound},
		"in two strings":     {announced: []string{`"v=STSv1 " "; a=b; id=20260101; c"`}, want: bound},
		"of another version": {announced: []string{`"v=STSv2; id=1;"`}, want: unbound},
		"without an id":      {announced: []string{`"v=STSv1; x=1"`}, want: unbound},
		"a strange id":       {announced: []string{`"v=STSv1; id=1-2;"`}, want: unbound},
		"a long id":          {announced: []string{`"v=STSv1; id=` + strings.Repeat("1", 33) + `"`}, want: unbound},
		"another's web":      {names: "www.mission.example", want: unbound},
		"none":               {answer: func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, want: unbound},
		"elsewhere": {answer: func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://mta-sts.mission.example/elsewhere") // following it fails the test
			w.WriteHeader(http.StatusFound)
		}, want: unbound},
		"a page": {answer: func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, enforced)
		}, want: unbound},
		"without end": {answer: func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, enforced, strings.Repeat("mx: a.example\n", 1<<13))
		}, want: unbound},
		"testing":                {text: strings.Replace(enforced, "enforce", "testing", 1), want: unbound},
		"of no time":             {text: strings.Replace(enforced, "604800", "0", 1), want: bound},
		"of all time":            {text: strings.Replace(enforced, "604800", "999999999999", 1), want: bound},
		"of too much time":       {text: strings.Replace(enforced, "604800", "99999999999999999999", 1), want: unbound},
		"without time":           {text: strings.Replace(enforced, "max_age", "age", 1), want: unbound},
		"without servers":        {text: "version: STSv1\nmode: enforce\nmax_age: 1000\n", want: unbound},
		"of another version yet": {text: strings.Replace(enforced, "STSv1", "STSv2", 1), want: unbound},
		"said twice":             {text: strings.Replace(enforced, "mode: enforce", "mode: enforce\nmode: none\nfuture: x", 1), want: bound},
		"in large letters":       {text: strings.Replace(enforced, "mx.mission", "MX.Mission", 1), want: bound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names := "mta-sts.mission.example"
			if c.names != "" {
				names = c.names
			}
			d := newDomain(t, names)
			d.answer = c.answer
			if c.text != "" {
				d.text = c.text
			}
			if c.announced != nil {
				records := zone("")
				for _, text := range c.announced {
					records = append(records, "_mta-sts.mission.example. TXT "+text)
				}
				d.dns.Set(records...)
			}
			if got := ways(t, d.finder(nil), "mission.example"); got != c.want {
				t.Error(got)
			}
		})
	}
}

// TestNoAnswerIsNoPolicyNeither: while DNS doesn't say whether there is one, no mail goes.
func TestNoAnswerIsNoPolicyNeither(t *testing.T) {
	d := newDomain(t, "mta-sts.mission.example")
	f := d.finder(nil)
	d.dns.Fail("_mta-sts.mission.example")
	if got := ways(t, f, "mission.example"); got != ErrNoAnswer.Error() {
		t.Error(got)
	}
	d.dns.Heal("_mta-sts.mission.example")
	if got := ways(t, f, "mission.example"); got != bound {
		t.Error(got)
	}
}

// TestDANEGoesFirst: a server that DNS pins needs no policy, and none is asked for until one is met that isn't.
func TestDANEGoesFirst(t *testing.T) {
	d := newDomain(t, "mta-sts.mission.example")
	d.says(strings.ReplaceAll(enforced, "mx.mission.example", "else.example"))
	leaf := d.authority.Issue(false, "mx.mission.example").Leaf()
	d.dns.Set(append(zone("1"), pin(t, "mx.mission.example", 3, 1, 1, leaf))...)
	f := d.finder(nil)
	for s, err := range f.Servers(t.Context(), "mission.example") {
		must(t, err)
		if s.Promise != PromisedDANE || d.times() != 0 || slices.Contains(d.dns.Asked(), "_mta-sts.mission.example. TXT") {
			t.Errorf("promise %d; asked: %s", s.Promise, d.dns.Asked())
		}
		break
	}
	if got := ways(t, f, "mission.example"); got != strings.Replace(bound, "mx.mission.example policy", "mx.mission.example DANE", 1) {
		t.Error(got)
	}
}

// TestManyAskAtOnce: a policy is fetched once.
func TestManyAskAtOnce(t *testing.T) {
	d := newDomain(t, "mta-sts.mission.example")
	f := d.finder(nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := ways(t, f, "mission.example"); got != bound {
				t.Error(got)
			}
		})
	}
	group.Wait()
	if d.times() != 1 {
		t.Errorf("it was fetched %d times", d.times())
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(enforced)
	f.Add("mx:\nmx:*.\nmax_age:-1")
	f.Fuzz(func(t *testing.T, text string) {
		now := time.Now()
		p, err := parsePolicy(text, now)
		if err != nil {
			return
		}
		if p.Until.Before(now) || p.Until.After(now.Add(maxKept)) || len(p.MX) > maxPatterns {
			t.Errorf("%+v", p)
		}
		p.bind(&Server{Host: "mx.mission.example"})
	})
}
