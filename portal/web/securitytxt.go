package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"valise/portal"
	"valise/portal/wkd"
)

// security.txt (RFC 9116) says whom to tell of a hole. It comes out of the institution's description, or is a finished file that the operator signed elsewhere:
// this server has no key to sign with.

const securityTxtPath = "/.well-known/security.txt"

// getSecurityTxt serves it, unless it has expired: what has must not be used, and whoever asks learns by its absence sooner than by a date.
func (s *server) getSecurityTxt(w http.ResponseWriter, r *http.Request) error {
	text, data := s.securityTxt()
	if data == nil || !s.Now().Before(text.Expires) {
		return notFound(w, r)
	}
	writePublic(w, r, "text/plain; charset=utf-8", data)
	return nil
}

// getOldSecurityTxt sends those who look where it stood before the RFC.
func (s *server) getOldSecurityTxt(w http.ResponseWriter, r *http.Request) error {
	if _, data := s.securityTxt(); data == nil {
		return notFound(w, r)
	}
	http.Redirect(w, r, securityTxtPath, http.StatusMovedPermanently)
	return nil
}

// securityTxt returns the file and what it says; nil when there is none.
func (s *server) securityTxt() (portal.SecurityTxt, []byte) {
	if s.SecurityFile != nil {
		text, err := portal.ParseSecurityTxt(s.SecurityFile)
		if err != nil { // checkSecurityTxt would have refused the start
			return text, nil
		}
		return text, s.SecurityFile
	}
	configured := s.Institution.Security
	if len(configured.Contact) == 0 {
		return portal.SecurityTxt{}, nil
	}
	if strings.HasPrefix(s.Origin, "http:") { // the RFC wants no address that anybody on the way can change
		text := configured.SecurityTxt("", s.Institution.Languages)
		return text, text.Bytes()
	}
	text := configured.SecurityTxt(s.Origin+securityTxtPath, s.Institution.Languages)
	if len(text.Encryption) == 0 {
		text.Encryption = s.keysOfContacts(configured.Contact)
	}
	return text, text.Bytes()
}

// keysOfContacts are the addresses in the Web Key Directory of those contacts' certificates that the operator put there.
func (s *server) keysOfContacts(contacts []string) (found []string) {
	for _, contact := range contacts {
		address, ok := strings.CutPrefix(contact, "mailto:")
		address, _, _ = strings.Cut(address, "?")
		if local, domain, split := wkd.Cut(address); ok && split && slices.ContainsFunc(s.MailCertificates, hasAddress(local, domain)) {
			found = append(found, s.Origin+wkdPath+domain+"/hu/"+wkd.Hash(local)+"?l="+local)
		}
	}
	return found
}

// checkSecurityTxt refuses what nobody could use, and warns of what has expired or soon will.
func (p *Portal) checkSecurityTxt() error {
	if p.SecurityFile == nil && len(p.Institution.Security.Contact) == 0 {
		return nil
	}
	text := p.Institution.Security.SecurityTxt("", nil)
	if p.SecurityFile != nil {
		var err error
		if text, err = portal.ParseSecurityTxt(p.SecurityFile); err != nil {
			return err
		}
		if len(text.Canonical) > 0 && !slices.Contains(text.Canonical, p.Origin+securityTxtPath) {
			p.Log.Warn("security.txt names other addresses as its own than this portal's: readers will not believe it here", "address", p.Origin+securityTxtPath)
		}
	}
	now := p.Now()
	switch {
	case !now.Before(text.Expires):
		p.Log.Error("SECURITY.TXT HAS EXPIRED and is not served: nobody who finds a hole learns whom to tell. Renew it", "expired", text.Expires)
	case text.Expires.Sub(now) < securityTxtSoon:
		p.Log.Warn("security.txt expires soon; renew it", "expires", text.Expires)
	case text.Expires.After(now.AddDate(1, 0, 1)):
		p.Log.Warn("security.txt expires in more than a year; RFC 9116 asks for less, so that what it says is not stale", "expires", text.Expires)
	}
	return nil
}

// securityTxtSoon is how long before its end the log begins to say so.
const securityTxtSoon = 30 * 24 * time.Hour
