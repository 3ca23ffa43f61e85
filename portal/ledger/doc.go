// Package ledger is the append-only Merkle log in which every statement, every
// certificate of staff, every dispatch and every acknowledgement becomes a leaf, so
// that nobody, the institution's own servers included, can show one reader
// another history than the next without being caught.
//
// # The way of a leaf
//
// An [Event] becomes a [Leaf], a short text. What is public stands in it in clear
// ([PublicLeaf]). What isn't is replaced by a commitment ([Commit]): the SHA-256
// digest of an [Opening], which holds the event and 32 random octets and is given
// to the parties of the event and nobody else. The log so says nothing about whom
// the institution talks to, yet a party can show, to whomever they choose, that their
// event was entered ([Leaf.Reveal]).
//
// The store keeps it as an [Entry] in the transaction of the event itself: an event that is
// kept enters the log, one that failed doesn't. [Sequence] puts what waits into the
// tree, many entries at a time ([Append]), in an order that tells nothing, with decoys if wanted.
//
// A [Signer], a process of its own that holds the log's key, reads the leaves,
// computes the tree anew, and signs a [Checkpoint]: name of the log, number of leaves,
// root. It signs nothing that doesn't extend what it signed before, whatever the
// database or the web server say. A [Witness], run by somebody else, checks the
// same and cosigns; its HTTP side is package witness.
//
// [ReadResource] gives the static files (tiles) from which everybody can compute
// everything, and [NewProof] the proof for one leaf that is handed out with a
// receipt or a statement and checked without a network ([Policy.VerifyProof]).
//
// A [Follower] keeps the last checkpoint that it saw, and says in words, as an
// [Alarm], when the log was rewritten, forked, shrunk or altered.
//
// Serving all that is [Ledger]'s part.
//
// # What it needs from others
//
// The store has the methods of [Store], and inside a transaction those of
// [Sequencer]. The web tier serves what [ReadResource] returns; it never holds a key of
// this package.
//
// # Standards
//
// Hashes are those of RFC 6962, section 2.1. Checkpoints, tiles, proofs, cosignatures
// and the protocol with witnesses are C2SP's: tlog-checkpoint, tlog-tiles, tlog-proof,
// tlog-cosignature (Ed25519, "cosignature/v1"), tlog-witness and signed-note, so
// programs that know those can follow this log. docs/ledger.md shows each with an
// example.
//
// # Verification
//
// As in package crypto, a zero value never means success: whatever verified is
// returned as a pointer that exists only when it did.
package ledger
