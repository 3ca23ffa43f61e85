// Replies and answers: what representatives and the desk do with threads. What is written goes up sealed; what comes down is opened in Go.

import { api, call } from './server.js';

export const ahead = {};

const encoded = (value) => new TextEncoder().encode(JSON.stringify(value));
let deskKeys = false; // the desk's keys for mail programs were handed in, for the thread that is read
const addressees = async (mailbox) => encoded(await api('GET', `/addressees/${mailbox}`));

export const ceremonies = {
  /** Subjects, and for staff names, of the threads that the page lists. state: "open" or "closed", of the desk's. */
  async threads({ state = 'open' }) {
    await share();
    return call('threads', {}, await api('GET', `/threads?state=${state}`, undefined, 'bytes'));
  },

  /** A thread's headings, verified. */
  async thread({ thread }) {
    await share();
    deskKeys = false; // somebody may have given one since
    return call('thread', { thread }, await api('GET', `/threads/${thread}`, undefined, 'bytes'));
  },

  /** Opens a message of a thread that was read. It counts as read from now on. */
  async threadMessage({ thread, message }) {
    return call('thread-message', { thread, message }, await api('GET', `/threads/${thread}/messages/${message}`, undefined, 'bytes'));
  },

  /** Opens a reply that came by e-mail, with the desk's keys for mail programs. It counts as read from now on. */
  async threadMail({ thread, message }) {
    if (!deskKeys) call('desk-mail-keys', {}, await api('GET', '/staff/desk-keys', undefined, 'bytes'));
    deskKeys = true;
    return call('mailed-message', { thread, message }, await api('GET', `/threads/${thread}/messages/${message}`, undefined, 'bytes'));
  },

  async threadFile({ thread, message, index }) {
    try {
      return call('thread-file', { thread, message, index });
    } catch (error) {
      if (error.code !== 'mail-given-up') throw error; // it was large, and many were opened since
      await ceremonies.threadMail({ thread, message });
      return call('thread-file', { thread, message, index });
    }
  },

  /**
   * Seals what was written and hands it in → {thread}. token names what stands in the form: sent again under the same, after the line broke, it is the same
   * message, and the portal keeps it once. files are {name, type, data}.
   */
  async send({ token, thread, about, language, subject, text, files }, progress) {
    progress('thread-sealing');
    const begun = call('write', { token, thread, about, language, subject, text });
    if (begun.begun) for (const { name, type, data } of files) call('write-file', { name, type }, new Uint8Array(data));
    for (let tries = 1; ; tries++) {
      const sealed = call('write-seal', {}, await addressees(begun.mailbox));
      progress('thread-sending');
      try {
        await api('POST', `/threads/${begun.thread}/messages`, new Blob([sealed], { type: 'application/json' }));
        break;
      } catch (error) {
        if (error.code !== 'addressees-changed' || tries >= 3) throw error;
      }
    }
    call('write-done');
    return { thread: begun.thread };
  },

  async assignThread({ thread, assignee }) {
    await api('POST', `/threads/${thread}/assignment`, { assignee });
    return {};
  },

  /** Gives the desk's keys for mail programs to those of the desk who lack them → their names, each once; null when who asks has no such key. */
  async giveDeskKeys() {
    const given = call('desk-keys-give', {}, await api('GET', '/staff/desk-keys', undefined, 'bytes'));
    for (const { fingerprint, names, request } of given) if (names.length) await api('POST', `/staff/desk-keys/${fingerprint}/shares`, request);
    return given.length ? [...new Set(given.flatMap((one) => one.names))] : null;
  },

  async closeThread({ thread, closed }) {
    await api('POST', `/threads/${thread}/${closed ? 'close' : 'reopen'}`, {});
    return {};
  },
};

/** Gives what this reader can open to those who came later, once they were verified. That it fails is no reason not to read. */
async function share() {
  try {
    for (let round = 0; round < 20; round++) {
      const lacking = await api('GET', '/lacking');
      let added = 0;
      for (const [thread, lines] of grouped(lacking)) {
        const request = call('share-envelopes', { mailbox: lines[0].mailbox, lacking: lines }, await addressees(lines[0].mailbox));
        if (request.envelopes.length) added += (await api('POST', `/threads/${thread}/envelopes`, request)).added;
      }
      if (!added) break;
    }
    if (call('of-desk')) await ceremonies.giveDeskKeys();
  } catch (error) {
    if (error.code === 'no-session') throw error;
  }
}

function grouped(lines) {
  const groups = new Map();
  for (const line of lines) groups.set(line.thread, [...(groups.get(line.thread) ?? []), line]);
  return groups;
}
