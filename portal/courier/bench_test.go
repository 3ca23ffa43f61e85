package courier_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"valise/crypto"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// BenchmarkCourier sends one notice to 500 representatives of one domain, from SQLite, each mail settled on disk, into a sink on this machine; and, beside it, the same octets by a bare loop of
// go-smtp over as many connections. It tells mails a second of both, the first as a part of the second, and likewise in the processor's time, which other work on the machine changes less.
// Cold is a courier that was started just now; warm is one that sent something to all of them before, and so has
// opened addresses and parsed certificates, as one does that is idle.
func BenchmarkCourier(b *testing.B) {
	const people, connections = 500, 8
	defer debug.SetGCPercent(debug.SetGCPercent(300)) // as in the process of valise courier; the bare loop has it, too
	p := newPost(b, live.Options{}, portaltest.MailSinkOptions{})
	var to []*live.Person
	for i := range people {
		person := p.Claim(p.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
		p.address(person, func(a *crypto.Address) { a.Email = fmt.Sprintf("reader%d@mission.example", i) })
		to = append(to, person)
	}
	config := p.config()
	config.Workers, config.PerDomain, config.Lease = connections, connections, time.Minute
	config.Journal = filepath.Join(b.TempDir(), "journal") // as there is one beside SQLite unless somebody says otherwise
	for _, of := range []struct {
		name     string
		attached int
		warm     bool
	}{{"small/cold", 0, false}, {"small/warm", 0, true}, {"64kB/cold", 30_000, false}, {"64kB/warm", 30_000, true}} {
		b.Run(of.name, func(b *testing.B) {
			var mine, bare took
			var n float64
			for range b.N {
				b.StopTimer()
				c := p.courier(config)
				if of.warm {
					p.release(to, 0)
					p.flush(c, people)
				}
				p.release(to, of.attached)
				before := len(p.sink.Mails())
				b.StartTimer()
				mine.add(measure(func() { p.flush(c, people) }))
				b.StopTimer()
				mails := p.sink.Mails()[before:]
				bare.add(measure(func() { bareLoop(b, p, mails, connections) }))
				n += float64(len(mails))
				b.StartTimer()
			}
			b.ReportMetric(n/mine.wall.Seconds(), "mails/s")
			b.ReportMetric(n/bare.wall.Seconds(), "bare/s")
			b.ReportMetric(1e6*mine.processor.Seconds()/n, "processor-µs/mail")
			b.ReportMetric(bare.wall.Seconds()/mine.wall.Seconds(), "of-bare")
			b.ReportMetric(bare.processor.Seconds()/mine.processor.Seconds(), "processor-of-bare")
		})
	}
}

// release releases a notice with a file of so many octets, which nobody can make shorter, to people, to go out at once.
func (p *post) release(to []*live.Person, attached int) {
	p.t.Helper()
	draft := atOnce(p.Server)
	if attached > 0 {
		data := make([]byte, attached)
		rand.Read(data)
		draft.Attachments = []crypto.Attachment{{Name: "file.bin", Type: "application/octet-stream", Data: data}}
	}
	p.Release(draft, to...)
}

func (p *post) flush(c *courier.Courier, want int) {
	p.t.Helper()
	totals, err := c.Flush(p.t.Context(), 5*time.Minute)
	if err != nil || totals.Sent%want != 0 || totals.Sent == 0 {
		p.t.Fatalf("%+v, %v", totals, err)
	}
}

// took is how long something took: on the clock, and of all processors.
type took struct{ wall, processor time.Duration }

func (t *took) add(more took) { t.wall, t.processor = t.wall+more.wall, t.processor+more.processor }

func measure(do func()) took {
	used := func() time.Duration {
		var u syscall.Rusage
		if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	runtime.GC() // what was left behind before
	began, before := time.Now(), used()
	do()
	return took{time.Since(began), used() - before}
}

// bareLoop sends mails once more.
func bareLoop(b *testing.B, p *post, all []portaltest.Mail, connections int) {
	b.Helper()
	work := make(chan portaltest.Mail, len(all))
	for _, m := range all {
		work <- m
	}
	close(work)
	failed := make(chan error, connections)
	for range connections {
		go func() {
			failed <- func() error {
				conn, err := net.Dial("tcp", p.sink.Address)
				if err != nil {
					return err
				}
				c, err := smtp.NewClientStartTLS(conn, &tls.Config{RootCAs: p.tls.Pool, ServerName: "localhost"})
				if err != nil {
					return err
				}
				defer c.Close()
				for m := range work {
					if err := c.SendMail(m.From, []string{m.To}, bytes.NewReader(m.Data)); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range connections {
		must(b, <-failed)
	}
}
