package courier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"valise/portal/courier/route"
)

// Server is where mail is handed over: at a smarthost, or at the servers of each recipient's domain.
type Server struct {
	Smarthost string // host:port; "": the domain's own servers (MX)
	TLSFirst  bool   // TLS from the first octet (port 465) in place of STARTTLS
	Hello     string // the name to say; "": the domain of the sender
	Username  string // "": without log-in
	Password  string

	// Roots are whom TLS certificates are believed from; nil: whom the system believes.
	Roots *x509.CertPool

	// Resolver is the address of a DNS resolver on this machine that verifies answers (DNSSEC), so that DANE counts; "": the system's, and it doesn't.
	Resolver string
	// Policies is a file in which domains' policies (MTA-STS) are kept over a restart, sealed; "": they are in memory alone.
	Policies string

	// Neither is done where the recipient's domain promises more by DANE or MTA-STS.
	InsecurePlain      bool // hand mail over without TLS
	InsecureUnverified bool // take any TLS certificate

	Port uint16 // of domains' own servers; 0: 25, where they are outside tests
}

// Check says what is wrong with it.
func (s *Server) Check() error {
	if s.Resolver != "" {
		if err := route.CheckResolver(s.Resolver); err != nil {
			return err
		}
	}
	if s.Smarthost == "" {
		if s.Username != "" || s.TLSFirst {
			return errors.New("log-in and TLS from the first octet are for a smarthost; name one")
		}
		return nil
	}
	if host, port, err := net.SplitHostPort(s.Smarthost); err != nil || host == "" || port == "" {
		return fmt.Errorf("the smarthost %q is not of the form mail.court.example:587", s.Smarthost)
	}
	if s.Policies != "" {
		return errors.New("policies (MTA-STS) are of domains' own servers; with a smarthost it is that one that has to look at them")
	}
	if s.Username != "" && s.InsecurePlain {
		return errors.New("a password isn't sent without TLS: leave out the user, or the insecure choice")
	}
	return nil
}

// Times that a mail server gets. Those of RFC 5321, section 4.5.3.2, are for mail that has nowhere else to be; an entry of the outbox is simply tried again.
const (
	connectTime = 30 * time.Second
	commandTime = 60 * time.Second
	dataTime    = 3 * time.Minute
	idleTime    = 20 * time.Second
	maxPerLine  = 100 // mails over one connection
)

// failure is why a mail wasn't taken.
type failure struct {
	reason     string
	final      bool // trying again won't help
	connection bool // it is about the server, not about the mail
	unspoken   bool // the line died before anything was said on it
}

func (f *failure) Error() string { return f.reason }

func noConnection() *failure { return &failure{reason: ReasonNoConnection, connection: true} }

// answered makes a failure of what a mail server said. Its words are dropped: they name the recipient more often than not. final5xx says whether a code from 500 on is about
// the recipient or the mail, so that trying again won't help.
func answered(err error, final5xx bool) *failure {
	var answer *smtp.SMTPError
	if !errors.As(err, &answer) {
		return noConnection()
	}
	codes := strconv.Itoa(answer.Code)
	if e := answer.EnhancedCode; e != smtp.NoEnhancedCode && e != smtp.EnhancedCodeNotSet {
		codes += fmt.Sprintf(" %d.%d.%d", e[0], e[1], e[2])
	}
	if answer.Code >= 500 && final5xx {
		return &failure{reason: ReasonRefused + " " + codes, final: true}
	}
	return &failure{reason: ReasonDeferred + " " + codes, connection: answer.Code == 421}
}

// line is an open connection to a mail server.
type line struct {
	*dialogue
	used  int
	since time.Time // it has been idle
}

// transport hands mail over, and keeps connections for what comes next.
type transport struct {
	server *Server
	hello  string
	finder *route.Finder

	mutex sync.Mutex
	idle  map[string][]*line // by smarthost or domain
}

