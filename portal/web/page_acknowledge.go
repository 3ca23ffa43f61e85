package web

import (
	"net/http"

	"valise/crypto"
	"valise/portal"
)

// acknowledgePage is the way to acknowledge with a text that one signs oneself.
type acknowledgePage struct {
	Number  crypto.Number
	Text    string // to sign; "" until this session has fetched the message
	Signed  string // as it was pasted
	Problem string
}

// Action is where the signed text goes.
func (p acknowledgePage) Action() string { return "/notices/" + string(p.Number) + "/acknowledge" }

func (s *server) getAcknowledge(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	return s.showAcknowledge(w, r, acknowledgePage{Number: n}, http.StatusOK)
}

// showAcknowledge fills in the text with all that the server knows. The opening value it doesn't.
func (s *server) showAcknowledge(w http.ResponseWriter, r *http.Request, page acknowledgePage, status int) error {
	visit := visitOf(r)
	d, err := s.Dispatch.Peek(r.Context(), visit.actor, page.Number)
	if err != nil {
		return err
	}
	if d.Acknowledgement != nil {
		http.Redirect(w, r, "/notices/"+string(page.Number), http.StatusSeeOther)
		return nil
	}
	if nonce := visit.session.Fetched[page.Number]; nonce != "" {
		text, err := s.receiptForm(r, d, nonce)
		if err != nil {
			return err
		}
		page.Text = text
	}
	return s.pages.render(w, r, status, "acknowledge", page)
}

func (s *server) receiptForm(r *http.Request, d portal.Delivery, nonce string) (string, error) {
	me, err := s.Registry.Me(r.Context(), visitOf(r).actor)
	if err != nil {
		return "", err
	}
	current, err := wireMe(me)
	if err != nil {
		return "", err
	}
	m, err := crypto.ParseManifest(d.Notice.Signed.Manifest)
	if err != nil {
		return "", err
	}
	text, err := (&crypto.Acknowledgement{
		Institution: s.Root.Fingerprint(), Notice: d.Notice.Number, Version: m.Version,
		ManifestSHA256: crypto.RefTo(d.Notice.Signed.Manifest).SHA256,
		Representative: me.Representative, Certificate: current.Fingerprint,
		Decision: crypto.DecisionAcknowledged, Time: wireTime(s.Now()), SessionNonce: nonce,
	}).Form()
	return string(text), err
}

// postAcknowledge takes the signed text, as POST /api/v1/notices/{notice}/acknowledgement does.
func (s *server) postAcknowledge(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	return s.handIn(w, r, "/notices/"+string(n), func(signed []byte) error {
		_, _, err := s.acknowledge(r, n, signed)
		return err
	}, func(signed, problem string, status int) error {
		return s.showAcknowledge(w, r, acknowledgePage{Number: n, Signed: signed, Problem: problem}, status)
	})
}

// handIn takes a receipt that was signed by hand out of a page's form, and goes on to where it is shown. What the person can mend is shown with the
// form again, and loses nothing.
func (s *server) handIn(w http.ResponseWriter, r *http.Request, shownAt string, take func(signed []byte) error, again func(signed, problem string, status int) error) error {
	values, err := form(w, r)
	if err != nil {
		return err
	}
	signed := values.Get("receipt")
	err = take([]byte(signed))
	if f, ok := s.again(r, err); ok {
		problem, err := s.problem(w, r, f)
		if err != nil {
			return err
		}
		return again(signed, problem, f.status)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, shownAt+"#receipt-section", http.StatusSeeOther)
	return nil
}
