package crypto

import "errors"

// Cause is a word for why something that was signed did not hold. The error says it for
// people, and precisely; the cause is for programs that say it in the reader's language.
type Cause string

const (
	CauseAltered          Cause = "altered"           // the text is not the one that was signed
	CauseNotApproved      Cause = "not-approved"      // the second person's signature is missing
	CauseOtherApproval    Cause = "other-approval"    // the approval is of another text; the author's signature holds
	CauseOtherSignature   Cause = "other-signature"   // the author's signature is of another text; the approval holds
	CauseOnePerson        Cause = "one-person"        // author and approver are the same person
	CauseUnknownSigner    Cause = "unknown-signer"    // by a key that is not that of a staff member under this root
	CauseNoRole           Cause = "no-role"           // by a staff member without the role when they signed, or no longer one
	CauseKeyNotGood       Cause = "key-not-good"      // the signer's key had expired, was revoked, or is too weak
	CauseWrongPurpose     Cause = "wrong-purpose"     // signed for something else
	CauseOtherInstitution Cause = "other-institution" // of an institution with another root
	CauseOtherRoot        Cause = "other-root"        // the root certificate is not the one on paper
	CauseOtherSubject     Cause = "other-subject"     // a receipt of something else than what is at hand
	CauseBrokenChain      Cause = "broken-chain"      // a representative's key isn't certified up to a registrar
	CauseRevoked          Cause = "revoked"           // a registrar had ended the representative's access by then
	CauseWrongSequence    Cause = "wrong-sequence"    // versions of a statement that don't follow one another
)

// caused is an error with its cause.
type caused struct {
	cause Cause
	error
}

func (c *caused) Unwrap() error { return c.error }

func because(cause Cause, err error) error { return &caused{cause, err} }

// CauseOf returns the cause of an error, the outermost when there are several; "" when it
// has none, as when something can't be read at all.
func CauseOf(err error) Cause {
	var c *caused
	if errors.As(err, &c) {
		return c.cause
	}
	return ""
}
