package registry

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"valise/crypto"
	"valise/portal"
)

// maxCommand is the size in bytes of the largest signed command that is taken.
const maxCommand = 48 << 10

// MaxCommands is how many commands of one representative are obeyed in a day.
const MaxCommands = 20

// MaxCommandsTried is how many of one representative are tried in a day, those among them that can't be obeyed for a reason of the portal's. It bounds the audit trail, where each stands before it is tried.
const MaxCommandsTried = 2 * MaxCommands

// Command is one that is obeyed.
type Command struct {
	portal.TakenCommand
	Digest  [sha256.Size]byte // of its text, which is obeyed once
	Message []byte            // text and signature
}

// CommandByMail obeys a command that came by e-mail, which nobody logged in for: it demands what a receipt by e-mail demands, of the representative's own key as it is now. nonce returns what must
// stand in it. certificates are those that came with it, for who brings a new one. taken is false when the very same text was obeyed before: nothing changes then.
//
// Whoever saw a signed command can send it again, and change nothing: its text is obeyed once, no longer than a day after its time. Who held one back can hand it in within that day, so "stop-email"
// counts only when it is younger than the address, and "new-certificate" only as long as the key that signed it is the current one.
//
// Errors: portal.Invalid, portal.Forbidden, portal.NotFound, portal.Conflict, portal.Unauthenticated, portal.TooLarge and portal.TooMany are final; others are to be tried again.
func (g *Registry) CommandByMail(ctx context.Context, message []byte, certificates [][]byte, nonce func(crypto.Representative) string) (taken bool, err error) {
	if len(message) > maxCommand {
		return false, portal.Errorf(portal.TooLarge, "too-large", "The command has more than %d KiB.", maxCommand>>10)
	}
	text, err := crypto.ReadHandSigned(message)
	if err != nil {
		return false, invalidCommand(err)
	}
	said, err := crypto.ParseCommand(text)
	if err != nil {
		return false, invalidCommand(err)
	}
	spelt, err := said.Encode()
	if err != nil {
		return false, invalidCommand(err)
	}
	c := Command{
		TakenCommand: portal.TakenCommand{Representative: said.Representative, Kind: said.Kind, About: said.About, SaidAt: said.Time, TakenAt: g.now()},
		Digest:       sha256.Sum256(spelt),
	}
	// The same mail may be handed over twice, and the key that signed it have been replaced by it.
	if before, err := g.store.CommandTaken(ctx, c.Representative, c.Digest); err != nil || before {
		return false, err
	}
	if err := g.claimedOnly(ctx, c.Representative); err != nil { // who that is, the signature says below
		return false, err
	}
	if want := nonce(c.Representative); want == "" || subtle.ConstantTimeCompare([]byte(said.Nonce), []byte(want)) != 1 {
		return false, portal.Errorf(portal.Invalid, "wrong-nonce", "The command does not carry the nonce of the papers that were sent by e-mail.")
	}
	record, err := g.store.Representative(ctx, c.Representative)
	if err != nil {
		return false, err
	}
	if c.Message, err = g.verifyCommand(ctx, record, said, message); err != nil {
		return false, err
	}
	var own *crypto.Certificate
	if c.Kind == crypto.CommandNewCertificate {
		if own, err = g.newCertificate(ctx, record, c.About, certificates); err != nil {
			return false, err
		}
		record.Chain = append(record.Chain, own.Bytes())
	}
	entry := portal.AuditEntry{Actor: portal.ActingRepresentative(c.Representative).Holder(), Act: commandActs[c.Kind], Object: c.Representative.String() + " " + c.About}
	if try, err := g.store.TryCommand(ctx, entry, "registry.mail-more"); err != nil {
		return false, err
	} else if !try {
		return false, portal.Errorf(portal.TooMany, "too-many-commands", "%s has commanded %d times within a day; no more is tried.", c.Representative, MaxCommandsTried)
	}
	return g.store.TakeCommand(ctx, c, record.Chain)
}

// commandActs are what the audit trail calls them.
var commandActs = map[crypto.CommandKind]string{
	crypto.CommandResend:         "registry.mail-resend",
	crypto.CommandStopEmail:      "registry.mail-stop-email",
	crypto.CommandNewCertificate: "registry.mail-new-certificate",
}

func invalidCommand(err error) error {
	return portal.Errorf(portal.Invalid, "invalid-command", "%s", portal.Sentence(err))
}

// verifyCommand verifies a command with the representative's certificate as it is now, and returns what is kept of it.
func (g *Registry) verifyCommand(ctx context.Context, record portal.RepresentativeRecord, said *crypto.Command, message []byte) ([]byte, error) {
	chain, err := g.verified.ParseAll(record.Chain)
	if err != nil {
		return nil, err
	}
	recipient, err := g.verify(ctx, chain, record.Representative)
	if err != nil {
		return nil, err
	}
	current := recipient.Certificate()
	if said.Certificate != current.Fingerprint() {
		return nil, portal.Errorf(portal.Invalid, "other-certificate", "The command names the certificate %s; the one that is theirs now is %s.", said.Certificate, current.Fingerprint())
	}
	_, kept, err := crypto.VerifyCommand(message, g.root.Fingerprint(), current, g.now())
	if err != nil {
		return nil, invalidCommand(err)
	}
	return kept, nil
}

// newCertificate finds the one that a command names among those that came with it, and demands of it what a claim demands of a key of one's own: that the key before it certified it, and the policy.
func (g *Registry) newCertificate(ctx context.Context, record portal.RepresentativeRecord, about string, certificates [][]byte) (*crypto.Certificate, error) {
	if record.Profile != crypto.ProfileOwn {
		return nil, portal.Errorf(portal.Forbidden, "key-at-portal", "Their key lies, locked, with the portal. Only who keeps a key of their own can replace it by e-mail.")
	}
	problem := portal.Errorf(portal.Invalid, "no-certificate", "The certificate that the command names did not come with it.")
	for _, data := range certificates {
		c, err := crypto.ParseCertificate(data)
		if err != nil || string(c.Fingerprint()) != about {
			continue
		}
		chain, err := g.verified.ParseAll(record.Chain)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(chain, func(before *crypto.Certificate) bool { return before.Fingerprint() == c.Fingerprint() }) {
			return nil, portal.Errorf(portal.Invalid, "used-before", "The certificate %s was theirs before. A new one takes a new key.", about)
		}
		return g.checkOwnKey(ctx, record, Claiming{Profile: crypto.ProfileOwn, Certificate: data})
	}
	return nil, problem
}
