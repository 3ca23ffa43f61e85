// Package correspond is the step of replies and answers: what representatives write to the
// institution's desk, and what its members write back.
//
// A thread belongs to one mailbox and, usually, to the notice or statement that it is about. A
// representative begins it with a reply; a member of the desk answers; both go on as long as
// they like. Each message is sealed in its writer's client to all of the desk (the staff who may
// author or approve) and to all representatives who have claimed the mailbox, the writer among
// them, and signed inside. The server sees who wrote when, how much, and about which
// notice; not a word of it, the subject included.
//
// The server can't look inside, so what it checks is the structure: that a message is sealed to
// exactly those people as they are now, in the suites that their certificates need, and to nobody
// else. Where the message belongs is signed inside, so it is the reader's client that notices a
// server that moves one to another thread, or drops one: each names the ones before it that its writer saw.
//
// A reply may also come by e-mail, from who answers a mail of ours with a program of their own (TakeMail). It is sealed to the desk's certificate for mail programs and to nobody else
// at the institution; so it is kept as it came, beside the messages that have envelopes, and the desk's clients open it. Who wrote it, they find inside, or nobody knows.
//
// Who joins the desk, or is added to a mailbox, gets earlier messages from somebody who can open
// them: their client opens the session key and seals it to the newcomer (Share). Who leaves gets
// nothing from that moment, since every step asks what the root's certificates and the mailbox say now.
package correspond
