package route

import (
	"regexp"
	"strings"
	"testing"

	"valise/portal/portaltest"
)

// TestARealResolver: what Unbound says of zones that ldns signed and NSD serves is understood as what the tests' own resolver says; and whatever is done to a signed zone on the way, less than it promises is never
// taken.
func TestARealResolver(t *testing.T) {
	const host = "mx.mission.example"
	authority := portaltest.NewAuthority(t)
	leaf, other := authority.Issue(false, host).Leaf(), authority.Issue(false, host).Leaf()
	servers := []string{"mission.example. MX 10 mx.mission.example.", "mx.mission.example. A 127.0.0.1", "mx.mission.example. AAAA ::1"}
	pinned := append(servers, pin(t, host, 3, 1, 1, leaf))
	elsewhere := []string{"mission.example. MX 10 mx.hosting.example."}
	aliased := []string{"mission.example. MX 10 mx.mission.example.", "mx.mission.example. CNAME mx.hosting.example."}
	there := []string{"mx.hosting.example. A 127.0.0.1", pin(t, "mx.hosting.example", 3, 1, 1, leaf)}
	// altered puts something else in place of what a pattern matches in the signed zone.
	altered := func(pattern, by string) func(string) string {
		return func(signed string) string { return regexp.MustCompile("(?m)"+pattern).ReplaceAllString(signed, by) }
	}
	mission := func(records []string, change func(*portaltest.Zone)) []portaltest.Zone {
		z := portaltest.Zone{Name: "mission.example", Records: records}
		if change != nil {
			change(&z)
		}
		return []portaltest.Zone{z}
	}
	alter := func(pattern, by string) func(*portaltest.Zone) {
		return func(z *portaltest.Zone) { z.Alter = altered(pattern, by) }
	}
	hosting := func(z []portaltest.Zone, unsigned bool) []portaltest.Zone {
		return append(z, portaltest.Zone{Name: "hosting.example", Records: there, Unsigned: unsigned})
	}
	unsigned := func(z *portaltest.Zone) { z.Unsigned = true }
	for name, c := range map[string]struct {
		zones []portaltest.Zone
		want  string
	}{
		"signed and pinned":               {mission(pinned, nil), host + " DANE"},
		"signed, nothing pinned":          {mission(servers, nil), host},
		"signed, no server":               {mission([]string{"mission.example. TXT x"}, nil), ErrNoMail.Error()},
		"signed, no such domain":          {nil, ErrNoMail.Error()},
		"not signed":                      {mission(pinned, unsigned), host},
		"signed, at one that isn't":       {hosting(mission(elsewhere, nil), true), "mx.hosting.example"},
		"signed, at one that is":          {hosting(mission(elsewhere, nil), false), "mx.hosting.example DANE"},
		"not signed, at one that is":      {hosting(mission(elsewhere, unsigned), false), "mx.hosting.example"},
		"alias to what is signed":         {hosting(mission(aliased, nil), false), host + " DANE"},
		"alias to what isn't":             {hosting(mission(append(aliased, pin(t, host, 3, 1, 1, leaf)), nil), true), host + " DANE"},
		"another key pinned on the way":   {mission(pinned, alter(`^_25\S+\s.*\sTLSA\s+3 1 1 .*$`, pin(t, host, 3, 1, 1, other))), ErrNoAnswer.Error()},
		"the pin taken out":               {mission(pinned, alter(`^_25\S+\s.*\s(RRSIG\s+TLSA|TLSA)\s.*\n`, "")), ErrNoAnswer.Error()},
		"… with all that is signed of it": {mission(pinned, alter(`^_25.*\n`, "")), ErrNoAnswer.Error()},
		"its signature taken out":         {mission(pinned, alter(`^_25\S+\s.*\sRRSIG\s+TLSA\s.*\n`, "")), ErrNoAnswer.Error()},
		"another server named":            {mission(pinned, alter(`MX\s+10 mx\.`, "MX 10 evil.")), ErrNoAnswer.Error()},
		"all signatures taken out":        {mission(pinned, alter(`^\S+\s.*\s(RRSIG|NSEC|DNSKEY)\s.*\n`, "")), ErrNoAnswer.Error()},
		"signatures that are over":        {mission(pinned, func(z *portaltest.Zone) { z.Over = true }), ErrNoAnswer.Error()},
		"signed by another key":           {mission(pinned, func(z *portaltest.Zone) { z.Replaced = true }), ErrNoAnswer.Error()},
		"the server's address altered":    {mission(pinned, alter(`A\s+127\.0\.0\.1$`, "A 127.0.0.2")), host + " DANE"}, // what is said of its other address holds
		"all its addresses altered":       {mission(pinned, alter(`^(mx\.mission\S*\s.*)(A\s+127\.0\.0\.1|AAAA\s+::1)$`, "${1}TXT x")), ErrNoAnswer.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := portaltest.StartSignedDNS(t, c.zones...)
			if !Verifies(t.Context(), d.Address) {
				t.Error("the resolver is not believed")
			}
			if got := ways(t, finder(t, Options{Resolver: d.Address}), "mission.example"); got != c.want {
				t.Error(strings.TrimSpace(got))
			}
		})
	}
}
