package ceremony_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

func TestWhatIsNoKeyFileIsNamed(t *testing.T) {
	key, err := crypto.GenerateKey(crypto.ProfilePQ, "Ada Author", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	root, err := crypto.GenerateRoot("International Court (test)", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pin := crypto.Pin{Fingerprint: root.Certificate().Fingerprint()}
	const passphrase = "abbey canyon drizzle fabric hollow magnet"
	lock := func(b *crypto.Bundle) []byte {
		t.Helper()
		s, err := crypto.DeriveSecrets([]byte(passphrase), crypto.NewSalt())
		if err != nil {
			t.Fatal(err)
		}
		locked, err := crypto.LockBundle(b, s)
		if err != nil {
			t.Fatal(err)
		}
		return locked
	}
	locked := lock(&crypto.Bundle{Holder: "Ada Author", Pin: pin, Key: key})
	pasted := append([]byte("> see below\r\n\r\n"), bytes.ReplaceAll(crypto.ArmorMessage(locked), []byte("\n"), []byte("\r\n"))...)
	for name, file := range map[string][]byte{"armored": crypto.ArmorMessage(locked), "binary": locked, "pasted": pasted} {
		got, err := ceremony.KeyFile(file)
		if err != nil || !bytes.Equal(got, locked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, file := range map[string][]byte{
		ceremony.FilePrivateKey:  []byte(key.Armor()),
		ceremony.FileCertificate: key.Certificate().Bytes(),
		ceremony.FileDamaged:     locked[:len(locked)/3],
		ceremony.FileOther:       []byte("a shopping list"),
	} {
		if _, err := ceremony.KeyFile(file); !isWrongKey(err, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := ceremony.KeyFile(make([]byte, 2*crypto.MaxBundleSize+1)); !isWrongKey(err, ceremony.FileOther) {
		t.Errorf("too large: %v", err)
	}
	if _, err := ceremony.KeyFile(nil); !isWrongKey(err, ceremony.FileOther) {
		t.Errorf("empty: %v", err)
	}

	if b, err := ceremony.UnlockKeyFile(locked, passphrase); err != nil || b.Holder != "Ada Author" || b.Pin != pin {
		t.Errorf("%v", err)
	}
	if _, err := ceremony.UnlockKeyFile(locked, "another"); !errors.Is(err, crypto.ErrWrongSecret) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if _, err := ceremony.UnlockKeyFile(lock(&crypto.Bundle{Holder: "Root", Pin: pin, Key: root}), passphrase); !isWrongKey(err, ceremony.KeyRoot) {
		t.Errorf("the root's key: %v", err)
	}
	number := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}
	if _, err := ceremony.UnlockKeyFile(lock(&crypto.Bundle{Holder: number.String(), Pin: pin, Key: key}), passphrase); !isWrongKey(err, ceremony.KeyRepresentative) {
		t.Errorf("a representative's key: %v", err)
	}

	certified := func(roles ...crypto.Role) *ceremony.Trust {
		t.Helper()
		c, err := crypto.CertifyStaff(root, key.Certificate(), roles, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		trust, err := ceremony.Believe(pin, api.Institution{Root: root.Certificate().Armor(), Staff: []string{c.Armor()}})
		if err != nil {
			t.Fatal(err)
		}
		return trust
	}
	if _, member, err := certified(crypto.RoleAuthor).Officer(key, time.Now()); err != nil || !member.Has(crypto.RoleAuthor) {
		t.Errorf("an author: %v", err)
	}
	if _, _, err := certified().Officer(key, time.Now()); !isWrongKey(err, ceremony.KeyUncertified) {
		t.Errorf("without a role: %v", err)
	}
	if _, _, err := certified(crypto.RoleNotary).Officer(key, time.Now()); !isWrongKey(err, ceremony.KeyNotary) {
		t.Errorf("a notary: %v", err)
	}
	nobody, err := ceremony.Believe(pin, api.Institution{Root: root.Certificate().Armor()})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := nobody.Officer(key, time.Now()); !isWrongKey(err, ceremony.KeyUnknown) {
		t.Errorf("unknown: %v", err)
	}
}

func isWrongKey(err error, want string) bool {
	is, ok := ceremony.IsWrongKey(err)
	return ok && is == want && err.Error() != ""
}
