// What staff do about mailboxes that don't answer a notice: contacts outside the portal, and its table with names.

import { api, call, pause } from './server.js';

export const ahead = {};

const own = (notice) => `/staff/notices/${notice}`;

// What was signed and has no answer yet: sent again, it is the same contact; signed again, it would be another.
const unanswered = new Map();

export const ceremonies = {
  /** The contacts of a notice, newest first, each as far as signatures vouch for it; see shownContact in cmd/valise-wasm/contact.go. */
  async contacts({ notice }) {
    const [manifest, contacts] = await Promise.all([api('GET', `/notices/${notice}/manifest`), api('GET', `${own(notice)}/contacts`)]);
    return contacts.length ? call('contact-read', { notice, manifest, contacts: contacts.map(({ mailbox, contact, note }) => ({ mailbox, contact, note })) }) : [];
  },

  /** Signs a contact {notice, mailbox, way, outcome, time, note}, seals its note, and hands both in. */
  async recordContact(made) {
    const key = JSON.stringify(made);
    let body = unanswered.get(key);
    if (!body) {
      const manifest = await api('GET', `/notices/${made.notice}/manifest`);
      body = call('contact-sign', { ...made, manifest });
      unanswered.set(key, body);
    }
    for (let tries = 1; ; tries++) {
      try {
        await api('POST', `${own(made.notice)}/contacts`, body);
        unanswered.delete(key);
        return {};
      } catch (error) {
        if (error.code !== 'network') unanswered.delete(key);
        if (error.code !== 'network' || tries >= 3) throw error;
        await pause(tries * 500);
      }
    }
  },

  /** The table of a notice's mailboxes (CSV), with the names that are sealed to the reader. */
  async noticeTable({ notice }) {
    const [directory, status] = await Promise.all([api('GET', '/mailboxes', undefined, 'bytes'), api('GET', `${own(notice)}/status`, undefined, 'bytes')]);
    call('registry-directory', {}, directory);
    return call('status-table', {}, status);
  },
};
