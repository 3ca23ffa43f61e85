//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package ledger

import (
	"errors"
	"os"
)

// lockOpen refuses: without a lock two signers, or two witnesses, could sign two trees.
func lockOpen(*os.File) error {
	return errors.New("signers and witnesses can't be run on this system: it has no file locks that Valise knows")
}
