// Package crypto seals, opens, signs, certifies and verifies everything that
// Valise keeps or sends. It is compiled natively (server, courier, command
// line) and to WebAssembly (browser), does no I/O, and knows no HTTP and no SQL.
//
// # The pieces
//
// A [Certificate] is a public key that was parsed and whose self-signatures were
// checked; a [Key] is the same with its unlocked private part. Keys rest only
// inside a [Bundle], locked under [Secrets] that one Argon2id run derives from a
// passphrase or a claim code; the bundle also carries the [Pin] of the
// institution's root, so whoever unlocks a key knows whom to believe.
//
// The root certifies staff (with their roles), a registrar certifies the key
// that is issued to a representative, and each key of a representative
// certifies its successor. [Root.VerifyStaff] and [Root.VerifyRepresentative]
// walk these chains and are the only sources of [Staff] and [Recipient] values.
//
// A notice is a [Content], encrypted once per [Suite] into a body under a
// [SessionKey], which is wrapped into one envelope per recipient; envelope ‖
// body is a complete OpenPGP message. Two staff members sign its [Manifest].
// [OpenNotice] returns a value only when everything held, and [Acknowledge] makes
// the receipt that [VerifyReceipt] believes. Beside the content that all read, a notice may
// say something to each mailbox alone ([Draft].Personal): sealed under a key of its own,
// bound by the audience, opened by [OpenPersonal], and by the desk with [OpenAllPersonal].
//
// A statement is public: a [StatementText] in each language, bound by one
// [StatementManifest], which also names the version before it. [PrepareStatement]
// makes and signs them of a [StatementDraft], [ApproveStatement] adds the second
// person's signatures, and [Root.VerifyStatement] makes the [VerifiedStatement] that
// everybody is shown. Whoever has a single file uses [Root.VerifyStatementText].
//
// docs/formats.md shows every format with an example and how to check it with gpg.
//
// # Verification
//
// A zero value never means success: every verification returns a pointer that
// exists only when it verified, beside an error that says in words what did not.
//
// # Domain separation
//
// Every signature made here carries exactly one hashed notation
// "purpose@valise.invalid" (RFC 9580, section 5.2.3.24) whose value is a
// [Purpose]. A signature for one purpose is refused for every other. Only the
// clear-signed texts that a person may sign with a tool of their own (log-in, and
// the acknowledgements of notices and statements) are accepted without it, because
// their first line separates them; a wrong notation is refused there too.
package crypto
