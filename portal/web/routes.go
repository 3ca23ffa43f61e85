package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"valise/crypto"
	"valise/portal/api"
)

// handler answers one request, or says why not. It may return an error only before it has written anything.
type handler func(w http.ResponseWriter, r *http.Request) error

// access is the door that a route is behind. The zero access is a mistake and refused when the table is built.
type access int

const (
	anyone         access = iota + 1 // no session is looked at, so it serves while Redis is down
	begun                            // whoever has begun to log in, whether or not something is still to be shown
	halfStaff                        // a staff member, likewise: what makes a half session whole, and nothing else
	anySession                       // whoever is logged in; like all that follow, nobody whose session is half
	representative                   // a representative, issued or claimed
	claimed                          // a representative with a key of their own
	claimedOrStaff                   // either; who has not claimed yet may only list and claim
	staff                            // a staff member; which roles, the step says
)

// route is one row of the table.
type route struct {
	pattern string // of http.ServeMux, with a method
	access  access
	handle  handler
	maxBody int64 // bytes of request body; 0: api.MaxRequest
	atRest  bool  // open pages ask it by themselves: no sign of life that keeps a session from ending
}

// path is the pattern without its method.
func (row route) path() string {
	_, path, _ := strings.Cut(row.pattern, " ")
	return path
}

// routes is the whole route table. GET rows answer HEAD too; other methods on the same path get 405.
func (s *server) routes() []route {
	return slices.Concat(s.apiRoutes(), s.pageRoutes(), s.publicRoutes(), []route{
		{pattern: "GET " + ledgerPath + "checkpoint", access: anyone, handle: s.getCheckpoint},
		{pattern: "GET " + ledgerPath + "tile/{path...}", access: anyone, handle: s.getTile},
		{pattern: "GET /healthz", access: anyone, handle: s.healthz},
		{pattern: "GET /readyz", access: anyone, handle: s.readyz},
	})
}

