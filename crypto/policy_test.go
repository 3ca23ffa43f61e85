package crypto

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// make makes a key with gpg and returns its fingerprint.
func (g *gpg) make(userID string, args ...string) string {
	g.t.Helper()
	g.run(append([]string{"--faked-system-time", "20260110T120000!", "--quick-generate-key", userID}, args...)...)
	return g.fingerprint(userID)
}

// makeFrom makes a key from a parameter file.
func (g *gpg) makeFrom(userID string, parameters ...string) string {
	g.t.Helper()
	text := "%no-protection\n" + strings.Join(parameters, "\n") + "\nName-Real: " + userID + "\n%commit\n"
	g.run("--faked-system-time", "20260110T120000!", "--generate-key", g.file("parameters", text))
	return g.fingerprint(userID)
}

func (g *gpg) fingerprint(userID string) string {
	g.t.Helper()
	for _, line := range strings.Split(string(g.run("--with-colons", "--list-keys", "="+userID)), "\n") {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			return fields[9]
		}
	}
	g.t.Fatalf("gpg has no key %q", userID)
	return ""
}

func (g *gpg) export(fingerprint string, args ...string) []byte {
	g.t.Helper()
	return g.run(append(append([]string{"--armor"}, args...), "--export", fingerprint)...)
}

