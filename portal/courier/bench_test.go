package courier_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"valise/crypto"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// BenchmarkCourier sends one notice to 500 representatives of one domain, from SQLite, each mail settled on disk, into a sink on this machine; and, beside it, the same octets by a bare loop of
// go-smtp over as many connections. It tells mails a second of both, and the first as a part of the second.
func BenchmarkCourier(b *testing.B) {
	const mails, connections = 500, 8
	for range b.N {
		b.StopTimer()
		p := newPost(b, live.Options{}, portaltest.MailSinkOptions{})
		var people []*live.Person
		for i := range mails {
			person := p.Claim(p.Issue(crypto.KindState, crypto.ProfileCompat), crypto.ProfileCompat)
			p.address(person, func(a *crypto.Address) { a.Email = fmt.Sprintf("reader%d@mission.example", i) })
			people = append(people, person)
		}
		p.Release(atOnce(p.Server), people...)
		config := p.config()
		config.Workers, config.PerDomain, config.Lease = connections, connections, time.Minute
		c := p.courier(config)
		b.StartTimer()
		began := time.Now()
		totals, err := c.Flush(b.Context(), time.Minute)
		took := time.Since(began)
		b.StopTimer()
		if err != nil || totals.Sent != mails {
			b.Fatalf("%+v, %v", totals, err)
		}
		bare := bareLoop(b, p, connections)
		b.ReportMetric(float64(mails)/took.Seconds(), "mails/s")
		b.ReportMetric(bare, "bare/s")
		b.ReportMetric(float64(mails)/took.Seconds()/bare, "of-bare")
	}
}

// bareLoop sends what the sink has once more, and returns how many mails a second.
func bareLoop(b *testing.B, p *post, connections int) float64 {
	b.Helper()
	all := p.sink.Mails()
	work := make(chan portaltest.Mail, len(all))
	for _, m := range all {
		work <- m
	}
	close(work)
	failed := make(chan error, connections)
	began := time.Now()
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
					if err := c.SendMail(m.From, []string{m.To}, strings.NewReader(string(m.Data))); err != nil {
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
	return float64(len(all)) / time.Since(began).Seconds()
}
