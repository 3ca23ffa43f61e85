//go:build desk || !js

package crypto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A reply by e-mail is one OpenPGP message (RFC 9580, section 10.3), made by any program: envelopes to whomever the writer liked, the desk's certificate for mail programs
// (RoleDeskMail) among them, and one packet of encrypted data. The portal keeps these octets as they came, and its servers look at their structure only (CheckMailedReply).
//
// Nothing outside says who wrote it: whoever saw the Message-ID of a mail can answer it, and anybody can encrypt to the desk. So who wrote it is what the desk's client finds inside: a
// signature by a representative of the mailbox, around what was encrypted, beside a part of it (multipart/signed, RFC 3156), or in the text (clear-signed). Such a signature was made by
// a mail program and names no purpose. It says who wrote these words and when, not to whom: somebody who got them can encrypt them again to somebody else.

// Bounds of replies by e-mail, in bytes and in packets.
const (
	MaxMailedReply       = MaxBodySize
	maxMailedEnvelopes   = 64 // as many people may have got the same mail
	maxMailedSignatures  = 4  // that are looked at
	maxMailedTrials      = 64 // private keys that are tried on envelopes that hide whom they are for
	maxMailedDecryptions = 4  // of all that is encrypted, with keys out of envelopes
	maxMailedClearSigned = maxClearSignedSize
)

// ErrNotToDesk is that a message is sealed, but not to the desk.
var ErrNotToDesk = errors.New("the message is not sealed to the desk’s certificate for mail programs, so nobody at the desk could open it")

// CheckMailedReply is the server's look at what came by e-mail: one OpenPGP message, armored or binary, of 1 to 64 envelopes and one encrypted data packet of version 1 or 2, of at
// most MaxMailedReply bytes, nothing around it but markers and padding, and one envelope to the encryption key of one of desk, or to nobody in particular, which may be them. It returns the octets,
// without armor, as they are to be kept. No password may open it. Whether it opens, and what is inside, only the desk can tell. ErrNotToDesk when all envelopes are for others.
func CheckMailedReply(message []byte, desk []*Certificate) (sealed []byte, err error) {
	if len(message) > MaxMailedReply/3*4+MaxMailedReply/16 {
		return nil, errMailedReply("it is too large")
	}
	sealed = bytes.Clone(message)
	if isArmored(message) {
		if sealed, err = dearmor(armorMessage, message); err != nil {
			return nil, errMailedReply(err.Error())
		}
	}
	if len(sealed) > MaxMailedReply {
		return nil, errMailedReply("it is too large")
	}
	envelopes, _, err := splitMailedReply(sealed)
	if err != nil {
		return nil, err
	}
	for _, e := range envelopes {
		if e.hidden() {
			return sealed, nil
		}
		for _, c := range desk {
			if !c.exists() {
				continue
			}
			if key, err := c.encryptionKey(); err == nil && e.names(key) {
				return sealed, nil
			}
		}
	}
	return nil, ErrNotToDesk
}

func errMailedReply(why string) error {
	return fmt.Errorf("this is no encrypted mail that can be taken: %s", why)
}

// mailedEnvelope is an encrypted session key packet as other programs write it: those for others may be of kinds that nobody here knows.
type mailedEnvelope struct {
	whole       []byte
	keyID       uint64 // version 3
	fingerprint []byte // version 6; both empty: it hides whom it is for
}

func (e *mailedEnvelope) hidden() bool { return e.keyID == 0 && len(e.fingerprint) == 0 }

func (e *mailedEnvelope) names(key *packet.PublicKey) bool {
	return e.keyID != 0 && e.keyID == key.KeyId || len(e.fingerprint) > 0 && bytes.Equal(e.fingerprint, key.Fingerprint)
}

// splitMailedReply takes a message apart; body is the encrypted data packet with a definite length.
func splitMailedReply(sealed []byte) (envelopes []mailedEnvelope, body []byte, err error) {
	packets, err := joinPackets(sealed, maxMailedEnvelopes+4)
	if err != nil {
		return nil, nil, errMailedReply(err.Error())
	}
	packets = slices.DeleteFunc(packets, func(p rawPacket) bool { return p.kind == packetPadding || p.kind == packetMarker })
	if len(packets) < 2 || packets[len(packets)-1].kind != packetSEIPD {
		return nil, nil, errMailedReply("it is not encrypted, or in a form without protection against alteration, or one that only some programs know")
	}
	for _, p := range packets[:len(packets)-1] {
		if p.kind != packetPKESK {
			return nil, nil, errMailedReply("something else than envelopes stands before what is encrypted; it must be encrypted to a key, not with a password")
		}
		e, err := parseMailedEnvelope(p)
		if err != nil {
			return nil, nil, err
		}
		envelopes = append(envelopes, e)
	}
	if len(envelopes) > maxMailedEnvelopes {
		return nil, nil, errMailedReply("it is encrypted to too many")
	}
	b := packets[len(packets)-1].body
	if len(b) == 0 || b[0] != 1 && b[0] != 2 || b[0] == 1 && len(b) < seipd1Minimum || b[0] == 2 && len(b) < seipd2Minimum {
		return nil, nil, errMailedReply("what is encrypted is cut off, or of an unknown version")
	}
	return envelopes, appendPacket(make([]byte, 0, len(b)+6), packetSEIPD, b), nil
}

