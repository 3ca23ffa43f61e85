// Package evidence makes and checks the evidence bundle of a notice: one zip that shows, years later and to somebody who has neither Valise nor the
// portal, who was told and when.
//
// A bundle holds files that prove by themselves: the manifest and both staff signatures over it, certificates up to the root, what shows that a mailbox
// is in the audience that was signed, receipts, and the ledger's proofs. Beside them stands events.csv, which puts into one list what they say, and what
// only the portal says: when a mailbox was put the notice into, and when somebody first fetched it. Every line tells which of the two it is. README.md is written
// for the one who opens the zip: commands to paste, for gpg, sha256sum and openssl, each with what it must print.
//
// Nothing in a bundle says what the notice says: its texts, subjects and bodies aren't in it, and no stakeholder's name. The staff's certificates have
// their owners' names, as everywhere.
//
// It is no step and keeps nothing. It is fed by package web, with what dispatch and ledger know (who may have it is dispatch's to say), and read by the
// command line, offline; so it imports nouns and the ledger's formats only, and no step imports it. It is no part of package verdict either: that one holds
// everything that it judges in memory, and is downloaded by everybody's browser; a bundle of ten thousand mailboxes has fifty thousand files.
//
// The zip of one state of the portal is one sequence of bytes: files in one order, times fixed. See docs/formats.md, "Evidence bundle".
package evidence
