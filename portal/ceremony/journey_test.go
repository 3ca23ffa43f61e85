package ceremony_test

import (
	"errors"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

func TestFromIssueToReceipt(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	organisation := court.issue(crypto.KindOrganisation, crypto.ProfileCompat, "Field Office", "Jo Field")
	court.issue(crypto.KindIndividual, crypto.ProfilePQ, "Witness Nine", "Witness Nine")

	// An author sees States and organisations by name, individuals by number alone.
	d := court.directory(court.author)
	if m := d.Mailboxes[0]; m.Name != "Republic of Elbonia" || m.Representatives[0].Name != "Ama Mensah" {
		t.Errorf("an author can't read whom they write to: %q, %v", m.Name, m.NameProblem)
	}
	if m := d.Mailboxes[2]; m.Name != "" || m.NameProblem == nil || m.Representatives[0].Name != "" {
		t.Errorf("an author can read an individual's name: %q", m.Name)
	}
	if m := court.directory(court.registrar).Mailboxes[2]; m.Name != "Witness Nine" {
		t.Errorf("a registrar can't read an individual's name: %v", m.NameProblem)
	}
	choice, err := d.Choose("states", "ORGANISATIONS")
	must(t, err)
	if len(choice.Recipients) != 2 || len(choice.Classical) != 1 || len(choice.Unclaimed) != 2 || len(choice.Refused) != 0 {
		t.Errorf("States and organisations: %d recipients, %d not post-quantum, %d unclaimed, %d refused",
			len(choice.Recipients), len(choice.Classical), len(choice.Unclaimed), len(choice.Refused))
	}

	s, n := court.submitted()
	notice := delivered(t, s, n, court.approve(n), state)

	// The notice arrived before the claim: it must be there after it.
	issued := court.unlock(state)
	if l := ceremony.List(court.trust(), selfOf(t, issued), []api.Notice{notice}, court.now); l[0].Subject("fr") != "Premier avis" || !l[0].Awaiting() {
		t.Errorf("listed before the claim: %+v", l[0])
	}
	claim, err := ceremony.NewClaim(issued, crypto.ProfilePQ, ceremony.NewPassphrase(), court.now)
	must(t, err)
	request, err := claim.Request([]api.HeldEnvelope{{Notice: notice.Notice, Suite: notice.Suite, Data: notice.Envelope}})
	must(t, err)
	notice.Envelope = request.Envelopes[0].Data
	o, err := ceremony.Open(court.trust(), selfOf(t, claim.Bundle()), notice.Notice, notice, court.now)
	must(t, err)
	if c := o.Content(); c.From != "International Court (test)" || c.Languages[1].Text != "Il s’est passé quelque chose.\n" {
		t.Errorf("content: %+v", c)
	}

	receipt, err := ceremony.Acknowledge(o, claim.Bundle().Key, state, crypto.DecisionAcknowledged, notice.Nonce, court.now)
	must(t, err)
	evidence := api.Evidence{
		SignedManifest: api.SignedManifest{Manifest: notice.Manifest, AuthorSignature: notice.AuthorSignature, ApproverSignature: notice.ApproverSignature},
		Membership:     notice.Membership,
		Chain:          []string{court.mailboxes[0].Representatives[0].Chain[0], request.Certificate},
	}
	v, err := ceremony.VerifyReceipt(court.trust(), []byte(receipt.Receipt), evidence, court.now)
	must(t, err)
	if v.Meant == nil || v.Meant.Member.Representative != state || v.Receipt.Acknowledgement().Representative != state || v.Signer.Registrar().Name() != "Chen Wei" {
		t.Errorf("the receipt is that of %s, issued by %s", v.Receipt.Acknowledgement().Representative, v.Signer.Registrar().Name())
	}
	for name, spoil := range map[string]func(e *api.Evidence){
		"without the approval":     func(e *api.Evidence) { e.ApproverSignature = "" },
		"with the author's twice":  func(e *api.Evidence) { e.ApproverSignature = e.AuthorSignature },
		"without the issued key":   func(e *api.Evidence) { e.Chain = e.Chain[1:] },
		"without the signer's key": func(e *api.Evidence) { e.Chain = e.Chain[:1] },
		"with another's place":     func(e *api.Evidence) { e.Membership = membership(t, s, organisation) },
		"with half a membership":   func(e *api.Evidence) { e.Membership = e.Membership[:len(e.Membership)/2] },
	} {
		bad := evidence
		spoil(&bad)
		if _, err := ceremony.VerifyReceipt(court.trust(), []byte(receipt.Receipt), bad, court.now); err == nil {
			t.Errorf("a receipt was verified %s", name)
		}
	}
}

func TestALyingPortal(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	other := court.issue(crypto.KindState, crypto.ProfilePQ, "Kingdom of Syldavia", "Bo Lund")
	s, n := court.submitted()
	approval := court.approve(n)
	self := selfOf(t, court.unlock(state))
	trust := court.trust()
	honest := delivered(t, s, n, approval, state)
	if _, err := ceremony.Open(trust, self, n.Notice, honest, court.now); err != nil {
		t.Fatal(err)
	}

	refused := func(what, say string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v; want an error that says %q", what, err, say)
		}
	}

	t.Run("shows another root", func(t *testing.T) {
		_, err := ceremony.Believe(court.pin(), newInstitution(t).wire)
		refused("another root", "not the one on paper", err)
	})
	t.Run("shows staff of its own", func(t *testing.T) {
		foreign := newInstitution(t)
		wire := court.wire
		wire.Staff = foreign.wire.Staff
		trust, err := ceremony.Believe(court.pin(), wire)
		must(t, err)
		if staff := trust.Staff(court.now); len(staff) != 0 {
			t.Errorf("%d staff of another root count", len(staff))
		}
		_, err = ceremony.Open(trust, self, n.Notice, honest, court.now)
		refused("foreign staff", "not among those of the staff", err)
	})
	t.Run("leaves out the approval", func(t *testing.T) {
		n := honest
		n.ApproverSignature = ""
		_, err := ceremony.Open(trust, self, n.Notice, n, court.now)
		refused("no approval", "has not been approved", err)
		l := ceremony.List(trust, self, []api.Notice{n, honest}, court.now)
		if l[0].Problem == nil || l[0].Subject() != "" || l[1].Problem != nil || l[1].Subject("en") != "First notice" {
			t.Errorf("the list shows %q and %q", l[0].Subject(), l[1].Subject())
		}
	})
	t.Run("shows one notice as another", func(t *testing.T) {
		_, err := ceremony.Open(trust, self, crypto.NewNumber(crypto.KindNotice), honest, court.now)
		refused("another number", "the portal shows", err)
	})
	t.Run("hands out somebody else's key", func(t *testing.T) {
		locked := court.locked[other.String()]
		salt, err := crypto.BundleSalt(locked)
		must(t, err)
		secrets, err := ceremony.DeriveSecrets(string(court.codes[other.String()]), salt)
		must(t, err)
		_, err = ceremony.Unlock(state, api.Unlocked{LockedBundle: locked}, secrets)
		refused("another's bundle", "not that of "+state.String(), err)
	})
	t.Run("swaps two States", func(t *testing.T) {
		swapped := []api.Mailbox{court.mailboxes[0], court.mailboxes[1]}
		swapped[0].Label, swapped[1].Label = swapped[1].Label, swapped[0].Label
		d, err := ceremony.ReadDirectory(trust, []*crypto.Key{court.author}, swapped, court.now, nil)
		must(t, err)
		if d.Mailboxes[0].Name != "" || d.Mailboxes[1].Name != "" {
			t.Errorf("%s is shown as %s", state, d.Mailboxes[0].Name)
		}
		refused("swapped labels", "don't rely on it", d.Mailboxes[0].NameProblem)
	})
	t.Run("puts its own key into the directory", func(t *testing.T) {
		key, err := crypto.GenerateKey(crypto.ProfilePQ, state.String(), court.now)
		must(t, err)
		m := court.mailboxes[0]
		m.Representatives = append([]api.Representative(nil), m.Representatives...)
		m.Representatives[0].Chain = append(m.Representatives[0].Chain[:1:1], key.Certificate().Armor())
		d, err := ceremony.ReadDirectory(trust, []*crypto.Key{court.author}, []api.Mailbox{m}, court.now, nil)
		must(t, err)
		choice, err := d.Choose("all")
		must(t, err)
		if len(choice.Recipients) != 0 || len(choice.Refused) != 1 || len(choice.Empty) != 1 {
			t.Errorf("somebody would be sealed to: %+v", choice)
		}
	})
	t.Run("shows the approver another audience", func(t *testing.T) {
		shown := n
		shown.Audience = strings.Replace(n.Audience, other.String(), state.String(), 1)
		_, err := ceremony.Examine(trust, []*crypto.Key{court.approver}, n.Notice, shown, court.directory(court.approver), court.now)
		refused("another audience", "not the one that was signed", err)
	})
	t.Run("hides a recipient from the approver's directory", func(t *testing.T) {
		d, err := ceremony.ReadDirectory(trust, []*crypto.Key{court.approver}, court.mailboxes[:1], court.now, nil)
		must(t, err)
		e, err := ceremony.Examine(trust, []*crypto.Key{court.approver}, n.Notice, n, d, court.now)
		must(t, err)
		_, err = ceremony.Approve(trust, court.approver, e, court.now)
		refused("hidden recipient", "is not in the directory", err)
	})
}

