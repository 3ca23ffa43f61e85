package ledger

import "fmt"

// Trouble is what is wrong with a log.
type Trouble string

const (
	WrongKey    Trouble = "wrong-key"    // not signed by the log's key
	WrongOrigin Trouble = "wrong-origin" // the checkpoint of another log
	Shrunk      Trouble = "shrunk"       // fewer leaves than before
	Forked      Trouble = "forked"       // as many leaves as before, and others
	Rewritten   Trouble = "rewritten"    // more leaves, but the earlier ones are no longer the same
	Altered     Trouble = "altered"      // what is served isn't what was signed
	Missing     Trouble = "missing"      // the leaf that was looked for isn't there
	Unwitnessed Trouble = "unwitnessed"  // too few witnesses cosigned
	Withheld    Trouble = "withheld"     // the portal shows an older certificate of somebody than the log has
)

// Alarm is an error that says that a log, or whoever serves it, misbehaves. The text is
// for people. Where two checkpoints contradict each other, Before and Now hold
// both, signatures included: with them anybody can be convinced, so keep them.
type Alarm struct {
	Trouble     Trouble
	Text        string
	Before, Now []byte // signed checkpoints; nil where there are none
}

func (a *Alarm) Error() string { return a.Text }

func alarm(t Trouble, format string, args ...any) *Alarm {
	return &Alarm{Trouble: t, Text: fmt.Sprintf(format, args...)}
}

// between adds the two checkpoints that contradict each other.
func (a *Alarm) between(before, now []byte) *Alarm {
	a.Before, a.Now = before, now
	return a
}
