package ceremony

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// What a representative does while the portal can't be reached: they have mails that the courier sent, what they once saved for an emergency, and
// their passphrase.

// EmergencyFile is what a representative saves for the day on which there is no portal: their key as it rests, locked under their passphrase, and the
// institution's certificates, with which to verify what comes. Both are sealed, so the file doesn't say whom its owner hears from. 'valise open' and the offline
// reader take it; as a locked key it does for everything that takes one.
func EmergencyFile(locked []byte, b *crypto.Bundle, i api.Institution, now time.Time) ([]byte, error) {
	if b == nil {
		return nil, errors.New("there is no unlocked key")
	}
	if _, err := Believe(b.Pin, i); err != nil {
		return nil, err
	}
	known, err := json.Marshal(api.Institution{Root: i.Root, Staff: i.Staff, Origin: i.Origin})
	if err != nil {
		return nil, err
	}
	record, err := crypto.SealRecord(known, b.Key, crypto.PurposeEmergency, []*crypto.Certificate{b.Key.Certificate()}, now)
	if err != nil {
		return nil, err
	}
	return append(crypto.ArmorMessage(locked), crypto.ArmorMessage(record)...), nil
}

// Bounds of what is taken.
const (
	maxOfflineFile   = 72 << 20 // bytes: a body of the largest size in base 64, and room around it
	maxOfflineBlocks = 20       // of one file: sealed messages, keys
)

// Offline is what was handed in. The zero value is ready.
type Offline struct {
	locked   []byte
	saved    [][]byte // what lies beside the locked key
	messages [][]byte
	known    []string // certificates, armored
}

// What a file held, as far as can be seen while everything is locked. The words are stable: pages decide by them.
const (
	HeldMessages     = "messages"
	HeldKey          = "key"
	HeldCertificates = "certificates"
)

// Take reads a file: a mail, whatever it is made of; a message or messages out of one; an emergency file or a locked key; certificates, as /root.asc, /keys/staff.asc or
// /api/v1/institution serve them. It says what it held. The error is a *WrongKey for what can't be meant.
func (o *Offline) Take(file []byte) (held string, err error) {
	if len(file) > maxOfflineFile {
		return "", wrongKey(FileOther, "this file has %d MiB, and no mail of the institution is as large", len(file)>>20)
	}
	var i api.Institution
	if json.Unmarshal(file, &i) == nil && i.Root != "" {
		o.know(append(i.Staff, i.Root))
		return HeldCertificates, nil
	}
	if bytes.Contains(file, []byte("-----BEGIN PGP PRIVATE KEY BLOCK-----")) {
		return "", wrongKey(FilePrivateKey, "this is an OpenPGP private key of your own: open the mail with the program that it is from, such as GnuPG or Thunderbird")
	}
	if keys := publicKeys(string(file)); len(keys) > 0 {
		o.know(keys)
		return HeldCertificates, nil
	}
	blocks, damaged := sealedBlocks(file)
	var messages [][]byte
	for _, block := range blocks {
		if _, err := crypto.BundleSalt(block); err == nil {
			o.locked, held = block, HeldKey
		} else {
			messages = append(messages, block)
		}
	}
	switch {
	case held == HeldKey:
		o.saved = append(o.saved, messages...)
		return held, nil
	case len(messages) > 0:
		o.messages = append(o.messages, messages...)
		return HeldMessages, nil
	case damaged:
		return "", wrongKey(FileDamaged, "what is sealed in this file is damaged or cut off; save the mail again, whole")
	}
	return "", wrongKey(FileOther, "there is nothing sealed in this file; save the mail as a file (.eml), or what is attached to it, and choose that")
}

// HasKey says whether a locked key was handed in.
func (o *Offline) HasKey() bool { return o.locked != nil }

// Messages says how many sealed messages were handed in.
func (o *Offline) Messages() int { return len(o.messages) }

func (o *Offline) know(certificates []string) {
	if room := maxStaff - len(o.known); len(certificates) > room {
		certificates = certificates[:max(room, 0)]
	}
	o.known = append(o.known, certificates...)
}

