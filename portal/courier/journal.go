package courier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"valise/portal"
)

// Between a mail server's "250" and the commit that says so in the database lie some milliseconds, in which the courier or the database can die. What is known only to this
// process then would be sent again. So it is written into a file of this machine first, the journal: one line with one write(2), which lives on in the page cache when the process
// is killed. (It is not synced: when the machine itself loses power, some mails come twice.) A courier that starts settles what the journal says before it takes up anything.
//
// A line says nothing to who has no key of the courier, and can't be made without it:
//
//	taken TOKEN LEASED TAKEN LEASE MAC
//	piece TOKEN LEASED TAKEN LEASE MAC
//
// "taken" is said of an entry all of whose mails were taken, "piece" of one of its mails when another one is to follow. TOKEN is an HMAC of the entry (of a piece, also of which
// mail it is, and of the address), LEASED and TAKEN are microseconds since 1970, LEASE is what the entry was leased under, and MAC covers all of it. All lines are of one length. They
// stay until they are settled, and are then taken out, all at once as soon as nothing is left. A piece is not sent again to the same address within a day.
//
// The journal never makes "sent" out of nothing: a line that is torn, or of another key, is passed over and counted in the log, and so is a full disk. Without a journal mail goes out all the same.

// journalHead is how the file begins, so that no other file is taken for one, and overwritten.
const journalHead = "valise mail journal v1\n"

const (
	lineTaken = "taken"
	linePiece = "piece"

	maxJournal     = 16 << 20 // that is read; it never grows to a tenth of that
	compactJournal = 64 << 10 // from what size on settled lines are taken out while others are not settled
	maxJournals    = 4        // couriers of one machine that share the name of a journal
)

// journalLine is what one line says.
type journalLine struct {
	kind   string // lineTaken or linePiece
	token  token
	leased int64  // when its lease began, in microseconds since 1970
	taken  int64  // when the mail server had all mails of the entry
	lease  string // under which
}

// journal is the open file. A nil one keeps nothing.
type journal struct {
	secret []byte
	log    *slog.Logger

	mutex sync.Mutex
	file  *os.File
	size  int64
	open  map[journalLine]string // lines that are not settled
	fails bool                   // writing did, and it was said
}

var errJournalTaken = errors.New("another courier uses it")

// openJournal opens a journal, and those that couriers beside this one left behind: each has a file of its own, the first named path. own is the one to write to; nil when none can be had,
// and then the log says why. All are read, emptied and closed with the methods of journal.
func openJournal(path string, secret []byte, log *slog.Logger) (own *journal, others []*journal) {
	if path == "" {
		return nil, nil
	}
	for i := range maxJournals {
		name := path
		if i > 0 {
			name += "." + strconv.Itoa(i+1)
		}
		if _, err := os.Stat(name); own != nil && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		file, err := openJournalFile(name)
		if errors.Is(err, errJournalTaken) {
			continue
		}
		if err != nil {
			log.Warn("courier", "problem", "the journal can't be used, so mails may be sent twice when this process is killed: "+portal.Scrubbed(err))
			continue
		}
		j := &journal{secret: secret, log: log, file: file, open: map[journalLine]string{}}
		if own == nil {
			own = j
		} else {
			others = append(others, j)
		}
	}
	if own == nil {
		log.Warn("courier", "problem", "there is no journal, so mails may be sent twice when this process is killed")
	}
	return own, others
}

func openJournalFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockJournal(file); err != nil {
		file.Close()
		return nil, err
	}
	head := make([]byte, len(journalHead))
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) || !strings.HasPrefix(journalHead, string(head[:n])) {
		file.Close()
		return nil, fmt.Errorf("%s is no journal of a courier; it is left as it is", path)
	}
	return file, nil
}

// lines returns what the file says, and how many lines hold nothing that can be believed.
func (j *journal) lines() (lines []journalLine, broken int, err error) {
	data, err := io.ReadAll(io.NewSectionReader(j.file, 0, maxJournal))
	if err != nil {
		return nil, 0, err
	}
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte(journalHead))) {
		if l, ok := j.parse(string(line)); ok {
			lines = append(lines, l)
		} else {
			broken++
		}
	}
	return lines, broken, nil
}

