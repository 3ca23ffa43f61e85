package courier_test

import (
	"bytes"
	"encoding/base64"
	"os/exec"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/courier"
	"valise/portal/portaltest/live"
)

const plainPart = "Content-Type: text/plain; charset=utf-8\r\n\r\n"

// beside signs a part as mail programs do, with gpg, and writes the mail (RFC 3156, section 5).
func (a *answering) beside(part string, options ...string) string {
	a.t.Helper()
	signature := string(a.gpg.Run([]byte(part), append(options, "--armor", "--detach-sign")...))
	return besideWith(part, signature)
}

func besideWith(part, signature string) string {
	return head + "Content-Type: multipart/signed; micalg=pgp-sha512; protocol=\"application/pgp-signature\"; boundary=\"outer\"\r\n\r\nThis is signed.\r\n--outer\r\n" + part +
		"\r\n--outer\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\nContent-Description: OpenPGP digital signature\r\n\r\n" + crlf(signature) + "\r\n--outer--\r\n"
}

// TestAReceiptThatAMailProgramSigned, with the signature beside the text, in the shapes that programs give what they sign.
func TestAReceiptThatAMailProgramSigned(t *testing.T) {
	a := newAnswering(t, live.Options{})
	flowed := strings.ReplaceAll(a.text, "manifest-sha256: ", "manifest-sha256: \n")
	thunderbird := "Content-Type: multipart/mixed; boundary=\"------------inner\";\r\n protected-headers=\"v1\"\r\nFrom: Somebody <somebody@mission.example>\r\nTo: registry@court.example\r\nSubject: Re: ...\r\n\r\n" +
		"--------------inner\r\nContent-Type: multipart/mixed; boundary=\"------------innermost\"\r\n\r\n" +
		"--------------innermost\r\nContent-Type: text/plain; charset=UTF-8; format=flowed\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(crlf(flowed))) + "\r\n" +
		"--------------innermost\r\nContent-Type: application/pgp-keys; name=\"OpenPGP_0x0.asc\"\r\nContent-Disposition: attachment; filename=\"OpenPGP_0x0.asc\"\r\n\r\n" + crlf(a.person.Key.Certificate().Armor()) + "\r\n--------------innermost--\r\n\r\n--------------inner--\r\n"
	shapes := []struct {
		name, part string
		options    []string
	}{
		{"as it is", plainPart + crlf(a.text), nil},
		{"as Mutt signs it", plainPart + crlf(a.text), []string{"--textmode"}},
		{"as Thunderbird does", thunderbird, nil},
		{"quoted-printable", "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + crlf(strings.NewReplacer("manifest-sha256: ", "manifest-sha256: =\n", "v1\n", "v1=20\n").Replace(a.text)), nil},
		{"lines broken, empty lines around", plainPart + crlf("\n\n"+strings.ReplaceAll(a.text, "manifest-sha256: ", "manifest-sha256:\n")+"\n\n"), nil},
		{"with what programs put below", plainPart + crlf(a.text+"\n-- \nSomebody\nSent from my telephone\n"), nil},
	}
	for i, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			a.t = t
			fate := a.take(a.beside(shape.part, shape.options...))
			if i == 0 && (fate != courier.FateReceipt || len(a.kept()) != 0) {
				t.Fatalf("%q; kept: %q", fate, a.kept())
			}
			if i > 0 && a.kept()[0] != "receipt already-acknowledged" { // it holds, and comes second
				t.Errorf("%q; kept: %q", fate, a.kept()[0])
			}
		})
	}
	a.t = t
	delivery, err := a.Store.Delivery(t.Context(), a.person.Number, a.notice)
	must(t, err)
	kept := delivery.Acknowledgement.Receipt

	// What is kept proves itself, with nothing but gpg, to who cuts it as RFC 3156 says ...
	cut := exec.Command("python3", "-c", cutSignedMail, a.gpg.File(kept))
	cut.Dir = a.gpg.Home()
	if out, err := cut.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a.gpg.Run(nil, "--verify", a.gpg.Home()+"/signature.asc", a.gpg.Home()+"/signed.txt")
	// ... and with the portal's evidence to Valise, also with the line ends changed by who pasted it.
	for _, shown := range [][]byte{kept, bytes.ReplaceAll(kept, []byte("\r\n"), []byte("\n"))} {
		said, err := crypto.ReadReceipt(shown)
		must(t, err)
		if said.Representative != a.person.Number || said.Decision != crypto.DecisionAcknowledged {
			t.Errorf("it says %+v", said)
		}
	}
	evidence, err := a.Portal.Dispatch.Evidence(t.Context(), kept)
	must(t, err)
	if !bytes.Equal(evidence.Kept.Receipt, kept) {
		t.Error("the evidence is of another receipt")
	}
	said := api.Institution{Root: a.Portal.Root.Certificate().Armor()}
	for _, c := range a.Staff() {
		said.Staff = append(said.Staff, c.Armor())
	}
	trust, err := ceremony.Believe(crypto.Pin{Fingerprint: a.Portal.Root.Fingerprint()}, said)
	must(t, err)
	shown := api.Evidence{SignedManifest: api.SignedManifest{Manifest: string(evidence.Signed.Manifest), AuthorSignature: string(evidence.Signed.AuthorSignature), ApproverSignature: string(evidence.Signed.ApproverSignature)}, Membership: string(evidence.Membership)}
	for _, c := range evidence.Chain {
		shown.Chain = append(shown.Chain, crypto.ArmorCertificate(c))
	}
	verified, err := ceremony.VerifyReceipt(trust, kept, shown, time.Now())
	must(t, err)
	if verified.Meant == nil || verified.Receipt.Acknowledgement().Decision != crypto.DecisionAcknowledged {
		t.Errorf("verified: %+v", verified)
	}
	if _, err := ceremony.VerifyReceipt(trust, bytes.Replace(kept, []byte("decision: acknowledged"), []byte("decision: refused"), 1), shown, time.Now()); err == nil {
		t.Error("an altered one verifies")
	}
}

