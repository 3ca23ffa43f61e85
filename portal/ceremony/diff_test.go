package ceremony

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// marked writes a comparison in one line: [-removed-], {+added+}.
func marked(pieces []Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		switch {
		case p.Removed != "":
			b.WriteString("[-" + p.Removed + "-]")
		case p.Added != "":
			b.WriteString("{+" + p.Added + "+}")
		default:
			b.WriteString(p.Same)
		}
	}
	return b.String()
}

func markedParagraphs(paragraphs [][]Piece) string {
	var lines []string
	for _, p := range paragraphs {
		lines = append(lines, marked(p))
	}
	return strings.Join(lines, " ¶ ")
}

func TestChangesAreToldByWords(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{"a word", "Twelve systems were affected.", "Fourteen systems were affected.", "[-Twelve-]{+Fourteen+} systems were affected."},
		{"neighbours are one change", "It was seen on Monday evening.", "It was seen on Tuesday morning.", "It was seen on [-Monday evening-]{+Tuesday morning+}."},
		{"a number's digits are one word", "At 17:00, 1200 files.", "At 17:30, 1250 files.", "At 17:[-00, 1200-]{+30, 1250+} files."},
		{"a word comes", "No data was taken.", "No court data was taken.", "No{+ court+} data was taken."},
		{
			"a paragraph comes, another one goes", "One stays.\n\nTwo goes away.\n\nThree stays.", "One stays.\n\nThree stays.\n\nFour is entirely new.",
			"One stays. ¶ [-Two goes away.-] ¶ Three stays. ¶ {+Four is entirely new.+}",
		},
		{
			"an item of a list", "We know:\n- the first date\n- the second date\n", "We know:\n- the first date\n- the third date of all\n",
			"We know: ¶ - the first date ¶ - the [-second-]{+third+} date{+ of all+}",
		},
		{
			"paragraphs that were edited find each other", "Alpha beta gamma delta.\n\nThe police are investigating the matter.\n", "An entirely new beginning.\n\nAlpha beta gamma epsilon.\n\nThe police of the host country are investigating the matter.\n",
			"{+An entirely new beginning.+} ¶ Alpha beta gamma [-delta-]{+epsilon+}. ¶ The police{+ of the host country+} are investigating the matter.",
		},
		{"an accent is another word", "Le système a été touché.", "Le systeme a été touché.", "Le [-système-]{+systeme+} a été touché."},
		{"Chinese, by characters", "法院发现异常活动。", "法院已发现异常活动。", "法院{+已+}发现异常活动。"},
		{"Arabic", "رصدت المحكمة نشاطا غير عادي", "رصدت المحكمة أمس نشاطا غير عادي", "رصدت المحكمة{+ أمس+} نشاطا غير عادي"},
		{"all of it", "", "New.", "{+New.+}"},
		{"nothing", "The same.\n", "The same.\n", "The same."},
		{"more lines between paragraphs are nothing", "One.\n\nTwo.\n", "One.\n\n\n\nTwo.", "One. ¶ Two."},
		{"a line end inside a paragraph is told", "One\ntwo three.", "One two three.", "One[-\n-]{+ +}two three."},
	} {
		got := markedParagraphs(CompareTexts(c.before, c.after))
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestNothingIsLostInAComparison(t *testing.T) {
	word := rapid.SampledFrom([]string{"the", "court", "a", ".", ",", " ", " ", " ", "\n", "\n\n", "- ", "# ", "é", "法", "e\u0301", "12", "\u200d", "*", "", "[x](https://a.example)"})
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 0, 60).Draw(t, "words"), "") })
	rapid.Check(t, func(t *rapid.T) {
		before, after := text.Draw(t, "before"), text.Draw(t, "after")
		var was, is []string
		for _, paragraph := range CompareTexts(before, after) {
			old, now := "", ""
			for _, p := range paragraph {
				set := 0
				for _, part := range []string{p.Same, p.Added, p.Removed} {
					if part != "" {
						set++
					}
				}
				if set != 1 {
					t.Fatalf("a piece that is not exactly one thing: %+v", p)
				}
				old += p.Same + p.Removed
				now += p.Same + p.Added
			}
			if old != "" {
				was = append(was, old)
			}
			if now != "" {
				is = append(is, now)
			}
		}
		if !slices.Equal(was, splitParagraphs(before)) || !slices.Equal(is, splitParagraphs(after)) {
			t.Fatalf("%q → %q came out as %q → %q", before, after, was, is)
		}
	})
}

func TestComparingTakesNoLongerThanItsLength(t *testing.T) {
	a, b := strings.Repeat("a b c d e f g\n\n", 8000), strings.Repeat("h b i d j f k\n\n", 8000)
	for name, c := range map[string][2]string{"paragraphs": {a, b}, "one paragraph": {strings.ReplaceAll(a, "\n\n", " "), strings.ReplaceAll(b, "\n\n", " ")}, "nothing": {a, ""}} {
		begin := time.Now()
		CompareTexts(c[0], c[1])
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}
