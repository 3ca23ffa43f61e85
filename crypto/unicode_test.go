package crypto

import (
	"strings"
	"testing"
	"time"
)

// What people see must be what was signed, whatever shows it: a terminal, a browser,
// a mail program, a folder.
func TestNothingShowsOtherwiseThanItIs(t *testing.T) {
	for name, change := range map[string]func(*Content){
		"a subject that is reversed":            func(c *Content) { c.Languages[0].Subject = "Deadline \u202e7102 yaM 1\u202c" },
		"a subject with an embedding":           func(c *Content) { c.Languages[0].Subject = "a \u202bb\u202c" },
		"a subject with an open isolate":        func(c *Content) { c.Languages[1].Subject = "a \u2067b" },
		"a sender that is reversed":             func(c *Content) { c.From = "\u202etruoC" },
		"a text that is reversed":               func(c *Content) { c.Languages[0].Text = "pay \u202e001\u202c euros" },
		"a text that is forced left to right":   func(c *Content) { c.Languages[0].Text = "pay \u202d001\u202c euros" },
		"a file name with an invisible letter":  func(c *Content) { c.Attachments[0].Name = "note\u200b.pdf" },
		"a file name with a soft hyphen":        func(c *Content) { c.Attachments[0].Name = "no\u00adte.pdf" },
		"a file name with a byte order mark":    func(c *Content) { c.Attachments[0].Name = "note\ufeff.pdf" },
		"a file name that Windows cuts":         func(c *Content) { c.Attachments[0].Name = "note.exe." },
		"a file name that Windows can't have":   func(c *Content) { c.Attachments[0].Name = "note?.pdf" },
		"a file name that is a device":          func(c *Content) { c.Attachments[0].Name = "Con.pdf" },
		"a file name that is a numbered device": func(c *Content) { c.Attachments[0].Name = "lpt1" },
		"a file name that looks like an option": func(c *Content) { c.Attachments[0].Name = "-rf.pdf" },
		"two file names that look the same": func(c *Content) {
			c.Attachments = []Attachment{{"می\u200cخواهم.pdf", "application/pdf", nil}, {"میخواهم.pdf", "application/pdf", nil}}
		},
	} {
		c := testContent()
		change(c)
		if mime, err := c.Encode(); err == nil || mime != nil {
			t.Errorf("%s is possible", name)
		}
	}
	for name, change := range map[string]func(*Content){
		"Arabic with marks":       func(c *Content) { c.Languages[0].Subject = "قرار \u200f(2026)\u200e" },
		"Persian with non-joiner": func(c *Content) { c.Attachments[0].Name = "می\u200cخواهم.pdf" },
		"isolates in a text":      func(c *Content) { c.Languages[0].Text = "\u2067قرار\u2069 (2026)" },
		"a console":               func(c *Content) { c.Attachments[0].Name = "Console.pdf" },
	} {
		c := testContent()
		change(c)
		if _, err := c.Encode(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One person must not become two by a letter that nobody sees.
func TestOnePersonHasOneName(t *testing.T) {
	for _, other := range []string{"anna  MEIJER", "Anna\u200b Meijer", "Anna Meijer\u200e", "An\u00adna Meijer", "Anna\u00a0Meijer", "Anna\u2060 Meijer\u3164"} {
		if !samePerson("Anna Meijer", other) {
			t.Errorf("%+q is somebody else", other)
		}
	}
	if samePerson("Anna Meijer", "Anna Meyer") {
		t.Error("two people are one")
	}
	root := mustRoot(t)
	for _, name := range []string{"Anna\u200b Meijer", "Anna \u202ereijeM", "Anna\u3164Meijer", "Anna\u2028Meijer"} {
		if k, err := GenerateKey(ProfilePQ, name, noon); err == nil || k != nil {
			t.Errorf("a key for %+q was made", name)
		}
		k := namedFreely(t, name)
		if c, err := CertifyStaff(root, k.Certificate(), []Role{RoleApprover}, noon.Add(time.Hour)); err == nil || c != nil {
			t.Errorf("%+q was certified", name)
		}
	}
	if _, err := GenerateKey(ProfilePQ, "میرزا\u200cخان", noon); err != nil {
		t.Error(err)
	}
}

// namedFreely is the key of somebody whose program takes any name.
func namedFreely(t *testing.T, name string) *Key {
	t.Helper()
	k := mustKey(t, ProfilePQ, strings.Repeat("x", 10))
	entity := k.entity
	identity := entity.Identities[strings.Repeat("x", 10)]
	delete(entity.Identities, identity.Name)
	identity.Name, identity.UserId.Id = name, name
	if err := identity.SelfCertifications[0].Packet.SignUserId(name, entity.PrimaryKey, entity.PrivateKey, generationConfig(noon)); err != nil {
		t.Fatal(err)
	}
	entity.Identities[name] = identity
	free, err := keyFromEntity(entity)
	if err != nil {
		t.Fatal(err)
	}
	return free
}
