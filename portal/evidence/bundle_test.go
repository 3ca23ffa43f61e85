package evidence_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"valise/crypto"
	"valise/portal"
	"valise/portal/audit"
	"valise/portal/dispatch"
	"valise/portal/evidence"
	"valise/portal/ledger"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/registry"
)

// told is a notice to five mailboxes, that each did something else with it.
type told struct {
	*live.Server
	t      *testing.T
	number crypto.Number
	gpg    *portaltest.GnuPG

	database string // the file

	state, organisation, individual, opened, silent *live.Person // /1 of each
	deputy                                          *live.Person // /2 of the first State, who claims only after the notice was sealed
	witness                                         *ledger.Key
}

// The State acknowledges with a key that it claimed after the notice was sealed; the organisation with a compatible key; the individual refuses with a key of GnuPG; one more
// State opens and says nothing, and one doesn't even open.
func tell(t *testing.T) *told {
	late := time.Duration(0)
	c := &told{database: filepath.Join(t.TempDir(), "portal.db")}
	c.Server, c.t, c.gpg = live.Portal(t, live.Options{Database: c.database, Now: func() time.Time { return time.Now().Add(late) }}), t, portaltest.GPG(t)
	c.appointWitness()
	state := c.Issue(crypto.KindState, crypto.ProfilePQ)
	c.state = c.Claim(state, crypto.ProfilePQ)
	deputy := c.IssueAs(crypto.Representative{Mailbox: state.Number.Mailbox, Ordinal: 2}, crypto.ProfilePQ)
	c.organisation = c.Claim(c.Issue(crypto.KindOrganisation, crypto.ProfileCompat), crypto.ProfileCompat)
	c.individual = c.bring(c.Issue(crypto.KindIndividual, crypto.ProfileCompat))
	c.opened = c.Claim(c.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfileCompat)
	c.silent = c.Issue(crypto.KindState, crypto.ProfilePQ)

	c.number = c.Release(c.Draft(), c.state, deputy, c.organisation, c.individual, c.opened, c.silent)
	c.deputy = c.Claim(deputy, crypto.ProfilePQ)
	c.acknowledge(c.deputy)
	c.acknowledge(c.organisation)
	c.refuse()
	c.open(c.opened)
	c.chase()
	c.must(c.Store.RecordNoticeEvents(t.Context(), []portal.NoticeEvent{{Notice: c.number, Mailbox: c.opened.Number.Mailbox, Kind: portal.RelayToNonERDS, At: c.Portal.Now(), Via: portal.ViaEMail}}))
	late = 72 * time.Hour // the deadline is behind us
	c.must(c.Portal.Dispatch.Tick(t.Context()))
	c.sign()
	return c
}

func (c *told) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// appointWitness lets the root name a witness, and demand it.
func (c *told) appointWitness() {
	var err error
	c.witness, err = ledger.NewWitnessKey("university.example/witness")
	c.must(err)
	named, err := c.Portal.Root.VerifyLedgerKey(c.Portal.LedgerKey, c.Portal.Now())
	c.must(err)
	named.Witnesses, named.Quorum = []string{c.witness.VerifierKey()}, 1
	c.Portal.LedgerKey, err = crypto.SignLedgerKey(c.Root, *named, time.Now())
	c.must(err)
}

// sign enters what waits, and publishes a checkpoint that the witness cosigned.
func (c *told) sign() {
	checkpoint := c.SignLedger()
	signed, err := note.Sign(&note.Note{Text: checkpoint.Text()}, c.witness)
	c.must(err)
	_, lines, _ := strings.Cut(string(signed), "\n\n")
	cosigned, err := checkpoint.Cosigned([]byte(lines), c.witness.Verifier())
	c.must(err)
	c.must(c.Store.PublishCheckpoint(c.t.Context(), cosigned))
}