// apiRoutes are the rows of docs/api.md, in its order.
func (s *server) apiRoutes() []route {
	rows := []route{
		// Anyone.
		{pattern: "GET /institution", access: anyone, handle: s.getInstitution},
		{pattern: "POST /staff", access: anyone, handle: s.postStaff, maxBody: maxStaffRequest},
		{pattern: "POST /client-manifests", access: anyone, handle: s.postClientManifest, maxBody: api.MaxClientManifestRequest},
		{pattern: "POST /login/start", access: anyone, handle: s.postLogInStart},
		{pattern: "POST /login/unlock", access: anyone, handle: s.postLogInUnlock},
		{pattern: "POST /login", access: anyone, handle: s.postLogIn},
		{pattern: "POST /evidence", access: anyone, handle: s.postEvidence},

		{pattern: "GET /statements", access: anyone, handle: s.getStatements},
		{pattern: "GET /statements/{statement}", access: anyone, handle: s.getStatement},
		{pattern: "GET /statements/{statement}/{version}/proof", access: anyone, handle: s.getStatementProof},

		// Any session.
		{pattern: "GET /session", access: begun, handle: s.getSession},
		{pattern: "POST /logout", access: begun, handle: s.postLogOut},
		{pattern: "GET /sessions", access: anySession, handle: s.getSessions},
		{pattern: "POST /sessions/revoke", access: anySession, handle: s.postSessionsRevoke},
		{pattern: "GET /certificates/{representative}", access: claimedOrStaff, handle: s.getCertificates},
		{pattern: "GET /certificates/{representative}/proof", access: claimedOrStaff, handle: s.getCertificateProof},

		// What makes a staff member's session whole, and their second factors.
		{pattern: "GET /factors", access: halfStaff, handle: s.getFactors},
		{pattern: "POST /factors/passkeys/question", access: halfStaff, handle: s.postPasskeyQuestion},
		{pattern: "POST /factors/passkeys/enrolment", access: halfStaff, handle: s.postEnrolmentQuestion},
		{pattern: "POST /factors/passkeys", access: halfStaff, handle: s.postPasskeys},
		{pattern: "POST /factors/log-in", access: halfStaff, handle: s.postFactorLogIn},
		{pattern: "POST /factors/confirmation", access: halfStaff, handle: s.postConfirmation},
		{pattern: "POST /factors/passkeys/{passkey}/label", access: staff, handle: s.postPasskeyLabel},
		{pattern: "POST /factors/passkeys/{passkey}/remove", access: staff, handle: s.postPasskeyRemove},
		{pattern: "POST /factors/waiting/{code}/confirm", access: staff, handle: s.postWaitingConfirm},
		{pattern: "POST /factors/waiting/{code}/refuse", access: staff, handle: s.postWaitingRefuse},
		{pattern: "POST /staff/people/{member}/reset", access: staff, handle: s.postMemberReset},

		// Representatives.
		{pattern: "GET /me", access: representative, handle: s.getMe},
		{pattern: "GET /envelopes", access: representative, handle: s.getEnvelopes},
		{pattern: "POST /claim", access: representative, handle: s.postClaim, maxBody: api.MaxKeyRequest},
		{pattern: "POST /me/lock", access: claimed, handle: s.postLock, maxBody: api.MaxKeyRequest},
		{pattern: "GET /notices", access: representative, handle: s.getNotices},
		{pattern: "GET /notices/{notice}", access: claimed, handle: s.getNotice},
		{pattern: "GET /notices/{notice}/message.asc", access: claimed, handle: s.getMessage},
		{pattern: "GET /notices/{notice}/personal.asc", access: claimed, handle: s.getPersonal},
		{pattern: "GET /notices/{notice}/nonce", access: claimed, handle: s.getNonce},
		{pattern: "POST /notices/{notice}/acknowledgement", access: claimed, handle: s.postAcknowledgement},
		{pattern: "GET /notices/{notice}/acknowledgement", access: claimed, handle: s.getAcknowledgement},
		{pattern: "GET /notices/{notice}/acknowledgement/proof", access: claimed, handle: s.getAcknowledgementProof},
		{pattern: "GET /notices/{notice}/proof", access: claimedOrStaff, handle: s.getNoticeProof},
		{pattern: "GET /notices/{notice}/manifest", access: claimedOrStaff, handle: s.getManifest},
		{pattern: "GET /mailbox/statements", access: representative, handle: s.getMailboxStatements},
		{pattern: "GET /mailbox/statements/{statement}", access: claimed, handle: s.getMailboxStatement},
		{pattern: "GET /mailbox/statements/{statement}/text.asc", access: claimed, handle: s.getMailboxStatementText},
		{pattern: "POST /mailbox/statements/{statement}/acknowledgement", access: claimed, handle: s.postStatementAcknowledgement},
		{pattern: "GET /mailbox/statements/{statement}/acknowledgement", access: claimed, handle: s.getStatementAcknowledgement},
		{pattern: "GET /mailbox/statements/{statement}/acknowledgement/proof", access: claimed, handle: s.getStatementAcknowledgementProof},

		// Replies and answers: representatives, and the desk.
		{pattern: "GET /threads", access: claimedOrStaff, handle: s.getThreads},
		{pattern: "GET /threads/{thread}", access: claimedOrStaff, handle: s.getThread},
		{pattern: "POST /threads/{thread}/messages", access: claimedOrStaff, handle: s.postThreadMessage, maxBody: api.MaxNoticeRequest},
		{pattern: "GET /threads/{thread}/messages/{message}", access: claimedOrStaff, handle: s.getThreadMessage},
		{pattern: "GET /threads/{thread}/messages/{message}/message.asc", access: claimedOrStaff, handle: s.getThreadMessageFile},
		{pattern: "POST /threads/{thread}/envelopes", access: claimedOrStaff, handle: s.postThreadEnvelopes, maxBody: api.MaxShareRequest},
		{pattern: "GET /addressees/{mailbox}", access: claimedOrStaff, handle: s.getAddressees},
		{pattern: "GET /lacking", access: claimedOrStaff, handle: s.getLacking},
		{pattern: "POST /threads/{thread}/assignment", access: staff, handle: s.postThreadAssignment},
		{pattern: "POST /threads/{thread}/close", access: staff, handle: s.postThreadClose},
		{pattern: "POST /threads/{thread}/reopen", access: staff, handle: s.postThreadReopen},

		// Staff.
		{pattern: "GET /mailboxes", access: staff, handle: s.getMailboxes},
		{pattern: "POST /mailboxes", access: staff, handle: s.postMailboxes, maxBody: api.MaxKeyRequest},
		{pattern: "GET /addresses/{representative}", access: staff, handle: s.getAddress},
		{pattern: "PUT /addresses/{representative}", access: staff, handle: s.putAddress, maxBody: api.MaxAddressRequest},
		{pattern: "POST /addresses/{representative}/remove", access: staff, handle: s.postAddressRemove},
		{pattern: "GET /staff/desk-keys", access: staff, handle: s.getDeskKeys},
		{pattern: "POST /staff/desk-keys/{fingerprint}/shares", access: staff, handle: s.postDeskKeyShares, maxBody: api.MaxDeskKeyRequest},
		{pattern: "GET /groups", access: staff, handle: s.getGroups},
		{pattern: "GET /groups/{group}", access: staff, handle: s.getGroup},
		{pattern: "PUT /groups/{group}", access: staff, handle: s.putGroup, maxBody: api.MaxGroupRequest},
		{pattern: "POST /certificates/{representative}/revocation", access: staff, handle: s.postRevocation, maxBody: api.MaxKeyRequest},
		{pattern: "POST /notices", access: staff, handle: s.postNotices, maxBody: api.MaxNoticeRequest},
		{pattern: "GET /staff/notice-drafts", access: staff, handle: s.getNoticeDrafts},
		{pattern: "GET /staff/notice-drafts/{draft}", access: staff, handle: s.getNoticeDraft},
		{pattern: "PUT /staff/notice-drafts/{draft}", access: staff, handle: s.putNoticeDraft, maxBody: api.MaxNoticeDraftRequest},
		{pattern: "GET /staff/notice-drafts/{draft}/standing", access: staff, handle: s.getNoticeDraftStanding},
		{pattern: "POST /staff/notice-drafts/{draft}/discard", access: staff, handle: s.postNoticeDraftDiscard},
		{pattern: "PUT /staff/notice-drafts/{draft}/files/{id}", access: staff, handle: s.putNoticeDraftFile, maxBody: crypto.MaxSealedAttachment},
		{pattern: "GET /staff/notice-drafts/{draft}/files/{id}", access: staff, handle: s.getNoticeDraftFile},
		{pattern: "POST /uploads", access: staff, handle: s.postUploads},
		{pattern: "GET /uploads/{upload}", access: staff, handle: s.getUpload},
		{pattern: "PUT /uploads/{upload}", access: staff, handle: s.putUpload, maxBody: api.MaxUploadPiece},
		{pattern: "DELETE /uploads/{upload}", access: staff, handle: s.deleteUpload},
		{pattern: "POST /uploads/{upload}/notice", access: staff, handle: s.postUploadNotice},
		{pattern: "GET /staff/notices", access: staff, handle: s.getStaffNotices},
		{pattern: "GET /staff/notices/{notice}", access: staff, handle: s.getStaffNotice},
		{pattern: "GET /staff/notices/{notice}/personal", access: staff, handle: s.getStaffPersonal},
		{pattern: "POST /staff/notices/{notice}/approval", access: staff, handle: s.postApproval},
		{pattern: "GET /staff/notices/{notice}/standing", access: staff, handle: s.getNoticeStanding},
		{pattern: "GET /staff/notices/{notice}/status.csv", access: staff, handle: s.getStatusTable},
		{pattern: "GET /staff/notices/{notice}/contacts", access: staff, handle: s.getContacts},
		{pattern: "POST /staff/notices/{notice}/contacts", access: staff, handle: s.postContact, maxBody: api.MaxKeyRequest},
		{pattern: "POST /staff/notices/{notice}/reminders", access: staff, handle: s.postReminders, maxBody: api.MaxKeyRequest},
		{pattern: "GET /staff/notices/{notice}/dashboard", access: staff, handle: s.getDashboard, atRest: true},
		{pattern: "GET /staff/notices/{notice}/stream", access: staff, handle: s.getNoticeStream, atRest: true},
		{pattern: "GET /staff/board", access: staff, handle: s.getBoard, atRest: true},
		{pattern: "GET /staff/headings", access: staff, handle: s.getHeadings},
		{pattern: "GET /staff/stream", access: staff, handle: s.getDeskStream, atRest: true},
		{pattern: "POST /staff/notices/{notice}/return", access: staff, handle: s.postNoticeReturn, maxBody: api.MaxKeyRequest},
		{pattern: "POST /staff/notices/{notice}/recall", access: staff, handle: s.postNoticeRecall, maxBody: api.MaxKeyRequest},
		{pattern: "GET /staff/notices/{notice}/status", access: staff, handle: s.getStatus},
		{pattern: "GET /staff/notices/{notice}/bundle", access: staff, handle: s.getBundle},
		{pattern: "GET /staff/notices/{notice}/receipts", access: staff, handle: s.getStaffReceipts},
		{pattern: "GET /staff/notices/{notice}/acknowledgements/{mailbox}", access: staff, handle: s.getStaffAcknowledgement},
		{pattern: "GET /staff/outbox", access: staff, handle: s.getOutbox},
		{pattern: "POST /staff/outbox/{notice}/{representative}/retry", access: staff, handle: s.postOutboxRetry},
		{pattern: "GET /staff/mail", access: staff, handle: s.getMailIn},
		{pattern: "GET /staff/mail/{mail}", access: staff, handle: s.getKeptMail},
		{pattern: "DELETE /staff/mail/{mail}", access: staff, handle: s.deleteKeptMail},
		{pattern: "GET /staff/statements", access: staff, handle: s.getStaffStatements},
		{pattern: "GET /staff/statements/{statement}", access: staff, handle: s.getStaffStatement},
		{pattern: "GET /staff/statements/{statement}/standing", access: staff, handle: s.getStatementStanding},
		{pattern: "PUT /staff/statements/{statement}/draft", access: staff, handle: s.putStatementDraft, maxBody: api.MaxStatementRequest},
		{pattern: "POST /staff/statements/{statement}/discard", access: staff, handle: s.postStatementDiscard},
		{pattern: "POST /staff/statements/{statement}/submission", access: staff, handle: s.postStatementSubmission, maxBody: api.MaxStatementRequest},
		{pattern: "POST /staff/statements/{statement}/approval", access: staff, handle: s.postStatementApproval, maxBody: api.MaxStatementApproval},
		{pattern: "PUT /staff/statements/{statement}/attachments/{id}", access: staff, handle: s.putStatementAttachment, maxBody: crypto.MaxSealedAttachment},
		{pattern: "GET /staff/statements/{statement}/attachments/{id}", access: staff, handle: s.getStatementAttachment},
		{pattern: "POST /staff/statements/{statement}/return", access: staff, handle: s.postStatementReturn},
		{pattern: "POST /staff/statements/{statement}/cancel", access: staff, handle: s.postStatementCancel},
		{pattern: "GET /staff/statements/{statement}/acknowledgements", access: staff, handle: s.getStatementStatus},
		{pattern: "GET /staff/statements/{statement}/acknowledgements/{mailbox}", access: staff, handle: s.getStaffStatementAcknowledgement},
		{pattern: "GET /staff/statements/{statement}/acknowledgements/{mailbox}/proof", access: staff, handle: s.getStaffStatementAcknowledgementProof},
		{pattern: "GET /staff/audit", access: staff, handle: s.getAudit},
		{pattern: "GET /staff/audit.csv", access: staff, handle: s.getAuditCSV},
		{pattern: "GET /staff/notices/{notice}/acknowledgements/{mailbox}/proof", access: staff, handle: s.getStaffAcknowledgementProof},
	}
	for i := range rows {
		method, path, _ := strings.Cut(rows[i].pattern, " ")
		rows[i].pattern = method + " " + api.Root + path
	}
	return rows
}

