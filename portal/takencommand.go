package portal

import (
	"time"

	"valise/crypto"
)

// TakenCommand is a command by signed mail that was obeyed (registry.CommandByMail says what is), as it is shown to whom it concerns.
type TakenCommand struct {
	Representative crypto.Representative
	Kind           crypto.CommandKind
	About          string    // as in crypto.Command
	SaidAt         time.Time // the time in it
	TakenAt        time.Time
}
