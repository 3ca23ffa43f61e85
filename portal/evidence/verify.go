package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/ledger"
)

// Verified is a bundle that held, everything in it, up to the root whose fingerprint was given. Only Verify makes one.
type Verified struct {
	Manifest   *crypto.VerifiedManifest
	Checkpoint *ledger.SignedCheckpoint
	Dispatched time.Time // by the portal's clock, as the ledger has it

	Mailboxes, Members                     int
	Acknowledged, Refused, EnteredReceipts int
	Told, Missed                           int // contacts outside the portal: that told somebody, that reached nobody
	Proved, Portal                         int // lines of events.csv: that the files prove; on the portal's word
	Events                                 []Event
	Readme                                 bool // README.md and README.fr.md are those that this version writes: their commands may be pasted
}

// maxUnpacked is the size in bytes of all files of the largest bundle that is read.
const maxUnpacked = 16 << 30

// maxFiles is how many files a bundle has at most: those of the largest audience, each of whom has had many keys.
const maxFiles = 2_000_000

// Verify reads a bundle and verifies everything in it, asking nobody. The error says what doesn't hold; for the ledger it is a *ledger.Alarm. A bundle in which anything
// is missing, or is too much, doesn't hold.
func Verify(r io.ReaderAt, size int64, pin crypto.Pin, now time.Time) (*Verified, error) {
	c := &check{pin: pin, now: now, files: map[string]*zip.File{}, positions: map[int]bool{}}
	if err := c.open(r, size); err != nil {
		return nil, err
	}
	if err := c.checkSums(); err != nil {
		return nil, err
	}
	if err := c.checkNotice(); err != nil {
		return nil, err
	}
	if err := c.checkMailboxes(); err != nil {
		return nil, err
	}
	return c.checkLists()
}

// check is one verification on its way.
type check struct {
	pin   crypto.Pin
	now   time.Time
	files map[string]*zip.File
	sums  int

	sealed
	staff     []*crypto.Certificate
	positions map[int]bool // of memberships that held
	facts     *facts
	proved    []Event // of the notice, and receipts
	shown     []Event // contacts
}

func (c *check) open(r io.ReaderAt, size int64) error {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return fmt.Errorf("this is no zip that can be read; was it cut off? (%w)", err)
	}
	if len(archive.File) > maxFiles {
		return fmt.Errorf("the zip has %d files; no bundle has so many", len(archive.File))
	}
	var unpacked uint64
	for _, f := range archive.File {
		unpacked += min(f.UncompressedSize64, maxUnpacked)
		switch {
		case unpacked > maxUnpacked:
			return fmt.Errorf("the zip unpacks to more than %d GiB; no bundle is so large", maxUnpacked>>30)
		case !known(f.Name):
			return fmt.Errorf("the zip has a file that no bundle has, %.100q", f.Name)
		case c.files[f.Name] != nil:
			return fmt.Errorf("the zip has two files named %s", f.Name)
		}
		c.files[f.Name] = f
	}
	return oneReading(r, size, archive.File)
}

