package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/wkd"
)

// certificatesPage is everything by which this institution can be checked. Only what holds under the root stands on it.
type certificatesPage struct {
	RootName string
	RootMade time.Time
	Staff    []staffLine // in office
	Former   []staffLine
	Ledger   *ledgerLine
	Mail     []mailLine
	Client   *clientLine // nil: nobody ever signed what browsers run
	Reader   []string    // the SHA-256 of the offline reader, in groups; none: it wasn't built
	Withheld bool        // the staff's certificates, or the ledger, can't be read at the moment
}

type staffLine struct {
	Name        string
	Roles       []crypto.Role
	Since       time.Time
	Ended       time.Time // of former staff; zero when only the certificate knows
	Fingerprint []string
	File        string
	Proof       string // that it is in the ledger; "" before the first checkpoint
	Notary      bool   // a process, not a person
}

type ledgerLine struct {
	Name      string
	Keys      []string
	Witnesses []string
	Quorum    int
	Said      time.Time // by the root
	Size      int64     // leaves in the checkpoint; of none that verifies, Root is ""
	Root      string
	Seen      []ledger.Cosignature
	Problem   bool // there is a checkpoint, and it doesn't verify
}

type mailLine struct {
	Address     string
	Link        string // in the Web Key Directory
	Fingerprint []string
}

// Paths of the files that the page offers.
const (
	keysPath      = "/keys/"
	staffFile     = "staff.asc"
	ledgerKeyFile = "ledger.asc"

	certificateEnd = ".asc"
	proofEnd       = ".tlog-proof"
)

func (s *server) getCertificatesPage(tag string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l := s.pages.publicSpeech(w, r, tag)
		links := s.pages.publicLinks(r, "/certificates", l)
		page := certificatesPage{RootName: strings.Join(s.Root.Certificate().UserIDs(), ", "), RootMade: s.Root.Certificate().Created()}
		if s.pages.reader != nil {
			page.Reader = inGroups(s.pages.reader.sha256)
		}
		err := s.certificates(r.Context(), &page)
		if err == nil {
			page.Ledger, err = s.ledgerLine(r.Context())
		}
		if err == nil {
			page.Client, err = s.clientLine(r.Context())
		}
		if page.Ledger != nil && page.Ledger.Root != "" {
			page.linkProofs()
		}
		if err != nil { // the root is shown all the same
			f := judge(err)
			t := traceOf(r)
			t.code, t.reference, t.cause = f.code, f.reference, f.cause
			page.Withheld = true
			body, err := s.pages.publicBody(l, links, "certificates", page)
			if err != nil {
				return err
			}
			writeBytes(w, http.StatusOK, "text/html; charset=utf-8", body)
			return nil
		}
		return s.pages.publicPage(w, r, l, links, "certificates", page)
	}
}

// linkProofs lets everything on the page that is in the ledger lead to its proof.
func (page *certificatesPage) linkProofs() {
	for _, lines := range [][]staffLine{page.Staff, page.Former} {
		for i := range lines {
			lines[i].Proof = strings.TrimSuffix(lines[i].File, certificateEnd) + proofEnd
		}
	}
	if page.Client != nil && page.Client.SHA256 != nil {
		page.Client.Proof = clientPath + clientCurrent + proofEnd
	}
}