func mustParse(t testing.TB, data []byte) *Certificate {
	t.Helper()
	c, err := ParseCertificate(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantRule(t *testing.T, err error, rule string) *PolicyError {
	t.Helper()
	var policy *PolicyError
	if !errors.As(err, &policy) {
		t.Fatalf("%v; want rule %q", err, rule)
	}
	if policy.Rule != rule || policy.Why == "" || policy.Remedy == "" {
		t.Errorf("%q: %v; want rule %q", policy.Rule, policy, rule)
	}
	return policy
}

func TestPolicyAcceptsWhatGPGMakes(t *testing.T) {
	for name, make := range map[string]func(g *gpg) string{
		"default":        func(g *gpg) string { return g.make("S-7K2M9QXC/2", "default", "default", "0") },
		"future-default": func(g *gpg) string { return g.make("S-7K2M9QXC/2", "future-default", "default", "0") },
		"RSA 3072": func(g *gpg) string {
			return g.makeFrom("S-7K2M9QXC/2", "Key-Type: RSA", "Key-Length: 3072", "Subkey-Type: RSA", "Subkey-Length: 3072")
		},
		"P-256": func(g *gpg) string {
			return g.makeFrom("S-7K2M9QXC/2", "Key-Type: ECDSA", "Key-Curve: nistp256", "Subkey-Type: ECDH", "Subkey-Curve: nistp256")
		},
		"signing subkey": func(g *gpg) string {
			f := g.make("S-7K2M9QXC/2", "ed25519", "cert", "0")
			g.run("--quick-add-key", f, "ed25519", "sign", "0")
			g.run("--quick-add-key", f, "cv25519", "encr", "0")
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGPG(t)
			c := mustParse(t, g.export(make(g)))
			if err := c.CheckRepresentative(Representative{"S-7K2M9QXC", 2}, time.Now()); err != nil {
				t.Error(err)
			}
			if c.Suite() != SuiteCompat || c.PostQuantum() {
				t.Errorf("suite %s", c.Suite())
			}
			again := newGPG(t)
			again.run("--import", again.file("cert.asc", c.SigningOnlyArmor()))
		})
	}
}

func TestPolicyRefusesWhatGPGMakes(t *testing.T) {
	now := noon
	for rule, make := range map[string]func(g *gpg) []byte{
		RuleRSATooShort: func(g *gpg) []byte { return g.export(g.make("Anna", "rsa2048", "default", "0")) },
		RuleDSA:         func(g *gpg) []byte { return g.export(g.make("Anna", "dsa3072", "default", "0")) },
		RuleElGamal: func(g *gpg) []byte {
			return g.export(g.makeFrom("Anna", "Key-Type: RSA", "Key-Length: 3072", "Key-Usage: sign", "Subkey-Type: ELG-E", "Subkey-Length: 2048"))
		},
		RuleWeakCurve: func(g *gpg) []byte {
			return g.export(g.makeFrom("Anna", "Key-Type: ECDSA", "Key-Curve: secp256k1", "Key-Usage: sign", "Subkey-Type: ECDH", "Subkey-Curve: cv25519"))
		},
		RuleSHA1: func(g *gpg) []byte {
			g.run("--faked-system-time", "20260110T120000!", "--cert-digest-algo", "SHA1", "--quick-generate-key", "Anna", "rsa3072", "default", "0")
			return g.export(g.fingerprint("Anna"))
		},
		RuleExpired: func(g *gpg) []byte { return g.export(g.make("Anna", "future-default", "default", "2d")) },
		RuleRevoked: func(g *gpg) []byte {
			f := g.make("Anna", "future-default", "default", "0")
			revocation, err := os.ReadFile(g.home + "/openpgp-revocs.d/" + f + ".rev")
			if err != nil {
				g.t.Fatal(err)
			}
			g.run("--import", g.file("revocation.asc", strings.Replace(string(revocation), ":---", "---", 1)))
			return g.export(f)
		},
		RuleNoEncryption: func(g *gpg) []byte { return g.export(g.make("Anna", "ed25519", "cert,sign", "0")) },
		RuleNoSigning: func(g *gpg) []byte {
			f := g.make("Anna", "ed25519", "cert", "0")
			g.run("--quick-add-key", f, "cv25519", "encr", "0")
			return g.export(f)
		},
		RuleNotYetValid: func(g *gpg) []byte {
			g.run("--faked-system-time", "20260115T130000!", "--quick-generate-key", "Anna", "future-default", "default", "0")
			return g.export(g.fingerprint("Anna"))
		},
	} {
		t.Run(rule, func(t *testing.T) {
			g := newGPG(t)
			wantRule(t, mustParse(t, make(g)).CheckPolicy(now), rule)
		})
	}
}

func TestPolicyLooksAtTheClock(t *testing.T) {
	g := newGPG(t)
	f := g.make("Anna", "future-default", "default", "30d")
	c := mustParse(t, g.export(f))
	for at, rule := range map[time.Time]string{
		noon.AddDate(0, 0, -6): RuleNotYetValid,
		noon:                   "",
		noon.AddDate(0, 0, 24): "",
		noon.AddDate(0, 0, 26): RuleExpired,
	} {
		err := c.CheckPolicy(at)
		if rule == "" {
			if err != nil {
				t.Errorf("%s: %v", at, err)
			}
			continue
		}
		wantRule(t, err, rule)
	}
	// The encryption key alone may have expired, too, and the remedy must work for both.
	now := time.Now()
	wantRule(t, c.CheckPolicy(now), RuleExpired)
	g.run("--faked-system-time", "20260110T130000!", "--quick-set-expire", f, "30d", "*")
	g.run("--faked-system-time", "20260111T120000!", "--quick-set-expire", f, "0")
	policy := wantRule(t, mustParse(t, g.export(f)).CheckPolicy(now), RuleExpired)
	if err := mustParse(t, g.remedy(policy)).CheckPolicy(now); err != nil {
		t.Errorf("after the remedy: %v", err)
	}
}

func TestRemedyForSHA1Works(t *testing.T) {
	g := newGPG(t)
	g.run("--faked-system-time", "20260110T120000!", "--cert-digest-algo", "SHA1", "--quick-generate-key", "Anna", "future-default", "default", "0")
	policy := wantRule(t, mustParse(t, g.export(g.fingerprint("Anna"))).CheckPolicy(noon), RuleSHA1)
	if err := mustParse(t, g.remedy(policy)).CheckPolicy(time.Now()); err != nil {
		t.Errorf("after the remedy: %v", err)
	}
}

// remedy runs the commands of a remedy; the last one exports the certificate.
func (g *gpg) remedy(policy *PolicyError) []byte {
	g.t.Helper()
	var out []byte
	for _, command := range commands(policy.Remedy) {
		out = g.shell(command)
	}
	return out
}

// commands returns the commands in a remedy.
func commands(remedy string) []string {
	var found []string
	for _, part := range strings.FieldsFunc(remedy, func(r rune) bool { return r == '(' || r == ')' || r == '&' }) {
		if i := strings.Index(part, "gpg --"); i >= 0 {
			found = append(found, strings.TrimSpace(part[i:]))
		}
	}
	return found
}

// shell runs a command from a remedy as its reader would.
func (g *gpg) shell(command string) []byte {
	g.t.Helper()
	cmd := exec.Command("sh", "-c", strings.Replace(command, "gpg ", "gpg --batch --pinentry-mode loopback --passphrase '' ", 1))
	cmd.Env = append(os.Environ(), "GNUPGHOME="+g.home)
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("%s: %v", command, err)
	}
	return out
}

func TestIdentifyingUserIDsAreRefusedAndTheRemedyWorks(t *testing.T) {
	g := newGPG(t)
	f := g.make("Anna Meijer <anna@embassy.example>", "future-default", "default", "0")
	representative := Representative{"S-7K2M9QXC", 2}
	policy := wantRule(t, mustParse(t, g.export(f)).CheckRepresentative(representative, time.Now()), RuleIdentifyingUserID)
	steps := commands(policy.Remedy)
	if len(steps) != 2 {
		t.Fatalf("the remedy has the steps %q", steps)
	}
	g.shell(steps[0])
	wantRule(t, mustParse(t, g.export(f)).CheckRepresentative(representative, time.Now()), RuleIdentifyingUserID)
	c := mustParse(t, g.shell(steps[1]))
	if err := c.CheckRepresentative(representative, time.Now()); err != nil {
		t.Errorf("after the remedy: %v", err)
	}
	if !slices.Equal(c.UserIDs(), []string{"S-7K2M9QXC/2"}) || strings.Contains(string(c.Bytes()), "Anna") {
		t.Errorf("after the remedy the user IDs are %q", c.UserIDs())
	}
	wantRule(t, c.CheckRepresentative(Representative{"S-7K2M9QXC", 1}, time.Now()), RuleIdentifyingUserID)
}

