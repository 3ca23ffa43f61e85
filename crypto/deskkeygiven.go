package crypto

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// Who gives the desk's key says so in the clear, under their own key: that it opened in their hands, and which records hold it for whom. What a record holds a server can't see; so without this a stolen session could
// hand in something that opens nothing, and people would be told to encrypt to a certificate whose mail nobody can read.

const (
	deskKeyGivenFirstLine = "valise desk key given v1"
	maxDeskKeyGivenSize   = 1 << 10

	// DeskKeyGivenPeriod is how long after its time such a text is taken.
	DeskKeyGivenPeriod = 24 * time.Hour
)

// GivenDeskKey is a record of the desk's key for one member of the desk.
type GivenDeskKey struct {
	Holder string // StaffHolder
	Record []byte // SealDeskKey
}

// SignGivenDeskKeys signs what a giver says of records that they made, clear. The desk's key must open what is sealed to its certificate.
func SignGivenDeskKeys(desk, giver *Key, given []GivenDeskKey, now time.Time) ([]byte, error) {
	if !desk.exists() || !giver.exists() {
		return nil, errNoKey
	}
	if err := desk.checkOpens(); err != nil {
		return nil, fmt.Errorf("the key of the desk's certificate %s: %w", desk.certificate.fingerprint, err)
	}
	return ClearSign(giver, PurposeDeskKeyGiven, writeText(deskKeyGivenFirstLine,
		textLine{"certificate", string(desk.certificate.fingerprint)},
		textLine{"giver", string(giver.certificate.fingerprint)},
		textLine{"records", digestOfGiven(given)},
		textLine{"time", formatTextTime(now.UTC().Truncate(time.Second))}), now)
}

// VerifyGivenDeskKeys verifies that a giver said so of these records, all of them and in this order, about the certificate of the desk that has a fingerprint, within DeskKeyGivenPeriod.
func VerifyGivenDeskKeys(signed []byte, of Fingerprint, giver *Certificate, given []GivenDeskKey, now time.Time) error {
	if !giver.exists() {
		return errZeroCertificate
	}
	text, _, err := VerifyClearSigned(giver, PurposeDeskKeyGiven, signed, now)
	if err != nil {
		return fmt.Errorf("what the giver says of the desk's key: %w", err)
	}
	r := readText("giver's word", deskKeyGivenFirstLine, text, maxDeskKeyGivenSize)
	certificate, by, records, at := r.fingerprint("certificate"), r.fingerprint("giver"), r.hex("records", sha256.Size), r.time("time")
	if err := r.end(); err != nil {
		return err
	}
	switch {
	case certificate != of || by != giver.fingerprint:
		return errors.New("what the giver says is about another certificate, or somebody else says it")
	case records != digestOfGiven(given):
		return errors.New("what the giver says is about other records")
	case at.After(now.Add(ClockSkew)) || now.After(at.Add(DeskKeyGivenPeriod+ClockSkew)):
		return fmt.Errorf("what the giver says is dated %s: give the key anew, and look at the clock", formatTextTime(at))
	}
	return nil
}

// digestOfGiven is the SHA-256 of a line for each record: holder, a blank, the SHA-256 of the record.
func digestOfGiven(given []GivenDeskKey) string {
	all := sha256.New()
	for _, g := range given {
		_, _ = io.WriteString(all, g.Holder+" "+sha256Hex(g.Record)+"\n")
	}
	return hex.EncodeToString(all.Sum(nil))
}
