package ceremony_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// judged reads the directory as a browser does: chains and names by a Judge, with no private key.
func (i *institution) judged(t testing.TB, reader *crypto.Key) (*ceremony.Directory, *ceremony.Judge) {
	t.Helper()
	trust := i.trust()
	believed, err := ceremony.Believe(trust.Pin(), trust.Shown())
	must(t, err)
	judge, err := ceremony.NewJudge(believed)
	must(t, err)
	d, keys := ceremony.NewDirectory(), []*crypto.Key{reader}
	for _, m := range i.mailboxes {
		one := []api.Mailbox{m}
		verdict, err := judge.Judge(one, ceremony.LabelKeys(keys, one), i.now)
		must(t, err)
		must(t, d.Take(trust, keys, one, verdict, i.now))
	}
	d.Complete()
	return d, judge
}

func TestAJudgeFindsOutWhatTheKeysWorkerWould(t *testing.T) {
	court := newInstitution(t)
	court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	court.issue(crypto.KindOrganisation, crypto.ProfileCompat, "Field Office", "Jo Field")
	broken := court.issue(crypto.KindState, crypto.ProfilePQ, "Kingdom of Syldavia", "Bo Lund")
	gone := court.issue(crypto.KindIndividual, crypto.ProfilePQ, "Cy", "Cy")
	court.revoke(gone, ceremony.PersonLeft)
	for i := range court.mailboxes {
		if court.mailboxes[i].Mailbox == broken.Mailbox {
			court.mailboxes[i].Representatives[0].Chain = []string{"no certificate"}
		}
	}
	for who, key := range map[string]*crypto.Key{"registrar": court.registrar, "author": court.author} {
		want := court.directory(key)
		got, _ := court.judged(t, key)
		for i := range want.Mailboxes {
			a, b := &want.Mailboxes[i], &got.Mailboxes[i]
			if a.Mailbox != b.Mailbox || a.Name != b.Name || fmt.Sprint(a.NameProblem) != fmt.Sprint(b.NameProblem) {
				t.Errorf("%s reads %+v, by a judge %+v", who, a, b)
			}
			for k := range a.Representatives {
				x, y := &a.Representatives[k], &b.Representatives[k]
				m, ok := x.Member()
				n, judged := y.Member()
				name := y.OpenName(court.trust(), []*crypto.Key{key}, court.now)
				if m != n || ok != judged || x.PostQuantum() != y.PostQuantum() || fmt.Sprint(x.Refused) != fmt.Sprint(y.Refused) || x.Revoked() != y.Revoked() || x.Name != name {
					t.Errorf("%s finds %s %+v, by a judge %+v", who, x.Representative, x, y)
				}
				var rule, judgedRule *crypto.PolicyError
				if errors.As(x.Refused, &rule) != errors.As(y.Refused, &judgedRule) || rule != nil && rule.Rule != judgedRule.Rule || a.Mailbox == broken.Mailbox && rule == nil {
					t.Errorf("%s: the rule that %s breaks is %v, by a judge %v", who, x.Representative, rule, judgedRule)
				}
			}
		}
	}
}

