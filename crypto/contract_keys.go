package crypto

// CONTRACT: this file is scaffolding. Move each declaration to the file named in its
// heading comment, with a real body; when it is empty, delete it.

import "time"

// ============================== claimcode.go, passphrase.go (owner: keys)

// ClaimCode is 120 random bits, written as six groups of five Crockford characters, each
// group's last one a check character, so a typing error is named by its group.
type ClaimCode string

func NewClaimCode() ClaimCode                       { panic("contract") }
func ParseClaimCode(text string) (ClaimCode, error) { panic("contract") }

func NewPassphrase() string                   { panic("contract") } // six words of an embedded list, joined by spaces; ≥ 66 bits
func CheckPassphrase(passphrase string) error { panic("contract") } // weak ones: error says what to do

// ============================== key.go (owner: keys)

func ParseArmoredKey(data, passphrase []byte) (*Key, error) { panic("contract") } // a key from gpg --export-secret-keys; S2K octets capped before any work

// ============================== chain.go (owner: keys)

// Role is what a staff member may do; given by notation "role@valise.invalid" in the root's certification.
type Role string

const (
	RoleAuthor        Role = "author"
	RoleApprover      Role = "approver"
	RoleRegistrar     Role = "registrar"
	RoleAuditor       Role = "auditor"
	RoleAdministrator Role = "administrator"
)

func ParseRole(text string) (Role, error) { panic("contract") }

// CertifyStaff, CertifyIssued and CertifySuccessor return subject with one more certification on its user ID.
func CertifyStaff(root *Key, subject *Certificate, roles []Role, now time.Time) (*Certificate, error) {
	panic("contract")
}
func CertifyIssued(registrar *Key, subject *Certificate, representative Representative, now time.Time) (*Certificate, error) {
	panic("contract")
}
func CertifySuccessor(old *Key, subject *Certificate, representative Representative, now time.Time) (*Certificate, error) {
	panic("contract")
}

// Pin is what a person takes from paper: the root's fingerprint.
type Pin struct{ Fingerprint Fingerprint }

// Root is a root certificate that matched its pin.
type Root struct{ certificate *Certificate }

func OpenRoot(pin Pin, certificate []byte) (*Root, error) { panic("contract") }
func (r *Root) Certificate() *Certificate                 { return r.certificate }
func (r *Root) Fingerprint() Fingerprint                  { panic("contract") }

// Staff is a staff member's certificate that held under the root at a time.
type Staff struct {
	certificate *Certificate
	roles       []Role
}

func (r *Root) VerifyStaff(c *Certificate, at time.Time) (*Staff, error) { panic("contract") }
func (s *Staff) Certificate() *Certificate                               { return s.certificate }
func (s *Staff) Roles() []Role                                           { return s.roles }
func (s *Staff) Has(role Role) bool                                      { panic("contract") }
func (s *Staff) Name() string                                            { panic("contract") } // the certified user ID

// Recipient is a representative's current certificate whose chain held: root → registrar → issued key → … → current.
type Recipient struct {
	representative Representative
	certificate    *Certificate
	registrar      *Staff
}

// VerifyRepresentative walks chain (issued key first, current last) up to a registrar among staff, up to the root, and
// checks the policy of the last certificate. Its user ID must be exactly the representative's number.
func (r *Root) VerifyRepresentative(staff []*Certificate, chain []*Certificate, representative Representative, at time.Time) (*Recipient, error) {
	panic("contract")
}
func (r *Recipient) Representative() Representative { return r.representative }
func (r *Recipient) Certificate() *Certificate      { return r.certificate }
func (r *Recipient) Registrar() *Staff              { return r.registrar }

// ============================== lock.go (owner: keys)

// SaltSize is the size of the OpenPGP Argon2 salt (RFC 9580, section 3.7.1.4).
const SaltSize = 16

// Secrets is the outcome of one Argon2id run (t=3, p=4, 64 MiB) over a passphrase or claim code and a salt.
// Its S2K output is the OpenPGP key-encryption input of the locked bundle (so that any RFC 9580 program opens the bundle with the
// passphrase itself); HKDF-SHA256 of the same output with info "valise log-in secret v1" is what the server is shown.
type Secrets struct {
	salt   [SaltSize]byte
	output [32]byte
}

func NewSalt() []byte                                     { panic("contract") }
func DeriveSecrets(secret, salt []byte) (*Secrets, error) { panic("contract") } // secret: passphrase (NFC? bytes as typed, spaces folded) or canonical claim code
func (s *Secrets) LogInSecret() []byte                    { panic("contract") } // 32 bytes, sent to the server
func (s *Secrets) Salt() []byte                           { panic("contract") }
func LogInVerifier(logInSecret []byte) []byte             { panic("contract") } // SHA-256 with a domain prefix: what the server keeps

// Bundle is what rests locked: a private key, whose it is, the pin, and earlier keys of the same holder so that
// envelopes that were on their way to them still open.
type Bundle struct {
	Holder string // "S-7K2M9QXC/2", or a staff member's or the root's name
	Pin    Pin
	Key    *Key
	Past   []*Key
}

func (b *Bundle) Keys() []*Key                                { panic("contract") } // Key, then Past
func LockBundle(b *Bundle, s *Secrets) ([]byte, error)        { panic("contract") } // binary: SKESK v6 (Argon2) ‖ SEIPDv2
func UnlockBundle(locked []byte, s *Secrets) (*Bundle, error) { panic("contract") } // ErrWrongSecret when the secret is wrong
func BundleSalt(locked []byte) ([]byte, error)                { panic("contract") } // reads and caps the S2K octets; for files and offline use
