package wkd

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"valise/crypto"
)

const (
	// Timeout is how long a look-up takes at most, both ways together.
	Timeout = 20 * time.Second

	maxAddress   = 254 // RFC 5321, section 4.5.3.1.3
	maxRedirects = 3
)

// Lookup asks directories. The zero value asks those of the world, by way of the proxy that the environment names.
type Lookup struct {
	// Transport carries the requests; nil for one that insists on TLS 1.2 and the system's authorities.
	Transport http.RoundTripper
}

// Found is what a directory answered. Only that the certificate names the address was checked: whose it is, its owner has to say.
type Found struct {
	Address     string // that was asked for
	URL         string // where it was found
	Certificate *crypto.Certificate
	Others      []string // user IDs that name something else than the address
	Refused     error    // why nothing can be sealed to it (crypto.Certificate.CheckPolicy); nil: it can be used
}

// ErrNone says that the domain has a directory, or may have one, and that nothing stands there for the address.
var ErrNone = errors.New("nothing is found")

// Find looks an address up. It errs with ErrNone when the directory has no certificate for it, and otherwise says what is wrong: no answer, not over HTTPS, too large, no certificate, one of
// somebody else.
func (l *Lookup) Find(ctx context.Context, address string, now time.Time) (*Found, error) {
	local, domain, ok := Cut(address)
	if !ok || len(address) > maxAddress || net.ParseIP(domain) != nil {
		return nil, fmt.Errorf("%.60q is not the e-mail address of a person, or not one in ASCII, as the directory knows them", address)
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	spelt, _, _ := strings.Cut(address, "@")
	path := "hu/" + Hash(local) + "?l=" + url.QueryEscape(spelt)
	where := "https://openpgpkey." + domain + "/.well-known/openpgpkey/" + domain + "/" + path
	data, err := l.get(ctx, where, domain)
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		where = "https://" + domain + "/.well-known/openpgpkey/" + path
		data, err = l.get(ctx, where, domain)
	}
	switch {
	case errors.Is(err, ErrNone):
		return nil, fmt.Errorf("%s has no certificate of %s in its Web Key Directory: %w", domain, address, ErrNone)
	case err != nil:
		return nil, fmt.Errorf("the Web Key Directory of %s: %w", domain, err)
	}
	return read(data, local+"@"+domain, address, where, now)
}

// read takes a certificate that names the address out of an answer.
func read(data []byte, wanted, address, where string, now time.Time) (*Found, error) {
	c, err := crypto.ParseCertificate(data)
	if err != nil {
		return nil, fmt.Errorf("what is found at %s: %w", where, err)
	}
	f := &Found{Address: address, URL: where, Certificate: c, Refused: c.CheckPolicy(now)}
	named := false
	for _, id := range c.UserIDs() {
		if slices.Contains(Addresses(id), wanted) {
			named = true
		} else {
			f.Others = append(f.Others, id)
		}
	}
	if !named {
		return nil, fmt.Errorf("the certificate found at %s, %s, does not name %s: the directory is wrong, or somebody meddles with it. Don't use it", where, c.Fingerprint().Spaced(), address)
	}
	return f, nil
}

// get fetches a file of at most crypto.MaxCertificateSize bytes.
func (l *Lookup) get(ctx context.Context, where, domain string) ([]byte, error) {
	transport := l.Transport
	if transport == nil {
		strict := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: Timeout, ForceAttemptHTTP2: true, DisableKeepAlives: true}
		transport = strict
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch host := r.URL.Hostname(); {
		case r.URL.Scheme != "https":
			return fmt.Errorf("it leads to %s, which is not HTTPS", r.URL.Scheme)
		case host != domain && !strings.HasSuffix(host, "."+domain):
			return fmt.Errorf("it leads to another domain, %.100q, which has no say about addresses of %s", host, domain)
		case len(via) > maxRedirects:
			return errors.New("it leads from one address to the next without end")
		}
		return nil
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "") // what asks is nobody's business
	answer, err := client.Do(request)
	if err != nil {
		var wrapped *url.Error // it has the address in it
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone, http.StatusNoContent:
		return nil, ErrNone
	default:
		return nil, fmt.Errorf("it answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, crypto.MaxCertificateSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("its answer was cut off: %w", err)
	case len(data) > crypto.MaxCertificateSize:
		return nil, fmt.Errorf("its answer is larger than a certificate may be (%d KiB)", crypto.MaxCertificateSize>>10)
	case len(data) == 0:
		return nil, ErrNone
	}
	return data, nil
}

// Hash is the name of an address's local part in the directory: the SHA-1 digest of it in small letters, in z-base-32. It hides nothing and has to resist nothing.
func Hash(local string) string {
	const alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"
	sum := sha1.Sum([]byte(lower(local)))
	var name strings.Builder
	for i := 0; i < len(sum); i += 5 { // 20 octets: four groups of 40 bits
		bits := uint64(sum[i])<<32 | uint64(sum[i+1])<<24 | uint64(sum[i+2])<<16 | uint64(sum[i+3])<<8 | uint64(sum[i+4])
		for shift := 35; shift >= 0; shift -= 5 {
			name.WriteByte(alphabet[bits>>shift&31])
		}
	}
	return name.String()
}

// Addresses are the mail addresses in user IDs, in small letters: "Press office <press@court.example>", or an address alone.
func Addresses(userIDs ...string) (addresses []string) {
	for _, id := range userIDs {
		if begin := strings.LastIndexByte(id, '<'); begin >= 0 && strings.HasSuffix(id, ">") {
			id = id[begin+1 : len(id)-1]
		}
		if local, domain, ok := Cut(id); ok {
			addresses = append(addresses, local+"@"+domain)
		}
	}
	return addresses
}

// Cut takes an address apart, in small letters, as the draft compares them. Only ASCII is.
func Cut(address string) (local, domain string, ok bool) {
	local, domain, ok = strings.Cut(lower(address), "@")
	ok = ok && local != "" && strings.Contains(domain, ".") && !strings.ContainsAny(address, " \t\"<>(),:;\\/?#%") && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' })
	return local, domain, ok
}

// lower makes small letters of ASCII's capitals, and leaves everything else.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
