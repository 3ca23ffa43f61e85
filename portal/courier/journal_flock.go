//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package courier

import (
	"errors"
	"os"
	"syscall"
)

// lockJournal keeps a file for this process, until the file is closed.
func lockJournal(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errJournalTaken
	}
	return err
}
