// Package audit is the step of looking back: the trail of who did what, and when.
//
// The other steps write it. Each of their methods names the act that is about to be done, and does it only when that has been written down (portal.Auditor);
// an act that somebody without the role tried is written, too, with " refused" behind its name, since that is how a stolen account looks. Here it is read: by
// auditors alone, whom the institution's root made that, and reading it is itself an act.
//
// # What an entry tells
//
// When, who, what, and on which object. Who is a holder: "staff:" and a fingerprint, which the certificates give a name; or a
// representative by their number, which tells nobody who that is. Objects are numbers, never names. There is no address in it, no device, and nothing
// of what was written or read.
//
// The trail is as good as the database that it lies in: who can write there can leave entries out. What nobody can leave out unseen stands in the
// ledger.
package audit
