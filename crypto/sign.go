package crypto

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Purpose says what a signature is for: the value of the hashed notation
// "purpose@valise.invalid" that every signature made here carries.
type Purpose string

const (
	PurposeLogIn           Purpose = "login"           // clear-signed log-in text
	PurposeAcknowledgement Purpose = "acknowledgement" // clear-signed receipt
	PurposeCommand         Purpose = "command"         // clear-signed command by mail
	PurposeContent         Purpose = "content"         // inner signature of a sealed body
	PurposeHeading         Purpose = "heading"         // inner signature of a sealed heading
	PurposePersonal        Purpose = "personal"        // inner signature of what a notice says to one mailbox
	PurposePersonalKey     Purpose = "personal-key"    // inner signature of what opens all of these for the desk
	PurposeNoticeAuthor    Purpose = "notice-author"   // author's over the manifest
	PurposeNoticeApproval  Purpose = "notice-approval" // approver's over the same manifest
	PurposeNoticeReason    Purpose = "notice-reason"   // inner signature of why one was sent back or recalled
	PurposeNoticeDraft     Purpose = "notice-draft"    // inner signature of a draft sealed to the desk
	PurposeNoticeFile      Purpose = "notice-file"     // inner signature of a file that goes with it
	PurposeContact         Purpose = "contact"         // clear-signed word of staff on a contact outside the portal
	PurposeContactNote     Purpose = "contact-note"    // inner signature of the note beside it
	PurposeDetails         Purpose = "details"         // inner signature of a sealed personal record
	PurposeAddress         Purpose = "address"         // inner signature of where, and how, a representative gets e-mail
	PurposeReceiptForm     Purpose = "receipt-form"    // inner signature of the courier's word on what to sign as a receipt by e-mail
	PurposeEmergency       Purpose = "emergency"       // inner signature of what a representative saves for the day without a portal
	PurposeKeptMail        Purpose = "kept-mail"       // inner signature of a mail that came and that the courier keeps for the desk
	PurposeDeskKey         Purpose = "desk-key"        // inner signature of the desk's key for mail programs, given to one member of the desk
	PurposeDeskKeyGiven    Purpose = "desk-key-given"  // clear-signed word of a member of the desk who gave it

	PurposeStatementAuthor          Purpose = "statement-author"          // author's over a statement's manifest and texts
	PurposeStatementApproval        Purpose = "statement-approval"        // approver's over the same
	PurposeStatementAcknowledgement Purpose = "statement-acknowledgement" // clear-signed receipt of a statement
	PurposeStatementDraft           Purpose = "statement-draft"           // inner signature of a draft sealed to the desk
	PurposeStatementSealed          Purpose = "statement-sealed"          // inner signature of a signed statement on its way
	PurposeStatementReturn          Purpose = "statement-return"          // inner signature of why one was sent back
	PurposeStatementAttachment      Purpose = "statement-attachment"      // inner signature of a file on its way

	PurposeReply         Purpose = "reply"          // inner signature of a representative's reply
	PurposeReplyHeading  Purpose = "reply-heading"  // inner signature of its heading
	PurposeAnswer        Purpose = "answer"         // inner signature of an answer of one member of the desk
	PurposeAnswerHeading Purpose = "answer-heading" // inner signature of its heading

	PurposeLedgerKey      Purpose = "ledger-key"      // the root's, clear-signed: with what key the ledger signs
	PurposeClientManifest Purpose = "client-manifest" // clear-signed by two of the staff: what the portal gives browsers to run
)

// purposeNotation is the name of the notation (RFC 9580, section 5.2.3.24). It
// is not marked as critical: other programs show it, and none stumbles over it.
const purposeNotation = "purpose@valise.invalid"

// maxSignatureSize is the size in bytes of the largest signature accepted, without
// armor. The longest that the policy allows, SLH-DSA-SHAKE-256s, has 30 kB.
const maxSignatureSize = 64 << 10

func (p Purpose) check() error {
	switch p {
	case PurposeLogIn, PurposeAcknowledgement, PurposeCommand, PurposeContent, PurposeHeading, PurposePersonal, PurposePersonalKey, PurposeNoticeAuthor, PurposeNoticeApproval, PurposeNoticeReason, PurposeNoticeDraft, PurposeNoticeFile, PurposeDetails,
		PurposeContact, PurposeContactNote, PurposeAddress, PurposeReceiptForm, PurposeEmergency, PurposeKeptMail, PurposeDeskKey, PurposeDeskKeyGiven,
		PurposeStatementAuthor, PurposeStatementApproval, PurposeStatementAcknowledgement, PurposeStatementDraft,
		PurposeStatementSealed, PurposeStatementReturn, PurposeStatementAttachment, PurposeLedgerKey, PurposeClientManifest,
		PurposeReply, PurposeReplyHeading, PurposeAnswer, PurposeAnswerHeading:
		return nil
	}
	return fmt.Errorf("%q is no purpose of a signature", string(p))
}

