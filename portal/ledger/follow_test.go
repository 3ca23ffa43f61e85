package ledger

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

func TestFollowingAnHonestLog(t *testing.T) {
	i := newInstitution(t)
	rapid.Check(t, func(r *rapid.T) {
		// The log goes on where the last check left it; its followers begin anew.
		f := i.follower(t)
		var got [][]byte
		f.Each = func(index int64, leaf []byte) error {
			if index != int64(len(got)) {
				r.Fatalf("leaf %d came after %d", index, len(got)-1)
			}
			got = append(got, leaf)
			return nil
		}
		if rapid.Bool().Draw(r, "begin anew") || i.published.Size > 1000 {
			i = newInstitution(t)
			f.Policy, f.Fetch = i.policy, i.fetch
		}
		for range rapid.IntRange(1, 4).Draw(r, "visits") {
			before := i.published.Size
			added := rapid.SampledFrom([]int{0, 1, 2, 100, 255, 256, 257}).Draw(r, "added")
			i.publish(t, statements(t, int(before), added)...)
			followed, err := f.Follow(t.Context())
			if err != nil {
				r.Fatal(err)
			}
			if followed.Now.Size != i.published.Size || int64(len(got)) != i.published.Size {
				r.Fatalf("saw %d of %d leaves", len(got), i.published.Size)
			}
		}
		want, err := i.LedgerLeaves(t.Context(), 0, len(got))
		if err != nil {
			r.Fatal(err)
		}
		for n := range want {
			if !bytes.Equal(got[n], want[n]) {
				r.Fatalf("leaf %d is another", n)
			}
		}
	})
}

func TestWhatAFollowerSaysOfALyingLog(t *testing.T) {
	for _, c := range []struct {
		name string
		lie  func(t *testing.T, i *institution)
		want Trouble
		word string // a word that the message must have
	}{
		{"a leaf of the past changed, all signed anew", func(t *testing.T, i *institution) {
			leaves := statements(t, 0, 350)
			leaves[17] = statement(t, 9999)
			i.rewrite(t, leaves...)
			i.lie(t)
		}, Rewritten, "rewritten"},
		{"a leaf slipped in", func(t *testing.T, i *institution) {
			i.rewrite(t, append(statements(t, 9999, 1), statements(t, 0, 300)...)...)
			i.lie(t)
		}, Rewritten, "slipped in"},
		{"two logs of the same size", func(t *testing.T, i *institution) {
			i.rewrite(t, append(statements(t, 0, 299), statement(t, 9999))...)
			i.lie(t)
		}, Forked, "two different logs"},
		{"rolled back", func(t *testing.T, i *institution) {
			i.rewrite(t, statements(t, 0, 200)...)
			i.lie(t)
		}, Shrunk, "shrunk"},
		{"emptied", func(t *testing.T, i *institution) {
			i.empty(t)
			i.lie(t)
		}, Shrunk, "shrunk"},
		{"signed by a stranger", func(t *testing.T, i *institution) {
			i.append(t, statement(t, 300))
			honest := i.key
			i.key, _ = NewLogKey(origin)
			p := i.policy
			i.policy.Log = []note.Verifier{i.key.Verifier()}
			i.lie(t)
			i.key, i.policy = honest, p
		}, WrongKey, "new key"},
		{"a signature over another text", func(t *testing.T, i *institution) {
			i.served[CheckpointPath] = []byte(strings.Replace(string(i.published.Bytes()), "\n300\n", "\n299\n", 1))
		}, WrongKey, "altered or forged"},
		{"the checkpoint of another log", func(t *testing.T, i *institution) {
			other := newInstitution(t)
			c := Checkpoint{Origin: "other.example/ledger", Size: 0, Root: emptyRoot()}
			signed, err := note.Sign(&note.Note{Text: c.Text()}, other.key)
			if err != nil {
				t.Fatal(err)
			}
			i.served[CheckpointPath] = signed
		}, WrongOrigin, "another log"},
		{"a new leaf that isn't the one that was signed", func(t *testing.T, i *institution) {
			i.publish(t, statements(t, 300, 20)...)
			i.exec(t, `UPDATE leaves SET leaf = $1 WHERE i = 310`, statement(t, 9999).Bytes())
		}, Altered, "leaf 310 was changed"},
		{"an old leaf that isn't the one that was signed", func(t *testing.T, i *institution) {
			i.exec(t, `UPDATE leaves SET leaf = $1 WHERE i = 10`, statement(t, 9999).Bytes())
		}, Altered, "leaf 10 was changed"},
		{"a tile that isn't of the tree", func(t *testing.T, i *institution) {
			i.publish(t, statements(t, 300, 20)...)
			path := Resource{Index: 1, Width: 64}.Path()
			data, err := i.fetch(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			data[100] ^= 1
			i.served[path] = data
		}, Altered, "don't make up the tree"},
		{"a tile of another size", func(t *testing.T, i *institution) {
			i.publish(t, statements(t, 300, 20)...)
			i.served[Resource{Index: 1, Width: 64}.Path()] = []byte("short")
		}, Altered, "don't make up the tree"},
		{"a bundle that is none", func(t *testing.T, i *institution) {
			i.publish(t, statements(t, 300, 20)...)
			i.served[Resource{Entries: true, Index: 1, Width: 64}.Path()] = []byte("short")
		}, Altered, "not a bundle"},
		{"no witness", func(t *testing.T, i *institution) {
			k, err := NewWitnessKey("witness.example")
			if err != nil {
				t.Fatal(err)
			}
			i.policy.Witnesses, i.policy.Quorum = []note.Verifier{k.Verifier()}, 1
		}, Unwitnessed, "cosignatures of 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := newInstitution(t)
			f := i.follower(t)
			f.All = true
			i.publish(t, statements(t, 0, 300)...)
			if _, err := f.Follow(t.Context()); err != nil {
				t.Fatal(err)
			}
			seen, err := os.ReadFile(f.State)
			if err != nil {
				t.Fatal(err)
			}
			c.lie(t, i)
			f.Policy = i.policy
			for range 2 { // it doesn't get used to it
				followed, err := f.Follow(t.Context())
				a := wantAlarm(t, err, c.want)
				if followed != nil || !strings.Contains(a.Text, c.word) {
					t.Errorf("%+v; the message lacks %q", followed, c.word)
				}
				switch c.want {
				case Rewritten, Forked, Shrunk: // evidence that convinces others
					for _, signed := range [][]byte{a.Before, a.Now} {
						if _, err := i.policy.Open(signed); err != nil {
							t.Errorf("the evidence is no evidence: %v", err)
						}
					}
				}
			}
			if now, err := os.ReadFile(f.State); err != nil || !bytes.Equal(now, seen) {
				t.Errorf("the follower forgot what it had seen: %v", err)
			}
		})
	}
}

