package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"valise/crypto"
	"valise/portal/api"
)

// ask carries a question whose answer is a T: a type of package api, or text.
func ask[T any](ctx context.Context, c *Client, q call) (T, error) {
	var answer T
	err := c.ask(ctx, q, &answer)
	return answer, err
}

// get asks for what a route has.
func get[T any](ctx context.Context, c *Client, path string, maxAnswer int64) (T, error) {
	return ask[T](ctx, c, call{method: http.MethodGet, path: path, maxAnswer: maxAnswer, repeatable: true})
}

// pathOf writes a representative as it stands in a path.
func pathOf(r crypto.Representative) string {
	return string(r.Mailbox) + "." + strconv.Itoa(r.Ordinal)
}

func noticePath(n crypto.Number, rest string) string {
	return "/notices/" + url.PathEscape(string(n)) + rest
}

func staffNoticePath(n crypto.Number, rest string) string {
	return "/staff" + noticePath(n, rest)
}

// Institution fetches what anyone may know; ceremony.Believe says what of it holds.
func (c *Client) Institution(ctx context.Context) (api.Institution, error) {
	return get[api.Institution](ctx, c, "/institution", maxInstitution)
}

// AddStaff shows the portal a staff certificate that the root certified.
func (c *Client) AddStaff(ctx context.Context, armored string) (api.StaffMember, error) {
	return ask[api.StaffMember](ctx, c, call{method: http.MethodPost, path: "/staff", body: api.StaffCertificate{Certificate: armored}, maxRequest: api.MaxKeyRequest, repeatable: true})
}

// AddClientManifest shows the portal what two of the staff signed of what it gives browsers to run.
func (c *Client) AddClientManifest(ctx context.Context, signed []byte) (api.EnteredClientManifest, error) {
	return ask[api.EnteredClientManifest](ctx, c, call{method: http.MethodPost, path: "/client-manifests", body: api.ClientManifest{Signed: string(signed)}, maxRequest: api.MaxClientManifestRequest, repeatable: true})
}

// StartLogIn asks for a challenge.
func (c *Client) StartLogIn(ctx context.Context, as string) (api.LogInChallenge, error) {
	return ask[api.LogInChallenge](ctx, c, call{method: http.MethodPost, path: "/login/start", body: api.LogInStart{As: as}, repeatable: true})
}

// Unlock asks for the locked bundle.
func (c *Client) Unlock(ctx context.Context, u api.Unlock) (api.Unlocked, error) {
	return ask[api.Unlocked](ctx, c, call{method: http.MethodPost, path: "/login/unlock", body: u, repeatable: true})
}

// PostLogIn hands in a signed challenge, which is good once.
func (c *Client) PostLogIn(ctx context.Context, l api.LogIn) (api.LoggedIn, error) {
	return ask[api.LoggedIn](ctx, c, call{method: http.MethodPost, path: "/login", body: l})
}

// Evidence asks for what proves a receipt.
func (c *Client) Evidence(ctx context.Context, receipt []byte) (api.Evidence, error) {
	return ask[api.Evidence](ctx, c, call{method: http.MethodPost, path: "/evidence", body: api.EvidenceRequest{Receipt: string(receipt)}, repeatable: true})
}

// Session tells how long the session lasts.
func (c *Client) Session(ctx context.Context) (api.Session, error) {
	return get[api.Session](ctx, c, "/session", 0)
}

// Confirmation asks for a code under which the holder of a half session confirms it in their browser, and whether they did. Asked again, the code is the same.
func (c *Client) Confirmation(ctx context.Context) (api.Confirmation, error) {
	return ask[api.Confirmation](ctx, c, call{method: http.MethodPost, path: "/factors/confirmation", body: struct{}{}, repeatable: true})
}

// LogOut ends the session.
func (c *Client) LogOut(ctx context.Context) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/logout", body: struct{}{}}, nil)
}

