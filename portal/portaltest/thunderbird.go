package portaltest

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Thunderbird is the mail program, without a screen, with a profile of its own. A test drives it over Marionette, the protocol by which Mozilla tests its programs: with scripts
// that run in its main window and press what people press. It reaches nothing but the loopback interface.
type Thunderbird struct {
	t      testing.TB
	folder string
	conn   net.Conn
	read   *bufio.Reader
	calls  int
	mails  int
}

// ShownMail is what somebody sees who opens a mail.
type ShownMail struct {
	From, Subject, Text string
	Attachments         []ShownAttachment
	Encryption          string // the heading of what the OpenPGP button tells; "": nothing
	Signature           string // likewise
}

// ShownAttachment is a file below a mail, with the octets that are saved.
type ShownAttachment struct {
	Name, Type string
	Data       []byte
}

const thunderbirdSettings = `user_pref("marionette.port", %d);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mailnews.start_page.enabled", false);
user_pref("mail.openMessageBehavior", 2);
user_pref("app.donation.eoy.version.viewed", 999);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
`

// StartThunderbird starts one that has no account and no key. It ends with the test.
func StartThunderbird(t testing.TB) *Thunderbird {
	t.Helper()
	program, err := find("thunderbird", "thunderbird")
	if err != nil {
		t.Fatal(err)
	}
	home, remove, err := folder("thunderbird")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	b := &Thunderbird{t: t, folder: home}
	err = startOnFreePort(func(port int) error {
		profile := filepath.Join(home, "profile"+strconv.Itoa(port))
		if err := os.Mkdir(profile, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(profile, "user.js"), fmt.Appendf(nil, thunderbirdSettings, port), 0o600); err != nil {
			return err
		}
		cmd := exec.Command(program, "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", profile)
		cmd.Env = append(os.Environ(), "HOME="+home, "LC_ALL=C.UTF-8", "TZ=UTC")
		running := Start(t, cmd)
		for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err == nil {
				b.conn, b.read = conn, bufio.NewReader(conn)
				return nil
			}
			if time.Now().After(end) {
				running.Kill()
				return fmt.Errorf("thunderbird does not answer: %w\n%s", err, running.process.output)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.conn.Close() })
	if _, err := b.packet(); err != nil { // its greeting
		t.Fatal(err)
	}
	b.call("WebDriver:NewSession", map[string]any{"capabilities": map[string]any{}}, nil)
	b.call("Marionette:SetContext", map[string]any{"value": "chrome"}, nil)
	b.call("WebDriver:SetTimeouts", map[string]any{"script": 40_000}, nil)
	return b
}

// packet reads one answer: its length in decimal, a colon, JSON.
func (b *Thunderbird) packet() ([]byte, error) {
	length, err := b.read.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return nil, err
	}
	data := make([]byte, n)
	_, err = io.ReadFull(b.read, data)
	return data, err
}

func (b *Thunderbird) call(command string, parameters, result any) {
	b.t.Helper()
	b.calls++
	request, err := json.Marshal([]any{0, b.calls, command, parameters})
	if err != nil {
		b.t.Fatal(err)
	}
	_ = b.conn.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := fmt.Fprintf(b.conn, "%d:%s", len(request), request); err != nil {
		b.t.Fatal(err)
	}
	data, err := b.packet()
	if err != nil {
		b.t.Fatalf("thunderbird: %s: %v", command, err)
	}
	var answer [4]json.RawMessage // 1, the number of the call, error, result
	if err := json.Unmarshal(data, &answer); err != nil {
		b.t.Fatal(err)
	}
	if string(answer[2]) != "null" {
		b.t.Fatalf("thunderbird: %s: %.2000s", command, answer[2])
	}
	if result != nil {
		if err := json.Unmarshal(answer[3], result); err != nil {
			b.t.Fatal(err)
		}
	}
}

