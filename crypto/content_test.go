package crypto

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The incident of the scenario, in two languages, with a file.
func testContent() *Content {
	return &Content{
		From:         "International Court (demo)",
		Notice:       "N-4GZ0R8T4",
		Opening:      testOpening,
		AudienceRoot: sha256Hex([]byte("audience")),
		Salt:         testNonce,
		Created:      noon,
		Languages: []LanguageVersion{
			{"en", "Security incident: what we know", "# What happened\n\nAnomalous activity was detected on our systems.\n"},
			{"fr", "Incident de sécurité : ce que nous savons", "# Ce qui s’est passé\n\nUne activité anormale a été détectée sur nos systèmes.\n"},
		},
		Attachments: []Attachment{{"Note verbale – 15 janvier.pdf", "application/pdf", bytes.Repeat([]byte("%PDF-1.7 "), 30)}},
	}
}

func mustEncode(t testing.TB, c *Content) []byte {
	t.Helper()
	mime, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return mime
}

func drawContent(t *rapid.T) *Content {
	line := func(most int) *rapid.Generator[string] {
		return rapid.StringN(1, most, -1).Filter(isOneLine)
	}
	long := strings.Repeat("très long ", 150)
	text := rapid.Custom(func(t *rapid.T) string {
		pieces := rapid.SliceOfN(rapid.OneOf(
			rapid.StringN(1, 50, -1),
			rapid.SampledFrom([]string{"\n", "\n\n", " \n", "=\n", "--", "--valise-", "From here\n", ".\n", long, "Subject: x\n\n", "\u2028", "=3D", "\t"}),
		), 1, 12).Draw(t, "pieces")
		return strings.Map(func(r rune) rune {
			if isForbiddenInText(r) || r == '\ufffd' {
				return -1
			}
			return r
		}, strings.Join(pieces, "")) + "."
	})
	c := &Content{
		From:         line(60).Draw(t, "from"),
		Notice:       NewNumber(KindNotice),
		Salt:         NewContentSalt(),
		Opening:      NewOpening(),
		AudienceRoot: sha256Hex([]byte("audience")),
		Created:      time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "created"), 0).UTC(),
	}
	for _, tag := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"en", "fr", "ar", "zh-Hant", "ru", "es-419", "sr-Latn-RS"}), 1, 4, rapid.ID).Draw(t, "languages") {
		c.Languages = append(c.Languages, LanguageVersion{tag, line(MaxSubject).Draw(t, "subject"), text.Draw(t, "text")})
	}
	name := line(60).Filter(func(n string) bool { return checkFileName(n) == nil })
	for _, n := range rapid.SliceOfNDistinct(name, 0, 3, strings.ToLower).Draw(t, "names") {
		kind := rapid.SampledFrom([]string{"application/pdf", "image/svg+xml", "text/plain", "application/vnd.oasis.opendocument.text"}).Draw(t, "type")
		c.Attachments = append(c.Attachments, Attachment{n, kind, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")})
	}
	return c
}

func TestContentIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawContent(t)
		encoded, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseContent(encoded)
		if err != nil {
			t.Fatalf("%v\n%s", err, encoded)
		}
		for i := range again.Attachments { // nil and empty are the same
			if len(again.Attachments[i].Data) == 0 {
				again.Attachments[i].Data = c.Attachments[i].Data
			}
		}
		if !reflect.DeepEqual(again, c) {
			t.Fatalf("read\n%+v\nwritten\n%+v", again, c)
		}
		for line := range strings.SplitSeq(string(encoded), "\r\n") {
			if len(line) > maxMailLine || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("no mail program takes this line: %q", line)
			}
		}
	})
}

// What any program that knows MIME makes of it.
func TestContentIsMIME(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawContent(t)
		encoded, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		message, err := mail.ReadMessage(bytes.NewReader(encoded))
		if err != nil {
			t.Fatal(err)
		}
		checkFields(t, c, message.Header)
		kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
		if err != nil || kind != "multipart/mixed" || parameters["hp"] != "cipher" || parameters["protected-headers"] != "v1" {
			t.Fatalf("%s %v, %v", kind, parameters, err)
		}
		parts := readParts(t, multipart.NewReader(message.Body, parameters["boundary"]))
		if len(parts) != len(c.Languages)+1+len(c.Attachments) {
			t.Fatalf("%d parts", len(parts))
		}
		for i, l := range c.Languages {
			want := strings.ReplaceAll("Subject: "+l.Subject+"\n\n"+l.Text, "\n", "\r\n")
			if parts[i].language != l.Language || parts[i].data != want || (parts[i].parameters["hp-legacy-display"] == "1") != (i == 0) {
				t.Fatalf("language %d: %+v\nwant %q", i, parts[i], want)
			}
		}
		parts = parts[len(c.Languages):]
		if !strings.Contains(parts[0].data, "\r\nopening: "+c.Opening+"\r\n") {
			t.Fatalf("the opening text is %q", parts[0].data)
		}
		for i, a := range c.Attachments {
			if p := parts[1+i]; p.name != a.Name || p.kind != a.Type || p.data != string(a.Data) {
				t.Fatalf("attachment %+v, written %+v", p, a)
			}
		}
	})
}

