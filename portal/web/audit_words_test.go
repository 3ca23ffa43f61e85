package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"valise/portal"
	"valise/portal/audit"
)

// actName is how an act is spelt: the step or thing, a full stop, what is done; something may stand behind it.
var actName = regexp.MustCompile(`^(registry|publish|dispatch|correspond|courier|audit|passkey|sign-on|log-in|session)\.[a-z-]+( [a-z-]*)?$`)

// actsInCode are the acts that the code of the portal writes down: every text of that form, and whatever is handed to a method named audit.
func actsInCode(t *testing.T) map[string]bool {
	t.Helper()
	acts := make(map[string]bool)
	literal := func(node ast.Node) (string, bool) {
		l, ok := node.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(l.Value)
		return text, err == nil
	}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"web", "portaltest", "testdata"}, entry.Name()) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if text, ok := literal(node); ok && actName.MatchString(text) {
				name, _, _ := strings.Cut(text, " ")
				acts[name] = true
			}
			if call, ok := node.(*ast.CallExpr); ok {
				method, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || method.Sel.Name != "audit" || len(call.Args) < 3 {
					return true
				}
				if text, ok := literal(call.Args[2]); ok {
					name, _, _ := strings.Cut(text, " ")
					acts[name] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return acts
}

func TestEveryActHasWords(t *testing.T) {
	acts := actsInCode(t)
	if len(acts) < 30 {
		t.Fatalf("only %d acts were found: this test looks in the wrong place", len(acts))
	}
	known := make(map[string]bool)
	for _, group := range auditGroups {
		for _, act := range group.Acts {
			if known[act] {
				t.Errorf("%s is in two groups", act)
			}
			known[act] = true
			if !acts[act] {
				t.Errorf("%s is in auditGroups, and nothing writes it down", act)
			}
		}
	}
	for act := range acts {
		if !known[act] {
			t.Errorf("%s is written down, and is not in auditGroups: give it a sentence and a name in each catalogue (audit.did, audit.act), and say in audit.Reads whether it only reads", act)
		}
	}
	languages, err := readLanguages()
	if err != nil {
		t.Fatal(err)
	}
	ada := portal.StaffHolder("0123456789ABCDEF0123456789ABCDEF01234567")
	names := nameBook{ada: "Ada Author"}
	for tag, l := range languages.spoken {
		for act := range known {
			for _, refused := range []string{"", " refused"} {
				text, err := auditSentence(l, names, audit.Entry{AuditEntry: portal.AuditEntry{Actor: ada, Act: act + refused, Object: "P-7K2M9QXD"}, At: time.Now()})
				switch {
				case refused != "" && err == nil && text != "":
				case refused == "" && err == nil && (strings.Contains(text, "Ada Author") || act == "registry.add-staff" || act == "registry.add-client-manifest") && !strings.Contains(text, "·"):
				default:
					t.Errorf("%s, %s%s: %q, %v", tag, act, refused, text, err)
				}
			}
		}
	}
}

func TestAnActIsToldInASentence(t *testing.T) {
	languages, err := readLanguages()
	if err != nil {
		t.Fatal(err)
	}
	ada, bela := portal.StaffHolder("0123456789ABCDEF0123456789ABCDEF01234567"), portal.StaffHolder("76543210FEDCBA9876543210FEDCBA9876543210")
	names := nameBook{ada: "Ada Author", bela: "Bela Approver"}
	for _, c := range []struct{ actor, act, object, want string }{
		{bela, "publish.draft", "P-7K2M9QXD", "Bela Approver opened the statement P-7K2M9QXD, which is in preparation."},
		{bela, "dispatch.receipt", "N-7K2M9QXD S-7K2M9QXD", "Bela Approver fetched the receipt of a notice (N-7K2M9QXD, S-7K2M9QXD)."},
		{ada, "publish.approve refused", "P-7K2M9QXD", "Refused: Ada Author wanted to approve a statement (P-7K2M9QXD), and may not."},
		{ada, "audit.read refused", "all", "Refused: Ada Author wanted to read this trail, and may not."},
		{"S-7K2M9QXD/2", "registry.claim", "S-7K2M9QXD/2", "S-7K2M9QXD/2 claimed their mailbox."},
		{"", "registry.add-staff", bela, "A certificate of Bela Approver, certified by the root, was taken in. Nobody has to log in for that."},
		{ada, "passkey.show log-in", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Ada Author showed a passkey."},
		{ada, "newer.act", "X", "Ada Author · newer.act · X"},
	} {
		got, err := auditSentence(languages.spoken["en"], names, audit.Entry{AuditEntry: portal.AuditEntry{Actor: c.actor, Act: c.act, Object: c.object}})
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.act, got, err, c.want)
		}
	}
}