// pageRoutes are the pages and what they load.
func (s *server) pageRoutes() []route {
	return []route{
		// Anyone: these look at no session, so they are there when sessions can't be reached.
		{pattern: "GET /root.asc", access: anyone, handle: s.getRoot},
		{pattern: "GET /login", access: anyone, handle: s.getLogIn},
		{pattern: "GET /login/text", access: anyone, handle: s.getLogInText},
		{pattern: "POST /login/text", access: anyone, handle: s.postLogInText},
		{pattern: "POST /login/signed", access: anyone, handle: s.postLogInSigned},
		{pattern: "GET /claim", access: anyone, handle: s.getClaim},
		{pattern: "GET " + deskLogIn, access: anyone, handle: s.getStaffLogIn},
		{pattern: "POST /logout", access: anyone, handle: s.postPageLogOut},
		{pattern: "GET " + assetsPath + "{version}/{name}", access: anyone, handle: s.getAsset},

		// Any session.
		{pattern: "POST /sessions/revoke", access: anySession, handle: s.postPageRevoke},

		// What a staff member shows after their key, and their own account.
		{pattern: "GET " + factorPath, access: halfStaff, handle: s.getFactor},
		{pattern: "GET " + signOnPath, access: halfStaff, handle: s.getSignOn},
		{pattern: "GET " + signedOnPath, access: halfStaff, handle: s.getSignedOn},
		{pattern: "GET " + accountPath, access: staff, handle: s.getStaffAccount},
		{pattern: "GET " + peoplePath, access: staff, handle: s.getPeople},
		{pattern: "GET " + outboxPath, access: staff, handle: s.getOutboxPage},
		{pattern: "POST " + outboxPath + "/{notice}/{representative}/retry", access: staff, handle: s.postOutboxPageRetry},
		{pattern: "GET " + mailInPath, access: staff, handle: s.getMailInPage},

		// Representatives.
		{pattern: "GET /mailbox", access: claimed, handle: s.getMailbox},
		{pattern: "GET /notices/{notice}", access: claimed, handle: s.getNoticePage},
		{pattern: "GET /notices/{notice}/manifest.asc", access: claimed, handle: s.getManifestFile},
		{pattern: "GET /notices/{notice}/acknowledge", access: claimed, handle: s.getAcknowledge},
		{pattern: "POST /notices/{notice}/acknowledge", access: claimed, handle: s.postAcknowledge},
		{pattern: "GET /mailbox/statements/{statement}", access: claimed, handle: s.getMailboxStatementPage},
		{pattern: "GET /mailbox/statements/{statement}/acknowledge", access: claimed, handle: s.getStatementAcknowledge},
		{pattern: "POST /mailbox/statements/{statement}/acknowledge", access: claimed, handle: s.postStatementAcknowledge},
		{pattern: "GET /threads", access: claimed, handle: s.getThreadsPage},
		{pattern: "GET /threads/new", access: claimed, handle: s.getNewThread},
		{pattern: "GET /threads/{thread}", access: claimed, handle: s.getThreadPage},
		{pattern: "GET /account", access: claimed, handle: s.getAccount},
		{pattern: "GET /certificates/{representative}", access: claimed, handle: s.getCertificateFile},
		{pattern: "GET /certificates/{representative}/chain", access: claimed, handle: s.getChainFile},

		// Staff.
		{pattern: "GET " + deskPath, access: staff, handle: s.getStaffHome},
		{pattern: "GET " + deskPath + "/audit", access: staff, handle: s.getAuditPage},

		{pattern: "GET /staff/statements/{statement}/acknowledgements", access: staff, handle: s.getStaffAcknowledgements},
		{pattern: "GET " + inboxPath, access: staff, handle: s.getInbox},
		{pattern: "GET " + deskPath + "/threads/{thread}", access: staff, handle: s.getDeskThread},

		// Staff: the registry.
		{pattern: "GET " + registryPath, access: staff, handle: s.getRegistry},
		{pattern: "GET " + registryPath + "/new", access: staff, handle: s.getRegistryIssue},
		{pattern: "GET " + registryPath + "/{mailbox}", access: staff, handle: s.getRegistryMailbox},
		{pattern: "GET " + deskPath + "/groups", access: staff, handle: s.getRegistryGroups},

		// Staff: notices.
		{pattern: "GET " + noticesPath, access: staff, handle: s.getDispatchPage},
		{pattern: "GET " + composePath, access: staff, handle: s.getCompose},
		{pattern: "GET " + deskPath + "/notice-drafts/{draft}", access: staff, handle: s.getCompose},
		{pattern: "GET " + noticesPath + "/{notice}", access: staff, handle: s.getDispatchNotice},
		{pattern: "POST /staff/reminders/{notice}", access: staff, handle: s.postRemind},

		// Staff: the newsroom.
		{pattern: "GET " + newsroomPath, access: staff, handle: s.getNewsroom},
		{pattern: "GET " + newsroomPath + "/new", access: staff, handle: s.getNewStatement},
		{pattern: "GET " + newsroomPath + "/{statement}/edit", access: staff, handle: s.getEditor},
		{pattern: "GET " + newsroomPath + "/{statement}", access: staff, handle: s.getReview},
	}
}

