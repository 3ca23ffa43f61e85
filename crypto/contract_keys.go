package crypto

// CONTRACT: this file is scaffolding. Move each declaration to the file named in its
// heading comment, with a real body; when it is empty, delete it.

import (
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// ============================== number.go (owner: keys)

// Kind is the first letter of a number: what it names.
type Kind byte

const (
	KindState        Kind = 'S'
	KindOrganisation Kind = 'O'
	KindIndividual   Kind = 'I'
	KindNotice       Kind = 'N'
)

// Number names a mailbox ("S-7K2M9QXC") or a notice ("N-4GZ0R8TB"): kind, hyphen,
// seven random Crockford base-32 characters and a check character over kind and characters
// (weighted sum in GF(32): every single wrong character and every swap of two is caught).
type Number string

func NewNumber(kind Kind) Number              { panic("contract") }
func (n Number) Kind() Kind                   { panic("contract") }
func ParseNumber(text string) (Number, error) { panic("contract") } // forgiving: case, spaces, missing hyphen, O→0, I/L→1; the error says what is wrong

// Representative names a person behind a mailbox: "S-7K2M9QXC/2"; "/1" may be left out when parsing, String always writes it.
type Representative struct {
	Mailbox Number
	Ordinal int // 1 … 999
}

func (r Representative) String() string                       { panic("contract") }
func ParseRepresentative(text string) (Representative, error) { panic("contract") }

// ============================== claimcode.go, passphrase.go (owner: keys)

// ClaimCode is 120 random bits, written as six groups of five Crockford characters, each
// group's last one a check character, so a typing error is named by its group.
type ClaimCode string

func NewClaimCode() ClaimCode                       { panic("contract") }
func ParseClaimCode(text string) (ClaimCode, error) { panic("contract") }

func NewPassphrase() string                   { panic("contract") } // six words of an embedded list, joined by spaces; ≥ 66 bits
func CheckPassphrase(passphrase string) error { panic("contract") } // weak ones: error says what to do

// ============================== certificate.go, policy.go, key.go (owner: keys)

// Fingerprint is a v4 (40) or v6 (64) fingerprint in upper-case hexadecimal without spaces.
type Fingerprint string

func ParseFingerprint(text string) (Fingerprint, error) { panic("contract") } // spaces, case, 0x are forgiven
func (f Fingerprint) Spaced() string                    { panic("contract") } // groups of four, as on paper

// Profile says how a key is made.
type Profile string

const (
	ProfilePQ     Profile = "pq"     // v4 Ed25519 (EdDSA legacy) + ML-KEM-768+X25519 subkey
	ProfileCompat Profile = "compat" // v4 Ed25519 + Cv25519, readable by GnuPG 2.2
	ProfileOwn    Profile = "own"    // made elsewhere
)

// Suite says how a body is sealed and an envelope wrapped.
type Suite string

const (
	SuitePQ     Suite = "pq"     // SEIPDv2 AES-256, PKESK v6 (a v6/own key without ML-KEM but with the SEIPDv2 feature is of this suite too)
	SuiteCompat Suite = "compat" // SEIPDv1 AES-256, PKESK v3
)

// Certificate is a parsed public key whose self-signatures hold. Bytes are as received.
type Certificate struct {
	raw    []byte
	entity *openpgp.Entity
}

func ParseCertificate(data []byte) (*Certificate, error) { panic("contract") } // armored or binary, exactly one, ≤ 64 KiB, no private part
func (c *Certificate) Fingerprint() Fingerprint          { panic("contract") }
func (c *Certificate) Bytes() []byte                     { panic("contract") }
func (c *Certificate) Armor() string                     { panic("contract") } // with CRC24
func (c *Certificate) SigningOnlyArmor() string          { panic("contract") } // without the encryption subkey, for programs that refuse it
func (c *Certificate) PublicKeySHA256() string           { panic("contract") } // hex SHA-256 of the primary public key packet (for paper)
func (c *Certificate) UserIDs() []string                 { panic("contract") } // sorted
func (c *Certificate) Suite() Suite                      { panic("contract") } // by the SEIPDv2 feature bit
func (c *Certificate) PostQuantum() bool                 { panic("contract") } // chosen encryption subkey is ML-KEM
func (c *Certificate) CheckPolicy(at time.Time) error    { panic("contract") } // *PolicyError

// PolicyError names the rule that a certificate breaks and what its owner can do.
type PolicyError struct {
	Rule   string // machine-readable, e.g. "rsa-too-short", "expired", "identifying-user-id"
	Why    string // one sentence for the owner
	Remedy string // what to do, with the command where there is one
}

func (e *PolicyError) Error() string { return e.Why + " " + e.Remedy }

// Key is an unlocked private key with its certificate.
type Key struct{ certificate *Certificate }

func GenerateKey(profile Profile, userID string, now time.Time) (*Key, error) { panic("contract") }
func GenerateRoot(institution string, now time.Time) (*Key, error)            { panic("contract") } // certify and sign only, no subkey
func (k *Key) Certificate() *Certificate                                      { return k.certificate }
func (k *Key) WithCertificate(c *Certificate) (*Key, error)                   { panic("contract") } // same key, newer certificate (after certification)
func ParseArmoredKey(data, passphrase []byte) (*Key, error)                   { panic("contract") } // a key from gpg --export-secret-keys; S2K octets capped before any work
func (k *Key) Armor() string                                                  { panic("contract") } // unlocked transferable secret key, CRC24; handle with care

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

