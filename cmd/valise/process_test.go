package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDevicesAreWrittenToAndNotReplaced(t *testing.T) {
	device := filepath.Join(t.TempDir(), "device")
	if err := os.Symlink(os.DevNull, device); err != nil { // beside the real one nothing may be tried
		t.Fatal(err)
	}
	p := &process{}
	if err := canWriteOut(device); err != nil {
		t.Error(err)
	}
	if err := p.writeOut(device, []byte("receipt"), 0o600); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(device); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the device became %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(device); err != nil || info.Mode().IsRegular() {
		t.Errorf("behind the link is %v, %v", info.Mode(), err)
	}
}

func TestWritingGoesWhereALinkLeads(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := canWriteOut(link); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "before" {
		t.Errorf("trying changed the file to %q", got)
	}
	if err := (&process{}).writeOut(link, []byte("after"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "after" {
		t.Errorf("the file holds %q", got)
	}
}

func TestOutputThatIsLostIsNoSuccess(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	dir := t.TempDir()
	var stderr bytes.Buffer
	args := []string{"root", "new", "--name", "Court", "--key", filepath.Join(dir, "root.key"), "--certificate", filepath.Join(dir, "root.asc"), "--new-secret-file", filepath.Join(dir, "secret")}
	if code := run(context.Background(), args, strings.NewReader(""), full, &stderr); code != exitFailed {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(stderr.String(), "not everything could be printed") {
		t.Errorf("it says %q", &stderr)
	}
}
