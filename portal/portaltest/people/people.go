// Package people makes the people of an institution for tests: its root, staff whom the root certified, and representatives with the keys they were issued and the ones they made.
//
//	court := people.Found(noon)
//	author := court.Hire("Amara Diallo", crypto.RoleAuthor)
//	registrar := court.Hire("Chen Wei", crypto.RoleRegistrar)
//	delegate := people.Represent(registrar, crypto.ProfilePQ, crypto.Representative{Mailbox: state, Ordinal: 1}, noon)
//
// Keys cost time, so a package's tests make theirs once, in a sync.OnceValue, and none changes them. What can't be made panics: there is no test yet that could fail.
// Package live has people, too, whom a running portal knows; this one is for the tests of single steps, which have a database and a clock of their own.
//
// Only tests import this package.
package people

import (
	"time"

	"valise/crypto"
	"valise/portal"
)

// Institution is a root, and when it was made.
type Institution struct {
	Root *crypto.Key
	At   time.Time
}

// Found makes a root. What it certifies later is of the same time, unless said otherwise.
func Found(at time.Time) *Institution {
	return &Institution{Root: must(crypto.GenerateRoot("International Court (test)", at)), At: at}
}

// Pin is the root as everybody believes it who compared its fingerprint.
func (i *Institution) Pin() *crypto.Root {
	certificate := i.Root.Certificate()
	return must(crypto.OpenRoot(crypto.Pin{Fingerprint: certificate.Fingerprint()}, certificate.Bytes()))
}

// Hire makes a post-quantum key that is certified for roles.
func (i *Institution) Hire(name string, roles ...crypto.Role) *crypto.Key {
	return i.Certify(Stranger(name, i.At), i.At, roles...)
}

// Certify returns a key with the certificate that says its roles from a time on; with none, that it has none any longer.
func (i *Institution) Certify(k *crypto.Key, at time.Time, roles ...crypto.Role) *crypto.Key {
	return must(k.WithCertificate(must(crypto.CertifyStaff(i.Root, k.Certificate(), roles, at))))
}

// Acting is a member of the staff as the portal takes them at a time.
func (i *Institution) Acting(k *crypto.Key, now time.Time) portal.Actor {
	return portal.ActingStaff(must(i.Pin().VerifyStaff(k.Certificate(), now)))
}

// Stranger makes a post-quantum key that nobody certified.
func Stranger(name string, at time.Time) *crypto.Key {
	return must(crypto.GenerateKey(crypto.ProfilePQ, name, at))
}

// Person is a representative with the key that a registrar issued, and their own, which that one certified when they claimed the mailbox.
type Person struct {
	crypto.Representative
	Issued, Own *crypto.Key
}

// Represent makes a representative, both keys of one profile.
func Represent(registrar *crypto.Key, profile crypto.Profile, r crypto.Representative, at time.Time) *Person {
	p := &Person{Representative: r, Issued: Issued(registrar, profile, r, at)}
	p.Own = Own(p.Issued, profile, r, at)
	return p
}

// Issued makes the key of a letter, certified by a registrar.
func Issued(registrar *crypto.Key, profile crypto.Profile, r crypto.Representative, at time.Time) *crypto.Key {
	k := must(crypto.GenerateKey(profile, r.String(), at))
	return must(k.WithCertificate(must(crypto.CertifyIssued(registrar, k.Certificate(), r, at))))
}

// Own makes the key that a representative has from a time on, certified by the one they had before.
func Own(before *crypto.Key, profile crypto.Profile, r crypto.Representative, at time.Time) *crypto.Key {
	k := must(crypto.GenerateKey(profile, r.String(), at))
	return must(k.WithCertificate(must(crypto.CertifySuccessor(before, k.Certificate(), r, at))))
}

// Acting is the representative as the portal takes them who logged in.
func (p *Person) Acting() portal.Actor { return portal.ActingRepresentative(p.Representative) }

func must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}
