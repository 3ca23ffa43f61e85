package evidence

import (
	"fmt"
	"regexp"
	"strings"

	"valise/crypto"
)

// The names of files in a bundle.
const (
	readmeFile     = "README.md"
	frenchFile     = "README.fr.md"
	sumsFile       = "SHA256SUMS"
	csvFile        = "events.csv"
	jsonFile       = "events.json"
	manifestFile   = "notice/manifest.txt"
	authorFile     = "notice/author.asc"
	approverFile   = "notice/approver.asc"
	dispatchFile   = "notice/dispatch.tlog-proof"
	rootFile       = "certificates/root.asc"
	ledgerKeyFile  = "ledger/key.txt.asc"
	checkpointFile = "ledger/checkpoint"

	staffFolder   = "certificates/staff/"
	mailboxFolder = "mailboxes/"
)

func staffFile(f crypto.Fingerprint) string { return staffFolder + string(f) + ".asc" }

func receiptFile(mailbox crypto.Number) string {
	return mailboxFolder + string(mailbox) + "/receipt.txt.asc"
}

// contactFile is the i-th contact outside the portal, from 0; names count from 1, the oldest first.
func contactFile(mailbox crypto.Number, i int) string {
	return fmt.Sprintf("%s%s/contact-%d.txt.asc", mailboxFolder, mailbox, i+1)
}

func receiptProofFile(mailbox crypto.Number) string {
	return mailboxFolder + string(mailbox) + "/receipt.tlog-proof"
}

func deliveredProofFile(mailbox crypto.Number) string {
	return mailboxFolder + string(mailbox) + "/delivered.tlog-proof"
}

func openedProofFile(mailbox crypto.Number) string {
	return mailboxFolder + string(mailbox) + "/opened.tlog-proof"
}

// eventProofFile is the proof of the i-th of a mailbox's other events, from 0; names count from 1.
func eventProofFile(mailbox crypto.Number, i int) string {
	return fmt.Sprintf("%s%s/event-%d.tlog-proof", mailboxFolder, mailbox, i+1)
}

func memberFolder(r crypto.Representative) string {
	return fmt.Sprintf("%s%s/%d/", mailboxFolder, r.Mailbox, r.Ordinal)
}

func membershipFile(r crypto.Representative) string { return memberFolder(r) + "membership.txt" }

// keyFile is the i-th certificate of a representative's chain, from 0; names count from 1.
func keyFile(r crypto.Representative, i int) string {
	return fmt.Sprintf("%skey-%d.asc", memberFolder(r), i+1)
}

// mailboxPath takes the names of files of mailboxes apart: mailbox, ordinal, the rest.
var mailboxPath = regexp.MustCompile(`^mailboxes/([SOI]-[0-9A-Z]{8})/(?:(receipt\.txt\.asc|receipt\.tlog-proof|delivered\.tlog-proof|opened\.tlog-proof|event-[1-9][0-9]{0,3}\.tlog-proof|contact-[1-9][0-9]{0,2}\.txt\.asc)|([1-9][0-9]{0,2})/(membership\.txt|key-[1-9][0-9]{0,2}\.asc))$`)

// known says whether a bundle may have a file of this name. What is not known must not be there: nobody would have checked it.
func known(name string) bool {
	switch name {
	case readmeFile, frenchFile, sumsFile, csvFile, jsonFile, manifestFile, authorFile, approverFile, dispatchFile, rootFile, ledgerKeyFile, checkpointFile:
		return true
	}
	if staff, ok := strings.CutPrefix(name, staffFolder); ok {
		f, err := crypto.ParseFingerprint(strings.TrimSuffix(staff, ".asc"))
		return err == nil && staffFile(f) == name
	}
	return mailboxPath.MatchString(name)
}

// maxFile is the size in bytes of the largest file in a bundle, but the lists, which have a line for everything.
const (
	maxFile = 1 << 20
	maxList = 256 << 20
)

func limitOf(name string) int64 {
	switch name {
	case sumsFile, csvFile, jsonFile:
		return maxList
	}
	return maxFile
}
