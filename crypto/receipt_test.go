package crypto

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// opened is a notice that was approved and opened by its first recipient.
func (d *dispatched) opened(t testing.TB) (*OpenedNotice, *VerifiedManifest, Representative, *Key) {
	t.Helper()
	r := d.recipients[0].Representative()
	v := d.verify(t, d.approve(t))
	o, err := d.open(v, r.String())
	if err != nil {
		t.Fatal(err)
	}
	return o, v, r, d.keys[r.String()]
}

// acknowledgement is what the representative would sign.
func acknowledgement(o *OpenedNotice, r Representative, c *Certificate) *Acknowledgement {
	m := o.Verified().Manifest()
	return &Acknowledgement{
		Institution: m.Institution, Notice: m.Notice, Version: m.Version, ManifestSHA256: o.Verified().SHA256(),
		Opening: o.Content().Opening, Representative: r, Certificate: c.Fingerprint(), Decision: DecisionAcknowledged,
		Time: acknowledgedAt, SessionNonce: testNonce,
	}
}

func TestReceiptMustBeForThisNotice(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	o, v, r, k := d.opened(t)
	verify := func(change func(*Acknowledgement), signer *Key, at time.Time) error {
		t.Helper()
		a := acknowledgement(o, r, signer.Certificate())
		change(a)
		text, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := ClearSign(signer, PurposeAcknowledgement, text, at)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := VerifyReceipt(signed, v, signer.Certificate(), acknowledgedAt.Add(ClockSkew))
		if (receipt == nil) != (err != nil) {
			t.Errorf("%v and %v", receipt, err)
		}
		return err
	}
	if err := verify(func(*Acknowledgement) {}, k, acknowledgedAt); err != nil {
		t.Fatal(err)
	}
	if err := verify(func(a *Acknowledgement) { a.Decision = DecisionRefused }, k, acknowledgedAt); err != nil {
		t.Errorf("a refusal is a receipt: %v", err)
	}
	for want, change := range map[string]func(*Acknowledgement){
		"another institution": func(a *Acknowledgement) { a.Institution = testFingerprint },
		"another notice":      func(a *Acknowledgement) { a.Notice = NewNumber(KindNotice) },
		"version 2":           func(a *Acknowledgement) { a.Version = 2 },
		"another manifest":    func(a *Acknowledgement) { a.ManifestSHA256 = v.Manifest().ContentSHA256 },
		"opening value":       func(a *Acknowledgement) { a.Opening = NewOpening() },
		"that is not that of": func(a *Acknowledgement) { a.Representative.Ordinal++ },
		"names the cert":      func(a *Acknowledgement) { a.Certificate = testFingerprint },
		"before N-":           func(a *Acknowledgement) { a.Time = approvedAt.Add(-ClockSkew - time.Second) },
		"in the future":       func(a *Acknowledgement) { a.Time = acknowledgedAt.Add(2*ClockSkew + time.Second) },
		"but was signed at":   func(a *Acknowledgement) { a.Time = acknowledgedAt.Add(ClockSkew + time.Second) },
	} {
		if err := verify(change, k, acknowledgedAt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q expected, got %v", want, err)
		}
	}
	if err := verify(func(*Acknowledgement) {}, d.registrar, acknowledgedAt); err == nil {
		t.Error("a staff member's key acknowledges for a representative")
	}
	if err := verify(func(a *Acknowledgement) { a.Time = approvedAt }, k, approvedAt.Add(receiptPeriod+time.Second)); err == nil {
		t.Error("a receipt may be signed days after its text was made")
	}
}

