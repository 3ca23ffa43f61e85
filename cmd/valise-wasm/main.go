//go:build !js

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "valise-wasm runs in browsers only; make build puts it into bin/valise")
	os.Exit(2)
}