func checkFields(t *rapid.T, c *Content, h mail.Header) {
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil || subject != c.Languages[0].Subject {
		t.Fatalf("subject %q, %v; written %q", subject, err, c.Languages[0].Subject)
	}
	from, err := h.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != c.From {
		t.Fatalf("from %v, %v; written %q (%s)", from, err, c.From, h.Get("From"))
	}
	if date, err := h.Date(); err != nil || !date.Equal(c.Created) {
		t.Fatalf("date %v, %v", date, err)
	}
	if to := h.Get("To"); to != "Recipients of "+string(c.Notice)+":;" {
		t.Fatalf("to %q", to)
	}
	outer := h["Hp-Outer"]
	if !slices.Contains(outer, "Subject: [...]") || !slices.Contains(outer, "From: "+h.Get("From")) || !slices.Contains(outer, "Date: "+h.Get("Date")) || !slices.Contains(outer, "To: undisclosed-recipients:;") || len(outer) != 4 {
		t.Fatalf("outside: %q", outer)
	}
}

type readPart struct {
	kind, language, name, data string
	parameters                 map[string]string
}

func readParts(t *rapid.T, r *multipart.Reader) []readPart {
	var parts []readPart
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = p
		switch p.Header.Get("Content-Transfer-Encoding") {
		case "quoted-printable":
			body = quotedprintable.NewReader(p)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, p)
		}
		data, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		kind, parameters, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		_, disposition, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, readPart{kind, p.Header.Get("Content-Language"), disposition["filename"], string(data), parameters})
	}
}

func TestContentRefuses(t *testing.T) {
	for want, change := range map[string]func(*Content){
		"the institution's name":       func(c *Content) { c.From = "" },
		"the institution's name must":  func(c *Content) { c.From = "Court\nopening: 00" },
		"no text":                      func(c *Content) { c.Languages = nil },
		"at most 10":                   func(c *Content) { c.Languages = make([]LanguageVersion, 11) },
		"occurs twice":                 func(c *Content) { c.Languages[1].Language = "EN" },
		"not the tag of a language":    func(c *Content) { c.Languages[1].Language = "français" },
		"is not the tag of a language": func(c *Content) { c.Languages[1].Language = "e" },
		"the tag of a language":        func(c *Content) { c.Languages[1].Language = "en\r\nBcc: x" },
		"the subject in en":            func(c *Content) { c.Languages[0].Subject = "" },
		"the subject in fr":            func(c *Content) { c.Languages[1].Subject = "a\nb" },
		"one line of 1 to 200":         func(c *Content) { c.Languages[1].Subject = strings.Repeat("é", 201) },
		"the text in fr is missing":    func(c *Content) { c.Languages[1].Text = "" },
		"at most 256 are possible":     func(c *Content) { c.Languages[1].Text = strings.Repeat("a", MaxText+1) },
		"is not UTF-8":                 func(c *Content) { c.Languages[1].Text = "caf\xe9" },
		"control character":            func(c *Content) { c.Languages[1].Text = "a\r\nb" },
		"holds a control character":    func(c *Content) { c.Languages[1].Text = "\x1b[2J" },
		"separates the parts":          func(c *Content) { c.Languages[1].Text = "\n--" + c.boundary() + "\n" },
		"two attachments have the name": func(c *Content) {
			a := c.Attachments[0]
			a.Name = strings.ToUpper(a.Name)
			c.Attachments = append(c.Attachments, a)
		},
		"neither start with a dot":       func(c *Content) { c.Attachments[0].Name = ".bashrc" },
		"nor hold a slash":               func(c *Content) { c.Attachments[0].Name = "../etc/passwd" },
		"a backslash":                    func(c *Content) { c.Attachments[0].Name = `a\b` },
		"direction of writing":           func(c *Content) { c.Attachments[0].Name = "report\u202efdp.exe" },
		"must be one line of 1 to 200 b": func(c *Content) { c.Attachments[0].Name = strings.Repeat("a", 201) },
		"must look like application/pdf": func(c *Content) { c.Attachments[0].Type = "application/pdf; name=x" },
		"neither message/":               func(c *Content) { c.Attachments[0].Type = "message/rfc822" },
		"application/octet-stream":       func(c *Content) { c.Attachments[0].Type = "" },
		"at most 25 are possible":        func(c *Content) { c.Attachments[0].Data = make([]byte, MaxAttachmentsSize+1) },
		"at most 100 are possible":       func(c *Content) { c.Attachments = make([]Attachment, 101) },
		`("notice")`:                     func(c *Content) { c.Notice = "N-4GZ0R8TB" },
		`("opening")`:                    func(c *Content) { c.Opening = "00" },
		`("audience-root")`:              func(c *Content) { c.AudienceRoot = "" },
	} {
		c := testContent()
		change(c)
		if _, err := c.Encode(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q expected, got %v", want, err)
		}
	}
}