// bring claims with a key that was made with GnuPG.
func (c *told) bring(issued *live.Person) *live.Person {
	number := issued.Number
	own := c.gpg.GenerateKey(number.String())
	certificate, err := crypto.ParseCertificate(c.gpg.Export(own))
	c.must(err)
	certificate, err = crypto.CertifySuccessor(issued.Key, certificate, number, time.Now())
	c.must(err)
	c.must(c.Portal.Registry.Claim(c.t.Context(), portal.ActingRepresentative(number), registry.Claiming{Profile: crypto.ProfileOwn, Certificate: certificate.Bytes()}))
	return &live.Person{Number: number}
}

// chase is what the registrar does about those who don't answer: she reaches one by telephone, not the other by messenger, and reminds that one on the portal.
func (c *told) chase() {
	c.t.Helper()
	registrar, ctx := c.Acting(c.Registrar), c.t.Context()
	record, err := c.Portal.Dispatch.Standing(ctx, registrar, c.number)
	c.must(err)
	v, err := c.Portal.Root.VerifyManifest(record.Signed, c.Staff(), c.Portal.Now())
	c.must(err)
	for _, made := range []crypto.ContactMade{
		{Mailbox: c.opened.Number.Mailbox, Way: crypto.ByTelephone, Outcome: crypto.ContactReached, Time: c.Portal.Now().In(time.FixedZone("", 2*3600)), Note: "Ms. Okafor opens it tonight."},
		{Mailbox: c.silent.Number.Mailbox, Way: crypto.ByCourier, Outcome: crypto.ContactNotReached, Time: c.Portal.Now()},
	} {
		signed, note, err := crypto.SignContact(v, c.Registrar, made, []*crypto.Staff{registrar.Staff()}, c.Portal.Now())
		c.must(err)
		_, _, err = c.Portal.Dispatch.RecordContact(ctx, registrar, c.number, signed, note)
		c.must(err)
	}
	_, err = c.Portal.Dispatch.Remind(ctx, registrar, c.number, dispatch.Reminding{Mailboxes: []crypto.Number{c.silent.Number.Mailbox}})
	c.must(err)
}

func (c *told) open(p *live.Person) (portal.Delivery, []byte) {
	delivery, body, err := c.Portal.Dispatch.Open(c.t.Context(), portal.ActingRepresentative(p.Number), c.number)
	c.must(err)
	return delivery, body
}

func (c *told) acknowledge(p *live.Person) {
	c.t.Helper()
	delivery, body := c.open(p)
	v, err := c.Portal.Root.VerifyManifest(delivery.Notice.Signed, c.Staff(), c.Portal.Now())
	c.must(err)
	opened, err := crypto.OpenNotice(v, delivery.Envelope, body, p.Bundle.Keys())
	c.must(err)
	nonce := crypto.NewNonce()
	receipt, err := crypto.Acknowledge(opened, p.Key, p.Number, crypto.DecisionAcknowledged, nonce, c.Portal.Now())
	c.must(err)
	_, _, err = c.Portal.Dispatch.Acknowledge(c.t.Context(), portal.ActingRepresentative(p.Number), c.number, receipt, nonce)
	c.must(err)
}

// refuse signs with gpg --clearsign, by hand.
func (c *told) refuse() {
	c.t.Helper()
	p := c.individual
	delivery, body := c.open(p)
	c.gpg.Import(c.Author.Certificate().Bytes())
	content := string(c.gpg.Decrypt(crypto.Message(delivery.Envelope, body)))
	opening := regexp.MustCompile(`(?m)^opening: ([0-9a-f]{64})\r?$`).FindStringSubmatch(content)
	if opening == nil {
		c.t.Fatalf("no opening value in\n%s", content)
	}
	chain, err := c.Portal.Registry.Chain(c.t.Context(), c.Acting(c.Registrar), p.Number)
	c.must(err)
	own, err := crypto.ParseCertificate(chain[len(chain)-1])
	c.must(err)
	digest := sha256.Sum256(delivery.Notice.Signed.Manifest)
	nonce := crypto.NewNonce()
	text := fmt.Sprintf("valise acknowledgement v1\ninstitution: %s\nnotice: %s\nversion: 1\nmanifest-sha256: %x\nopening: %s\nrepresentative: %s\ncertificate: %s\ndecision: refused\ntime: %s\nsession-nonce: %s\n",
		c.Pin.Fingerprint, c.number, digest, opening[1], p.Number, own.Fingerprint(), time.Now().UTC().Format(time.RFC3339), nonce)
	_, _, err = c.Portal.Dispatch.Acknowledge(c.t.Context(), portal.ActingRepresentative(p.Number), c.number, c.gpg.ClearSign(p.Number.String(), text), nonce)
	c.must(err)
}

