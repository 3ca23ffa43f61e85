package web

import (
	"slices"
	"testing"

	"valise/crypto"
	"valise/portal/ledger"
	"valise/portal/verdict"
)

// TestVerdictsAreSaidAsThePackageSaysThem: whatever a verdict can say, the catalogues have; in English it is the very sentence that the command line
// prints. That the other languages have the same keys and gaps, TestCataloguesHaveTheSameKeysAndGaps sees to.
func TestVerdictsAreSaidAsThePackageSaysThem(t *testing.T) {
	english, said := catalogues(t)["en"], verdict.English()
	for code, text := range said {
		if got := english[verdictPrefix+code]; got != text {
			t.Errorf("%s: the catalogue says %q, the package %q", code, got, text)
		}
	}
	var causes []string
	for _, c := range []crypto.Cause{
		crypto.CauseAltered, crypto.CauseNotApproved, crypto.CauseOtherApproval, crypto.CauseOtherSignature, crypto.CauseOnePerson, crypto.CauseUnknownSigner, crypto.CauseNoRole,
		crypto.CauseKeyNotGood, crypto.CauseWrongPurpose, crypto.CauseOtherInstitution, crypto.CauseOtherRoot, crypto.CauseOtherSubject, crypto.CauseBrokenChain, crypto.CauseRevoked, crypto.CauseWrongSequence,
	} {
		causes = append(causes, string(c))
	}
	for _, trouble := range []ledger.Trouble{
		ledger.WrongKey, ledger.WrongOrigin, ledger.Shrunk, ledger.Forked, ledger.Rewritten, ledger.Altered, ledger.Missing, ledger.Unwitnessed, ledger.Withheld,
	} {
		causes = append(causes, "ledger-"+string(trouble))
	}
	for _, cause := range causes {
		if said["cause-"+cause] == "" {
			t.Errorf("nothing is said when the cause is %s", cause)
		}
	}
	l, err := readLanguages()
	if err != nil {
		t.Fatal(err)
	}
	for tag, s := range l.spoken {
		for code := range said {
			if !slices.Contains(s.verdicts, code) {
				t.Errorf("the verify page in %s lacks %s", tag, code)
			}
		}
	}
}
