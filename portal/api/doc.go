// Package api is the wire of Valise's JSON API, version 1: the requests and answers that
// docs/api.md describes, as Go types. The server (package web), the command line, the browser's
// WebAssembly and the tests share them, so that a field exists in one place.
//
// Binary values are []byte and travel as base64 (RFC 4648, section 4); texts that people sign
// and OpenPGP armor are strings; times are RFC 3339 in UTC with seconds.
// The server refuses unknown fields in requests; clients pass over unknown fields in answers.
package api
