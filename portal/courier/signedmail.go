package courier

import (
	"bytes"
	"strings"

	"valise/crypto"
)

// detailWordsAround is why a receipt or command that a mail program signed was not taken: something else was signed with it.
const detailWordsAround = "words-around"

// signedMails are the texts in a mail that a mail program signed with a signature beside them (multipart/signed, RFC 3156), in the spelling in which they are read and kept. Nothing is undone
// that was done to them on their way: the signature is over the octets. problem says of one that seems to be meant as a receipt, and can't be taken, why. A program that answers by
// itself, and signs what it sends, says nothing that counts.
func (e *entity) signedMails() (found []receipt, problem string) {
	if e.automatic() {
		return nil, ""
	}
	var visit func(*entity)
	visit = func(part *entity) {
		for _, p := range part.parts {
			visit(p)
		}
		if part.kind != "multipart/signed" || len(part.parts) != 2 || part.parts[1].kind != "application/pgp-signature" || len(found) == maxReceipts {
			return
		}
		meant := part.parts[0].meant()
		message, err := crypto.SignedMail(part.parts[0].whole, part.parts[1].text())
		if err != nil {
			if meant {
				problem = "invalid-receipt"
			}
			return
		}
		text, err := crypto.ReadHandSigned(message)
		switch {
		case err == nil && isHandSigned(text):
			found = append(found, receipt{message})
		case meant:
			problem = detailWordsAround
		}
	}
	visit(e)
	return found, problem
}

// isHandSigned says whether a text begins as one does that people sign by hand and send.
func isHandSigned(text []byte) bool { return bytes.HasPrefix(text, []byte(receiptLine+"\n")) }

// meant says whether a signed part holds something that seems to be meant as a receipt, and is not clear-signed by itself.
func (e *entity) meant() (yes bool) {
	e.walk(func(part *entity) {
		if !strings.HasPrefix(part.kind, "text/") {
			return
		}
		text := part.text()
		yes = yes || bytes.Contains(text, []byte(receiptLine)) && !bytes.Contains(text, []byte(signedBegin))
	})
	return yes
}
