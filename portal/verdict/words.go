package verdict

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"valise/portal/ledger"
)

// Line is a sentence by its code, with what fills its gaps. The pages have it in the reader's language; here it is in English.
type Line struct {
	Code string            `json:"code"`
	Gaps map[string]string `json:"gaps,omitempty"`
}

func line(code string, gaps ...string) Line {
	l := Line{Code: code}
	for i := 0; i+1 < len(gaps); i += 2 {
		if l.Gaps == nil {
			l.Gaps = map[string]string{}
		}
		l.Gaps[gaps[i]] = gaps[i+1]
	}
	return l
}

// stamp is a time in a gap. The gap is named "time", and pages write it as their readers do.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// String returns the sentence in English; one that has no words, which only a cause of package crypto or ledger that came later can be, is its code.
func (l Line) String() string {
	text, ok := english[l.Code]
	if !ok {
		return l.Code
	}
	for name, value := range l.Gaps {
		if name == "time" {
			if t, err := time.Parse(time.RFC3339, value); err == nil {
				value = t.Format("2 January 2006, 15:04 UTC")
			}
		}
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// English returns all sentences by their codes.
func English() map[string]string {
	all := make(map[string]string, len(english))
	for code, text := range english {
		all[code] = text
	}
	return all
}

var english = map[string]string{
	// What it is, when it holds.
	"holds-statement-text":            "This is a genuine text of statement {statement}, version {version}.",
	"holds-statement":                 "This is a genuine statement: {statement}, version {version}, in all its languages.",
	"holds-statement-manifest":        "This is the genuine manifest of statement {statement}, version {version}.",
	"holds-receipt":                   "{representative} acknowledged {of} on {time}.",
	"holds-receipt-refused":           "{representative} opened {of} and declined to acknowledge it, on {time}.",
	"holds-statement-receipt":         "{representative} acknowledged statement {of} on {time}.",
	"holds-statement-receipt-refused": "{representative} declined to acknowledge statement {of}, on {time}.",
	"holds-notice-manifest":           "This is the genuine manifest of notice {notice}, sealed on {time}.",
	"holds-staff-certificate":         "This is the certificate of a staff member: {name} ({roles}), certified by the root on {time}.",
	"holds-root-certificate":          "This is the institution’s root certificate, with the fingerprint that you entered.",
	"holds-representative":            "This is the key of {representative}, issued by {registrar}.",
	"holds-checkpoint":                "This is a checkpoint of the ledger {origin}, which then had {size} leaves.",
	"holds-proof":                     "This is in the institution’s ledger.",

	// What a proof shows.
	"event-statement-published":    "In the ledger: statement {statement} was published, in version {version}, on {time}.",
	"event-statement-corrected":    "In the ledger: statement {statement} was corrected, by version {version}, on {time}.",
	"event-statement-withdrawn":    "In the ledger: statement {statement} was withdrawn, by version {version}, on {time}.",
	"event-notice-dispatched":      "In the ledger: notice {notice} was dispatched on {time}.",
	"event-notice-acknowledged":    "In the ledger: {representative} handed in a receipt for notice {notice} on {time}.",
	"event-statement-acknowledged": "In the ledger: {representative} handed in a receipt for statement {statement} on {time}.",
	"event-staff-certificate":      "In the ledger: a certificate of a staff member was added or changed on {time}.",
	"event-representative":         "In the ledger: a certificate of {representative} was issued or claimed on {time}.",
	"event-other":                  "In the ledger: something that its parties can show, on {time}.",

	// Why it doesn't hold.
	"cause-altered":             "The text was altered after it was signed.",
	"cause-not-approved":        "The approval is missing: only one person signed, and two are needed.",
	"cause-other-approval":      "The approval does not belong to this: it was given to another text, statement or version.",
	"cause-version-approval":    "The approval does not belong to this: it is that of version {version}.",
	"cause-other-signature":     "The author’s signature is missing, or does not belong to this.",
	"cause-one-person":          "The same person signed twice. Two people are needed.",
	"cause-unknown-signer":      "It was signed with a key that this root never certified.",
	"cause-no-role":             "Who signed did not have the role for it then: it had ended, or was never given.",
	"cause-revoked":             "A registrar of the institution had ended this representative’s access by then.",
	"cause-key-not-good":        "A key had expired, was revoked, or is too weak.",
	"cause-wrong-purpose":       "A signature was made for something else.",
	"cause-other-institution":   "It is of another institution, one with another root.",
	"cause-other-root":          "The portal shows another root than the one whose fingerprint you entered. Stop here: either the fingerprint was mistyped, or this is not the institution’s portal.",
	"cause-other-subject":       "The receipt is of something else than what was given with it.",
	"cause-broken-chain":        "The chain of certificates does not lead from this key to a registrar of the institution.",
	"cause-wrong-sequence":      "The versions do not follow one another: one is missing, or is not what was published.",
	"cause-attachment":          "The attachment is not the file that was signed.",
	"cause-two-versions":        "There are two different texts of this version, both signed. Keep this file, and tell the institution and others.",
	"cause-withheld":            "There is a newer version, and the portal keeps it back: the ledger has it.",
	"cause-portal":              "Both signatures hold, but what the portal publishes under this number does not.",
	"cause-ledger-wrong-key":    "The ledger’s checkpoint is not signed with the ledger’s key.",
	"cause-ledger-wrong-origin": "It is from the ledger of somebody else.",
	"cause-ledger-shrunk":       "The ledger has shrunk: the portal shows fewer leaves than were signed before.",
	"cause-ledger-forked":       "There are two different ledgers: others were shown something else than you. Keep what you have: it proves it.",
	"cause-ledger-rewritten":    "The ledger was rewritten: what was in it before is no longer the same. Keep what you have: it proves it.",
	"cause-ledger-altered":      "What the portal serves of the ledger is not what the ledger signed.",
	"cause-ledger-missing":      "The proof does not show that this is in the ledger: it is of something else, or was altered.",
	"cause-ledger-unwitnessed":  "Too few witnesses have cosigned the ledger’s checkpoint.",
	"cause-ledger-withheld":     "The portal shows an older certificate than the ledger has.",
	"cause-several":             "These are certificates of several representatives. Give those of one at a time.",
	"cause-too-many":            "These are too many files to judge together.",
	"cause-unreadable":          "It can’t be read: it was damaged, cut off, or is not what it looks like.",

	// What is missing.
	"misses-sealed":     "This is sealed: only who it is for can open it. Log in to your mailbox, or use “valise open”. From outside it can’t be judged.",
	"misses-text":       "These are signatures. Give the text that they belong to with them (for en.md.asc: en.md).",
	"misses-signatures": "The signatures stand in a file of their own (for en.md: en.md.asc). Give both together.",
	"misses-receipt":    "This goes with a receipt. Give the receipt with it.",
	"misses-evidence":   "A receipt can’t be judged alone. Give with it the signed manifest of the notice and the certificates of who signed it (they are beside the receipt on the notice’s page), or evidence that “valise verify --save” wrote.",
	"misses-before":     "This is one certificate of a representative. If they made it when they claimed their mailbox, give those before it, too: the chain that leads to the institution’s root.",
	"misses-chain":      "Give the certificates of who signed the receipt with it: the chain that leads to the institution’s root.",
	"misses-manifest":   "Give the signed manifest of the notice with the receipt.",
	"misses-versions":   "It can be judged only together with the versions before it, and they are not at hand.",
	"misses-root":       "The institution’s root certificate is not at hand: the portal can’t be reached. Give root.asc with it, and enter the fingerprint from paper.",
	"misses-paper":      "This is a root certificate. Whether it is the institution’s, only the fingerprint on paper says: enter it.",
	"misses-ledger-key": "The portal does not say with which key its ledger signs.",
	"misses-opening":    "The proof does not say of what. Its line “extra” is missing.",
	"misses-kind":       "This is nothing that can be verified here: neither a statement, a receipt, a manifest, certificates, a sealed message nor a proof.",

	// What a reader must see with it.
	"warn-root":              "The root was taken on the portal’s word. Enter its fingerprint from paper: only then is it known that this is the institution.",
	"warn-portal-other-root": "The portal shows another root than the one whose fingerprint you entered. What you gave was judged by yours.",
	"warn-corrected":         "It was corrected: version {newest} replaces it.",
	"warn-withdrawn":         "It was withdrawn, with version {newest}.",
	"warn-ledger-shorter":    "The portal shows an older state of the ledger, with {size} leaves: an old copy, or some were taken away. Look again later, from another place; if it stays so, tell the institution and others.",
	"warn-not-published":     "The portal does not publish it, or not yet.",
	"warn-older-shown":       "The portal shows version {newest} as the newest. What you have is newer, and genuine: the portal keeps it back, or was set back.",

	// What was checked.
	"check-root":          "The root certificate has the fingerprint that you entered.",
	"check-institution":   "It names this institution, by the fingerprint of its root.",
	"check-author":        "{name} signed it as its author, on {time}; the signature holds over every byte.",
	"check-approver":      "{name}, another person, approved the same bytes on {time}.",
	"check-staff":         "The root certified both of them, and they had these roles when they signed.",
	"check-languages":     "All its languages are there, {n} in number, and are those that were signed together.",
	"check-follows":       "It follows version {version}, by that version’s digest.",
	"check-attachment":    "The file {name} is the attachment that was signed.",
	"check-published":     "The portal publishes the very same.",
	"check-newest":        "No newer version is published there.",
	"check-entered":       "It is entered in the ledger {origin}, as number {index} of the {size} leaves that it had then.",
	"check-witness":       "The witness {name} cosigned that on {time}.",
	"check-same-ledger":   "That is the same ledger that the portal shows now, with {size} leaves.",
	"check-no-newer":      "The ledger has no newer version of it than the portal shows.",
	"check-no-newer-part": "Among the newest {n} leaves of the ledger is no newer version of it than the portal shows.",
	"check-log-signature": "The key that the root names as that of the ledger {origin} signed it.",
	"check-receipt":       "The key of {representative} signed the receipt; the signature holds over every byte.",
	"check-notice":        "It names notice {notice}, by the digest of what was sent.",
	"check-statement":     "It names statement {statement}, version {version}, by the digest of what was published.",
	"check-opening":       "It reveals the opening value: who signed it had opened the notice.",
	"check-chain":         "The key was issued by the registrar {registrar}, whom the root certified; each key in between certified the next.",
	"check-meant":         "The notice was meant for who signed the receipt, and not passed on to them by somebody else.",
	"check-issued":        "The first key was issued by the registrar {registrar}, whom the root certified.",
	"check-successors":    "Each key certified the next one, {n} times.",
	"check-usable":        "The certificate has neither expired nor been revoked.",
	"check-certified":     "The root certified it on {time}, and that certification still counts.",

	// What was not.
	"not-truth":             "Whether what it says is true: only who says it.",
	"not-asked":             "Whether it was corrected or withdrawn since: nobody was asked.",
	"not-reached":           "Whether it was corrected or withdrawn since: the portal can’t be reached, or doesn’t say.",
	"not-languages":         "What it says in its other languages.",
	"not-texts":             "The texts themselves: the manifest only names them.",
	"not-attachments":       "Its attachments, {n} in number: give the files with it.",
	"not-entered":           "Whether it is entered in the ledger: no checkpoint covers it yet, or the proof wasn’t given.",
	"not-ledger-key":        "Anything about the ledger: the portal doesn’t say with which key it signs.",
	"not-witness":           "Whether others are shown the same ledger: no witness has cosigned it.",
	"not-same-ledger":       "Whether that is the ledger that the portal shows now: it can’t be reached.",
	"not-no-newer":          "Whether the ledger has a newer version: it can’t be read through at the moment.",
	"not-meant":             "Whether the notice was meant for who signed the receipt: what was given doesn’t show it.",
	"not-received":          "When the portal received it: it says on {time}, and nobody signed that.",
	"not-person":            "Which human sat there: a key signed.",
	"not-content":           "What the notice says: it is sealed.",
	"not-audience":          "Whom it went to: only the parties can show that.",
	"not-latest-key":        "Whether there is a newer key of the same representative.",
	"not-newer-certificate": "Whether the root has since said something else that the portal doesn’t show: “valise ledger verify” compares with the ledger.",
}

// eventLine says what a proof shows.
func eventLine(e *ledger.Event) Line {
	if e == nil {
		return line("holds-proof")
	}
	at := stamp(e.At)
	switch e.Kind {
	case ledger.StatementPublished, ledger.StatementCorrected, ledger.StatementWithdrawn:
		return line("event-"+string(e.Kind), "statement", string(e.Statement), "version", decimal(e.Version), "time", at)
	case ledger.NoticeDispatched:
		return line("event-notice-dispatched", "notice", string(e.Notice), "time", at)
	case ledger.NoticeAcknowledged:
		return line("event-notice-acknowledged", "representative", e.Representative.String(), "notice", string(e.Notice), "time", at)
	case ledger.StatementAcknowledged:
		return line("event-statement-acknowledged", "representative", e.Representative.String(), "statement", string(e.Statement), "time", at)
	case ledger.StaffCertificate:
		return line("event-staff-certificate", "time", at)
	case ledger.RepresentativeIssued, ledger.RepresentativeClaimed:
		return line("event-representative", "representative", e.Representative.String(), "time", at)
	}
	return line("event-other", "time", at)
}

func decimal(n int) string { return strconv.Itoa(n) }

// EventText says in words what an event of the ledger was, with its digests.
func EventText(e *ledger.Event) string {
	if e == nil {
		return "something of which only its parties know"
	}
	switch e.Kind {
	case ledger.StatementPublished, ledger.StatementCorrected, ledger.StatementWithdrawn:
		did := map[ledger.Kind]string{ledger.StatementPublished: "published", ledger.StatementCorrected: "corrected", ledger.StatementWithdrawn: "withdrawn"}[e.Kind]
		return fmt.Sprintf("the statement %s was %s (version %d, manifest SHA-256 %s)", e.Statement, did, e.Version, e.Manifest)
	case ledger.StaffCertificate:
		return fmt.Sprintf("the certificate of a staff member, %s, was added or changed (SHA-256 %s)", e.Fingerprint.Spaced(), e.Certificate)
	case ledger.CheckpointKey:
		return fmt.Sprintf("the ledger signs with the key %s from now on", e.Key)
	case ledger.ClientManifest:
		return fmt.Sprintf("the portal's scripts have the manifest %s", e.Manifest)
	case ledger.NoticeDispatched:
		return fmt.Sprintf("the notice %s was dispatched (manifest SHA-256 %s)", e.Notice, e.Manifest)
	case ledger.NoticeAcknowledged:
		return fmt.Sprintf("%s handed in a receipt for %s (SHA-256 %s)", e.Representative, e.Notice, e.Receipt)
	case ledger.StatementAcknowledged:
		return fmt.Sprintf("%s handed in a receipt for %s, version %d (SHA-256 %s)", e.Representative, e.Statement, e.Version, e.Receipt)
	case ledger.RepresentativeIssued, ledger.RepresentativeClaimed, ledger.RepresentativeRevoked:
		did := strings.TrimPrefix(string(e.Kind), "representative-")
		return fmt.Sprintf("%s was %s, with the certificate %s", e.Representative, did, e.Fingerprint.Spaced())
	}
	return string(e.Kind)
}
