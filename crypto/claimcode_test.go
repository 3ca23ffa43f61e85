package crypto

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestClaimCode(t *testing.T) {
	code := NewClaimCode()
	if other := NewClaimCode(); other == code {
		t.Fatal("two claim codes are the same")
	}
	for _, typed := range []string{
		string(code),
		strings.ToLower(string(code)),
		strings.ReplaceAll(string(code), "-", ""),
		"  " + strings.ReplaceAll(string(code), "-", " — ") + "\r\n",
		strings.ReplaceAll(strings.ReplaceAll(string(code), "0", "o"), "1", "l"),
	} {
		if again, err := ParseClaimCode(typed); err != nil || again != code {
			t.Errorf("%q: %q, %v", typed, again, err)
		}
	}
}

func TestClaimCodeNamesTheWrongGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := string(NewClaimCode())
		group := rapid.IntRange(0, claimGroups-1).Draw(t, "group")
		place := group*(claimGroupSize+1) + rapid.IntRange(0, claimGroupSize-1).Draw(t, "place")
		other := crockford[rapid.IntRange(0, 31).Draw(t, "character")]
		if other == code[place] {
			return
		}
		wrong := code[:place] + string(other) + code[place+1:]
		want := fmt.Sprintf("group %d ", group+1)
		if _, err := ParseClaimCode(wrong); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s for %s: %v; want %q", wrong, code, err, want)
		}
	})
}

func TestClaimCodeCatchesSwaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := NewClaimCode()
		groups := strings.Split(string(code), "-")
		i, j := rapid.IntRange(0, 5).Draw(t, "group"), rapid.IntRange(0, 5).Draw(t, "other group")
		groups[i], groups[j] = groups[j], groups[i]
		if again, err := ParseClaimCode(strings.Join(groups, "-")); err == nil && again != code {
			t.Errorf("groups %d and %d of %s changed places", i+1, j+1, code)
		}
		text := []byte(code)
		a := rapid.IntRange(0, claimGroupSize-1).Draw(t, "character")
		b := rapid.IntRange(0, claimGroupSize-1).Draw(t, "other character")
		text[a], text[b] = text[b], text[a]
		if again, err := ParseClaimCode(string(text)); err == nil && again != code {
			t.Errorf("%s was taken for %s", text, code)
		}
	})
}

func TestClaimCodeLength(t *testing.T) {
	code := string(NewClaimCode())
	for typed, want := range map[string]string{
		"":                          "missing",
		code[:len(code)-1]:          "group 6 of the claim code has 4 characters",
		code[:3] + code[4:]:         "group 1 of the claim code has 4 characters",
		code + "-00000":             "35 characters",
		code[:7] + "U" + code[8:]:   "group 2",
		code[:7] + "é" + code[8:]:   "group 2",
		code[:14] + "*" + code[15:]: "group 3",
	} {
		if _, err := ParseClaimCode(typed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", typed, err, want)
		}
	}
}

func FuzzParseClaimCode(f *testing.F) {
	for _, seed := range []string{"", "00000-00000-00000-00000-00000-00000", "6h0q4 6h0q4", "UUUUU"} {
		f.Add(seed)
	}
	f.Add(string(NewClaimCode()))
	f.Fuzz(func(t *testing.T, text string) {
		if code, err := ParseClaimCode(text); err == nil {
			if again, err := ParseClaimCode(string(code)); err != nil || again != code || len(code) != 35 {
				t.Errorf("%q gives %q, which gives %q, %v", text, code, again, err)
			}
		}
	})
}
