package crypto

import (
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// StaffRecord is what the root has said of a certificate in the course of time: who held which roles, from when, and until when. It is for showing; whether a
// signature counts, VerifyStaff says.
type StaffRecord struct {
	Name  string
	Roles []Role    // given last, sorted; never none
	First time.Time // when the root gave a role for the first time
	Last  time.Time // when it gave these
	Ended time.Time // when they ended: taken away, revoked or run out; zero while they stand, and when the certificate itself ended
}

// StaffRecord returns what the root had said of a certificate until a time; nil when it never gave a role that this version knows.
func (r *Root) StaffRecord(c *Certificate, until time.Time) *StaffRecord {
	if !r.exists() || !c.exists() || !affordable(r.certificate.entity.PrimaryKey) {
		return nil
	}
	var record *StaffRecord
	for _, name := range c.userIDs {
		said := r.certificate.certificationsOf(c, name, until)
		for _, s := range said {
			roles := rolesOf(s)
			switch {
			case s.SigType == packet.SigTypeCertificationRevocation || len(roles) == 0:
				if record != nil && record.Name == name && record.Ended.IsZero() {
					record.Ended = s.CreationTime
				}
			case record == nil:
				record = &StaffRecord{Name: name, Roles: roles, First: s.CreationTime, Last: s.CreationTime}
				record.Ended = runOut(s, until)
			default:
				record.Name, record.Roles, record.Last, record.Ended = name, roles, s.CreationTime, runOut(s, until)
			}
		}
	}
	return record
}

// runOut is when a certification had run out, zero when it had not until a time.
func runOut(s *packet.Signature, until time.Time) time.Time {
	if !expired(s, until) {
		return time.Time{}
	}
	return s.CreationTime.Add(time.Duration(*s.SigLifetimeSecs) * time.Second)
}

// certificationsOf returns what c certified of a user ID of subject, and revoked, in the order of time.
func (c *Certificate) certificationsOf(subject *Certificate, userID string, until time.Time) (all []*packet.Signature) {
	identity := subject.entity.Identities[userID]
	if identity == nil {
		return nil
	}
	for _, v := range identity.OtherCertifications {
		s := v.Packet
		if s.CheckKeyIdOrFingerprint(c.entity.PrimaryKey) && !s.CreationTime.After(until) && acceptableSignature(s) && c.made(s, subject, userID) {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *packet.Signature) int { return a.CreationTime.Compare(b.CreationTime) })
	return all
}