func TestApprovalNeedsASecondPerson(t *testing.T) {
	court := newInstitution(t)
	court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	_, n := court.submitted()
	e, err := ceremony.Examine(court.trust(), []*crypto.Key{court.approver}, n.Notice, n, court.directory(court.approver), court.now)
	must(t, err)
	if _, err := ceremony.Approve(court.trust(), court.author, e, court.now); err == nil {
		t.Error("the author approved")
	}
	if _, err := ceremony.Approve(court.trust(), court.registrar, e, court.now); err == nil {
		t.Error("somebody without the role approved")
	}
	if _, err := ceremony.Approve(court.trust(), court.approver, new(ceremony.Examined), court.now); err == nil {
		t.Error("the zero value was approved")
	}
}

func TestLogInIsSignedOnlyWhereItBelongs(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	key := court.unlock(state).Key
	challenge := api.LogInChallenge{
		Origin: court.wire.Origin, As: state.String(), Nonce: crypto.NewNonce(), Time: court.now,
		Text: "I owe you everything\n",
	}
	in, err := ceremony.SignLogIn(challenge, court.wire.Origin, state.String(), key, court.now)
	must(t, err)
	text, _, err := crypto.VerifyClearSigned(key.Certificate(), crypto.PurposeLogIn, []byte(in.SignedText), court.now)
	must(t, err)
	if l, err := crypto.ParseLogIn(text); err != nil || l.Origin != court.wire.Origin || l.Nonce != challenge.Nonce {
		t.Errorf("what was signed is %q", text)
	}
	for say, spoil := range map[string]func(c *api.LogInChallenge){
		"passing your log-in on":   func(c *api.LogInChallenge) { c.Origin = "https://portal.example.evil" },
		"not of " + state.String(): func(c *api.LogInChallenge) { c.As = "S-00000000/1" },
		"clock":                    func(c *api.LogInChallenge) { c.Time = court.now.Add(-2 * crypto.ClockSkew) },
		"can't be signed":          func(c *api.LogInChallenge) { c.Nonce = "x\nas: S-7K2M9QXD/1" },
	} {
		bad := challenge
		spoil(&bad)
		if _, err := ceremony.SignLogIn(bad, court.wire.Origin, state.String(), key, court.now); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v; want an error that says %q", err, say)
		}
	}
}

