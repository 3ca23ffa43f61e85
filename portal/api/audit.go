package api

import "time"

// AuditTrail is the answer of GET /staff/audit: a page of the trail, newest first.
type AuditTrail struct {
	Entries []AuditEntry `json:"entries"`
	Next    string       `json:"next"` // what "before" is in the request for the next page; "": there is none
}

// AuditEntry is an act, written down before it was done.
type AuditEntry struct {
	At      time.Time `json:"at"`      // UTC, to the microsecond
	Actor   string    `json:"actor"`   // staff:FINGERPRINT, or a representative's number; "": nobody had to log in
	Name    string    `json:"name"`    // of a staff member, from their certificate; else ""
	Act     string    `json:"act"`     // "publish.approve"
	Refused bool      `json:"refused"` // they had not the role, so it was not done
	Object  string    `json:"object"`  // a number, or two; staff:FINGERPRINT; "all"
}
