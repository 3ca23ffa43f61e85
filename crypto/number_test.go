package crypto

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var kinds = []Kind{KindState, KindOrganisation, KindIndividual, KindNotice, KindStatement}

func drawNumber(t *rapid.T) Number {
	text := string(rapid.SampledFrom(kinds).Draw(t, "kind"))
	for range numberCharacters - 1 {
		text += string(crockford[rapid.IntRange(0, 31).Draw(t, "character")])
	}
	return Number(text[:1] + "-" + text[1:] + string(checkCharacter(text)))
}

func TestNewNumber(t *testing.T) {
	for _, kind := range kinds {
		n := NewNumber(kind)
		if again, err := ParseNumber(string(n)); err != nil || again != n || n.Kind() != kind || len(n) != 10 || kind.Mailbox() != strings.ContainsRune("SOI", rune(kind)) {
			t.Errorf("new number %q parses as %q: %v", n, again, err)
		}
	}
	if n := NewNumber('X'); n != "" {
		t.Errorf("kind X has number %q", n)
	}
}

func TestNumberCatchesEveryWrongCharacter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		right := drawNumber(t)
		if n, err := ParseNumber(string(right)); err != nil || n != right {
			t.Fatalf("%s: %v", right, err)
		}
		for place := range right {
			letters := crockford
			if place == 0 {
				letters = "SOINP"
			} else if place == 1 {
				continue // the hyphen
			}
			for _, letter := range letters {
				if byte(letter) == right[place] {
					continue
				}
				wrong := string(right[:place]) + string(letter) + string(right[place+1:])
				if n, err := ParseNumber(wrong); err == nil {
					t.Errorf("%s, typed for %s, was taken as %s", wrong, right, n)
				}
			}
		}
	})
}

func TestNumberCatchesEverySwap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		right := drawNumber(t)
		bare := strings.Replace(string(right), "-", "", 1)
		for i := range bare {
			for j := i + 1; j < len(bare); j++ {
				swapped := []byte(bare)
				swapped[i], swapped[j] = swapped[j], swapped[i]
				n, err := ParseNumber(string(swapped))
				if err == nil && n != right { // O and 0, I and 1 are the same when typed
					t.Errorf("%s, typed for %s, was taken as %s", swapped, right, n)
				}
			}
		}
	})
}

func TestParseNumberForgives(t *testing.T) {
	text := "S0O1ILAB"[:8]
	canonical := "S" + canonicalCrockford(text[1:])
	right := Number("S-" + canonical[1:] + string(checkCharacter(canonical)))
	check := string(checkCharacter(canonical))
	for _, typed := range []string{
		string(right),
		strings.ToLower(string(right)),
		"S" + text[1:] + check,
		" s – " + text[1:4] + " " + text[4:] + check + " \n",
		"S-0o1lIab" + check,
	} {
		if n, err := ParseNumber(typed); err != nil || n != right {
			t.Errorf("%q was taken as %q: %v; want %q", typed, n, err, right)
		}
	}
}

func TestParseNumberSaysWhatIsWrong(t *testing.T) {
	for typed, want := range map[string]string{
		"":              "missing",
		"  - ":          "missing",
		"X-7K2M9QXC":    "start with S",
		"é-7K2M9QXC":    "start with S",
		"S-7K2M9QX":     "7 characters",
		"S-7K2M9QXCC":   "9 characters",
		"S-7K2MUQXC":    "'U'",
		"S-7K2M9QX\x00": `'\x00'`,
		"S-7K2M9QXØ":    "'Ø'",
		"S-0000001":     "7 characters",
		"S-00000001":    "typing error",
	} {
		if n, err := ParseNumber(typed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want an error with %q", typed, n, err, want)
		}
	}
}

func TestRepresentative(t *testing.T) {
	mailbox := NewNumber(KindState)
	for typed, ordinal := range map[string]int{
		string(mailbox):                            1,
		string(mailbox) + "/1":                     1,
		strings.ToLower(string(mailbox)) + " / 2 ": 2,
		string(mailbox) + "/999":                   999,
	} {
		r, err := ParseRepresentative(typed)
		if err != nil || r != (Representative{mailbox, ordinal}) {
			t.Errorf("%q: %v, %v", typed, r, err)
		}
		if again, err := ParseRepresentative(r.String()); err != nil || again != r || !strings.Contains(r.String(), "/") {
			t.Errorf("%s does not read back: %v", r, err)
		}
	}
	for _, typed := range []string{"", "/1", string(mailbox) + "/", string(mailbox) + "/0", string(mailbox) + "/1000", string(mailbox) + "/01", string(mailbox) + "/-1", string(mailbox) + "/1/2", string(NewNumber(KindNotice)), string(NewNumber(KindStatement))} {
		if r, err := ParseRepresentative(typed); err == nil {
			t.Errorf("%q was taken as %s", typed, r)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"S-7K2M9QXC", "s 7k2m 9qxc", "O–00000000", "N-", "", "I1l1I1l1I", "S-7K2M9QXC/2"} {
		f.Add(seed)
	}
	f.Add(string(NewNumber(KindNotice)))
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseNumber(text); err == nil {
			if again, err := ParseNumber(string(n)); err != nil || again != n || len(n) != 10 || !n.Kind().known() {
				t.Errorf("%q gives %q, which gives %q, %v", text, n, again, err)
			}
		}
		if r, err := ParseRepresentative(text); err == nil {
			if again, err := ParseRepresentative(r.String()); err != nil || again != r {
				t.Errorf("%q gives %s, which gives %s, %v", text, r, again, err)
			}
		}
	})
}
