package route

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Times and sizes of policies.
const (
	lookedAt    = 5 * time.Minute      // for how long what was found is not looked at again, found or not
	fetchedAt   = 24 * time.Hour       // a policy is fetched anew each day, though DNS says that it is the same (RFC 8461, section 10.2)
	fetchTime   = 30 * time.Second     // for a policy
	maxPolicy   = 64 << 10             // octets (RFC 8461, section 3.3)
	maxKept     = 365 * 24 * time.Hour // max_age, at most (section 3.2)
	maxPatterns = 200                  // in one policy
	maxDomains  = 20_000               // about which anything is remembered
)

// mode is what a policy asks for.
type mode string

const (
	modeNone    mode = "none"
	modeTesting mode = "testing" // reports are asked for, which are not written: they would tell a domain when it got mail
	modeEnforce mode = "enforce"
)

// policy is what a domain says about its mail servers. The zero value is none.
type policy struct {
	ID      string    `json:"id"`
	Mode    mode      `json:"mode"`
	MX      []string  `json:"mx"`
	Fetched time.Time `json:"fetched"`
	Until   time.Time `json:"until"`
}

// bind says whether mail may go to a server, and what it has to show.
func (p *policy) bind(s *Server) error {
	if p.Mode != modeEnforce {
		return nil
	}
	if !slices.ContainsFunc(p.MX, func(pattern string) bool { return covers(pattern, s.Host) }) {
		return ErrNotNamed
	}
	s.Promise = PromisedPolicy
	return nil
}

// covers says whether a pattern covers a host: a star is for one label, the first (RFC 8461, section 4.1).
func covers(pattern, host string) bool {
	if rest, ok := strings.CutPrefix(pattern, "*."); ok {
		_, behind, _ := strings.Cut(host, ".")
		return behind == rest
	}
	return pattern == host
}

// policies are those of domains, remembered for as long as they say.
type policies struct {
	dns     resolver
	client  *http.Client
	file    *file // nil: they are in memory alone
	problem func(string)
	now     func() time.Time

	mutex  sync.Mutex
	looks  map[string]*look
	known  map[string]policy // also those that are over, until they are swept
	unkept bool              // something was learnt that the file doesn't say

	writing sync.Mutex
}

// look is when a domain's policy was looked at.
type look struct {
	mutex sync.Mutex // held while it is, so that this happens once
	at    time.Time
	doubt bool // it was of no use: perhaps it has changed, and DNS doesn't say so
}

func newPolicies(r resolver, o *Options) (*policies, error) {
	p := &policies{dns: r, problem: o.Problem, now: o.Now, looks: map[string]*look{}, known: map[string]policy{}}
	port := cmp.Or(o.PolicyPort, 443)
	p.client = &http.Client{
		Timeout:       fetchTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // must not be followed (RFC 8461, section 3.3)
		Transport: &http.Transport{
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			DialContext:            func(ctx context.Context, _, address string) (net.Conn, error) { return r.dial(ctx, address, port) },
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 16 << 10,
		},
	}
	if o.Keep == "" {
		return p, nil
	}
	var err error
	if p.file, err = newFile(o.Keep, o.KeepSecret); err != nil {
		return nil, err
	}
	kept, err := p.file.read()
	if err != nil {
		p.problem(because("the file of policies (MTA-STS) can't be read, and they are gathered anew", err))
	}
	maps.Copy(p.known, kept)
	return p, nil
}

// dial connects to a web server that the resolver finds.
func (r resolver) dial(ctx context.Context, address string, port uint16) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p, err := r.find(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range p.addresses {
		var conn net.Conn
		if conn, err = (&net.Dialer{Timeout: fetchTime / 3}).DialContext(ctx, "tcp", netip.AddrPortFrom(ip, port).String()); err == nil {
			return conn, nil
		}
	}
	return nil, ErrNoAddress
}

// of returns the policy of a domain, or an empty one. What DNS doesn't answer is not taken for there being none, unless one is remembered.
func (p *policies) of(ctx context.Context, domain string) (*policy, error) {
	domain = plain(domain)
	l, known := p.recall(domain)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := p.now()
	if now.Sub(l.at) < lookedAt {
		_, known = p.recall(domain) // who looked at it just now may have found another
		return known, nil
	}
	id, err := p.announced(ctx, domain)
	if err != nil && known.Mode == "" {
		return nil, err
	}
	if id != "" && (id != known.ID || l.doubt || now.Sub(known.Fetched) > jitter(fetchedAt)) {
		fetched, err := p.fetch(ctx, domain)
		if ctx.Err() != nil {
			return nil, ErrNoAnswer // it was not looked at
		}
		if err == nil {
			fetched.ID, fetched.Fetched, l.doubt = id, now, false
			known = fetched
			p.learn(domain, *fetched)
		}
	}
	l.at = now
	return known, nil
}

