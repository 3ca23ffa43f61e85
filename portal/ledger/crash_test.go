package ledger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// crashFolder names, for a process that is going to be killed, where signer and witness keep what they know.
const crashFolder = "VALISE_LEDGER_CRASH"

// What a signer or a witness has answered is in its file, whenever it is killed; and each goes on from there.
func TestKilledSignerAndWitnessKnowWhatTheySaid(t *testing.T) {
	if folder := os.Getenv(crashFolder); folder != "" {
		signUntilKilled(t, folder)
		return
	}
	folder := t.TempDir()
	key, err := NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	witnessKey, err := NewWitnessKey("witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateSigner(filepath.Join(folder, "signer"), origin, key); err != nil {
		t.Fatal(err)
	}
	if err := CreateWitness(folder, witnessKey); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Key{"log.key": key, "witness.key": witnessKey} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(k.Secret()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var signed, cosigned int64 // the last that we were told of
	for life := range 6 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), crashFolder+"="+folder)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		told, lines := 0, bufio.NewScanner(out)
		for lines.Scan() {
			var what string
			var size int64
			if _, err := fmt.Sscan(lines.Text(), &what, &size); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
			last := &signed
			if what == "cosigned" || what == "begins-cosigned" {
				last = &cosigned
			}
			if size < *last {
				t.Errorf("life %d: %s %d after %d", life, what, size, *last)
			}
			*last = size
			if told++; told == 9+7*life { // not always between the same two steps
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		if told < 9+7*life {
			t.Fatalf("life %d ended by itself after %d lines", life, told)
		}
	}
}

func signUntilKilled(t *testing.T, folder string) {
	secret := func(name string) string {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	key, err := ParseLogKey(secret("log.key"))
	if err != nil {
		t.Fatal(err)
	}
	witnessKey, err := ParseWitnessKey(secret("witness.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSigner(filepath.Join(folder, "signer"), origin, key)
	if err != nil {
		t.Fatal(err)
	}
	w, err := OpenWitness(folder, witnessKey, s.policy)
	if err != nil {
		t.Fatal(err)
	}
	known, err := w.last(w.logs[origin])
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("begins-signed", s.Last().Size)
	fmt.Println("begins-cosigned", known.N)
	m := &memory{}
	for n := 0; ; n++ { // the same leaves in every life
		if _, err := Append(context.Background(), m, statement(t, n)); err != nil {
			t.Fatal(err)
		}
		if size := int64(n + 1); size < s.Last().Size {
			continue
		}
		c, err := s.Sign(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("signed", c.Size)
		proof, err := ConsistencyProof(t.Context(), m, known.N, c.Size)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddCheckpoint((&Request{Old: known.N, Proof: proof, Checkpoint: c.Bytes()}).Bytes()); err != nil {
			t.Fatal(err)
		}
		known = c.tree()
		fmt.Println("cosigned", c.Size)
	}
}
