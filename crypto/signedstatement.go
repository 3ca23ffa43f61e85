package crypto

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// MaxSignedStatementSize is the size in bytes of the largest encoded signed statement accepted.
const MaxSignedStatementSize = 8 << 20

// maxStatementSignature is the size in bytes of the largest signature over a
// statement, without armor: that of an RSA key of 16,384 bits has 2,200.
const maxStatementSignature = 4 << 10

// SignedStatement is one version of a statement, with the signatures of its author
// and, once approved, of its approver. Nothing in it is known to be genuine.
type SignedStatement struct {
	Manifest []byte
	// AuthorSignature and ApproverSignature are detached, over Manifest.
	AuthorSignature, ApproverSignature []byte
	// Texts are those that the manifest names, in its order.
	Texts []SignedStatementText
}

// SignedStatementText is a text and the signatures over it.
type SignedStatementText struct {
	Text             []byte
	Author, Approver TextSignatures
}

// TextSignatures are one person's over one text. Two, because GnuPG can't use one for
// both: a clear signature leaves out the last line end, a detached one is over the
// file. Both are armored.
type TextSignatures struct {
	Clear    []byte // of type 0x01, what closes the clear-signed text
	Detached []byte // of type 0x00
}

// ManifestSignatures returns the file "manifest.txt.asc": both signatures over the
// manifest in one armored block. Check it with: gpg --verify manifest.txt.asc manifest.txt.
func (s SignedStatement) ManifestSignatures() ([]byte, error) {
	return joinSignatures(s.AuthorSignature, s.ApproverSignature)
}

// Detached returns the file "en.md.asc": both signatures over the text, which is
// "en.md", in one armored block. Check it with: gpg --verify en.md.asc en.md.
func (t SignedStatementText) Detached() ([]byte, error) {
	return joinSignatures(t.Author.Detached, t.Approver.Detached)
}

// ClearSigned returns the file "en.txt": the text with both signatures, clear-signed
// (RFC 9580, section 7). Check it with: gpg --verify en.txt.
func (t SignedStatementText) ClearSigned() ([]byte, error) {
	if err := checkSignable(t.Text); err != nil {
		return nil, err
	}
	author, approver, err := bothSignatures(t.Author.Clear, t.Approver.Clear)
	if err != nil {
		return nil, err
	}
	s, err := readSignature(author)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(t.Text), "\n"), "\n")
	return writeClearSigned(lines, s, slices.Concat(author, approver)), nil
}

func joinSignatures(author, approver []byte) ([]byte, error) {
	author, approver, err := bothSignatures(author, approver)
	if err != nil {
		return nil, err
	}
	return []byte(armor(armorSignature, slices.Concat(author, approver))), nil
}

// bothSignatures takes off the armor.
func bothSignatures(author, approver []byte) (rawAuthor, rawApprover []byte, err error) {
	if rawAuthor, err = statementSignature(author, PurposeStatementAuthor); err != nil {
		return nil, nil, fmt.Errorf("the author's signature: %w", err)
	}
	if rawApprover, err = statementSignature(approver, PurposeStatementApproval); err != nil {
		return nil, nil, fmt.Errorf("the approver's signature: %w", err)
	}
	return rawAuthor, rawApprover, nil
}

// statementSignature takes off the armor, and looks at what can be seen without the
// signer's certificate.
func statementSignature(signature []byte, purpose Purpose) ([]byte, error) {
	if len(signature) == 0 {
		cause := CauseNotApproved
		if purpose == PurposeStatementAuthor {
			cause = CauseOtherSignature
		}
		return nil, because(cause, errors.New("it is missing"))
	}
	raw, err := binarySignature(signature)
	if err != nil {
		return nil, err
	}
	s, err := readSignature(raw)
	if err != nil {
		return nil, err
	}
	if len(raw) > maxStatementSignature {
		return nil, errNoSignature(errors.New("it is too large"))
	}
	if err := checkWorldReadable(s); err != nil {
		return nil, err
	}
	return raw, checkPurpose(s, purpose, false)
}

// checkWorldReadable demands what every gpg in use verifies: anybody shall be able to
// check a statement, and no signer shall be able to make one that only Valise believes.
func checkWorldReadable(s *packet.Signature) error {
	known := s.PubKeyAlgo == packet.PubKeyAlgoEdDSA || s.PubKeyAlgo == packet.PubKeyAlgoECDSA || s.PubKeyAlgo == packet.PubKeyAlgoRSA
	if s.Version != 4 || s.Hash != crypto.SHA512 || !known {
		return errors.New("a statement is signed with version 4 signatures, SHA-512, and a key of Ed25519 (EdDSA), ECDSA or RSA, which every GnuPG in use can verify; this signature is of another kind, so a staff key made by Valise is needed")
	}
	return nil
}

