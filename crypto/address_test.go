package crypto

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestQuietHours(t *testing.T) {
	paris := time.FixedZone("", 3600)
	at := func(hour, minute int) time.Time { return time.Date(2026, 1, 5, hour, minute, 0, 0, paris) }
	for _, c := range []struct {
		quiet      string
		now, until time.Time
	}{
		{"22-7", at(21, 59), at(21, 59)},
		{"22-7", at(22, 0), at(31, 0)},
		{"22-7", at(3, 30), at(7, 0)},
		{"22-7", at(7, 0), at(7, 0)},
		{"12-14", at(13, 59), at(14, 0)},
		{"12-14", at(14, 0), at(14, 0)},
		{"22-0", at(23, 0), at(24, 0)},
		{"none", at(3, 0), at(3, 0)},
	} {
		q, err := ParseQuietHours(c.quiet)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Until(c.now); !got.Equal(c.until) {
			t.Errorf("with quiet hours %s, at %s: %s, want %s", c.quiet, c.now, got, c.until)
		}
	}
	for _, wrong := range []string{"22", "22-24", "-1-7", "22-07", "a-b", "7-7", "22-7 "} {
		if _, err := ParseQuietHours(wrong); err == nil {
			t.Errorf("quiet hours %q are taken", wrong)
		}
	}
}

