package ceremony_test

import (
	"errors"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// passOn is what somebody does who can open a notice, with a server that helps them:
// they wrap its session key for somebody else, and everything but the membership is genuine.
func passOn(t *testing.T, n api.Notice, from *crypto.Bundle, to *crypto.Certificate) api.Notice {
	t.Helper()
	var err error
	n.Envelope, err = crypto.Rewrap(n.Envelope, from.Keys(), to)
	must(t, err)
	return n
}

// submittedTo is submitted to these mailboxes alone.
func (i *institution) submittedTo(to ...string) (api.Submission, api.StaffNotice) {
	i.t.Helper()
	choice, err := i.directory(i.author).Choose(to...)
	must(i.t, err)
	return i.seal(choice.Recipients)
}

func TestNoticePassedOnIsRefused(t *testing.T) {
	court := newInstitution(t)
	meant := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	alsoMeant := court.issue(crypto.KindState, crypto.ProfilePQ, "Kingdom of Syldavia", "Bo Lund")
	victim := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Freedonia", "Cy Rufus")
	s, n := court.submittedTo(string(meant.Mailbox), string(alsoMeant.Mailbox))
	elsewhere, elsewhereNotice := court.submittedTo(string(victim.Mailbox), string(alsoMeant.Mailbox))
	approval := court.approve(n)
	trust := court.trust()
	from, to := court.unlock(meant), court.unlock(victim)
	honest := delivered(t, s, n, approval, meant)
	if _, err := ceremony.Open(trust, selfOf(t, from), n.Notice, honest, court.now); err != nil {
		t.Fatal(err)
	}
	passed := passOn(t, honest, from, to.Key.Certificate())
	self := selfOf(t, to)
	theirs := membership(t, elsewhere, victim) // of another notice, which was meant for them
	cut := honest.Membership[:strings.LastIndex(strings.TrimSuffix(honest.Membership, "\n"), "\n")+1]
	for name, text := range map[string]string{
		"none":                           "",
		"of who passed it on":            honest.Membership,
		"of another who was meant":       membership(t, s, alsoMeant),
		"with the victim's name written": strings.ReplaceAll(honest.Membership, meant.String(), victim.String()),
		"with the victim's line written": strings.Replace(honest.Membership, meant.String()+" "+string(from.Key.Certificate().Fingerprint()), victim.String()+" "+string(to.Key.Certificate().Fingerprint()), 1),
		"of a notice that was theirs":    theirs,
		"cut off":                        cut,
		"no text":                        "\x00",
	} {
		bad := passed
		bad.Membership = text
		o, err := ceremony.Open(trust, self, n.Notice, bad, court.now)
		if o != nil || !errors.Is(err, ceremony.ErrPassedOn) || !strings.Contains(err.Error(), "passed on to you") || !strings.Contains(err.Error(), "tell the institution") {
			t.Errorf("membership %s: %v", name, err)
		}
		l := ceremony.List(trust, self, []api.Notice{bad}, court.now)
		if !errors.Is(l[0].Problem, ceremony.ErrPassedOn) || l[0].Subject() != "" || l[0].Verified != nil {
			t.Errorf("membership %s: the list shows %q, %v", name, l[0].Subject(), l[0].Problem)
		}
	}

	// The notices that were theirs still open, beside it.
	theirNotice := delivered(t, elsewhere, elsewhereNotice, court.approve(elsewhereNotice), victim)
	if l := ceremony.List(trust, self, []api.Notice{passed, theirNotice}, court.now); l[0].Problem == nil || l[1].Problem != nil {
		t.Errorf("%v, %v", l[0].Problem, l[1].Problem)
	}
	// What isn't genuine isn't called so.
	passed.ApproverSignature = ""
	if _, err := ceremony.Open(trust, self, n.Notice, passed, court.now); err == nil || errors.Is(err, ceremony.ErrPassedOn) {
		t.Errorf("without approval: %v", err)
	}
}

// A single mailbox: the audience is a tree of one leaf, whose root is known to who was in it.
func TestNoticeToOneMailboxPassedOnIsRefused(t *testing.T) {
	court := newInstitution(t)
	meant := court.issue(crypto.KindIndividual, crypto.ProfileCompat, "Witness Nine", "Witness Nine")
	victim := court.issue(crypto.KindIndividual, crypto.ProfileCompat, "Witness Ten", "Witness Ten")
	s, n := court.submittedTo(string(meant.Mailbox))
	from, to := court.unlock(meant), court.unlock(victim)
	honest := delivered(t, s, n, court.approve(n), meant)
	if _, err := ceremony.Open(court.trust(), selfOf(t, from), n.Notice, honest, court.now); err != nil {
		t.Fatal(err)
	}
	passed := passOn(t, honest, from, to.Key.Certificate())
	if _, err := ceremony.Open(court.trust(), selfOf(t, to), n.Notice, passed, court.now); !errors.Is(err, ceremony.ErrPassedOn) {
		t.Errorf("%v", err)
	}
}

// A registrar and a server who work together make a second key for a mailbox, let the
// author seal to it, read, and rewrap for the key that its owner has. The owner's client sees it.
func TestNoticeSealedToAKeyMadeInTheirName(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	owner := court.unlock(state)
	spy, err := crypto.GenerateKey(crypto.ProfilePQ, state.String(), court.now)
	must(t, err)
	certificate, err := crypto.CertifyIssued(court.registrar, spy.Certificate(), state, court.now)
	must(t, err)
	court.mailboxes[0].Representatives[0].Chain = []string{certificate.Armor()}
	s, n := court.submittedTo(string(state.Mailbox))
	notice := delivered(t, s, n, court.approve(n), state)
	notice = passOn(t, notice, &crypto.Bundle{Key: spy}, owner.Key.Certificate())
	o, err := ceremony.Open(court.trust(), selfOf(t, owner), n.Notice, notice, court.now)
	if o != nil || err == nil || errors.Is(err, ceremony.ErrPassedOn) || !strings.Contains(err.Error(), "a key made in your name") {
		t.Errorf("%v", err)
	}
}

// Who brings a key of their own opens what was sealed to the issued key before they
// claimed, because the chain shows that it was theirs.
func TestOwnKeyOpensWhatCameBeforeIt(t *testing.T) {
	court := newInstitution(t)
	org := court.issue(crypto.KindOrganisation, crypto.ProfileCompat, "Field Office", "Jo Field")
	s, n := court.submittedTo(string(org.Mailbox))
	notice := delivered(t, s, n, court.approve(n), org)
	issued := court.unlock(org)
	own, err := crypto.GenerateKey(crypto.ProfileCompat, org.String(), court.now)
	must(t, err)
	claim, err := ceremony.NewOwnClaim(issued, own.Certificate().Bytes(), court.now)
	must(t, err)
	request, err := claim.Request([]api.HeldEnvelope{{Notice: notice.Notice, Suite: notice.Suite, Data: notice.Envelope}})
	must(t, err)
	notice.Envelope = request.Envelopes[0].Data
	chain := []string{court.mailboxes[0].Representatives[0].Chain[0], request.Certificate}
	self, err := ceremony.SelfWithKey(court.trust(), org, own, chain, court.now)
	must(t, err)
	if _, err := ceremony.Open(court.trust(), self, n.Notice, notice, court.now); err != nil {
		t.Error(err)
	}
	for name, chain := range map[string][]string{"none": nil, "the issued key's alone": chain[:1], "without the issued key": chain[1:]} {
		self, err := ceremony.SelfWithKey(court.trust(), org, own, chain, court.now)
		if err == nil || self == nil {
			t.Fatalf("chain %s: %v, %v", name, self, err)
		}
		if o, err := ceremony.Open(court.trust(), self, n.Notice, notice, court.now); err == nil || o != nil {
			t.Errorf("chain %s: opened", name)
		}
	}
}
