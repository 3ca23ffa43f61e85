package mail

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func crlf(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

// shapes are mails as programs write them.
var shapes = map[string]struct {
	mail    string
	subject string
	text    string
	html    bool
	files   string // names, but for the mail's own
}{
	"a text":                          {mail: "Hello\n\nNote: no header.\n", text: "Hello\n\nNote: no header."},
	"a text that looks like a header": {mail: "Note: this is urgent.\n\nReally.\n", text: "Note: this is urgent.\n\nReally."},
	"NeoMutt": {mail: `Content-Type: text/plain; protected-headers="v1"; charset=utf-8
Content-Disposition: inline
Content-Transfer-Encoding: 8bit
Subject: =?utf-8?B?w4AgcHJvcG9z?= de la liste
From: Ama Mensah <ama.mensah@mission.example>

Qui a signé ?
`, subject: "À propos de la liste", text: "Qui a signé ?"},
	"Thunderbird": {mail: `Content-Type: multipart/mixed; boundary="----1";
 protected-headers="v1"
Subject: The list
From: Ama Mensah <ama.mensah@mission.example>

------1
Content-Type: multipart/mixed; boundary="----2"

------2
Content-Type: multipart/alternative; boundary="----3"

------3
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: base64

V2hvIHNpZ25l
ZD8K
------3
Content-Type: text/html; charset=UTF-8

<p>Who <b>signed</b>?</p>
------3--

------2
Content-Type: application/pdf; name="list.pdf"
Content-Disposition: attachment; filename*=UTF-8''liste%20%C3%A9.pdf
Content-Transfer-Encoding: base64

JVBERg==
------2
Content-Type: application/pgp-keys; name="OpenPGP_0x1.asc"
Content-Disposition: attachment; filename="OpenPGP_0x1.asc"

-----BEGIN
------2--

------1--
`, subject: "The list", text: "Who signed?", files: "liste é.pdf, OpenPGP_0x1.asc"},
	"HTML only": {mail: `Content-Type: text/html; charset=iso-8859-1

<html><head><title>No</title><style>p { color: red }</style></head><body><!-- no -->
<script>alert("no")</script><p>Dear   <b>desk</b>,</p><p>see <a href="https://evil.example/?a=1&amp;b=2">the list</a>,
<a href='mailto:me@x.example'>me@x.example</a> &lt;now&gt; 1 < 2.<br>Bye` + "\xe9" + `<img src="https://track.example/1.gif" alt="logo"></p><ul><li>one<li>two</ul></body></html>
`, text: "Dear desk,\n\nsee the list <https://evil.example/?a=1&b=2>, me@x.example <now> 1 < 2.\nByeé [logo]\n\n- one\n- two", html: true},
	"hostile names": {mail: `Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain
Content-Disposition: attachment; filename="../../etc/passwd"

x
--b
Content-Type: application/x-exe; name="C:\\Windows\\cod` + "\u202e" + `txt.exe"

x
--b
Content-Type: text/html
Content-Disposition: attachment; filename=".htaccess"

x
--b
Content-Type: message/rfc822

Subject: inside

x
--b--
`, files: "passwd, cod_txt.exe, htaccess, file-4.eml"},
	"reordered": {mail: "Content-Type: text/plain\n\nfile \u202egnp.exe\x1b[2J\n", text: "file \ufffdgnp.exe\ufffd[2J"},
	"legacy display": {mail: `Content-Type: multipart/mixed; boundary=b; protected-headers="v1"
Subject: Inside

--b
Content-Type: text/rfc822-headers; protected-headers="v1"

Subject: Inside

--b
Content-Type: text/plain; charset=windows-1251

` + "\xcf\xf0\xe8\xe2\xe5\xf2" + `
--b--
`, subject: "Inside", text: "Привет"},
	"cut off":     {mail: "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nText\n--b\nContent-Type: text/plain\n\nMore", text: "Text\n\nMore"},
	"no boundary": {mail: "Content-Type: multipart/mixed\n\nx", files: "file-1.bin"},
	"bad type":    {mail: "Content-Type: ;;\n\nx", files: "file-1.bin"},
}

func names(files []File) string {
	var all []string
	for _, f := range files[:len(files)-1] {
		all = append(all, f.Name)
	}
	return strings.Join(all, ", ")
}

func TestAMailIsTextAndFiles(t *testing.T) {
	for name, c := range shapes {
		for _, raw := range [][]byte{[]byte(c.mail), crlf(c.mail)} {
			m := Read(raw)
			if m.Subject != c.subject || m.Text != c.text || m.HTML != c.html || m.Cut || names(m.Files) != c.files {
				t.Errorf("%s: subject %q, text %q, HTML %v, files %q", name, m.Subject, m.Text, m.HTML, names(m.Files))
			}
			if last := m.Files[len(m.Files)-1]; last.Name != WholeName || !bytes.Equal(last.Data, raw) {
				t.Errorf("%s: the mail itself is not among the files", name)
			}
		}
	}
	long := Read(append([]byte("Content-Type: text/html\n\n"), bytes.Repeat([]byte("<p>é"), 3<<20)...))
	if len(long.Text) > MaxText || !long.Cut || !utf8.ValidString(long.Text) {
		t.Errorf("%d bytes of text, cut %v", len(long.Text), long.Cut)
	}
	deep := "x"
	for i := range 1000 {
		deep = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%s\n--b%d--\n", i, i, deep, i)
	}
	if m := Read([]byte(deep)); m.Text != "" || len(m.Files) != 2 {
		t.Errorf("%.100q, %d files", m.Text, len(m.Files))
	}
	many := Read([]byte("Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 100_000)))
	if len(many.Text) > 200 {
		t.Errorf("%d bytes of %d parts", len(many.Text), 100_000)
	}
}

func TestWhatIsSignedAsAWhole(t *testing.T) {
	const part = "Content-Type: text/plain\r\n\r\nYes.\r\n"
	signed := func(more string) string {
		return "Content-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\r\n\r\n--s\r\n" + part + "\r\n--s\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\nSIGNATURE\r\n" + more + "--s--\r\n"
	}
	got, signature, ok := Signed([]byte(signed("")))
	if !ok || string(got) != part || string(signature) != "SIGNATURE" {
		t.Errorf("%q, %q, %v", got, signature, ok)
	}
	wrapped := func(more string) string {
		return "Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n" + signed("") + "\r\n" + more + "--w--\r\n"
	}
	if got, _, ok = Signed([]byte(wrapped(""))); !ok || string(got) != part {
		t.Errorf("in a wrapper: %q, %v", got, ok)
	}
	for name, mail := range map[string]string{
		"with a footer": wrapped("--w\r\n\r\nNo.\r\n"), "three parts": signed("--s\r\n\r\nNo.\r\n"), "a text": "Yes.", "nothing": "", "one part": "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nx\r\n--s--\r\n",
	} {
		if got, _, ok := Signed([]byte(mail)); ok {
			t.Errorf("%s: %q counts as signed", name, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range shapes {
		f.Add([]byte(c.mail))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Read(raw)
		if !utf8.ValidString(m.Text) || len(m.Text) > MaxText || strings.ContainsAny(m.Text, "\x00\x1b\r\u202e") || strings.ContainsAny(m.Subject, "\n\r\x1b") {
			t.Errorf("%q", m.Text)
		}
		for _, file := range m.Files {
			if file.Name == "" || file.Name[0] == '.' || strings.ContainsAny(file.Name, "/\\\n\x00\u202e") || len(file.Name) > 150 {
				t.Errorf("%q", file.Name)
			}
		}
		Signed(raw)
		OnlyText(raw)
	})
}