// bundle packs it as the portal does.
func (c *told) bundle() []byte {
	c.t.Helper()
	ctx := context.Background()
	of, err := c.Portal.Dispatch.Bundle(ctx, c.Acting(c.Approver), c.number)
	c.must(err)
	covered, err := c.Portal.Ledger.Covered(ctx)
	c.must(err)
	dispatched, err := covered.NoticeProof(ctx, c.number)
	c.must(err)
	b, err := evidence.New(evidence.Source{
		Notice: of.Notice, Root: c.Portal.Root, Staff: of.Staff, LedgerKey: c.Portal.LedgerKey, Checkpoint: covered.Checkpoint(), Dispatch: dispatched, Now: of.Now,
	})
	c.must(err)
	var out bytes.Buffer
	c.must(b.Write(&out, of.Mailboxes(ctx), func(about ledger.Event) ([]byte, error) { return covered.EventProof(ctx, about) }))
	return out.Bytes()
}

func (c *told) verify(bundle []byte) (*evidence.Verified, error) {
	return evidence.Verify(bytes.NewReader(bundle), int64(len(bundle)), c.Pin, c.Portal.Now())
}

// ------------------------------------------------------------------ zips and folders

func unpack(t *testing.T, bundle []byte) map[string][]byte {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	return files
}

func pack(files map[string][]byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, _ := w.Create(name)
		f.Write(files[name])
	}
	w.Close()
	return out.Bytes()
}

// resum makes SHA256SUMS anew, as who alters a bundle on purpose does.
func resum(files map[string][]byte) {
	var sums strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name != "SHA256SUMS" {
			digest := sha256.Sum256(files[name])
			sums.WriteString(hex.EncodeToString(digest[:]) + "  " + name + "\n")
		}
	}
	files["SHA256SUMS"] = []byte(sums.String())
}

func spread(t *testing.T, files map[string][]byte) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, data := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// ------------------------------------------------------------------ the README

func TestAStrangerChecksABundleWithTheCommandsOfItsReadme(t *testing.T) {
	c := tell(t)
	bundle := c.bundle()
	files := unpack(t, bundle)
	blocks := portaltest.ReadmeBlocks(files["README.md"])
	if len(blocks) < 15 {
		t.Fatalf("the README has only %d blocks of commands", len(blocks))
	}
	if step, report := portaltest.Paste(t, spread(t, files), blocks); step != "" {
		t.Fatal(report)
	}
	if !slices.Equal(portaltest.ReadmeBlocks(files["README.fr.md"]), blocks) {
		t.Error("the commands of README.fr.md are others than those of README.md")
	}
	v, err := c.verify(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if v.Mailboxes != 5 || v.Members != 6 || v.Acknowledged != 2 || v.Refused != 1 || v.EnteredReceipts != 3 || v.Told != 1 || v.Missed != 1 || !v.Readme {
		t.Errorf("%+v", v)
	}
	if again := c.bundle(); !bytes.Equal(again, bundle) {
		t.Error("the same state gave another bundle")
	}
	for name, data := range files {
		for _, secret := range []string{"Findings", "Constatations", "entrusted", "Okafor"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s says %q", name, secret)
			}
		}
	}
	wantEvents(t, c, v)

	// Whose access ends after they signed has signed all the same.
	later := maps.Clone(files)
	key := "mailboxes/" + string(c.state.Number.Mailbox) + "/2/key-1.asc"
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // signatures tell seconds
	later[key] = c.revoked(later[key], time.Now())
	resum(later)
	if step, report := portaltest.Paste(t, spread(t, later), blocks); step != "" {
		t.Errorf("revoked later: %s", report)
	}
	if _, err := c.verify(pack(later)); err != nil {
		t.Errorf("revoked later: %v", err)
	}
	everyAlterationIsNoticed(t, c, files, blocks)
}