// Sessions lists the holder's sessions.
func (c *Client) Sessions(ctx context.Context) ([]api.SessionLine, error) {
	return get[[]api.SessionLine](ctx, c, "/sessions", 0)
}

// RevokeSessions ends all of them.
func (c *Client) RevokeSessions(ctx context.Context) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/sessions/revoke", body: struct{}{}}, nil)
}

// Chain fetches a representative's certificates.
func (c *Client) Chain(ctx context.Context, of crypto.Representative) (api.Chain, error) {
	return get[api.Chain](ctx, c, "/certificates/"+pathOf(of), 0)
}

// Me fetches the representative's own record.
func (c *Client) Me(ctx context.Context) (api.Me, error) {
	return get[api.Me](ctx, c, "/me", 0)
}

// Envelopes fetches all envelopes of the representative.
func (c *Client) Envelopes(ctx context.Context) ([]api.HeldEnvelope, error) {
	return get[[]api.HeldEnvelope](ctx, c, "/envelopes", maxNoticeList)
}

// PostClaim moves the representative to their own key.
func (c *Client) PostClaim(ctx context.Context, claim api.Claim) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/claim", body: claim, maxRequest: api.MaxKeyRequest}, nil)
}

// ChangeLock hands in what a new passphrase locked. The session goes on under another id, so who lost the answer can't ask again.
func (c *Client) ChangeLock(ctx context.Context, l api.Lock) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/me/lock", body: l, maxRequest: api.MaxKeyRequest}, nil)
}

// Notices lists the mailbox. That opens nothing.
func (c *Client) Notices(ctx context.Context) ([]api.Notice, error) {
	return get[[]api.Notice](ctx, c, "/notices", maxNoticeList)
}

// Notice fetches one with its body, which marks it opened.
func (c *Client) Notice(ctx context.Context, number crypto.Number) (api.Notice, error) {
	return get[api.Notice](ctx, c, noticePath(number, ""), maxNotice)
}

// Message fetches envelope ‖ body, armored, which marks it opened too.
func (c *Client) Message(ctx context.Context, number crypto.Number) ([]byte, error) {
	return get[[]byte](ctx, c, noticePath(number, "/message.asc"), maxNotice)
}

// Nonce asks for the nonce of an acknowledgement, once the notice was fetched.
func (c *Client) Nonce(ctx context.Context, number crypto.Number) (api.Nonce, error) {
	return get[api.Nonce](ctx, c, noticePath(number, "/nonce"), 0)
}

// Acknowledge hands in a receipt. The same one again is the same acknowledgement.
func (c *Client) Acknowledge(ctx context.Context, number crypto.Number, r api.Receipt) (api.ReceivedReceipt, error) {
	return ask[api.ReceivedReceipt](ctx, c, call{method: http.MethodPost, path: noticePath(number, "/acknowledgement"), body: r, repeatable: true})
}

// Receipt fetches the mailbox's receipt, to the byte.
func (c *Client) Receipt(ctx context.Context, number crypto.Number) ([]byte, error) {
	return get[[]byte](ctx, c, noticePath(number, "/acknowledgement"), 0)
}

// Manifest fetches a notice's manifest with its signatures.
func (c *Client) Manifest(ctx context.Context, number crypto.Number) (api.SignedManifest, error) {
	return get[api.SignedManifest](ctx, c, noticePath(number, "/manifest"), 0)
}

// Mailboxes fetches the directory; ceremony.ReadDirectory says what of it holds.
func (c *Client) Mailboxes(ctx context.Context) ([]api.Mailbox, error) {
	return get[[]api.Mailbox](ctx, c, "/mailboxes", maxMailboxList)
}

// Issue hands in a new representative.
func (c *Client) Issue(ctx context.Context, i api.Issue) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/mailboxes", body: i, maxRequest: api.MaxKeyRequest}, nil)
}

