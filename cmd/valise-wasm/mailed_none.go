//go:build js && !desk

package main

// mailedReplies are in desk.wasm only.
type mailedReplies struct{}