func TestUserIDsWithoutASignatureAreSeen(t *testing.T) {
	c := mustKey(t, ProfilePQ, "S-7K2M9QXC/2").Certificate()
	var out []byte
	for _, p := range c.packet {
		if p.kind == packetPublicSubkey {
			out = appendPacket(out, packetUserID, []byte("Anna Meijer"))
		}
		out = append(out, p.whole...)
	}
	wantRule(t, mustParse(t, out).CheckRepresentative(Representative{"S-7K2M9QXC", 2}, noon), RuleIdentifyingUserID)
}

func TestParseCertificateRefuses(t *testing.T) {
	pq, compat := mustKey(t, ProfilePQ, "S-7K2M9QXC/2"), mustKey(t, ProfileCompat, "Anna")
	c := pq.Certificate()
	many := c.Bytes()
	for range maxCertificatePackets {
		many = append(many, c.packet[2].whole...)
	}
	for name, test := range map[string]struct {
		data []byte
		rule string
	}{
		"nothing":                {nil, RuleNoCertificate},
		"a letter":               {[]byte("Dear Sirs,\n"), RuleNoCertificate},
		"a message":              {[]byte(armor(armorMessage, c.Bytes())), RuleNoCertificate},
		"an armored private key": {[]byte(pq.Armor()), RulePrivateKey},
		"a private key":          {pq.secretPackets(), RulePrivateKey},
		"two in one block":       {append(c.Bytes(), compat.Certificate().Bytes()...), RuleSeveral},
		"two blocks":             {[]byte(c.Armor() + compat.Certificate().Armor()), RuleSeveral},
		"a private key beside":   {[]byte(c.Armor() + pq.Armor()), RulePrivateKey},
		"cut off":                {c.Bytes()[:len(c.Bytes())-1], RuleNoCertificate},
		"cut off armor":          {[]byte(c.Armor()[:300]), RuleNoCertificate},
		"garbage behind":         {append(c.Bytes(), 0), RuleNoCertificate},
		"many signatures":        {many, RuleTooLarge},
		"many packets":           {append(c.Bytes(), bytes.Repeat([]byte{0xc0 | packetMarker, 3, 'P', 'G', 'P'}, 300)...), RuleTooLarge},
		"very long":              {make([]byte, 3*MaxCertificateSize), RuleTooLarge},
		"long":                   {append([]byte{0x98}, make([]byte, MaxCertificateSize)...), RuleTooLarge},
		"user ID twice":          {append(c.Bytes(), c.packet[1].whole...), RuleNoCertificate},
		"subkey first":           {c.packet[len(c.packet)-2].whole, RuleNoCertificate},
	} {
		got, err := ParseCertificate(test.data)
		if got != nil {
			t.Errorf("%s was accepted", name)
			continue
		}
		wantRule(t, err, test.rule)
	}
}

func TestTamperedCertificateIsRefused(t *testing.T) {
	c := mustKey(t, ProfileCompat, "S-7K2M9QXC/2").Certificate()
	representative := Representative{"S-7K2M9QXC", 2}
	for i := range c.raw {
		hostile := c.Bytes()
		hostile[i] ^= 0x10
		got, err := ParseCertificate(hostile)
		if err != nil {
			continue
		}
		if err := got.CheckRepresentative(representative, noon); err != nil {
			continue
		}
		// What a self-signature's unhashed area or hash tag says may change; the keys may not.
		key, err := got.encryptionKey()
		want, _ := c.encryptionKey()
		if err != nil || got.Fingerprint() != c.Fingerprint() || fingerprintOf(key) != fingerprintOf(want) {
			t.Errorf("octet %d may be changed", i)
		}
	}
}

func FuzzParseCertificate(f *testing.F) {
	for _, k := range []*Key{mustKey(f, ProfilePQ, "S-7K2M9QXC/2"), mustKey(f, ProfileCompat, "Anna"), mustRoot(f)} {
		f.Add(k.Certificate().Bytes())
		f.Add([]byte(k.Certificate().Armor()))
	}
	f.Add(mustKey(f, ProfileCompat, "Anna").secretPackets())
	f.Add([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n=twTO\n-----END PGP PUBLIC KEY BLOCK-----"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCertificate(data)
		if err != nil {
			var policy *PolicyError
			if !errors.As(err, &policy) {
				t.Errorf("%v is no *PolicyError", err)
			}
			return
		}
		again, err := ParseCertificate([]byte(c.Armor()))
		if err != nil || again.Fingerprint() != c.Fingerprint() || again.Suite() != c.Suite() {
			t.Errorf("the certificate does not survive being armored: %v", err)
		}
		c.CheckPolicy(noon)
		c.CheckRepresentative(Representative{"S-7K2M9QXC", 2}, noon)
		c.SigningOnlyArmor()
		c.PublicKeySHA256()
	})
}
