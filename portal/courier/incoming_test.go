package courier

import (
	"strings"
	"testing"
)

// TestMarksOfQuotesMayBeAnything: a stranger's mail must not end the courier. A space that doesn't break is two octets, and becomes one.
func TestMarksOfQuotesMayBeAnything(t *testing.T) {
	if e, err := parseMail([]byte("Subject: r\n\n" + strings.Repeat("\u00a0", 500) + signedBegin + "\n" + signedEnd + "\n")); err != nil {
		t.Error(err)
	} else {
		e.receipts()
	}
	for _, mark := range []string{strings.Repeat("\u00a0", 500), "> \u00a0> ", strings.Repeat(">", 1000), "\u00a0\r\n", "x\u00a0", ""} {
		e, err := parseMail([]byte("Subject: r\n\n" + mark + signedBegin + "\n" + mark + "text\n" + mark + signedEnd + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		found, _ := e.receipts()
		for _, r := range found {
			if len(r) == 0 || !strings.HasPrefix(string(r[0]), signedBegin) {
				t.Errorf("%.20q: %.60q", mark, r[0])
			}
		}
		if wanted := strings.Trim(mark, "> \u00a0\r\n") == ""; (len(found) == 1) != wanted {
			t.Errorf("%.20q: %d", mark, len(found))
		}
	}
}