// publicRoutes are what the world reads: first page, statements, feeds. Any cache may carry them.
func (s *server) publicRoutes() []route {
	rows := slices.Concat(
		inLanguages("/{$}", s.getHome),
		inLanguages("/statements", s.getArchivePage),
		inLanguages("/series/{statement}", s.getSeriesPage),
		[]route{
			{pattern: "GET /statements/{statement}", access: anyone, handle: s.getStatementPage},
			{pattern: "GET /statements/{statement}/{item}", access: anyone, handle: s.getStatementItem},
			{pattern: "GET /statements/{statement}/{version}/{item}", access: anyone, handle: s.getStatementItem},
			{pattern: "GET /feeds/{file}", access: anyone, handle: s.getFeed},
			{pattern: "GET /feeds/{topic}/{file}", access: anyone, handle: s.getFeed},
			{pattern: "GET /sitemap.xml", access: anyone, handle: s.getSitemap},
			{pattern: "GET /robots.txt", access: anyone, handle: s.getRobots},
		},
	)
	for _, tag := range catalogueTags() {
		for _, path := range []string{"/before/{place}", "/topic/{topic}", "/topic/{topic}/before/{place}"} {
			rows = append(rows, route{pattern: "GET /" + tag + "/statements" + path, access: anyone, handle: s.getArchivePage(tag)})
		}
	}
	for i := range rows {
		rows[i].handle = s.remembered(rows[i].handle)
	}
	// What follows changes with the staff and the ledger, not with what is published, or is too large, so it isn't remembered.
	return slices.Concat(rows, inLanguages("/certificates", s.getCertificatesPage), inLanguages("/verify", s.getVerifyPage), []route{
		{pattern: "GET /statements/{statement}/files/{name}", access: anyone, handle: s.getStatementFile},
		{pattern: "GET /statements/{statement}/{version}/files/{name}", access: anyone, handle: s.getStatementFile},
		{pattern: "GET " + keysPath + "{file}", access: anyone, handle: s.getKeyFile},
		{pattern: "GET " + readerPath, access: anyone, handle: s.getReader},
		{pattern: "GET " + clientPath + "{file}", access: anyone, handle: s.getClientManifest},
		{pattern: "GET " + wkdPath + "{path...}", access: anyone, handle: s.getWKD},
		{pattern: "GET " + securityTxtPath, access: anyone, handle: s.getSecurityTxt},
		{pattern: "GET /security.txt", access: anyone, handle: s.getOldSecurityTxt},
	})
}

