package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Every command explains itself as a manual page does, every flag says what it is
// for, and none of them takes a secret.
func TestEveryCommandExplainsItself(t *testing.T) {
	parser, err := kong.New(new(CLI))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		for _, part := range []string{"EXAMPLES", "EXIT STATUS"} {
			if !strings.Contains(command.Detail, part) {
				t.Errorf("%s: its help has no %s", command.Path(), part)
			}
		}
		for _, flags := range command.AllFlags(true) {
			for _, flag := range flags {
				if strings.TrimSpace(flag.Help) == "" {
					t.Errorf("%s: --%s has no help", command.Path(), flag.Name)
				}
				for _, secret := range []string{"passphrase", "secret", "password", "code"} {
					if strings.Contains(flag.Name, secret) && !strings.HasSuffix(flag.Name, "-file") {
						t.Errorf("%s: --%s would stand in the list of processes", command.Path(), flag.Name)
					}
				}
			}
		}
	}
}
