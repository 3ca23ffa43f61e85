package crypto

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Values that appear in many texts.
const (
	testFingerprint = Fingerprint("0123456789ABCDEF0123456789ABCDEF01234567")
	testNonce       = "00112233445566778899aabbccddeeff"
	testOpening     = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

func testManifest() *Manifest {
	body, heading := RefTo([]byte("body")), RefTo([]byte("heading"))
	return &Manifest{
		Institution:   testFingerprint,
		Notice:        NewNumber(KindNotice),
		Version:       1,
		Author:        Fingerprint(strings.Repeat("AB", 32)),
		Created:       noon,
		ContentSHA256: sha256Hex([]byte("content")),
		HeadingSHA256: sha256Hex([]byte("heading")),
		OpeningSHA256: openingDigest(testOpening),
		AudienceRoot:  sha256Hex([]byte("audience")),
		Mailboxes:     3,
		Members:       9,
		Bodies:        map[Suite]BodyRef{SuitePQ: body, SuiteCompat: {body.SHA256, 5000}},
		Headings:      map[Suite]BodyRef{SuitePQ: heading, SuiteCompat: heading},
		Acknowledge:   true,
		Deadline:      time.Date(2026, 2, 1, 17, 0, 0, 0, time.FixedZone("", 3600)),
		Release:       time.Date(2026, 1, 20, 8, 0, 0, 0, time.FixedZone("", 3600)),
		Urgent:        true,
		Fallback:      FallbackAfter(12),
		Reminders:     []int{72, 24, 2},
		EscalateHours: 48,
	}
}

func testAudience() *Audience {
	a := &Audience{Salt: NewAudienceSalt()}
	for i := range 3 {
		r := Representative{NewNumber(KindIndividual), 1}
		a.Members = append(a.Members,
			AudienceMember{Representative: r, Certificate: testFingerprint, Suite: SuitePQ},
			AudienceMember{Representative: Representative{r.Mailbox, 10}, Certificate: testFingerprint, Suite: SuiteCompat},
			AudienceMember{Representative: Representative{r.Mailbox, 2 + i}, Certificate: Fingerprint(strings.Repeat("CD", 32)), Suite: SuitePQ})
	}
	slices.SortFunc(a.Members, compareMembers)
	return a
}

// testPersonalAudience is testAudience of a notice that has personal parts.
func testPersonalAudience() *Audience {
	a := testAudience()
	for i, m := range a.Members {
		a.Members[i].Personal = PersonalDigests{sha256Hex([]byte(string(m.Representative.Mailbox) + string(m.Suite))), sha256Hex([]byte(m.Representative.Mailbox))}
	}
	return a
}

func testMembership() *Membership {
	return &Membership{
		Member: AudienceMember{Representative: Representative{NewNumber(KindState), 2}, Certificate: testFingerprint, Suite: SuitePQ}, Salt: testOpening, Position: 2,
		Path: []string{sha256Hex([]byte("one beside")), sha256Hex([]byte("two beside"))},
	}
}

func testLogIn() *LogIn {
	return &LogIn{Origin: "https://portal.example:8443", As: "S-7K2M9QXD/2", Nonce: testNonce, Time: noon}
}

func testAcknowledgement() *Acknowledgement {
	return &Acknowledgement{
		Institution:    testFingerprint,
		Notice:         NewNumber(KindNotice),
		Version:        2,
		ManifestSHA256: sha256Hex([]byte("manifest")),
		Opening:        testOpening,
		Representative: Representative{NewNumber(KindState), 2},
		Certificate:    testFingerprint,
		Decision:       DecisionRefused,
		Time:           noon,
		SessionNonce:   testNonce,
	}
}

// aText is one of the formats, as the tests see it.
type aText struct {
	name   string
	encode func() (any, []byte, error) // of an example
	parse  func([]byte) (any, error)
	write  func(any) ([]byte, error)
	byHand bool // people may have signed it with a tool of their own
}

func testTexts(t testing.TB) []aText {
	login := testLogIn()
	login.As = (Representative{NewNumber(KindState), 2}).String()
	return []aText{
		format("manifest", testManifest(), (*Manifest).Encode, ParseManifest, false),
		format("audience", testAudience(), (*Audience).Encode, ParseAudience, false),
		format("audience of parts", testPersonalAudience(), (*Audience).Encode, ParseAudience, false),
		format("membership", testMembership(), (*Membership).Encode, ParseMembership, false),
		format("log-in", login, (*LogIn).Encode, ParseLogIn, true),
		format("acknowledgement", testAcknowledgement(), (*Acknowledgement).Encode, ParseAcknowledgement, true),
	}
}

func format[T any](name string, example *T, encode func(*T) ([]byte, error), parse func([]byte) (*T, error), byHand bool) aText {
	return aText{
		name:   name,
		encode: func() (any, []byte, error) { text, err := encode(example); return example, text, err },
		parse: func(text []byte) (any, error) {
			v, err := parse(text)
			if (v == nil) != (err != nil) {
				return nil, fmt.Errorf("neither value nor error, or both: %v, %w", v, err)
			}
			return v, err
		},
		write:  func(v any) ([]byte, error) { return encode(v.(*T)) },
		byHand: byHand,
	}
}

func TestTextsAreReadAsTheyWereWritten(t *testing.T) {
	for _, f := range testTexts(t) {
		t.Run(f.name, func(t *testing.T) {
			want, text, err := f.encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if m, ok := got.(*Manifest); ok { // two locations of the same offset
				if _, offset := m.Deadline.Zone(); offset != 3600 || !m.Deadline.Equal(want.(*Manifest).Deadline) {
					t.Errorf("deadline %v", m.Deadline)
				}
				m.Deadline = want.(*Manifest).Deadline
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("read\n%+v, written\n%+v", got, want)
			}
			if !strings.HasPrefix(string(text), "valise ") || bytes.ContainsRune(text, '\r') {
				t.Errorf("the text is\n%s", text)
			}
		})
	}
}

// Whatever is done to a line, the text is refused or is the same text.
func TestTextsHaveOneSpelling(t *testing.T) {
	for _, f := range testTexts(t) {
		t.Run(f.name, func(t *testing.T) {
			_, text, err := f.encode()
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
			refuse := func(what string, hostile string) {
				t.Helper()
				if v, err := f.parse([]byte(hostile)); err == nil {
					t.Errorf("%s: read as %+v:\n%s", what, v, hostile)
				}
			}
			for i := range lines {
				with := func(change func(line string) string) string {
					l := slices.Clone(lines)
					l[i] = change(l[i])
					return strings.Join(l, "") + "\n"
				}
				// Members of an audience, and steps of a path, may be any number; their
				// order and count is for the signed root to say.
				repeats := strings.HasPrefix(f.name, "audience") && i > 1 || f.name == "membership" && i > 3
				if !repeats {
					refuse("a line dropped", with(func(string) string { return "" }))
				}
				if !repeats || strings.HasPrefix(f.name, "audience") {
					refuse("a line twice", with(func(l string) string { return strings.TrimSuffix(l, "\n") + "\n" + l }))
				}
				refuse("an empty line", with(func(l string) string { return "\n" + l }))
				refuse("a space in front", with(func(l string) string { return " " + l }))
				refuse("two spaces", with(func(l string) string { return strings.Replace(l, " ", "  ", 1) }))
				refuse("a tab", with(func(l string) string { return strings.Replace(l, " ", "\t", 1) }))
				refuse("other capitals", with(strings.ToUpper))
				if i > 0 && (!repeats || i == 4 || f.name == "audience") {
					refuse("lines in another order", strings.Join(slices.Concat(lines[:i-1], []string{strings.TrimSuffix(lines[i], "\n") + "\n", lines[i-1]}, lines[i+1:]), ""))
				}
				if !f.byHand {
					refuse("a space behind", with(func(l string) string { return strings.TrimSuffix(l, "\n") + " \n" }))
				}
			}
			refuse("nothing", "")
			refuse("another version", strings.Replace(string(text), " v1", " v2", 1))
			refuse("a line too many", string(text)+"more: lines\n")
			refuse("a byte order mark", "\ufeff"+string(text))
			refuse("not UTF-8", string(text)+"\xff")
			if !f.byHand {
				refuse("an empty line below", string(text)+"\n")
				refuse("the last line feed missing", strings.TrimSuffix(string(text), "\n"))
				refuse("CR LF", strings.ReplaceAll(string(text), "\n", "\r\n"))
			}
		})
	}
}

// What clear-signing with any program, and pasting into a text box, does.
func TestTextsSignedByHandAreForgiven(t *testing.T) {
	for _, f := range testTexts(t) {
		if !f.byHand {
			continue
		}
		want, text, err := f.encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, variant := range []string{
			strings.TrimSuffix(string(text), "\n"),
			string(text) + "\n\n",
			strings.ReplaceAll(string(text), "\n", "\r\n"),
			strings.ReplaceAll(string(text), "\n", " \t\n"),
		} {
			if got, err := f.parse([]byte(variant)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v from %q", f.name, got, err, variant)
			}
		}
	}
}

func TestErrorsNameTheLineAndWhatToDo(t *testing.T) {
	a := testAcknowledgement()
	form, err := a.Form()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(form), strings.ReplaceAll(string(form), "opening: ", "opening:")} {
		_, err = ParseAcknowledgement([]byte(text))
		if err == nil || !strings.Contains(err.Error(), "line 6 ") || !strings.Contains(err.Error(), "copy the line") {
			t.Errorf("opening left empty: %v", err)
		}
	}
	filled := strings.Replace(string(form), "opening: ", "opening: "+a.Opening, 1)
	if again, err := ParseAcknowledgement([]byte(filled)); err != nil || !reflect.DeepEqual(again, a) {
		t.Errorf("the form, filled in: %+v, %v", again, err)
	}

	for want, change := range map[string]func(*Manifest){
		`line 2 of the manifest ("institution") must be a fingerprint`: func(m *Manifest) { m.Institution = "0123" },
		`line 3 of the manifest ("notice")`:                            func(m *Manifest) { m.Notice = NewNumber(KindState) },
		`line 4 of the manifest ("version") must be a number from 1`:   func(m *Manifest) { m.Version = 0 },
		`line 7 of the manifest ("content-sha256") must be 64 digits`:  func(m *Manifest) { m.ContentSHA256 = strings.ToUpper(m.ContentSHA256) },
		`line 9 of the manifest ("opening-sha256") has no value`:       func(m *Manifest) { m.OpeningSHA256 = "" },
		`line 12 of the manifest ("members") must be at least as many`: func(m *Manifest) { m.Members = m.Mailboxes - 1 },
		`line 12 of the manifest ("members") must be a number`:         func(m *Manifest) { m.Members = MaxAudience + 1 },
		`line 11 of the manifest ("mailboxes")`:                        func(m *Manifest) { m.Mailboxes = MaxAudience + 1 },
		`name no body`:                                                 func(m *Manifest) { m.Bodies = nil; m.Headings = nil },
		`each body has one heading`:                                    func(m *Manifest) { delete(m.Headings, SuitePQ) },
		`line 13 of the manifest ("body-pq")`:                          func(m *Manifest) { m.Bodies[SuitePQ] = BodyRef{m.ContentSHA256, MaxBodySize + 1} },
		`line 14 of the manifest ("body-compat")`:                      func(m *Manifest) { m.Bodies[SuiteCompat] = BodyRef{m.ContentSHA256, 0} },
		`unknown suites`:                                            func(m *Manifest) { m.Bodies["rot13"] = m.Bodies[SuitePQ] },
		`since no acknowledgement is asked for`:                     func(m *Manifest) { m.Acknowledge = false },
		`later than the line "created"`:                             func(m *Manifest) { m.Deadline = m.Created },
		`line 21 of the manifest ("fallback") must be none`:         func(m *Manifest) { m.Fallback = "after 721h" },
		`line 21 of the manifest ("fallback") has no value`:         func(m *Manifest) { m.Fallback = "" },
		`line 19 of the manifest ("release") must be not before`:    func(m *Manifest) { m.Release = m.Created.Add(-time.Second) },
		`line 19 of the manifest ("release") must be before`:        func(m *Manifest) { m.Release = m.Deadline },
		`line 22 of the manifest ("reminders") must be none, or`:    func(m *Manifest) { m.Reminders = []int{24, 24} },
		`line 22 of the manifest ("reminders") must be none, or at`: func(m *Manifest) { m.Reminders = []int{6, 5, 4, 3, 2, 1} },
		`2 of the manifest ("reminders") must be none, or at most`:  func(m *Manifest) { m.Reminders = []int{721} },
		`line 22 of the manifest ("reminders") must be after`:       func(m *Manifest) { m.Reminders = []int{300} },
		`since there is no deadline`:                                func(m *Manifest) { m.Deadline = time.Time{} },
		`line 23 of the manifest ("escalate") must be none, or`:     func(m *Manifest) { m.EscalateHours = 721 },
		`must start with "author: " and hold a value`:               func(m *Manifest) { m.Notice += "\nauthor: \n" },
		`line 6 of the manifest ("created") must be a time in UTC`:  func(m *Manifest) { m.Created = m.Deadline.AddDate(-1, 0, 0) },
	} {
		m := testManifest()
		change(m)
		if text, err := m.Encode(); err == nil || !strings.Contains(err.Error(), want) {
			if want != `must start with "author: " and hold a value` || err == nil {
				t.Errorf("%q expected, got %v\n%s", want, err, text)
			}
		}
	}
}

