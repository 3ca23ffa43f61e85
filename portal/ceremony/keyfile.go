package ceremony

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"valise/crypto"
)

// What somebody may hand in who is asked for a staff key file. The words are stable: pages decide by them.
const (
	FilePrivateKey    = "file-private-key"   // an OpenPGP private key, as gpg exports it
	FileCertificate   = "file-certificate"   // a public key
	FileDamaged       = "file-damaged"       // a key file, or what was one
	FileOther         = "file-other"         // anything else
	KeyRepresentative = "key-representative" // the key of a mailbox's representative
	KeyRoot           = "key-root"           // the institution's root
	KeyNotary         = "key-notary"         // a process, not a person
	KeyUnknown        = "key-unknown"        // nobody showed its certificate to the portal
	KeyUncertified    = "key-uncertified"    // the root gave it no role that counts now
)

// WrongKey says what was handed in instead of a staff member's key file.
type WrongKey struct {
	Is   string // one of the words above
	text string
}

func (e *WrongKey) Error() string { return e.text }

func wrongKey(is, format string, args ...any) error {
	return &WrongKey{is, fmt.Sprintf(format, args...)}
}

// KeyFile returns the locked bundle in a key file as 'valise staff new' writes it, armored or binary. Of anything else it says what it is
// (*WrongKey), as far as that can be seen while it is locked.
func KeyFile(file []byte) (locked []byte, err error) {
	if len(file) > 2*crypto.MaxBundleSize {
		return nil, wrongKey(FileOther, "this file has %d KiB, and a key file is smaller; choose the one that 'valise staff new' wrote", len(file)>>10)
	}
	kind, locked, err := dearmored(file, crypto.MaxBundleSize)
	if err != nil {
		return nil, wrongKey(FileDamaged, "the armor is damaged; take another copy")
	}
	switch kind {
	case "PGP PRIVATE KEY BLOCK":
		return nil, wrongKey(FilePrivateKey, "this is an OpenPGP private key, not a key file of Valise; staff keys are made with: valise staff new")
	case "PGP PUBLIC KEY BLOCK":
		return nil, wrongKey(FileCertificate, "this is a certificate, which is public, not a key file; choose the file that --key named when you made your key with: valise staff new")
	case "PGP MESSAGE":
		if _, err := crypto.BundleSalt(locked); err != nil {
			return nil, wrongKey(FileDamaged, "%v", err)
		}
		return locked, nil
	}
	return nil, wrongKey(FileOther, "this is no key file; choose the one that 'valise staff new' wrote")
}

// dearmored returns what kind of armored block a file holds, and what is in it. A binary file is taken for what its first packet says.
func dearmored(file []byte, limit int64) (kind string, data []byte, err error) {
	if i := bytes.Index(file, []byte("-----BEGIN PGP ")); i >= 0 {
		block, err := armor.Decode(bytes.NewReader(file[i:]))
		if err != nil {
			return "", nil, err
		}
		data, err := io.ReadAll(io.LimitReader(block.Body, limit+1))
		return block.Type, data, err
	}
	if len(file) == 0 || file[0]&0x80 == 0 {
		return "", nil, nil
	}
	packet := file[0] & 0x3f // RFC 9580, section 4.2
	if file[0]&0x40 == 0 {
		packet >>= 2
	}
	switch packet {
	case 5:
		return "PGP PRIVATE KEY BLOCK", file, nil
	case 6:
		return "PGP PUBLIC KEY BLOCK", file, nil
	case 1, 3:
		return "PGP MESSAGE", file, nil
	}
	return "", nil, nil
}

// UnlockKeyFile opens the locked bundle of a staff member. One Argon2id run. The error is crypto.ErrWrongSecret for a wrong passphrase, and a *WrongKey
// when what comes out is somebody else's than a staff member's.
func UnlockKeyFile(locked []byte, passphrase string) (*crypto.Bundle, error) {
	salt, err := crypto.BundleSalt(locked)
	if err != nil {
		return nil, wrongKey(FileDamaged, "%v", err)
	}
	s, err := crypto.DeriveSecrets([]byte(passphrase), salt)
	if err != nil {
		return nil, err
	}
	b, err := crypto.UnlockBundle(locked, s)
	if err != nil {
		return nil, err
	}
	if _, err := crypto.ParseRepresentative(b.Holder); err == nil {
		return nil, wrongKey(KeyRepresentative, "this is the key of %s, a representative of a mailbox, not a staff member's", b.Holder)
	}
	if b.Key.Certificate().Fingerprint() == b.Pin.Fingerprint {
		return nil, wrongKey(KeyRoot, "this is the key of the institution's root: it certifies staff, and does nothing else; take it back to where it is kept")
	}
	return b, nil
}

// Officer returns a staff member's key with the certificate that the root certified, and who they are, as StaffKey does. The error is a *WrongKey for who
// can't log in.
func (t *Trust) Officer(key *crypto.Key, at time.Time) (*crypto.Key, *crypto.Staff, error) {
	certified, member, err := t.StaffKey(key, at)
	if err != nil {
		own := key.Certificate().Fingerprint()
		for _, c := range t.staff {
			if c.Fingerprint() == own {
				return nil, nil, wrongKey(KeyUncertified, "%v", err)
			}
		}
		return nil, nil, wrongKey(KeyUnknown, "%v", err)
	}
	if member.IsProcess() {
		return nil, nil, wrongKey(KeyNotary, "this is the key of a notary, of a courier or of the desk; that is no person, and does not log in")
	}
	return certified, member, nil
}

// IsWrongKey says whether an error is a *WrongKey, and of which kind.
func IsWrongKey(err error) (is string, ok bool) {
	var wrong *WrongKey
	if errors.As(err, &wrong) {
		return wrong.Is, true
	}
	return "", false
}
