package verdict_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest/people"
	"valise/portal/verdict"
)

// The institution of docs/formats.md, with all that it signed.
const examples = "../../docs/example"

var exampleTime = time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)

func file(t *testing.T, name string) verdict.File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return verdict.File{Name: name, Data: data}
}

func files(t *testing.T, names string) (all []verdict.File) {
	for name := range strings.FieldsSeq(names) {
		all = append(all, file(t, name))
	}
	return all
}

func examplePin(t *testing.T) crypto.Pin {
	t.Helper()
	root, err := crypto.ParseCertificate(file(t, "root.asc").Data)
	if err != nil {
		t.Fatal(err)
	}
	return crypto.Pin{Fingerprint: root.Fingerprint()}
}

const staff = " root.asc author.asc approver.asc registrar.asc"

// judge judges with nobody to ask.
func judge(t *testing.T, pin crypto.Pin, given []verdict.File, now ...time.Time) []verdict.Verdict {
	t.Helper()
	verdicts, wanted := verdict.Case{Files: given, Pin: pin, Offline: true, Now: append(now, exampleTime)[0]}.Judge()
	if len(wanted) > 0 {
		t.Fatalf("asks for %q although there is nobody to ask", wanted)
	}
	return verdicts
}

func altered(f verdict.File, from, to string) verdict.File {
	f.Data = bytes.Replace(f.Data, []byte(from), []byte(to), 1)
	return f
}

// TestWhatSomebodyHasInHand: each thing is recognised, alone or with what belongs to it; what holds, holds, and what is missing is named.
func TestWhatSomebodyHasInHand(t *testing.T) {
	for given, want := range map[string]struct {
		outcome verdict.Outcome
		kind    verdict.Kind
		cause   string
	}{
		"statement-en.txt" + staff:                                  {verdict.Holds, verdict.StatementText, ""},
		"statement-en.md statement-en.md.asc" + staff:               {verdict.Holds, verdict.StatementText, ""},
		"statement-en.txt report.txt" + staff:                       {verdict.Holds, verdict.StatementText, ""},
		"statement-manifest.txt statement-manifest.txt.asc" + staff: {verdict.Holds, verdict.StatementManifest, ""},
		"notice.txt" + staff:                                        {verdict.Holds, verdict.NoticeManifest, ""},
		"receipt.txt.asc notice.txt issued.asc own.asc" + staff:     {verdict.Holds, verdict.Receipt, ""},
		"own.asc" + staff:                                           {verdict.Undecided, verdict.Representative, "before"},
		"own.asc issued.asc" + staff:                                {verdict.Fails, verdict.Representative, "broken-chain"},
		"issued.asc own.asc" + staff:                                {verdict.Holds, verdict.Representative, ""},
		"root.asc":                                                  {verdict.Holds, verdict.RootCertificate, ""},
		"statement-en.md" + staff:                                   {verdict.Undecided, verdict.StatementText, "signatures"},
		"statement-en.md.asc" + staff:                               {verdict.Undecided, verdict.Signatures, "text"},
		"receipt.txt.asc" + staff:                                   {verdict.Undecided, verdict.Receipt, "evidence"},
		"receipt.txt.asc notice.txt" + staff:                        {verdict.Undecided, verdict.Receipt, "chain"},
		"receipt.txt.asc issued.asc own.asc" + staff:                {verdict.Undecided, verdict.Receipt, "manifest"},
		"statement-receipt.txt.asc issued.asc own.asc" + staff:      {verdict.Undecided, verdict.StatementReceipt, "versions"},
		"message.asc":                                               {verdict.Undecided, verdict.Message, "sealed"},
		"statement-en.txt":                                          {verdict.Undecided, verdict.StatementText, "root"},
		"claim-code.txt":                                            {verdict.Undecided, verdict.Unknown, "kind"},
		"receipt.txt.asc notice.txt own.asc" + staff:                {verdict.Undecided, verdict.Receipt, "chain"},
		"statement-en.txt root.asc author.asc":                      {verdict.Fails, verdict.StatementText, "unknown-signer"},
	} {
		t.Run(given, func(t *testing.T) {
			verdicts := judge(t, examplePin(t), files(t, given))
			if len(verdicts) != 1 {
				t.Fatalf("%d verdicts", len(verdicts))
			}
			v := verdicts[0]
			if v.Outcome != want.outcome || v.Kind != want.kind || v.Cause != want.cause {
				t.Errorf("%s, %s, %q: %s %s", v.Outcome, v.Kind, v.Cause, v.Summary, v.Detail)
			}
			if (v.Err() == nil) != (want.outcome == verdict.Holds) {
				t.Errorf("the error is %v", v.Err())
			}
			t.Log(v.Summary)
			for _, lines := range [][]verdict.Line{{v.Summary}, v.Checked, v.Unchecked, v.Warnings} {
				for _, l := range lines {
					if text := l.String(); text == l.Code || strings.ContainsAny(text, "{}") {
						t.Errorf("%s is said as %q", l.Code, text)
					}
				}
			}
		})
	}
}

