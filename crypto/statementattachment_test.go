package crypto

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestStatementAttachmentRestsSealed(t *testing.T) {
	p := newPress(t)
	notary, notaryMember := p.hireNotary(t)
	desk := []*Staff{p.member(t, p.author), p.member(t, p.approver)}
	statement := NewNumber(KindStatement)
	file := bytes.Repeat([]byte("Forensic report. "), 20_000)

	sealed, err := SealStatementAttachment(file, statement, p.author, desk, submittedAt)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("Forensic")) || bytes.Contains(sealed, []byte(statement)) {
		t.Error("the file can be read")
	}
	opened, by, err := p.pin.OpenStatementAttachment(sealed, statement, []*Key{p.approver}, p.staff(), endorsedAt)
	if err != nil || !bytes.Equal(opened, file) || by.Name() != desk[0].Name() {
		t.Fatal(by, err)
	}
	fails := func(name string, sealed []byte, of Number, k *Key, want string) {
		t.Helper()
		data, _, err := p.pin.OpenStatementAttachment(sealed, of, []*Key{k}, append(p.staff(), notary.Certificate()), endorsedAt)
		if err == nil || !strings.Contains(err.Error(), want) || data != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	fails("that of another statement", sealed, NewNumber(KindStatement), p.approver, "mixed them up")
	fails("to a notary before anybody approved", sealed, statement, notary, "other keys")
	fails("cut", sealed[:len(sealed)-1], statement, p.approver, "")
	altered := bytes.Clone(sealed)
	altered[len(altered)-100] ^= 1
	fails("altered", altered, statement, p.approver, "")

	// The approver hands it on to the notaries.
	onward, err := SealStatementAttachment(opened, statement, p.approver, append(slices.Clone(desk), notaryMember), endorsedAt)
	if err != nil {
		t.Fatal(err)
	}
	if data, _, err := p.pin.OpenStatementAttachment(onward, statement, []*Key{notary}, p.staff(), endorsedAt); err != nil || !bytes.Equal(data, file) {
		t.Fatal(err)
	}
	for _, k := range []*Key{notary, p.registrar} {
		other, err := SealStatementAttachment(file, statement, k, desk, endorsedAt)
		if err != nil {
			t.Fatal(err)
		}
		fails("sealed by who may not", other, statement, p.approver, "no right to hand it in")
	}
	// What was sealed for another purpose is no attachment, and an attachment nothing else.
	draft, err := SealRecord(opened, p.author, PurposeStatementDraft, []*Certificate{p.approver.Certificate()}, submittedAt)
	if err != nil {
		t.Fatal(err)
	}
	fails("a draft", draft, statement, p.approver, "purpose")
	if _, _, err := p.pin.OpenStatement(sealed, statement, []*Key{p.approver}, p.staff(), endorsedAt); err == nil {
		t.Error("an attachment was taken for a statement")
	}
	for name, content := range map[string]string{
		"nothing": "", "no header": string(file), "another form": "valise statement attachment v2\n\n",
		"no padding":       string(statementFiles.header(statement, sha256Hex([]byte("x")), 1)) + "x",
		"a longer size":    string(padded(statementFiles.header(statement, sha256Hex([]byte("x")), 1<<20), "x")),
		"another digest":   string(padded(statementFiles.header(statement, sha256Hex([]byte("y")), 1), "x")),
		"something behind": string(padded(statementFiles.header(statement, sha256Hex([]byte("x")), 1), "xy")),
	} {
		s, err := SealRecord([]byte(content), p.author, PurposeStatementAttachment, []*Certificate{p.approver.Certificate()}, submittedAt)
		if err != nil {
			t.Fatal(err)
		}
		fails(name, s, statement, p.approver, "")
	}
	for name, seal := range map[string]func() ([]byte, error){
		"an empty file": func() ([]byte, error) { return SealStatementAttachment(nil, statement, p.author, desk, submittedAt) },
		"a large file": func() ([]byte, error) {
			return SealStatementAttachment(make([]byte, MaxAttachmentsSize+1), statement, p.author, desk, submittedAt)
		},
		"to nobody": func() ([]byte, error) { return SealStatementAttachment(file, statement, p.author, nil, submittedAt) },
		"to a stranger": func() ([]byte, error) {
			return SealStatementAttachment(file, statement, p.author, []*Staff{{}}, submittedAt)
		},
		"of no statement": func() ([]byte, error) { return SealStatementAttachment(file, "P-1", p.author, desk, submittedAt) },
		"by nobody":       func() ([]byte, error) { return SealStatementAttachment(file, statement, nil, desk, submittedAt) },
	} {
		if s, err := seal(); err == nil || s != nil {
			t.Errorf("%s was sealed", name)
		}
	}
}

func padded(header []byte, data string) []byte {
	content := append(header, data...)
	return append(content, make([]byte, paddedAttachment(len(content))-len(content))...)
}

// TestAttachmentSizesTellLittle: who has a file that might be published, and the stored sizes, is not to find it by them.
func TestAttachmentSizesTellLittle(t *testing.T) {
	distinct := map[int]bool{}
	for n := 1; n <= MaxAttachmentsSize; n += 1000 {
		size := paddedAttachment(n)
		if size < n || size > n+n/8+attachmentPadding || size%attachmentPadding != 0 {
			t.Fatalf("%d bytes are padded to %d", n, size)
		}
		distinct[size] = true
	}
	if len(distinct) > 60 {
		t.Errorf("there are %d sizes", len(distinct))
	}
	if most := paddedAttachment(MaxAttachmentsSize + maxAttachmentHeader); most+256<<10 > MaxSealedAttachment {
		t.Errorf("the largest is padded to %d", most)
	}
}

func TestDraftNamesSealedFiles(t *testing.T) {
	d := testStatementDraft()
	d.Statement, d.Revision = NewNumber(KindStatement), 1
	if len(d.Attachments) != 1 {
		t.Fatal("the draft has no attachment")
	}
	id := strings.Repeat("0f", 32)
	d.Sealed = map[string]string{d.Attachments[0].SHA256: id, strings.Repeat("0", 64): id}
	encoded, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseStatementDraft(encoded)
	if err != nil || len(again.Sealed) != 1 || again.Sealed[d.Attachments[0].SHA256] != id {
		t.Errorf("%v: %v", again.Sealed, err)
	}
	d.Sealed[d.Attachments[0].SHA256] = "../" + id[3:]
	if _, err := d.Encode(); err == nil {
		t.Error("a sealed file has a name that is no digest")
	}
}
