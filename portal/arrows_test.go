package portal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The map of who imports whom. A new arrow, or a new package, is a decision: it is made here. Tests are not bound by it.
var (
	steps = []string{"portal/registry", "portal/publish", "portal/dispatch", "portal/correspond", "portal/courier", "portal/ledger", "portal/passkey", "portal/signon", "portal/audit"}

	// The nouns and rules, which everything stands on.
	nouns = []string{"crypto", "portal"}

	// What a client does, in the browser and on the command line.
	client = with(nouns, "portal/api", "portal/ceremony")

	arrows = map[string][]string{
		"crypto":    {},
		"templates": {},
		"portal":    {"crypto"},

		"portal/courier/route":  {},                           // how mail servers are found, and what they have to show
		"portal/ledger/witness": with(nouns, "portal/ledger"), // its HTTP, kept out of what a browser downloads

		"portal/session": nouns,
		"portal/store":   with(nouns, with(steps, "portal/session")...), // whose store methods it has
		"portal/web":     with(nouns, with(steps, "portal/session", "portal/api", "portal/evidence", "portal/watch", "portal/wkd", "templates")...),

		// What wakes open pages. Steps tell it through a function, and don't know it.
		"portal/watch": nouns,

		// The zip of evidence, which web writes of what dispatch and ledger know, and the command reads. No step: it keeps nothing, and no step imports it.
		"portal/evidence": with(nouns, "portal/ledger"),

		"portal/api":      nouns,
		"portal/mail":     {}, // what a mail says, as text; browsers download it
		"portal/ceremony": with(nouns, "portal/api", "portal/mail"),
		"portal/client":   client,
		"portal/verdict":  with(client, "portal/ledger"), // what holds of what somebody has in hand

		// The names of the Web Key Directory, and looking somebody up in it: a registrar's client does, and the server never.
		"portal/wkd": {"crypto"},

		// What a portal gave a browser, compared with what was signed. It fetches nothing.
		"portal/served": nouns,

		// The browser's half: what it imports, everybody downloads.
		"cmd/valise-wasm":      with(client, "portal/verdict"),
		"cmd/valise-wasm/pack": {"templates"}, // whose words stand in the offline reader
	}

	// The command wires everything.
	wires = "cmd/valise"

	// Packages for tests, imported by nothing else.
	forTests = []string{"portal/portaltest", "portal/portaltest/live", "portal/portaltest/people", "portal/session/recordstest"}
)

func init() {
	for _, step := range steps {
		arrows[step] = nouns // never each other, never the store
	}
	arrows["portal/courier"] = with(nouns, "portal/courier/route", "portal/mail")
}

func with(list []string, more ...string) []string { return slices.Concat(list, more) }

func TestArrows(t *testing.T) {
	imports := ourImports(t)
	if len(imports["crypto"]) == 0 || len(imports["portal"]) == 0 {
		t.Fatal("this test looks for the code in the wrong place")
	}
	for from, targets := range imports {
		allowed, known := arrows[from]
		if !known && from != wires && !slices.Contains(forTests, from) {
			t.Errorf("package %s is not on the map; decide what it may import, in portal/arrows_test.go", from)
			continue
		}
		for target := range targets {
			ours, isOurs := strings.CutPrefix(target, "valise/")
			switch {
			case !isOurs || slices.Contains(forTests, from):
			case slices.Contains(forTests, ours):
				t.Errorf("%s imports %s, which is for tests", from, ours)
			case strings.HasPrefix(ours, "cmd/"):
				t.Errorf("%s imports a command, %s", from, ours)
			case from != wires && !slices.Contains(allowed, ours):
				t.Errorf("%s imports %s; it may import %s", from, ours, orNothing(allowed))
			}
		}
	}
}

// TestCryptoStandsOnLittleAndDoesNoIO: it runs in the browser, and it is what an auditor reads first.
func TestCryptoStandsOnLittleAndDoesNoIO(t *testing.T) {
	for target := range ourImports(t)["crypto"] {
		first, _, _ := strings.Cut(target, "/")
		switch {
		case strings.HasPrefix(target, "github.com/ProtonMail/go-crypto/"), strings.HasPrefix(target, "golang.org/x/crypto/"):
		case strings.Contains(first, "."):
			t.Errorf("crypto imports %s; it may import the standard library, ProtonMail/go-crypto and golang.org/x/crypto", target)
		case slices.Contains([]string{"os", "net", "database", "syscall", "unsafe", "log"}, first):
			t.Errorf("crypto imports %s; it does no I/O", target)
		}
	}
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing of ours"
	}
	return strings.Join(list, ", ")
}

// ourImports reads what each of our packages imports, in all its files for all systems, tests left out.
func ourImports(t *testing.T) map[string]map[string]bool {
	t.Helper()
	const root = ".."
	imports := map[string]map[string]bool{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		relative, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		name := path.Clean(filepath.ToSlash(relative))
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		if imports[name] == nil {
			imports[name] = map[string]bool{}
		}
		for _, spec := range parsed.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[name][target] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}
