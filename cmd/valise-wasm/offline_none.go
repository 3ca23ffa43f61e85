//go:build js && desk

package main

// offline is never there without the calls of the offline reader.
type offline struct{}
