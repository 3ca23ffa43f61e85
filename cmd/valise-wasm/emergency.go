//go:build !desk || !js

package main

import (
	"encoding/json"
	"fmt"

	"valise/portal/ceremony"
)

func init() { register(table{"emergency": (*engine).emergency}) }

// emergency makes the emergency file, on the account page.
func (e *engine) emergency(parameters, _ []byte) (any, error) {
	var p unlocking
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, fmt.Errorf("%w (%v)", errEngine, err)
	}
	if _, err := e.proves(p); err != nil {
		return nil, err
	}
	file, err := ceremony.EmergencyFile(p.Unlocked.LockedBundle, e.bundle, p.Institution, e.now())
	if err != nil {
		return nil, err
	}
	return rawData(file), nil
}