const (
	beginMessage = "-----BEGIN PGP MESSAGE-----"
	endMessage   = "-----END PGP MESSAGE-----"
)

// publicKeys are the armored certificates in a file.
func publicKeys(text string) (keys []string) {
	const begin, end = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
	for len(keys) <= maxStaff {
		from := strings.Index(text, begin)
		if from < 0 {
			return keys
		}
		to := strings.Index(text[from:], end)
		if to < 0 {
			return keys
		}
		to += from + len(end)
		keys = append(keys, text[from:to]+"\n")
		text = text[to:]
	}
	return keys
}

var (
	// encodedMessage is how a message begins that a mail server on its way encoded in base 64 (RFC 2045, section 6.8).
	encodedMessage = base64.StdEncoding.EncodeToString([]byte(beginMessage))
)

// sealedBlocks finds what is sealed in a file. A mail is not parsed for it: wherever a message stands, its first line says so, in clear or in one of the two encodings that
// mail servers change a part to. What comes out is verified as any message is, whatever it stood in.
func sealedBlocks(file []byte) (blocks [][]byte, damaged bool) {
	if len(file) > 0 && file[0]&0x80 != 0 { // binary
		return [][]byte{file}, false
	}
	take := func(text string) {
		for len(blocks) < maxOfflineBlocks {
			begin := strings.Index(text, beginMessage)
			if begin < 0 {
				return
			}
			end := strings.Index(text[begin:], endMessage)
			if end < 0 {
				damaged = true
				return
			}
			armored := text[begin : begin+end+len(endMessage)]
			text = text[begin+len(armored):]
			block, err := readBlock(armored + "\n")
			if err != nil {
				damaged = true
				continue
			}
			blocks = append(blocks, block)
		}
	}
	text := string(file)
	take(text)
	for rest := text; ; {
		begin := strings.Index(rest, encodedMessage)
		if begin < 0 {
			return blocks, damaged
		}
		rest = rest[begin:]
		end := strings.IndexAny(rest, "-")
		if end < 0 {
			end = len(rest)
		}
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(rest[:end]), ""))
		damaged = damaged || err != nil
		take(string(decoded))
		rest = rest[end:]
	}
}

// readBlock takes the armor off, once more without quoted-printable (RFC 2045, section 6.7) if it isn't armor as it stands.
func readBlock(armored string) ([]byte, error) {
	read := func(armored string) ([]byte, error) {
		kind, data, err := dearmored([]byte(armored), maxOfflineFile)
		if err == nil && kind != "PGP MESSAGE" {
			err = errors.New("it is no message")
		}
		if err == nil {
			if _, bundle := crypto.BundleSalt(data); bundle != nil {
				_, _, err = crypto.SplitMessage(data)
			}
		}
		return data, err
	}
	data, err := read(armored)
	if err != nil {
		data, err = read(strings.NewReplacer("=\r\n", "", "=\n", "", "=3D", "=", "=3d", "=", "=2B", "+", "=2F", "/", "=0D", "", "=0A", "").Replace(armored))
	}
	return data, err
}

// OfflineNotice is a notice that was opened without a portal. Only one of Notice and Content is set: Notice when everything held, as on the portal; Content when the mails
// don't carry what shows that another person approved it, so that only its author's signature did.
type OfflineNotice struct {
	Notice   *crypto.OpenedNotice
	Content  *crypto.Content
	Author   *crypto.Staff
	Signed   time.Time // by the author
	Personal *OfflinePersonal
	Nonce    string // for a receipt by e-mail; "": the mails don't say what a receipt takes
	Missing  error  // why it is Content
	Left     int    // sealed messages that were handed in and belong to another notice, or opened as none
}

// OfflinePersonal is what a notice says to one mailbox alone.
type OfflinePersonal struct {
	Mailbox   crypto.Number
	Languages []crypto.LanguageVersion
	Held      bool // it is the part that both people signed for this mailbox; else only its author's signature held
}

