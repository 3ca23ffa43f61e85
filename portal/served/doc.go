// Package served says whether what a portal gave a browser is what two of its staff signed (crypto.ClientManifest).
//
// A browser runs whatever a server sends it. The portal's pages seal and open in the browser, so a web server that was taken over could send a script that
// does something else, to everybody or to one person. A page can't notice that about itself. What can be done is to fix, once for everybody, what
// a portal serves: people build the programs from their sources, sign the digests, and enter them in the ledger. Then anybody can compare what they were
// given with that, by a program that doesn't come from the portal; and whoever serves something else to somebody leaves a trace with them.
//
// [Judge] takes one answer of the server at a time, from wherever it was recorded: fetched by 'valise verify-client', or written down by the browser itself while somebody used
// the portal (an HTTP archive). Scripts, style sheets, pictures and WebAssembly must be files of the manifest, to the byte, under the very addresses that it
// names, with the content security policies that it names. Pages are made by the server for each request and nobody signs them, so of a page is asked that it can run nothing
// but those files: that its policy is the one that was signed, and that it names no script, style or frame of elsewhere and none inline.
//
// What a page says is not judged. A false page can't run a script, but it can lie in words, or ask a person to type something into a form that they should not.
package served
