// Package store keeps everything in SQL: in one SQLite file when Valise runs
// embedded, in PostgreSQL when several nodes share it. One [DB] is the Store of
// every step, and of sessions, nonces and limits when there is no Redis.
//
// # One method, one fact, one transaction
//
// What a method confirms is on disk: SQLite runs with synchronous=FULL, PostgreSQL as
// its server is configured (leave synchronous_commit on). A method that failed changed
// nothing, with one exception that no database can spare us: when the connection breaks
// during COMMIT, nobody knows. The error is then portal.Unavailable, and every method
// that can be repeated gives the same outcome again.
//
// # One text for both
//
// Statements are written once, with $1, $2 … in the SQL that both speak. The differences
// are few: SQLite has no row locks and needs none, as it has one writer; and its
// writer commits in groups, as PostgreSQL does by itself: whatever came in while one
// commit was under way goes into the next one together, each in a savepoint of its own. Compiled statements are kept (prepared.go).
//
// # What a thief finds
//
// Numbers, certificates, locked bundles, sealed records, envelopes, bodies, signatures,
// hashes and times. Names and addresses are inside what is sealed; session ids,
// log-in secrets and nonces come in hashed; no address and no program's name of a visitor comes
// here at all. The openings of what the ledger holds as commitments lie here in clear: they say and
// prove what the rows beside them say and prove (docs/ledger.md, "Where openings rest"). SQLite overwrites what is deleted (secure_delete), so that a lock opened by a
// claim code, once claimed, isn't left in free pages; its write-ahead log keeps old pages until it is
// used anew, and PostgreSQL until vacuum. So protect old backups as well as the database.
package store
