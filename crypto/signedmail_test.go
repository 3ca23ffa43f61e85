package crypto

import (
	"bytes"
	"strings"
	"testing"
)

// TestASignedPartHasOneReading, or none.
func TestASignedPartHasOneReading(t *testing.T) {
	const text = "valise command v1\r\ninstitution: 0123456789ABCDEF0123456789ABCDEF01234567\r\n"
	for name, part := range map[string]string{
		"plain":          "Content-Type: text/plain\r\n\r\n" + text,
		"a broken line":  "Content-Type: text/plain\r\n\r\n" + strings.Replace(text, "institution: ", "institution:\r\n", 1),
		"flowed":         "Content-Type: text/plain; format=flowed; charset=us-ascii\r\n\r\n" + strings.Replace(text, "institution: ", "institution: \r\n", 1) + "\r\n-- \r\nme",
		"base 64":        "content-transfer-encoding: BASE64\r\nCONTENT-TYPE: TEXT/PLAIN;\r\n charset=\"UTF-8\"\r\n\r\ndmFsaXNlIGNvbW1hbmQgdjENCmluc3RpdHV0aW9uOiAwMTIzNDU2Nzg5QUJDREVGMDEyMzQ1\r\nNjc4OUFCQ0RFRjAxMjM0NTY3DQo=\r\n",
		"in a multipart": "Content-Type: multipart/mixed; boundary=b\r\nSubject: x\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n--b--\r\n",
	} {
		got, err := signedText([]byte(part))
		if err != nil || string(got) != strings.ReplaceAll(text, "\r\n", "\n") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, part := range map[string]string{
		"no type":                   "Subject: x\r\n\r\n" + text,
		"no header":                 "\r\n" + text,
		"a header alone":            text,
		"HTML":                      "Content-Type: text/html\r\n\r\n" + text,
		"two types":                 "Content-Type: text/plain\r\nContent-Type: text/plain\r\n\r\n" + text,
		"another character set":     "Content-Type: text/plain; charset=utf-16\r\n\r\n" + text,
		"an unknown encoding":       "Content-Type: text/plain\r\nContent-Transfer-Encoding: uuencode\r\n\r\n" + text,
		"something before":          "Content-Type: multipart/mixed; boundary=b\r\n\r\nhidden\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n--b--\r\n",
		"something behind":          "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n--b--\r\nhidden\r\n",
		"no end":                    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text,
		"a picture":                 "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n",
		"a header that isn't ASCII": "Content-Type: text/plain\r\nSubject: İİİİ\r\n\r\n" + text,
		"not UTF-8":                 "Content-Type: text/plain\r\n\r\n\xff" + text,
	} {
		if got, err := signedText([]byte(part)); err == nil {
			t.Errorf("%s is read: %q", name, got)
		}
	}
}

func FuzzSignedText(f *testing.F) {
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; format=flowed; delsp=yes\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nkey: \r\nvalue=20\r\n--b--\r\n"))
	f.Add([]byte("Content-Type: text/plain; charset=\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"))
	f.Fuzz(func(t *testing.T, part []byte) {
		text, err := signedText(part)
		if err == nil && (!bytes.HasSuffix(text, []byte("\n")) || bytes.HasPrefix(text, []byte("\n")) && len(text) > 1) {
			t.Errorf("%q is read as %q", part, text)
		}
	})
}
