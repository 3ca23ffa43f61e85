package courier

import (
	"bytes"
	"context"
	"strings"

	"valise/crypto"
)

const commandLine = "valise command v1"

// Commands obeys what representatives command by signed mail: the portal's own step, which demands of who wrote it what it demands of who answers by mail. taken is false when the same was obeyed before.
type Commands interface {
	CommandByMail(ctx context.Context, message []byte, certificates [][]byte, nonce func(crypto.Representative) string) (taken bool, err error)
}

// TakeCommands has commands obeyed from now on; without, they are kept for the desk like anything else. It returns the inbox.
func (i *Inbox) TakeCommands(c Commands) *Inbox {
	i.commands = c
	return i
}

// commandNonce is what stands in commands of a representative: 16 bytes, always the same.
func (c *Courier) commandNonce(r crypto.Representative) string { return c.tokens.of("command", "", r) }

// command has the first command of a mail obeyed that counts. why is the code of the refusal of the last one that could be read at all; err, that it should be tried again.
func (i *Inbox) command(ctx context.Context, m *entity, signed []receipt) (fate Fate, why string, err error) {
	if i.commands == nil {
		return "", "", nil
	}
	take := step{
		fate: FateCommand, line: commandLine, unreadable: "invalid-command", means: crypto.IsCommand,
		take: func(reading []byte) (bool, error) {
			return i.commands.CommandByMail(ctx, reading, m.certificates(), i.courier.commandNonce)
		},
	}
	for _, r := range signed {
		fate, refused, err := i.handIn(ctx, r, take)
		if err != nil || fate != "" {
			return fate, "", err
		}
		if why == "" || refused != "" && refused != take.unreadable {
			why = refused
		}
	}
	return "", why, nil
}

// commanded says whether there is something in a mail that seems to be meant as a command, signed or not.
func (e *entity) commanded() (yes bool) {
	e.walk(func(part *entity) {
		yes = yes || (strings.HasPrefix(part.kind, "text/plain") || part.kind == "application/octet-stream") && bytes.Contains(part.text(), []byte(commandLine))
	})
	return yes
}

// maxCertificates is how many certificates of a mail are looked at.
const maxCertificates = 8

// certificates are those that came with a mail, armored, as text or as files. What one is worth, and whether it is the one that is meant, a signature elsewhere says.
func (e *entity) certificates() (found [][]byte) {
	const begin, end = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
	e.walk(func(part *entity) {
		text := string(part.text())
		for len(found) < maxCertificates {
			at := strings.Index(text, begin)
			length := strings.Index(text[max(at, 0):], end)
			if at < 0 || length < 0 {
				return
			}
			block := text[at : at+length+len(end)]
			text = text[at+len(block):]
			if len(block) <= 2*crypto.MaxCertificateSize {
				found = append(found, []byte(block+"\n"))
			}
		}
	})
	return found
}