// mayLackNotation says whether a person may sign such a text with a tool of their
// own: its first line says what it is for.
func (p Purpose) mayLackNotation() bool {
	return p == PurposeLogIn || p == PurposeAcknowledgement || p == PurposeCommand || p == PurposeStatementAcknowledgement
}

// Signature is a signature that verified; nothing else makes one.
type Signature struct {
	signer  *Certificate
	purpose Purpose
	made    time.Time
}

// Signer returns the certificate that verified it.
func (s *Signature) Signer() *Certificate { return s.signer }

// Purpose returns what it was verified for.
func (s *Signature) Purpose() Purpose { return s.purpose }

// Made returns the time, in seconds, that the signer put into it.
func (s *Signature) Made() time.Time { return s.made }

// SignDetached signs data for a purpose and returns an armored detached signature
// (RFC 9580, section 10.4; binary document, type 0x00; SHA-512), which gpg verifies
// with: gpg --verify FILE.asc FILE. now is cut to seconds.
//
// A key whose certificate would not be believed at now is refused.
func SignDetached(k *Key, purpose Purpose, data []byte, now time.Time) (armored []byte, err error) {
	s, err := k.sign(packet.SigTypeBinary, purpose, data, now)
	if err != nil {
		return nil, err
	}
	raw, err := serializeSignature(s)
	if err != nil {
		return nil, err
	}
	return []byte(armor(armorSignature, raw)), nil
}

// VerifyDetached verifies a detached signature, armored or binary, over data. It
// must be the only one, of the purpose, made by c's primary key or a signing
// subkey of c, with SHA-256 or stronger, without expiry, dated no later than
// ClockSkew after now, and c must have been good at that date.
func VerifyDetached(c *Certificate, purpose Purpose, data, signature []byte, now time.Time) (*Signature, error) {
	if len(signature) > 2*maxSignatureSize {
		return nil, errNoSignature(errors.New("it is too large"))
	}
	raw := signature
	if isArmored(signature) {
		var err error
		if raw, err = dearmor(armorSignature, signature); err != nil {
			return nil, errNoSignature(err)
		}
	}
	s, err := readSignature(raw)
	if err != nil {
		return nil, err
	}
	if err := checkPurpose(s, purpose, false); err != nil {
		return nil, err
	}
	return c.verify(s, packet.SigTypeBinary, purpose, data, now)
}

// sign makes a signature over data, which for packet.SigTypeText must already
// have the line ends CR LF.
func (k *Key) sign(kind packet.SignatureType, purpose Purpose, data []byte, now time.Time) (*packet.Signature, error) {
	if err := purpose.check(); err != nil {
		return nil, err
	}
	if !k.exists() {
		return nil, errNoKey
	}
	now = now.Truncate(time.Second)
	signer, err := k.signingKey(now)
	if err != nil {
		return nil, err
	}
	s := &packet.Signature{
		Version:           signer.Version,
		SigType:           kind,
		PubKeyAlgo:        signer.PubKeyAlgo,
		Hash:              crypto.SHA512,
		CreationTime:      now,
		IssuerKeyId:       &signer.KeyId,
		IssuerKeyVersion:  uint8(signer.Version),
		IssuerFingerprint: signer.Fingerprint,
		Notations:         []*packet.Notation{{Name: purposeNotation, Value: []byte(purpose), IsHumanReadable: true}},
	}
	// The library would add a notation of its own with a random salt.
	salted := false
	config := &packet.Config{NonDeterministicSignaturesViaNotation: &salted}
	h, err := s.PrepareSign(config)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	h.Write(data)
	if err := s.Sign(h, signer, config); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return s, nil
}

// signingKey returns the private part that signs: the primary key's if it may,
// else that of the newest signing subkey that is good at a time.
func (k *Key) signingKey(at time.Time) (*packet.PrivateKey, error) {
	c := k.certificate
	if err := c.checkSigner(at); err != nil {
		return nil, fmt.Errorf("the key %s can't sign: %w", c.fingerprint, err)
	}
	if maySign(c.self) {
		if k.entity.PrivateKey == nil {
			return nil, errOpensOnly
		}
		return k.entity.PrivateKey, nil
	}
	var best *packet.PrivateKey
	var made time.Time
	for i := range k.entity.Subkeys {
		subkey := &k.entity.Subkeys[i]
		binding := newest(subkey.Bindings)
		if subkey.PrivateKey == nil || c.checkSigningSubkey(subkey.PublicKey, binding, subkey.Revocations, at) != nil {
			continue
		}
		if best == nil || binding.CreationTime.After(made) {
			best, made = subkey.PrivateKey, binding.CreationTime
		}
	}
	if best == nil {
		return nil, fmt.Errorf("the key %s can't sign: neither its primary key nor a subkey whose private part is here may", c.fingerprint)
	}
	return best, nil
}