// splitSignatures tells the author's and the approver's signature apart by their purposes.
func splitSignatures(raw []byte) (author, approver []byte, err error) {
	if len(raw) > 2*maxStatementSignature+16 {
		return nil, nil, errNoSignature(errors.New("it is too large"))
	}
	packets, err := splitPackets(raw, 2)
	switch {
	case errors.Is(err, errTooManyPackets):
		return nil, nil, errors.New("there are more than two signatures; a statement has the author's and the approver's")
	case err != nil:
		return nil, nil, errNoSignature(err)
	case len(packets) != 2:
		return nil, nil, because(CauseNotApproved, fmt.Errorf("a statement has two signatures, the author's and the approver's; in this file there is %d, so it has not been approved", len(packets)))
	}
	for _, p := range packets {
		s, err := parseSignature(p)
		if err != nil {
			return nil, nil, err
		}
		switch purposes := notationValues(s, purposeNotation); {
		case slices.Equal(purposes, []string{string(PurposeStatementAuthor)}) && author == nil:
			author = []byte(armor(armorSignature, p.whole))
		case slices.Equal(purposes, []string{string(PurposeStatementApproval)}) && approver == nil:
			approver = []byte(armor(armorSignature, p.whole))
		default:
			cause := CauseWrongPurpose
			if slices.Equal(purposes, []string{string(PurposeStatementAuthor)}) { // a second time, so in place of the approval
				cause = CauseOnePerson
			}
			return nil, nil, because(cause, fmt.Errorf("a statement has one signature for the purpose %q and one for %q; this file holds one for %.100q that doesn't belong there", PurposeStatementAuthor, PurposeStatementApproval, purposes))
		}
	}
	return author, approver, nil
}

// SplitStatementSignatures reads what ManifestSignatures and Detached return, and
// returns each signature armored alone. It verifies neither.
func SplitStatementSignatures(file []byte) (author, approver []byte, err error) {
	if len(file) > 4*maxStatementSignature {
		return nil, nil, errNoSignature(errors.New("it is too large"))
	}
	raw := file
	if isArmored(file) {
		if raw, err = dearmor(armorSignature, file); err != nil {
			return nil, nil, errNoSignature(err)
		}
	}
	return splitSignatures(raw)
}

// ParseStatementFile reads a clear-signed text, as ClearSigned returns it; white
// space that clear-signing doesn't keep is forgiven. Detached stays empty. It
// verifies neither signature.
func ParseStatementFile(txt []byte) (SignedStatementText, error) {
	signed, err := readClearSigned(txt)
	if err != nil {
		return SignedStatementText{}, err
	}
	text := signed.text()
	if _, err := ParseStatementText(text); err != nil {
		return SignedStatementText{}, err
	}
	author, approver, err := splitSignatures(signed.signature)
	if err != nil {
		return SignedStatementText{}, err
	}
	return SignedStatementText{Text: text, Author: TextSignatures{Clear: author}, Approver: TextSignatures{Clear: approver}}, nil
}

// The wire form of a signed statement: strict JSON, one spelling.
const signedStatementForm = "valise signed statement v1"

type signedStatementJSON struct {
	Form     string                    `json:"form"`
	Manifest string                    `json:"manifest"`
	Author   string                    `json:"author"`
	Approver string                    `json:"approver,omitempty"`
	Texts    []signedStatementTextJSON `json:"texts"`
}

type signedStatementTextJSON struct {
	Text             string `json:"text"`
	AuthorClear      string `json:"author-clear"`
	AuthorDetached   string `json:"author-detached"`
	ApproverClear    string `json:"approver-clear,omitempty"`
	ApproverDetached string `json:"approver-detached,omitempty"`
}

