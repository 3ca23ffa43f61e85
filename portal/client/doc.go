// Package client speaks Valise's JSON API (docs/api.md) over HTTP, for the command
// line and for tests. It carries questions and answers and keeps the session's
// cookie; what is believed of the answers, package ceremony decides.
//
// It is careful with the server: TLS only, but on the loopback device or when insecure
// HTTP was asked for by name; no redirects; every answer has a size cap; time limits
// everywhere. What can be asked again without harm is asked again when the server says
// 503 or the line breaks, a few times, as long as Retry-After is bearable.
package client
