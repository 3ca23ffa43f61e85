package api

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"valise/crypto"
)

// Whoever opens a table in a spreadsheet must not run what somebody called themselves.
func TestATableHoldsNoFormula(t *testing.T) {
	for _, name := range []string{"=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u00a0=1", "＝1", "|x", "\n=1"} {
		lines, err := csv.NewReader(strings.NewReader(string(Table([][]string{{name, "Elbonia, \"the\" =Republic"}})))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if got := lines[0][0]; !strings.HasPrefix(got, "'") || lines[0][1] != "Elbonia, \"the\" =Republic" {
			t.Errorf("%q is written %q", name, lines[0])
		}
	}
	// Where a semicolon parts cells, the second one begins behind it.
	for name, want := range map[string]string{
		"Elbonia;=1+cmd|' /C calc'!A0;": "Elbonia;'=1+cmd|' /C calc'!A0;", "a; +1;b": "a;' +1;b", ";=1": ";'=1", "=1;=2": "'=1;'=2", "a;b=1": "a;b=1", "Saint-Martin; A": "Saint-Martin; A",
	} {
		if got := cell(name); got != want {
			t.Errorf("%q is written %q", name, got)
		}
	}
	if got := string(Table([][]string{{"a", "b"}, {"", "two\nlines"}})); got != "a,b\r\n,\"two\r\nlines\"\r\n" {
		t.Errorf("%q", got)
	}
}

func TestStatusTable(t *testing.T) {
	at := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	here := at.In(time.FixedZone("", 3600))
	s := Status{Mailboxes: []MailboxStatus{
		{Mailbox: "S-7K2M9QXD", Delivered: &at, Opened: &at, Acknowledged: &at, By: "S-7K2M9QXD/2", Decision: crypto.DecisionRefused},
		{Mailbox: "I-7K2M9QXD", Delivered: &at, Overdue: true, Reminded: &at, Contacted: &LastContact{crypto.ByCourier, crypto.ContactNotReached, here}},
		{Mailbox: "O-7K2M9QXD"},
	}}
	const head = "mailbox,stakeholder,state,delivered,opened,answered,by,name,overdue,reminded,contacted,way,outcome\r\n"
	const bare = "S-7K2M9QXD,,refused,2026-01-15T12:00:00Z,2026-01-15T12:00:00Z,2026-01-15T12:00:00Z,S-7K2M9QXD/2,,no,,,,\r\n" +
		"I-7K2M9QXD,,delivered,2026-01-15T12:00:00Z,,,,,yes,2026-01-15T12:00:00Z,2026-01-15T13:00:00+01:00,courier,not-reached\r\n" +
		"O-7K2M9QXD,,waiting,,,,,,no,,,,\r\n"
	if got := string(StatusTable(s, StatusNames{})); got != head+bare {
		t.Errorf("without names:\n%s", got)
	}
	named := string(StatusTable(s, StatusNames{
		Stakeholder: func(crypto.Number) string { return "=Elbonia" }, Person: func(string) string { return "Ama Mensah" },
	}))
	if !strings.Contains(named, "S-7K2M9QXD,'=Elbonia,refused,") || !strings.Contains(named, ",S-7K2M9QXD/2,Ama Mensah,no") || strings.Count(named, "Ama Mensah") != 1 {
		t.Errorf("with names:\n%s", named)
	}
}
