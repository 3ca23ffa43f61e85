package crypto

import (
	"sync"
	"testing"
	"time"
)

// A certificate remembers which certifications of it held; not for whom else, and not when.
func TestWhatIsRememberedOfCertificationsBelievesNobodyElse(t *testing.T) {
	here, elsewhere, now := newOffice(t), newOffice(t), noon.Add(2*time.Hour)
	root, other := here.pinned(t), elsewhere.pinned(t)
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			for range 3 {
				if _, err := root.VerifyStaff(here.author.Certificate(), now); err != nil {
					t.Error(err)
				}
				if _, err := root.VerifyRepresentative(here.staff(), here.chain(), here.representative, now); err != nil {
					t.Error(err)
				}
				if _, err := other.VerifyStaff(here.author.Certificate(), now); err == nil {
					t.Error("another institution's root took over the staff member")
				}
				if _, err := other.VerifyRepresentative(here.staff(), here.chain(), here.representative, now); err == nil {
					t.Error("another institution's root took over the representative")
				}
				if _, err := root.VerifyStaff(here.author.Certificate(), noon.AddDate(-1, 0, 0)); err == nil {
					t.Error("the staff member counted before they were certified")
				}
			}
		})
	}
	together.Wait()
}

// What is forged is not remembered as good, before or after the real one.
func TestAForgedCertificationIsRefusedEachTime(t *testing.T) {
	o := newOffice(t)
	root := o.pinned(t)
	forged, err := mustKey(t, ProfilePQ, "Mallory").Certificate().withCertification("Mallory", certificationOn(t, o.author.Certificate()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := root.VerifyStaff(forged, noon); err == nil {
			t.Error("a certification of somebody else counted")
		}
		if _, err := root.VerifyStaff(o.author.Certificate(), noon); err != nil {
			t.Error(err)
		}
	}
}

// certificationOn returns the last signature behind the user ID of a certificate: the root's.
func certificationOn(t *testing.T, c *Certificate) []byte {
	t.Helper()
	var last []byte
	for i, p := range c.packet {
		if p.kind == packetSignature && (i+1 == len(c.packet) || c.packet[i+1].kind != packetSignature) {
			last = p.whole
			break
		}
	}
	if last == nil {
		t.Fatal("there is no signature")
	}
	return last
}