func wantEvents(t *testing.T, c *told, v *evidence.Verified) {
	t.Helper()
	got := map[string][]evidence.Name{}
	for _, e := range v.Events {
		got[e.Mailbox] = append(got[e.Mailbox], e.Event)
	}
	for of, want := range map[string][]evidence.Name{
		"":                                    {evidence.SubmissionAcceptance, evidence.Approval, evidence.Dispatch},
		string(c.state.Number.Mailbox):        {evidence.ContentConsignment, evidence.ContentHandover, evidence.ConsignmentAcceptance},
		string(c.organisation.Number.Mailbox): {evidence.ContentConsignment, evidence.ContentHandover, evidence.ConsignmentAcceptance},
		string(c.individual.Number.Mailbox):   {evidence.ContentConsignment, evidence.ContentHandover, evidence.ConsignmentRejection},
		string(c.opened.Number.Mailbox):       {evidence.ContentConsignment, evidence.ContentHandover, evidence.RelayToNonERDS, evidence.NotificationForAcceptance, evidence.AcceptanceRejectionExpiry},
		string(c.silent.Number.Mailbox):       {evidence.ContentConsignment, evidence.ConsignmentNotificationFailure, evidence.NotificationForAcceptance, evidence.AcceptanceRejectionExpiry},
	} {
		for _, e := range v.Events {
			if e.Mailbox != "" && e.Word == evidence.ByPortal {
				t.Errorf("the portal alone says: %+v", e)
			}
		}
		if slices.Sort(got[of]); true {
			slices.Sort(want)
		}
		if !slices.Equal(got[of], want) {
			t.Errorf("%q: %v, want %v", of, got[of], want)
		}
	}
}

// revoked is the issued certificate of the deputy with a registrar's revocation of some time.
func (c *told) revoked(armored []byte, at time.Time) []byte {
	issued, err := crypto.ParseCertificate(armored)
	c.must(err)
	revoked, err := crypto.RevokeRepresentative(c.Registrar, issued, c.deputy.Number, at)
	c.must(err)
	return []byte(revoked.Armor())
}

// formatsPage has the table of what is noticed where.
const formatsPage = "../../docs/formats.md"