// ErrNoMessage says that among what was handed in is no notice.
var ErrNoMessage = errors.New("none of these messages is a notice; there may be a second mail that holds it")

// Open unlocks the key and opens the messages. One Argon2id run. The error is crypto.ErrWrongSecret for a wrong passphrase, a *WrongKey for a key that is no representative's,
// and one that says what did not hold.
func (o *Offline) Open(passphrase string, now time.Time) (*crypto.Bundle, *Trust, *OfflineNotice, error) {
	if o.locked == nil || len(o.messages) == 0 {
		return nil, nil, nil, errors.New("a mail and your locked key are needed")
	}
	salt, err := crypto.BundleSalt(o.locked)
	if err != nil {
		return nil, nil, nil, err
	}
	secrets, err := DeriveSecrets(passphrase, salt)
	if err != nil {
		return nil, nil, nil, err
	}
	bundle, err := crypto.UnlockBundle(o.locked, secrets)
	if err != nil {
		return nil, nil, nil, err
	}
	self, err := SelfOf(bundle)
	if err != nil {
		return nil, nil, nil, wrongKey(KeyUnknown, "this is not the key of a mailbox's representative: %v", err)
	}
	messages, institution := o.sort(bundle, now)
	trust, err := Believe(bundle.Pin, institution)
	if err != nil {
		return nil, nil, nil, wrongKey(KeyUncertified, "the institution's certificates are missing: choose the emergency file that you saved on your account page, or add the files root.asc and staff.asc from the portal or a copy of it (%v)", err)
	}
	notice, err := openOffline(trust, self, messages, now)
	return bundle, trust, notice, err
}

// offlineMessage is a sealed one that a key of the reader's opens.
type offlineMessage struct {
	message []byte
	key     *crypto.SessionKey
}

// sort unwraps what is sealed to the reader's keys, and collects the certificates: those of the emergency file, if the reader's own key signed it, and those that were handed in.
func (o *Offline) sort(b *crypto.Bundle, now time.Time) (messages []offlineMessage, i api.Institution) {
	var own []*crypto.Certificate
	for _, k := range b.Keys() {
		own = append(own, k.Certificate())
	}
	for _, m := range slices.Concat(o.saved, o.messages) {
		key, err := crypto.UnwrapRecord(m, b.Keys())
		if err != nil {
			continue
		}
		saved, _, err := crypto.OpenRecordWith(m, key, own, crypto.PurposeEmergency, now)
		if err != nil {
			messages = append(messages, offlineMessage{m, key})
			continue
		}
		var known api.Institution
		if json.Unmarshal(saved, &known) == nil {
			i.Root = known.Root
			i.Staff = append(i.Staff, known.Staff...)
		}
	}
	for _, armored := range o.known {
		if _, err := crypto.OpenRoot(b.Pin, []byte(armored)); err == nil {
			i.Root = armored
		} else if len(i.Staff) < maxStaff {
			i.Staff = append(i.Staff, armored)
		}
	}
	return messages, i
}

// openOffline opens a notice out of several messages: its content, what it says to the mailbox, and the courier's word on a receipt, with the papers that show the rest.
func openOffline(t *Trust, self *Self, messages []offlineMessage, now time.Time) (*OfflineNotice, error) {
	if len(messages) == 0 {
		return nil, errors.New("none of these messages is sealed to this key: they are for somebody else, or for a key that you have replaced; choose the other file, if you saved more than one")
	}
	var (
		found    *OfflineNotice
		envelope []byte
		body     []byte
		papers   []api.Notice
		personal []offlineMessage
		problem  error
	)
	for _, m := range messages {
		content, author, signed, err := m.content(t, now)
		if err == nil {
			if found == nil || content.Notice == found.Content.Notice {
				found = &OfflineNotice{Content: content, Author: author, Signed: signed}
				envelope, body, err = crypto.SplitMessage(m.message)
			}
			problem = errors.Join(problem, err)
			continue
		}
		if p, ok := m.papers(t, now); ok {
			papers = append(papers, p)
			continue
		}
		if _, ok := m.personal(t, now); ok {
			personal = append(personal, m)
			continue
		}
		problem = errors.Join(problem, err)
	}
	if found == nil {
		return nil, errors.Join(ErrNoMessage, problem)
	}
	found.Missing = errors.New("the mails do not carry the approver's signature")
	n := api.Notice{}
	for _, p := range papers {
		if p.Notice != found.Content.Notice {
			continue
		}
		n = p
		n.Envelope, n.Body = envelope, body
		opened, err := OpenMessage(t, self, n.Notice, n, now)
		if err != nil {
			return nil, err // it says that it is whole, and does not hold
		}
		found.Notice, found.Content, found.Missing, found.Nonce = opened, nil, nil, p.Nonce
		break
	}
	return found, found.addPersonal(t, self, n, personal, now)
}