// Run runs the body of an asynchronous function in the main window, with arguments as A[0], A[1] …, and reads what it returns into result.
func (b *Thunderbird) Run(result any, body string, arguments ...any) {
	b.t.Helper()
	script := "const A = Array.from(arguments), done = A.pop();\n" +
		"const sleep = ms => new Promise(r => setTimeout(r, ms));\n" +
		"(async () => {" + body + "})().then(value => done(JSON.stringify({ value: value ?? null })), e => done(JSON.stringify({ failed: e + '\\n' + e.stack })));"
	var answer struct{ Value string }
	b.call("WebDriver:ExecuteAsyncScript", map[string]any{"script": script, "args": append([]any{}, arguments...), "newSandbox": false}, &answer)
	var said struct {
		Value  json.RawMessage
		Failed string
	}
	if err := json.Unmarshal([]byte(answer.Value), &said); err != nil {
		b.t.Fatal(err)
	}
	if said.Failed != "" {
		b.t.Fatalf("thunderbird: %s", said.Failed)
	}
	if result != nil {
		if err := json.Unmarshal(said.Value, result); err != nil {
			b.t.Fatal(err)
		}
	}
}

const openPGPModules = `
const { RNP } = ChromeUtils.importESModule("chrome://openpgp/content/modules/RNP.sys.mjs");
const { PgpSqliteDb2 } = ChromeUtils.importESModule("chrome://openpgp/content/modules/sqliteDb.sys.mjs");
const { EnigmailCore } = ChromeUtils.importESModule("chrome://openpgp/content/modules/core.sys.mjs");
await EnigmailCore.init();
const { EnigmailKeyRing } = ChromeUtils.importESModule("chrome://openpgp/content/modules/keyRing.sys.mjs");
const imported = r => { if (r.exitCode || r.importedKeys.length != 1) throw new Error(r.errorMsg || JSON.stringify(r)); };
`

// ImportOwn takes in a private key, armored and not locked, whose fingerprint is given, as the user's own.
func (b *Thunderbird) ImportOwn(armored, fingerprint string) {
	b.t.Helper()
	b.Run(nil, openPGPModules+`imported(await RNP.importSecKeyBlockImpl(window, () => "", false, A[0])); await PgpSqliteDb2.acceptAsPersonalKey(A[1]); EnigmailKeyRing.clearCache();`, armored, fingerprint)
}

// ImportVerified takes in somebody's certificate, as one whose fingerprint the user has compared.
func (b *Thunderbird) ImportVerified(armored string) {
	b.t.Helper()
	b.Run(nil, openPGPModules+`imported(await RNP.importPubkeyBlockAutoAcceptImpl(window, A[0], "verified")); EnigmailKeyRing.clearCache();`, armored)
}

const showMail = `
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
file.initWithPath(A[0]);
MailUtils.openEMLFile(window, file, Services.io.newFileURI(file));
const tabs = window.document.getElementById("tabmail");
const look = () => {
	const tab = tabs.currentTabInfo;
	if (tab.mode.name != "mailMessageTab") return null;
	const w = tab.chromeBrowser.contentWindow, d = w.document, pane = w.getMessagePaneBrowser && w.getMessagePaneBrowser();
	if (!pane || !pane.contentDocument || !pane.contentDocument.body || !w.msgLoaded) return null;
	const text = pane.contentDocument.body.innerText, subject = d.getElementById("expandedsubjectBox").textContent;
	return { w, d, state: JSON.stringify([text, subject, w.currentAttachments.length, d.getElementById("signedHdrIcon").src, d.getElementById("cryptoBox").hidden]), text, subject };
};
let now = null;
for (let before = "", same = 0, i = 0; same < 12; i++) { // what it shows comes bit by bit
	if (i > 500) throw new Error("the mail is not shown: " + before);
	await sleep(50);
	now = look();
	same = now && now.text.trim() && now.state == before ? same + 1 : 0;
	before = now ? now.state : "";
}
const { w, d } = now;
`

const readMail = `
const shown = {
	From: d.getElementById("expandedfromBox").textContent, Subject: now.subject.replace(/^Subject:/, ""), Text: now.text,
	Attachments: [],
};
for (const a of w.currentAttachments) {
	const data = new Uint8Array(await a.fetchAttachment());
	shown.Attachments.push({ Name: a.name, Type: a.contentType, Data: btoa(String.fromCharCode(...data)) });
}
if (!d.getElementById("cryptoBox").hidden) {
	d.getElementById("encryptionTechBtn").click();
	await sleep(100);
	shown.Encryption = d.getElementById("encryptionLabel").textContent;
	shown.Signature = d.getElementById("signatureLabel").textContent;
}
tabs.closeTab(tabs.currentTabInfo);
return shown;
`

