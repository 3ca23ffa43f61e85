package portal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"valise/portal"
)

func TestScrubTakesOutWhatIdentifies(t *testing.T) {
	for text, gone := range map[string]string{
		"no row for S-7K2M9QXC/2 here": "7K2M9QXC",
		"notice n-4gz0r8tb":            "4gz0r8tb",
		"holder staff:3FA1C2D4E5F60718293A4B5C6D7E8F9001122334 unknown":            "3FA1C2D4",
		"read tcp 10.0.0.1:443->198.51.100.7:52011: connection reset by peer":      "198.51.100.7",
		"TLS handshake error from [2001:db8::7]:1234: EOF":                         "2001:db8::7",
		"dial tcp [::1]:6379: connect refused":                                     "::1",
		"mail for jane.doe@embassy.example failed":                                 "jane.doe",
		"ERROR: duplicate key (SQLSTATE 23505) Key (holder)=(Jane Doe) exists":     "Jane Doe",
		"session e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8":   "e3b0c442",
		"failed to connect to `host=db.court.example user=valise database=portal`": "court.example",
		`invalid input syntax: "Jane \"Doe\" of S"`:                                "Doe",
	} {
		if scrubbed := portal.Scrub(text); strings.Contains(scrubbed, gone) {
			t.Errorf("%q stays %q", text, scrubbed)
		}
	}
	const harmless = "commit: disk I/O error (SQLITE_IOERR_FSYNC)"
	if got := portal.Scrub(harmless); got != harmless {
		t.Errorf("%q became %q", harmless, got)
	}
}

// TestNoErrorIsLoggedAsItIs: what a database, a mail library or a certificate's check says may name whom it is about, so a log gets it scrubbed, whoever writes it.
func TestNoErrorIsLoggedAsItIs(t *testing.T) {
	levels := []string{"Error", "Warn", "Info", "Debug", "LogAttrs", "ErrorContext", "WarnContext", "InfoContext", "DebugContext"}
	looked := 0
	for _, folder := range []string{".", "../cmd"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "portaltest") || strings.Contains(path, "recordstest") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				if selector, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(levels, selector.Sel.Name) {
					looked++
					for _, argument := range call.Args {
						if at := asItIs(argument); at != nil {
							t.Errorf("%s: an error is logged with its whole text: log portal.Scrubbed(err)", files.Position(at.Pos()))
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 30 {
		t.Errorf("only %d lines that log were found", looked)
	}
}

// asItIs finds "err.Error()", or a value called err, in what is logged, but not within what scrubs it.
func asItIs(argument ast.Expr) (found ast.Node) {
	ast.Inspect(argument, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if n.Name == "err" {
				found = n
			}
		case *ast.CallExpr:
			name := ""
			switch called := n.Fun.(type) {
			case *ast.Ident:
				name = called.Name
			case *ast.SelectorExpr:
				if name = called.Sel.Name; name == "Error" && len(n.Args) == 0 {
					found = n
				}
			}
			return !slices.Contains([]string{"Scrubbed", "Scrub", "KindOf", "problem", "reason"}, name)
		}
		return true
	})
	return found
}
