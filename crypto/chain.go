package crypto

import (
	"bytes"
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Notations of certifications (RFC 9580, section 5.2.3.24). They stand in the
// hashed area, readable and not critical, so that any OpenPGP program shows them
// and none stumbles over them.
const (
	roleNotation  = "role@valise.invalid"
	chainNotation = "chain@valise.invalid"
	// ownNotation stands beside chainIssued: the fingerprint of the only certificate that may come after it.
	ownNotation = "own@valise.invalid"
)

// Values of the chain notation: how a key came to its representative.
const (
	chainIssued    = "issued"    // a registrar made it
	chainSuccessor = "successor" // the representative's key before it vouches for it
)

// StaffPeriod is how long the root's certification of a staff member lasts: an
// old certificate that comes up again after a role was withdrawn must end by
// itself. Certifications of representatives don't end, as a mailbox must not
// silently stop receiving; their keys are replaced or revoked.
const StaffPeriod = 3 * 365 * 24 * time.Hour

// maxChain is how many keys a representative may have had.
const maxChain = 200

// Role is what a staff member may do; given by notation "role@valise.invalid" in
// the root's certification.
type Role string

const (
	RoleAuthor        Role = "author"
	RoleApprover      Role = "approver"
	RoleRegistrar     Role = "registrar"
	RoleAuditor       Role = "auditor"
	RoleAdministrator Role = "administrator"

	// RoleNotary is that of a process, not of a person: it opens approved statements at
	// their minute and publishes them. Who has it has no other role, so its key, which
	// lies on a machine that is always on, signs nothing that anybody believes.
	RoleNotary Role = "notary"

	// RoleCourier is that of a process, too: it opens the addresses that it must write to, and carries sealed messages by e-mail. Likewise it has no other role.
	RoleCourier Role = "courier"

	// RoleDeskMail is that of no person either: it marks the certificate that people encrypt to who write to the desk from their mail programs (NewDeskKey). It has no other role, its key never logs in,
	// and what it signs counts for nothing.
	RoleDeskMail Role = "desk-mail"
)

// IsProcess says whether a role is that of no person, but of a process, or of the desk's certificate for mail programs: whoever has it has no other role, and is no actor of the portal.
func (r Role) IsProcess() bool { return r == RoleNotary || r == RoleCourier || r == RoleDeskMail }

// JoinRoles is how roles are written for people and in audit entries: "author, approver".
func JoinRoles(roles []Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// ParseRole reads one of the roles; capitals and spaces around are forgiven.
func ParseRole(text string) (Role, error) {
	switch r := Role(strings.ToLower(strings.TrimSpace(text))); r {
	case RoleAuthor, RoleApprover, RoleRegistrar, RoleAuditor, RoleAdministrator, RoleNotary, RoleCourier, RoleDeskMail:
		return r, nil
	}
	return "", fmt.Errorf("%q is no role; the roles are author, approver, registrar, auditor, administrator, notary, courier and desk-mail", text)
}

// CertifyStaff returns subject with one more certification on its only user ID,
// made by the root and valid for StaffPeriod. The newest certification counts: to
// change roles certify again, to withdraw all of them certify with none.
func CertifyStaff(root *Key, subject *Certificate, roles []Role, now time.Time) (*Certificate, error) {
	if !root.exists() {
		return nil, errNoKey
	}
	if err := subject.CheckPolicy(now); err != nil {
		return nil, err
	}
	if len(subject.userIDs) != 1 {
		return nil, fmt.Errorf("a staff member's certificate has one user ID, their name; this one has %d", len(subject.userIDs))
	}
	if err := checkUserID(subject.userIDs[0]); err != nil && len(roles) > 0 {
		return nil, fmt.Errorf("the name %+q can't be certified: %w", subject.userIDs[0], err)
	}
	var values []string
	for _, role := range roles {
		if _, err := ParseRole(string(role)); err != nil {
			return nil, err
		}
		values = append(values, string(role))
	}
	slices.Sort(values)
	values = slices.Compact(values)
	if i := slices.IndexFunc(roles, Role.IsProcess); i >= 0 && len(values) > 1 {
		return nil, fmt.Errorf("a %s has no other role, as its key is not that of a person; make another key for the other roles", roles[i])
	}
	if slices.Equal(values, []string{string(RoleDeskMail)}) {
		if err := subject.checkDeskMail(); err != nil {
			return nil, err
		}
	}
	// A certification made within the same second must be the newer one of the two.
	if s := root.certificate.newestCertification(subject, subject.userIDs[0], now.Add(ClockSkew), isAnyCertification); s != nil && !now.Truncate(time.Second).After(s.CreationTime) {
		now = s.CreationTime.Add(time.Second)
	}
	certified, err := certify(root, subject, subject.userIDs[0], StaffPeriod, now, notations(roleNotation, values...)...)
	if err != nil {
		return nil, err
	}
	if err := certified.checkRoom(); err != nil && len(roles) > 0 {
		return nil, err
	}
	return certified, nil
}

// checkRoom refuses a staff certificate that fills more than half of what is
// accepted. Who fills theirs up to the brim would otherwise keep their roles, since
// there would be no room for the certification that takes them away.
func (c *Certificate) checkRoom() error {
	if len(c.raw) > MaxCertificateSize/2 || len(c.packet) > maxCertificatePackets/2 {
		return c.withFingerprint(&PolicyError{RuleTooLarge,
			fmt.Sprintf("The certificate is too large for a staff member's; at most %d KiB and %d packets are accepted.", MaxCertificateSize>>11, maxCertificatePackets/2),
			"Leave out other people's signatures: " + exportCommand})
	}
	return nil
}

// CertifyIssued returns subject, a key that a registrar made for representative,
// with the registrar's certification. A certificate that CheckRepresentative
// refuses is refused.
func CertifyIssued(registrar *Key, subject *Certificate, representative Representative, now time.Time) (*Certificate, error) {
	return certifyRepresentative(registrar, subject, representative, now, notations(chainNotation, chainIssued)...)
}

// CertifyIssuedFor is CertifyIssued for a representative who has a certificate of their own, whose
// fingerprint the registrar learnt from them: no other may follow in the chain. So a
// letter that somebody opens on its way lets them take up nothing.
func CertifyIssuedFor(registrar *Key, subject *Certificate, representative Representative, own Fingerprint, now time.Time) (*Certificate, error) {
	if f, err := ParseFingerprint(string(own)); err != nil || f != own {
		return nil, errors.New("the fingerprint of the representative's own certificate is missing")
	}
	return certifyRepresentative(registrar, subject, representative, now, append(notations(chainNotation, chainIssued), notations(ownNotation, string(own))...)...)
}

// CertifySuccessor returns subject, the representative's next key, with the
// certification of the one before it. A certificate that CheckRepresentative
// refuses is refused.
func CertifySuccessor(old *Key, subject *Certificate, representative Representative, now time.Time) (*Certificate, error) {
	if !old.exists() {
		return nil, errNoKey
	}
	if err := old.certificate.checkUserID(representative.String()); err != nil {
		return nil, fmt.Errorf("the old key is not that of %s: %w", representative, old.certificate.withFingerprint(err))
	}
	if own := old.certificate.issuedFor(representative.String()); own != "" && own != subject.fingerprint {
		return nil, errIssuedFor(representative, own)
	}
	return certifyRepresentative(old, subject, representative, now, notations(chainNotation, chainSuccessor)...)
}

func certifyRepresentative(issuer *Key, subject *Certificate, representative Representative, now time.Time, notations ...*packet.Notation) (*Certificate, error) {
	if err := subject.CheckRepresentative(representative, now); err != nil {
		return nil, err
	}
	return certify(issuer, subject, representative.String(), 0, now, notations...)
}

// notations are one of a name for each value.
func notations(name string, values ...string) (all []*packet.Notation) {
	for _, value := range values {
		all = append(all, &packet.Notation{Name: name, Value: []byte(value), IsHumanReadable: true})
	}
	return all
}

// certify adds a certification with notations to a user ID. It works
// on a copy of the octets: nothing else in the certificate changes its place.
// period 0 means for good.
func certify(issuer *Key, subject *Certificate, userID string, period time.Duration, now time.Time, notations ...*packet.Notation) (*Certificate, error) {
	if !issuer.exists() {
		return nil, errNoKey
	}
	if issuer.certificate.fingerprint == subject.fingerprint {
		return nil, errors.New("a key can't certify itself")
	}
	if issuer.entity.PrivateKey == nil {
		return nil, errOpensOnly
	}
	signer := issuer.entity.PrivateKey // never a signing subkey: other programs believe only the primary key's
	seconds := uint32(period / time.Second)
	s := &packet.Signature{
		Version:           signer.Version,
		SigType:           packet.SigTypeGenericCert,
		PubKeyAlgo:        signer.PubKeyAlgo,
		Hash:              crypto.SHA512,
		CreationTime:      now.Truncate(time.Second),
		SigLifetimeSecs:   &seconds,
		IssuerKeyId:       &signer.KeyId,
		IssuerKeyVersion:  uint8(signer.Version),
		IssuerFingerprint: signer.Fingerprint,
		Notations:         notations,
	}
	if err := s.SignUserId(userID, subject.entity.PrimaryKey, signer, &packet.Config{}); err != nil {
		return nil, fmt.Errorf("certifying: %w", err)
	}
	var certification bytes.Buffer
	if err := s.Serialize(&certification); err != nil {
		return nil, fmt.Errorf("certifying: %w", err)
	}
	return subject.withCertification(userID, certification.Bytes())
}

// withCertification inserts a signature packet behind those of a user ID.
func (c *Certificate) withCertification(userID string, certification []byte) (*Certificate, error) {
	var out []byte
	within, inserted := false, false
	for _, p := range c.packet {
		if within && p.kind != packetSignature {
			out = append(out, certification...)
			within, inserted = false, true
		}
		out = append(out, p.whole...)
		if p.kind == packetUserID && string(p.body) == userID {
			within = true
		}
	}
	if within {
		out, inserted = append(out, certification...), true
	}
	if !inserted {
		return nil, fmt.Errorf("the certificate has no user ID %q", userID)
	}
	if len(out) > MaxCertificateSize { // nobody would read it
		return nil, errTooLarge()
	}
	return certificateFromPackets(out)
}

// isAnyCertification accepts every certification.
func isAnyCertification(*packet.Signature) bool { return true }

// newestCertification returns the newest certification that c made on a user ID
// of subject until a time, among those that wanted accepts; nil when there is
// none, or when c had revoked it ClockSkew before (callers allow for clocks by adding
// that; what was signed just before a revocation must not suffer for it). It does not
// look at expiry.
//
// The issuer named in a signature only sorts out those that others made; what
// counts is that the signature verifies with exactly c's primary key.
func (c *Certificate) newestCertification(subject *Certificate, userID string, until time.Time, wanted func(*packet.Signature) bool) *packet.Signature {
	if !c.exists() || !subject.exists() {
		return nil
	}
	identity := subject.entity.Identities[userID]
	if identity == nil || !affordable(c.entity.PrimaryKey) {
		return nil
	}
	var best *packet.Signature
	var revoked time.Time
	for _, v := range identity.OtherCertifications {
		s := v.Packet
		if !s.CheckKeyIdOrFingerprint(c.entity.PrimaryKey) || s.CreationTime.After(until) || !acceptableSignature(s) {
			continue
		}
		revocation := s.SigType == packet.SigTypeCertificationRevocation
		if !revocation && (!wanted(s) || best != nil && s.CreationTime.Before(best.CreationTime)) {
			continue
		}
		if revocation && s.CreationTime.After(until.Add(-ClockSkew)) || !c.made(s, subject, userID) {
			continue
		}
		if revocation {
			revoked = latest(revoked, s.CreationTime)
		} else {
			best = s
		}
	}
	if best != nil && !revoked.IsZero() && !revoked.Before(best.CreationTime) {
		return nil
	}
	return best
}

// certifier is a certification, which stands under one user ID of one certificate, and the key that it verified with.
type certifier struct {
	signature *packet.Signature
	key       string // Certificate.PublicKeySHA256
}

// made says whether a signature over a user ID of subject verifies with c's primary key. That never changes, unlike what is asked about time, and
// a server is asked it for the same few certificates with every request; so subject remembers what held.
func (c *Certificate) made(s *packet.Signature, subject *Certificate, userID string) bool {
	by := certifier{s, c.PublicKeySHA256()}
	if _, known := subject.certified.Load(by); known && by.key != "" {
		return true
	}
	if c.entity.PrimaryKey.VerifyUserIdSignature(userID, subject.entity.PrimaryKey, s) != nil {
		return false
	}
	subject.certified.Store(by, nil)
	return true
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// notationValues returns the values of the notations of a name in the hashed
// area; the library reads no others.
func notationValues(s *packet.Signature, name string) []string {
	var values []string
	for _, n := range s.Notations {
		if n.Name == name {
			values = append(values, string(n.Value))
		}
	}
	return values
}

// Pin is what a person takes from paper: the root's fingerprint.
type Pin struct{ Fingerprint Fingerprint }

// Root is the institution's root certificate that matched its pin.
type Root struct{ certificate *Certificate }

// OpenRoot reads the root's certificate, from anywhere, and refuses it unless it
// is the one that the pin names.
func OpenRoot(pin Pin, certificate []byte) (*Root, error) {
	c, err := ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("the institution's root certificate: %w", err)
	}
	if pin.Fingerprint == "" || c.Fingerprint() != pin.Fingerprint {
		return nil, because(CauseOtherRoot, fmt.Errorf("the root certificate has the fingerprint %s, not the one on paper, %s: don't trust it, and tell the institution by another way", c.Fingerprint().Spaced(), pin.Fingerprint.Spaced()))
	}
	if c.self == nil {
		return nil, fmt.Errorf("the institution's root certificate: %w", c.withFingerprint(c.errNoSelfSignature()))
	}
	return &Root{certificate: c}, nil
}

// exists refuses the zero value.
func (r *Root) exists() bool { return r != nil && r.certificate.exists() }

var errNoRoot = errors.New("there is no root to verify with")

// Certificate returns the root's certificate.
func (r *Root) Certificate() *Certificate { return r.certificate }

// Fingerprint returns the pinned fingerprint.
func (r *Root) Fingerprint() Fingerprint { return r.certificate.Fingerprint() }

// Staff is a staff member's certificate that held under the root at a time.
type Staff struct {
	certificate *Certificate
	roles       []Role
	name        string
	certified   time.Time
}

// VerifyStaff returns the staff member whose certificate this is, when at the
// given time (that of their signature, or now) the root's newest certification of
// it gave at least one role, and neither of the two keys had expired or been
// revoked.
func (r *Root) VerifyStaff(c *Certificate, at time.Time) (*Staff, error) {
	if !r.exists() {
		return nil, errNoRoot
	}
	if !c.exists() {
		return nil, errZeroCertificate
	}
	if err := r.certificate.checkSigner(at); err != nil {
		return nil, fmt.Errorf("the institution's root certificate: %w", err)
	}
	if err := c.checkSigner(at); err != nil {
		return nil, because(CauseKeyNotGood, fmt.Errorf("the staff certificate %s: %w", c.Fingerprint(), err))
	}
	if err := c.checkRoom(); err != nil {
		return nil, err
	}
	var staff *Staff
	for _, name := range c.userIDs {
		if c.userIDRevoked(name, at) {
			continue
		}
		s := r.certificate.newestCertification(c, name, at.Add(ClockSkew), isAnyCertification)
		if s == nil || expired(s, at) {
			continue
		}
		roles := rolesOf(s)
		if len(roles) == 0 {
			continue
		}
		if i := slices.IndexFunc(roles, Role.IsProcess); i >= 0 && len(roles) > 1 {
			return nil, fmt.Errorf("certificate %s is certified as a %s and for other roles, too; the root may certify a %[2]s only as that", c.Fingerprint(), roles[i])
		}
		if staff != nil {
			return nil, fmt.Errorf("certificate %s is certified under two names; the root may certify only one", c.Fingerprint())
		}
		staff = &Staff{certificate: c, roles: roles, name: name, certified: s.CreationTime}
	}
	if staff == nil {
		cause := CauseUnknownSigner // or somebody who has left, or hadn't come yet
		if r.everCertified(c) {
			cause = CauseNoRole
		}
		return nil, because(cause, fmt.Errorf("certificate %s is not that of a staff member: the institution's root gave it no role that counts at %s", c.Fingerprint(), at.UTC().Format(time.RFC3339)))
	}
	return staff, nil
}

// everCertified says whether the root ever gave a role to a certificate, whether or not that counts any more.
func (r *Root) everCertified(c *Certificate) bool {
	return slices.ContainsFunc(c.userIDs, func(name string) bool {
		identity := c.entity.Identities[name]
		return identity != nil && slices.ContainsFunc(identity.OtherCertifications, func(v *packet.VerifiableSignature) bool {
			s := v.Packet
			return s.SigType != packet.SigTypeCertificationRevocation && s.CheckKeyIdOrFingerprint(r.certificate.entity.PrimaryKey) && acceptableSignature(s) && len(rolesOf(s)) > 0 && r.certificate.made(s, c, name)
		})
	})
}

// rolesOf returns the roles in a certification, sorted; unknown ones are passed over.
func rolesOf(s *packet.Signature) []Role {
	var roles []Role
	for _, value := range notationValues(s, roleNotation) {
		if role, err := ParseRole(value); err == nil && value == string(role) {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// userIDRevoked says whether the owner had revoked a user ID at a time.
func (c *Certificate) userIDRevoked(name string, at time.Time) bool {
	identity := c.entity.Identities[name]
	self := newest(identity.SelfCertifications)
	return slices.ContainsFunc(identity.Revocations, func(v *packet.VerifiableSignature) bool {
		made := v.Packet.CreationTime
		return cryptographicallyValid(v) && !made.Before(self.CreationTime) && !made.After(at)
	})
}

func expired(s *packet.Signature, at time.Time) bool {
	if s.SigLifetimeSecs == nil || *s.SigLifetimeSecs == 0 {
		return false
	}
	return !at.Before(s.CreationTime.Add(time.Duration(*s.SigLifetimeSecs) * time.Second))
}

// Certificate returns the certificate that was verified.
func (s *Staff) Certificate() *Certificate { return s.certificate }

// Roles returns the roles, sorted.
func (s *Staff) Roles() []Role { return slices.Clone(s.roles) }

// Has says whether role is among the roles.
func (s *Staff) Has(role Role) bool { return slices.Contains(s.roles, role) }

// IsProcess says whether it is no person: a notary, a courier, or the desk's certificate for mail programs.
func (s *Staff) IsProcess() bool { return slices.ContainsFunc(s.roles, Role.IsProcess) }

// Name returns the certified user ID.
func (s *Staff) Name() string { return s.name }

// Certified returns when the root made the certification that counts.
func (s *Staff) Certified() time.Time { return s.certified }

// Extends says whether c is a later form of an older certificate: it holds
// everything that the older one holds, so nothing that was signed before ceases to
// verify when it takes its place.
func (c *Certificate) Extends(older *Certificate) bool {
	key := func(p rawPacket) string { return string(p.kind) + string(p.body) } // programs write packets' headers differently
	held := map[string]bool{}
	for _, p := range c.packet {
		held[key(p)] = true
	}
	return c.fingerprint == older.fingerprint && !slices.ContainsFunc(older.packet, func(p rawPacket) bool { return !held[key(p)] })
}

// Recipient is a representative's current certificate whose chain held: root →
// registrar → issued key → … → current.
type Recipient struct {
	representative Representative
	certificate    *Certificate
	registrar      *Staff
	chain          []Fingerprint // issued key first, current last
}

// VerifyRepresentative walks chain (issued key first, current last) up to a
// registrar among staff, up to the root, and checks the policy of the last
// certificate at the given time. The only user ID of every certificate must be
// exactly the representative's number.
//
// Whoever certified is judged at the time when they did: a registrar who has left
// since, or a key that was replaced since, leaves the chain whole; one that was
// revoked as compromised breaks it. When a registrar had revoked the representative
// (RevokeRepresentative), no chain holds.
func (r *Root) VerifyRepresentative(staff []*Certificate, chain []*Certificate, representative Representative, at time.Time) (*Recipient, error) {
	if !r.exists() {
		return nil, errNoRoot
	}
	if len(chain) == 0 || len(chain) > maxChain {
		return nil, fmt.Errorf("the chain of %s has %d certificates; it must have 1 to %d", representative, len(chain), maxChain)
	}
	number := representative.String()
	for i, c := range chain {
		if err := c.checkUserID(number); err != nil {
			return nil, fmt.Errorf("certificate %d in the chain of %s: %w", i+1, number, c.withFingerprint(err))
		}
	}
	if revocation := r.Revocation(staff, chain, representative, at); revocation != nil {
		return nil, errRevoked(representative, revocation)
	}
	registrar, own, err := r.findRegistrar(staff, chain[0], number, at)
	if err != nil {
		return nil, err
	}
	if own != "" && len(chain) > 1 && chain[1].fingerprint != own {
		return nil, because(CauseBrokenChain, errIssuedFor(representative, own))
	}
	for i, next := range chain[1:] {
		previous := chain[i]
		s := previous.newestCertification(next, number, at.Add(ClockSkew), isLink(chainSuccessor))
		if s == nil || expired(s, at) || previous.fingerprint == next.fingerprint {
			return nil, because(CauseBrokenChain, fmt.Errorf("the chain of %s is broken: key %s was not certified by the one before it, %s", number, next.Fingerprint(), previous.Fingerprint()))
		}
		if err := previous.checkSigner(s.CreationTime); err != nil {
			return nil, because(CauseBrokenChain, fmt.Errorf("the chain of %s is broken at key %s: %w", number, previous.Fingerprint(), err))
		}
	}
	current := chain[len(chain)-1]
	if err := current.CheckPolicy(at); err != nil {
		return nil, because(CauseKeyNotGood, fmt.Errorf("the certificate of %s can't be used: %w", number, err))
	}
	recipient := &Recipient{representative: representative, certificate: current, registrar: registrar}
	for _, c := range chain {
		recipient.chain = append(recipient.chain, c.fingerprint)
	}
	return recipient, nil
}

func errIssuedFor(representative Representative, own Fingerprint) error {
	return fmt.Errorf("%s was issued to somebody with a certificate of their own, %s, and can be taken up with that one alone", representative, own.Spaced())
}

// findRegistrar returns the one among staff who certified issued, if they were a
// registrar when they did, and the only certificate that may follow; "" for any.
func (r *Root) findRegistrar(staff []*Certificate, issued *Certificate, number string, at time.Time) (*Staff, Fingerprint, error) {
	problem := errors.New("no staff member at hand certified it")
	for _, c := range staff {
		s := c.newestCertification(issued, number, at.Add(ClockSkew), isLink(chainIssued))
		if s == nil || expired(s, at) {
			continue
		}
		registrar, err := r.VerifyStaff(c, s.CreationTime)
		switch {
		case err != nil:
			problem = err
		case !registrar.Has(RoleRegistrar):
			problem = fmt.Errorf("%s, who certified it, was no registrar", registrar.Name())
		default:
			return registrar, ownOf(s), nil
		}
	}
	return nil, "", because(CauseBrokenChain, fmt.Errorf("the chain of %s is broken: its issued key %s was not certified by a registrar: %w", number, issued.Fingerprint(), problem))
}

// ownOf is the only certificate that may follow in the chain, as a certification says; "" for any. What can't be read is nobody's.
func ownOf(s *packet.Signature) Fingerprint {
	switch values := notationValues(s, ownNotation); len(values) {
	case 0:
		return ""
	case 1:
		return cmp.Or(Fingerprint(values[0]), "none")
	default:
		return "several"
	}
}

// issuedFor is what any certification of an issued key says of who may follow it, whoever made that: enough to tell its owner in time.
func (c *Certificate) issuedFor(number string) Fingerprint {
	if identity := c.entity.Identities[number]; identity != nil {
		for _, v := range identity.OtherCertifications {
			if own := ownOf(v.Packet); own != "" {
				return own
			}
		}
	}
	return ""
}

// isLink accepts certifications whose one chain notation has the value how.
func isLink(how string) func(*packet.Signature) bool {
	return func(s *packet.Signature) bool { return slices.Equal(notationValues(s, chainNotation), []string{how}) }
}

// Representative returns whose certificate it is.
func (r *Recipient) Representative() Representative { return r.representative }

// Certificate returns the current certificate.
func (r *Recipient) Certificate() *Certificate { return r.certificate }

// Registrar returns who certified the issued key.
func (r *Recipient) Registrar() *Staff { return r.registrar }

// Had says whether f is the current certificate's or that of an earlier key in the
// verified chain: what was sealed to it was meant for this representative.
func (r *Recipient) Had(f Fingerprint) bool { return slices.Contains(r.chain, f) }