// newTransport makes one. secret seals what is kept of policies; problem is told what is wrong with that.
func newTransport(i *Identity, secret []byte, problem func(string)) (*transport, error) {
	hello := i.Server.Hello
	if hello == "" {
		hello = i.domain()
	}
	s := &i.Server
	finder, err := route.New(route.Options{Resolver: s.Resolver, Roots: s.Roots, Port: s.Port, Keep: s.Policies, KeepSecret: secret, Problem: problem})
	if err != nil {
		return nil, err
	}
	return &transport{server: s, hello: hello, finder: finder, idle: map[string][]*line{}}, nil
}

// host is what connections are to: the smarthost, or a domain's servers.
func (t *transport) host(domain string) string {
	if t.server.Smarthost != "" {
		return "smarthost " + t.server.Smarthost
	}
	return domain
}

// send hands one mail over. token names it to servers that send reports (RFC 3461). When ctx ends, so does the connection.
func (t *transport) send(ctx context.Context, sender, to, domain, token string, mail []byte) *failure {
	l, fresh, f := t.take(ctx, domain)
	if f != nil {
		return f
	}
	f = l.deliver(ctx, sender, to, token, mail)
	if f != nil && f.unspoken && !fresh && ctx.Err() == nil { // the server hung up while nobody spoke
		l.hangUp()
		if l, f = t.connect(ctx, domain); f != nil {
			return f
		}
		f = l.deliver(ctx, sender, to, token, mail)
	}
	if f != nil && f.connection {
		l.hangUp()
		return f
	}
	t.give(domain, l)
	return f
}

// deliver hands one mail over.
func (l *line) deliver(ctx context.Context, sender, to, token string, mail []byte) *failure {
	defer l.closeWith(ctx)()
	l.used++
	if size := l.size(); size > 0 && len(mail) > size {
		return &failure{reason: ReasonRefused + " size", final: true}
	}
	aboutUs, err := l.dialogue.deliver(sender, to, token, mail)
	if err == nil {
		return nil
	}
	f := answered(err, !aboutUs) // about us: somebody has to set it right, and nothing is lost until then
	f.unspoken = errors.As(err, new(errUnspoken))
	return f
}

// take returns an idle connection, or a fresh one.
func (t *transport) take(ctx context.Context, domain string) (l *line, fresh bool, f *failure) {
	host := t.host(domain)
	t.mutex.Lock()
	for l == nil && len(t.idle[host]) > 0 {
		last := len(t.idle[host]) - 1
		l, t.idle[host] = t.idle[host][last], t.idle[host][:last]
		if time.Since(l.since) > idleTime {
			l.hangUp()
			l = nil
		}
	}
	if len(t.idle[host]) == 0 {
		delete(t.idle, host)
	}
	t.mutex.Unlock()
	if l != nil {
		return l, false, nil
	}
	l, f = t.connect(ctx, domain)
	return l, true, f
}

func (t *transport) give(domain string, l *line) {
	if l.used >= maxPerLine {
		l.quit()
		return
	}
	l.since = time.Now()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	host := t.host(domain)
	t.idle[host] = append(t.idle[host], l)
}

// rest hangs up what has been idle for long; all, at the end. What was learnt of policies is written down.
func (t *transport) rest(all bool) {
	t.finder.Keep()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for host, lines := range t.idle {
		lines = slices.DeleteFunc(lines, func(l *line) bool {
			over := all || time.Since(l.since) > idleTime
			if over {
				l.hangUp()
			}
			return over
		})
		if t.idle[host] = lines; len(lines) == 0 {
			delete(t.idle, host)
		}
	}
}

// connect opens a connection to the smarthost, or to the first of the domain's servers that is as it has to be. The reason why there is none is the gravest.
func (t *transport) connect(ctx context.Context, domain string) (*line, *failure) {
	if t.server.Smarthost != "" {
		server, err := t.smarthost(ctx)
		if err != nil {
			return nil, noWay(err)
		}
		return t.dial(ctx, server, t.server.Smarthost)
	}
	var worst *failure
	for server, err := range t.finder.Servers(ctx, domain) {
		if err != nil {
			worst = graver(worst, noWay(err))
			continue
		}
		for _, address := range server.Addresses {
			l, f := t.dial(ctx, server, address.String())
			if f == nil {
				return l, nil
			}
			worst = graver(worst, f)
		}
	}
	return nil, worst
}

