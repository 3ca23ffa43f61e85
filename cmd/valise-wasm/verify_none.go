//go:build js && !desk

package main

// judging is never there without the calls of the verify page.
type judging struct{}

// composing is never there without the calls of composing.
type composing struct{}

// helping likewise.
type helping struct{}
