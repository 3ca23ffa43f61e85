package crypto

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	commandFirstLine = "valise command v1"

	// MaxCommandSize is the size in bytes of the largest command's text accepted.
	MaxCommandSize = 1 << 10

	// CommandPeriod is how long after the time in its text a command is taken.
	CommandPeriod = 24 * time.Hour

	// CommandEverything is what a command is about that is about all there is.
	CommandEverything = "everything"
)

// CommandKind is what a representative may have done by signed mail, about themself and nobody else.
type CommandKind string

const (
	CommandResend         CommandKind = "resend"          // a notice (its number), or everything that lies unopened, by e-mail once more
	CommandStopEmail      CommandKind = "stop-email"      // about everything: they get no e-mail until a registrar sets an address again
	CommandNewCertificate CommandKind = "new-certificate" // about the fingerprint of the certificate that takes the old one's place
)

// Command is the text of a command by mail: "valise command v1". Signed like a receipt, clear or beside (SignedMail), it is the command. See docs/formats.md.
type Command struct {
	// Institution is the fingerprint of the root.
	Institution Fingerprint
	// Representative is who commands, and whom it is about.
	Representative Representative
	// Certificate is the fingerprint of the key that signs.
	Certificate Fingerprint
	// Kind is what is to be done.
	Kind CommandKind
	// About is a notice's number, a fingerprint, or CommandEverything.
	About string
	// Time is when, in UTC, cut to seconds. One text is obeyed once, so whoever wants the same again writes another time.
	Time time.Time
	// Nonce is from the papers of a notice, 16 bytes in 32 small hexadecimal digits, always the same for one representative and courier.
	Nonce string
}

func (c *Command) text() []byte {
	return writeText(commandFirstLine,
		textLine{"institution", string(c.Institution)},
		textLine{"representative", c.Representative.String()},
		textLine{"certificate", string(c.Certificate)},
		textLine{"command", string(c.Kind)},
		textLine{"about", c.About},
		textLine{"time", formatTextTime(c.Time)},
		textLine{"nonce", c.Nonce})
}

// Encode returns the text. What ParseCommand would refuse is refused.
func (c *Command) Encode() ([]byte, error) {
	text := c.text()
	if _, err := ParseCommand(text); err != nil {
		return nil, err
	}
	return text, nil
}

// ParseCommand reads what Encode writes, and forgives what ParseAcknowledgement does. The error names the line.
func ParseCommand(text []byte) (*Command, error) {
	r := readSignedByHand("command", commandFirstLine, text, MaxCommandSize)
	c := &Command{Institution: r.fingerprint("institution"), Representative: r.representative("representative"), Certificate: r.fingerprint("certificate")}
	switch c.Kind = CommandKind(r.value("command")); c.Kind {
	case CommandResend:
		c.About = r.value("about")
		if n, err := ParseNumber(c.About); c.About != CommandEverything && (err != nil || string(n) != c.About || n.Kind() != KindNotice) {
			r.wrong("about", "the number of a notice, such as N-4GZ0R8T4, or "+CommandEverything)
		}
	case CommandStopEmail:
		if c.About = r.value("about"); c.About != CommandEverything {
			r.wrong("about", CommandEverything)
		}
	case CommandNewCertificate:
		c.About = string(r.fingerprint("about"))
	default:
		r.wrong("command", "resend, stop-email or new-certificate")
	}
	c.Time = r.time("time")
	c.Nonce = r.hex("nonce", nonceSize)
	if err := r.end(); err != nil {
		return nil, err
	}
	return c, nil
}

// IsCommand says whether a text is meant as a command, by its first line.
func IsCommand(text []byte) bool { return strings.HasPrefix(string(text), commandFirstLine+"\n") }

// SignCommand clear-signs a command with the representative's key. now is cut to seconds.
func SignCommand(k *Key, c *Command, now time.Time) ([]byte, error) {
	if k == nil || k.certificate == nil {
		return nil, errors.New("commanding needs a key")
	}
	if err := k.certificate.checkCommander(c); err != nil {
		return nil, err
	}
	text, err := c.Encode()
	if err != nil {
		return nil, err
	}
	return ClearSign(k, PurposeCommand, text, now)
}

// VerifyCommand verifies a command, made with Valise, with gpg --clearsign or, as SignedMail spells it, with a mail program, against the signer's certificate. It demands that
//
//   - c made the signature, and was good when it did;
//   - c is the certificate that the command names, and its only user ID is the number of the representative that the command names;
//   - the institution is the one given;
//   - the command is not in the future (but for ClockSkew), was signed within a day of the time in its text, and that was no longer ago than CommandPeriod (but for ClockSkew).
//
// That c belongs to the representative is for Root.VerifyRepresentative to say; that the nonce is the one given out, and that it is obeyed once, for who keeps those.
func VerifyCommand(message []byte, institution Fingerprint, c *Certificate, now time.Time) (command *Command, kept []byte, err error) {
	if c == nil || c.entity == nil {
		return nil, nil, errors.New("verifying a command needs the signer's certificate")
	}
	text, s, kept, err := verifyHandSigned(c, PurposeCommand, message, now)
	if err != nil {
		return nil, nil, fmt.Errorf("the command: %w", err)
	}
	if command, err = ParseCommand(text); err != nil {
		return nil, nil, err
	}
	if command.Institution != institution {
		return nil, nil, because(CauseOtherInstitution, fmt.Errorf("the command is for another institution, whose root has the fingerprint %s", command.Institution.Spaced()))
	}
	if err := c.checkCommander(command); err != nil {
		return nil, nil, err
	}
	if err := checkReceiptTime(command.Time, s.Made(), now); err != nil {
		return nil, nil, err
	}
	if now.After(command.Time.Add(CommandPeriod + ClockSkew)) {
		return nil, nil, fmt.Errorf("the command is dated %s, more than a day ago: write the time now, and sign it anew", formatTextTime(command.Time))
	}
	return command, kept, nil
}

// checkCommander says whether c is the certificate that a command names, and that of the representative whom it names.
func (c *Certificate) checkCommander(command *Command) error {
	if command.Certificate != c.fingerprint {
		return fmt.Errorf("the command names the certificate %s, but the key is %s", command.Certificate, c.fingerprint)
	}
	if err := c.checkUserID(command.Representative.String()); err != nil {
		return fmt.Errorf("the key is not that of %s: %w", command.Representative, c.withFingerprint(err))
	}
	return nil
}