// jitter is a time between three quarters and five quarters of d, so that nobody knows when something is looked at.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// doubt has a policy fetched anew that let no mail through, when it is next looked at.
func (p *policies) doubt(domain string) {
	l, _ := p.recall(plain(domain))
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.doubt = true
}

// recall returns what is remembered about a domain.
func (p *policies) recall(domain string) (*look, *policy) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	l := p.looks[domain]
	if l == nil {
		if len(p.looks) >= maxDomains {
			clear(p.looks) // they are looked at once more
		}
		l = new(look)
		p.looks[domain] = l
	}
	known, ok := p.known[domain]
	if ok && !known.Until.After(p.now()) {
		return l, &policy{}
	}
	return l, &known
}

// learn remembers a policy.
func (p *policies) learn(domain string, new policy) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.known[domain], p.unkept = new, true
	now := p.now()
	maps.DeleteFunc(p.known, func(_ string, kept policy) bool { return !kept.Until.After(now) })
	for other := range p.known {
		if len(p.known) <= maxDomains {
			break
		}
		if other != domain {
			delete(p.known, other)
		}
	}
}

// keep writes down what was learnt since it was last done.
func (p *policies) keep() {
	if p.file == nil {
		return
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mutex.Lock()
	all, unkept := maps.Clone(p.known), p.unkept
	p.unkept = false
	p.mutex.Unlock()
	if !unkept {
		return
	}
	if err := p.file.write(all); err != nil {
		p.problem(because("policies (MTA-STS) can't be written down, and are remembered until the courier ends", err))
		p.mutex.Lock()
		p.unkept = true
		p.mutex.Unlock()
	}
}

// announced is the id of the policy that a domain says it has; "": none (RFC 8461, section 3.1).
func (p *policies) announced(ctx context.Context, domain string) (string, error) {
	a, err := p.dns.ask(ctx, "_mta-sts."+domain, dns.TypeTXT)
	if err != nil {
		return "", err
	}
	var announced []string
	for _, record := range a.records {
		text := strings.Join(record.(*dns.TXT).Txt, "")
		if version, _, ok := strings.Cut(text, ";"); ok && strings.TrimRight(version, " \t") == "v=STSv1" {
			announced = append(announced, text)
		}
	}
	if len(announced) != 1 {
		return "", nil
	}
	for field := range strings.SplitSeq(announced[0], ";") {
		name, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
		if name == "id" {
			if len(value) > 32 || strings.ContainsFunc(value, func(r rune) bool { return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') }) {
				return "", nil
			}
			return value, nil
		}
	}
	return "", nil
}

// fetch gets a policy from the domain's web server (RFC 8461, section 3.3).
func (p *policies) fetch(ctx context.Context, domain string) (*policy, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "") // nobody need know who asks
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d in place of a policy", response.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "text/plain" {
		return nil, errors.New("a policy is plain text")
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPolicy+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("a policy has at most %d KiB", maxPolicy>>10)
	}
	return parsePolicy(string(text), p.now())
}

// parsePolicy reads a policy (RFC 8461, section 3.2). Of what stands there twice the first counts, but for mx; what isn't known is passed over.
func parsePolicy(text string, now time.Time) (*policy, error) {
	fields := map[string]string{}
	p := &policy{}
	for line := range strings.SplitSeq(text, "\n") {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r"), ":")
		if !ok {
			continue
		}
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if _, twice := fields[name]; !twice {
			fields[name] = value
		}
		if name == "mx" && len(p.MX) < maxPatterns {
			if pattern := plain(value); pattern != "" {
				p.MX = append(p.MX, pattern)
			}
		}
	}
	p.Mode = mode(fields["mode"])
	age, err := strconv.ParseUint(fields["max_age"], 10, 40)
	switch {
	case fields["version"] != "STSv1":
		return nil, errors.New("the policy is not of version STSv1")
	case p.Mode != modeNone && p.Mode != modeTesting && p.Mode != modeEnforce:
		return nil, errors.New("the policy's mode is none, testing or enforce")
	case err != nil:
		return nil, errors.New("the policy says for how many seconds it is remembered")
	case p.Mode != modeNone && len(p.MX) == 0:
		return nil, errors.New("the policy names no mail server")
	}
	p.Until = now.Add(max(lookedAt, time.Duration(min(age, uint64(maxKept/time.Second)))*time.Second)) // also who wants it forgotten at once is bound by it while it isn't looked at again
	return p, nil
}
