package ceremony

import (
	"errors"
	"strings"
	"time"

	"valise/crypto"
)

// ErrNoCommand says that in what was handed in is nothing that says how to command.
var ErrNoCommand = errors.New("this does not say what a command takes: hand in the papers of a notice, which came in a mail with it or just before")

// CommandIn returns the command that stands in the text of a notice's papers, as somebody sees it who decrypted them. Nothing of it is verified: a command with something false in it is not obeyed.
func CommandIn(text string) (*crypto.Command, error) {
	const begin, end = "\n---- command, from here ----\n", "---- command, to here ----"
	text = "\n" + strings.ReplaceAll(text, "\r\n", "\n")
	_, rest, ok := strings.Cut(text, begin)
	said, _, whole := strings.Cut(rest, end)
	if !ok || !whole {
		if said = strings.TrimLeft(text, "\n"); !crypto.IsCommand([]byte(said)) {
			return nil, ErrNoCommand
		}
	}
	return crypto.ParseCommand([]byte(said))
}

// Command unlocks the key and returns the command in the papers that were handed in, which a courier signed. One Argon2id run. Errors are those of Open, and ErrNoCommand.
func (o *Offline) Command(passphrase string, now time.Time) (*crypto.Bundle, *crypto.Command, error) {
	bundle, trust, _, err := o.Open(passphrase, now) // the notice itself need not be there
	if trust == nil {
		return nil, nil, err
	}
	messages, _ := o.sort(bundle, now)
	for _, m := range messages {
		form, _, _, err := m.open(trust, crypto.PurposeReceiptForm, crypto.RoleCourier, now)
		if err != nil {
			continue
		}
		said, err := CommandIn(string(form))
		if err != nil {
			return nil, nil, err
		}
		if said.Institution != bundle.Pin.Fingerprint || said.Representative.String() != bundle.Holder {
			return nil, nil, errors.New("these papers are for somebody else")
		}
		return bundle, said, nil
	}
	return nil, nil, ErrNoCommand
}
