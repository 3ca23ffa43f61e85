package crypto

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	ledgerKeyFirstLine = "valise ledger key v1"

	// MaxLedgerKeySize is the size in bytes of the largest text of LedgerKey, and
	// MaxSignedLedgerKeySize of one that is clear-signed.
	MaxLedgerKeySize       = 32 << 10
	MaxSignedLedgerKeySize = MaxLedgerKeySize + 2*maxSignatureSize

	maxLedgerKeys      = 4
	maxLedgerWitnesses = 16
	maxVerifierKey     = 1024
)

// LedgerKey is the text by which the root says with what key the institution's ledger
// signs, and which witnesses should have cosigned: "valise ledger key v1". Who
// has the root's fingerprint on paper needs no other to follow the ledger.
type LedgerKey struct {
	Institution Fingerprint // of the root
	Log         string      // name of the log, as its checkpoints begin
	Keys        []string    // verifier keys (C2SP signed-note); more than one while the log changes its key
	Witnesses   []string    // verifier keys of witnesses; may be none
	Quorum      int         // how many of them must have cosigned
	Time        time.Time   // in UTC, cut to seconds
}

func (k *LedgerKey) text() []byte {
	lines := []textLine{{"institution", string(k.Institution)}, {"log", k.Log}}
	for _, key := range k.Keys {
		lines = append(lines, textLine{"key", key})
	}
	for _, key := range k.Witnesses {
		lines = append(lines, textLine{"witness", key})
	}
	lines = append(lines, textLine{"quorum", strconv.Itoa(k.Quorum)}, textLine{"time", formatTextTime(k.Time)})
	return writeText(ledgerKeyFirstLine, lines...)
}

// ParseLedgerKey reads the text, at most MaxLedgerKeySize bytes. That the verifier
// keys are some is left to who uses them. The error names the line.
func ParseLedgerKey(text []byte) (*LedgerKey, error) {
	r := readText("ledger's key", ledgerKeyFirstLine, text, MaxLedgerKeySize)
	k := &LedgerKey{Institution: r.fingerprint("institution"), Log: r.word("log")}
	k.Keys = append(k.Keys, r.word("key"))
	k.Keys = append(k.Keys, r.words("key", maxLedgerKeys-1)...)
	k.Witnesses = r.words("witness", maxLedgerWitnesses)
	quorum := r.value("quorum")
	var err error
	if k.Quorum, err = strconv.Atoi(quorum); r.err == nil && (err != nil || strconv.Itoa(k.Quorum) != quorum || k.Quorum < 0 || k.Quorum > len(k.Witnesses)) {
		r.wrong("quorum", fmt.Sprintf("a number from 0 to that of the witnesses, %d", len(k.Witnesses)))
	}
	k.Time = r.time("time")
	if err := r.end(); err != nil {
		return nil, err
	}
	for i, key := range k.Witnesses {
		if slices.Contains(k.Witnesses[:i], key) || slices.Contains(k.Keys, key) {
			return nil, errors.New("the ledger's key names a witness twice, or a key of the log as one")
		}
	}
	return k, nil
}

// word reads a value without white space and control characters.
func (r *textReader) word(key string) string {
	value := r.value(key)
	if r.err == nil && (len(value) > maxVerifierKey || strings.ContainsFunc(value, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) })) {
		r.wrong(key, fmt.Sprintf("at most %d bytes without spaces", maxVerifierKey))
	}
	return value
}

// words reads lines with the key as long as there are some.
func (r *textReader) words(key string, most int) (values []string) {
	for r.err == nil && len(values) < most && r.number < len(r.lines) && strings.HasPrefix(r.lines[r.number], key+": ") {
		values = append(values, r.word(key))
	}
	return values
}

// SignLedgerKey clear-signs the text with the root's key for PurposeLedgerKey. Institution
// and Time are filled in.
func SignLedgerKey(root *Key, k LedgerKey, now time.Time) ([]byte, error) {
	if !root.exists() {
		return nil, errNoKey
	}
	k.Institution, k.Time = root.certificate.fingerprint, now.UTC().Truncate(time.Second)
	text := k.text()
	if _, err := ParseLedgerKey(text); err != nil {
		return nil, err
	}
	return ClearSign(root, PurposeLedgerKey, text, now)
}

// VerifyLedgerKey returns what the root says about the ledger's key. A later text
// does not make an earlier one false, so show the person its time, and have them learn
// by another way that a key was taken out of use.
func (r *Root) VerifyLedgerKey(signed []byte, now time.Time) (*LedgerKey, error) {
	if r == nil || r.certificate == nil {
		return nil, errors.New("verifying the ledger's key needs the institution's root")
	}
	if len(signed) > MaxSignedLedgerKeySize {
		return nil, fmt.Errorf("the ledger's key has %d bytes; at most %d are accepted", len(signed), MaxSignedLedgerKeySize)
	}
	text, _, err := VerifyClearSigned(r.certificate, PurposeLedgerKey, signed, now)
	if err != nil {
		return nil, fmt.Errorf("the ledger's key is not signed by the root %s: %w", r.certificate.fingerprint.Spaced(), err)
	}
	k, err := ParseLedgerKey(text)
	if err != nil {
		return nil, err
	}
	if k.Institution != r.certificate.fingerprint {
		return nil, fmt.Errorf("the ledger's key is that of another institution, whose root has the fingerprint %s", k.Institution.Spaced())
	}
	return k, nil
}