// TestWhatDoesNotHoldShowsNothing: neither title nor name of what was altered, swapped or of somebody else.
func TestWhatDoesNotHoldShowsNothing(t *testing.T) {
	statement, pin := file(t, "statement-en.txt"), examplePin(t)
	with := func(f ...verdict.File) []verdict.File { return append(f, files(t, staff)...) }
	asc := file(t, "statement-en.md.asc")
	author, approver, err := crypto.SplitStatementSignatures(asc.Data)
	if err != nil {
		t.Fatal(err)
	}
	frAuthor, frApprover, err := crypto.SplitStatementSignatures(file(t, "statement-fr.md.asc").Data)
	if err != nil {
		t.Fatal(err)
	}
	signatures := func(parts ...[]byte) verdict.File {
		return verdict.File{Name: "statement-en.md.asc", Data: joined(t, parts...)}
	}
	text := file(t, "statement-en.md")
	stranger := crypto.Pin{Fingerprint: "0123456789ABCDEF0123456789ABCDEF01234567"}
	for name, c := range map[string]struct {
		files []verdict.File
		pin   crypto.Pin
		cause string
	}{
		"text altered":                    {with(altered(statement, "Anomalous", "Normal")), pin, "altered"},
		"title altered":                   {with(altered(statement, "title: Security incident", "title: Security exercise")), pin, "altered"},
		"approval dropped":                {with(text, signatures(author)), pin, "not-approved"},
		"approval of another text":        {with(text, signatures(author, frApprover)), pin, "other-approval"},
		"author's of another text":        {with(text, signatures(frAuthor, approver)), pin, "other-signature"},
		"both of another text":            {with(text, signatures(frAuthor, frApprover)), pin, "altered"},
		"author in place of the approver": {with(text, signatures(author, author)), pin, "one-person"},
		"other institution":               {with(altered(statement, "institution: "+string(pin.Fingerprint[:4]), "institution: "+string(stranger.Fingerprint[:4]))), pin, "other-institution"},
		"other root":                      {with(statement), stranger, "other-root"},
		"cut off":                         {with(verdict.File{Name: "x.txt", Data: statement.Data[:len(statement.Data)/2]}), pin, "unreadable"},
		"attachment exchanged":            {with(statement, verdict.File{Name: "report.txt", Data: []byte("another")}), pin, "attachment"},
		"receipt altered":                 {append(with(altered(file(t, "receipt.txt.asc"), "decision: acknowledged", "decision: refused")), files(t, "notice.txt issued.asc own.asc")...), pin, "altered"},
	} {
		t.Run(name, func(t *testing.T) {
			verdicts := judge(t, c.pin, c.files)
			if len(verdicts) != 1 {
				t.Fatalf("%d verdicts", len(verdicts))
			}
			v := verdicts[0]
			if v.Outcome != verdict.Fails || v.Cause != c.cause {
				t.Errorf("%s, %q: %s %s", v.Outcome, v.Cause, v.Summary, v.Detail)
			}
			if f := v.Facts; f.Title != "" || f.Author != nil || f.Representative != "" || f.Notice != "" || f.Statement != "" {
				t.Errorf("shows %+v", f)
			}
			t.Log(v.Summary)
		})
	}
}

func joined(t *testing.T, parts ...[]byte) []byte {
	t.Helper()
	var raw []byte
	for _, p := range parts {
		raw = append(raw, binary(t, p)...)
	}
	return armored(raw)
}

