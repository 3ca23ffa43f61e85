package verdict

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/ledger"
)

// evidenceFor puts together what is at hand about a receipt: what was saved, or single files.
func (b *believing) evidenceFor() api.Evidence {
	var e api.Evidence
	if saved := b.companion(Evidence); saved != nil && saved.evidence.Evidence != nil {
		e = *saved.evidence.Evidence
	}
	if p := b.companion(NoticeManifest); p != nil {
		if s, err := crypto.ParseSignedManifest(p.Data); err == nil {
			e.Manifest, e.AuthorSignature, e.ApproverSignature = string(s.Manifest), string(s.AuthorSignature), string(s.ApproverSignature)
		}
	}
	if p := b.companion(Membership); p != nil {
		e.Membership = string(p.Data)
	}
	var chain []string
	for _, c := range b.given() {
		if _, is := number(c); is {
			chain = append(chain, c.Armor())
		}
	}
	if len(chain) > 0 {
		e.Chain = chain
	}
	if p := b.companion(Proof); p != nil {
		e.LedgerProof = string(p.Data)
	}
	return e
}

// receipt judges the receipt of a notice.
func (b *believing) receipt(p *piece) (Verdict, error) {
	v, e := b.base, b.evidenceFor()
	if e.Manifest == "" && len(e.Chain) == 0 {
		return v.misses("evidence", nil), nil
	}
	if len(e.Chain) == 0 {
		return v.misses("chain", nil), nil
	}
	if e.Manifest == "" {
		return v.misses("manifest", nil), nil
	}
	r, err := ceremony.VerifyReceipt(b.trust, p.Data, e, b.Now)
	if len(e.Chain) == 1 && crypto.CauseOf(err) == crypto.CauseBrokenChain {
		return v.misses("chain", err), nil
	}
	if err != nil {
		return v.fails(err), nil
	}
	a := r.Receipt.Acknowledgement()
	v.Facts.Notice, v.Facts.ManifestSHA256, v.Facts.Representative, v.Facts.Fingerprint = a.Notice, a.ManifestSHA256, a.Representative.String(), a.Certificate
	v.Facts.Decision, v.Facts.Time, v.Facts.Received, v.Facts.Registrar = a.Decision, when(a.Time), when(r.Received), r.Signer.Registrar().Name()
	v.checked("receipt", "representative", a.Representative.String())
	v.checked("notice", "notice", string(a.Notice))
	v.signers(r.Notice)
	v.checked("opening")
	v.checked("chain", "registrar", r.Signer.Registrar().Name())
	if r.Meant != nil {
		v.Facts.MeantFor = r.Meant.Member.Representative.String()
		v.checked("meant")
	} else {
		v.unchecked("meant")
	}
	if !r.Received.IsZero() {
		v.unchecked("received", "time", stamp(r.Received))
	}
	v.unchecked("person")
	err = b.receiptInLedger(&v, e.LedgerProof, func(event *ledger.Event) bool {
		return event.Kind == ledger.NoticeAcknowledged && event.Receipt == sha256.Sum256(p.Data) && event.Notice == a.Notice && event.Representative == a.Representative
	})
	return b.receiptVerdict(v, err, string(a.Notice))
}

// receiptVerdict ends with what the ledger says.
func (b *believing) receiptVerdict(v Verdict, err error, of string) (Verdict, error) {
	switch {
	case errors.Is(err, errLater):
		return v, err
	case err != nil:
		return v.fails(err), nil
	}
	v = v.holds("representative", v.Facts.Representative, "of", of, "time", stamp(*v.Facts.Time))
	if v.Facts.Decision != crypto.DecisionAcknowledged {
		v.Summary.Code += "-refused"
	}
	return v, nil
}

// statementReceipt judges the receipt of a statement.
func (b *believing) statementReceipt(p *piece) (Verdict, error) {
	v, e := b.base, b.evidenceFor()
	text, err := crypto.ReadClearSigned(p.Data)
	if err != nil {
		return v.fails(err), nil
	}
	a, err := crypto.ParseStatementAcknowledgement(text)
	if err != nil {
		return v.fails(err), nil
	}
	if len(e.Chain) == 0 {
		return v.misses("chain", nil), nil
	}
	if a.Institution != b.trust.Root().Fingerprint() {
		return v.fails(because(string(crypto.CauseOtherInstitution), fmt.Errorf("the receipt is for another institution, whose root has the fingerprint %s", a.Institution.Spaced()))), nil
	}
	if e.Statement == nil {
		if e.Statement, err = b.shownStatement(a.Statement); err != nil {
			return v, err
		}
	}
	if e.Statement == nil || len(e.Statement.Versions) < a.Version {
		return v.misses("versions", fmt.Errorf("the receipt is for version %d of %s, and there is no such version at hand", a.Version, a.Statement)), nil
	}
	r, err := ceremony.VerifyStatementReceipt(b.trust, p.Data, e, b.Now)
	if len(e.Chain) == 1 && crypto.CauseOf(err) == crypto.CauseBrokenChain {
		return v.misses("chain", err), nil
	}
	if err != nil {
		return v.fails(err), nil
	}
	v.Facts.Statement, v.Facts.Version, v.Facts.ManifestSHA256 = a.Statement, a.Version, a.ManifestSHA256
	v.Facts.Representative, v.Facts.Fingerprint, v.Facts.Registrar = a.Representative.String(), a.Certificate, r.Signer.Registrar().Name()
	v.Facts.Decision, v.Facts.Time, v.Facts.Received = a.Decision, when(a.Time), when(r.Received)
	v.checked("receipt", "representative", a.Representative.String())
	v.checked("statement", "statement", string(a.Statement), "version", strconv.Itoa(a.Version))
	v.signers(r.Statement)
	v.checked("chain", "registrar", r.Signer.Registrar().Name())
	if !r.Received.IsZero() {
		v.unchecked("received", "time", stamp(r.Received))
	}
	v.unchecked("person")
	err = b.receiptInLedger(&v, e.LedgerProof, func(event *ledger.Event) bool {
		return event.Kind == ledger.StatementAcknowledged && event.Receipt == sha256.Sum256(p.Data) && event.Statement == a.Statement && event.Version == a.Version && event.Representative == a.Representative
	})
	return b.receiptVerdict(v, err, string(a.Statement))
}