func parseMailedEnvelope(p rawPacket) (e mailedEnvelope, err error) {
	e.whole = p.whole
	damaged := errMailedReply("an envelope is damaged")
	if len(p.body) < 2 || len(p.whole) > MaxEnvelopeSize {
		return e, damaged
	}
	switch rest := p.body[1:]; p.body[0] {
	case 3:
		if len(rest) < 9 {
			return e, damaged
		}
		e.keyID = binary.BigEndian.Uint64(rest)
	case 6:
		n := int(rest[0])
		if n == 1 || len(rest) < 1+n {
			return e, damaged
		}
		if n > 0 {
			e.fingerprint = rest[2 : 1+n]
		}
	default:
		return e, errMailedReply("an envelope is of an unknown version")
	}
	return e, nil
}

// OpenedMail is what a reply by e-mail holds, once it was opened. Nobody who wrote it is known by that: see MailWriters.
type OpenedMail struct {
	content    []byte
	signatures []*packet.Signature // around the content
	signed     bool                // there were some, whether or not they could be read
}

// Content returns the octets that were encrypted: a MIME entity, or a text.
func (o *OpenedMail) Content() []byte { return o.content }

// Signed says whether there are signatures around the content, good or not.
func (o *OpenedMail) Signed() bool { return o.signed }

// OpenMailedReply opens a message that CheckMailedReply accepted with one of keys, those of the desk's certificates for mail programs. Nothing is returned before the protection against alteration was
// checked, and nothing larger than MaxMailedReply however it is compressed; compressed data within compressed data is refused.
func OpenMailedReply(sealed []byte, keys []*Key) (o *OpenedMail, err error) {
	defer func() {
		if r := recover(); r != nil {
			o, err = nil, fmt.Errorf("opening the mail failed: %v", r)
		}
	}()
	if len(sealed) > MaxMailedReply {
		return nil, errMailedReply("it is too large")
	}
	envelopes, body, err := splitMailedReply(sealed)
	if err != nil {
		return nil, err
	}
	plain, err := openMailed(envelopes, body, keys)
	if err != nil {
		return nil, err
	}
	packets, err := insidePackets(plain)
	if err != nil {
		return nil, err
	}
	o = &OpenedMail{}
	found := false
	for _, p := range packets {
		switch {
		case p.kind == packetOnePassSignature && !found:
			o.signed = true
		case p.kind == packetSignature:
			o.signed = true
			if s, err := parseSignature(p); err == nil && len(o.signatures) < maxMailedSignatures {
				o.signatures = append(o.signatures, s)
			}
		case p.kind == packetLiteral && !found:
			if o.content, err = mailedContent(p); err != nil {
				return nil, err
			}
			found = true
		default:
			return nil, errors.New("what was encrypted is no mail: there is something in it that doesn’t belong there, or more than one thing")
		}
	}
	if !found {
		return nil, errors.New("what was encrypted is no mail: there is no text in it")
	}
	return o, nil
}

// openMailed tries the envelopes that are for one of keys, and those that don't say for whom they are.
func openMailed(envelopes []mailedEnvelope, body []byte, keys []*Key) ([]byte, error) {
	problem := errors.New("none of the desk’s keys at hand opens this mail: it is encrypted to another one, or nobody has shared that key with you yet")
	trials, decryptions := 0, 0
	for _, e := range envelopes {
		for _, k := range keys {
			for _, private := range k.decryptionKeys() {
				hidden := e.hidden()
				if !hidden && !e.names(&private.PublicKey) {
					continue
				}
				if hidden {
					if trials++; trials > maxMailedTrials {
						return nil, problem
					}
				}
				session, err := e.unwrap(private)
				if err == nil {
					if decryptions++; decryptions > maxMailedDecryptions {
						return nil, problem
					}
					var plain []byte
					if plain, err = session.decrypt(body); err == nil {
						return plain, nil
					}
				}
				if !hidden {
					problem = err
				}
			}
		}
	}
	return nil, problem
}

