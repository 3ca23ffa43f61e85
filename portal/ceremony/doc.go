// Package ceremony is what a person's client does with keys: the browser's
// WebAssembly and the command line do it with the same code. It works on the wire
// types of package api, does no I/O and knows no HTTP: its callers carry
// questions to the server and answers back.
//
// # Whom a client believes
//
// Nothing that a server says is believed because the server says it. A client
// starts from a Pin, the root's fingerprint, that a person took from paper and that
// travels inside their locked bundle. Believe opens the institution's root against
// it; the Trust that comes out is what every later step asks for. Believe(pin,
// institution) fails when the server shows another root.
//
// # A representative's way
//
//	api.LogInChallenge ─ DeriveSecrets ─ UnlockRequest → api.Unlocked ─ Unlock → Bundle
//	                   └ SignLogIn → api.LogIn
//	api.HeldEnvelope…  ─ NewClaim.Request → api.Claim
//	api.Notice…        ─ Self, List, Open → crypto.OpenedNotice ─ Acknowledge → api.Receipt
//
// SignLogIn never signs what the server sent: it checks the challenge's fields, the
// origin first, and builds the text itself. Unlock refuses a bundle of somebody
// else. Open returns a notice only when author's and approver's signatures, their
// chains, the body and the content all held, and the notice was meant for Self:
// whoever may open a notice could wrap its session key anew for somebody else.
//
// # A staff member's way
//
// A registrar makes a mailbox with Issue: key, certification and lock are made
// here, and who it is goes up as records sealed to the staff who must know. An author
// reads the directory with ReadDirectory, which verifies each representative's
// chain and says of whom it doesn't hold and why, chooses an audience, and seals.
// An approver examines what recipients will see, and who they are, and approves.
//
// Statements go the same way without an audience:
//
//	BeginVersion ─ SaveStatement → api.SaveStatement
//	api.StatementWork ─ OpenWork → draft ─ SubmitStatement → api.SubmitStatement
//	api.StatementWork ─ ExamineStatement → ExaminedStatement ─ ApproveStatement | ReturnStatement
//	api.Statement ─ ReadStatement → versions ─ CompareStatements → what an approver must see of the difference
//
// Errors are sentences for the person at the keyboard: what happened, and what to
// do next.
package ceremony
