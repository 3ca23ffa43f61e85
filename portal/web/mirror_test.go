package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The configurations that docs/mirror.md offers give a mirror the portal's own policies: a script that gets onto a mirror's page is not run there, either.
func TestMirrorsAreToldThePortalsPolicies(t *testing.T) {
	files, err := filepath.Glob("../../docs/mirror/*")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{`"` + pagePolicy + `"`, `"` + workerPolicy + `"`, `"` + filePolicy + `"`, `"` + publicCache + `"`, `"` + immutable + `"`, strictTransport, "nosniff", "require-corp", "DENY"} {
			if strings.Count(string(data), value) != 1 {
				t.Errorf("%s says %s %d times", file, value, strings.Count(string(data), value))
			}
		}
	}
}
