// Package web serves the JSON API that docs/api.md describes, and the pages that stand on the same steps.
//
// A request goes through the frame in this order (Portal.Handler builds it):
//
//	observe         one log line, a reference for what goes wrong, panics; gorilla's registry of sessions
//	securityHeaders the same strict headers on every response, whatever comes after
//	sameOrigin      what another site's page sends is refused
//	ServeMux        picks the row of the route table (routes.go is the whole of it)
//	serve           body limit, who may come in, the handler, and what becomes of its error (errors.go)
//
// Handlers are small: they read the request, call one method of a step (registry, dispatch, session) with the
// acting person, and convert what it returns (wire.go). Permission lives in the steps; the table's access only
// says which door a route is behind.
//
// The pages (page_*.go, one file a page) are templates of package templates, filled in with what the server knows: numbers, states, times. What is
// sealed, the reader's browser opens: scripts and WebAssembly under assets/, served compressed and for good at addresses that hold their digest
// (assets.go). Everything but sealing and opening works without scripts, by way of forms that call what the API calls.
//
// Nothing that identifies a person is logged: no address, no user agent, no path (only the route's pattern), no number, no id.
package web