// Encode returns manifest, texts and signatures in one piece of JSON: what travels
// sealed to the desk between author and approver, and is kept. It verifies nothing.
func (s SignedStatement) Encode() ([]byte, error) {
	if len(s.Texts) == 0 || len(s.Texts) > MaxLanguages {
		return nil, fmt.Errorf("a statement has 1 to %d texts, not %d", MaxLanguages, len(s.Texts))
	}
	j := signedStatementJSON{Form: signedStatementForm, Manifest: string(s.Manifest), Author: string(s.AuthorSignature), Approver: string(s.ApproverSignature)}
	for _, t := range s.Texts {
		if _, err := ParseStatementText(t.Text); err != nil { // JSON would replace what is not UTF-8
			return nil, err
		}
		j.Texts = append(j.Texts, signedStatementTextJSON{string(t.Text), string(t.Author.Clear), string(t.Author.Detached), string(t.Approver.Clear), string(t.Approver.Detached)})
	}
	encoded, err := encodeJSON(j)
	if err != nil {
		return nil, err
	}
	if _, err := ParseSignedStatement(encoded); err != nil {
		return nil, err
	}
	return encoded, nil
}

// ParseSignedStatement reads exactly what Encode writes. It verifies no signature.
func ParseSignedStatement(encoded []byte) (SignedStatement, error) {
	if len(encoded) > MaxSignedStatementSize {
		return SignedStatement{}, fmt.Errorf("the signed statement has %d KiB; at most %d are accepted", len(encoded)>>10, MaxSignedStatementSize>>10)
	}
	var j signedStatementJSON
	if err := parseJSON(encoded, &j, "signed statement"); err != nil {
		return SignedStatement{}, err
	}
	if j.Form != signedStatementForm {
		return SignedStatement{}, fmt.Errorf("this is not %q; a newer version of Valise may read it", signedStatementForm)
	}
	if len(j.Texts) == 0 || len(j.Texts) > MaxLanguages {
		return SignedStatement{}, fmt.Errorf("a statement has 1 to %d texts, not %d", MaxLanguages, len(j.Texts))
	}
	optional := func(text string) []byte {
		if text == "" {
			return nil
		}
		return []byte(text)
	}
	s := SignedStatement{Manifest: []byte(j.Manifest), AuthorSignature: optional(j.Author), ApproverSignature: optional(j.Approver)}
	if _, err := ParseStatementManifest(s.Manifest); err != nil {
		return SignedStatement{}, err
	}
	for _, t := range j.Texts {
		if _, err := ParseStatementText([]byte(t.Text)); err != nil {
			return SignedStatement{}, err
		}
		s.Texts = append(s.Texts, SignedStatementText{[]byte(t.Text),
			TextSignatures{optional(t.AuthorClear), optional(t.AuthorDetached)},
			TextSignatures{optional(t.ApproverClear), optional(t.ApproverDetached)}})
	}
	return s, nil
}

// encodeJSON writes JSON without the escapes that are for HTML, and no line end.
func encodeJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// parseJSON reads what encodeJSON wrote and nothing else: no unknown or repeated
// names, no other spelling.
func parseJSON[T any](encoded []byte, into *T, what string) error {
	wrong := fmt.Errorf("the %s is not in the form that Valise writes; a newer version may read it", what)
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return wrong
	}
	again, err := encodeJSON(into)
	if err != nil || !bytes.Equal(again, encoded) {
		return wrong
	}
	return nil
}

// signStatement makes one person's signatures over a manifest and texts.
func signStatement(k *Key, purpose Purpose, manifest []byte, texts [][]byte, now time.Time) (overManifest []byte, overTexts []TextSignatures, err error) {
	sign := func(kind packet.SignatureType, data []byte) ([]byte, error) {
		s, err := k.sign(kind, purpose, data, now)
		if err != nil {
			return nil, err
		}
		if err := checkWorldReadable(s); err != nil {
			return nil, err
		}
		raw, err := serializeSignature(s)
		if err != nil {
			return nil, err
		}
		return []byte(armor(armorSignature, raw)), nil
	}
	if overManifest, err = sign(packet.SigTypeBinary, manifest); err != nil {
		return nil, nil, err
	}
	for _, text := range texts {
		if err := checkSignable(text); err != nil {
			return nil, nil, err
		}
		var t TextSignatures
		if t.Clear, err = sign(packet.SigTypeText, clearSignedData(text)); err != nil {
			return nil, nil, err
		}
		if t.Detached, err = sign(packet.SigTypeBinary, text); err != nil {
			return nil, nil, err
		}
		overTexts = append(overTexts, t)
	}
	return overManifest, overTexts, nil
}

// clearSignedData is what a clear signature over a text is over: line ends CR LF, and
// none behind the last line (RFC 9580, section 7.2).
func clearSignedData(text []byte) []byte {
	return bytes.ReplaceAll(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"), []byte("\r\n"))
}