// shownStatement is a statement as the portal shows it, or as it is among the files; nil when it is in neither.
func (b *believing) shownStatement(n crypto.Number) (*api.Statement, error) {
	body, err := b.get(StatementPath(n))
	if err != nil {
		return nil, err
	}
	s := new(api.Statement)
	if body != nil && json.Unmarshal(body, s) == nil {
		return s, nil
	}
	s = &api.Statement{Statement: n}
	for _, v := range b.versionsGiven(n) {
		encoded, err := v.Signed().Encode()
		if err != nil {
			return nil, nil
		}
		s.Versions = append(s.Versions, api.StatementVersion{Version: v.Manifest().Version, Signed: string(encoded)})
	}
	if len(s.Versions) == 0 {
		return nil, nil
	}
	return s, nil
}

// noticeManifest judges what was sent, and by whom.
func (b *believing) noticeManifest(p *piece) (Verdict, error) {
	v := b.base
	data := p.Data
	if !bytes.Contains(data, []byte("-----BEGIN PGP SIGNATURE-----")) {
		return v.misses("signatures", nil), nil
	}
	signed, err := crypto.ParseSignedManifest(data)
	if err != nil {
		return v.fails(err), nil
	}
	verified, err := b.trust.Root().VerifyManifest(signed, b.trust.StaffCertificates(), b.Now)
	if err != nil {
		return v.fails(err), nil
	}
	m := verified.Manifest()
	v.Facts.Notice, v.Facts.ManifestSHA256, v.Facts.Created = m.Notice, verified.SHA256(), when(m.Created)
	v.checked("institution")
	v.signers(verified)
	v.unchecked("content")
	v.unchecked("audience")
	return v.holds("notice", string(m.Notice), "time", stamp(m.Created)), nil
}

// certificates judges a representative's chain, whatever else came with it; or each certificate of the staff.
func (b *believing) certificates() (verdicts []Verdict) {
	var chain []string
	var of crypto.Representative
	for _, c := range b.given() {
		n, is := number(c)
		if !is {
			continue
		}
		if len(chain) > 0 && n != of {
			v := b.base
			v.Kind = Representative
			return []Verdict{v.fails(because("several", errors.New("these are certificates of several representatives: give those of one at a time")))}
		}
		of = n
		chain = append(chain, c.Armor())
	}
	if len(chain) > 0 {
		return []Verdict{b.representative(chain, of)}
	}
	for _, p := range b.pieces {
		for _, c := range p.certificates {
			v := b.staff(c)
			v.File = p.Name
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

func (b *believing) representative(chain []string, of crypto.Representative) Verdict {
	v := b.base
	v.Kind = Representative
	r, err := b.trust.VerifyChain(chain, of, b.Now)
	switch {
	case len(chain) == 1 && crypto.CauseOf(err) == crypto.CauseBrokenChain:
		return v.misses("before", fmt.Errorf("%w; the key of somebody who has claimed is verified with those before it, which 'valise cert --chain' writes", err))
	case err != nil:
		return v.fails(err)
	}
	v.Facts.Representative, v.Facts.Fingerprint, v.Facts.Registrar = of.String(), r.Certificate().Fingerprint(), r.Registrar().Name()
	v.checked("issued", "registrar", r.Registrar().Name())
	if len(chain) > 1 {
		v.checked("successors", "n", strconv.Itoa(len(chain)-1))
	}
	v.checked("usable")
	v.unchecked("latest-key")
	return v.holds("representative", of.String(), "registrar", r.Registrar().Name())
}

// staff judges a certificate of the staff, or the root's own.
func (b *believing) staff(c *crypto.Certificate) Verdict {
	v, root := b.base, b.trust.Root()
	v.Kind = StaffCertificate
	v.Facts.Fingerprint = c.Fingerprint()
	if c.Fingerprint() == root.Fingerprint() {
		v.Kind = RootCertificate
		if !v.Facts.Paper {
			return v.misses("paper", nil)
		}
		return v.holds("name", b.trust.Institution())
	}
	member, err := root.VerifyStaff(c, b.Now)
	if err != nil {
		return v.fails(err)
	}
	// The portal may know a newer form, with other roles or none.
	for _, newer := range b.trust.StaffCertificates() {
		if newer.Fingerprint() != c.Fingerprint() {
			continue
		}
		if member, err = root.VerifyStaff(newer, b.Now); err != nil {
			return v.fails(err)
		}
	}
	v.Facts.Name, v.Facts.Roles, v.Facts.Certified = member.Name(), member.Roles(), when(member.Certified())
	v.checked("certified", "time", stamp(member.Certified()))
	v.checked("usable")
	v.unchecked("newer-certificate")
	return v.holds("name", member.Name(), "roles", crypto.JoinRoles(member.Roles()), "time", stamp(member.Certified()))
}