// cutSignedMail is what docs/formats.md says.
const cutSignedMail = `
import sys
mail = open(sys.argv[1], 'rb').read()
boundary = b'\r\n--' + mail.split(b'boundary="', 1)[1].split(b'"', 1)[0]
signed, signature = mail.split(boundary + b'\r\n')[1:3]
open('signed.txt', 'wb').write(signed)
open('signature.asc', 'wb').write(signature)
`

// TestWhatIsSignedBesideIsNoReceipt: a signature beside a text covers what people write about, quote and attach as well.
func TestWhatIsSignedBesideIsNoReceipt(t *testing.T) {
	a := newAnswering(t, live.Options{})
	clear := a.sign(a.text)
	_, clearSignature, _ := strings.Cut(clear, "-----BEGIN PGP SIGNATURE-----")
	good := a.beside(plainPart + crlf(a.text))
	html := "Content-Type: multipart/alternative; boundary=\"alt\"\r\n\r\n--alt\r\n" + plainPart + crlf(a.text) + "\r\n--alt\r\nContent-Type: text/html\r\n\r\n<p>I refuse.</p>\r\n--alt--\r\n"
	for _, c := range []struct{ name, mail, kept string }{
		{"words above", a.beside(plainPart + crlf("I will not sign this:\n\n"+a.text)), "receipt words-around"},
		{"words below", a.beside(plainPart + crlf(a.text+"\nNo, I don't.\n")), "receipt invalid-receipt"},
		{"quoted", a.beside(plainPart + crlf(quoted(a.text))), "receipt words-around"},
		{"another version as HTML", a.beside(html), "receipt words-around"},
		{"attached", a.beside("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=receipt.txt\r\n\r\n" + crlf(a.text)), "receipt words-around"},
		{"two texts", a.beside("Content-Type: multipart/mixed; boundary=two\r\n\r\n--two\r\n" + plainPart + crlf(a.text) + "\r\n--two\r\n" + plainPart + "no\r\n--two--\r\n"), "receipt words-around"},
		{"a header that says two things", a.beside("Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n" + crlf(a.text)), "receipt words-around"},
		{"altered on its way", strings.Replace(good, "decision: acknowledged", "decision: refused", 1), "receipt invalid-receipt"},
		{"a clear signature beside", besideWith(plainPart+crlf(a.text), "-----BEGIN PGP SIGNATURE-----"+clearSignature), "receipt invalid-receipt"},
		{"a clear signature over a text as its own part", besideWith(crlf(strings.TrimSuffix(a.text, "\n")), "-----BEGIN PGP SIGNATURE-----"+clearSignature), "other"},
		{"no signature", besideWith(plainPart+crlf(a.text), "none"), "receipt invalid-signature"},
		{"a signature that ends", a.beside(plainPart+crlf(a.text), "--default-sig-expire", "1d"), "receipt invalid-receipt"},
		{"by a program that answers by itself", "Auto-Submitted: auto-replied\r\n" + a.beside(plainPart+crlf(a.text)), "automatic"},
	} {
		if fate := a.take(c.mail); fate != courier.FateKept || a.kept()[0] != c.kept {
			t.Errorf("%s: %q, kept as %q, want %q", c.name, fate, a.kept()[0], c.kept)
		}
	}
	if a.acknowledged() {
		t.Fatal("acknowledged")
	}
	// A signature of another's mail program, over the very same part.
	other := a.claimed(crypto.KindState, crypto.ProfileCompat)
	a.gpg.Run([]byte(other.Key.Armor()), "--import")
	a.take(a.beside(plainPart+crlf(a.text), "--local-user", string(other.Key.Certificate().Fingerprint())))
	if a.acknowledged() || a.kept()[0] != "receipt invalid-receipt" {
		t.Errorf("another's signature: kept as %q", a.kept()[0])
	}
	if fate := a.take(good); fate != courier.FateReceipt {
		t.Errorf("the good one: %q, %q", fate, a.kept())
	}
}
