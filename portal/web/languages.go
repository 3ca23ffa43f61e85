package web

import (
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"valise/templates"
)

// languageCookie remembers the interface language that somebody picked. It says nothing else and goes when the browser closes.
const languageCookie = "language"

// rightToLeft are the scripts that are written so.
var rightToLeft = []string{"Arab", "Hebr", "Thaa", "Syrc"}

// languages are the interface languages: one for each catalogue.
type languages struct {
	tags    []language.Tag // English first: it is the one that is fallen back to
	matcher language.Matcher
	spoken  map[string]*spoken // by tag
}

// spoken is one interface language.
type spoken struct {
	tag       string
	direction string // "ltr", "rtl"
	localizer *i18n.Localizer
	months    []string
	scripts   []word   // what the scripts say
	verdicts  []string // codes of what a verdict can say; the keys behind verdictPrefix
}

// word is one message that is handed to the scripts.
type word struct{ Key, Text string }

// scriptPrefix is how the keys of such messages start.
const scriptPrefix = "js."

// verdictPrefix is how the keys of what package portal/verdict says start. Only the verify page has them.
const verdictPrefix = "verdict."

// frenchSpaces makes the spaces that French has before and inside of its signs such that no line breaks there, narrow where it wants them
// narrow. The catalogue has ordinary ones: others can't be seen by who writes it.
var frenchSpaces = strings.NewReplacer("« ", "«\u00a0", " »", "\u00a0»", " :", "\u00a0:", " ;", "\u202f;", " ?", "\u202f?", " !", "\u202f!")

// readLanguages reads all catalogues.
func readLanguages() (*languages, error) {
	files, err := fs.Glob(templates.Messages, "messages/*.toml")
	if err != nil {
		return nil, err
	}
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	l := &languages{tags: []language.Tag{language.English}, spoken: make(map[string]*spoken)}
	keys := make(map[string][]string)
	for _, name := range files {
		data, err := fs.ReadFile(templates.Messages, name)
		if err != nil {
			return nil, err
		}
		if strings.TrimSuffix(path.Base(name), ".toml") == "fr" {
			data = []byte(frenchSpaces.Replace(string(data)))
		}
		file, err := bundle.ParseMessageFileBytes(data, name)
		if err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", name, err)
		}
		if file.Tag != language.English {
			l.tags = append(l.tags, file.Tag)
		}
		for _, m := range file.Messages {
			keys[file.Tag.String()] = append(keys[file.Tag.String()], m.ID)
		}
	}
	l.matcher = language.NewMatcher(l.tags)
	for _, tag := range l.tags {
		s := &spoken{tag: tag.String(), direction: direction(tag), localizer: i18n.NewLocalizer(bundle, tag.String())}
		slices.Sort(keys[s.tag])
		for _, key := range keys[s.tag] {
			if rest, ok := strings.CutPrefix(key, scriptPrefix); ok {
				text, err := s.say(key, nil, nil)
				if err != nil {
					return nil, err
				}
				s.scripts = append(s.scripts, word{rest, text})
			}
			if code, ok := strings.CutPrefix(key, verdictPrefix); ok {
				s.verdicts = append(s.verdicts, code)
			}
		}
		months, err := s.say(scriptPrefix+"months", nil, nil)
		if err != nil {
			return nil, err
		}
		if s.months = strings.Split(months, "|"); len(s.months) != 12 {
			return nil, fmt.Errorf("catalogue %s: %smonths has %d names", s.tag, scriptPrefix, len(s.months))
		}
		l.spoken[s.tag] = s
	}
	return l, nil
}

// direction is in which a language is written: "ltr" or "rtl".
func direction(tag language.Tag) string {
	if script, _ := tag.Script(); slices.Contains(rightToLeft, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// catalogueTags are the tags of the interface languages, sorted.
func catalogueTags() []string {
	files, err := fs.Glob(templates.Messages, "messages/*.toml")
	if err != nil { // the pattern is wrong
		panic(err)
	}
	for i, name := range files {
		files[i] = strings.TrimSuffix(path.Base(name), ".toml")
	}
	return files
}

// pick decides the language of a request: what its address asks for (and then remembers it), what was picked before, what the browser
// prefers, English.
func (l *languages) pick(w http.ResponseWriter, r *http.Request, secure bool) *spoken {
	if wanted := l.spoken[r.URL.Query().Get("lang")]; wanted != nil {
		http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: wanted.tag, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		return wanted
	}
	if cookie, err := r.Cookie(languageCookie); err == nil && l.spoken[cookie.Value] != nil {
		return l.spoken[cookie.Value]
	}
	return l.preferred(r)
}

// preferred is what the browser prefers of the interface languages, or English.
func (l *languages) preferred(r *http.Request) *spoken {
	_, i, _ := l.matcher.Match(acceptedLanguages(r)...)
	return l.spoken[l.tags[i].String()]
}

// wishOf is the languages that a browser asks for, "" when it says more than is needed.
func wishOf(r *http.Request) string {
	wish := r.Header.Get("Accept-Language")
	if len(wish) > 200 {
		return ""
	}
	return wish
}

// acceptedLanguages are what a browser asks for, the most wanted first; nil when it says nothing that can be read.
func acceptedLanguages(r *http.Request) []language.Tag {
	tags, _, err := language.ParseAcceptLanguage(wishOf(r))
	if err != nil {
		return nil
	}
	return tags
}

// say returns a message; a key that no catalogue has is an error. count is for plurals, or nil.
func (s *spoken) say(key string, data map[string]any, count any) (string, error) {
	return s.localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data, PluralCount: count})
}

// Time writes a time with its hour and its offset from UTC, which it keeps: everybody reads the hour that was meant.
func (s *spoken) Time(t time.Time) (string, error) { return s.moment(scriptPrefix+"time", t) }

// Date writes the day only.
func (s *spoken) Date(t time.Time) (string, error) { return s.moment("date", t) }

// DateTime is for <time datetime>.
func (*spoken) DateTime(t time.Time) string { return t.Format(time.RFC3339) }

func (s *spoken) moment(key string, t time.Time) (string, error) {
	form, err := s.say(key, nil, nil)
	if err != nil {
		return "", err
	}
	offset := t.Format("-07:00")
	if offset == "+00:00" {
		offset = ""
	}
	return strings.NewReplacer(
		"{day}", fmt.Sprint(t.Day()), "{month}", s.months[t.Month()-1], "{year}", fmt.Sprint(t.Year()),
		"{hour}", t.Format("15"), "{minute}", t.Format("04"), "{offset}", "UTC"+strings.Replace(offset, "-", "−", 1),
	).Replace(form), nil
}