func TestOwnCertificate(t *testing.T) {
	court := newInstitution(t)
	org := court.issue(crypto.KindOrganisation, crypto.ProfileCompat, "Field Office", "Jo Field")
	issued := court.unlock(org)

	own, err := crypto.GenerateKey(crypto.ProfileCompat, org.String(), court.now)
	must(t, err)
	claim, err := ceremony.NewOwnClaim(issued, own.Certificate().Bytes(), court.now)
	must(t, err)
	request, err := claim.Request(nil)
	must(t, err)
	if request.Profile != crypto.ProfileOwn || request.LockedBundle != nil || request.Salt != nil || claim.Bundle() != nil {
		t.Errorf("something was locked: %+v", request)
	}
	chain := append(court.mailboxes[0].Representatives[0].Chain, request.Certificate)
	if _, err := court.trust().VerifyChain(chain, org, court.now); err != nil {
		t.Error(err)
	}

	named, err := crypto.GenerateKey(crypto.ProfileCompat, "Jo Field <jo@field.example>", court.now)
	must(t, err)
	var policy *crypto.PolicyError
	if _, err := ceremony.NewOwnClaim(issued, named.Certificate().Bytes(), court.now); !errors.As(err, &policy) {
		t.Errorf("a certificate with a name was taken: %v", err)
	}
}

func TestWeakPassphraseIsRefused(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	if _, err := ceremony.NewClaim(court.unlock(state), crypto.ProfilePQ, "password password", court.now); err == nil {
		t.Error("a weak passphrase was taken")
	}
	if _, err := ceremony.ChangeLock(court.unlock(state), "short"); err == nil {
		t.Error("a short passphrase was taken")
	}
}

func TestMistyped(t *testing.T) {
	code := string(crypto.NewClaimCode())
	if err := ceremony.Mistyped(strings.ToLower(code)); err != nil {
		t.Errorf("a claim code in small letters: %v", err)
	}
	wrong := "0"
	if code[3] == '0' {
		wrong = "1"
	}
	if err := ceremony.Mistyped(code[:3] + wrong + code[4:]); err == nil || !strings.Contains(err.Error(), "group 1") {
		t.Errorf("a typing error in the first group: %v", err)
	}
	for range 20 {
		if err := ceremony.Mistyped(crypto.NewPassphrase()); err != nil {
			t.Errorf("a passphrase was taken for a claim code: %v", err)
		}
	}
}
