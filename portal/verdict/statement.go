package verdict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// StatementPath is where the portal has all versions of a statement.
func StatementPath(n crypto.Number) string { return api.Root + "/statements/" + string(n) }

// ProofPath is where the portal, or a mirror, has the proof that a version was entered in the ledger.
func ProofPath(n crypto.Number, version int) string {
	return "/statements/" + string(n) + "/" + strconv.Itoa(version) + "/ledger.tlog-proof"
}

// signedBoth is what author and approver signed together, whichever form it has.
type signedBoth interface {
	Author() *crypto.Staff
	AuthorSignature() *crypto.Signature
	Approver() *crypto.Staff
	ApproverSignature() *crypto.Signature
}

// signers says who signed, once both signatures held.
func (v *Verdict) signers(s signedBoth) {
	v.Facts.Author, v.Facts.Approver = signer(s.Author(), s.AuthorSignature()), signer(s.Approver(), s.ApproverSignature())
	v.checked("author", "name", s.Author().Name(), "time", stamp(s.AuthorSignature().Made()))
	v.checked("approver", "name", s.Approver().Name(), "time", stamp(s.ApproverSignature().Made()))
	v.checked("staff")
}

// statementText judges one text: clear-signed, or with its signatures in another file.
func (b *believing) statementText(p *piece) (Verdict, error) {
	v, root, staff := b.base, b.trust.Root(), b.trust.StaffCertificates()
	var text *crypto.VerifiedStatementText
	var err error
	var approval []byte
	if bytes.HasPrefix(p.Data, []byte("valise statement v1")) {
		signatures := b.signaturesOf(p)
		if signatures == nil {
			return v.misses("signatures", nil), nil
		}
		_, approval, _ = crypto.SplitStatementSignatures(signatures.Data)
		text, err = root.VerifyStatementFile(p.Data, signatures.Data, staff, b.Now)
	} else {
		if t, err := crypto.ParseStatementFile(p.Data); err == nil {
			approval = t.Approver.Clear
		}
		text, err = root.VerifyStatementText(p.Data, staff, b.Now)
	}
	if err != nil {
		return b.failedStatement(v, err, textNumber(p.Data), approval)
	}
	t := text.Text()
	v.Facts.Statement, v.Facts.Version, v.Facts.VersionKind, v.Facts.Language, v.Facts.Title = t.Statement, t.Version, string(t.Kind), t.Language, t.Title
	v.Facts.PublishAt = when(t.PublishAt)
	v.checked("institution")
	v.signers(text)
	if err := b.attachments(&v, t.Attachments, text.CheckAttachment); err != nil {
		return v.fails(err), nil
	}
	same := func(other *crypto.VerifiedStatement) bool {
		return slices.ContainsFunc(other.Manifest().Texts, func(ref crypto.StatementTextRef) bool { return ref.SHA256 == text.SHA256() })
	}
	if len(t.Languages) > 1 {
		v.unchecked("languages")
	}
	return b.compared(v, same)
}

// statement judges all texts of a version.
func (b *believing) statement(p *piece) (Verdict, error) {
	v := b.base
	signed, err := crypto.ParseSignedStatement(bytes.TrimSpace(p.Data))
	if err != nil {
		return v.fails(err), nil
	}
	m, err := crypto.ParseStatementManifest(signed.Manifest)
	if err != nil {
		return v.fails(err), nil
	}
	var previous *crypto.VerifiedStatement
	if m.Version > 1 && m.Institution == b.trust.Root().Fingerprint() {
		versions, problem, err := b.published(m.Statement)
		switch {
		case err != nil:
			return v, err
		case problem != nil:
			return v.fails(because("portal", problem)), nil
		case len(versions) < m.Version-1:
			return v.misses("versions", errors.New("this is version "+strconv.Itoa(m.Version)+" of "+string(m.Statement)+"; it can be verified only together with the versions before it, which the portal must be asked for: verify one of its texts (.txt) by itself instead")), nil
		}
		previous = versions[m.Version-2]
	}
	verified, err := b.trust.Root().VerifyStatement(signed, previous, b.trust.StaffCertificates(), b.Now)
	if err != nil {
		return b.failedStatement(v, err, m.Statement, signed.ApproverSignature)
	}
	first := verified.Texts()[0]
	v.manifestFacts(m, verified.SHA256())
	v.Facts.Language, v.Facts.Title = first.Language, first.Title
	v.checked("institution")
	v.signers(verified)
	v.checked("languages", "n", strconv.Itoa(len(verified.Texts())))
	if m.Version > 1 {
		v.checked("follows", "version", strconv.Itoa(m.Version-1))
	}
	if err := b.attachments(&v, verified.Attachments(), verified.CheckAttachment); err != nil {
		return v.fails(err), nil
	}
	return b.compared(v, func(other *crypto.VerifiedStatement) bool { return other.SHA256() == verified.SHA256() })
}

