//go:build !js

package crypto

// What a portal's own pages run can't be judged by a page of that portal, so none of this is compiled for the browser.

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const (
	clientManifestFirstLine = "valise client manifest v1"

	// MaxClientManifestSize is the size in bytes of the largest text of ClientManifest, and
	// MaxSignedClientManifestSize of one that is clear-signed.
	MaxClientManifestSize       = 256 << 10
	MaxSignedClientManifestSize = MaxClientManifestSize + 2*maxSignatureSize

	maxClientFiles      = 1000
	maxClientFileSize   = 64 << 20
	maxClientPath       = 200
	maxPolicy           = 4096
	minClientSignatures = 2
	maxClientSignatures = 4
)

// ClientManifest is the text "valise client manifest v1": everything that a portal
// gives browsers to run, and what those are told to allow it. It is made from a
// program, not from what some server answers, so two people who build the same
// sources make the same text but for Time.
type ClientManifest struct {
	Institution Fingerprint // of the root
	// The Content-Security-Policy headers, to the byte: of pages and whatever else has
	// none of its own, of the worker's script, of its helper's, of the offline reader.
	PagePolicy, WorkerPolicy, HelperPolicy, ReaderPolicy string
	Files                                                []ClientFile // by path; 1 to 1,000
	Time                                                 time.Time    // in UTC, cut to seconds; the first signer's
}

// ClientFile is one script, style sheet, picture, WebAssembly, or the offline reader.
type ClientFile struct {
	Path   string // on the portal: /assets/0123…/login.js
	SHA256 string // 64 small hexadecimal digits, of the file before any compression
	Size   int64  // bytes, at most 64 MiB
}

// Encode returns the text. Files are put in order.
func (m *ClientManifest) Encode() ([]byte, error) {
	lines := append([]textLine{{"institution", string(m.Institution)}}, m.client()...)
	text := writeText(clientManifestFirstLine, append(lines, textLine{"time", formatTextTime(m.Time.UTC().Truncate(time.Second))})...)
	_, err := ParseClientManifest(text)
	return text, err
}

// client are the lines that say what is run.
func (m *ClientManifest) client() []textLine {
	lines := []textLine{{"page-policy", m.PagePolicy}, {"worker-policy", m.WorkerPolicy}, {"helper-policy", m.HelperPolicy}, {"reader-policy", m.ReaderPolicy}}
	files := slices.SortedFunc(slices.Values(m.Files), func(a, b ClientFile) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range files {
		lines = append(lines, textLine{"file", f.SHA256 + " " + strconv.FormatInt(f.Size, 10) + " " + f.Path})
	}
	return lines
}

// ClientSHA256 is a digest of what is run alone: manifests of the same client that were
// signed at different times, or for different institutions, have the same.
func (m *ClientManifest) ClientSHA256() string {
	return sha256Hex(writeText("valise client", m.client()...))
}

// File returns what should be at a path; ok is false when nothing should.
func (m *ClientManifest) File(path string) (f ClientFile, ok bool) {
	i := slices.IndexFunc(m.Files, func(f ClientFile) bool { return f.Path == path })
	if i < 0 {
		return ClientFile{}, false
	}
	return m.Files[i], true
}

// Check says whether data is the file.
func (f ClientFile) Check(data []byte) error {
	if sum := sha256.Sum256(data); int64(len(data)) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
		return because(CauseAltered, fmt.Errorf("what is served at %s is not what was signed: it has %d bytes and the SHA-256 %x; signed were %d bytes with %s", f.Path, len(data), sum, f.Size, f.SHA256))
	}
	return nil
}

// ParseClientManifest reads the text, at most MaxClientManifestSize bytes. The error names the line.
func ParseClientManifest(text []byte) (*ClientManifest, error) {
	r := readText("client manifest", clientManifestFirstLine, text, MaxClientManifestSize)
	m := &ClientManifest{Institution: r.fingerprint("institution")}
	m.PagePolicy, m.WorkerPolicy, m.HelperPolicy, m.ReaderPolicy = r.policy("page-policy"), r.policy("worker-policy"), r.policy("helper-policy"), r.policy("reader-policy")
	m.Files = append(m.Files, r.clientFile())
	for r.err == nil && r.number < len(r.lines) && strings.HasPrefix(r.lines[r.number], "file: ") {
		f := r.clientFile()
		if last := m.Files[len(m.Files)-1]; r.err == nil && f.Path <= last.Path {
			r.wrong("file", "in the order of paths, each once")
		}
		if m.Files = append(m.Files, f); len(m.Files) > maxClientFiles {
			r.fail("is one file too many; at most %d are accepted", maxClientFiles)
		}
	}
	m.Time = r.time("time")
	if err := r.end(); err != nil {
		return nil, err
	}
	return m, nil
}