// Any bit of any file of the log: it is noticed, or, in an old leaf nobody asked for again, not looked at.
func TestAnyFlippedBitOfALogIsNoticed(t *testing.T) {
	i := newInstitution(t)
	i.publish(t, statements(t, 0, 270)...)
	paths := []string{CheckpointPath}
	for _, r := range Resources(0, 270) {
		paths = append(paths, r.Path())
	}
	rapid.Check(t, func(r *rapid.T) {
		clear(i.served)
		path := rapid.SampledFrom(paths).Draw(r, "path")
		data, err := i.fetch(t.Context(), path)
		if err != nil {
			r.Fatal(err)
		}
		bit := rapid.IntRange(0, 8*len(data)-1).Draw(r, "bit")
		data[bit/8] ^= 1 << (bit % 8)
		i.served[path] = data
		f := Follower{Policy: i.policy, Fetch: i.fetch}
		if _, err := f.Follow(t.Context()); err == nil {
			r.Fatalf("bit %d of %s was flipped, and nobody noticed", bit, path)
		}
	})
}

func TestALogThatCannotBeReachedIsNotAccused(t *testing.T) {
	i := newInstitution(t)
	i.publish(t, statements(t, 0, 300)...)
	f := i.follower(t)
	broken := errors.New("connection refused")
	for _, path := range []string{CheckpointPath, Resource{Index: 1, Width: 44}.Path(), Resource{Entries: true, Width: 256}.Path()} {
		f.Fetch = func(ctx context.Context, p string) ([]byte, error) {
			if p == path {
				return nil, broken
			}
			return i.fetch(ctx, p)
		}
		_, err := f.Follow(t.Context())
		var a *Alarm
		if !errors.Is(err, broken) || errors.As(err, &a) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(f.State); err == nil {
		t.Error("a log that wasn't seen whole was kept as seen")
	}
}

// A mirror, or the export of the whole site, is a folder of files. It may hold only full tiles where the log has grown.
func TestFollowingAFolderOfFiles(t *testing.T) {
	i := newInstitution(t)
	folder := t.TempDir()
	export := func(old, size int64) {
		for _, r := range Resources(old, size) {
			data, err := i.fetch(t.Context(), r.Path())
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, filepath.FromSlash(r.Path()))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, CheckpointPath), i.published.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := i.follower(t)
	f.Fetch = func(_ context.Context, path string) ([]byte, error) {
		return os.ReadFile(filepath.Join(folder, filepath.FromSlash(path)))
	}
	i.publish(t, statements(t, 0, 300)...)
	export(0, 300)
	if _, err := f.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	early := i.published
	i.publish(t, statements(t, 300, 500)...)
	export(300, 800)
	followed, err := f.Follow(t.Context())
	if err != nil || followed.Checked != 500 || followed.Before.Size != 300 {
		t.Fatalf("%+v, %v", followed, err)
	}
	// The old checkpoint, with its partial tiles gone.
	for _, r := range []Resource{{Index: 1, Width: 44}, {Entries: true, Index: 1, Width: 44}} {
		if err := os.RemoveAll(filepath.Dir(filepath.Join(folder, filepath.FromSlash(r.Path())))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, CheckpointPath), early.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	f.State = ""
	if followed, err := f.Follow(t.Context()); err != nil || followed.Checked != 300 {
		t.Errorf("%+v, %v", followed, err)
	}
}

func TestLookingForALeaf(t *testing.T) {
	i := newInstitution(t)
	leaves := statements(t, 0, 300)
	c := i.publish(t, leaves...)
	f := i.follower(t)
	for _, index := range []int{0, 255, 256, 299} {
		in, err := f.Includes(t.Context(), c, int64(index), leaves[index])
		if err != nil || in.Event.Manifest != digestOf(index) {
			t.Errorf("%+v, %v", in, err)
		}
	}
	for _, index := range []int64{-1, 4, 300} {
		_, err := f.Includes(t.Context(), c, index, leaves[5])
		wantAlarm(t, err, Missing)
	}
	_, err := f.Includes(t.Context(), c, 5, Leaf{})
	wantAlarm(t, err, Missing)
}

func (p Policy) mustOpen(t testing.TB, signed []byte) *SignedCheckpoint {
	t.Helper()
	c, err := p.Open(signed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Two people compare what they were shown, in whichever order.
func TestComparingWithAnotherReader(t *testing.T) {
	i := newInstitution(t)
	early := i.publish(t, statements(t, 0, 100)...)
	late := i.publish(t, statements(t, 100, 200)...)
	f := i.follower(t)
	for _, pair := range [][2]*SignedCheckpoint{{late, early}, {early, late}, {late, late}, {late, i.policy.mustOpen(t, late.Bytes())}} {
		if err := f.Compare(t.Context(), pair[0], pair[1]); err != nil {
			t.Error(err)
		}
	}
	// Somebody else was shown this one, signed with the same key.
	other := newInstitution(t)
	other.key, other.policy = i.key, i.policy
	other.append(t, append(statements(t, 0, 99), statement(t, 9999))...)
	shown := other.lie(t)
	err := f.Compare(t.Context(), late, shown)
	wantAlarm(t, err, Rewritten)
	err = f.Compare(t.Context(), early, shown)
	wantAlarm(t, err, Forked)
}

func TestFollowersFile(t *testing.T) {
	i := newInstitution(t)
	i.publish(t, statement(t, 1))
	f := i.follower(t)
	if err := os.WriteFile(f.State, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Follow(t.Context()); err == nil || !strings.Contains(err.Error(), f.State) {
		t.Errorf("a damaged file was passed over: %v", err)
	}
	f.State = filepath.Join(t.TempDir(), "missing", "seen")
	if _, err := f.Follow(t.Context()); err == nil {
		t.Error("what was seen wasn't kept, and nobody was told")
	}
}
