// Valise-wasm is the browser's half of Valise: package ceremony, compiled to WebAssembly and run in a worker of the pages.
//
// It holds the representative's unlocked key, and does no I/O: worker.js fetches and sends, and calls in here in between, through the one function
// that main registers:
//
//	valise(call, parameters, data) → {json} | {data} | {error: {code, message}}
//
// call is a name in the table of calls (register in engine.go); parameters is JSON; data is a Uint8Array for the one large thing, the answer that holds a
// notice's body, which is spared the way through JSON twice.
//
// # Three builds
//
// valise.wasm is for representatives and readers, and must be small; desk.wasm (build tag desk) is for staff, and has what they need besides. Files for
// staff only start with
//
//	//go:build desk || !js
//
// so that native tests have them, too. The third (build tag reader) is valise.wasm with the calls of the offline reader, and lies inside that one file (pack/reader.go). Each group of calls registers itself (register in engine.go).
//
// # What leaves
//
// The key leaves this program in two ways only: locked under a passphrase, in what goes to the server; and encrypted under the session's share, to lie in the
// tab's session storage until the next page (kept.go). Log-out, or the session's end, takes the share away from the server, and with it the
// use of what lies there. (A third one, export, is for compatible keys, when their owner takes them to GnuPG.)
//
// Markdown is read here too (markdown.go), into a small tree that the page builds elements from: there is no HTML in between, so there is
// none to sanitise. goldmark does it for the server's own pages, but weighs a quarter of a megabyte after compression, an eighth of
// all that a bad line must bear.
package main