// read returns a file, nil when there is none.
func (c *check) read(name string) ([]byte, error) {
	f := c.files[name]
	if f == nil {
		return nil, nil
	}
	limit := limitOf(name)
	if f.UncompressedSize64 > uint64(limit) {
		return nil, fmt.Errorf("%s has more than %d KiB", name, limit>>10)
	}
	data, err := unpack(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// need is read for a file that must be there.
func (c *check) need(name string) ([]byte, error) {
	data, err := c.read(name)
	if err == nil && data == nil {
		return nil, fmt.Errorf("%s is missing", name)
	}
	return data, err
}

// checkSums compares every file with SHA256SUMS, which must list all of them and no other.
func (c *check) checkSums() error {
	sums, err := c.need(sumsFile)
	if err != nil {
		return err
	}
	lines := make([]string, 0, len(c.files))
	for name := range c.files {
		if name == sumsFile {
			continue
		}
		data, err := c.read(name)
		if err != nil {
			return err
		}
		digest := sha256.Sum256(data)
		lines = append(lines, hex.EncodeToString(digest[:])+"  "+name+"\n")
	}
	c.sums = len(lines)
	if want := list(lines); !bytes.Equal(want, sums) {
		have := map[string]bool{}
		for l := range strings.Lines(string(sums)) {
			have[l] = true
		}
		for _, l := range lines {
			if !have[l] {
				return fmt.Errorf("%s is not the file that was packed: %s says otherwise", strings.TrimSpace(l[2*sha256.Size:]), sumsFile)
			}
		}
		return fmt.Errorf("%s lists files that are missing, or in another order", sumsFile)
	}
	return nil
}

// checkNotice verifies what is the same for all mailboxes.
func (c *check) checkNotice() error {
	data := map[string][]byte{}
	for _, name := range []string{rootFile, manifestFile, authorFile, approverFile, dispatchFile, ledgerKeyFile, checkpointFile} {
		var err error
		if data[name], err = c.need(name); err != nil {
			return err
		}
	}
	root, err := crypto.OpenRoot(c.pin, data[rootFile])
	if err != nil {
		return err
	}
	c.root = root
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		if !strings.HasPrefix(name, staffFolder) {
			continue
		}
		armored, err := c.need(name)
		if err != nil {
			return err
		}
		member, err := crypto.ParseCertificate(armored)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if staffFile(member.Fingerprint()) != name {
			return fmt.Errorf("%s holds the certificate %s", name, member.Fingerprint())
		}
		c.staff = append(c.staff, member)
	}
	signed := crypto.SignedManifest{Manifest: data[manifestFile], AuthorSignature: data[authorFile], ApproverSignature: data[approverFile]}
	if c.manifest, err = root.VerifyManifest(signed, c.staff, c.now); err != nil {
		return err
	}
	if err := c.openLedger(data[ledgerKeyFile], data[checkpointFile], data[dispatchFile], c.now); err != nil {
		return err
	}
	c.facts = c.sealed.facts(len(c.staff))
	c.proved = []Event{approved(c.manifest), dispatch(c.dispatched)}
	return nil
}

// of is what the files of a mailbox are, by their names.
type of struct {
	members  map[int]int  // by ordinal: how many keys
	meant    map[int]bool // by ordinal: has a membership
	receipt  bool
	proof    bool
	contacts int
	entered  []string // proofs of what else the ledger has of it
}

// checkMailboxes verifies that the mailboxes are those of the audience, all of them, and what each has.
func (c *check) checkMailboxes() error {
	mailboxes := map[crypto.Number]*of{}
	for name := range c.files {
		m := mailboxPath.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		number, err := crypto.ParseNumber(m[1])
		if err != nil || string(number) != m[1] {
			return fmt.Errorf("%s: %s is no mailbox's number", name, m[1])
		}
		box := mailboxes[number]
		if box == nil {
			box = &of{members: map[int]int{}, meant: map[int]bool{}}
			mailboxes[number] = box
		}
		ordinal, _ := strconv.Atoi(m[3]) // digits, or none
		switch {
		case m[2] == "receipt.txt.asc":
			box.receipt = true
		case strings.HasPrefix(m[2], "contact-"):
			box.contacts++
		case m[2] == "receipt.tlog-proof":
			box.proof = true
		case strings.HasSuffix(m[2], ".tlog-proof"):
			box.entered = append(box.entered, name)
		case m[4] == "membership.txt":
			box.meant[ordinal] = true
		default:
			box.members[ordinal]++
		}
	}
	for _, number := range slices.Sorted(maps.Keys(mailboxes)) {
		if err := c.checkMailbox(number, mailboxes[number]); err != nil {
			return fmt.Errorf("the mailbox %s: %w", number, err)
		}
	}
	m := c.manifest.Manifest()
	if len(mailboxes) != m.Mailboxes || len(c.positions) != m.Members || c.facts.Members != m.Members {
		return fmt.Errorf("the bundle shows %d mailboxes with %d representatives, and the notice went to %d with %d: some are left out", len(mailboxes), len(c.positions), m.Mailboxes, m.Members)
	}
	c.facts.Mailboxes = len(mailboxes)
	return nil
}

func (c *check) checkMailbox(number crypto.Number, box *of) error {
	if len(box.meant) == 0 {
		return errors.New("nothing shows that the notice was meant for it")
	}
	holders := map[crypto.Representative][]*crypto.Certificate{}
	for ordinal := range box.members {
		if !box.meant[ordinal] {
			return fmt.Errorf("it has keys of representative /%d, and nothing shows that the notice was meant for them", ordinal)
		}
	}
	for ordinal := range box.meant {
		r := crypto.Representative{Mailbox: number, Ordinal: ordinal}
		chain, err := c.checkMember(r, box.members[ordinal])
		if err != nil {
			return err
		}
		holders[r] = chain
		c.facts.Members++
	}
	for i := range box.contacts {
		if err := c.checkContact(number, i); err != nil {
			return err
		}
	}
	if err := c.checkEntered(number, box); err != nil {
		return err
	}
	if box.receipt {
		return c.checkReceipt(number, box.proof, holders)
	}
	if box.proof {
		return errors.New("it has the proof of a receipt, and no receipt")
	}
	return nil
}

// checkEntered verifies the proofs of what else the ledger has of a mailbox.
func (c *check) checkEntered(number crypto.Number, box *of) error {
	slices.Sort(box.entered)
	for _, name := range box.entered {
		file, err := c.need(name)
		if err != nil {
			return err
		}
		in, err := c.sealed.proved(file)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		e, err := entered(in, name)
		if err != nil {
			return err
		}
		special := name == deliveredProofFile(number) && in.Kind != ledger.NoticeDelivered || name == openedProofFile(number) && in.Kind != ledger.NoticeOpened ||
			strings.Contains(name, "/event-") && in.Kind.NoticeKind() == ""
		if in.Notice != c.manifest.Manifest().Notice || e.Mailbox != string(number) || special || in.Kind == ledger.NoticeDelivered && in.Manifest.String() != c.manifest.SHA256() {
			return fmt.Errorf("%s is the proof of something else", name)
		}
		c.facts.Entered++
		c.proved = append(c.proved, e)
	}
	return nil
}

// checkMember verifies a representative's chain and membership.
func (c *check) checkMember(r crypto.Representative, keys int) ([]*crypto.Certificate, error) {
	chain := make([]*crypto.Certificate, keys)
	for i := range chain {
		data, err := c.need(keyFile(r, i)) // so many, from 1 on
		if err != nil {
			return nil, err
		}
		if chain[i], err = crypto.ParseCertificate(data); err != nil {
			return nil, fmt.Errorf("%s: %w", keyFile(r, i), err)
		}
	}
	text, err := c.need(membershipFile(r))
	if err != nil {
		return nil, err
	}
	shown, err := c.manifest.CheckMembership(text)
	if err != nil {
		return nil, err
	}
	if shown.Member.Representative != r || c.positions[shown.Position] {
		return nil, fmt.Errorf("%s is that of %s", membershipFile(r), shown.Member.Representative)
	}
	c.positions[shown.Position] = true
	at := slices.IndexFunc(chain, func(k *crypto.Certificate) bool { return k.Fingerprint() == shown.Member.Certificate })
	if at < 0 {
		return nil, fmt.Errorf("the key that the notice was sealed to, %s, is not among those of %s", shown.Member.Certificate, r)
	}
	// Judged at the time when the notice was approved; a key may have ended since.
	if _, err := c.root.VerifyRepresentative(c.staff, chain[:at+1], r, c.manifest.ApproverSignature().Made()); err != nil {
		return nil, err
	}
	return chain, nil
}

// checkContact verifies the i-th contact outside the portal.
func (c *check) checkContact(number crypto.Number, i int) error {
	signed, err := c.need(contactFile(number, i)) // so many, from 1 on
	if err != nil {
		return err
	}
	verified, err := c.root.VerifyContact(signed, c.manifest, c.staff, c.now)
	if err != nil {
		return fmt.Errorf("%s: %w", contactFile(number, i), err)
	}
	if of := verified.Contact().Mailbox; of != number {
		return fmt.Errorf("%s is a contact with %s", contactFile(number, i), of)
	}
	e := contacted(verified.Contact(), i)
	c.facts.contact(&e)
	c.shown = append(c.shown, e)
	return nil
}

func (c *check) checkReceipt(number crypto.Number, proved bool, holders map[crypto.Representative][]*crypto.Certificate) error {
	receipt, err := c.need(receiptFile(number))
	if err != nil {
		return err
	}
	said, err := crypto.ReadReceipt(receipt) // to know whose certificate; verified below
	if err != nil {
		return err
	}
	chain := holders[said.Representative]
	at := slices.IndexFunc(chain, func(k *crypto.Certificate) bool { return k.Fingerprint() == said.Certificate })
	if at < 0 {
		return fmt.Errorf("the receipt is signed with the key %s of %s, which is not here", said.Certificate, said.Representative)
	}
	verified, err := crypto.VerifyReceipt(receipt, c.manifest, chain[at], c.now)
	if err != nil {
		return err
	}
	if _, err := c.root.VerifyRepresentative(c.staff, chain[:at+1], said.Representative, verified.Signature().Made()); err != nil {
		return err
	}
	var entered time.Time
	if proved {
		file, err := c.need(receiptProofFile(number))
		if err != nil {
			return err
		}
		in, err := c.sealed.proved(file)
		if err != nil {
			return err
		}
		if err := checkReceiptProof(in, said.Notice, said.Representative, receipt); err != nil {
			return err
		}
		entered = in.At
	}
	e := answered(verified.Acknowledgement(), entered)
	c.facts.answer(&e)
	c.proved = append(c.proved, e)
	return nil
}

// checkLists compares the lists, and the README, with what the other files say.
func (c *check) checkLists() (*Verified, error) {
	table, err := c.need(csvFile)
	if err != nil {
		return nil, err
	}
	events, err := parseEvents(table)
	if err != nil {
		return nil, err
	}
	again, listed := encode(events)
	if inJSON, err := c.need(jsonFile); err != nil || !bytes.Equal(inJSON, listed) || !bytes.Equal(again, table) {
		return nil, errors.Join(err, fmt.Errorf("%s and %s don't say the same", csvFile, jsonFile))
	}
	if err := c.checkEvents(events); err != nil {
		return nil, err
	}
	readme, err := c.need(readmeFile)
	if err != nil {
		return nil, err
	}
	lisezmoi, err := c.need(frenchFile)
	if err != nil {
		return nil, err
	}
	f := c.facts
	f.Files = c.sums
	f.tally(events)
	inEnglish, inFrench := f.readmes()
	return &Verified{
		Manifest: c.manifest, Checkpoint: c.checkpoint, Dispatched: c.dispatched, Mailboxes: f.Mailboxes, Members: f.Members,
		Acknowledged: f.Acknowledged, Refused: f.Refused, EnteredReceipts: f.Proved, Told: f.Told, Missed: f.Missed, Proved: f.Shown, Portal: f.Portal, Events: events,
		Readme: bytes.Equal(readme, inEnglish) && bytes.Equal(lisezmoi, inFrench),
	}, nil
}

// checkEvents demands that the lines that are said to be proved are just those that were, and that those on the portal's word don't contradict them.
func (c *check) checkEvents(events []Event) error {
	proved, said := map[Event]bool{}, map[Event]bool{}
	consigned := map[string]bool{}
	answered := map[string]bool{}
	inTime := stamp(c.manifest.Manifest().Deadline)
	for _, e := range c.proved {
		proved[e] = true
		switch e.Event {
		case ConsignmentAcceptance, ConsignmentRejection:
			answered[e.Mailbox] = answered[e.Mailbox] || e.Time <= inTime
		case ContentConsignment:
			if consigned[e.Mailbox] {
				return fmt.Errorf("two proofs say that the notice was put into %s", e.Mailbox)
			}
			consigned[e.Mailbox] = true
		case AcceptanceRejectionExpiry:
			if e.Time != inTime {
				return fmt.Errorf("the ledger has another deadline than the manifest: %s", e.Time)
			}
		}
	}
	for _, e := range c.shown {
		proved[e] = true
	}
	for _, e := range events {
		if said[e] {
			return fmt.Errorf("%s says twice: %s", csvFile, strings.TrimSpace(e.line()))
		}
		said[e] = true
		if e.Word != ByPortal {
			if !proved[e] {
				return fmt.Errorf("%s says what no file proves: %s", csvFile, strings.TrimSpace(e.line()))
			}
			continue
		}
		wrong := false
		switch e.Event {
		case SubmissionAcceptance:
			wrong = e.Mailbox != "" || e.By != string(c.manifest.Author().Certificate().Fingerprint())
		case ContentConsignment:
			wrong = consigned[e.Mailbox] || e.Time != stamp(c.dispatched) || c.files[e.Evidence] == nil || !strings.HasPrefix(e.Evidence, mailboxFolder+e.Mailbox+"/")
			consigned[e.Mailbox] = true
		case NotificationForAcceptance, ConsignmentNotificationFailure, RelayToNonERDS, RelayToNonERDSFailure:
			wrong = e.Mailbox == "" || e.Via == "" || e.Evidence != "" || e.Time < stamp(c.dispatched)
		case ContentHandover:
			wrong = e.Time < stamp(c.dispatched)
		case AcceptanceRejectionExpiry:
			wrong = answered[e.Mailbox] || e.Time != stamp(c.manifest.Manifest().Deadline) || c.manifest.Manifest().Deadline.After(c.now)
		default:
			wrong = true
		}
		if wrong {
			return fmt.Errorf("%s says what can't be: %s", csvFile, strings.TrimSpace(e.line()))
		}
	}
	for _, e := range slices.Concat(c.proved, c.shown) {
		if !said[e] {
			return fmt.Errorf("%s leaves out what is proved: %s", csvFile, strings.TrimSpace(e.line()))
		}
	}
	if len(consigned) != c.facts.Mailboxes {
		return fmt.Errorf("%s tells of the delivery into %d mailboxes, and there are %d", csvFile, len(consigned), c.facts.Mailboxes)
	}
	return nil
}