// statementManifest judges a manifest with its signatures.
func (b *believing) statementManifest(p *piece) (Verdict, error) {
	v := b.base
	signatures := b.signaturesOf(p)
	if signatures == nil {
		return v.misses("signatures", nil), nil
	}
	verified, err := b.trust.Root().VerifyStatementManifest(p.Data, signatures.Data, b.trust.StaffCertificates(), b.Now)
	if err != nil {
		var of crypto.Number
		if m, err := crypto.ParseStatementManifest(p.Data); err == nil {
			of = m.Statement
		}
		_, approval, _ := crypto.SplitStatementSignatures(signatures.Data)
		return b.failedStatement(v, err, of, approval)
	}
	v.manifestFacts(verified.Manifest(), verified.SHA256())
	v.checked("institution")
	v.signers(verified)
	v.unchecked("texts")
	return b.compared(v, func(other *crypto.VerifiedStatement) bool { return other.SHA256() == verified.SHA256() })
}

func (v *Verdict) manifestFacts(m *crypto.StatementManifest, digest string) {
	v.Facts.Statement, v.Facts.Version, v.Facts.VersionKind, v.Facts.PublishAt, v.Facts.ManifestSHA256 = m.Statement, m.Version, string(m.Kind), when(m.PublishAt), digest
}

// textNumber is which statement a text says it is, "" when it can't be read.
func textNumber(data []byte) crypto.Number {
	text := data
	if read, err := crypto.ReadClearSigned(data); err == nil {
		text = read
	}
	t, err := crypto.ParseStatementText(text)
	if err != nil {
		return ""
	}
	return t.Statement
}

// failedStatement says what didn't hold. An approval that is of something else is looked for among the versions that the portal publishes: where it
// comes from tells what somebody tried.
func (b *believing) failedStatement(v Verdict, err error, n crypto.Number, approval []byte) (Verdict, error) {
	if crypto.CauseOf(err) != crypto.CauseOtherApproval || n == "" || len(approval) == 0 {
		return v.fails(err), nil
	}
	versions, _, later := b.published(n)
	if later != nil {
		return v, later
	}
	for _, version := range versions {
		signed := version.Signed()
		is := bytes.Equal(signed.ApproverSignature, approval)
		for _, text := range signed.Texts {
			is = is || bytes.Equal(text.Approver.Clear, approval) || bytes.Equal(text.Approver.Detached, approval)
		}
		if is {
			v = v.fails(err)
			v.Cause = "version-approval"
			v.Summary = line("cause-version-approval", "version", strconv.Itoa(version.Manifest().Version))
			v.err = fmt.Errorf("%w; it is the approval of version %d of %s", err, version.Manifest().Version, n)
			v.Detail = sentence(v.err)
			return v, nil
		}
	}
	return v.fails(err), nil
}

// attachments looks at files that were given with a statement and have the name of an attachment.
func (b *believing) attachments(v *Verdict, attachments []crypto.StatementAttachment, check func(name string, data []byte) error) error {
	missing := 0
	for _, a := range attachments {
		i := slices.IndexFunc(b.pieces, func(p *piece) bool { return p.Name == a.Name })
		if i < 0 {
			missing++
			continue
		}
		b.pieces[i].taken = true
		if err := check(a.Name, b.pieces[i].Data); err != nil {
			return because("attachment", err)
		}
		v.checked("attachment", "name", a.Name)
	}
	if missing > 0 {
		v.unchecked("attachments", "n", strconv.Itoa(missing))
	}
	return nil
}