func TestAudience(t *testing.T) {
	a := testAudience()
	if a.Mailboxes() != 3 || !slices.Equal(a.Suites(), suites) {
		t.Errorf("%d mailboxes, suites %v", a.Mailboxes(), a.Suites())
	}
	text, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(a.Members)
	if again, err := a.Encode(); err != nil || !bytes.Equal(again, text) {
		t.Errorf("the order of members counts: %v", err)
	}
	a.Members[1] = a.Members[0]
	if _, err := a.Encode(); err == nil {
		t.Error("a member may occur twice")
	}
	for _, members := range [][]AudienceMember{
		nil,
		{{Representative: Representative{NewNumber(KindNotice), 1}, Certificate: testFingerprint, Suite: SuitePQ}},
		{{Representative: Representative{NewNumber(KindState), 1000}, Certificate: testFingerprint, Suite: SuitePQ}},
		{{Representative: Representative{NewNumber(KindState), 1}, Certificate: "01234567", Suite: SuitePQ}},
		{{Representative: Representative{NewNumber(KindState), 1}, Certificate: testFingerprint, Suite: "rot13"}},
		{{Representative: Representative{NewNumber(KindState), 1}, Certificate: testFingerprint, Suite: ""}},
	} {
		if text, err := (&Audience{Salt: NewAudienceSalt(), Members: members}).Encode(); err == nil {
			t.Errorf("was written:\n%s", text)
		}
	}
}