// Revoke hands in the revocation of a representative.
func (c *Client) Revoke(ctx context.Context, of crypto.Representative, r api.Revocation) error {
	return c.ask(ctx, call{method: http.MethodPost, path: "/certificates/" + pathOf(of) + "/revocation", body: r, maxRequest: api.MaxKeyRequest}, nil)
}

// StaffNotices lists all notices.
func (c *Client) StaffNotices(ctx context.Context) ([]api.StaffNotice, error) {
	return get[[]api.StaffNotice](ctx, c, "/staff/notices", maxNoticeList)
}

// StaffNotice fetches one, with all that an approver needs to open it.
func (c *Client) StaffNotice(ctx context.Context, number crypto.Number) (api.StaffNotice, error) {
	n, err := get[api.StaffNotice](ctx, c, staffNoticePath(number, ""), maxStaffNotice)
	if err == nil && n.HasPersonal() {
		n.PersonalParts, err = c.StaffPersonal(ctx, number)
	}
	return n, err
}

// StaffPersonal fetches what a notice says to each mailbox alone, sealed.
func (c *Client) StaffPersonal(ctx context.Context, number crypto.Number) (api.PersonalParts, error) {
	return get[api.PersonalParts](ctx, c, staffNoticePath(number, "/personal"), maxPersonal)
}

// Approve hands in the approver's signature. The same one again changes nothing.
func (c *Client) Approve(ctx context.Context, number crypto.Number, a api.Approval) (api.Released, error) {
	return ask[api.Released](ctx, c, call{method: http.MethodPost, path: staffNoticePath(number, "/approval"), body: a, repeatable: true})
}

// ReturnNotice sends a notice that waits for approval back to its author. The same reason again changes nothing.
func (c *Client) ReturnNotice(ctx context.Context, number crypto.Number, r api.NoticeReason) (api.NoticeEnded, error) {
	return ask[api.NoticeEnded](ctx, c, call{method: http.MethodPost, path: staffNoticePath(number, "/return"), body: r, maxRequest: api.MaxKeyRequest, repeatable: true})
}

// RecallNotice takes a notice back before its release. The same again changes nothing.
func (c *Client) RecallNotice(ctx context.Context, number crypto.Number, r api.NoticeReason) (api.NoticeEnded, error) {
	return ask[api.NoticeEnded](ctx, c, call{method: http.MethodPost, path: staffNoticePath(number, "/recall"), body: r, maxRequest: api.MaxKeyRequest, repeatable: true})
}

// Status tells who has opened and acknowledged.
func (c *Client) Status(ctx context.Context, number crypto.Number) (api.Status, error) {
	return get[api.Status](ctx, c, staffNoticePath(number, "/status"), maxNoticeList)
}

// Receipts fetches all receipts of a notice; ceremony.ReadAnswers says which of them hold.
func (c *Client) Receipts(ctx context.Context, number crypto.Number) (api.Receipts, error) {
	all, err := get[api.Receipts](ctx, c, staffNoticePath(number, "/receipts"), maxReceiptsPage)
	for next := all.Next; err == nil && next != ""; {
		var page api.Receipts
		page, err = get[api.Receipts](ctx, c, staffNoticePath(number, "/receipts")+"?after="+url.QueryEscape(string(next)), maxReceiptsPage)
		if err == nil && (len(page.Receipts) == 0 && page.Next != "" || len(all.Receipts) > crypto.MaxAudience) {
			return all, errors.New("the portal goes on and on with its list of receipts; don't rely on it, and tell the administrators")
		}
		all.Receipts = append(all.Receipts, page.Receipts...)
		next = page.Next
	}
	all.Next = ""
	return all, err
}

// StaffReceipt fetches a mailbox's receipt, to the byte.
func (c *Client) StaffReceipt(ctx context.Context, number, mailbox crypto.Number) ([]byte, error) {
	return get[[]byte](ctx, c, staffNoticePath(number, "/acknowledgements/"+url.PathEscape(strings.TrimSpace(string(mailbox)))), 0)
}