// addPersonal takes what the notice says to the mailbox alone. With the papers it must be what both people signed.
func (n *OfflineNotice) addPersonal(t *Trust, self *Self, papers api.Notice, parts []offlineMessage, now time.Time) error {
	for _, m := range parts {
		p, _ := m.personal(t, now)
		if n.Notice == nil {
			if p.notice == n.Content.Notice && n.Personal == nil && len(p.texts) > 0 {
				n.Personal = &OfflinePersonal{Mailbox: p.mailbox, Languages: p.texts}
			}
			continue
		}
		if p.notice != n.Notice.Content().Notice {
			continue
		}
		var err error
		if papers.PersonalEnvelope, papers.Personal, err = crypto.SplitMessage(m.message); err != nil {
			return err
		}
		part, err := OpenPersonal(n.Notice, self, papers)
		if err != nil {
			return err
		}
		if part != nil {
			n.Personal = &OfflinePersonal{Mailbox: self.representative.Mailbox, Languages: p.texts, Held: true}
		}
	}
	return nil
}

// content opens a message as a notice's, of which nothing but an author's signature is known.
func (m offlineMessage) content(t *Trust, now time.Time) (*crypto.Content, *crypto.Staff, time.Time, error) {
	mime, member, made, err := m.open(t, crypto.PurposeContent, crypto.RoleAuthor, now)
	if err != nil {
		return nil, nil, made, err
	}
	content, err := crypto.ParseContent(mime)
	return content, member, made, err
}

type offlinePart struct {
	notice, mailbox crypto.Number
	texts           []crypto.LanguageVersion
}

func (m offlineMessage) personal(t *Trust, now time.Time) (p offlinePart, ok bool) {
	mime, _, _, err := m.open(t, crypto.PurposePersonal, crypto.RoleAuthor, now)
	if err != nil {
		return p, false
	}
	p.notice, p.mailbox, p.texts, err = crypto.ParsePersonal(mime)
	return p, err == nil
}

// papers reads what the courier says about a receipt by e-mail (portal/courier, receiptform.go): attached to it is what the portal shows with a notice. The courier
// is believed about its nonce only; the rest is verified.
func (m offlineMessage) papers(t *Trust, now time.Time) (n api.Notice, ok bool) {
	mime, _, _, err := m.open(t, crypto.PurposeReceiptForm, crypto.RoleCourier, now)
	if err != nil {
		return n, false
	}
	_, rest, ok := strings.Cut(strings.ReplaceAll(string(mime), "\r\n", "\n"), "filename=\"papers.json\"\n\n")
	encoded, _, whole := strings.Cut(rest, "--")
	if !ok || !whole {
		return n, false
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	return n, err == nil && json.Unmarshal(data, &n) == nil
}

func (m offlineMessage) open(t *Trust, purpose crypto.Purpose, role crypto.Role, now time.Time) ([]byte, *crypto.Staff, time.Time, error) {
	data, s, err := crypto.OpenRecordWith(m.message, m.key, t.StaffCertificates(), purpose, now)
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	member, err := t.root.VerifyStaff(s.Signer(), s.Made())
	if err == nil && !member.Has(role) {
		err = fmt.Errorf("it was signed by %s, who was no %s", member.Name(), role)
	}
	return data, member, s.Made(), err
}
