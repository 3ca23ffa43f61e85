package courier

import "testing"

// TestAnEncryptedMailIsFoundInItsShapes, as programs write it and servers rewrite it; what stands beside it is noticed, so that it isn't lost.
func TestAnEncryptedMailIsFoundInItsShapes(t *testing.T) {
	const armored = messageBegin + "\r\n\r\nAAAA\r\n" + messageEnd
	const parts = "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\n" + armored + "\r\n--b--\r\n"
	const encrypted = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\n" + parts
	wrapped := func(footer string) string {
		return "Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n" + encrypted + "\r\n" + footer + "--w--\r\n"
	}
	for name, c := range map[string]struct {
		mail              string
		found, form, more bool
	}{
		"PGP/MIME":                       {encrypted, true, true, false},
		"as Exchange rewrites it":        {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\r\n--b\r\n" + parts, true, true, false},
		"in a mailing list's wrapper":    {wrapped(""), true, true, false},
		"with a mailing list's footer":   {wrapped("--w\r\n\r\nTo unsubscribe …\r\n"), true, true, true},
		"a text":                         {"Content-Type: text/plain\r\n\r\n" + armored + "\r\n", true, true, false},
		"a text, quoted-printable":       {"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nAAA=\r\nA\r\n-----END PGP MESSAGE-----\r\n", true, true, false},
		"words around":                   {"Content-Type: text/plain\r\n\r\nHello\r\n" + armored + "\r\nBye\r\n", true, true, true},
		"text and HTML":                  {"Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n\r\n" + armored + "\r\n--a\r\nContent-Type: text/html\r\n\r\n<pre>" + armored + "</pre>\r\n--a--\r\n", true, true, false},
		"a quote of one of ours":         {"Content-Type: text/plain\r\n\r\nYes.\r\n> " + messageBegin + "\r\n>\r\n> AAAA\r\n> " + messageEnd + "\r\n", false, false, false},
		"one of ours, sent back as mail": {"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nSorry.\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n" + encrypted + "\r\n--x--\r\n", false, false, false},
		"PGP/MIME with nothing in it":    {"Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b--\r\n", true, false, false},
		"no encryption":                  {"Content-Type: text/plain\r\n\r\nHello\r\n", false, false, false},
	} {
		e, err := parseMail([]byte(c.mail))
		if err != nil {
			t.Fatal(err)
		}
		m := e.encryptedMessage()
		if (m != nil) != c.found || m != nil && ((m.armored != nil) != c.form || m.more != c.more) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
