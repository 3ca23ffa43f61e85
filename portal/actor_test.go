package portal

import (
	"testing"

	"valise/crypto"
)

func TestZeroActorsAreNobody(t *testing.T) {
	for _, a := range []Actor{{}, ActingStaff(nil), ActingStaff(&crypto.Staff{}), ActingRepresentative(crypto.Representative{})} {
		if _, ok := a.Representative(); ok || a.Staff() != nil || a.Holder() != "" || a.Has(crypto.RoleAuthor) {
			t.Errorf("%+v is somebody", a)
		}
	}
}

func TestHoldersNameStaff(t *testing.T) {
	if f, ok := StaffFingerprint(StaffHolder("AB")); !ok || f != "AB" {
		t.Error(f, ok)
	}
	if _, ok := StaffFingerprint("S-7K2M9QXC/1"); ok {
		t.Error("a representative passes for staff")
	}
	if StaffHolder("AB") != crypto.StaffHolder("AB") {
		t.Error("envelopes and sessions name staff differently")
	}
}