func TestTheLargestAudienceFits(t *testing.T) {
	a := &Audience{Salt: NewAudienceSalt()}
	kinds := []Kind{KindState, KindOrganisation, KindIndividual}
	for i := range MaxAudience / 100 {
		mailbox := NewNumber(kinds[i%3])
		for ordinal := range 100 {
			a.Members = append(a.Members, AudienceMember{Representative: Representative{mailbox, MaxOrdinal - ordinal}, Certificate: Fingerprint(strings.Repeat("EF", 32)), Suite: SuiteCompat,
				Personal: PersonalDigests{sha256Hex([]byte(mailbox)), sha256Hex([]byte("content of " + mailbox))}})
		}
	}
	text, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > MaxAudienceSize*95/100 {
		t.Errorf("%d bytes", len(text))
	}
	a.Members = append(a.Members, AudienceMember{Representative: Representative{NewNumber(KindState), 1}, Certificate: testFingerprint, Suite: SuitePQ})
	if _, err := a.Encode(); err == nil {
		t.Error("one more is accepted")
	}
}

func TestLogInRefuses(t *testing.T) {
	for name, change := range map[string]func(*LogIn){
		"a path":               func(l *LogIn) { l.Origin += "/login" },
		"a trailing slash":     func(l *LogIn) { l.Origin += "/" },
		"capitals":             func(l *LogIn) { l.Origin = "https://Portal.example" },
		"no scheme":            func(l *LogIn) { l.Origin = "portal.example" },
		"another scheme":       func(l *LogIn) { l.Origin = "ftp://portal.example" },
		"no host":              func(l *LogIn) { l.Origin = "https://" },
		"a user":               func(l *LogIn) { l.Origin = "https://a@portal.example" },
		"a second line":        func(l *LogIn) { l.Origin += "\nas: S-7K2M9QXD/2" },
		"without ordinal":      func(l *LogIn) { l.As = string(NewNumber(KindState)) },
		"a notice":             func(l *LogIn) { l.As = string(NewNumber(KindNotice)) + "/1" },
		"a spaced fingerprint": func(l *LogIn) { l.As = testFingerprint.Spaced() },
		"a short nonce":        func(l *LogIn) { l.Nonce = l.Nonce[2:] },
		"local time":           func(l *LogIn) { l.Time = l.Time.In(time.FixedZone("", 3600)) },
	} {
		l := testLogIn()
		l.As = string(testFingerprint)
		if _, err := l.Encode(); err != nil {
			t.Fatal(err)
		}
		change(l)
		if text, err := l.Encode(); err == nil {
			t.Errorf("%s: was written:\n%s", name, text)
		}
	}
}

