//go:build desk || !js

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/verdict"
)

// TestVerifyingAsksOnlyForWhatIsPublic: the worker is told which paths to fetch, and nothing of the files is in them; then it is told what holds.
func TestVerifyingAsksOnlyForWhatIsPublic(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("../../docs/example", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	w := newWorker(t)
	w.e.now = func() time.Time { return time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC) }
	w.wantRefused("engine", "verify", object{}, nil)
	md, asc := read("statement-en.md"), read("statement-en.md.asc")
	w.wantRefused("engine", "verify-begin", object{"files": []object{{"name": "x", "size": len(md) + 1}}}, md)
	var nothing none
	if err := w.try("verify-begin", object{"files": []object{{"name": "statement-en.md", "size": len(md)}, {"name": "statement-en.md.asc", "size": len(asc)}}}, append(md, asc...), &nothing); err != nil {
		t.Fatal(err)
	}
	w.wantRefused("fingerprint", "verify", object{"fingerprint": "0123"}, nil)
	institution, err := json.Marshal(api.Institution{Root: string(read("root.asc")), Staff: []string{string(read("author.asc")), string(read("approver.asc"))}})
	if err != nil {
		t.Fatal(err)
	}
	root, err := crypto.ParseCertificate(read("root.asc"))
	if err != nil {
		t.Fatal(err)
	}
	statement, err := crypto.ParseStatementManifest(read("statement-manifest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var said verified
	asked := []string{}
	for {
		said = verified{}
		w.call("verify", object{"fingerprint": root.Fingerprint().Spaced()}, &said)
		if len(said.Wanted) == 0 {
			break
		}
		for _, path := range said.Wanted {
			asked = append(asked, path)
			given, body := object{"path": path, "status": 404}, []byte(nil)
			if path == verdict.InstitutionPath {
				given["status"], body = 200, institution
			}
			if err := w.try("verify-given", given, body, &nothing); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := strings.Join(asked, " "); got != "/api/v1/institution /api/v1/statements/"+string(statement.Statement) {
		t.Errorf("asked for %s", got)
	}
	if v := said.Verdicts[0]; len(said.Verdicts) != 1 || v.Outcome != verdict.Holds || v.Facts.Title != "Security incident: what we know" || !v.Facts.Paper {
		t.Errorf("%+v", said.Verdicts)
	}
	var same isSame
	w.call("fingerprint", object{"fingerprint": "ae3423e64d672a4b2d7c504ec9873829ef0bdcbe", "shown": "AE3423E64D672A4B2D7C504EC9873829EF0BDCBE"}, &same)
	if !same.Same {
		t.Error("the same fingerprint is another")
	}
}