func TestEmailAddresses(t *testing.T) {
	for _, right := range []string{"ama.mensah@mission.example", "o'brien+valise@sub.x-y.example", "a@b.c"} {
		if err := CheckEmail(right); err != nil {
			t.Error(err)
		}
	}
	for _, wrong := range []string{
		"", "ama", "ama@", "@x.example", "ama@x@y.example", "ama@localhost", ".a@x.example", "a..b@x.example", "a b@x.example", "a@x.example\r\nBcc: eve@x.example", "a@-x.example", "a@x..example",
		"\"a b\"@x.example", "amá@x.example", "a@[127.0.0.1]", "<a@x.example>", strings.Repeat("a", 65) + "@x.example", "a@" + strings.Repeat("x.", 130) + "example",
	} {
		if CheckEmail(wrong) == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// TestAddressesRestSealed: to the courier and the registrars, each for one representative, by a registrar.
func TestAddressesRestSealed(t *testing.T) {
	now := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	must := func(k *Key, err error) *Key {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	rootKey := must(GenerateRoot("International Court (test)", now))
	hire := func(name string, role Role) (*Key, *Staff) {
		k := must(GenerateKey(ProfilePQ, name, now))
		c, err := CertifyStaff(rootKey, k.Certificate(), []Role{role}, now)
		if err != nil {
			t.Fatal(err)
		}
		k = must(k.WithCertificate(c))
		root, err := OpenRoot(Pin{rootKey.Certificate().Fingerprint()}, rootKey.Certificate().Bytes())
		if err != nil {
			t.Fatal(err)
		}
		s, err := root.VerifyStaff(c, now)
		if err != nil {
			t.Fatal(err)
		}
		return k, s
	}
	root, _ := OpenRoot(Pin{rootKey.Certificate().Fingerprint()}, rootKey.Certificate().Bytes())
	registrar, registrars := hire("Chen Wei", RoleRegistrar)
	author, _ := hire("Anna Meijer", RoleAuthor)
	courier, couriers := hire("Courier 1", RoleCourier)
	staff := []*Certificate{registrar.Certificate(), author.Certificate(), courier.Certificate()}
	if !couriers.IsProcess() || registrars.IsProcess() {
		t.Error("a courier is a process, and a registrar isn't")
	}
	if _, err := CertifyStaff(rootKey, courier.Certificate(), []Role{RoleCourier, RoleRegistrar}, now); err == nil {
		t.Error("a courier gets another role")
	}

	state := Representative{NewNumber(KindState), 2}
	a := Address{Representative: state, Email: "ama@mission.example", Subject: "Documents", Quiet: QuietHours{22, 7}, Zone: "Europe/Paris", Policy: MailAfter(12)}
	sealed, err := SealAddress(a, registrar, []*Staff{couriers, registrars}, now)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("mission")) {
		t.Error("the address can be read")
	}
	other := a
	other.Email, other.Subject = strings.Repeat("x", 60)+"@mission.example", strings.Repeat("subject ", 10)+"!"
	// A number in a signature that happens to begin with zeros is written shorter (RFC 9580, section 3.2): that tells of chance, not of addresses.
	const chance = 4
	if again, err := SealAddress(other, registrar, []*Staff{couriers, registrars}, now); err != nil || len(again)-len(sealed) > chance || len(sealed)-len(again) > chance {
		t.Errorf("the sealed size tells the length: %d and %d, %v", len(sealed), len(again), err)
	}
	for _, reader := range []*Key{courier, registrar} {
		got, by, err := root.OpenAddress(sealed, state, []*Key{reader}, staff, now)
		if err != nil || got != a || by.Name() != "Chen Wei" {
			t.Errorf("read %+v, by %v, %v", got, by, err)
		}
	}
	if _, _, err := root.OpenAddress(sealed, state, []*Key{author}, staff, now); err == nil {
		t.Error("an author reads an address")
	}
	if _, _, err := root.OpenAddress(sealed, Representative{state.Mailbox, 1}, []*Key{courier}, staff, now); err == nil {
		t.Error("an address counts as that of somebody else")
	}
	if forged, err := SealAddress(a, author, []*Staff{couriers}, now); err != nil {
		t.Error(err)
	} else if _, _, err := root.OpenAddress(forged, state, []*Key{courier}, staff, now); err == nil {
		t.Error("an author writes an address down")
	}
	individual := Address{Representative: Representative{NewNumber(KindIndividual), 1}, Email: "m@post.example", Policy: MailAtOnce}
	if individual.Check() == nil {
		t.Error("an individual gets e-mail without having asked for it")
	}
	if individual.Asked = true; individual.Check() != nil {
		t.Error(individual.Check())
	}
	for _, wrong := range []Address{
		{Representative: state, Email: "ama@mission.example"}, {Representative: state, Email: "ama@mission.example", Policy: "sometimes"},
		{Representative: state, Email: "ama@mission.example", Policy: MailNever, Zone: "../etc"}, {Representative: state, Email: "ama@mission.example", Policy: MailNever, Subject: "a\nBcc: x"},
		{Email: "ama@mission.example", Policy: MailNever},
	} {
		if wrong.Check() == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

func TestDerivedSecretsAreAlwaysTheSame(t *testing.T) {
	now := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	k, err := GenerateKey(ProfilePQ, "Courier 1", now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parsePrivateKey(t, k)
	if err != nil {
		t.Fatal(err)
	}
	a, err := k.Derive("mail")
	if err != nil || len(a) != 32 {
		t.Fatal(err)
	}
	if b, _ := again.Derive("mail"); !bytes.Equal(a, b) {
		t.Error("the same key gives another secret once it was stored")
	}
	if b, _ := k.Derive("other"); bytes.Equal(a, b) {
		t.Error("two labels give the same secret")
	}
	if _, err := new(Key).Derive("mail"); err == nil {
		t.Error("no key gives a secret")
	}
}

// parsePrivateKey locks a key and unlocks it again.
func parsePrivateKey(t *testing.T, k *Key) (*Key, error) {
	t.Helper()
	secrets, err := DeriveSecrets([]byte("seven words that nobody guesses are here"), NewSalt())
	if err != nil {
		return nil, err
	}
	locked, err := LockBundle(&Bundle{Holder: "Courier 1", Pin: Pin{k.Certificate().Fingerprint()}, Key: k}, secrets)
	if err != nil {
		return nil, err
	}
	b, err := UnlockBundle(locked, secrets)
	if err != nil {
		return nil, err
	}
	return b.Key, nil
}