// mux builds the ServeMux. ServeMux alone would answer a known path with the wrong method from the catch-all pattern; so what no row takes is looked up
// once more by its path, in a mux without methods that says which ones there are. (In one mux, "/a/new" for every method would be refused beside "GET /a/{b}".)
func (s *server) mux() (*http.ServeMux, error) {
	mux, paths := http.NewServeMux(), http.NewServeMux()
	methods := make(map[string][]string)
	for _, row := range s.routes() {
		method, path, ok := strings.Cut(row.pattern, " ")
		if !ok || row.access == 0 || row.handle == nil {
			return nil, fmt.Errorf("route %q: method, access and handler are needed", row.pattern)
		}
		mux.Handle(row.pattern, s.serve(row))
		methods[path] = append(methods[path], method)
		if method == http.MethodGet {
			methods[path] = append(methods[path], http.MethodHead)
		}
	}
	for path, allowed := range methods {
		paths.Handle(path, s.serve(route{pattern: path, access: anyone, handle: methodNotAllowed(allowed)}))
	}
	paths.Handle("/", s.serve(route{pattern: "/", access: anyone, handle: notFound}))
	mux.Handle("/", paths)
	return mux, nil
}

func methodNotAllowed(allowed []string) handler {
	slices.Sort(allowed)
	list := strings.Join(allowed, ", ")
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", list)
		return refuse(http.StatusMethodNotAllowed, "method-not-allowed", "This address takes only %s.", list)
	}
}

func notFound(w http.ResponseWriter, r *http.Request) error {
	return refuse(http.StatusNotFound, "not-found", "There is nothing at this address. Check it, or start from the first page.")
}
