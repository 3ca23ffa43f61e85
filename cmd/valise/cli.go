package main

import (
	"errors"

	"github.com/alecthomas/kong"

	"valise/portal/client"
	"valise/portal/ledger"
)

const description = `Statements to the world, and sealed notices for States, organisations and individuals: believed only with two staff members' signatures. Notices are opened only by their recipients, and answered with a signed receipt that any gpg can check.`

// Groups of commands in the help text.
var groups = []kong.Group{
	{Key: "representative", Title: "Representatives:"},
	{Key: "anyone", Title: "Anyone:"},
	{Key: "staff", Title: "Staff:"},
	{Key: "server", Title: "Servers:"},
}

// CLI is every command there is; each has a file of its own.
type CLI struct {
	JSON bool `name:"json" help:"Print one JSON value on standard output, with the field names that the command's help lists; failures as {\"error\": {\"message\", \"code\"}}."`

	Claim      ClaimCommand      `cmd:"" group:"representative" help:"Take up a mailbox with the claim code from the letter."`
	List       ListCommand       `cmd:"" group:"representative" help:"List the notices and statements in a mailbox, what awaits acknowledgement first. Listing opens nothing."`
	Open       OpenCommand       `cmd:"" group:"representative" help:"Open a notice or statement, verify both staff signatures, and print it."`
	Command    CommandCommand    `cmd:"" group:"representative" help:"Sign what to have done by e-mail: send again, no e-mail, a new certificate."`
	Ack        AckCommand        `cmd:"" group:"representative" help:"Acknowledge a notice or statement with a signed receipt."`
	Reply      ReplyCommand      `cmd:"" group:"representative" help:"Write to the institution's desk, sealed: about a notice, in a thread, or about anything."`
	Threads    ThreadsCommand    `cmd:"" group:"representative" help:"List what your mailbox wrote to the desk, and what came back."`
	Thread     ThreadCommand     `cmd:"" group:"representative" help:"Read a thread: what was written, and what came back (representatives and the desk)."`
	Cert       CertCommand       `cmd:"" group:"representative" help:"Write the public certificate that verifies your receipts."`
	Passphrase PassphraseCommand `cmd:"" group:"representative" help:"Change the passphrase."`

	Verify VerifyCommand `cmd:"" group:"anyone" help:"Verify a statement, a receipt, a signed manifest, a certificate chain, a proof from the ledger, a sealed message."`

	VerifyClient VerifyClientCommand `cmd:"" group:"anyone" help:"Compare the scripts that a portal gives browsers with what was signed and entered in the ledger."`

	Export ExportCommand `cmd:"" group:"anyone" help:"Make a mirror: all that the world reads on a portal, verified, as files that any web server can serve."`

	Ledger LedgerCommand `cmd:"" group:"anyone" help:"The public log in which everything is entered: follow it, prove what is in it; sign and witness it."`

	Root      RootCommand      `cmd:"" group:"staff" help:"The institution's root key."`
	Staff     StaffCommand     `cmd:"" group:"staff" help:"Staff keys: make, certify, show to the portal."`
	Desk      DeskCommand      `cmd:"" group:"staff" help:"The desk's key for mail programs: make it, give it to colleagues, show it."`
	Issue     IssueCommand     `cmd:"" group:"staff" help:"Issue a mailbox to a representative and write their letter (registrars)."`
	Address   AddressCommand   `cmd:"" group:"staff" help:"Where a representative gets e-mail, and when (registrars)."`
	Revoke    RevokeCommand    `cmd:"" group:"staff" help:"End a representative's access for good (registrars)."`
	Group     GroupCommand     `cmd:"" group:"staff" help:"Named audiences: groups of mailboxes and of groups (registrars keep them)."`
	Seal      SealCommand      `cmd:"" group:"staff" help:"Seal a notice for an audience and submit it for approval (authors)."`
	Statement StatementCommand `cmd:"" group:"staff" help:"Statements to the world: write, approve, publish, correct and withdraw (staff); list, show and verify (anyone)."`
	Approve   ApproveCommand   `cmd:"" group:"staff" help:"See a submitted notice as its recipients will, and approve it (approvers)."`
	Recall    RecallCommand    `cmd:"" group:"staff" help:"Take a submitted notice back before its release (its author, or an approver)."`
	Status    StatusCommand    `cmd:"" group:"staff" help:"Show who has opened and acknowledged a notice or statement, and who is overdue."`
	Outbox    OutboxCommand    `cmd:"" group:"staff" help:"Show what goes by e-mail, and what could not be sent."`
	Mail      MailCommand      `cmd:"" group:"staff" help:"Show what came by e-mail and could not be dealt with."`
	Contact   ContactCommand   `cmd:"" group:"staff" help:"Write down, signed, that a mailbox was told of a notice by another way: by telephone, by messenger, in person (authors, approvers, registrars)."`
	Remind    RemindCommand    `cmd:"" group:"staff" help:"Remind mailboxes of a notice that they have not answered (authors, approvers, registrars)."`
	Bundle    BundleCommand    `cmd:"" group:"staff" help:"Fetch the evidence of a notice as one zip, which a stranger can check with gpg: who was told, and when."`
	Inbox     InboxCommand     `cmd:"" group:"staff" help:"List the threads of the desk, what waits for an answer first (authors and approvers)."`
	Answer    AnswerCommand    `cmd:"" group:"staff" help:"Answer a mailbox in a thread (authors and approvers)."`
	Assign    AssignCommand    `cmd:"" group:"staff" help:"Say who of the desk looks after a thread (authors and approvers)."`
	Close     CloseCommand     `cmd:"" group:"staff" help:"Close a thread, or open it again (authors and approvers)."`
	Audit     AuditCommand     `cmd:"" group:"staff" help:"List who did what, and what was refused (auditors)."`

	ClientManifest ClientManifestCommand `cmd:"" group:"staff" help:"Vouch for what browsers run: list, sign, enter in the ledger."`

	Notary  NotaryCommand  `cmd:"" group:"server" help:"Publish approved statements at their minute."`
	Courier CourierCommand `cmd:"" group:"server" help:"Carry sealed messages by e-mail."`
	Serve   ServeCommand   `cmd:"" group:"server" help:"Serve the portal."`
	Demo    DemoCommand    `cmd:"" group:"server" help:"Start a portal with an invented institution in it, to try everything out."`
}

// errorJSON is what a failure is with --json.
type errorJSON struct {
	Error struct {
		Message string `json:"message"`
		Code    string `json:"code,omitempty"` // the portal's, when it refused; what is wrong with a ledger; "usage" for wrong usage

		Differences []differenceJSON `json:"differences,omitempty"` // between what a portal serves and what was signed
	} `json:"error"`
}

type differenceJSON struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

func failureJSON(err error) errorJSON {
	var f errorJSON
	f.Error.Message = err.Error()
	var refusal *client.Error
	var alarm *ledger.Alarm
	var usage usageError
	var differs *clientDiffers
	switch {
	case errors.As(err, &differs):
		f.Error.Code = "client-differs"
		for _, d := range differs.differences {
			f.Error.Differences = append(f.Error.Differences, differenceJSON{d.Path, d.Text})
		}
	case errors.As(err, &usage):
		f.Error.Code = "usage"
	case errors.As(err, &refusal):
		f.Error.Code = refusal.Code
	case errors.As(err, &alarm):
		f.Error.Code = string(alarm.Trouble)
	}
	return f
}
