package crypto

// CONTRACT: this file is scaffolding. Move each declaration to the file named in its
// heading comment, with a real body; when it is empty, delete it.

// ============================== claimcode.go, passphrase.go (owner: keys)

func NewPassphrase() string                   { panic("contract") } // six words of an embedded list, joined by spaces; ≥ 66 bits
func CheckPassphrase(passphrase string) error { panic("contract") } // weak ones: error says what to do
