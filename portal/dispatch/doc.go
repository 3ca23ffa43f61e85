// Package dispatch takes a sealed notice from its author, holds it until a second person
// approves it, and releases it into every mailbox at once; then it hands envelopes and
// bodies to representatives and takes their acknowledgements.
//
// It never sees what a notice says. It verifies both signatures up to the root, that
// every envelope is addressed to the certificate that the audience names, and that bodies
// have the digests that were signed; it releases only when all of that holds.
package dispatch
