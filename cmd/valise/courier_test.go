package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// postOffice is a portal, in this process, whose couriers are processes of their own, with one key.
type postOffice struct {
	*live.Server
	t        *testing.T
	key      *crypto.Key
	sink     *portaltest.MailSink
	tls      *portaltest.Certificate // the mail server's
	folder   string
	settings []string
}

func openPostOffice(t *testing.T, dsn string, fault func(portaltest.Stage, string) portaltest.Fault) *postOffice {
	t.Helper()
	return openPostOfficeWith(t, dsn, portaltest.MailSinkOptions{Fault: fault})
}

func openPostOfficeWith(t *testing.T, dsn string, sink portaltest.MailSinkOptions) *postOffice {
	t.Helper()
	o := &postOffice{Server: live.Portal(t, live.Options{Database: dsn}), t: t, tls: portaltest.TLS(t), folder: t.TempDir()}
	sink.TLS = o.tls
	o.sink = portaltest.StartMailSink(t, sink)
	const passphrase = "one courier carries what others dropped"
	key, certified := o.Employ("Courier 1", crypto.RoleCourier)
	o.key = certified
	locked, err := lockKeyFile(&crypto.Bundle{Holder: "Courier 1", Pin: o.Pin, Key: key}, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(o.sink.Address, ":")
	o.settings = []string{
		"courier", "--key", o.write("courier.key", locked), "--secret-file", o.write("secret", []byte(passphrase+"\n")), "--root-certificate", o.write("root.asc", []byte(o.Root.Certificate().Armor())),
		"--database-file", o.write("database", []byte(dsn)), "--mail-journal", filepath.Join(o.folder, "journal"), "--mail-lease", "5s", "--mail-workers", "8", "--mail-per-domain", "8",
		"--mail", o.write("courier.toml", []byte(fmt.Sprintf("[institution]\nfrom = \"Registry <registry@court.example>\"\nsmarthost = \"localhost:%s\"\ntls-roots = %q\n", port, o.tls.CertFile))),
	}
	return o
}

// write writes a file of the courier's.
func (o *postOffice) write(name string, data []byte) (path string) {
	o.t.Helper()
	path = filepath.Join(o.folder, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

// release releases a notice to n States, each with an address, which goes by e-mail at once. Keys are compat but for the first ones, when profiles say so.
func (o *postOffice) release(n int, profiles ...crypto.Profile) (people []*live.Person) {
	o.t.Helper()
	for i := range n {
		profile := crypto.ProfilePQ // one mail to each, with everything in it
		if i < len(profiles) {
			profile = profiles[i]
		}
		person := o.Claim(o.Issue(crypto.KindState, profile), profile)
		people = append(people, person)
		o.address(crypto.Address{Representative: person.Number, Email: fmt.Sprintf("reader%d@mission.example", i)})
	}
	draft := o.Draft()
	draft.Fallback, draft.Acknowledge, draft.Deadline = crypto.FallbackAtOnce, false, time.Time{}
	if len(profiles) > 0 { // who cares for keys reads something of their own, too
		draft.Personal = map[crypto.Number][]crypto.PersonalText{}
		for i, person := range people {
			draft.Personal[person.Number.Mailbox] = []crypto.PersonalText{{Language: "en", Text: fmt.Sprintf("Your file NV-%d was read.\n", i)}}
		}
	}
	o.Release(draft, people...)
	return people
}

// address lets the registrar's client set an address, whose policy is the notice's.
func (o *postOffice) address(a crypto.Address) {
	o.t.Helper()
	var to []*crypto.Staff
	for _, k := range []*crypto.Key{o.key, o.Registrar} {
		member, err := o.Portal.Root.VerifyStaff(k.Certificate(), time.Now())
		if err != nil {
			o.t.Fatal(err)
		}
		to = append(to, member)
	}
	a.Policy = crypto.MailAsNotice
	record, err := crypto.SealAddress(a, o.Registrar, to, time.Now())
	if err != nil {
		o.t.Fatal(err)
	}
	if err := o.Portal.Registry.SetAddress(o.t.Context(), o.Acting(o.Registrar), a.Representative, record); err != nil {
		o.t.Fatal(err)
	}
}

// waiting counts the entries that are not sent yet.
func (o *postOffice) waiting() int {
	o.t.Helper()
	entries, err := o.Store.Outbox(o.t.Context(), "", courier.Waiting, 10_000)
	if err != nil {
		o.t.Fatal(err)
	}
	return len(entries)
}

// received returns the Message-IDs of each recipient's mails.
func (o *postOffice) received() map[string][]string {
	o.t.Helper()
	ids := map[string][]string{}
	for _, m := range o.sink.Mails() {
		parsed, err := mail.ReadMessage(bytes.NewReader(m.Data))
		if err != nil {
			o.t.Fatal(err)
		}
		ids[m.To] = append(ids[m.To], parsed.Header.Get("Message-ID"))
	}
	return ids
}

// TestCouriersKilled: at whatever moment a courier is killed, each mail comes at least once, and twice only under the same Message-ID.
func TestCouriersKilled(t *testing.T) {
	const mails, kills = 150, 5
	slow := func(at portaltest.Stage, _ string) portaltest.Fault {
		if at == portaltest.StageMail || at == portaltest.StageRcpt { // once the mail is there, it is kept whether or not anybody waits for the answer
			return portaltest.Fault{Wait: rand.N(50 * time.Millisecond)}
		}
		return portaltest.Fault{}
	}
	for name, dsn := range map[string]func() string{
		"SQLite":     func() string { return filepath.Join(t.TempDir(), "portal.db") },
		"PostgreSQL": func() string { return portaltest.PostgreSQL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			o := openPostOffice(t, dsn(), slow)
			o.release(mails)
			killed := 0
			start := func() *portaltest.Program { return portaltest.Start(t, exec.Command("valise", o.settings...)) }
			running := start()
			for end := time.Now().Add(2 * time.Minute); o.waiting() > 0; {
				if time.Now().After(end) {
					t.Fatalf("%d mails are still waiting", o.waiting())
				}
				before := len(o.sink.Mails())
				for len(o.sink.Mails()) < before+20 && o.waiting() > 0 && time.Now().Before(end) {
					time.Sleep(5 * time.Millisecond)
				}
				if killed < kills {
					time.Sleep(rand.N(60 * time.Millisecond))
					running.Kill()
					running = start()
					killed++
				}
			}
			running.Stop()
			received, twice := o.received(), 0
			for to, ids := range received {
				for _, id := range ids[1:] {
					if twice++; id != ids[0] {
						t.Errorf("%s got one message under two Message-IDs", to)
					}
				}
			}
			if len(received) != mails {
				t.Errorf("%d of %d got their mail", len(received), mails)
			}
			if most := 2 * killed; twice > most { // of the eight on their way at each kill, those that were taken and not yet settled
				t.Errorf("%d came twice, more than %d", twice, most)
			}
			t.Logf("killed %d times: %d mails, %d came twice", killed, mails, twice)
		})
	}
}

// TestCourierNow: the portal is down, and one command sends what waits.
func TestCourierNow(t *testing.T) {
	o := openPostOffice(t, filepath.Join(t.TempDir(), "portal.db"), nil)
	o.release(3)
	out, err := exec.Command("valise", append(o.settings, "--now", "--json")...).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "{\n  \"sent\": 3,\n  \"cancelled\": 0,\n  \"dead\": 0,\n  \"waiting\": 0\n}\n"; string(out) != want {
		t.Errorf("it says %s, want %s", out, want)
	}
	if len(o.received()) != 3 {
		t.Errorf("%d mails came", len(o.received()))
	}
}

// TestAMailIsOpenedWithoutThePortal: with the locked key and what the portal said of itself, or with the emergency file alone. With the papers that go with the notice everything is verified;
// without, only the author's signature, and the exit status says so.
func TestAMailIsOpenedWithoutThePortal(t *testing.T) {
	o := openPostOffice(t, filepath.Join(t.TempDir(), "portal.db"), nil)
	people := o.release(2, crypto.ProfilePQ, crypto.ProfileCompat)
	if out, err := exec.Command("valise", append(o.settings, "--now")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	response, err := o.Client().Get(o.URL + "/api/v1/institution")
	if err != nil {
		t.Fatal(err)
	}
	institution, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const passphrase = "nobody answers and still it opens"
	said, secret := write("institution.json", institution), write("secret", []byte(passphrase+"\n"))
	mails, alone, papers := map[string]string{}, "", ""
	for i, m := range o.sink.Mails() {
		if before := mails[m.To]; before != "" { // what is said to the mailbox alone came first, in a mail of its own, then the papers
			if alone == "" {
				alone = before
			}
			papers = before
		}
		mails[m.To] = write(fmt.Sprintf("%s-%d.eml", m.To, len(m.Data)+i), m.Data)
	}
	var keys []string
	for i, person := range people {
		locked, err := lockKeyFile(person.Bundle, passphrase)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, write(fmt.Sprintf("locked%d.asc", i), locked))
	}
	open := func(mail, key string, more ...string) (string, int) {
		var out, errs bytes.Buffer
		if len(more) == 0 {
			more = []string{"--institution", said}
		}
		cmd := exec.Command("valise", append([]string{"open", mail, "--key", key, "--secret-file", secret}, more...)...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run()
		return out.String() + errs.String(), cmd.ProcessState.ExitCode()
	}
	var known api.Institution
	if err := json.Unmarshal(institution, &known); err != nil {
		t.Fatal(err)
	}
	for i, person := range people {
		mail, more := mails[fmt.Sprintf("reader%d@mission.example", i)], []string{"--institution", said}
		if i > 0 { // papers and personal part came in mails of their own
			more = append(more, "--with", papers, "--with", alone)
		}
		locked, err := os.ReadFile(keys[i])
		if err != nil {
			t.Fatal(err)
		}
		file, err := ceremony.KeyFile(locked)
		if err != nil {
			t.Fatal(err)
		}
		kit, err := ceremony.EmergencyFile(file, person.Bundle, known, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, way := range [][]string{append([]string{keys[i]}, more...), append([]string{write(fmt.Sprintf("emergency%d.asc", i), kit), "--language", "en"}, more[2:]...)} {
			said, status := open(mail, way[0], way[1:]...)
			if status != exitDone || !strings.Contains(said, "Data that you entrusted to us") || !strings.Contains(said, live.AuthorName) || !strings.Contains(said, live.ApproverName) || !strings.Contains(said, fmt.Sprintf("Your file NV-%d was read.", i)) {
				t.Errorf("%v: status %d:\n%s", way, status, said)
			}
		}
	}
	// The papers say how to command; a command is signed without the portal, too.
	for i, form := range []string{mails["reader0@mission.example"], papers} {
		out := filepath.Join(folder, "command.txt.asc")
		cmd := exec.Command("valise", "command", "stop-email", "--key", filepath.Join(folder, fmt.Sprintf("emergency%d.asc", i)), "--form", form, "--secret-file", secret, "--out", out)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
			continue
		}
		signed, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		order, _, err := crypto.VerifyCommand(signed, people[i].Bundle.Pin.Fingerprint, people[i].Key.Certificate(), time.Now())
		if err != nil || order.Representative != people[i].Number || order.Kind != crypto.CommandStopEmail {
			t.Errorf("%+v, %v", order, err)
		}
	}
	for i := 1; i < len(people); i++ { // without the papers
		said, status := open(mails[fmt.Sprintf("reader%d@mission.example", i)], keys[i])
		if status != exitFailed || !strings.Contains(said, "Data that you entrusted to us") || !strings.Contains(said, live.AuthorName) || !strings.Contains(said, "only the author's signature") {
			t.Errorf("status %d:\n%s", status, said)
		}
	}
	if said, _ := open(mails["reader0@mission.example"], keys[0]); !strings.Contains(said, "Your file NV-0 was read.") {
		t.Errorf("what is said to the mailbox alone, in the same mail, is not shown:\n%s", said)
	}
	if said, status := open(alone, keys[1]); status != exitFailed || !strings.Contains(said, "Your file NV-1 was read.") || !strings.Contains(said, "only the author's signature") {
		t.Errorf("what is said to the mailbox alone, status %d:\n%s", status, said)
	}
	if said, status := open(alone, keys[0]); status != exitFailed || strings.Contains(said, "NV-") {
		t.Errorf("somebody else opens what is said to the mailbox alone, status %d:\n%s", status, said)
	}
	if said, status := open(mails["reader0@mission.example"], keys[1]); status != exitFailed || strings.Contains(said, "entrusted") {
		t.Errorf("somebody else opens it, status %d:\n%s", status, said)
	}
	// A mail that was altered on its way shows nothing.
	data, err := os.ReadFile(mails["reader1@mission.example"])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("-----END PGP")) - 200
	data[at] ^= 1
	if said, status := open(write("altered.eml", data), keys[1]); status != exitFailed || strings.Contains(said, "entrusted") {
		t.Errorf("an altered mail is shown, status %d:\n%s", status, said)
	}
}
