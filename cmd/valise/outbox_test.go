package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"valise/portal/courier"
	"valise/templates"
)

// TestEachReasonHasWords: whatever the courier writes down as a reason, staff read what it means and what to do, on the page in both languages and on the command line.
func TestEachReasonHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../portal/courier/store.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Reason") {
			reason, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons = append(reasons, reason)
		}
		return true
	})
	if len(reasons) < 20 {
		t.Fatalf("this test finds only %q", reasons)
	}
	for _, language := range []string{"en", "fr"} {
		var words struct {
			Outbox map[string]any `toml:"outbox"`
		}
		if _, err := toml.DecodeFS(templates.Messages, "messages/"+language+".toml", &words); err != nil {
			t.Fatal(err)
		}
		for _, reason := range reasons {
			if text, _ := words.Outbox["why."+reason].(string); text == "" {
				t.Errorf("%s: the page has no words for %q", language, reason)
			}
		}
	}
	for _, reason := range reasons {
		if mailAdvice[reason] == "" {
			t.Errorf("the command has no words for %q", reason)
		}
		if word := (courier.Entry{Reason: reason + " 550"}).Word(); word != reason {
			t.Errorf("%q is not among the known reasons", reason)
		}
	}
}
