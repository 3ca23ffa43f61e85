//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package courier

import (
	"errors"
	"os"
)

// lockJournal refuses: two couriers that write into one journal would overwrite what the other says.
func lockJournal(*os.File) error {
	return errors.New("this system has no file locks that Valise knows")
}
