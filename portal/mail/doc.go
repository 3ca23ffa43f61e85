// Package mail reads what somebody wrote in a mail program: as text, and as files to be saved. It is what a member of the desk sees of a reply by e-mail, in the browser and on the command line, once it
// was opened and it was found out who signed it.
//
// Whoever wrote it may be hostile. So a mail is text and nothing else: HTML, when there is only that, is shown as its text, with the addresses that links lead to beside them; nothing is fetched, nothing is run,
// characters that reorder what is seen are replaced, and files are listed under names that name no place on a disk. No bound of the mail's own is believed: how deep parts lie in one another, how many
// there are, and how much is shown is bounded here (RFC 2045 and 2046, read as leniently as mail programs write them). What can't be read is passed over, and never an error: the mail itself is always
// among the files, to the octet.
//
// It imports nothing of ours, and nothing that knows networks, since browsers download it.
package mail
