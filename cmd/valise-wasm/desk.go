//go:build desk || !js

package main

// The calls of staff. They are in desk.wasm only; a representative on a bad line doesn't wait for them.
func init() {
	register(table{})
}
