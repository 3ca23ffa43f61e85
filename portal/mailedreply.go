package portal

import "valise/crypto"

// MailedReply is an encrypted mail that answers one of ours, as it came: nobody knows who wrote it before the desk has opened it.
type MailedReply struct {
	// Notice and Answers say which mail of ours it answers: about what, and to whom that went. They come of an address or a Message-ID that nobody could make up, and that everybody on the way could see.
	Notice  crypto.Number
	Answers crypto.Representative
	Message []byte // armored or binary, in memory of its own
}