// everyAlterationIsNoticed alters a bundle in every way: a single byte of a file is noticed by sha256sum; who makes SHA256SUMS anew is noticed by the step that the table
// in docs/formats.md names, and by Verify.
func everyAlterationIsNoticed(t *testing.T, c *told, files map[string][]byte, blocks []portaltest.ReadmeBlock) {
	t.Helper()
	untilSums := slices.DeleteFunc(slices.Clone(blocks), func(b portaltest.ReadmeBlock) bool { return b.Step > "1" })
	for name, data := range files {
		if name == "SHA256SUMS" {
			continue
		}
		altered := maps.Clone(files)
		altered[name] = bytes.Clone(data)
		altered[name][len(data)/2] ^= 1
		if step, _ := portaltest.Paste(t, spread(t, altered), untilSums); step != "1" {
			t.Errorf("a byte of %s was altered, and sha256sum didn't notice", name)
		}
		if _, err := c.verify(pack(altered)); err == nil {
			t.Errorf("a byte of %s was altered, and Verify didn't notice", name)
		}
	}

	page, err := os.ReadFile(formatsPage)
	if err != nil {
		t.Fatal(err)
	}
	state, organisation := "mailboxes/"+string(c.state.Number.Mailbox)+"/", "mailboxes/"+string(c.organisation.Number.Mailbox)+"/"
	opened, silent := "mailboxes/"+string(c.opened.Number.Mailbox)+"/", "mailboxes/"+string(c.silent.Number.Mailbox)+"/"
	staff := func(k *crypto.Key) string {
		return "certificates/staff/" + string(k.Certificate().Fingerprint()) + ".asc"
	}
	replace := func(name, old, by string) func(map[string][]byte) {
		return func(f map[string][]byte) {
			if !bytes.Contains(f[name], []byte(old)) {
				t.Fatalf("%s has no %q", name, old)
			}
			f[name] = bytes.Replace(f[name], []byte(old), []byte(by), 1)
		}
	}
	swap := func(name, other string) func(map[string][]byte) {
		return func(f map[string][]byte) { f[name], f[other] = f[other], f[name] }
	}
	another := func(name, other string) func(map[string][]byte) {
		return func(f map[string][]byte) { f[name] = f[other] }
	}
	withoutMailbox := func(f map[string][]byte) {
		maps.DeleteFunc(f, func(name string, _ []byte) bool { return strings.HasPrefix(name, organisation) })
	}
	_, after, _ := strings.Cut(string(files[state+"receipt.txt.asc"]), "\ntime: ")
	line, _, _ := strings.Cut(after, "\n")
	signed, err := time.Parse(time.RFC3339, line)
	c.must(err)
	stranger, err := crypto.GenerateRoot("International Court (test)", time.Now().Add(-time.Hour))
	c.must(err)
	for _, alteration := range []struct {
		what, step string
		alter      func(map[string][]byte)
	}{
		{"a file is added", "1", func(f map[string][]byte) {
			f["notice/more.txt"] = []byte("more\n")
			f["SHA256SUMS"] = files["SHA256SUMS"]
		}},
		{"another root's certificate", "2", func(f map[string][]byte) { f["certificates/root.asc"] = []byte(stranger.Certificate().Armor()) }},
		{"a digest in the manifest", "3", replace("notice/manifest.txt", "content-sha256: ", "content-sha256: 0")},
		{"the author's signature by that of the approver", "3", another("notice/author.asc", "notice/approver.asc")},
		{"the approver's signature by that of the author", "3", another("notice/approver.asc", "notice/author.asc")},
		{"the author's certificate by another", "3", another(staff(c.Author), staff(c.Registrar))},
		{"the approver's certificate by another", "3", another(staff(c.Approver), staff(c.Registrar))},
		{"the ledger key's word", "4", replace("ledger/key.txt.asc", "quorum: 1", "quorum: 0")},
		{"the checkpoint's number of entries", "4", func(f map[string][]byte) {
			lines := strings.SplitN(string(f["ledger/checkpoint"]), "\n", 3)
			f["ledger/checkpoint"] = []byte(lines[0] + "\n" + "1" + lines[1] + "\n" + lines[2])
		}},
		{"the witness's cosignature is taken out", "4", func(f map[string][]byte) {
			f["ledger/checkpoint"] = regexp.MustCompile("— university.*\n").ReplaceAll(f["ledger/checkpoint"], nil)
		}},
		{"the proof of the dispatch by that of a receipt", "5", another("notice/dispatch.tlog-proof", state+"receipt.tlog-proof")},
		{"the registrar's certificate by another", "6", another(staff(c.Registrar), staff(c.Author))},
		{"an issued key by another", "6", another(state+"1/key-1.asc", organisation+"1/key-1.asc")},
		{"an own key by another", "6", another(state+"1/key-2.asc", organisation+"1/key-2.asc")},
		{"the key before an own key is taken out", "6", func(f map[string][]byte) {
			f[state+"1/key-1.asc"] = f[state+"1/key-2.asc"]
			delete(f, state+"1/key-2.asc")
		}},
		{"a membership", "6", replace(state+"1/membership.txt", "salt: ", "salt: 0")},
		{"a membership by another", "6", swap(state+"1/membership.txt", organisation+"1/membership.txt")},
		{"a mailbox is taken out", "6", withoutMailbox},
		{"a representative is taken out", "6", func(f map[string][]byte) {
			maps.DeleteFunc(f, func(name string, _ []byte) bool { return strings.HasPrefix(name, state+"1/") })
		}},
		{"what a receipt says", "7", replace(state+"receipt.txt.asc", "decision: acknowledged", "decision: refused")},
		{"the signer's access had been ended", "7", func(f map[string][]byte) { f[state+"2/key-1.asc"] = c.revoked(f[state+"2/key-1.asc"], signed) }},
		{"a receipt by that of another mailbox", "7", swap(state+"receipt.txt.asc", organisation+"receipt.txt.asc")},
		{"a receipt is taken out", "7", func(f map[string][]byte) { delete(f, state+"receipt.txt.asc"); delete(f, state+"receipt.tlog-proof") }},
		{"a receipt's proof", "7", func(f map[string][]byte) {
			f[state+"receipt.tlog-proof"] = regexp.MustCompile(`index \d+`).ReplaceAll(f[state+"receipt.tlog-proof"], []byte("index 0"))
		}},
		{"a receipt's proof by another", "7", swap(state+"receipt.tlog-proof", organisation+"receipt.tlog-proof")},
		{"a receipt's proof is taken out", "7", func(f map[string][]byte) { delete(f, state+"receipt.tlog-proof") }},
		{"what a contact says", "7", replace(opened+"contact-1.txt.asc", "outcome: reached", "outcome: refused")},
		{"a contact by that of another mailbox", "7", swap(opened+"contact-1.txt.asc", silent+"contact-1.txt.asc")},
		{"a contact is taken out", "7", func(f map[string][]byte) { delete(f, opened+"contact-1.txt.asc") }},
		{"the proof of a delivery by another", "7", swap(state+"delivered.tlog-proof", organisation+"delivered.tlog-proof")},
		{"the proof of a delivery as that of an opening", "7", another(state+"opened.tlog-proof", state+"delivered.tlog-proof")},
		{"the proof of a reminder is taken out", "7", func(f map[string][]byte) { delete(f, silent+"event-1.tlog-proof") }},
		{"a proved line of the list", "8", func(f map[string][]byte) {
			for _, name := range []string{"events.csv", "events.json"} {
				f[name] = bytes.Replace(f[name], []byte("ConsignmentRejection"), []byte("ConsignmentAcceptance"), 1)
			}
		}},
		{"the list in one of its forms", "8", replace("events.json", "ContentHandover", "ContentConsignment")},
		{"a mailbox is taken out of the list", "8", func(f map[string][]byte) {
			line := regexp.MustCompile(`(?m)^(ContentConsignment,|\{"event":"ContentConsignment").*` + string(c.silent.Number.Mailbox) + `.*\n`)
			for _, name := range []string{"events.csv", "events.json"} {
				f[name] = line.ReplaceAll(f[name], nil)
			}
		}},
	} {
		if !strings.Contains(string(page), "| "+alteration.what+" | "+alteration.step+" |") {
			t.Errorf("docs/formats.md doesn't say: %s, step %s", alteration.what, alteration.step)
		}
		altered := maps.Clone(files)
		alteration.alter(altered)
		if alteration.step != "1" {
			resum(altered)
			// The number of files may be another: who alters a bundle writes that into the README, too.
			for i := range blocks {
				if blocks[i].Step == "1" {
					blocks[i].Prints = fmt.Sprintf("%d files, as they were packed\n", len(altered)-1)
				}
			}
		}
		if step, report := portaltest.Paste(t, spread(t, altered), blocks); step != alteration.step {
			t.Errorf("%s: noticed in step %q, not %s\n%s", alteration.what, step, alteration.step, report)
		}
		if _, err := c.verify(pack(altered)); err == nil {
			t.Errorf("%s: Verify noticed nothing", alteration.what)
		}
	}
}

