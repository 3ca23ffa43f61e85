package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHowMailServersAreFound: what the courier's file says about resolvers and policies, and what it is told when that can't be.
func TestHowMailServersAreFound(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "courier.toml")
	const institution, individuals = "[institution]\nfrom = \"registry@court.example\"\n", "[individuals]\nfrom = \"post@neutral.example\"\n"
	for name, c := range map[string]struct{ file, refused string }{
		"a resolver here":          {institution + "resolver = \"127.0.0.1:53\"\npolicies = \"policies\"\n", ""},
		"a resolver elsewhere":     {institution + "resolver = \"192.0.2.1:53\"\n", "not on this machine"},
		"a resolver's name":        {institution + "resolver = \"localhost\"\n", "is not an address with a port"},
		"a smarthost and DANE":     {institution + "resolver = \"127.0.0.1:53\"\nsmarthost = \"mail.court.example:587\"\n", ""},
		"a smarthost and policies": {institution + "policies = \"policies\"\nsmarthost = \"mail.court.example:587\"\n", "with a smarthost"},
		"one file for both":        {institution + "policies = \"policies\"\n" + individuals + "policies = \"./policies\"\n", "a file each"},
	} {
		if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		config, err := (&courierFlags{Mail: path}).config("")
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && strings.Contains(c.file, "policies") && config.Institution.Server.Policies != filepath.Join(folder, "policies") {
			t.Errorf("%s: policies are kept at %s", name, config.Institution.Server.Policies)
		}
	}
}