func (j *journal) mac(said string) string {
	mac := hmac.New(sha256.New, j.secret)
	mac.Write([]byte("journal line\x00" + said))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

func (j *journal) write(l journalLine) string {
	said := fmt.Sprintf("%s %x %016d %016d %s", l.kind, l.token, l.leased, l.taken, l.lease)
	return said + " " + j.mac(said) + "\n"
}

func (j *journal) parse(line string) (l journalLine, ok bool) {
	fields := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(fields) != 6 || fields[0] != lineTaken && fields[0] != linePiece || len(fields[1]) != 2*len(l.token) {
		return l, false
	}
	if _, err := hex.Decode(l.token[:], []byte(fields[1])); err != nil {
		return l, false
	}
	var errs [2]error
	l.leased, errs[0] = strconv.ParseInt(fields[2], 10, 64)
	l.taken, errs[1] = strconv.ParseInt(fields[3], 10, 64)
	if errors.Join(errs[:]...) != nil {
		return l, false
	}
	l.kind, l.lease = fields[0], fields[4]
	return l, hmac.Equal([]byte(line), []byte(j.write(l)))
}

// taken writes down that a mail server took an entry's mails, or a piece. When that can't be written it is said once, and the mail is no less sent.
func (j *journal) taken(lines ...journalLine) {
	for _, l := range lines {
		j.take(l)
	}
}

func (j *journal) take(l journalLine) {
	if j == nil {
		return
	}
	line := j.write(l)
	j.mutex.Lock()
	defer j.mutex.Unlock()
	text := line
	if j.size == 0 {
		text = journalHead + line
	}
	if _, err := j.file.WriteAt([]byte(text), j.size); err != nil { // a part that was written is overwritten by the next line, which is no shorter
		j.failed(err)
		return
	}
	j.fails = false
	j.size += int64(len(text))
	j.open[l] = line
}

func (j *journal) failed(err error) {
	if !j.fails {
		j.log.Warn("courier", "problem", "the journal can't be written, so mails may be sent twice when this process is killed: "+portal.Scrubbed(err))
	}
	j.fails = true
}

// has says whether a line stands in it.
func (j *journal) has(l journalLine) bool {
	if j == nil {
		return false
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	_, ok := j.open[l]
	return ok
}

// settled takes out lines whose entries are settled.
func (j *journal) settled(lines ...journalLine) {
	if j == nil || len(lines) == 0 {
		return
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	for _, l := range lines {
		delete(j.open, l)
	}
	if len(j.open) == 0 && j.size > 0 {
		j.cut(0)
		return
	}
	if j.size < compactJournal {
		return
	}
	left := len(journalHead)
	for _, line := range j.open {
		left += len(line)
	}
	if j.size >= 2*int64(left) {
		j.compact()
	}
}

// compact brings what is not settled to the front, and cuts the rest off. Whoever is killed between leaves lines behind that are settled: that changes nothing.
func (j *journal) compact() {
	var b bytes.Buffer
	b.WriteString(journalHead)
	for _, line := range j.open {
		b.WriteString(line)
	}
	if _, err := j.file.WriteAt(b.Bytes(), 0); err != nil {
		j.failed(err)
		return
	}
	j.cut(int64(b.Len()))
}

func (j *journal) cut(size int64) {
	if err := j.file.Truncate(size); err != nil {
		j.failed(err)
		return
	}
	j.size = size
}

// close gives the file back. What is not settled stays in it.
func (j *journal) close() {
	if j != nil {
		j.file.Close()
	}
}

// openJournals settles what stands in the courier's journal, and in those that others left behind, and opens its own.
func (c *Courier) openJournals(ctx context.Context) (own *journal) {
	own, others := openJournal(c.config.Journal, c.tokens.secret, c.log)
	var pieces []journalLine
	for _, j := range append(others, own) {
		pieces = append(pieces, c.settleJournal(ctx, j)...)
	}
	for _, j := range others {
		j.close()
	}
	if own != nil && ctx.Err() == nil {
		own.keep(c.pieces.add(c.now(), pieces...))
	}
	return own
}

// keep lets pieces of earlier journals stand in an empty one.
func (j *journal) keep(lines []journalLine) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if len(lines) == 0 {
		return
	}
	for _, l := range lines {
		j.open[l] = j.write(l)
	}
	j.compact()
}

// settleJournal settles what a journal says that was left behind, and empties it. It goes on until that is done, or ctx ends: what it says would be sent again. It returns the pieces.
func (c *Courier) settleJournal(ctx context.Context, j *journal) (pieces []journalLine) {
	if j == nil {
		return nil
	}
	lines, broken, err := j.lines()
	if err != nil {
		c.log.Error("courier", "problem", "the journal can't be read, so mails may be sent twice: "+portal.Scrubbed(err))
		return nil
	}
	if broken > 0 {
		c.log.Warn("courier", "problem", "lines of the journal are torn, or were written with another key; those mails may be sent twice", "lines", broken)
	}
	lines = slices.DeleteFunc(lines, func(l journalLine) bool {
		if l.kind == linePiece {
			pieces = append(pieces, l)
		}
		return l.kind == linePiece
	})
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := c.settleLines(ctx, lines)
		if err == nil {
			j.mutex.Lock()
			defer j.mutex.Unlock()
			j.cut(0)
			return pieces
		}
		if ctx.Err() != nil {
			return nil // it stays as it is, for whoever starts next
		}
		c.log.Error("courier", "problem", "what the journal says can't be settled; nothing is sent until it is: "+problem(err), "lines", len(lines))
		sleep(ctx, wait)
	}
}

// settleLines settles the entries of lines that still wait as sent. That an entry's lease ran out since doesn't matter, nor that another courier has it now: it was sent. That it was put
// into the outbox anew does.
func (c *Courier) settleLines(ctx context.Context, lines []journalLine) error {
	if len(lines) == 0 {
		return nil
	}
	byToken := make(map[token][]journalLine, len(lines))
	for _, l := range lines {
		byToken[l.token] = append(byToken[l.token], l)
	}
	var settlements []Settlement
	if err := c.store.WaitingOutbox(ctx, c.now(), func(e Entry) {
		for _, l := range byToken[c.tokens.journal(&e)] {
			settlements = append(settlements, Settlement{
				Notice: e.Notice, Representative: e.Representative, Reminder: e.Reminder, Lease: l.lease, LeasedAt: time.UnixMicro(l.leased),
				State: Sent, Attempts: e.Attempts + 1, At: time.UnixMicro(l.taken),
			})
		}
	}); err != nil {
		return err
	}
	for len(settlements) > 0 {
		n := min(len(settlements), maxSettled)
		kept, err := c.store.SettleOutbox(ctx, settlements[:n]...)
		if err != nil {
			return err
		}
		c.settled(settlements[:n], kept)
		settlements = settlements[n:]
	}
	return nil
}

// pieces remembers mails that were taken of entries whose other mails weren't yet, so that they are not sent again with these.
type pieces struct {
	mutex sync.Mutex
	known map[token]journalLine
}

const (
	pieceAge  = 24 * time.Hour
	maxPieces = 10_000
)

func (p *pieces) has(t token, now time.Time) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	l, ok := p.known[t]
	return ok && now.Sub(time.UnixMicro(l.taken)) < pieceAge
}

// add remembers lines, and returns those that are not too old for that.
func (p *pieces) add(now time.Time, lines ...journalLine) (added []journalLine) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.known == nil {
		p.known = map[token]journalLine{}
	}
	for _, l := range lines {
		if now.Sub(time.UnixMicro(l.taken)) < pieceAge && len(p.known) < maxPieces {
			p.known[l.token] = l
			added = append(added, l)
		}
	}
	return added
}

// forget forgets pieces, and returns their lines.
func (p *pieces) forget(tokens ...token) (lines []journalLine) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, t := range tokens {
		if l, ok := p.known[t]; ok {
			lines = append(lines, l)
			delete(p.known, t)
		}
	}
	return lines
}

// sweep forgets those that are too old, and returns their lines.
func (p *pieces) sweep(now time.Time) (lines []journalLine) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for t, l := range p.known {
		if now.Sub(time.UnixMicro(l.taken)) >= pieceAge {
			lines = append(lines, l)
			delete(p.known, t)
		}
	}
	return lines
}
