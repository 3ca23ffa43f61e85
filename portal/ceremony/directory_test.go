package ceremony_test

import (
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

func TestWhoIsLeftOutOfAnAudience(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	gone := court.issue(crypto.KindState, crypto.ProfilePQ, "Kingdom of Syldavia", "Bo Lund")
	court.revoke(gone, ceremony.PersonLeft)
	d := court.directory(court.author)

	all, err := d.Choose("all")
	must(t, err)
	if len(all.Recipients) != 1 || len(all.Refused) != 0 || len(all.Empty) != 1 || all.Empty[0].Mailbox != gone.Mailbox {
		t.Errorf("with a revoked representative: %+v", all)
	}
	if e := d.Entry(state); e == nil || !e.Unclaimed() || !e.PostQuantum() {
		t.Errorf("the entry of %s is %+v", state, e)
	}
	if d.Entry(crypto.Representative{Mailbox: state.Mailbox, Ordinal: 2}) != nil || d.Mailbox(crypto.NewNumber(crypto.KindState)) != nil {
		t.Error("the directory has somebody who isn't in it")
	}
	if next := d.Mailbox(state.Mailbox).NextOrdinal(); next != 2 {
		t.Errorf("the next representative would be number %d", next)
	}
}

func TestChoosing(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	court.issue(crypto.KindOrganisation, crypto.ProfileCompat, "Field Office", "Jo Field")
	d := court.directory(court.author)

	typed := strings.ToLower(strings.Replace(string(state.Mailbox), "-", " ", 1))
	once, err := d.Choose(typed, string(state.Mailbox), "States")
	must(t, err)
	if len(once.Mailboxes) != 1 || len(once.Recipients) != 1 {
		t.Errorf("one mailbox, named three times, is chosen %d times", len(once.Mailboxes))
	}
	for say, wanted := range map[string]string{
		"no mailbox":             string(crypto.NewNumber(crypto.KindState)),
		"typing error":           string(state.Mailbox[:9]) + "U",
		"nobody":                 "individuals",
		"all representatives":    state.String(),
		"an audience is numbers": "everybody",
	} {
		if _, err := d.Choose(wanted); err == nil || (say != "typing error" && !strings.Contains(err.Error(), say)) {
			t.Errorf("%q: %v; want an error that says %q", wanted, err, say)
		}
	}
	if _, err := d.Choose(); err == nil {
		t.Error("nobody was chosen, and that was fine")
	}
}

// A portal that shows one representative twice, with two certificates, could have one
// of them read what is meant for the other.
func TestTwoCertificatesForOne(t *testing.T) {
	court := newInstitution(t)
	court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	m := court.mailboxes[0]
	m.Representatives = append(m.Representatives, m.Representatives[0])
	for name, shown := range map[string][]api.Mailbox{
		"in one mailbox":       {m},
		"in the mailbox twice": {court.mailboxes[0], court.mailboxes[0]},
	} {
		d, err := ceremony.ReadDirectory(court.trust(), []*crypto.Key{court.author}, shown, court.now, nil)
		must(t, err)
		choice, err := d.Choose("all")
		must(t, err)
		if len(choice.Recipients) != 0 {
			t.Errorf("%s: somebody would be sealed to", name)
		}
	}
	other := court.mailboxes[0]
	other.Mailbox = crypto.NewNumber(crypto.KindState)
	d, err := ceremony.ReadDirectory(court.trust(), []*crypto.Key{court.author}, []api.Mailbox{other}, court.now, nil)
	must(t, err)
	if e := d.Mailboxes[0].Representatives[0]; e.Recipient != nil || !strings.Contains(e.Refused.Error(), "among the representatives of") {
		t.Errorf("a representative in another mailbox: %v", e.Refused)
	}
}

func TestARecordMadeBySomebodyElse(t *testing.T) {
	court := newInstitution(t)
	court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	// An author, who is no registrar, seals a label of their own.
	trust := court.trust()
	readers := trust.Staff(court.now, crypto.RoleAuthor)
	forged, err := crypto.SealRecord([]byte(`{"record":"valise label v1","of":"`+string(court.mailboxes[0].Mailbox)+`","name":"Kingdom of Syldavia"}`),
		court.author, crypto.PurposeDetails, []*crypto.Certificate{readers[0].Certificate()}, court.now)
	must(t, err)
	court.mailboxes[0].Label = forged
	if m := court.directory(court.author).Mailboxes[0]; m.Name != "" || !strings.Contains(m.NameProblem.Error(), "not a registrar") {
		t.Errorf("a label that an author made is shown: %q, %v", m.Name, m.NameProblem)
	}
}

// Names of different length seal to the same size.
func TestSizesTellNoNames(t *testing.T) {
	court := newInstitution(t)
	court.issue(crypto.KindState, crypto.ProfilePQ, "Elbonia", "Bo")
	court.issue(crypto.KindState, crypto.ProfilePQ, "The Federated Principalities of Northern and Southern Syldavia", "Maximiliana von und zu Hohenfels")
	// A number in a signature that happens to begin with zeros is written shorter (RFC 9580, section 3.2): that tells of chance, not of names.
	const chance = 4
	for _, sizes := range [][2]int{
		{len(court.mailboxes[0].Label), len(court.mailboxes[1].Label)},
		{len(court.mailboxes[0].Representatives[0].Details), len(court.mailboxes[1].Representatives[0].Details)},
	} {
		if difference := sizes[0] - sizes[1]; difference < -chance || difference > chance {
			t.Errorf("records of two names have %d and %d bytes", sizes[0], sizes[1])
		}
	}
}

func TestStaffCopies(t *testing.T) {
	court := newInstitution(t)
	// The registrar becomes an auditor only; the portal still shows the old certificate first.
	old, err := crypto.ParseCertificate([]byte(court.wire.Staff[2]))
	must(t, err)
	now, err := crypto.CertifyStaff(court.root, old, []crypto.Role{crypto.RoleAuditor}, court.now)
	must(t, err)
	for _, staff := range [][]string{
		{court.wire.Staff[0], court.wire.Staff[1], old.Armor(), now.Armor()},
		{now.Armor(), old.Armor(), court.wire.Staff[0], court.wire.Staff[1]},
	} {
		wire := court.wire
		wire.Staff = append(staff, "garbage")
		trust, err := ceremony.Believe(court.pin(), wire)
		must(t, err)
		if len(trust.Staff(court.now)) != 3 || len(trust.Staff(court.now, crypto.RoleRegistrar)) != 0 || len(trust.LeftOut()) != 1 {
			t.Errorf("%d staff, %d registrars, %d left out", len(trust.Staff(court.now)), len(trust.Staff(court.now, crypto.RoleRegistrar)), len(trust.LeftOut()))
		}
		if _, _, err := trust.StaffKey(court.registrar, court.now, crypto.RoleRegistrar); err == nil {
			t.Error("somebody who is no registrar any more has the role")
		}
	}
}

func TestTheZeroTrustTrustsNobody(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	zero := new(ceremony.Trust)
	if _, err := ceremony.Open(zero, nil, "N-4GZ0R8T4", api.Notice{Notice: "N-4GZ0R8T4"}, court.now); err == nil {
		t.Error("opened")
	}
	if l := ceremony.List(zero, nil, []api.Notice{{}}, court.now); l[0].Problem == nil {
		t.Error("listed")
	}
	honest := court.trust()
	for _, nobody := range []*ceremony.Self{nil, {}} {
		if _, err := ceremony.Open(honest, nobody, "N-4GZ0R8T4", api.Notice{Notice: "N-4GZ0R8T4"}, court.now); err == nil {
			t.Error("opened for nobody")
		}
	}
	if _, err := ceremony.VerifyReceipt(zero, nil, api.Evidence{}, court.now); err == nil {
		t.Error("verified")
	}
	if _, err := ceremony.ReadDirectory(zero, nil, nil, court.now, nil); err == nil {
		t.Error("read")
	}
	if _, err := zero.VerifyChain(nil, state, court.now); err == nil {
		t.Error("a chain held")
	}
	if _, err := ceremony.Believe(crypto.Pin{}, court.wire); err == nil {
		t.Error("believed without a pin")
	}
}
