package ceremony

import (
	"errors"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// SealAddress seals where a representative gets e-mail to the institution's couriers and registrars.
func SealAddress(t *Trust, registrar *crypto.Key, a crypto.Address, now time.Time) (*api.SetAddress, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	registrar, _, err := t.StaffKey(registrar, now, crypto.RoleRegistrar)
	if err != nil {
		return nil, err
	}
	couriers := t.Staff(now, crypto.RoleCourier)
	if len(couriers) == 0 {
		return nil, errors.New("the institution has no courier, so nobody could write to the address: have the root certify one with the role courier, and show it to the portal with: valise staff add")
	}
	record, err := crypto.SealAddress(a, registrar, append(couriers, t.Staff(now, crypto.RoleRegistrar)...), now)
	if err != nil {
		return nil, err
	}
	return &api.SetAddress{Record: record}, nil
}

// OpenAddress opens what the portal has as the address of a representative, with a registrar's keys. It returns also who wrote it down.
func OpenAddress(t *Trust, keys []*crypto.Key, of crypto.Representative, wire api.Address, now time.Time) (crypto.Address, *crypto.Staff, error) {
	if err := t.exists(); err != nil {
		return crypto.Address{}, nil, err
	}
	return t.root.OpenAddress(wire.Record, of, keys, t.staff, now)
}