// unwrap opens an envelope with a private key.
func (e *mailedEnvelope) unwrap(private *packet.PrivateKey) (*SessionKey, error) {
	if !e.hidden() {
		known, err := parseEnvelope(e.whole)
		if err != nil {
			return nil, err
		}
		return known.decrypt(private)
	}
	known := &envelopePacket{whole: e.whole, suite: SuiteCompat}
	if e.version() == 6 {
		known.suite = SuitePQ
	}
	return known.decrypt(private)
}

func (e *mailedEnvelope) version() byte {
	_, header, _, err := packetHeader(e.whole)
	if err != nil || header >= len(e.whole) {
		return 0
	}
	return e.whole[header]
}

// mailedContent returns the octets of literal data of whatever kind. Its file name and date are not signed and count for nothing.
func mailedContent(p rawPacket) ([]byte, error) {
	if len(p.body) < 2 {
		return nil, errors.New("what was encrypted is cut off")
	}
	header := literalHeaderSize + int(p.body[1])
	if len(p.body) < header {
		return nil, errors.New("what was encrypted is cut off")
	}
	return p.body[header:], nil
}

// MailWriters are those whose signature under a reply by e-mail counts: the representatives of one mailbox.
type MailWriters struct {
	root     *Root
	mailbox  Number
	staff    []*Certificate
	chains   map[Representative][]*Certificate
	desk     []Fingerprint
	received time.Time
	now      time.Time
}

// MailWriters returns those of a mailbox. chains are the certificates of all its representatives, by whom, the issued one first; desk are the desk's certificates for mail programs, in case a signature says to whom
// it was meant; received is when the mail came, as the portal says.
func (r *Root) MailWriters(mailbox Number, staff []*Certificate, chains map[Representative][]*Certificate, desk []Fingerprint, received, now time.Time) *MailWriters {
	return &MailWriters{r, mailbox, staff, chains, desk, received, now}
}

// MailSignature is a signature under a mail that held, by a representative of the mailbox; nothing but MailWriters makes one.
type MailSignature struct {
	representative Representative
	signature      *Signature
	ended          *Revocation
}

// Representative returns who signed.
func (s *MailSignature) Representative() Representative { return s.representative }

// Signature returns the signature; it names no purpose.
func (s *MailSignature) Signature() *Signature { return s.signature }

// Ended returns that their access was ended since the mail came; nil when it wasn't.
func (s *MailSignature) Ended() *Revocation { return s.ended }

// Around verifies the signatures around what was encrypted. It returns nil without an error when there are none.
func (w *MailWriters) Around(o *OpenedMail) (*MailSignature, error) {
	switch {
	case o == nil || !o.signed:
		return nil, nil
	case len(o.signatures) == 0:
		return nil, errors.New("its signature can’t be read")
	}
	return w.oneOf(o.signatures, func(s *packet.Signature) [][]byte {
		if s.SigType == packet.SigTypeText {
			return [][]byte{withCRLF(o.content)}
		}
		return [][]byte{o.content}
	})
}

// Beside verifies the signatures, armored or binary, that stand beside a part of a mail (multipart/signed, RFC 3156, section 5): part is what they are over, header fields included and without the line end that belongs to the boundary. Line ends
// that were changed on the way are put right.
func (w *MailWriters) Beside(part, signature []byte) (*MailSignature, error) {
	if len(signature) > 2*maxMailedSignatures*maxSignatureSize {
		return nil, errNoSignature(errors.New("it is too large"))
	}
	raw := signature
	if isArmored(signature) {
		var err error
		if raw, err = dearmor(armorSignature, signature); err != nil {
			return nil, errNoSignature(err)
		}
	}
	packets, err := splitPackets(raw, maxMailedSignatures)
	if err != nil {
		return nil, errNoSignature(err)
	}
	var signatures []*packet.Signature
	for _, p := range packets {
		s, err := parseSignature(p)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, s)
	}
	canonical := withCRLF(part)
	return w.oneOf(signatures, func(s *packet.Signature) [][]byte {
		if s.SigType == packet.SigTypeText || bytes.Equal(canonical, part) {
			return [][]byte{canonical}
		}
		return [][]byte{canonical, part}
	})
}

// IsClearSigned says whether a text is meant as one that is clear-signed, from its first line to its last.
func IsClearSigned(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) <= maxMailedClearSigned && bytes.HasPrefix(text, []byte(beginSignedMessage)) && bytes.HasSuffix(text, []byte(endSignature))
}