// TestTheRootOnThePortalsWord: without the fingerprint from paper it is said on whose word the root was taken; and a certificate that comes with
// the file doesn't speak for itself.
func TestTheRootOnThePortalsWord(t *testing.T) {
	i := api.Institution{Root: string(file(t, "root.asc").Data)}
	for _, name := range []string{"author.asc", "approver.asc"} {
		i.Staff = append(i.Staff, string(file(t, name).Data))
	}
	body, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	c := verdict.Case{Files: files(t, "statement-en.txt"), Now: exampleTime, Answers: map[string]verdict.Answer{}}
	asked := 0
	verdicts, wanted := c.Judge()
	for len(wanted) > 0 {
		for _, path := range wanted {
			asked++
			c.Answers[path] = verdict.Answer{Status: 404}
			if path == verdict.InstitutionPath {
				c.Answers[path] = verdict.Answer{Status: 200, Body: body}
			}
		}
		verdicts, wanted = c.Judge()
	}
	v := verdicts[0]
	if v.Outcome != verdict.Holds || v.Facts.Paper || len(v.Warnings) == 0 || v.Warnings[0].Code != "warn-root" || asked != 2 {
		t.Errorf("%+v after %d questions", v, asked)
	}
	for _, v := range judge(t, crypto.Pin{}, files(t, "statement-en.txt"+staff)) {
		if v.Outcome != verdict.Undecided || v.Cause != "root" {
			t.Errorf("certificates that came with the file are believed: %+v", v)
		}
	}
	// Nor does an institution in evidence that somebody sent along, while the portal can't be reached: it is not the portal's word.
	sent := append(files(t, "receipt.txt.asc notice.txt issued.asc own.asc"), (&verdict.SavedEvidence{Format: verdict.EvidenceFormat, Institution: i}).File())
	away := verdict.Case{Files: sent, Now: exampleTime, Answers: map[string]verdict.Answer{verdict.InstitutionPath: {}}}
	if verdicts, _ := away.Judge(); len(verdicts) != 1 || verdicts[0].Outcome != verdict.Undecided || verdicts[0].Cause != "root" {
		t.Errorf("evidence that came with the file is believed: %+v", verdicts)
	}
}

// TestAProofByItself reads the example of docs/ledger.md.
func TestAProofByItself(t *testing.T) {
	data, err := os.ReadFile("../../docs/example-ledger/receipt.tlog-proof")
	if err != nil {
		t.Fatal(err)
	}
	v := judge(t, examplePin(t), append(files(t, staff), verdict.File{Name: "receipt.tlog-proof", Data: data}))[0]
	if v.Outcome != verdict.Undecided || v.Kind != verdict.Proof || v.Cause != "ledger-key" {
		t.Errorf("%+v", v)
	}
}

func FuzzJudge(f *testing.F) {
	for _, name := range []string{"statement-en.txt", "receipt.txt.asc", "notice.txt", "root.asc", "statement-manifest.txt"} {
		data, err := os.ReadFile(filepath.Join(examples, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	root, err := os.ReadFile(filepath.Join(examples, "root.asc"))
	if err != nil {
		f.Fatal(err)
	}
	c, err := crypto.ParseCertificate(root)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		given := []verdict.File{{Name: "a", Data: data}, {Name: "root.asc", Data: root}}
		for _, v := range (func() []verdict.Verdict {
			v, _ := verdict.Case{Files: given, Pin: crypto.Pin{Fingerprint: c.Fingerprint()}, Offline: true, Now: exampleTime}.Judge()
			return v
		})() {
			if v.Outcome != verdict.Holds && v.Outcome != verdict.Fails && v.Outcome != verdict.Undecided {
				t.Errorf("no outcome: %+v", v)
			}
		}
	})
}

// TestARoleThatHadEnded: who approves after the root took the role away approves nothing; what they had approved before still holds.
func TestARoleThatHadEnded(t *testing.T) {
	start := time.Now().Add(-3 * time.Hour).Truncate(time.Second)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	court := people.Found(start)
	author, approver := court.Hire("Amara Diallo", crypto.RoleAuthor), court.Hire("Chen Wei", crypto.RoleApprover)
	root, pin := court.Pin(), crypto.Pin{Fingerprint: court.Root.Certificate().Fingerprint()}
	gone := court.Certify(approver, start.Add(2*time.Hour)).Certificate()
	for when, want := range map[time.Duration]verdict.Outcome{time.Hour: verdict.Holds, 150 * time.Minute: verdict.Fails} {
		at := start.Add(when)
		signed, err := crypto.PrepareStatement(root, author, &crypto.StatementDraft{
			Statement: crypto.NewNumber(crypto.KindStatement), Revision: 1, Topic: "security",
			Languages: []crypto.StatementLanguage{{Language: "en", Title: "What we know", Body: "Little.\n"}},
		}, nil, at)
		must(err)
		submitted, err := root.VerifyStatementSubmission(signed, nil, []*crypto.Certificate{author.Certificate()}, at)
		must(err)
		signed, err = crypto.ApproveStatement(root, approver, submitted, at)
		must(err)
		text, err := signed.Texts[0].ClearSigned()
		must(err)
		v := judge(t, pin, []verdict.File{
			{Name: "en.txt", Data: text}, {Name: "root.asc", Data: court.Root.Certificate().Bytes()},
			{Name: "signers.asc", Data: []byte(author.Certificate().Armor() + gone.Armor())},
		}, time.Now())[0]
		if v.Outcome != want || want == verdict.Fails && v.Cause != "no-role" {
			t.Errorf("approved after %s: %s, %q: %s %s", when, v.Outcome, v.Cause, v.Summary, v.Detail)
		}
	}
}
