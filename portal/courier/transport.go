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

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
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

	InsecurePlain      bool // hand mail over without TLS
	InsecureUnverified bool // take any TLS certificate

	port string // of a domain's servers, for tests; "": 25
}

// Check says what is wrong with it.
func (s *Server) Check() error {
	if s.Smarthost == "" {
		if s.Username != "" || s.TLSFirst {
			return errors.New("log-in and TLS from the first octet are for a smarthost; name one")
		}
		return nil
	}
	if host, port, err := net.SplitHostPort(s.Smarthost); err != nil || host == "" || port == "" {
		return fmt.Errorf("the smarthost %q is not of the form mail.court.example:587", s.Smarthost)
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
	client *smtp.Client
	conn   net.Conn
	used   int
	since  time.Time // it has been idle
}

func (l *line) hangUp() { l.client.Close() }

// transport hands mail over, and keeps connections for what comes next.
type transport struct {
	server *Server
	hello  string

	mutex sync.Mutex
	idle  map[string][]*line // by smarthost or domain
}

func newTransport(i *Identity) *transport {
	hello := i.Server.Hello
	if hello == "" {
		hello = i.domain()
	}
	return &transport{server: &i.Server, hello: hello, idle: map[string][]*line{}}
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
	if f != nil && f.reason == ReasonNoConnection && !fresh && ctx.Err() == nil { // the server hung up while nobody spoke
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

// deliver does one transaction (RFC 5321, section 3.3).
func (l *line) deliver(ctx context.Context, sender, to, token string, mail []byte) *failure {
	stop := context.AfterFunc(ctx, func() { l.conn.Close() })
	defer stop()
	l.used++
	if l.used > 1 {
		if err := l.client.Reset(); err != nil {
			return noConnection()
		}
	}
	options, reports := &smtp.MailOptions{}, (*smtp.RcptOptions)(nil)
	if size, ok := l.client.MaxMessageSize(); ok && size > 0 {
		if len(mail) > size {
			return &failure{reason: ReasonRefused + " size", final: true}
		}
		options.Size = int64(len(mail))
	}
	if ok, _ := l.client.Extension("DSN"); ok {
		options.Return, options.EnvelopeID = smtp.DSNReturnHeaders, token
		reports = &smtp.RcptOptions{Notify: []smtp.DSNNotify{smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed}}
	}
	if err := l.client.Mail(sender, options); err != nil {
		return answered(err, false) // about us, not about the recipient: somebody has to set it right, and nothing is lost until then
	}
	if err := l.client.Rcpt(to, reports); err != nil {
		return answered(err, true)
	}
	w, err := l.client.Data()
	if err != nil {
		return answered(err, true)
	}
	if _, err := w.Write(mail); err != nil {
		return noConnection()
	}
	if err := w.Close(); err != nil {
		return answered(err, true)
	}
	return nil
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
		l.client.Quit()
		return
	}
	l.since = time.Now()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	host := t.host(domain)
	t.idle[host] = append(t.idle[host], l)
}

// rest hangs up what has been idle for long; all, at the end.
func (t *transport) rest(all bool) {
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

// connect opens a connection to the smarthost, or to the first of the domain's servers that answers.
func (t *transport) connect(ctx context.Context, domain string) (*line, *failure) {
	if t.server.Smarthost != "" {
		host, _, err := net.SplitHostPort(t.server.Smarthost)
		if err != nil {
			return nil, noConnection()
		}
		return t.dial(ctx, t.server.Smarthost, host)
	}
	servers, f := mailServers(ctx, domain)
	if f != nil {
		return nil, f
	}
	port := t.server.port
	if port == "" {
		port = "25"
	}
	f = noConnection()
	for _, server := range servers {
		var l *line
		if l, f = t.dial(ctx, net.JoinHostPort(server, port), server); f == nil {
			return l, nil
		}
	}
	return nil, f
}

// maxServers is how many servers of a domain are tried.
const maxServers = 5

// mailServers asks DNS for the servers of a domain (RFC 5321, section 5.1; RFC 7505).
func mailServers(ctx context.Context, domain string) ([]string, *failure) {
	records, err := net.DefaultResolver.LookupMX(ctx, domain)
	var missing *net.DNSError
	if err != nil && (!errors.As(err, &missing) || !missing.IsNotFound) && len(records) == 0 {
		return nil, noConnection()
	}
	var servers []string
	for _, mx := range records {
		host := strings.TrimSuffix(mx.Host, ".")
		if host == "" { // the domain says that it takes no mail
			return nil, &failure{reason: ReasonNoDomain, final: true}
		}
		servers = append(servers, host)
	}
	if len(servers) == 0 {
		if _, err := net.DefaultResolver.LookupHost(ctx, domain); err != nil {
			if errors.As(err, &missing) && missing.IsNotFound {
				return nil, &failure{reason: ReasonNoDomain, final: true}
			}
			return nil, noConnection()
		}
		servers = []string{domain}
	}
	return servers[:min(len(servers), maxServers)], nil
}

// dial connects, and insists on TLS unless told otherwise.
func (t *transport) dial(ctx context.Context, address, host string) (*line, *failure) {
	dialCtx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(dialCtx, "tcp", address)
	if err != nil {
		return nil, noConnection()
	}
	stop := context.AfterFunc(dialCtx, func() { conn.Close() })
	defer stop()
	config := &tls.Config{ServerName: host, RootCAs: t.server.Roots, InsecureSkipVerify: t.server.InsecureUnverified, MinVersion: tls.VersionTLS12}
	client, f := t.greet(conn, config)
	if f != nil {
		conn.Close()
		return nil, f
	}
	return &line{client: client, conn: conn}, nil
}

func (t *transport) greet(conn net.Conn, config *tls.Config) (client *smtp.Client, f *failure) {
	var err error
	switch {
	case t.server.TLSFirst:
		client = smtp.NewClient(tls.Client(conn, config))
	case t.server.InsecurePlain:
		client = smtp.NewClient(conn)
	default: // greets as "localhost" until nobody listens any more
		if client, err = smtp.NewClientStartTLS(conn, config); err != nil {
			return nil, &failure{reason: greetingReason(err), connection: true}
		}
	}
	client.CommandTimeout, client.SubmissionTimeout = commandTime, dataTime
	err = client.Hello(t.hello)
	if err == nil && t.server.Username != "" {
		err = client.Auth(sasl.NewPlainClient("", t.server.Username, t.server.Password))
	}
	if err != nil {
		return nil, &failure{reason: greetingReason(err), connection: true}
	}
	return client, nil
}

// greetingReason is about the server, whatever it answered.
func greetingReason(err error) string {
	var answer *smtp.SMTPError
	if errors.As(err, &answer) {
		return answered(err, false).reason
	}
	var untrusted *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	if errors.As(err, &untrusted) || errors.As(err, &record) || strings.Contains(err.Error(), "STARTTLS") {
		return ReasonNoTLS
	}
	return ReasonNoConnection
}
