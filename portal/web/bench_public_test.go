package web_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/portaltest/live"
)

// A statement's page over HTTPS, to many readers at once, each on a connection of their own. x-bare is how many requests a second Valise answers for
// each that bare net/http does, with the same bytes.
func BenchmarkStatementPage(b *testing.B) {
	const readers, each = 16, 4000
	p := live.Portal(b, live.Options{})
	d := announcement()
	benchPublish(b, p, d)
	address := p.URL + "/statements/" + string(d.Statement) + "/en"
	page := benchFetch(b, benchReader(), address)
	bare := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		_, _ = w.Write(page)
	}))
	defer bare.Close()
	fetchAll := func(address string) float64 {
		start := time.Now()
		inParallel(readers, readers, func(int) {
			reader := benchReader()
			defer reader.CloseIdleConnections()
			for range each / readers {
				if got := benchFetch(b, reader, address); len(got) != len(page) {
					b.Errorf("%d octets, want %d", len(got), len(page))
				}
			}
		})
		return each / time.Since(start).Seconds()
	}
	var toBare, whole []float64
	for b.Loop() {
		ofBare, ofValise := fetchAll(bare.URL), fetchAll(address)
		toBare, whole = append(toBare, ofValise/ofBare), append(whole, ofValise)
	}
	b.ReportMetric(median(toBare), "x-bare")
	b.ReportMetric(median(whole), "pages/s")
	b.ReportMetric(0, "ns/op")
}

func benchReader() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}}
}

func benchFetch(b *testing.B, reader *http.Client, address string) []byte {
	response, err := reader.Get(address)
	if err != nil {
		b.Error(err)
		return nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Errorf("%d, %v", response.StatusCode, err)
	}
	return body
}

// benchPublish takes a draft to the world without HTTP.
func benchPublish(b *testing.B, p *live.Server, d *crypto.StatementDraft) {
	b.Helper()
	now := time.Now()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	author, approver := p.Acting(p.Author), p.Acting(p.Approver)
	desk := []*crypto.Staff{author.Staff(), approver.Staff()}
	draft, err := crypto.SealStatementDraft(d, p.Author, desk, now)
	check(err)
	_, err = p.Portal.Publish.Save(b.Context(), author, d.Statement, d.Revision, draft)
	check(err)
	signed, err := crypto.PrepareStatement(p.Portal.Root, p.Author, d, nil, now)
	check(err)
	sealed, err := crypto.SealStatement(signed, p.Author, desk, now)
	check(err)
	submission, err := p.Portal.Publish.Submit(b.Context(), author, d.Statement, d.Revision, sealed)
	check(err)
	submitted, err := p.Portal.Root.VerifyStatementSubmission(signed, nil, p.Staff(), now)
	check(err)
	approved, err := crypto.ApproveStatement(p.Portal.Root, p.Approver, submitted, now)
	check(err)
	encoded, err := approved.Encode()
	check(err)
	_, err = p.Portal.Publish.Approve(b.Context(), approver, d.Statement, submission, encoded)
	check(err)
}
