package crypto

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// hireNotary returns a notary's key and certificate.
func (p *press) hireNotary(t testing.TB) (*Key, *Staff) {
	t.Helper()
	k, err := GenerateKey(ProfilePQ, "Notary 1", noon)
	if err != nil {
		t.Fatal(err)
	}
	c, err := CertifyStaff(p.root, k.Certificate(), []Role{RoleNotary}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if k, err = k.WithCertificate(c); err != nil {
		t.Fatal(err)
	}
	member, err := p.pin.VerifyStaff(c, noon)
	if err != nil {
		t.Fatal(err)
	}
	return k, member
}

func (p *press) member(t testing.TB, k *Key) *Staff {
	t.Helper()
	member, err := p.pin.VerifyStaff(k.Certificate(), submittedAt)
	if err != nil {
		t.Fatal(err)
	}
	return member
}

func TestStatementRestsSealed(t *testing.T) {
	p := newPress(t)
	notary, notaryMember := p.hireNotary(t)
	desk := []*Staff{p.member(t, p.author), p.member(t, p.approver)}
	signed := p.prepare(t, testStatementDraft(), nil, submittedAt)
	m, err := ParseStatementManifest(signed.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	submission, err := SealStatement(signed, p.author, desk, submittedAt)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(submission, []byte("Anomalous")) {
		t.Error("the title can be read")
	}
	opened, sender, err := p.pin.OpenStatement(submission, m.Statement, []*Key{p.approver}, p.staff(), endorsedAt)
	if err != nil || sender.Name() != desk[0].Name() {
		t.Fatal(sender, err)
	}
	if _, err := p.pin.VerifyStatementSubmission(opened, nil, p.staff(), endorsedAt); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.pin.OpenStatement(submission, m.Statement, []*Key{notary}, p.staff(), endorsedAt); err == nil {
		t.Error("a notary opens what nobody approved")
	}
	if _, _, err := p.pin.OpenStatement(submission, NewNumber(KindStatement), []*Key{p.approver}, p.staff(), endorsedAt); err == nil {
		t.Error("a statement was taken for another")
	}

	approved := p.endorse(t, opened, nil, endorsedAt)
	sealed, err := SealStatement(approved, p.approver, append(slices.Clone(desk), notaryMember), endorsedAt)
	if err != nil {
		t.Fatal(err)
	}
	if opened, _, err = p.pin.OpenStatement(sealed, m.Statement, []*Key{notary}, p.staff(), endorsedAt); err != nil {
		t.Fatal(err)
	}
	if _, err := p.pin.VerifyStatement(opened, nil, p.staff(), endorsedAt); err != nil {
		t.Fatal(err)
	}
	if len(sealed)-len(submission) == 0 {
		t.Error("this test compares nothing")
	}
	// Whoever isn't allowed to hand statements in can't: not the notary, not the registrar.
	for _, k := range []*Key{notary, p.registrar} {
		s, err := SealStatement(approved, k, desk, endorsedAt)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.pin.OpenStatement(s, m.Statement, []*Key{p.approver}, append(p.staff(), notary.Certificate()), endorsedAt); err == nil {
			t.Errorf("%s handed a statement in", k.Certificate().UserIDs())
		}
	}
}

func TestSealedSizeTellsLittle(t *testing.T) {
	p := newPress(t)
	desk := []*Staff{p.member(t, p.author), p.member(t, p.approver)}
	size := func(body string) int {
		d := testStatementDraft()
		d.Languages[0].Body = body
		sealed, err := SealStatement(p.prepare(t, d, nil, submittedAt), p.author, desk, submittedAt)
		if err != nil {
			t.Fatal(err)
		}
		return len(sealed)
	}
	var sizes []int
	for n := 1; n < 300; n += 50 {
		sizes = append(sizes, size(strings.Repeat("a", n)+"\n"))
	}
	// One step more, and a few bytes: OpenPGP leaves out the leading zeros of a signature's numbers.
	if slices.Max(sizes)-slices.Min(sizes) > draftPadding+8 {
		t.Errorf("texts of up to 300 bytes have the sealed sizes %d", sizes)
	}
}

func TestReturnSaysWhy(t *testing.T) {
	p := newPress(t)
	notary, _ := p.hireNotary(t)
	staff := append(p.staff(), notary.Certificate())
	desk := []*Staff{p.member(t, p.author), p.member(t, p.approver)}
	why := StatementReturn{NewNumber(KindStatement), strings.Repeat("0", 64), "The date in the second paragraph is wrong."}
	for _, k := range []*Key{p.approver, notary} {
		sealed, err := SealStatementReturn(why, k, desk, endorsedAt)
		if err != nil {
			t.Fatal(err)
		}
		got, by, err := p.pin.OpenStatementReturn(sealed, why.Statement, []*Key{p.author}, staff, endorsedAt)
		if err != nil || got != why || by.Certificate().Fingerprint() != k.Certificate().Fingerprint() {
			t.Errorf("%+v by %v: %v", got, by, err)
		}
		if _, _, err := p.pin.OpenStatementReturn(sealed, NewNumber(KindStatement), []*Key{p.author}, staff, endorsedAt); err == nil {
			t.Error("a reason was taken for that of another statement")
		}
		if _, _, err := p.pin.OpenStatement(sealed, why.Statement, []*Key{p.author}, staff, endorsedAt); err == nil {
			t.Error("a reason was taken for a statement")
		}
	}
	sealed, err := SealStatementReturn(why, p.author, desk, endorsedAt)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.pin.OpenStatementReturn(sealed, why.Statement, []*Key{p.author}, staff, endorsedAt); err == nil {
		t.Error("an author sent a statement back")
	}
	for _, wrong := range []StatementReturn{{}, {why.Statement, why.ManifestSHA256, ""}, {why.Statement, "", "x"}, {why.Statement, why.ManifestSHA256, strings.Repeat("x", MaxReturnReason+1)}} {
		if _, err := SealStatementReturn(wrong, p.approver, desk, endorsedAt); err == nil {
			t.Errorf("%+v was sealed", wrong)
		}
	}
}

func TestNotaryHasNoOtherRole(t *testing.T) {
	p := newPress(t)
	k, err := GenerateKey(ProfilePQ, "Notary 2", noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []Role{RoleAuthor, RoleApprover, RoleAdministrator} {
		if _, err := CertifyStaff(p.root, k.Certificate(), []Role{other, RoleNotary}, noon); err == nil {
			t.Errorf("a notary was certified as %s", other)
		}
	}
	// A careless root's program is not believed, either.
	both, err := certify(p.root, k.Certificate(), "Notary 2", StaffPeriod, noon, notations(roleNotation, "author", "notary")...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.pin.VerifyStaff(both, noon.Add(time.Hour)); err == nil {
		t.Error("a notary is an author")
	}
}

func TestRecordAddressees(t *testing.T) {
	p := newPress(t)
	author, approver, registrar := p.author.Certificate(), p.approver.Certificate(), p.registrar.Certificate()
	sealed, err := SealRecord([]byte("draft"), p.author, PurposeStatementDraft, []*Certificate{approver, author}, noon)
	if err != nil {
		t.Fatal(err)
	}
	to, err := RecordAddressees(sealed, []*Certificate{author, registrar, approver})
	if err != nil || len(to) != 2 || to[0] != author || to[1] != approver {
		t.Errorf("%v, %v", to, err)
	}
	if _, err := RecordAddressees(sealed, []*Certificate{author, registrar}); err == nil {
		t.Error("a record for somebody else was accepted")
	}
	if _, err := RecordAddressees([]byte("draft"), []*Certificate{author}); err == nil {
		t.Error("what is not sealed was accepted")
	}
	packets, err := splitPackets(sealed, 3)
	if err != nil {
		t.Fatal(err)
	}
	twice := slices.Concat(packets[0].whole, packets[0].whole, packets[2].whole)
	if _, err := RecordAddressees(twice, []*Certificate{author, approver}); err == nil {
		t.Error("two envelopes for one were accepted")
	}
}
