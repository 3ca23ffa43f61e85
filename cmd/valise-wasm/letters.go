package main

import (
	"valise/crypto"
	"valise/portal/ceremony"
)

// letters is what of threads is open in a tab.
type letters struct {
	threads  map[crypto.Number]*ceremony.Conversation
	messages map[string]*crypto.OpenedMessage
	writing  *writtenMessage
	mailed   mailedReplies // in desk.wasm only
}

// writtenMessage is a message that is being sent. Until the portal has it for certain, trying again sends the same one.
type writtenMessage struct {
	token   string // of the page: what stands in its form
	message *crypto.ThreadMessage
}