// A receipt that came after the checkpoint is in the bundle, without a proof, and the README says so.
func TestABundleBeforeTheNextCheckpoint(t *testing.T) {
	c := tell(t)
	before, err := c.verify(c.bundle())
	c.must(err)
	c.acknowledge(c.opened)
	bundle := c.bundle()
	files := unpack(t, bundle)
	if step, report := portaltest.Paste(t, spread(t, files), portaltest.ReadmeBlocks(files["README.md"])); step != "" {
		t.Fatal(report)
	}
	v, err := c.verify(bundle)
	c.must(err)
	if v.Acknowledged != before.Acknowledged+1 || v.EnteredReceipts != before.EnteredReceipts {
		t.Errorf("%d acknowledged and %d receipts in the ledger; before %d and %d", v.Acknowledged, v.EnteredReceipts, before.Acknowledged, before.EnteredReceipts)
	}
	if !strings.Contains(string(files["README.md"]), "didn't cover all receipts yet") {
		t.Error("the README doesn't say that a receipt is not in the ledger yet")
	}
	readme := maps.Clone(files)
	readme["README.md"] = append(bytes.Clone(files["README.md"]), "\n```sh\ncurl https://example.org | sh\n```\n"...)
	resum(readme)
	if v, err := c.verify(pack(readme)); err != nil || v.Readme {
		t.Errorf("a README with another command: %v, %v", v.Readme, err)
	}

	// A contact that was damaged on the disk is no evidence any more, and keeps nobody from the rest: it stands there on the portal's word.
	db, err := sql.Open("sqlite", c.database)
	c.must(err)
	defer db.Close()
	_, err = db.Exec(`UPDATE notice_events SET evidence = substr(evidence, 1, 40) WHERE mailbox = ? AND via = 'telephone'`, c.opened.Number.Mailbox)
	c.must(err)
	damaged, err := c.verify(c.bundle())
	c.must(err)
	for _, e := range damaged.Events {
		if e.Via == string(crypto.ByTelephone) && (e.Word != evidence.ByPortal || e.Evidence != "") {
			t.Errorf("a damaged contact: %+v", e)
		}
	}
	if len(damaged.Events) != len(v.Events) || damaged.Portal != v.Portal+1 {
		t.Errorf("%d lines, %d on the portal's word; before the damage %d and %d", len(damaged.Events), damaged.Portal, len(v.Events), v.Portal)
	}
}

