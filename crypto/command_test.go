package crypto

import (
	"strings"
	"testing"
	"time"
)

// TestACommandIsWhatItSays: one spelling, by the key that it names, within a day.
func TestACommandIsWhatItSays(t *testing.T) {
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	who, err := ParseRepresentative("S-7K2M9QXD/2")
	if err != nil {
		t.Fatal(err)
	}
	key, err := GenerateKey(ProfileCompat, who.String(), now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	institution := Fingerprint(strings.Repeat("AB", 20))
	command := Command{Institution: institution, Representative: who, Certificate: key.Certificate().Fingerprint(), Kind: CommandResend, About: CommandEverything, Time: now, Nonce: strings.Repeat("0f", 16)}
	for kind, abouts := range map[CommandKind][]string{
		CommandResend:         {CommandEverything, "N-9QGEAW8W"},
		CommandStopEmail:      {CommandEverything},
		CommandNewCertificate: {string(institution)},
	} {
		for _, about := range abouts {
			command.Kind, command.About = kind, about
			signed, err := SignCommand(key, &command, now)
			if err != nil {
				t.Fatal(err)
			}
			got, kept, err := VerifyCommand(signed, institution, key.Certificate(), now.Add(23*time.Hour))
			if err != nil || *got != command || string(kept) != string(signed) {
				t.Errorf("%s %s: %+v, %v", kind, about, got, err)
			}
		}
	}
	for name, change := range map[string]func(*Command){
		"another kind":              func(c *Command) { c.Kind = "start-email" },
		"a number for everything":   func(c *Command) { c.Kind, c.About = CommandStopEmail, "N-9QGEAW8W" },
		"a mailbox for a notice":    func(c *Command) { c.Kind, c.About = CommandResend, "S-7K2M9QXD" },
		"nothing":                   func(c *Command) { c.About = "" },
		"a number for a key":        func(c *Command) { c.Kind, c.About = CommandNewCertificate, CommandEverything },
		"another's name":            func(c *Command) { c.Representative.Ordinal = 3 },
		"another key":               func(c *Command) { c.Certificate = institution },
		"a nonce that is too short": func(c *Command) { c.Nonce = "0f" },
	} {
		c := command
		if change(&c); c == command {
			t.Fatal(name)
		}
		if _, err := SignCommand(key, &c, now); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
	signed, err := SignCommand(key, &command, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := VerifyCommand(signed, institution, key.Certificate(), now.Add(25*time.Hour)); err == nil || !strings.Contains(err.Error(), "more than a day ago") {
		t.Errorf("a day later: %v", err)
	}
	if _, _, err := VerifyCommand(signed, institution, key.Certificate(), now.Add(-time.Hour)); err == nil {
		t.Error("from the future")
	}
	if _, _, err := VerifyCommand(signed, Fingerprint(strings.Repeat("CD", 20)), key.Certificate(), now); CauseOf(err) != CauseOtherInstitution {
		t.Errorf("another institution: %v", err)
	}
	text, err := command.Encode()
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := ClearSign(key, PurposeAcknowledgement, text, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := VerifyCommand(receipt, institution, key.Certificate(), now); CauseOf(err) != CauseWrongPurpose {
		t.Errorf("signed as a receipt: %v", err)
	}
}