func TestFallback(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hours := rapid.IntRange(-1000, 2000).Draw(t, "hours")
		f, err := ParseFallback(string(FallbackAfter(hours)))
		possible := hours >= 1 && hours <= 720
		if (err == nil) != possible {
			t.Fatalf("%d hours: %v", hours, err)
		}
		if got, ok := f.Hours(); ok != possible || ok && got != hours {
			t.Fatalf("%q: %d, %v", f, got, ok)
		}
	})
	for _, text := range []string{"", "never", "after 012h", "after h", "after +1h", "12h", "after 12", "after 12hh", "12", "None"} {
		if f, err := ParseFallback(text); err == nil {
			t.Errorf("%q is read as %q", text, f)
		}
	}
}

// fuzzText: what is read is written as it was, but for what is forgiven.
func fuzzText(f *testing.F, name string) {
	for _, text := range testTexts(f) {
		if text.name != name {
			continue
		}
		_, seed, err := text.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
		f.Add(bytes.TrimSuffix(seed, []byte("\n")))
		f.Add(bytes.ReplaceAll(seed, []byte("\n"), []byte("\r\n")))
		f.Add([]byte{})
		f.Fuzz(func(t *testing.T, data []byte) {
			v, err := text.parse(data)
			if err != nil {
				return
			}
			again, err := text.write(v)
			if err != nil {
				t.Fatalf("can't be written again: %v", err)
			}
			if !text.byHand && !bytes.Equal(again, data) {
				t.Fatalf("read %q, wrote %q", data, again)
			}
			if v2, err := text.parse(again); err != nil || !reflect.DeepEqual(v2, v) {
				t.Fatalf("read again it is %+v, %v", v2, err)
			}
		})
	}
}

func FuzzParseManifest(f *testing.F)         { fuzzText(f, "manifest") }
func FuzzParseAudience(f *testing.F)         { fuzzText(f, "audience") }
func FuzzParsePersonalAudience(f *testing.F) { fuzzText(f, "audience of parts") }
func FuzzParseMembership(f *testing.F)       { fuzzText(f, "membership") }
func FuzzParseLogIn(f *testing.F)            { fuzzText(f, "log-in") }
func FuzzParseAcknowledgement(f *testing.F)  { fuzzText(f, "acknowledgement") }
