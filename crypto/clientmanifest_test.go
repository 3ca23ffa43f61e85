package crypto

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func exampleClient() ClientManifest {
	return ClientManifest{
		PagePolicy: "default-src 'none'; script-src 'self'", WorkerPolicy: "default-src 'none'; script-src 'wasm-unsafe-eval'", HelperPolicy: "default-src 'none'", ReaderPolicy: "sandbox",
		Files: []ClientFile{
			{"/reader.html", sha256Hex([]byte("reader")), 6},
			{"/assets/0123456789abcdef0123/login.js", sha256Hex([]byte("login")), 5},
		},
	}
}

// signClient lets people sign a client one after the other.
func signClient(t testing.TB, root *Root, m ClientManifest, signers ...*Key) []byte {
	t.Helper()
	var signed []byte
	var err error
	for i, k := range signers {
		if i == 0 {
			signed, err = SignClientManifest(Pin{root.Fingerprint()}, k, m, noon)
		} else {
			signed, err = CosignClientManifest(Pin{root.Fingerprint()}, k, signed, m, noon.Add(time.Duration(i)*time.Hour))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return signed
}

func TestTwoPeopleVouchForTheClient(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	signed := signClient(t, root, exampleClient(), o.registrar, o.author)
	v, err := root.VerifyClientManifest(signed, o.staff(), noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	m := v.Manifest()
	own := exampleClient()
	if m.Institution != root.Fingerprint() || !m.Time.Equal(noon) || m.ClientSHA256() != own.ClientSHA256() || len(v.Signers()) != 2 || v.Signers()[1].Name() != "Anna Meijer" || !v.Signed(1).Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v, signed by %d", m, len(v.Signers()))
	}
	if f, ok := m.File("/reader.html"); !ok || f.Check([]byte("reader")) != nil || f.Check([]byte("Reader")) == nil || f.Check([]byte("reader ")) == nil {
		t.Error("the reader is not told from another")
	}
	if _, ok := m.File("/assets/login.js"); ok {
		t.Error("a file that is nowhere was found")
	}
	if text, err := m.Encode(); err != nil || sha256Hex(text) != sha256Hex([]byte(mustReadClearSigned(t, signed))) {
		t.Errorf("what was signed is spelt otherwise: %v", err)
	}

	g := newGPG(t)
	for _, c := range []*Certificate{o.registrar.Certificate(), o.author.Certificate()} {
		g.run("--import", g.file("staff.asc", c.Armor()))
	}
	if _, said, err := g.try("--verify", g.file("client.asc", string(v.Bytes()))); err != nil || bytes.Count(said, []byte("Good signature")) != 2 {
		t.Errorf("gpg: %v\n%s", err, said)
	}
}

func mustReadClearSigned(t testing.TB, signed []byte) string {
	t.Helper()
	text, err := ReadClearSigned(signed)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhoMayNotVouchForTheClient(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	now := noon.Add(24 * time.Hour)
	notary, namesake, stranger := o.hire(t, "The notary", RoleNotary), o.hire(t, "ANNA  MEIJER", RoleAuditor), mustKey(t, ProfilePQ, "Mallory")
	staff := append(o.staff(), notary.Certificate(), namesake.Certificate(), stranger.Certificate())
	for name, c := range map[string]struct {
		signed []byte
		want   string
	}{
		"one person":             {signClient(t, root, exampleClient(), o.author), "takes two people"},
		"the same twice":         {signClient(t, root, exampleClient(), o.author, o.author), "signed the client manifest twice"},
		"two keys of one person": {signClient(t, root, exampleClient(), o.author, namesake), "signed the client manifest twice"},
		"a program":              {signClient(t, root, exampleClient(), o.author, notary), "takes people"},
		"nobody of the staff":    {signClient(t, root, exampleClient(), o.author, o.approver, stranger), "is not that of a staff member"},
	} {
		if _, err := root.VerifyClientManifest(c.signed, staff, now); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}

	signed := signClient(t, root, exampleClient(), o.author, o.approver)
	if _, err := root.VerifyClientManifest(signed, o.staff()[1:], now); err == nil {
		t.Error("a signature that nobody could verify was passed over")
	}
	if _, err := root.VerifyClientManifest(signed, o.staff(), noon.Add(-time.Hour)); err == nil {
		t.Error("a manifest of the future holds")
	}
	elsewhere := newOffice(t)
	if _, err := elsewhere.pinned(t).VerifyClientManifest(signed, o.staff(), now); err == nil || !strings.Contains(err.Error(), "another institution") {
		t.Errorf("another institution's: %v", err)
	}
	text := mustReadClearSigned(t, signed)
	if other, err := ClearSign(o.author, PurposeContact, []byte(text), noon); err != nil {
		t.Fatal(err)
	} else if _, err := root.VerifyClientManifest(other, o.staff(), now); err == nil || !strings.Contains(err.Error(), "another purpose") {
		t.Errorf("signed for something else: %v", err)
	}
	for i := 0; i < len(signed); i += 7 {
		changed := bytes.Clone(signed)
		changed[i] ^= 1
		if v, err := root.VerifyClientManifest(changed, o.staff(), now); err == nil && mustReadClearSigned(t, v.Bytes()) != text {
			t.Fatalf("octet %d was changed, and another client holds", i)
		}
	}
}

func TestNobodySignsAClientThatTheyDidNotBuild(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	signed := signClient(t, root, exampleClient(), o.author)
	own := exampleClient()
	own.Files[1].SHA256 = sha256Hex([]byte("evil"))
	if _, err := CosignClientManifest(Pin{root.Fingerprint()}, o.approver, signed, own, noon); err == nil || !strings.Contains(err.Error(), "login.js") {
		t.Errorf("another's client was signed: %v", err)
	}
	own = exampleClient()
	own.WorkerPolicy += "; connect-src *"
	if _, err := CosignClientManifest(Pin{root.Fingerprint()}, o.approver, signed, own, noon); err == nil || !strings.Contains(err.Error(), "worker-policy") {
		t.Errorf("another policy was signed: %v", err)
	}
}

func TestClientManifestsHaveOneSpelling(t *testing.T) {
	m := exampleClient()
	m.Institution, m.Time = mustRoot(t).Certificate().Fingerprint(), noon
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"file: ":                    "file:  ",
		" 5 /assets":                " 05 /assets",
		" /assets":                  " assets",
		"/login.js":                 "/../login.js",
		"/login.js\n":               "/login.js?\n",
		"/reader.html":              "/a.html",
		"page-policy":               "policy",
		"worker-policy: ":           "worker-policy: \t",
		"valise client manifest v1": "valise client manifest v2",
	} {
		changed := strings.Replace(string(text), from, to, 1)
		if changed == string(text) {
			t.Fatalf("%q is not there", from)
		}
		if _, err := ParseClientManifest([]byte(changed)); err == nil {
			t.Errorf("%q in place of %q is read", to, from)
		}
	}
	m.Files = append(m.Files, m.Files[0])
	if _, err := m.Encode(); err == nil {
		t.Error("a file stands there twice")
	}
	m.Files = nil
	if _, err := m.Encode(); err == nil {
		t.Error("a client of no files")
	}
}