func maySign(s *packet.Signature) bool { return s != nil && s.FlagsValid && s.FlagSign }

// checkSigningSubkey says why a subkey's signatures of a time don't count; nil
// means that they do.
func (c *Certificate) checkSigningSubkey(key *packet.PublicKey, binding *packet.Signature, revocations []*packet.VerifiableSignature, at time.Time) error {
	switch {
	case !maySign(binding):
		return errors.New("the subkey is not for signing")
	case revokedAt(revocations, at):
		return errors.New("the subkey has been revoked by its owner")
	}
	if err := checkAlgorithm(key); err != nil {
		return c.withFingerprint(err)
	}
	if err := c.checkPeriod(key, binding, at); err != nil {
		return c.withFingerprint(err)
	}
	return nil
}

func serializeSignature(s *packet.Signature) ([]byte, error) {
	var b bytes.Buffer
	if err := s.Serialize(&b); err != nil {
		return nil, fmt.Errorf("writing the signature: %w", err)
	}
	return b.Bytes(), nil
}

func errNoSignature(cause error) error {
	return fmt.Errorf("this is not a signature that can be read: %w", cause)
}

// readSignature reads exactly one signature packet.
func readSignature(raw []byte) (*packet.Signature, error) {
	packets, err := splitPackets(raw, 1)
	switch {
	case errors.Is(err, errTooManyPackets):
		return nil, errors.New("there is more than one signature; only one is taken at a time")
	case err != nil:
		return nil, errNoSignature(err)
	case len(packets) == 0:
		return nil, errNoSignature(errors.New("it is empty"))
	}
	return parseSignature(packets[0])
}

func parseSignature(p rawPacket) (s *packet.Signature, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, errNoSignature(fmt.Errorf("reading it failed: %v", r))
		}
	}()
	if p.kind != packetSignature {
		return nil, errNoSignature(fmt.Errorf("it holds an OpenPGP packet of type %d", p.kind))
	}
	if len(p.body) > maxSignatureSize {
		return nil, errNoSignature(errors.New("it is too large"))
	}
	reader := bytes.NewReader(p.whole)
	read, err := packet.Read(reader)
	if err != nil {
		return nil, errNoSignature(err)
	}
	s, ok := read.(*packet.Signature)
	if !ok || reader.Len() != 0 || s.Version != 4 && s.Version != 6 || !wellFormedIntegers(s, p.body) {
		return nil, errNoSignature(errors.New("it is damaged"))
	}
	return s, nil
}

// wellFormedIntegers looks at the bit counts of a v4 signature's multiprecision
// integers (RFC 9580, section 3.2), which the library rounds up to octets. Some
// versions of GnuPG count the leading zero bits of Ed25519's, too.
func wellFormedIntegers(s *packet.Signature, body []byte) bool {
	var count int
	switch s.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		count = 1
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA:
		count = 2
	default:
		return true
	}
	if s.Version != 4 {
		return true
	}
	at := 4
	for range 2 { // hashed and unhashed subpackets
		if len(body) < at+2 {
			return false
		}
		at += 2 + int(binary.BigEndian.Uint16(body[at:]))
	}
	at += 2 // octets of the digest
	for range count {
		if len(body) < at+2 {
			return false
		}
		n := int(binary.BigEndian.Uint16(body[at:]))
		at += 2
		size := (n + 7) / 8
		if n == 0 || len(body) < at+size || n != 8*size && body[at]>>((n-1)%8) != 1 {
			return false
		}
		at += size
	}
	return at == len(body)
}

// checkPurpose looks at the notations in the hashed area; the library reads no others.
func checkPurpose(s *packet.Signature, purpose Purpose, mayLack bool) error {
	if err := purpose.check(); err != nil {
		return err
	}
	for _, n := range s.Notations {
		if n.IsCritical { // even the purpose: other programs don't know it, and what only Valise believes is no proof
			return fmt.Errorf("the signature is only meant for programs that know its notation %q; sign again without marking it as critical", n.Name)
		}
	}
	switch found := notationValues(s, purposeNotation); {
	case len(found) > 1:
		return errors.New("the signature names more than one purpose")
	case len(found) == 0 && mayLack:
		return nil
	case len(found) == 0:
		return fmt.Errorf("the signature names no purpose, it should be %q: it was not made by Valise", string(purpose))
	case found[0] != string(purpose):
		return because(CauseWrongPurpose, fmt.Errorf("the signature was made for another purpose, %q instead of %q", found[0], string(purpose)))
	}
	return nil
}

