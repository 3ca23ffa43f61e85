// Package courier carries sealed messages by e-mail: out, when a notice isn't opened on the portal in time or the portal can't be reached.
//
// # What it is
//
// A process of its own. It alone can open the addresses of representatives, with a key that lies on its machine and in no database; it listens on nothing, and talks to the
// database and to mail servers. What it sends is what lies in the mailbox, octet by octet: envelope ‖ body, which is a complete OpenPGP message ([crypto.Message]), in a mail that says nothing
// else to anybody on the way: no subject, no name, no number.
//
// # The way of a mail
//
// The release of a notice writes, in the same transaction, an [Entry] of the outbox for each representative who has an address. The courier leases entries
// ([Store.LeaseOutbox]), looks at what each is about ([Letter]), opens the address, and decides ([Courier]): send now, look again later, or never. A mail is written ([Identity], mail.go), signed for DKIM, and handed to a mail
// server over TLS (transport.go). What came of it is settled with the entry.
//
// # At least once
//
// Between the moment in which a mail server takes a mail over and the moment in which that is on disk here, the process can die. The mail is then sent again, after its
// lease has run out, so each is sent at least once. The moment is short: what a server took stands in a file of this machine first, the journal (journal.go). A mail's Message-ID is made from the entry with a key that only the courier has ([Courier.messageID]): always the same, so mail programs show one mail; and nobody who has
// the database can tell which mail on the wire belongs to which entry.
package courier