// Clear verifies a clear-signed text and returns exactly what was signed, whether or not by somebody of the mailbox; it returns nothing when it can't be read.
func (w *MailWriters) Clear(message []byte) (text []byte, s *MailSignature, err error) {
	signed, err := readClearSigned(message)
	if err != nil {
		return nil, nil, err
	}
	text = signed.text()
	read, err := readSignature(signed.signature)
	if err != nil {
		return text, nil, err
	}
	if read.SigType != packet.SigTypeText {
		return text, nil, errors.New("it is signed in another way than clear-signed texts are")
	}
	s, err = w.oneOf([]*packet.Signature{read}, func(*packet.Signature) [][]byte { return [][]byte{signed.hashed()} })
	return text, s, err
}

// oneOf returns the first signature that holds, or why the last one doesn't. readings are the octets that it may be over.
func (w *MailWriters) oneOf(signatures []*packet.Signature, readings func(*packet.Signature) [][]byte) (*MailSignature, error) {
	if !w.root.exists() {
		return nil, errNoRoot
	}
	problem := errors.New("there is no signature")
	for _, s := range signatures {
		for _, data := range readings(s) {
			found, err := w.verify(s, data)
			if err == nil {
				return found, nil
			}
			problem = err
		}
	}
	return nil, problem
}

func (w *MailWriters) verify(s *packet.Signature, data []byte) (*MailSignature, error) {
	if s.SigType != packet.SigTypeBinary && s.SigType != packet.SigTypeText {
		return nil, errors.New("its signature is not one over a text")
	}
	if err := checkMailNotations(s); err != nil {
		return nil, err
	}
	if len(s.IntendedRecipients) > 0 && !slices.ContainsFunc(s.IntendedRecipients, func(to *packet.Recipient) bool {
		return slices.Contains(w.desk, Fingerprint(fmt.Sprintf("%X", to.Fingerprint)))
	}) {
		return nil, errors.New("its writer signed it for somebody else than the desk: who got it sent it on")
	}
	problem := fmt.Errorf("it is signed with a key (%s) that no representative of %s has", issuer(s), w.mailbox)
	for as, chain := range w.chains {
		if as.Mailbox != w.mailbox {
			continue
		}
		for i, c := range chain {
			if !c.exists() || !c.hasKey(s) {
				continue
			}
			found, err := w.by(as, chain, i, s, data)
			if err == nil {
				return found, nil
			}
			problem = err
		}
	}
	return nil, problem
}

// checkMailNotations refuses what was signed for something else: no signature of Valise's own is one under a mail.
func checkMailNotations(s *packet.Signature) error {
	for _, n := range s.Notations {
		if n.IsCritical {
			return fmt.Errorf("its signature is only meant for programs that know its notation %q", n.Name)
		}
	}
	if found := notationValues(s, purposeNotation); len(found) > 0 {
		return because(CauseWrongPurpose, fmt.Errorf("its signature was made for another purpose, %q, and not under a mail", found[0]))
	}
	return nil
}

// by verifies a signature by the i-th certificate of a representative.
func (w *MailWriters) by(as Representative, chain []*Certificate, i int, s *packet.Signature, data []byte) (*MailSignature, error) {
	if i == 0 {
		return nil, fmt.Errorf("it is signed with the key that was issued to %s, which whoever saw the letter has, not with one that they made their own", as)
	}
	verified, err := chain[i].verify(s, s.SigType, "", data, w.now)
	if err != nil {
		return nil, err
	}
	if _, err := w.root.VerifyRepresentative(w.staff, chain[:i+1], as, verified.Made()); err != nil {
		return nil, err
	}
	ended := w.root.Revocation(w.staff, chain, as, w.now)
	if ended != nil && !w.received.Before(ended.At()) {
		return nil, because(CauseRevoked, fmt.Errorf("it is signed with the key of %s, whose access was ended on %s UTC, before this came: anybody may have that key", as, ended.At().UTC().Format("2 January 2006, 15:04")))
	}
	if i+1 < len(chain) && chain[i+1].exists() { // nobody was logged in who wrote it, so that the signature is dated earlier says nothing
		link := chain[i].newestCertification(chain[i+1], as.String(), w.now.Add(ClockSkew), isLink(chainSuccessor))
		if link == nil || !w.received.Before(link.CreationTime) {
			return nil, fmt.Errorf("it is signed with a key of %s that they had replaced by another before this came: whoever has the old one may have written it", as)
		}
	}
	return &MailSignature{representative: as, signature: verified, ended: ended}, nil
}

// withCRLF gives every line the end CR LF.
func withCRLF(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}
