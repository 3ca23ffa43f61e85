package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/language"

	"valise/crypto"
	"valise/portal"
	"valise/templates"
)

// NoticeTemplate is what a notice can begin with: texts to be finished by an author, and how such a notice usually goes out. It is the institution's configuration, one file (TOML)
// each; templates/notices has those that are there when the institution has none of its own:
//
//	[title]                                # what staff choose by; by language
//	en = "First warning"
//
//	[hint]                                 # when it is the right one
//	en = "Something has happened, and little is known yet."
//
//	[policy]                               # all of it may be left out, and changed by the author
//	acknowledge = true
//	deadline-hours = 48                    # from when it is chosen
//	reminders = [24, 4]                    # hours before the deadline, falling
//	fallback = "at-once"                   # none, at-once, after 12h
//	escalate-hours = 24
//	urgent = true
//
//	[[field]]                              # what each recipient's personal part is filled in with
//	name = "what"
//	hint.en = "What information it is, in everyday words"
//
//	[text.en]                              # by language, as many as there are
//	subject = "…"
//	text = """…"""                         # Markdown; [what stands in brackets] is for the author to fill in, {{contact}} and {{institution}} are filled in already
//	personal = """**What it is:** {what}"""  # for each recipient; {field}
type NoticeTemplate struct {
	Name   string                 `toml:"-"` // of its file, without the ending
	Title  map[string]string      `toml:"title"`
	Hint   map[string]string      `toml:"hint"`
	Policy NoticePolicy           `toml:"policy"`
	Fields []NoticeField          `toml:"field"`
	Texts  map[string]NoticeTexts `toml:"text"`
}

// NoticePolicy is how notices that begin with a template usually go out.
type NoticePolicy struct {
	Acknowledge   bool   `toml:"acknowledge" json:"acknowledge"`
	DeadlineHours int    `toml:"deadline-hours" json:"deadlineHours"` // 0: none
	Reminders     []int  `toml:"reminders" json:"reminders"`
	Fallback      string `toml:"fallback" json:"fallback"` // "": none
	EscalateHours int    `toml:"escalate-hours" json:"escalate"`
	Urgent        bool   `toml:"urgent" json:"urgent"`
}

// NoticeField is one that differs from recipient to recipient.
type NoticeField struct {
	Name string            `toml:"name"`
	Hint map[string]string `toml:"hint"`
}

// NoticeTexts are the texts of a template in one language.
type NoticeTexts struct {
	Subject  string `toml:"subject" json:"subject"`
	Text     string `toml:"text" json:"text"`
	Personal string `toml:"personal" json:"personal"`
}

const (
	maxNoticeTemplates    = 50
	maxNoticeTemplateFile = 256 << 10 // bytes
)

var (
	fieldName   = regexp.MustCompile(`^[\pL\pN][\pL\pN _-]{0,39}$`)
	fieldInText = regexp.MustCompile(`\{([^{}\n]*)\}`)
)

// DefaultNoticeTemplates are those that are there when the institution has none of its own.
func DefaultNoticeTemplates() ([]NoticeTemplate, error) {
	files, err := fs.Sub(templates.Notices, "notices")
	if err != nil {
		return nil, err
	}
	return ReadNoticeTemplates(files)
}

