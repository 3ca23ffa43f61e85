package portaltest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ReadmeBlock is one of the blocks of commands in an evidence bundle's README, and what it must print.
type ReadmeBlock struct{ Step, Commands, Prints string }

var readmeFence = regexp.MustCompile("(?ms)^## (\\d+)\\.|^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?")

// ReadmeBlocks returns the blocks of commands of a README, in their order.
func ReadmeBlocks(readme []byte) (blocks []ReadmeBlock) {
	step := ""
	for _, m := range readmeFence.FindAllStringSubmatch(string(readme), -1) {
		if m[1] != "" {
			step = m[1]
			continue
		}
		blocks = append(blocks, ReadmeBlock{step, m[2], m[3]})
	}
	return blocks
}

// Paste runs the blocks in one shell, one after the other, as somebody pastes them; it returns the step whose block was the first to exit with another status than 0 or to print
// something else than it must ("" when all did as they must), and a report.
func Paste(t testing.TB, folder string, blocks []ReadmeBlock) (noticed, report string) {
	t.Helper()
	out := t.TempDir()
	var script strings.Builder
	for i, b := range blocks {
		if err := os.WriteFile(fmt.Sprintf("%s/%d.want", out, i), []byte(b.Prints), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&script, "{\n%s} > %s/%d.out 2> %[2]s/%[3]d.err\necho $? > %[2]s/%[3]d.status\n", b.Commands, out, i)
		fmt.Fprintf(&script, "{ [ \"$(cat %[1]s/%[2]d.status)\" = 0 ] && cmp -s %[1]s/%[2]d.out %[1]s/%[2]d.want; } || exit 0\n", out, i) // that's noticed; the rest need not run
	}
	cmd := exec.Command("sh", "-c", script.String())
	cmd.Dir = folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + out, "TMPDIR=" + out} // nobody's own gpg home
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the shell: %v\n%s", err, said)
	}
	read := func(i int, what string) string {
		data, _ := os.ReadFile(filepath.Join(out, fmt.Sprintf("%d.%s", i, what)))
		return string(data)
	}
	for i, b := range blocks {
		if status, printed := read(i, "status"), read(i, "out"); status != "0\n" || printed != b.Prints {
			var gpg []byte
			if says, _ := filepath.Glob(filepath.Join(out, "tmp.*", "gpg-says")); len(says) == 1 {
				gpg, _ = os.ReadFile(says[0])
			}
			return b.Step, fmt.Sprintf("step %s, block %d: status %s printed\n%s\nmust print\n%s\nerrors\n%s\ngpg\n%s\n%s", b.Step, i, status, printed, b.Prints, read(i, "err"), gpg, b.Commands)
		}
	}
	return "", ""
}
