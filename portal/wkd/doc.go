// Package wkd looks a person's certificate up in the Web Key Directory of their mail domain (draft-koch-openpgp-webkey-service).
//
// A domain that has a directory answers, for an address, with the certificate of whoever has that address. The answer is worth what the domain's web server, and the
// authorities for TLS, are worth: the domain's operator, or who took its server over, can answer with a certificate of their own. So what is found is shown to
// a person, who compares its fingerprint with its owner by another way, and it is believed for that and nothing else. The look-up tells the domain, and whoever watches the line, that
// somebody asks for this address; a portal's server must never make it, since it would learn who is about to be issued a mailbox.
//
// [Lookup.Find] asks as the draft says: the advanced address first, on the host "openpgpkey" of the domain; and the direct one, on the domain itself, only when there is no such host.
package wkd