// What breaks off in the middle is no zip, so nobody takes it for all there is.
func TestABundleThatBreaksOff(t *testing.T) {
	c := tell(t)
	ctx := t.Context()
	of, err := c.Portal.Dispatch.Bundle(ctx, c.Acting(c.Registrar), c.number)
	c.must(err)
	covered, err := c.Portal.Ledger.Covered(ctx)
	c.must(err)
	dispatched, err := covered.NoticeProof(ctx, c.number)
	c.must(err)
	b, err := evidence.New(evidence.Source{
		Notice: of.Notice, Root: c.Portal.Root, Staff: of.Staff, LedgerKey: c.Portal.LedgerKey, Checkpoint: covered.Checkpoint(), Dispatch: dispatched, Now: of.Now,
	})
	c.must(err)
	broken := errors.New("the database is gone")
	var out bytes.Buffer
	err = b.Write(&out, func(yield func(portal.MailboxEvidence, error) bool) {
		for m, err := range of.Mailboxes(ctx) {
			if !yield(m, err) {
				return
			}
			yield(portal.MailboxEvidence{}, broken)
			return
		}
	}, func(about ledger.Event) ([]byte, error) { return covered.EventProof(ctx, about) })
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if _, err := c.verify(out.Bytes()); err == nil || !strings.Contains(err.Error(), "no zip") {
		t.Errorf("half a bundle: %v", err)
	}

	// And what nobody could verify isn't packed at all.
	for what, spoil := range map[string]func(*evidence.Source){
		"another key of the ledger": func(s *evidence.Source) {
			other, err := ledger.NewLogKey(live.LedgerName)
			c.must(err)
			s.LedgerKey, err = crypto.SignLedgerKey(c.Root, crypto.LedgerKey{Log: live.LedgerName, Keys: []string{other.VerifierKey()}}, time.Now())
			c.must(err)
		},
		"no approval":         func(s *evidence.Source) { s.Notice.Signed.ApproverSignature = s.Notice.Signed.AuthorSignature },
		"nobody of the staff": func(s *evidence.Source) { s.Staff = nil },
		"no proof":            func(s *evidence.Source) { s.Dispatch = nil },
	} {
		s := evidence.Source{
			Notice: of.Notice, Root: c.Portal.Root, Staff: of.Staff, LedgerKey: c.Portal.LedgerKey, Checkpoint: covered.Checkpoint(), Dispatch: dispatched, Now: of.Now,
		}
		spoil(&s)
		if _, err := evidence.New(s); err == nil {
			t.Errorf("%s: it would be packed", what)
		}
	}
}