// certificates fills in whom the root certified, and the Web Key Directory.
func (s *server) certificates(ctx context.Context, page *certificatesPage) error {
	staff, err := s.Registry.Staff(ctx)
	if err != nil {
		return err
	}
	now := s.Now()
	for _, c := range staff {
		record := s.Root.StaffRecord(c, now)
		if record == nil {
			continue
		}
		line := staffLine{
			Name: record.Name, Roles: record.Roles, Since: record.First, Ended: record.Ended, Fingerprint: strings.Fields(c.Fingerprint().Spaced()),
			File: keysPath + string(c.Fingerprint()) + certificateEnd, Notary: slices.ContainsFunc(record.Roles, crypto.Role.IsProcess),
		}
		if member, err := s.Root.VerifyStaff(c, now); err == nil {
			line.Name, line.Roles = member.Name(), member.Roles()
			page.Staff = append(page.Staff, line)
		} else {
			page.Former = append(page.Former, line)
		}
	}
	byName := func(a, b staffLine) int {
		if a.Notary != b.Notary { // people first
			if a.Notary {
				return 1
			}
			return -1
		}
		return strings.Compare(a.Name, b.Name)
	}
	slices.SortStableFunc(page.Staff, byName)
	slices.SortStableFunc(page.Former, byName)
	all, err := s.mailCertificates(ctx)
	seen := map[string]bool{}
	for _, c := range all {
		for _, address := range c.addresses {
			if seen[address] {
				continue
			}
			seen[address] = true
			local, domain, _ := wkd.Cut(address)
			page.Mail = append(page.Mail, mailLine{address, wkdPath + domain + "/hu/" + wkd.Hash(local) + "?l=" + url.QueryEscape(local), strings.Fields(c.certificate.Fingerprint().Spaced())})
		}
	}
	return err
}

// ledgerLine says what the root says of the ledger, and which checkpoint was signed last; nil when nobody signs one.
func (s *server) ledgerLine(ctx context.Context) (*ledgerLine, error) {
	if s.LedgerKey == nil {
		return nil, nil
	}
	key, err := s.Root.VerifyLedgerKey(s.LedgerKey, s.Now())
	if err != nil {
		return nil, err
	}
	line := &ledgerLine{Name: key.Log, Keys: key.Keys, Witnesses: key.Witnesses, Quorum: key.Quorum, Said: key.Time}
	policy, err := ledger.PolicyOf(key)
	if err != nil {
		return nil, err
	}
	signed, err := s.Ledger.Checkpoint(ctx)
	switch {
	case portal.KindOf(err) == portal.NotFound:
		return line, nil
	case err != nil:
		return nil, err
	}
	checkpoint, err := policy.Open(signed)
	if err != nil {
		line.Problem = true
		return line, nil
	}
	line.Size, line.Root, line.Seen = checkpoint.Size, checkpoint.Root.String(), checkpoint.Cosignatures()
	return line, nil
}

// getKeyFile serves a certificate of the staff ("FINGERPRINT.asc") and its proof in the ledger ("FINGERPRINT.tlog-proof"), those of all staff in office, or what the root
// says of the ledger's key.
func (s *server) getKeyFile(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("file")
	if name == ledgerKeyFile {
		if s.LedgerKey == nil {
			return notFound(w, r)
		}
		writePublic(w, r, "text/plain; charset=utf-8", s.LedgerKey)
		return nil
	}
	staff, err := s.Registry.Staff(r.Context())
	if err != nil {
		return err
	}
	var armored strings.Builder
	for _, c := range staff {
		if name == staffFile {
			if _, err := s.Root.VerifyStaff(c, s.Now()); err == nil {
				armored.WriteString(c.Armor())
			}
		} else if of, ok := strings.CutPrefix(name, string(c.Fingerprint())); ok && s.Root.StaffRecord(c, s.Now()) != nil {
			switch of {
			case certificateEnd:
				armored.WriteString(c.Armor())
			case proofEnd:
				return s.writeStaffProof(w, r, c)
			}
		}
	}
	if armored.Len() == 0 {
		return notFound(w, r)
	}
	writePublic(w, r, "application/pgp-keys", []byte(armored.String()))
	return nil
}

func (s *server) writeStaffProof(w http.ResponseWriter, r *http.Request, c *crypto.Certificate) error {
	proof, err := s.Ledger.StaffCertificateProof(r.Context(), c.Bytes())
	if err != nil {
		return err
	}
	writePublic(w, r, "text/plain; charset=utf-8", proof)
	return nil
}
