//go:build js && !reader

package main

// offline is never there without the calls of the offline reader.
type offline struct{}
