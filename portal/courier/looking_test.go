package courier

import "valise/crypto"

// LookAt does with a mail all that needs no portal, for the fuzz test.
func LookAt(raw []byte) {
	m, err := parseMail(raw)
	if err != nil {
		return
	}
	m.report()
	found, _ := m.receipts()
	for _, r := range found {
		if len(r) > 4 {
			panic("a text is read in more than four ways")
		}
	}
	m.signedMails()
	m.certificates()
	m.commanded()
	m.automatic()
	m.find("multipart/encrypted")
}

// CommandNonce is what a courier's papers say that commands must carry.
func CommandNonce(c *Courier, r crypto.Representative) string { return c.commandNonce(r) }