// smarthost looks at the one that is named. To one that is taken without TLS, which is on this machine, DNS says nothing.
func (t *transport) smarthost(ctx context.Context) (*route.Server, error) {
	if !t.server.InsecurePlain {
		return t.finder.Smarthost(ctx, t.server.Smarthost)
	}
	host, _, err := net.SplitHostPort(t.server.Smarthost)
	return &route.Server{Host: host}, err
}

// noWay is why no way was found to a mail server.
func noWay(err error) *failure {
	f := noConnection()
	switch {
	case errors.Is(err, route.ErrNoMail):
		f.reason = ReasonNoDomain
	case errors.Is(err, route.ErrNoAnswer):
		f.reason = ReasonNoDNS
	case errors.Is(err, route.ErrNotNamed):
		f.reason = ReasonPolicy
	}
	return f
}

// grave are reasons why a mail server got nothing, the gravest last: a promise that isn't kept may be an attack.
var grave = []string{ReasonNoDNS, ReasonNoTLS, ReasonPolicy, ReasonDANE}

// graver is the failure that tells more about a domain's servers. Of those that can't be reached one learns least.
func graver(a, b *failure) *failure {
	weight := func(f *failure) int {
		switch {
		case f == nil:
			return 0
		case f.reason == ReasonNoConnection:
			return 1
		}
		return 3 + slices.Index(grave, f.reason)
	}
	if weight(b) > weight(a) {
		return b
	}
	return a
}

// dial connects, and insists on TLS unless told otherwise by who may.
func (t *transport) dial(ctx context.Context, server *route.Server, address string) (*line, *failure) {
	dialCtx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(dialCtx, "tcp", address)
	if err != nil {
		return nil, noConnection()
	}
	stop := context.AfterFunc(dialCtx, func() { conn.Close() })
	defer stop()
	d, err := t.greet(conn, server)
	if err != nil {
		conn.Close()
		return nil, &failure{reason: greetingReason(err, server.Promise), connection: true}
	}
	return &line{dialogue: d}, nil
}

func (t *transport) greet(conn net.Conn, server *route.Server) (*dialogue, error) {
	config := server.TLS(t.server.Roots)
	config.DynamicRecordSizingDisabled = true // which makes small records for who waits to see something; a mail is read as a whole
	if server.Promise == route.PromisedNothing || server.Promise == route.PromisedTLS {
		config.InsecureSkipVerify = t.server.InsecureUnverified
	}
	if t.server.TLSFirst {
		conn = tls.Client(conn, config)
	}
	d, err := openDialogue(conn)
	if err != nil {
		return nil, err
	}
	if !t.server.TLSFirst && !(t.server.InsecurePlain && server.Promise == route.PromisedNothing) {
		if err := d.hello("localhost"); err != nil { // until nobody listens any more
			return nil, err
		}
		if err := d.startTLS(config); err != nil {
			return nil, err
		}
	}
	if err := d.hello(t.hello); err != nil {
		return nil, err
	}
	if t.server.Username != "" {
		return d, d.authenticate(t.server.Username, t.server.Password)
	}
	return d, nil
}

// greetingReason is about the server, whatever it answered.
func greetingReason(err error, promise route.Promise) string {
	var answer *smtp.SMTPError
	if errors.As(err, &answer) && answer.Code != 454 { // which is about STARTTLS (RFC 3207, section 4)
		return answered(err, false).reason
	}
	var record tls.RecordHeaderError
	switch {
	case answer == nil && !route.IsUntrusted(err) && !errors.As(err, &record) && !strings.Contains(err.Error(), "STARTTLS") && !strings.Contains(err.Error(), "tls: "):
		return ReasonNoConnection
	case promise == route.PromisedDANE:
		return ReasonDANE
	case promise == route.PromisedPolicy:
		return ReasonPolicy
	}
	return ReasonNoTLS
}
