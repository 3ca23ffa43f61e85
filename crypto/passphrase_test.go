package crypto

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	list := strings.Fields(words)
	if len(list) != 2048 || !slices.IsSorted(list) {
		t.Fatalf("%d words, sorted: %v", len(list), slices.IsSorted(list))
	}
	beginnings := map[string]string{}
	for _, word := range list {
		if len(word) < 4 || len(word) > 8 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q is not made of 4 to 8 small letters", word)
			continue
		}
		if other, found := beginnings[word[:4]]; found {
			t.Errorf("%q and %q begin alike", word, other)
		}
		beginnings[word[:4]] = word
	}
}

func TestNewPassphrase(t *testing.T) {
	list := strings.Fields(words)
	used := map[string]bool{}
	for range 500 {
		passphrase := NewPassphrase()
		chosen := strings.Split(passphrase, " ")
		if len(chosen) != 6 {
			t.Fatalf("%q", passphrase)
		}
		for _, word := range chosen {
			if _, found := slices.BinarySearch(list, word); !found {
				t.Errorf("%q is not in the list", word)
			}
			used[word] = true
		}
		if err := CheckPassphrase(passphrase); err != nil {
			t.Errorf("generated passphrase %q: %v", passphrase, err)
		}
	}
	if len(used) < 1300 { // of 3000 draws from 2048, 1570 differ on average
		t.Errorf("500 passphrases used only %d words", len(used))
	}
}

func TestCheckPassphrase(t *testing.T) {
	for _, good := range []string{
		"correct horse battery staple",
		"le cheval, la pile et l'agrafe",
		"верная лошадь батарея скоба",
		"正しい馬の電池と留め金、そして茶碗",
		"9fQ-x1!Lm0vRz2",
		"  river   anvil\tcloud mango ",
	} {
		if err := CheckPassphrase(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, weak := range []string{
		"", "short", "thirteen char",
		"aaaaaaaaaaaaaaaaaaaaaa",
		"password password password",
		"passwordpassword1234567",
		"abcdefghijklmnopqrst",
		"1234567890123456789",
		"qwertyuiop asdfghjkl",
		"hunter2hunter2hunter2",
		"blue blue blue blue blue blue",
		"S-" + string(NewNumber(KindState))[2:] + " abc",
		string(NewNumber(KindState)) + "/2 1234 valise",
		"good enough\x00 passphrase here",
		"\xff\xfe\xfd not text at all here",
	} {
		if err := CheckPassphrase(weak); err == nil {
			t.Errorf("%q was accepted", weak)
		} else if strings.Contains(err.Error(), weak) && weak != "" {
			t.Errorf("the error repeats the passphrase: %v", err)
		}
	}
}

func TestLongPassphrasesCostLittle(t *testing.T) {
	long := strings.Repeat("ab", 1<<20) + "c"
	start := time.Now()
	if err := CheckPassphrase(long); err == nil {
		t.Error("it was accepted")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if err := CheckPassphrase(strings.Repeat(NewPassphrase()+" ", 5)[:150]); err != nil {
		t.Error(err)
	}
}
