package crypto

import (
	"strings"
	"testing"
)

func TestWhyANoticeEnded(t *testing.T) {
	p := newPress(t)
	notary, _ := p.hireNotary(t)
	staff := append(p.staff(), notary.Certificate())
	desk := []*Staff{p.member(t, p.author), p.member(t, p.approver)}
	why := NoticeReason{NewNumber(KindNotice), strings.Repeat("0", 64), NoticeReturned, "The date in the second paragraph is wrong."}
	seal := func(n NoticeReason, by *Key) []byte {
		t.Helper()
		sealed, err := SealNoticeReason(n, by, desk, endorsedAt)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	open := func(sealed []byte, n Number) (NoticeReason, *Staff, error) {
		return p.pin.OpenNoticeReason(sealed, n, []*Key{p.author}, staff, endorsedAt)
	}
	sealed := seal(why, p.approver)
	got, by, err := open(sealed, why.Notice)
	if err != nil || got != why || by.Certificate().Fingerprint() != p.approver.Certificate().Fingerprint() {
		t.Errorf("%+v by %v: %v", got, by, err)
	}
	if _, _, err := open(sealed, NewNumber(KindNotice)); err == nil {
		t.Error("a reason was taken for that of another notice")
	}
	if _, _, err := p.pin.OpenStatementReturn(sealed, why.Notice, []*Key{p.author}, staff, endorsedAt); err == nil {
		t.Error("a reason about a notice was taken for one about a statement")
	}
	if _, _, err := open(seal(why, p.author), why.Notice); err == nil {
		t.Error("an author sent a notice back")
	}
	recalled := why
	recalled.End = NoticeRecalled
	if got, _, err := open(seal(recalled, p.author), why.Notice); err != nil || got != recalled {
		t.Errorf("an author recalled: %+v, %v", got, err)
	}
	if _, _, err := open(seal(recalled, notary), why.Notice); err == nil {
		t.Error("a notary recalled a notice")
	}
	for _, change := range []func(*NoticeReason){
		func(n *NoticeReason) { n.Notice = NewNumber(KindStatement) }, func(n *NoticeReason) { n.ManifestSHA256 = "" }, func(n *NoticeReason) { n.End = "" },
		func(n *NoticeReason) { n.Reason = "" }, func(n *NoticeReason) { n.Reason = strings.Repeat("x", MaxReturnReason+1) }, func(n *NoticeReason) { n.Reason = "\xff" },
	} {
		wrong := why
		change(&wrong)
		if _, err := SealNoticeReason(wrong, p.approver, desk, endorsedAt); err == nil {
			t.Errorf("%+v was sealed", wrong)
		}
	}
}
