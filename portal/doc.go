// Package portal holds the nouns and rules of Valise: who acts, what is kept,
// and what can go wrong. Its folders tell the way of a notice:
//
//	registry    a registrar issues a mailbox; its representative claims it
//	publish     an author drafts a public statement, an approver signs it, a notary
//	            publishes it at its minute; corrections, withdrawals, the archive
//	dispatch    an author submits a sealed notice, an approver releases it,
//	            representatives open and acknowledge it
//	ledger      the append-only Merkle log in which all of it is entered, so that
//	            everybody sees the same; its signer, its witnesses, its followers
//	session     who is logged in, on Redis or in the database
//	store       the SQL behind all of it, SQLite or PostgreSQL
//	web         routes, pages, JSON API, assets
//	api         the JSON API's requests and answers as Go types
//	ceremony    what a person's client does with keys, native and WASM
//	client      the same over HTTP, for the command line and tests
//	portaltest  a real portal for tests
//
// The server sees only sealed bodies, envelopes, certificates, signatures, hashes
// and numbers. Everything with a meaning is in package crypto, and happens in
// the clients.
//
// Arrows: portal imports crypto and nothing else of ours. The steps (registry,
// publish, dispatch, ledger) import portal and crypto, never each other and never store; each declares
// the store methods that it needs, and one *store.DB satisfies all. web imports
// the steps, session, api and templates, not store. api imports portal and crypto;
// ceremony those and api; client those and ceremony. cmd wires.
package portal
