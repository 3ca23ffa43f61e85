// Package route finds the mail servers of a domain, and what each has to show before anything is handed to it.
//
// # Why
//
// Mail servers are found by DNS, and offer TLS in clear (STARTTLS). So whoever can alter what DNS answers, or what is on the line, can name a server of their own or take the
// offer of TLS away, unless the domain has said elsewhere, where they can't alter it, what is to be expected. There are two such places, and a [Finder] looks at both:
//
//   - DANE (RFC 7672): DNS itself, signed (DNSSEC). TLSA records say which certificate, or whose, a mail server has. Only a resolver that verifies those signatures can tell, and it says so with
//     one bit (AD). That bit means nothing unless the resolver, and the way to it, are one's own: it has to be named, and to be on the same machine.
//   - MTA-STS (RFC 8461): a text that the domain's web server shows over HTTPS. It names the mail servers, which then need certificates that public authorities vouch for. It is
//     remembered for weeks, as it protects only from those who come after it was first seen.
//
// Where a domain has both, DANE counts: it protects from the first mail on, and needs no authority. Where it has neither, a server has to show a certificate for its name that is vouched for, which protects from
// everybody but who can alter DNS.
//
// # What is never done
//
// Less than what a domain promised is never taken, whatever else the caller allows: a server that does not keep a promise gets no mail, nor does a domain about which DNS gives no answer that holds, so taking
// answers away wins nothing. Nothing is logged, and no error holds a name: domains are parts of addresses.
package route
