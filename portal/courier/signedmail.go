package courier

import (
	"bytes"
	"strings"

	"valise/crypto"
)

// detailWordsAround is why a receipt or command that a mail program signed was not taken: something else was signed with it.
const detailWordsAround = "words-around"

// signedMails are the texts in a mail that a mail program signed with a signature beside them (multipart/signed, RFC 3156), in the spelling in which they are read and kept. Nothing is undone
// that was done to them on their way: the signature is over the octets. problem says of one that seems to be meant as a receipt, and can't be taken, why; refused,
// of one that seems to be meant as a command. A program that answers by
// itself, and signs what it sends, says nothing that counts.
func (e *entity) signedMails() (found []receipt, problem, refused string) {
	if e.automatic() {
		return nil, "", ""
	}
	var visit func(*entity)
	visit = func(part *entity) {
		for _, p := range part.parts {
			visit(p)
		}
		if part.kind != "multipart/signed" || len(part.parts) != 2 || part.parts[1].kind != "application/pgp-signature" || len(found) == maxReceipts {
			return
		}
		receipts, commands := part.parts[0].says(receiptLine), part.parts[0].says(commandLine)
		why := ""
		if message, err := crypto.SignedMail(part.parts[0].whole, part.parts[1].text()); err != nil {
			why = "invalid-signature"
		} else if text, err := crypto.ReadHandSigned(message); err == nil && (bytes.HasPrefix(text, []byte(receiptLine+"\n")) || crypto.IsCommand(text)) {
			found = append(found, receipt{message})
		} else {
			why = detailWordsAround
		}
		if why != "" && receipts {
			problem = why
		}
		if why != "" && commands {
			refused = why
		}
	}
	visit(e)
	return found, problem, refused
}

// says says whether a line stands in a signed part, in a text that is not clear-signed by itself.
func (e *entity) says(line string) (yes bool) {
	e.walk(func(part *entity) {
		if !strings.HasPrefix(part.kind, "text/") {
			return
		}
		text := part.text()
		yes = yes || bytes.Contains(text, []byte(line)) && !bytes.Contains(text, []byte(signedBegin))
	})
	return yes
}
