package courier

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
	m.automatic()
	m.find("multipart/encrypted")
}