func TestANoticeWrappedByAJudgeOpens(t *testing.T) {
	court := newInstitution(t)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	court.issue(crypto.KindOrganisation, crypto.ProfileCompat, "Field Office", "Jo Field")
	d, judge := court.judged(t, court.author)
	chosen, unknown := d.ChooseFrom([]string{"all"}, nil)
	if len(unknown) != 0 || len(chosen.Members) != 2 || len(chosen.Classical) != 1 {
		t.Fatalf("%+v %v", chosen, unknown)
	}
	draft := &crypto.Draft{Languages: []crypto.LanguageVersion{{Language: "en", Subject: "Findings", Text: "Something happened.\n"}}}
	sealing, err := ceremony.BeginSealing(court.trust(), court.author, draft, chosen.Members, court.now)
	must(t, err)
	if _, err := sealing.Submission(); err == nil {
		t.Fatal("a notice without envelopes was signed")
	}
	for i, m := range sealing.Members() {
		e, err := judge.Wrap(sealing.Keys(), []crypto.AudienceMember{m}, court.now)
		must(t, err)
		must(t, sealing.Add(i, e[0]))
	}
	s, err := sealing.Submission()
	must(t, err)
	n := court.shown(s, sealing.Notice())
	if l := ceremony.List(court.trust(), selfOf(t, court.unlock(state)), []api.Notice{delivered(t, *s, n, court.approve(n), state)}, court.now); l[0].Problem != nil {
		t.Error(l[0].Problem)
	}

	stranger := sealing.Members()[0]
	stranger.Certificate = court.author.Certificate().Fingerprint()
	if _, err := judge.Wrap(sealing.Keys(), []crypto.AudienceMember{stranger}, court.now); err == nil {
		t.Error("a judge wrapped to a certificate that it has not verified")
	}
}

func TestPastedLists(t *testing.T) {
	court := newInstitution(t)
	var numbers []string
	for range 4 {
		numbers = append(numbers, string(court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah").Mailbox))
	}
	court.issue(crypto.KindOrganisation, crypto.ProfilePQ, "Field Office", "Jo Field")
	d, _ := court.judged(t, court.author)
	spaced := func(n string) string { return strings.ToLower(n[:1] + " " + n[2:6] + " " + n[6:]) }
	notice := string(crypto.NewNumber(crypto.KindNotice))
	wrong := numbers[0][:9] + map[bool]string{true: "0", false: "1"}[numbers[0][9] != '0']
	for text, want := range map[string]struct {
		chosen  int
		unknown []string
	}{
		strings.Join(numbers, "\n"): {4, nil},
		strings.Join(numbers, " "):  {4, nil},
		strings.ToLower(strings.ReplaceAll(strings.Join(numbers, ", "), "-", "")):                           {4, nil},
		"Elbonia (" + spaced(numbers[0]) + "); Indonesia: " + numbers[1] + "\t" + spaced(numbers[2]) + "\n": {3, nil},
		"Elbonia <" + numbers[0] + ">, Spain " + strings.Replace(numbers[1], "-", "–", 1):                   {2, nil},
		numbers[0] + "; " + wrong:                  {1, []string{wrong}},
		numbers[0] + "\nS-7K2M, O-12\n":            {1, []string{"S-7K2M", "O-12"}},
		numbers[0] + "/2, " + numbers[1]:           {1, []string{numbers[0] + "/2"}},
		"everybody":                                {0, []string{"everybody"}},
		"States":                                   {4, nil},
		numbers[0] + ", " + notice:                 {1, []string{notice}},
		string(crypto.NewNumber(crypto.KindState)): {0, []string{"S-"}},
		"organisations":                            {1, nil},
		"the organisations of the South, as ever":  {0, []string{"the organisations"}},
		"": {0, nil},
	} {
		chosen, unknown := d.ChooseFrom([]string{text}, nil)
		ok := len(chosen.Mailboxes) == want.chosen && len(unknown) == len(want.unknown)
		for i := range want.unknown {
			ok = ok && strings.HasPrefix(unknown[i].Word, want.unknown[i]) && unknown[i].Why != nil
		}
		if text == "everybody" && !strings.Contains(unknown[0].Why.Error(), "look for a name in the search") {
			t.Errorf("of what is no number it is said: %v", unknown[0].Why)
		}
		if !ok {
			t.Errorf("%q: %d chosen, unknown %v; want %d, %v", text, len(chosen.Mailboxes), unknown, want.chosen, want.unknown)
		}
	}
	if chosen, _ := d.ChooseFrom([]string{"all"}, []crypto.Number{crypto.Number(numbers[0])}); len(chosen.Mailboxes) != 4 || slices.Contains([]string{string(chosen.Mailboxes[0].Mailbox)}, numbers[0]) {
		t.Error("who was left out is chosen")
	}
}
