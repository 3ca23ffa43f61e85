package web

import (
	"strings"
	"testing"
	"testing/fstest"

	"valise/portal"
)

// What comes along can be chosen in both languages, says how to reach the institution, and what differs from one to the other has its fields.
func TestTheTemplatesThatComeAlong(t *testing.T) {
	all, err := DefaultNoticeTemplates()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 4 {
		t.Errorf("there are %d", len(all))
	}
	personal := 0
	court := portal.Institution{Name: map[string]string{"en": "Court", "fr": "Cour"}, Languages: []string{"en", "fr"}, Contact: []string{"Registry: +31 70 000 0000"}}
	for _, tag := range []string{"en", "fr", "de"} {
		choices, err := noticeChoices(all, court, tag)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range choices {
			if c.Title == "" || c.Hint == "" || c.Title != all[i].Title[c.Language] {
				t.Errorf("%s in %s: %+v", c.Name, tag, c)
			}
			if !strings.Contains(c.Value, "+31 70 000 0000") || strings.Contains(c.Value, "{{") {
				t.Errorf("%s does not say how to reach the institution", c.Name)
			}
			if c.Personal {
				personal++
			}
		}
	}
	if personal != 3 {
		t.Errorf("%d templates say something to each one, in three languages", personal)
	}
	for _, template := range all {
		for _, tag := range []string{"en", "fr"} {
			if texts := template.Texts[tag]; texts.Text == "" || (texts.Personal == "") != (len(template.Fields) == 0) {
				t.Errorf("%s in %s: %+v", template.Name, tag, texts)
			}
		}
	}
}

// A mistake in an institution's own template stops the start, and says what to do.
func TestMistakesInTemplatesAreNamed(t *testing.T) {
	const good = "title.en = \"Drill\"\n[text.en]\nsubject = \"A drill\"\ntext = \"This is a drill.\"\n"
	if _, err := ReadNoticeTemplates(fstest.MapFS{"drill.toml": {Data: []byte(good)}, "note.txt": {Data: []byte("not read")}}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"tittle.en = \"x\"\n" + good:                                                 `the key "tittle.en" is not known`,
		"title.en = \"Drill\"\n":                                                     "it has no text",
		"[text.en]\nsubject = \"A\"\ntext = \"B\"\n":                                 "no title",
		strings.Replace(good, "\"A drill\"", "\" \"", 1):                             "needs subject and text",
		strings.ReplaceAll(good, ".en", ".english_"):                                 "no tag of a language",
		good + "personal = \"{who}\"\n":                                              "{who}, which is no field",
		good + "[[field]]\nname = \"a{b\"\n":                                         "can't be a field's name",
		good + "[[field]]\nname = \"a\"\n[[field]]\nname=\"a\"\n":                    "twice",
		good + "[policy]\ndeadline-hours = 4\n":                                      "add acknowledge = true",
		good + "[policy]\nacknowledge = true\ndeadline-hours = 4\nreminders = [4]\n": "more than the first",
		good + "[policy]\nfallback = \"soon\"\n":                                     "fallback",
		good + "[policy]\nescalate-hours = 721\n":                                    "between 0 and 720",
		"title = [\n": "drill.toml",
	} {
		_, err := ReadNoticeTemplates(fstest.MapFS{"drill.toml": {Data: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "drill.toml") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := ReadNoticeTemplates(fstest.MapFS{}); err == nil {
		t.Error("a folder without templates is taken")
	}
}