// ReadNoticeTemplates reads the files NAME.toml of a folder, in the order of their names. Unknown keys are refused, so that a typing error is not passed over, and whatever an author
// could not seal.
func ReadNoticeTemplates(folder fs.FS) ([]NoticeTemplate, error) {
	names, err := fs.Glob(folder, "*.toml")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return nil, errors.New("there is no template of a notice (NAME.toml) in the folder")
	case len(names) > maxNoticeTemplates:
		return nil, fmt.Errorf("%d templates of notices are more than the %d that one can choose from", len(names), maxNoticeTemplates)
	}
	read := make([]NoticeTemplate, len(names))
	for i, name := range names {
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		if len(data) > maxNoticeTemplateFile {
			return nil, fmt.Errorf("%s has %d bytes, more than the %d that a template may have", name, len(data), maxNoticeTemplateFile)
		}
		found, err := toml.Decode(string(data), &read[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if unknown := found.Undecoded(); len(unknown) > 0 {
			return nil, fmt.Errorf("%s: the key %q is not known; the keys are title, hint, policy, field and text", name, unknown[0])
		}
		read[i].Name = strings.TrimSuffix(path.Base(name), ".toml")
		if err := read[i].check(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return read, nil
}

// check says what is missing or wrong.
func (t NoticeTemplate) check() error {
	if len(t.Texts) == 0 {
		return errors.New("it has no text; add [text.en] with subject and text")
	}
	names := make(map[string]bool)
	for _, f := range t.Fields {
		switch {
		case !fieldName.MatchString(f.Name):
			return fmt.Errorf("%q can't be a field's name; it has letters, digits, spaces, hyphens and underscores, at most 40", f.Name)
		case names[f.Name]:
			return fmt.Errorf("the field %q is there twice", f.Name)
		}
		names[f.Name] = true
	}
	for tag, texts := range t.Texts {
		if _, err := language.Parse(tag); err != nil {
			return fmt.Errorf("[text.%s]: that is no tag of a language; it looks like en or zh-Hant", tag)
		}
		if strings.TrimSpace(t.Title[tag]) == "" {
			return fmt.Errorf("it has a text in %q and no title; add it under [title]", tag)
		}
		switch {
		case strings.TrimSpace(texts.Subject) == "" || strings.TrimSpace(texts.Text) == "":
			return fmt.Errorf("[text.%s] needs subject and text", tag)
		case len([]rune(texts.Subject)) > crypto.MaxSubject:
			return fmt.Errorf("[text.%s]: the subject has more than %d characters", tag, crypto.MaxSubject)
		case len(texts.Text) > crypto.MaxText:
			return fmt.Errorf("[text.%s]: the text has more than %d bytes", tag, crypto.MaxText)
		}
		for _, m := range fieldInText.FindAllStringSubmatch(texts.Personal, -1) {
			if !names[m[1]] {
				return fmt.Errorf("[text.%s]: the personal text names {%s}, which is no field; add [[field]] with that name", tag, m[1])
			}
		}
	}
	return t.Policy.check()
}

// check refuses what no notice could be sealed with.
func (p NoticePolicy) check() error {
	const most, mostEscalate = 24 * 365, 720 // hours
	if p.Fallback != "" {
		if _, err := crypto.ParseFallback(p.Fallback); err != nil {
			return fmt.Errorf("fallback = %q: %w", p.Fallback, err)
		}
	}
	if _, err := crypto.ParseReminders(crypto.ReminderText(p.Reminders)); err != nil {
		return fmt.Errorf("reminders = %v: %w", p.Reminders, err)
	}
	switch {
	case p.DeadlineHours < 0 || p.DeadlineHours > most:
		return fmt.Errorf("deadline-hours = %d must be between 0 and %d", p.DeadlineHours, most)
	case p.DeadlineHours > 0 && !p.Acknowledge:
		return errors.New("deadline-hours is for the acknowledgement; add acknowledge = true")
	case len(p.Reminders) > 0 && p.Reminders[0] >= p.DeadlineHours:
		return errors.New("reminders are hours before the deadline, so deadline-hours must be more than the first of them")
	case p.EscalateHours < 0 || p.EscalateHours > mostEscalate:
		return fmt.Errorf("escalate-hours = %d must be between 0 and %d", p.EscalateHours, mostEscalate)
	}
	return nil
}

// templateChoice is a template in the page: what staff choose by, and the rest for the script.
type templateChoice struct {
	Name, Title, Hint string
	Language          string // of title and hint
	Personal          bool   // something in it differs from recipient to recipient
	Value             string // JSON
}

// choices are the templates as whoever reads tag sees them, with what is the institution's filled in.
func noticeChoices(all []NoticeTemplate, i portal.Institution, tag string) ([]templateChoice, error) {
	choices := make([]templateChoice, len(all))
	for n, t := range all {
		spoken := nearest(t.Title, tag, i.Languages)
		value := struct {
			Policy NoticePolicy           `json:"policy"`
			Fields []map[string]string    `json:"fields"`
			Texts  map[string]NoticeTexts `json:"texts"`
		}{Policy: t.Policy, Fields: []map[string]string{}, Texts: make(map[string]NoticeTexts)}
		if value.Policy.Fallback == "" {
			value.Policy.Fallback = string(crypto.FallbackNone)
		}
		if value.Policy.Reminders == nil {
			value.Policy.Reminders = []int{}
		}
		for _, f := range t.Fields {
			value.Fields = append(value.Fields, map[string]string{"name": f.Name, "hint": f.Hint[nearest(f.Hint, tag, i.Languages)]})
		}
		for language, texts := range t.Texts {
			own := strings.NewReplacer("{{institution}}", i.NameIn(language), "{{contact}}", contactLines(i.Contact))
			value.Texts[language] = NoticeTexts{Subject: own.Replace(texts.Subject), Text: own.Replace(strings.TrimLeft(texts.Text, "\n")), Personal: own.Replace(strings.TrimLeft(texts.Personal, "\n"))}
		}
		data, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		choices[n] = templateChoice{Name: t.Name, Title: t.Title[spoken], Hint: t.Hint[spoken], Language: spoken, Personal: len(t.Fields) > 0, Value: string(data)}
	}
	return choices, nil
}

// contactLines are the institution's, as a list in Markdown.
func contactLines(lines []string) string {
	if len(lines) == 0 {
		return "- [how to reach us: telephone, hours, address]"
	}
	return "- " + strings.Join(lines, "\n- ")
}

// nearest is the language in which something is said to whoever reads tag: that one, else the first of the institution's, else any.
func nearest(texts map[string]string, tag string, working []string) string {
	for _, wanted := range append([]string{tag}, working...) {
		if texts[wanted] != "" {
			return wanted
		}
	}
	var have []string
	for language := range texts {
		have = append(have, language)
	}
	if len(have) == 0 {
		return ""
	}
	return slices.Min(have)
}