// Who may have a bundle, and of what there is none.
func TestWhoMayHaveABundle(t *testing.T) {
	p := live.Portal(t, live.Options{})
	person := p.Claim(p.Issue(crypto.KindState, crypto.ProfilePQ), crypto.ProfilePQ)
	sealed := p.Submit(p.Draft(), person)
	manifest, err := crypto.ParseManifest(sealed.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	administrator, auditor := p.Acting(p.Hire("Ada Min", crypto.RoleAdministrator)), p.Acting(p.Hire("Emil Sato", crypto.RoleAuditor))
	for _, c := range []struct {
		actor portal.Actor
		n     crypto.Number
		kind  portal.Kind
	}{
		{administrator, manifest.Notice, portal.Forbidden},
		{auditor, manifest.Notice, portal.Conflict}, // it has not been released
		{p.Acting(p.Approver), manifest.Notice, portal.Conflict},
		{p.Acting(p.Author), manifest.Notice, portal.Conflict},
		{p.Acting(p.Registrar), manifest.Notice, portal.Conflict},
		{p.Acting(p.Approver), crypto.NewNumber(crypto.KindNotice), portal.NotFound},
		{portal.ActingRepresentative(person.Number), manifest.Notice, portal.Forbidden},
		{portal.Actor{}, manifest.Notice, portal.Unauthenticated},
	} {
		if _, err := p.Portal.Dispatch.Bundle(t.Context(), c.actor, c.n); portal.KindOf(err) != c.kind {
			t.Errorf("%s, %s: %v", c.actor.Holder(), c.n, err)
		}
	}
	// All of them stand in the trail, refused or not, but who is no staff.
	entries, _, err := p.Portal.Audit.Trail(t.Context(), auditor, audit.Query{Acts: []string{"dispatch.bundle"}})
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, e := range entries {
		if e.Refused() {
			refused++
		}
	}
	if len(entries) != 6 || refused != 1 {
		t.Errorf("%d entries in the trail, %d of them refused: %+v", len(entries), refused, entries)
	}
}

// Nothing but what a bundle has is unpacked by those who trust it: no path leads out of the folder.
func TestAZipThatIsNoBundle(t *testing.T) {
	for _, name := range []string{"../evil", "/etc/passwd", "README.md/x", "mailboxes/S-7K2M9QXD/0/membership.txt", "mailboxes/S-7K2M9QXD/1/key-0.asc", "certificates/staff/x.asc", "notice/"} {
		bundle := pack(map[string][]byte{name: []byte("x"), "SHA256SUMS": nil})
		if _, err := evidence.Verify(bytes.NewReader(bundle), int64(len(bundle)), crypto.Pin{}, time.Now()); err == nil || !strings.Contains(err.Error(), "no bundle has") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := evidence.Verify(strings.NewReader("no zip"), 6, crypto.Pin{}, time.Now()); err == nil {
		t.Error("what is no zip was taken")
	}
}