func TestTheLargestContentFits(t *testing.T) {
	c := testContent()
	c.Languages = nil
	for _, tag := range []string{"en", "fr", "ar", "zh", "ru", "es", "nl", "de", "it", "pt"} {
		c.Languages = append(c.Languages, LanguageVersion{tag, strings.Repeat("𝕏", MaxSubject), strings.Repeat("é", MaxText/2)})
	}
	c.Attachments[0].Data = make([]byte, MaxAttachmentsSize)
	encoded := mustEncode(t, c)
	again, err := ParseContent(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Languages) != 10 || len(again.Attachments[0].Data) != MaxAttachmentsSize {
		t.Error("it is not read whole")
	}
	if _, err := ParseContent(append(encoded, make([]byte, MaxContentSize)...)); err == nil {
		t.Error("more than MaxContentSize is read")
	}
}

// A program that knows MIME might show what Valise does not: no such thing is accepted.
func TestContentHasOneSpelling(t *testing.T) {
	encoded := string(mustEncode(t, testContent()))
	boundary := testContent().boundary()
	replace := func(old, new string) string {
		if !strings.Contains(encoded, old) {
			t.Fatalf("%q does not occur", old)
		}
		return strings.Replace(encoded, old, new, 1)
	}
	for name, hostile := range map[string]string{
		"a preamble":              replace("\r\n\r\n--", "\r\n\r\nRead this instead.\r\n--"),
		"an epilogue":             encoded + "Read this instead.\r\n",
		"a hidden part":           replace("--"+boundary+"\r\n", "--"+boundary+"\r\nContent-Type: text/html\r\n\r\n<p>Read this instead\r\n--"+boundary+"\r\n"),
		"another header field":    replace("MIME-Version", "Reply-To: eve@example.org\r\nMIME-Version"),
		"another subject outside": replace("Subject: Security", "Subject: No security"),
		"another recipient":       replace("Recipients of N-4GZ0R8T4", "Recipients of N-4GZ0R8TB"),
		"another date":            replace("Date: Thu", "Date: Fri"),
		"another sender":          replace("institution@valise.invalid", "eve@example.org"),
		"another HP-Outer":        replace("HP-Outer: Subject: [...]", "HP-Outer: Subject: Hello"),
		"another boundary":        strings.ReplaceAll(encoded, boundary, "valise-00"),
		"another charset":         replace("utf-8", "utf-7"),
		"another encoding":        replace("8bit", "7bit"),
		"HTML":                    replace("text/plain", "text/html"),
		"bare line feeds":         strings.ReplaceAll(encoded, "\r\n", "\n"),
		"a file name twice":       replace("filename*=", "filename=a.exe; filename*="),
		"small hexadecimal":       replace("%E2", "%e2"),
		"a long line of base64":   replace("JVBERi0xLjcg", "JVBERi0xLjcg\r\n"),
		"no opening text":         replace("valise opening v1", "valise opening v2"),
		"opening text altered":    replace("help: To", "help: Don't"),
		"header fields folded":    replace("Content-Language: en", "Content-Language:\r\n en"),
		"cut off":                 encoded[:len(encoded)-4],
		"nothing":                 "",
		"only a boundary":         `boundary=""`,
	} {
		if c, err := ParseContent([]byte(hostile)); err == nil || c != nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
}

func FuzzParseContent(f *testing.F) {
	whole := mustEncode(f, testContent())
	plain := testContent()
	plain.Languages, plain.Attachments = plain.Languages[:1], nil
	long := testContent()
	long.Languages[0].Text = strings.Repeat("=", 2000)
	for _, seed := range [][]byte{whole, mustEncode(f, plain), mustEncode(f, long), whole[:len(whole)/2], {}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseContent(data)
		if err != nil {
			return
		}
		if again, err := c.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("read %q, wrote %q, %v", data, again, err)
		}
	})
}