// verify does everything but looking at the purpose.
func (c *Certificate) verify(s *packet.Signature, kind packet.SignatureType, purpose Purpose, data []byte, now time.Time) (verified *Signature, err error) {
	defer func() {
		if r := recover(); r != nil {
			verified, err = nil, errNoSignature(fmt.Errorf("verifying it failed: %v", r))
		}
	}()
	if !c.exists() {
		return nil, errZeroCertificate
	}
	made := s.CreationTime
	switch {
	case s.SigType != kind:
		return nil, fmt.Errorf("the signature is of type 0x%02x, which says that something else was signed than it should be (0x%02x)", byte(s.SigType), byte(kind))
	case !acceptableHash(s):
		return nil, errors.New("the signature uses SHA-1 or another hash function that is too weak; sign again with SHA-512 (gpg --digest-algo SHA512)")
	case s.Version == 4 && (s.Hash == crypto.SHA3_256 || s.Hash == crypto.SHA3_512):
		return nil, errors.New("the signature uses SHA-3, which GnuPG doesn't know; sign again with SHA-512")
	case s.SigLifetimeSecs != nil && *s.SigLifetimeSecs != 0:
		return nil, errors.New("the signature expires, so it proves nothing for long; sign again without (gpg --default-sig-expire 0)")
	case made.After(now.Add(ClockSkew)):
		return nil, fmt.Errorf("the signature is dated %s UTC, which is in the future: check the clock of the computer that made it, and sign again", made.UTC().Format("2 January 2006, 15:04"))
	}
	key, err := c.keyThatMade(s)
	if err != nil {
		return nil, err
	}
	if err := c.checkSigner(made); err != nil {
		return nil, because(CauseKeyNotGood, fmt.Errorf("when the signature was made, its certificate was not good: %w", err))
	}
	h, err := s.PrepareVerify()
	if err != nil {
		return nil, errNoSignature(err)
	}
	h.Write(data)
	digest := &lastSum{Hash: h}
	if s.Version != key.Version || key.VerifySignature(digest, s) != nil || !bytes.Equal(digest.sum[:2], s.HashTag[:]) {
		return nil, because(CauseAltered, fmt.Errorf("the signature does not hold: what was signed has been altered since, or it was not made by %s", c.fingerprint))
	}
	return &Signature{signer: c, purpose: purpose, made: made.UTC()}, nil
}

// lastSum remembers the digest, so that the two octets of it that a signature
// carries can be compared; for v4 signatures the library doesn't.
type lastSum struct {
	hash.Hash
	sum []byte
}

func (h *lastSum) Sum(b []byte) []byte {
	h.sum = h.Hash.Sum(nil)
	return append(b, h.sum...)
}

// keyThatMade returns the key of c, primary or subkey, that a signature names as
// its issuer, if its signatures counted then.
func (c *Certificate) keyThatMade(s *packet.Signature) (*packet.PublicKey, error) {
	if s.CheckKeyIdOrFingerprint(c.entity.PrimaryKey) {
		if c.self != nil && !maySign(c.self) {
			return nil, fmt.Errorf("the signature was made by the primary key of %s, which is not for signing", c.fingerprint)
		}
		return c.entity.PrimaryKey, nil
	}
	for i := range c.entity.Subkeys {
		subkey := &c.entity.Subkeys[i]
		if !s.CheckKeyIdOrFingerprint(subkey.PublicKey) {
			continue
		}
		if err := c.checkSigningSubkey(subkey.PublicKey, newest(subkey.Bindings), subkey.Revocations, s.CreationTime); err != nil {
			return nil, fmt.Errorf("the signature was made by a subkey of %s that doesn't count: %w", c.fingerprint, err)
		}
		return subkey.PublicKey, nil
	}
	return nil, fmt.Errorf("the signature was made by another key (%s) than that of certificate %s", issuer(s), c.fingerprint)
}

// issuer names the key that a signature says made it.
func issuer(s *packet.Signature) string {
	switch {
	case len(s.IssuerFingerprint) > 0:
		return fmt.Sprintf("%X", s.IssuerFingerprint)
	case s.IssuerKeyId != nil:
		return fmt.Sprintf("%016X", *s.IssuerKeyId)
	}
	return "not named"
}