// policy reads a value that is sent as an HTTP header: printable ASCII.
func (r *textReader) policy(key string) string {
	value := r.value(key)
	if r.err == nil && (len(value) > maxPolicy || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) || strings.TrimSpace(value) != value) {
		r.wrong(key, fmt.Sprintf("a header of at most %d printable ASCII characters", maxPolicy))
	}
	return value
}

func (r *textReader) clientFile() ClientFile {
	digest, rest, _ := strings.Cut(r.value("file"), " ")
	digits, path, _ := strings.Cut(rest, " ")
	size, err := strconv.ParseInt(digits, 10, 64)
	outside := func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`\?#%`, c) }
	if r.err == nil && (!isHex(digest, sha256.Size) || err != nil || strconv.FormatInt(size, 10) != digits || size < 0 || size > maxClientFileSize ||
		!strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || len(path) > maxClientPath || strings.ContainsFunc(path, outside) || strings.Contains(path, "/.")) {
		r.wrong("file", "a SHA-256 digest, a size in bytes, and a path")
	}
	return ClientFile{Path: path, SHA256: digest, Size: size}
}

// SignClientManifest clear-signs the manifest for PurposeClientManifest: the first of two
// signatures, in an institution whose root the signer has on paper. Institution and Time are filled in.
func SignClientManifest(pin Pin, k *Key, m ClientManifest, now time.Time) ([]byte, error) {
	m.Institution, m.Time = pin.Fingerprint, now.UTC().Truncate(time.Second)
	text, err := m.Encode()
	if err != nil {
		return nil, err
	}
	return ClearSign(k, PurposeClientManifest, text, now)
}

// CosignClientManifest adds a signature to a manifest that somebody else signed. own is
// what the signer made from a program that they built: what they sign is never only
// another's word, so a manifest of anything else is refused. The signatures that are there are
// not verified; whoever takes the outcome in does.
func CosignClientManifest(pin Pin, k *Key, signed []byte, own ClientManifest, now time.Time) ([]byte, error) {
	c, err := readClientManifest(signed)
	if err != nil {
		return nil, err
	}
	switch {
	case c.manifest.Institution != pin.Fingerprint:
		return nil, fmt.Errorf("the manifest is that of another institution, whose root has the fingerprint %s", c.manifest.Institution.Spaced())
	case c.manifest.ClientSHA256() != own.ClientSHA256():
		return nil, because(CauseAltered, fmt.Errorf("the manifest is not of the client in this program: %s. Build from the same sources with the same version of Go; if it stays so, one of you built something else, so sign nothing", c.manifest.firstDifference(own)))
	case len(c.signatures) >= maxClientSignatures:
		return nil, fmt.Errorf("the manifest has %d signatures, as many as it may have", len(c.signatures))
	}
	s, err := k.sign(packet.SigTypeText, PurposeClientManifest, c.hashed(), now)
	if err != nil {
		return nil, err
	}
	raw, err := serializeSignature(s)
	if err != nil {
		return nil, err
	}
	return writeClearSigned(c.lines, s, append(c.signature, raw...)), nil
}

// firstDifference says where two manifests differ.
func (m *ClientManifest) firstDifference(other ClientManifest) string {
	theirs, ours := m.client(), other.client()
	for i, line := range theirs {
		if i >= len(ours) || line != ours[i] {
			return fmt.Sprintf("this program has another %q than the manifest, or none", line.key+": "+line.value)
		}
	}
	return fmt.Sprintf("this program has %d files or policies more than the manifest", len(ours)-len(theirs))
}

// signedClientManifest is a manifest with signatures of which nothing is known.
type signedClientManifest struct {
	*clearSigned
	manifest   *ClientManifest
	signatures []*packet.Signature
}

func readClientManifest(signed []byte) (*signedClientManifest, error) {
	if len(signed) > MaxSignedClientManifestSize {
		return nil, fmt.Errorf("the client manifest has %d bytes; at most %d are accepted", len(signed), MaxSignedClientManifestSize)
	}
	text, err := readClearSigned(signed)
	if err != nil {
		return nil, err
	}
	manifest, err := ParseClientManifest(text.text())
	if err != nil {
		return nil, err
	}
	packets, err := splitPackets(text.signature, maxClientSignatures)
	if err != nil {
		return nil, errNoSignature(err)
	}
	c := &signedClientManifest{clearSigned: text, manifest: manifest}
	for _, p := range packets {
		s, err := parseSignature(p)
		if err != nil {
			return nil, err
		}
		c.signatures = append(c.signatures, s)
	}
	if len(c.signatures) == 0 {
		return nil, errNoSignature(errors.New("it is empty"))
	}
	return c, nil
}

