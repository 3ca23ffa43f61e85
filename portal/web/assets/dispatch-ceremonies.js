// Notices before their release, as staff see them: examined, approved, sent back, recalled. What is signed is what was examined; the worker keeps it.

import { api, call, pause } from './server.js';

export const ahead = {};

const own = (notice) => `/staff/notices/${notice}`;

// Requests whose answer is not known yet: sealing a reason twice gives two ciphertexts, and the server would take the second for another's. What is sent again is the same.
const unanswered = new Map();

async function send(key, path, make) {
  const body = unanswered.get(key) ?? make();
  unanswered.set(key, body);
  for (let tries = 1; ; tries++) {
    try {
      const answer = await api('POST', path, body);
      unanswered.delete(key);
      return answer;
    } catch (error) {
      if (error.code !== 'network') unanswered.delete(key);
      if (error.code !== 'network' || tries >= 3) throw error;
      await pause(tries * 500);
    }
  }
}

export const ceremonies = {
  /** The subjects of notices that are sealed to the reader: [{notice, subject, language, problem}]; see noticeHeading in cmd/valise-wasm/noticelist.go. */
  async noticeHeadings({ notices, languages }) {
    return call('dispatch-headings', { languages }, await api('GET', `/staff/headings?of=${notices.join(',')}`, undefined, 'bytes'));
  },

  /** A notice as its recipients will open it, and who they are; see examinedNotice in cmd/valise-wasm/dispatch.go. */
  async examineNotice({ notice }) {
    const [directory, sealed] = await Promise.all([api('GET', '/mailboxes', undefined, 'bytes'), api('GET', own(notice), undefined, 'bytes')]);
    call('registry-directory', {}, directory);
    const examined = call('dispatch-examine', { notice }, sealed);
    if (!examined.needsPersonal) return examined;
    return call('dispatch-personal', { notice }, await api('GET', `${own(notice)}/personal`, undefined, 'bytes'));
  },

  /** Who has answered a released notice, by the receipts, and where the portal says another thing; see answersShown in cmd/valise-wasm/answers.go. */
  async verifyReceipts({ notice }) {
    const [directory, { mailboxes, released }, receipts] = await Promise.all([api('GET', '/mailboxes', undefined, 'bytes'), api('GET', `${own(notice)}/status`), api('GET', `${own(notice)}/receipts`)]);
    for (let { next } = receipts; next;) {
      const page = await api('GET', `${own(notice)}/receipts?after=${encodeURIComponent(next)}`);
      receipts.receipts.push(...page.receipts);
      next = page.receipts.length ? page.next : undefined;
    }
    call('registry-directory', {}, directory);
    return call('dispatch-answers', { notice, mailboxes, released }, new TextEncoder().encode(JSON.stringify({ ...receipts, next: undefined })));
  },

  /** The octets of a file of what was examined. */
  noticeFile: async ({ notice, index }) => call('dispatch-attachment', { notice, index }),

  /** What a mailbox alone is told, of what was examined → [{language, subject, text}]. */
  toldTo: async ({ notice, mailbox }) => call('dispatch-told', { notice, mailbox }),

  /** Signs what was examined; the portal releases it into every mailbox → {released}. */
  approveNotice: ({ notice }) => send(`approve ${notice}`, `${own(notice)}/approval`, () => call('dispatch-approve', { notice })),

  /** Sends it back with a reason, sealed to the desk → {state, ended}. */
  returnNotice: ({ notice, reason }) => send(`return ${notice} ${reason}`, `${own(notice)}/return`, () => call('dispatch-return', { notice, reason })),

  /** Takes it back; a reason may be '' → {state, ended}. */
  recallNotice: ({ notice, reason }) => send(`recall ${notice} ${reason}`, `${own(notice)}/recall`, () => call('dispatch-recall', { notice, reason })),
};
