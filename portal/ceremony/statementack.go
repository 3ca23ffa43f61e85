package ceremony

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// StatementInMailbox is a statement that stands in a mailbox and was verified. Fetched, Published and Acknowledgements are the server's word.
type StatementInMailbox struct {
	api.MailboxStatement
	Verified []*crypto.VerifiedStatement // all versions, the original first
}

// ReadMailboxStatement verifies all versions of a statement as ReadStatement does, and that the list said the same of the newest as was signed. It is for who has fetched it, or its
// public versions, put into s.Versions.
func ReadMailboxStatement(t *Trust, want crypto.Number, s api.MailboxStatement, now time.Time) (*StatementInMailbox, error) {
	if s.Statement != want {
		return nil, fmt.Errorf("the portal shows statement %s as %s: tell the institution", s.Statement, want)
	}
	verified, err := ReadStatement(t, want, api.Statement{Statement: want, Versions: s.Versions}, now)
	if err != nil {
		return nil, err
	}
	if len(verified) != s.Version {
		return nil, fmt.Errorf("the portal lists version %d of %s and shows %d of them: load it again, and if it stays so, tell the institution", s.Version, want, len(verified))
	}
	return &StatementInMailbox{s, verified}, nil
}

// Newest is the version that counts.
func (s *StatementInMailbox) Newest() *crypto.VerifiedStatement { return s.Verified[len(s.Verified)-1] }

// Asks says whether the newest version, as it was signed, asks a kind of mailbox to acknowledge it. A withdrawal asks nobody.
func (s *StatementInMailbox) Asks(kind crypto.Kind) bool {
	m := s.Newest().Manifest()
	return m.Kind != crypto.StatementWithdrawal && slices.Contains(m.Acknowledge, kind)
}

// Awaiting says whether it awaits a mailbox's acknowledgement.
func (s *StatementInMailbox) Awaiting(mailbox crypto.Number) bool {
	return s.Asks(mailbox.Kind()) && s.Acknowledgement() == nil
}

// Overdue says whether the deadline that was signed has passed while it awaits that.
func (s *StatementInMailbox) Overdue(mailbox crypto.Number, now time.Time) bool {
	deadline := s.Newest().Manifest().Deadline
	return s.Awaiting(mailbox) && !deadline.IsZero() && now.After(deadline)
}

// Title returns the title in the first of the wanted languages that there is, else the authoritative one, and its language.
func (s *StatementInMailbox) Title(wanted ...string) (title, language string) {
	for _, tag := range wanted {
		if text := s.Newest().Text(tag); text != nil {
			return text.Title, tag
		}
	}
	text := s.Newest().Texts()[0]
	return text.Title, text.Language
}

// AcknowledgeStatement signs the receipt of the newest version. nonce is what the server handed out with it (api.MailboxStatement.Nonce).
func AcknowledgeStatement(s *StatementInMailbox, key *crypto.Key, as crypto.Representative, decision crypto.Decision, nonce string, now time.Time) (api.Receipt, error) {
	if s == nil || len(s.Verified) == 0 {
		return api.Receipt{}, errors.New("only a statement that was verified can be acknowledged")
	}
	if !s.Asks(as.Mailbox.Kind()) {
		return api.Receipt{}, fmt.Errorf("version %d of %s does not ask %s for an acknowledgement", s.Version, s.Statement, as)
	}
	receipt, err := crypto.AcknowledgeStatement(s.Newest(), key, as, decision, nonce, now)
	if err != nil {
		return api.Receipt{}, err
	}
	return api.Receipt{Receipt: string(receipt)}, nil
}

// VerifiedStatementReceipt is a receipt of a statement that held with everything it stands on. Nothing but VerifyStatementReceipt makes one.
type VerifiedStatementReceipt struct {
	Receipt   *crypto.StatementReceipt  // what was acknowledged, by whom, when
	Statement *crypto.VerifiedStatement // the version
	Signer    *crypto.Recipient         // the representative's certificate, and who issued it
	Received  time.Time                 // when the portal says it received it; signed by nobody
}

// IsStatementReceipt says whether a receipt is one of a statement, and not of a notice.
func IsStatementReceipt(receipt []byte) bool {
	text, err := crypto.ReadClearSigned(receipt)
	if err != nil {
		return false
	}
	_, err = crypto.ParseStatementAcknowledgement(text)
	return err == nil
}

// VerifyStatementReceipt verifies a receipt of a statement, to the byte, with the evidence that the portal keeps for it: the statement's versions up to the one that was
// acknowledged, with both people's signatures, and the chain of the certificate that signed, up to the root. No server needs to be believed.
func VerifyStatementReceipt(t *Trust, receipt []byte, e api.Evidence, now time.Time) (*VerifiedStatementReceipt, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	if e.Statement == nil {
		return nil, errors.New("the evidence does not hold the statement that the receipt is for")
	}
	text, err := crypto.ReadClearSigned(receipt)
	if err != nil {
		return nil, fmt.Errorf("the receipt: %w", err)
	}
	said, err := crypto.ParseStatementAcknowledgement(text) // to know of what, and whose certificate; verified below
	if err != nil {
		return nil, err
	}
	versions, err := ReadStatement(t, said.Statement, *e.Statement, now)
	if err != nil {
		return nil, err
	}
	if said.Version > len(versions) {
		return nil, fmt.Errorf("the evidence does not hold version %d of %s, which the receipt is for", said.Version, said.Statement)
	}
	chain, err := parseChain(e.Chain)
	if err != nil {
		return nil, err
	}
	// Who has changed their key since has a longer chain than when they signed.
	signer := slices.IndexFunc(chain, func(c *crypto.Certificate) bool { return c.Fingerprint() == said.Certificate })
	if signer < 0 {
		return nil, fmt.Errorf("the certificate that the receipt names, %s, is not in the chain that the portal shows for %s", said.Certificate, said.Representative)
	}
	v := versions[said.Version-1]
	r, err := crypto.VerifyStatementReceipt(receipt, v, chain[signer], now)
	if err != nil {
		return nil, err
	}
	recipient, err := t.root.VerifyRepresentative(t.staff, chain[:signer+1], said.Representative, r.Signature().Made())
	if err != nil {
		return nil, err
	}
	return &VerifiedStatementReceipt{Receipt: r, Statement: v, Signer: recipient, Received: e.Received}, nil
}