// save writes a mail to a new file.
func (b *Thunderbird) save(mail []byte) (path string) {
	b.t.Helper()
	b.mails++
	path = filepath.Join(b.folder, fmt.Sprintf("mail%d.eml", b.mails))
	if err := os.WriteFile(path, mail, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// Open opens a mail that was saved as a file, and returns what it shows.
func (b *Thunderbird) Open(mail []byte) (shown ShownMail) {
	b.t.Helper()
	b.Run(&shown, showMail+readMail, b.save(mail))
	return shown
}

const makeAccount = `
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const certificate = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(A[3]);
Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService).rememberValidityOverride("localhost", A[2], {}, certificate, true);
const out = MailServices.outgoingServer.createServer("smtp");
const smtp = out.QueryInterface(Ci.nsISmtpServer);
smtp.hostname = "localhost";
smtp.port = A[2];
out.socketType = Ci.nsMsgSocketType.alwaysSTARTTLS;
out.authMethod = Ci.nsMsgAuthMethod.none;
MailServices.accounts.createLocalMailAccount();
const account = MailServices.accounts.createAccount();
account.incomingServer = MailServices.accounts.createIncomingServer("reader", "localhost", "pop3"); // never asked
account.incomingServer.loginAtStartUp = account.incomingServer.doBiff = false;
const identity = MailServices.accounts.createIdentity();
identity.fullName = "Reader";
identity.email = A[0];
identity.smtpServerKey = out.key;
identity.doFcc = false;
identity.composeHtml = false;
identity.setUnicharAttribute("openpgp_key_id", A[1]);
account.addIdentity(identity);
MailServices.accounts.defaultAccount = account;
`

// Account sets up an account for somebody with an address, whose key was imported, and who hands their mail to a server at 127.0.0.1:PORT, with STARTTLS.
func (b *Thunderbird) Account(email, fingerprint, server string, certificate *Certificate) {
	b.t.Helper()
	_, port, err := net.SplitHostPort(server)
	if err != nil {
		b.t.Fatal(err)
	}
	number, _ := strconv.Atoi(port)
	authority, err := os.ReadFile(certificate.CertFile)
	if err != nil {
		b.t.Fatal(err)
	}
	block, _ := pem.Decode(authority)
	b.Run(nil, makeAccount, email, fingerprint[len(fingerprint)-16:], number, base64.StdEncoding.EncodeToString(block.Bytes))
}

const replyToMail = `
w.commandController.doCommand("cmd_reply");
let c = null;
for (let i = 0; !c; i++) {
	if (i > 200) throw new Error("there is no window to write in");
	await sleep(50);
	c = [...Services.wm.getEnumerator("msgcompose")].find(x => x.gMsgCompose && x.GetCurrentEditor && x.GetCurrentEditor() && x.GetCurrentEditor().document.body.textContent != "");
}
await sleep(500); // what it decides by itself comes bit by bit
const editor = c.GetCurrentEditor();
editor.selectAll();
editor.QueryInterface(Ci.nsIEditorMailSupport).insertTextWithQuotations(A[1]);
if (c.gSendEncrypted != A[2]) c.toggleEncryptMessage();
await sleep(200);
if (!c.gSendSigned) c.toggleGlobalSignMessage();
const closed = new Promise(r => c.addEventListener("unload", r, { once: true }));
await c.GenericSendMessage(Ci.nsIMsgCompDeliverMode.Now);
await Promise.race([closed, sleep(20000).then(() => { throw new Error("it was not sent: " + [...c.document.querySelectorAll("notification-message")].map(n => (n.shadowRoot || n).textContent.replace(/\\s+/g, " "))); })]);
tabs.closeTab(tabs.currentTabInfo);
`

// Reply answers a mail with a text in place of the quoted one, signed, and encrypted when encrypt is true.
func (b *Thunderbird) Reply(mail []byte, text string, encrypt bool) {
	b.t.Helper()
	b.Run(nil, showMail+replyToMail, b.save(mail), text, encrypt)
}