// ReadClientManifest reads a clear-signed manifest and verifies nothing: it serves to
// find out what is asked to be signed.
func ReadClientManifest(signed []byte) (*ClientManifest, error) {
	c, err := readClientManifest(signed)
	if err != nil {
		return nil, err
	}
	return c.manifest, nil
}

// VerifiedClientManifest is a manifest that two people of the staff signed; nothing else makes one.
type VerifiedClientManifest struct {
	manifest *ClientManifest
	signed   []byte
	digest   [sha256.Size]byte
	signers  []*Staff
	made     []time.Time
}

// Manifest returns what was signed.
func (v *VerifiedClientManifest) Manifest() *ClientManifest { return v.manifest }

// Bytes returns it clear-signed, in the one spelling that GnuPG verifies.
func (v *VerifiedClientManifest) Bytes() []byte { return slices.Clone(v.signed) }

// SHA256 is the digest of the text, which the ledger has.
func (v *VerifiedClientManifest) SHA256() [sha256.Size]byte { return v.digest }

// Signers returns who signed, in the order of their signatures: 2 to 4 different people.
func (v *VerifiedClientManifest) Signers() []*Staff { return slices.Clone(v.signers) }

// Signed returns when the i-th of them did, by their own clock.
func (v *VerifiedClientManifest) Signed(i int) time.Time { return v.made[i] }

// VerifyClientManifest returns what a clear-signed manifest says when at least two people
// signed it, all of them certified by the root when they did, for whatever role: what they
// vouch for is not a word of the institution but what they built. Processes don't count.
// Every signature in it must hold.
func (r *Root) VerifyClientManifest(signed []byte, staff []*Certificate, now time.Time) (*VerifiedClientManifest, error) {
	if !r.exists() {
		return nil, errNoRoot
	}
	c, err := readClientManifest(signed)
	if err != nil {
		return nil, err
	}
	switch {
	case c.manifest.Institution != r.Fingerprint():
		return nil, because(CauseOtherRoot, fmt.Errorf("the client manifest is that of another institution, whose root has the fingerprint %s", c.manifest.Institution.Spaced()))
	case c.manifest.Time.After(now.Add(ClockSkew)):
		return nil, fmt.Errorf("the client manifest is dated %s, which is in the future: check the clocks", formatTextTime(c.manifest.Time))
	}
	v := &VerifiedClientManifest{manifest: c.manifest, signed: writeClearSigned(c.lines, c.signatures[0], c.signature), digest: sha256.Sum256(c.text())}
	for i, s := range c.signatures {
		member, made, err := r.clientSigner(s, c.hashed(), staff, now)
		if err != nil {
			return nil, fmt.Errorf("signature %d of the client manifest: %w", i+1, err)
		}
		if slices.ContainsFunc(v.signers, func(other *Staff) bool {
			return other.certificate.fingerprint == member.certificate.fingerprint || samePerson(other.Name(), member.Name())
		}) {
			return nil, because(CauseOnePerson, fmt.Errorf("%s signed the client manifest twice; it takes two people, who each built the program themselves", member.Name()))
		}
		v.signers, v.made = append(v.signers, member), append(v.made, made)
	}
	if len(v.signers) < minClientSignatures {
		return nil, because(CauseNotApproved, fmt.Errorf("only %s signed the client manifest; it takes two people, who each built the program themselves: valise client-manifest sign --with FILE", v.signers[0].Name()))
	}
	return v, nil
}

// clientSigner verifies one of the signatures.
func (r *Root) clientSigner(s *packet.Signature, data []byte, staff []*Certificate, now time.Time) (*Staff, time.Time, error) {
	if err := checkPurpose(s, PurposeClientManifest, false); err != nil {
		return nil, time.Time{}, err
	}
	problem := because(CauseUnknownSigner, fmt.Errorf("it was made by a key (%s) that is not among those of the staff", issuer(s)))
	for _, c := range staff {
		if !c.exists() || !c.hasKey(s) {
			continue
		}
		verified, err := c.verify(s, packet.SigTypeText, PurposeClientManifest, data, now)
		if err != nil {
			problem = err
			continue
		}
		member, err := r.VerifyStaff(c, verified.Made())
		switch {
		case err != nil:
			problem = err
		case member.IsProcess():
			problem = because(CauseNoRole, fmt.Errorf("%s is a program, and it takes people", member.Name()))
		default:
			return member, verified.Made(), nil
		}
	}
	return nil, time.Time{}, problem
}
