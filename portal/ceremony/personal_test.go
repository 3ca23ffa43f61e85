package ceremony

import (
	"errors"
	"strings"
	"testing"

	"valise/crypto"
)

func TestPersonalTextsAreFilledFromATable(t *testing.T) {
	one, two := crypto.NewNumber(crypto.KindState), crypto.NewNumber(crypto.KindIndividual)
	texts := []crypto.PersonalText{
		{Language: "en", Text: "Of your files, {count} were read: {files}. Write {{this}}.\n"},
		{Language: "fr", Text: "Parmi vos dossiers, {count} ont été lus.\n"},
	}
	for name, table := range map[string]string{
		"commas":          "mailbox,count,files\n" + string(one) + ",2,\"A-1, A-2\"\n" + strings.ToLower(string(two)) + ",1,\"B\r\nC\"\n,,\n",
		"semicolons, BOM": "\ufeffMailbox;count;files;not used\r\n" + string(one) + ";2;A-1, A-2;\r\n" + string(two) + ";1;\"B\r\nC\";x\r\n",
		"tabs":            "mailbox\tcount\tfiles\n" + string(one) + "\t2\tA-1, A-2\n" + string(two) + "\t1\t\"B\nC\"\n",
	} {
		read, err := ReadPersonalTable([]byte(table))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		filled, err := read.Fill(texts)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(filled) != 2 || filled[one][0].Text != "Of your files, 2 were read: A-1, A-2. Write {this}.\n" || filled[two][1].Text != "Parmi vos dossiers, 1 ont été lus.\n" ||
			!strings.Contains(filled[two][0].Text, "B\nC") || filled[one][1].Language != "fr" {
			t.Errorf("%s: %+v", name, filled)
		}
	}
}

func TestATableSaysWhatIsWrongWithWhichLine(t *testing.T) {
	one, two := string(crypto.NewNumber(crypto.KindState)), string(crypto.NewNumber(crypto.KindState))
	texts := []crypto.PersonalText{{Language: "en", Text: "Read: {files}, on {day}.\n"}}
	for name, c := range map[string]struct{ table, want string }{
		"nothing":          {"", "is empty"},
		"no rows":          {"mailbox,files,day\n", "names no mailbox"},
		"another header":   {"number,files,day\n", `line 1: the first column is "number"`},
		"a column twice":   {"mailbox,files,files\n", "line 1: two columns"},
		"no mailbox":       {"mailbox,files,day\n" + one + ",a,b\nS-0000,a,b\n", "line 3: "},
		"a notice":         {"mailbox,files,day\n" + string(crypto.NewNumber(crypto.KindNotice)) + ",a,b\n", "line 2: "},
		"twice":            {"mailbox,files,day\n" + one + ",a,b\n" + two + ",a,b\n" + one + ",c,d\n", "line 4: " + one + " stands in line 2 already"},
		"too few":          {"mailbox,files,day\n" + one + ",a\n", "line 2: there are 2 columns"},
		"missing value":    {"mailbox,files,day\n" + one + ",a,b\n" + two + ",a, \n", "line 3, " + two + ": the value of {day} is missing"},
		"no such field":    {"mailbox,files\n" + one + ",a\n", "names {day}"},
		"quotes":           {"mailbox,files,day\n" + one + ",\"a,b\n", "line 2: "},
		"another encoding": {"mailbox,files,day\n" + one + ",a,\xe9\n", "UTF-8"},
	} {
		read, err := ReadPersonalTable([]byte(c.table))
		if err == nil {
			_, err = read.Fill(texts)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
	read, err := ReadPersonalTable([]byte("mailbox,files,day\n" + one + ",a,b\n" + two + ",a,b\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := read.CheckMailboxes([]crypto.Number{crypto.Number(one)}); err == nil || !strings.Contains(err.Error(), "line 3: the notice does not go to "+two) {
		t.Error(err)
	}
}

// TestAPersonalTextEndsWithItsLine: a page's texts have no line feed at their end, and mu shows the next part behind what has none.
func TestAPersonalTextEndsWithItsLine(t *testing.T) {
	one := crypto.NewNumber(crypto.KindState)
	texts := []crypto.PersonalText{{Language: "en", Text: "Read: {files}"}, {Language: "fr", Text: "Lus\u00a0: {files}\n"}}
	for value, ends := range map[string]string{"A-1": "A-1\n", "A-1\r\n": "A-1\n"} {
		filled, err := FillPersonal(texts[:1], nil, map[crypto.Number]map[string]string{one: {"files": value}})
		if err != nil || !strings.HasSuffix(filled[one][0].Text, ends) || strings.HasSuffix(filled[one][0].Text, "\n\n") {
			t.Errorf("%q: %v, %v", value, filled, err)
		}
	}
	filled, err := FillPersonal(texts, nil, map[crypto.Number]map[string]string{one: {"files": "A-1"}})
	if err != nil || filled[one][0].Text != "Read: A-1\n" || filled[one][1].Text != "Lus\u00a0: A-1\n" {
		t.Errorf("%v, %v", filled, err)
	}
}

func TestPlaceholdersThatAreRefused(t *testing.T) {
	of := map[crypto.Number]map[string]string{crypto.NewNumber(crypto.KindState): {"a": "1"}}
	for _, text := range []string{"{a", "a}", "{}", "{ a}", "{a\n}", "{b}", "{a}{"} {
		_, err := FillPersonal([]crypto.PersonalText{{Language: "en", Text: text}}, []string{"a"}, of)
		if err == nil {
			t.Errorf("%q was filled", text)
		}
	}
	_, err := FillPersonal([]crypto.PersonalText{{Language: "en", Text: "{b}"}}, nil, of)
	var problem *PersonalProblem
	if !errors.As(err, &problem) || problem.Field != "b" {
		t.Error(err)
	}
	if _, err := FillPersonal(nil, nil, of); err == nil {
		t.Error("values without a text")
	}
	if filled, err := FillPersonal(nil, nil, nil); filled != nil || err != nil {
		t.Error(filled, err)
	}
}
