package web_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"valise/crypto"
	"valise/portal"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// Everybody can use what the world reads, in every state that it has, on a desktop and on a phone, in light and dark, in whichever direction one reads. What staff
// and representatives see, the tests of those pages show to axe.
func TestEverybodyCanUseThePublicPages(t *testing.T) {
	p := live.Portal(t, live.Options{})
	gone := p.HireAt(time.Now().Add(-30*time.Minute), "Gone & away", crypto.RoleApprover).Certificate()
	gone, err := crypto.CertifyStaff(p.Root, gone, nil, time.Now().Add(-time.Minute))
	must(t, err)
	_, _ = p.Portal.Registry.AddStaff(t.Context(), gone.Bytes()) // it says that they have no role
	press, err := crypto.GenerateKey(crypto.ProfileCompat, "Press <press@court.example>", time.Now().Add(-time.Hour))
	must(t, err)

	first := inArabicToo()
	first.Languages[0].Body = "## What happened\n\nAnomalous activity was **detected**; see [the first report](https://court.example/report).\n\n1. One\n2. Two\n\n> Quoted.\n\n    code\n\n" +
		"Those concerned will be contacted at once, directly, by the Court.\n"
	p.PublishStatement(first)
	followed := announcement()
	followed.Series, followed.Acknowledge, followed.Deadline = first.Statement, []crypto.Kind{crypto.KindState, crypto.KindOrganisation}, time.Now().Add(48*time.Hour).Truncate(time.Second)
	followed.Languages[0].Title, followed.Languages[1].Title = "First forensic findings", "Premières constatations"
	p.PublishStatement(followed)
	p.PublishStatement(corrected(first, crypto.StatementCorrection, "A date was wrong.", "Une date était fausse.", "كان التاريخ خاطئًا."))
	withdrawn := announcement()
	withdrawn.Topic = "press"
	p.PublishStatement(withdrawn)
	p.PublishStatement(corrected(withdrawn, crypto.StatementWithdrawal, "It was published by mistake.", "Elle a été publiée par erreur."))
	p.SignLedger()

	site := *p.Portal
	site.MailCertificates = []*crypto.Certificate{press.Certificate()}
	site.Institution.Promise = map[string]string{
		"en": "Should evidence appear that data entrusted to the Court was read, those concerned will be contacted at once, directly, by the Court.",
		"fr": "S’il apparaissait que des données confiées à la Cour ont été lues, les personnes concernées seraient contactées aussitôt, directement, par la Cour.",
	}
	site.Institution.Security = portal.SecurityContact{}
	server := httptest.NewUnstartedServer(nil)
	site.Origin = "https://" + server.Listener.Addr().String()
	handler, err := site.Handler()
	must(t, err)
	server.Config.Handler = handler
	server.StartTLS()
	t.Cleanup(server.Close)

	b := portaltest.Chromium(t, portaltest.IgnoreCertificateErrors)
	one, other := "/statements/"+string(first.Statement), "/statements/"+string(withdrawn.Statement)
	for _, at := range [][2]string{
		{"home", "/en"}, {"archive", "/en/statements"}, {"archive-search", "/en/statements?q=anomalous&topic=security&from=2026-01-01"}, {"archive-nothing", "/fr/statements?q=zeppelin"},
		{"archive-problem", "/en/statements?from=yesterday"}, {"archive-topic", "/en/statements/topic/security"}, {"series", "/en/series/" + string(first.Statement)},
		{"statement", one + "/1/en"}, {"statement-corrected", one + "/en"}, {"statement-arabic", one + "/ar"}, {"statement-asks", "/statements/" + string(followed.Statement) + "/fr"},
		{"statement-withdrawn", other + "/1/en"}, {"statement-withdrawal", other + "/en"}, {"certificates", "/en/certificates"},
		{"verify", "/verify"}, {"nothing", "/nothing-here"}, {"claim", "/claim"}, {"login", "/login"}, {"login-text", "/login/text"},
	} {
		b.Do(chromedp.Navigate(site.Origin + at[1]))
		b.Do(chromedp.WaitReady(css("#main")))
		portaltest.Read(b, chromedp.Evaluate[bool]("document.querySelectorAll('details').forEach((d) => { d.open = true }); true"))
		portaltest.Axe(t, b, at[0])
	}
	// From the page that is shown now to the text that one signs, and to what is said when it is not signed.
	number := string(crypto.NewNumber(crypto.KindState)) + "/1"
	for _, next := range []struct{ field, value, press, then string }{
		{"#text-number", number, "#text-start button", "#text-to-sign"}, {"#text-paste", "nothing signed", "#text-signed button", "[role=alert]"},
	} {
		portaltest.Read(b, chromedp.Evaluate[bool](fmt.Sprintf("document.querySelector(%q).value = %q; true", next.field, next.value)))
		b.Do(chromedp.Click(css(next.press)), chromedp.WaitReady(css(next.then)))
		portaltest.Axe(t, b, "login-text, after "+next.press)
	}
	for _, problem := range b.Problems() {
		if !strings.Contains(problem, "404") && !strings.Contains(problem, "400") && !strings.Contains(problem, "401") {
			t.Error(problem)
		}
	}
}