func TestAcknowledgeRefuses(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	submission := d.examine(t, d.approver)
	o, _, r, k := d.opened(t)
	other := Representative{r.Mailbox, r.Ordinal + 1}
	for name, f := range map[string]func() ([]byte, error){
		"not approved": func() ([]byte, error) {
			return Acknowledge(submission, k, r, DecisionAcknowledged, testNonce, acknowledgedAt)
		},
		"another's number": func() ([]byte, error) {
			return Acknowledge(o, k, other, DecisionAcknowledged, testNonce, acknowledgedAt)
		},
		"a staff member's key": func() ([]byte, error) {
			return Acknowledge(o, d.author, r, DecisionAcknowledged, testNonce, acknowledgedAt)
		},
		"no decision": func() ([]byte, error) { return Acknowledge(o, k, r, "", testNonce, acknowledgedAt) },
		"no nonce":    func() ([]byte, error) { return Acknowledge(o, k, r, DecisionAcknowledged, "", acknowledgedAt) },
	} {
		if receipt, err := f(); err == nil || receipt != nil {
			t.Errorf("%s: was acknowledged", name)
		}
	}
}

func TestTamperedReceiptIsRefused(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	o, v, r, k := d.opened(t)
	receipt, err := Acknowledge(o, k, r, DecisionAcknowledged, testNonce, acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := bytes.Cut(receipt, []byte(beginSignature))
	start := bytes.Index(receipt, []byte(acknowledgementFirstLine))
	for i := start; i < len(text)-1; i++ {
		if got, err := VerifyReceipt(flip(receipt, i), v, k.Certificate(), acknowledgedAt); err == nil || got != nil {
			t.Errorf("octet %d (%q) may be changed", i, receipt[i])
		}
	}
	// A signature of another purpose, even by the same key over the same text.
	for _, purpose := range []Purpose{PurposeLogIn, PurposeContent, PurposeNoticeApproval} {
		a, err := acknowledgement(o, r, k.Certificate()).Encode()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := ClearSign(k, purpose, a, acknowledgedAt)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := VerifyReceipt(signed, v, k.Certificate(), acknowledgedAt); err == nil || got != nil {
			t.Errorf("a signature for %q is a receipt", purpose)
		}
	}
	if got, err := VerifyReceipt(receipt, v, d.issued.Certificate(), acknowledgedAt); err == nil || got != nil {
		t.Error("another certificate verifies it")
	}
	submission, err := d.pin.VerifySubmission(d.sealed.Signed(), d.staff(), acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := VerifyReceipt(receipt, submission, k.Certificate(), acknowledgedAt); err == nil || got != nil {
		t.Error("it is a receipt for a notice that was not approved")
	}
	other := *d
	other.seal(t)
	if got, err := VerifyReceipt(receipt, other.verify(t, other.approve(t)), k.Certificate(), acknowledgedAt); err == nil || got != nil {
		t.Error("it is a receipt for another notice, too")
	}
}

// A representative with nothing but gpg: decrypts the notice, copies the opening
// line into the form, clear-signs it. And anybody with gpg checks everything.
func TestNoticeWithGPGAlone(t *testing.T) {
	o := newOffice(t)
	g := newGPG(t)
	d := &dispatched{office: o, pin: o.pinned(t), keys: map[string]*Key{}}

	// The representative's own key, certified by their issued one.
	r := Representative{NewNumber(KindOrganisation), 1}
	o.representative = r
	issued := o.issue(t, o.registrar, ProfilePQ)
	fingerprint := g.make(r.String(), "future-default", "default", "0")
	own, err := CertifySuccessor(issued, mustParse(t, g.export(fingerprint)), r, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	recipient, err := d.pin.VerifyRepresentative(d.staff(), []*Certificate{issued.Certificate(), own}, r, now)
	if err != nil {
		t.Fatal(err)
	}
	draft := testDraft()
	draft.Deadline = now.Add(7 * 24 * time.Hour)
	if d.sealed, err = SealNotice(d.pin, o.author, draft, []*Recipient{recipient}, d.desk(t), now, nil); err != nil {
		t.Fatal(err)
	}
	v, err := d.pin.VerifySubmission(d.sealed.Signed(), d.staff(), now)
	if err != nil {
		t.Fatal(err)
	}
	examined, err := d.open(v, StaffHolder(o.approver.Certificate().Fingerprint()))
	if err != nil {
		t.Fatal(err)
	}
	signed := d.sealed.Signed()
	if signed.ApproverSignature, err = Approve(d.pin, o.approver, examined, signed.Manifest, now); err != nil {
		t.Fatal(err)
	}
	if v, err = d.pin.VerifyManifest(signed, d.staff(), now); err != nil {
		t.Fatal(err)
	}

	// gpg knows the staff, and decrypts envelope ‖ body.
	for _, k := range []*Key{o.author, o.approver} {
		g.run("--import", g.file("staff.asc", k.Certificate().Armor()))
	}
	e := d.envelope(t, r.String())
	message := g.file("message.asc", string(ArmorMessage(Message(e.Data, d.sealed.Bodies[e.Suite]))))
	plain := g.run("--decrypt", message)
	for _, l := range draft.Languages {
		if !strings.Contains(string(plain), strings.ReplaceAll("Subject: "+l.Subject+"\n\n"+l.Text, "\n", "\r\n")) {
			t.Errorf("the text in %s can't be read in\n%s", l.Language, plain)
		}
	}
	if sha256Hex(plain) != v.Manifest().ContentSHA256 {
		t.Error("what gpg decrypts does not have the digest in the manifest")
	}

	// The form that the portal shows, with the one line from the message.
	form, err := acknowledgementForm(v, r, own, now)
	if err != nil {
		t.Fatal(err)
	}
	_, opening, _ := strings.Cut(string(plain), "\r\nopening: ")
	opening, _, _ = strings.Cut(opening, "\r\n")
	text := g.file("receipt", strings.Replace(string(form), "opening: ", "opening: "+opening, 1))
	g.run("--yes", "--local-user", fingerprint, "--clearsign", text)
	receipt, err := os.ReadFile(text + ".asc")
	if err != nil {
		t.Fatal(err)
	}
	got, err := VerifyReceipt(receipt, v, own, time.Now())
	if err != nil {
		t.Fatalf("%v\n%s", err, receipt)
	}
	if a := got.Acknowledgement(); a.Opening != examined.Content().Opening || a.Representative != r {
		t.Errorf("%+v", a)
	}
	// As pasted from a mail program, with the form still empty, and for another notice.
	if _, err := VerifyReceipt(bytes.ReplaceAll(receipt, []byte("\n"), []byte("\r\n")), v, own, time.Now()); err != nil {
		t.Errorf("with CR LF: %v", err)
	}
	text = g.file("empty", string(form))
	g.run("--yes", "--local-user", fingerprint, "--clearsign", text)
	if receipt, err = os.ReadFile(text + ".asc"); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyReceipt(receipt, v, own, time.Now()); err == nil || !strings.Contains(err.Error(), "is still empty") {
		t.Errorf("the form without the opening value: %v", err)
	}
}

// acknowledgementForm is what the portal shows.
func acknowledgementForm(v *VerifiedManifest, r Representative, c *Certificate, now time.Time) ([]byte, error) {
	m := v.Manifest()
	return (&Acknowledgement{
		Institution: m.Institution, Notice: m.Notice, Version: m.Version, ManifestSHA256: v.SHA256(),
		Representative: r, Certificate: c.Fingerprint(), Decision: DecisionAcknowledged, Time: now.UTC(), SessionNonce: testNonce,
	}).Form()
}

// The commands of docs/formats.md, as a stranger types them.
func TestStrangerVerifiesWithGPG(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	g := newGPG(t)
	o, _, r, k := d.opened(t)
	receipt, err := Acknowledge(o, k, r, DecisionAcknowledged, testNonce, acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := d.approve(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []*Key{d.author, d.approver, k} {
		g.run("--import", g.file("certificate.asc", k.Certificate().Armor()))
	}
	g.run("--verify", g.file("receipt.asc", string(receipt)))

	g.file("notice.txt", string(evidence))
	cut := exec.Command("csplit", "--quiet", "--prefix=part-", "notice.txt", "/^-----BEGIN PGP SIGNATURE-----/", "{*}")
	cut.Dir = g.home
	if out, err := cut.CombinedOutput(); err != nil {
		t.Fatalf("csplit: %v\n%s", err, out)
	}
	path := func(name string) string { return filepath.Join(g.home, name) }
	if manifest, err := os.ReadFile(path("part-00")); err != nil || !bytes.Equal(manifest, d.sealed.Manifest) {
		t.Fatalf("%v, cut out was\n%s", err, manifest)
	}
	for _, signature := range []string{"part-01", "part-02"} {
		g.run("--verify", path(signature), path("part-00"))
	}
	g.file("part-00", strings.Replace(string(d.sealed.Manifest), "mailboxes: 2", "mailboxes: 3", 1))
	if out, _, err := g.try("--verify", path("part-01"), path("part-00")); err == nil {
		t.Errorf("gpg takes an altered manifest: %s", out)
	}
}

func TestSignedManifestIsReadAsItWasWritten(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	want := d.approve(t)
	file, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, variant := range map[string]string{
		"as written":                   string(file),
		"with CR LF":                   strings.ReplaceAll(string(file), "\n", "\r\n"),
		"with another program's armor": strings.ReplaceAll(string(file), beginSignature+"\n", beginSignature+"\nComment: hello\n"),
		"with empty lines at the end":  string(file) + "\n\n",
	} {
		got, err := ParseSignedManifest([]byte(variant))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d.verify(t, got)
	}
	binary := SignedManifest{want.Manifest, mustBinary(t, want.AuthorSignature), mustBinary(t, want.ApproverSignature)}
	if again, err := binary.Encode(); err != nil || !bytes.Equal(again, file) {
		t.Errorf("binary signatures: %v", err)
	}
	blocks := strings.SplitAfter(string(file), endSignature+"\n")
	for name, hostile := range map[string]string{
		"nothing":             "",
		"one signature":       blocks[0],
		"three signatures":    string(file) + blocks[1],
		"text in front":       "Read this.\n" + string(file),
		"an altered manifest": strings.Replace(string(file), "notice:", "Notice:", 1),
		"cut off":             string(file[:len(file)-30]),
		"a certificate":       blocks[0] + d.author.Certificate().Armor(),
		"huge":                strings.Repeat("x", MaxSignedManifestSize+1),
	} {
		if s, err := ParseSignedManifest([]byte(hostile)); err == nil || s.Manifest != nil {
			t.Errorf("%s: is read", name)
		}
	}
	for name, s := range map[string]SignedManifest{
		"not approved":         d.sealed.Signed(),
		"nothing":              {},
		"a certificate inside": {want.Manifest, want.AuthorSignature, []byte(d.author.Certificate().Armor())},
	} {
		if file, err := s.Encode(); err == nil || file != nil {
			t.Errorf("%s: is written", name)
		}
	}
}

func FuzzParseSignedManifest(f *testing.F) {
	d := newDispatched(f, newOffice(f))
	file, err := d.approve(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add(bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n")))
	f.Add(file[:len(file)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSignedManifest(data)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if s2, err := ParseSignedManifest(again); err != nil || !reflect.DeepEqual(s2, s) {
			t.Fatalf("read again: %v", err)
		}
	})
}

func FuzzVerifyReceipt(f *testing.F) {
	d := newDispatched(f, newOffice(f))
	o, v, r, k := d.opened(f)
	receipt, err := Acknowledge(o, k, r, DecisionAcknowledged, testNonce, acknowledgedAt)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(receipt)
	f.Add(slices.Concat(receipt, receipt))
	f.Add(receipt[:len(receipt)/2])
	want := acknowledgement(o, r, k.Certificate())
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := VerifyReceipt(data, v, k.Certificate(), acknowledgedAt)
		if err == nil && !reflect.DeepEqual(got.Acknowledgement(), want) {
			t.Fatalf("verified as %+v", got.Acknowledgement())
		}
	})
}
