// Package verdict is the one place that reads whatever somebody has in hand, finds out what it is, and says what holds: a statement, a receipt, a
// manifest, a sealed message, certificates, a proof or a checkpoint of the ledger, alone or with what belongs to it. The verify page and the command
// line say what it says.
//
// It does no I/O and knows no HTTP. What it needs of the portal it asks for by path, and is called again with the answers:
//
//	c := verdict.Case{Files: files, Pin: pin, Now: now, Answers: map[string]verdict.Answer{}}
//	verdicts, wanted := c.Judge()
//	for len(wanted) > 0 {
//		for _, path := range wanted {
//			c.Answers[path] = … // GET, without a session
//		}
//		verdicts, wanted = c.Judge()
//	}
//
// Every path is that of something public: the institution, a statement, the ledger. Nothing of the files is in one but a statement's number, so
// whoever carries the questions uploads nothing. Nothing that comes back is believed for coming back: everything is verified up to the root whose
// fingerprint stands on paper. Without the fingerprint the root is taken on the portal's word, and the verdict says so.
//
// A verdict that doesn't hold shows no word of what was given as the institution's: title, names and times are filled in only when all of
// it held.
package verdict
