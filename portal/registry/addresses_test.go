package registry_test

import (
	"testing"

	"valise/crypto"
	"valise/portal"
)

// TestAddresses: a registrar sets them, sealed to couriers and registrars and to nobody else; the directory says only that there is one.
func TestAddresses(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	registrar, author := c.staff(t, c.registrar), c.staff(t, c.author)
	courier := c.Hire("Courier 1", crypto.RoleCourier)
	r, _ := c.issue(t)
	of := func(keys ...*crypto.Key) []*crypto.Staff {
		var staff []*crypto.Staff
		for _, k := range keys {
			s, err := c.pin.VerifyStaff(k.Certificate(), c.now)
			must(t, err)
			staff = append(staff, s)
		}
		return staff
	}
	a := crypto.Address{Representative: r, Email: "ama@mission.example", Policy: crypto.MailAsNotice}
	sealed := func(to ...*crypto.Key) []byte {
		record, err := crypto.SealAddress(a, c.registrar, of(to...), c.now)
		must(t, err)
		return record
	}
	wantCode(t, c.SetAddress(ctx, registrar, r, sealed(c.registrar, courier)), portal.Invalid, "invalid-address") // nobody showed the courier's certificate
	_, err := c.AddStaff(ctx, courier.Certificate().Bytes())
	must(t, err)

	wantCode(t, c.SetAddress(ctx, author, r, sealed(c.registrar, courier)), portal.Forbidden, "registrar-only")
	wantCode(t, c.SetAddress(ctx, portal.ActingStaff(of(courier)[0]), r, sealed(c.registrar, courier)), portal.Unauthenticated, "no-session")
	wantCode(t, c.SetAddress(ctx, registrar, r, []byte("ama@mission.example")), portal.Invalid, "invalid-address")
	wantCode(t, c.SetAddress(ctx, registrar, r, sealed(c.registrar, courier, c.author)), portal.Invalid, "invalid-address")
	wantCode(t, c.SetAddress(ctx, registrar, r, sealed(courier)), portal.Invalid, "invalid-address")
	wantCode(t, c.SetAddress(ctx, registrar, r, sealed(c.registrar, c.secondRegistrar)), portal.Invalid, "no-courier")
	wantCode(t, c.SetAddress(ctx, registrar, crypto.Representative{Mailbox: r.Mailbox, Ordinal: 7}, sealed(c.registrar, courier)), portal.NotFound, "no-representative")
	record := sealed(c.registrar, c.secondRegistrar, courier)
	must(t, c.SetAddress(ctx, registrar, r, record))
	c.wantAudited(t, registrar, "registry.set-address", r.String())

	_, err = c.Address(ctx, author, r)
	wantCode(t, err, portal.Forbidden, "registrar-only")
	kept, err := c.Address(ctx, c.staff(t, c.secondRegistrar), r)
	must(t, err)
	if string(kept.Record) != string(record) || kept.SetBy != registrar.Holder() {
		t.Errorf("kept: %d bytes, by %s", len(kept.Record), kept.SetBy)
	}
	directory, err := c.Directory(ctx, author)
	must(t, err)
	if !directory[0].Representatives[0].HasAddress {
		t.Error("the directory doesn't say that there is an address")
	}
	must(t, c.RemoveAddress(ctx, registrar, r))
	wantCode(t, c.RemoveAddress(ctx, registrar, r), portal.NotFound, "no-address")
	_, err = c.Address(ctx, registrar, r)
	wantCode(t, err, portal.NotFound, "no-address")
}
