package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"

	"valise/portal"
	"valise/templates"
)

// catalogues reads all keys with their texts, by language.
func catalogues(t *testing.T) map[string]map[string]string {
	t.Helper()
	files, err := fs.Glob(templates.Messages, "messages/*.toml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d catalogues, %v", len(files), err)
	}
	all := make(map[string]map[string]string)
	for _, name := range files {
		data, err := fs.ReadFile(templates.Messages, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := i18n.ParseMessageFileBytes(data, name, map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[file.Tag.String()] = make(map[string]string)
		for _, m := range file.Messages {
			all[file.Tag.String()][m.ID] = m.Other
		}
	}
	return all
}

var gap = regexp.MustCompile(`\{\{?\.?\w+\}?\}`)

func TestCataloguesHaveTheSameKeysAndGaps(t *testing.T) {
	all := catalogues(t)
	for language, messages := range all {
		for key, english := range all["en"] {
			text, ok := messages[key]
			if !ok || strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is missing", language, key)
				continue
			}
			want, got := gap.FindAllString(english, -1), gap.FindAllString(text, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s: %s has the gaps %v, in English %v", language, key, got, want)
			}
		}
		for key := range messages {
			if _, ok := all["en"][key]; !ok {
				t.Errorf("%s: %s is in no other catalogue", language, key)
			}
		}
	}
}

// keysInUse are the patterns by which templates and scripts name a message; a group that ends in a dot or hyphen has more after it.
var keysInUse = []*regexp.Regexp{
	regexp.MustCompile(`\.TN? "([^"]+)"`),
	regexp.MustCompile(`\.T \(print "([^"]+)"`),
}

// ownInUse is how the parts in which statements and notices are written name a message of their page.
var ownInUse = regexp.MustCompile(`\.Own "([^"]+)"`)

// saidInGo is how the server's own code names a message.
var saidInGo = regexp.MustCompile(`\.(?:say|T|TN)\("([^"]+)"`)

var wordsInUse = regexp.MustCompile("word\\((?:[^'`]*\\? ?)?['`]([\\w-]+)(\\$\\{)?")

func TestEveryKeyIsThereAndInUse(t *testing.T) {
	english := catalogues(t)["en"]
	used := make(map[string]bool)
	use := func(where, key string) {
		found := false
		for have := range english {
			if have == key || (strings.HasSuffix(key, ".") || strings.HasSuffix(key, "-")) && strings.HasPrefix(have, key) {
				used[have], found = true, true
			}
		}
		if !found {
			t.Errorf("%s says %q, which no catalogue has", where, key)
		}
	}
	err := fs.WalkDir(templates.Pages, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(templates.Pages, file)
		for _, m := range ownInUse.FindAllStringSubmatch(string(text), -1) {
			use(file, "editor."+m[1])
			use(file, "compose."+m[1])
		}
		for _, pattern := range keysInUse {
			for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
				use(file, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	code, err := filepath.Glob("*.go")
	if err != nil || len(code) == 0 {
		t.Fatal("no code", err)
	}
	for _, file := range code {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range saidInGo.FindAllStringSubmatch(string(text), -1) {
			use(file, m[1])
		}
	}
	scripts, err := fs.Glob(assetFiles, "assets/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	var all strings.Builder
	for _, file := range scripts {
		text, err := fs.ReadFile(assetFiles, file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
		for _, m := range wordsInUse.FindAllStringSubmatch(string(text), -1) {
			use(file, scriptPrefix+m[1])
		}
	}
	policy, err := os.ReadFile("../../crypto/policy.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\tRule\w+ += "([a-z0-9-]+)"`).FindAllStringSubmatch(string(policy), -1) {
		use("crypto/policy.go", scriptPrefix+"policy-"+m[1])       // each rule has words for staff (policy.js),
		use("crypto/policy.go", scriptPrefix+"claim-policy-"+m[1]) // and for whom the certificate belongs to (claim.js)
	}
	useReasons(t, use)
	for key := range english {
		name, ofScripts := strings.CutPrefix(key, scriptPrefix)
		switch {
		case used[key], key == "name", key == "date", strings.HasPrefix(key, "failure."):
		case strings.HasPrefix(key, "reader."): // the offline reader's; its own test (cmd/valise-wasm/pack) compares
		case ofScripts && (strings.Contains(all.String(), "'"+name+"'") || strings.HasPrefix(name, "code-") || strings.HasPrefix(name, "desk-code-")):
			// handed to word() by way of a variable
		default:
			t.Errorf("%s is used nowhere", key)
		}
	}
}

// useReasons uses the words of every reason that something does not hold (ceremony.Reason).
func useReasons(t *testing.T, use func(file, key string)) {
	for file, prefixes := range map[string][]string{"answers.go": {"code-", "desk-code-"}, "contact.go": {"desk-code-"}, "groups.go": {"desk-code-"}} {
		text, err := os.ReadFile("../ceremony/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:because|fail)\("([a-z-]+)",`).FindAllStringSubmatch(string(text), -1) {
			for _, prefix := range prefixes {
				if staffOnly := m[1] == "receipt-none" || m[1] == "receipt-hidden"; staffOnly && prefix == "code-" {
					continue
				}
				use(file, scriptPrefix+prefix+m[1])
			}
		}
	}
}

func TestEveryStatusHasATitle(t *testing.T) {
	english := catalogues(t)["en"]
	for kind := portal.Internal; kind <= portal.Unavailable; kind++ {
		status := statusOf[kind]
		if _, ok := english["failure.title."+strconv.Itoa(status)]; !ok {
			t.Errorf("no title for %d", status)
		}
	}
}

// Where the catalogues have no words for what was refused, a page says that what it shows is English.
func TestARefusalWithoutWordsIsSaidToBeEnglish(t *testing.T) {
	l, err := readLanguages()
	if err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string]string{"fr": "Cela n’a pas été accepté. Le portail le dit en anglais\u00a0: «\u00a0The moon is full.\u00a0»", "en": "The moon is full."} {
		if got, err := l.spoken[language].problem(failure{code: "full-moon", message: "The moon is full."}); err != nil || got != want {
			t.Errorf("%s: %q, %v", language, got, err)
		}
	}
}

// A fingerprint is compared group by group with paper, so its groups stand in the same order on a page that is written from right to left.
func TestFingerprintsAreReadFromTheLeft(t *testing.T) {
	files, err := fs.Glob(templates.Pages, "pages/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal("no pages", err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(templates.Pages, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range regexp.MustCompile(`<p class="fingerprint[^>]*>(<bdi[^>]*>)?`).FindAllString(string(text), -1) {
			if !strings.Contains(tag, `dir="ltr"`) {
				t.Errorf("%s: %s", file, tag)
			}
		}
	}
}

// No line of French begins with a colon or ends with an opening quotation mark.
func TestFrenchSignsAreNotLeftAlone(t *testing.T) {
	l, err := readLanguages()
	if err != nil {
		t.Fatal(err)
	}
	for key := range catalogues(t)["fr"] {
		text, err := l.spoken["fr"].say(key, nil, map[string]any{"PluralCount": 2})
		if err != nil {
			continue // it is a plural
		}
		if loose := regexp.MustCompile(`« | [»:;?!]`).FindString(text); loose != "" {
			t.Errorf("%s: a line may break at %q: %s", key, loose, text)
		}
	}
}
