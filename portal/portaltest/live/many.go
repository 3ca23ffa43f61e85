package live

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"valise/crypto"
	"valise/portal/registry"
)

// IssueMany makes the first representatives of n new mailboxes of States, with names sealed to all staff as a registrar's client seals them. It works on all cores; nobody has
// claimed.
func (p *Server) IssueMany(n int, profile crypto.Profile) []*Person {
	p.t.Helper()
	people := make([]*Person, n)
	var next atomic.Int64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				var err error
				if people[i], err = p.issueNamed(profile); err != nil {
					p.t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if p.t.Failed() {
		p.t.FailNow()
	}
	return people
}

func (p *Server) issueNamed(profile crypto.Profile) (*Person, error) {
	number, now := crypto.Representative{Mailbox: crypto.NewNumber(crypto.KindState), Ordinal: 1}, p.Portal.Now()
	key, err := crypto.GenerateKey(profile, number.String(), now)
	if err != nil {
		return nil, err
	}
	certificate, err := crypto.CertifyIssued(p.Registrar, key.Certificate(), number, now)
	if err != nil {
		return nil, err
	}
	person := p.person(number, key, certificate)
	name := func(kind, of string) ([]byte, error) {
		return crypto.SealRecord([]byte(`{"record":"valise `+kind+` v1","of":"`+of+`","name":"Republic of Elbonia"}`), p.Registrar, crypto.PurposeDetails, p.Staff(), now)
	}
	label, err := name("label", string(number.Mailbox))
	if err != nil {
		return nil, err
	}
	details, err := name("details", number.String())
	if err != nil {
		return nil, err
	}
	secrets, locked := person.lock(p.t)
	return person, p.Portal.Registry.Issue(context.Background(), p.Acting(p.Registrar), registry.Issuance{
		Representative: number, Profile: profile, Certificate: certificate.Bytes(),
		Salt: secrets.Salt(), Verifier: crypto.LogInVerifier(secrets.LogInSecret()), LockedBundle: locked, Label: label, Details: details,
	})
}