// published returns the versions of a statement that the portal publishes, or that are among the files, verified: none when there is nothing. problem
// says why what the portal publishes doesn't hold.
func (b *believing) published(n crypto.Number) (versions []*crypto.VerifiedStatement, problem, later error) {
	a, err := b.ask(StatementPath(n))
	if err != nil {
		return nil, nil, err
	}
	if a.Status != statusOK {
		return b.versionsGiven(n), nil, nil
	}
	var s api.Statement
	if err := json.Unmarshal(a.Body, &s); err != nil {
		return nil, fmt.Errorf("what the portal answers about %s can't be read: %w", n, err), nil
	}
	versions, problem = ceremony.ReadStatement(b.trust, n, s, b.Now)
	return versions, problem, nil
}

// versionsGiven are those among the files, from the first one on.
func (b *believing) versionsGiven(n crypto.Number) (versions []*crypto.VerifiedStatement) {
	for {
		var next *crypto.VerifiedStatement
		for _, p := range b.pieces {
			if p.kind != Statement {
				continue
			}
			signed, err := crypto.ParseSignedStatement(bytes.TrimSpace(p.Data))
			if err != nil {
				continue
			}
			var previous *crypto.VerifiedStatement
			if len(versions) > 0 {
				previous = versions[len(versions)-1]
			}
			v, err := b.trust.Root().VerifyStatement(signed, previous, b.trust.StaffCertificates(), b.Now)
			if err == nil && v.Manifest().Statement == n && v.Manifest().Version == len(versions)+1 {
				next = v
			}
		}
		if next == nil {
			return versions
		}
		versions = append(versions, next)
	}
}

// compared compares a statement whose signatures held with what the portal publishes, and with the ledger.
func (b *believing) compared(v Verdict, same func(*crypto.VerifiedStatement) bool) (Verdict, error) {
	f := &v.Facts
	v.unchecked("truth")
	gaps := []string{"statement", string(f.Statement), "version", strconv.Itoa(f.Version)}
	if b.Offline {
		v.unchecked("asked")
		return v.holds(gaps...), nil
	}
	a, err := b.ask(StatementPath(f.Statement))
	if err != nil {
		return v, err
	}
	if a.Status != statusOK && a.Status != statusNotFound {
		v.unchecked("reached")
		return v.holds(gaps...), nil
	}
	versions, problem, err := b.published(f.Statement)
	switch {
	case err != nil:
		return v, err
	case problem != nil:
		return v.fails(because("portal", fmt.Errorf("both signatures hold, but what the portal publishes as %s does not: %w", f.Statement, problem))), nil
	}
	is := len(versions) >= f.Version && same(versions[f.Version-1])
	f.Published = &is
	if len(versions) > 0 {
		last := versions[len(versions)-1].Manifest()
		f.Newest, f.Withdrawn = last.Version, last.Kind == crypto.StatementWithdrawal
	}
	if is {
		v.checked("published")
		f.ManifestSHA256 = versions[f.Version-1].SHA256()
	}
	switch {
	case !is && len(versions) >= f.Version:
		return v.fails(because("two-versions", fmt.Errorf("both signatures hold, but the portal publishes ANOTHER version %d of %s, with signatures that hold as well: keep this file, and tell the institution and others", f.Version, f.Statement))), nil
	case !is && f.Version > 1 && len(versions) > 0:
		v.warn("older-shown", "newest", strconv.Itoa(f.Newest))
	case !is:
		v.warn("not-published")
	case f.Withdrawn && f.Newest > f.Version:
		v.warn("withdrawn", "newest", strconv.Itoa(f.Newest))
	case f.Newest > f.Version:
		v.warn("corrected", "newest", strconv.Itoa(f.Newest))
	default:
		v.checked("newest")
	}
	if err := b.statementInLedger(&v); err != nil {
		if errors.Is(err, errLater) {
			return v, err
		}
		return v.fails(err), nil
	}
	return v.holds(gaps...), nil
}
