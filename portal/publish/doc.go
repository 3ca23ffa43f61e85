// Package publish takes a statement from its author's draft to the world: drafts,
// submission, approval, publication at its minute, correction, withdrawal, the
// archive in which everybody reads, and the receipts of those who are asked to acknowledge it.
//
// # The way of a statement
//
// Staff save drafts, sealed to the desk (who may author or approve). Each save names
// the revision that it follows, so of two people who edit at once the second is told,
// and neither overwrites the other. The author submits what they signed, sealed to the
// desk. Another person opens it in their own client, and approves, or sends it back with
// a reason, which is sealed, too. Any edit after the submission voids it, and its approval.
//
// What is due is approved in the clear: the approver hands in the statement with all
// signatures, and it is public with the answer. What is to wait for its minute (embargo)
// is approved sealed, to the desk and to the notaries: until then nothing of it can be
// read or guessed from what the server keeps, which is a number, sizes, who handled it
// and when, and not even the minute.
//
// A [Notary] is a process with a key that the web tier does not have. It opens what was
// approved, verifies it at once, so that nobody learns at the minute that something is
// wrong, and publishes it at the minute, in one transaction. Any number of notaries may do
// so: a version is published once. A version that was published is never altered; a
// correction is a new version, a withdrawal a last one, and both go the same way.
//
// A version may ask kinds of stakeholders to acknowledge it. Then the statement stands in every mailbox of these
// kinds, with whatever versions follow. Publishing writes nothing per mailbox; who fetches the newest version through
// their mailbox leaves a mark, and may hand in a receipt of it, one for each mailbox and version, which enters the
// ledger as a commitment.
//
// The server believes nothing that it is told of a statement: before it publishes, it
// verifies both people's signatures up to the root, over manifest and texts, and that the
// version follows the one before it.
package publish
