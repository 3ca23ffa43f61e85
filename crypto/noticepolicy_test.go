package crypto

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestReminders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hours := rapid.SliceOfN(rapid.IntRange(-1, 722), 1, 7).Draw(t, "hours")
		falling := slices.IsSortedFunc(hours, func(a, b int) int { return b - a }) && len(slices.Compact(slices.Clone(hours))) == len(hours)
		possible := len(hours) <= MaxReminders && falling && slices.Min(hours) >= 1 && slices.Max(hours) <= 720
		got, err := ParseReminders(ReminderText(hours))
		if (err == nil) != possible || possible && !slices.Equal(got, hours) {
			t.Fatalf("%v: %v, %v", hours, got, err)
		}
	})
	for _, text := range []string{"", "none"} {
		if got, err := ParseReminders(text); err != nil || got != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := ParseReminders("72h,24h, 2h"); err != nil || !slices.Equal(got, []int{72, 24, 2}) {
		t.Errorf("with commas: %v, %v", got, err)
	}
	for _, text := range []string{"24", "024h", "+24h", "24h0m", "a day", "1e1h", "24hh"} {
		if got, err := ParseReminders(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func TestWhenThingsHappenToANotice(t *testing.T) {
	m := testManifest()
	if at := m.ReleaseAt(m.Created); !at.Equal(m.Release) {
		t.Errorf("approved before its release: released at %s", at)
	}
	if late := m.Release.Add(time.Hour); !m.ReleaseAt(late).Equal(late) {
		t.Error("approved after its release, it is not released at once")
	}
	var hours []float64
	for _, at := range m.RemindAt() {
		hours = append(hours, m.Deadline.Sub(at).Hours())
	}
	if !slices.Equal(hours, []float64{72, 24, 2}) {
		t.Errorf("reminds %v hours before", hours)
	}
	if at := m.EscalateAt(m.Release); at.Sub(m.Release) != 48*time.Hour {
		t.Errorf("another way from %s on", at)
	}
	if !m.EscalateAt(time.Time{}).IsZero() {
		t.Error("what is not released is escalated")
	}
	plain := &Manifest{}
	if plain.RemindAt() != nil || !plain.EscalateAt(m.Release).IsZero() || !plain.ReleaseAt(m.Created).Equal(m.Created) {
		t.Error("a policy that says nothing does something")
	}
}
