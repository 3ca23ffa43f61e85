// Composing a notice: whom an audience reaches, sealing, sending. The directory's chains are verified, and envelopes wrapped, by helpers (helpers.js); what takes the
// key is done here. All of it can be stopped.
//
// A draft is {id, languages: [{language, subject, text}], attachments: [{name, type, size, data} | {name, type, size, sha256, sealed}], words, leaveOut, acknowledge,
// deadline, release: {date, time, zone, at} | null, urgent, fallback, reminders: [hours], escalate: hours, template, personal}. Sealing looks at `at` of times: RFC 3339 with
// the offset that is meant (zones.js on the page makes it; a worker has no names of zones). data is a Uint8Array, an ArrayBuffer or a Blob.

import { api, call } from './server.js';
import { startHelpers } from './helpers.js';

export const ahead = {};

const atOnce = 20; // mailboxes, or envelopes, that a helper is given at a time

let helpers;
let directory; // as compose-complete tells it
let judgedBy;  // which helper keeps a representative's certificate
let reading;   // the promise of a directory that is being read

/** Reads and verifies the directory; progress hears "checking 120/2000", in mailboxes. */
function readDirectory(progress) {
  reading ??= read(progress).finally(() => { reading = undefined; });
  return reading;
}

async function read(progress) {
  directory = undefined;
  const octets = await api('GET', '/mailboxes', undefined, 'bytes');
  const mailboxes = JSON.parse(new TextDecoder().decode(octets));
  helpers?.end();
  helpers = startHelpers(call('compose-trust'));
  call('compose-begin');
  const chunks = [];
  for (let i = 0; i < mailboxes.length; i += atOnce) chunks.push(mailboxes.slice(i, i + atOnce));
  const by = new Map();
  const judged = [];
  let taken = 0, done = 0;
  await helpers.each(chunks, async (chunk, ask, helper, index) => {
    const keys = call('compose-labels', { mailboxes: chunk.map(({ mailbox, label }) => ({ mailbox, label })) });
    const judgements = await ask('helper-judge', { mailboxes: chunk.map(forHelper), keys });
    for (const { representatives } of chunk) for (const { representative } of representatives) by.set(representative, helper);
    judged[index] = judgements;
    for (; judged[taken]; taken++) { // in the portal's order
      call('compose-take', { mailboxes: chunks[taken].map(forKeysWorker), judgements: judged[taken] });
      judged[taken] = true;
    }
    done += chunk.length;
    progress(`checking ${done}/${mailboxes.length}`);
  });
  judgedBy = by;
  directory = call('compose-complete');
  return directory;
}

const forHelper = (mailbox) => ({ ...mailbox, representatives: mailbox.representatives.map((one) => ({ ...one, details: null, reason: undefined })) });
const forKeysWorker = (mailbox) => ({
  ...mailbox, label: null, representatives: mailbox.representatives.map((one) => (one.state === 'revoked' ? one : { ...one, chain: [] })),
});

const groups = async () => call('registry-groups', {}, await api('GET', '/groups', undefined, 'bytes'));

// ---------------------------------------------------------------- sealing

// The sealing that is under way: {cancelled, stop, stopped, final}; stopped rejects at once when somebody cancels.
let current;

function begin() {
  if (current) throw { code: 'sealing-already', message: '' };
  const run = { cancelled: false, final: false };
  run.stopped = new Promise((_, reject) => { run.stop = () => { run.cancelled = true; reject({ code: 'cancelled', message: '' }); }; });
  run.stopped.catch(() => {});
  run.check = () => { if (run.cancelled) throw { code: 'cancelled', message: '' }; };
  current = run;
  return run;
}

/** Runs work so that whoever waits hears of a cancellation at once; the next begins only when the work has really ended. */
function stoppable(work) {
  const run = begin();
  const ended = work(run).finally(() => { if (current === run) current = undefined; });
  ended.catch(() => {});
  return Promise.race([ended, run.stopped]);
}

const octetsOf = async (data) => new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);

async function seal(run, { draft, words, leaveOut = [], confirmed = [] }, progress) {
  progress('checking');
  if (!directory) {
    await readDirectory(progress);
    await groups();
  }
  run.check();
  call('compose-drop');
  for (const [index, { name, type = '', data }] of (draft.attachments ?? []).entries()) {
    call('compose-attach', { name, type, first: index === 0 }, await octetsOf(data));
    run.check();
  }
  const { languages, acknowledge = false, deadline = null, release = null, urgent = false, fallback = '', reminders = [], escalate = 0 } = draft;
  const work = call('compose-seal', {
    words: words ?? draft.words, leaveOut, confirmed,
    draft: { languages, acknowledge, deadline, release, urgent, fallback, reminders: reminders ?? [], escalate: escalate ?? 0 },
  });
  await wrap(run, work, progress);
  const octets = call('compose-finish');
  return { notice: work.notice, octets };
}

/** Has every envelope wrapped, each by the helper that verified whom it is for. */
async function wrap(run, { keys, personal, notice, members }, progress) {
  const chunks = [];
  const open = new Map();
  members.forEach(({ representative }, index) => {
    const helper = judgedBy.get(representative);
    let chunk = open.get(helper);
    if (!chunk || chunk.at.length >= atOnce) {
      chunk = { helper, at: [] };
      open.set(helper, chunk);
      chunks.push(chunk);
    }
    chunk.at.push(index);
  });
  let done = 0;
  progress(`sealing 0/${members.length}`);
  await helpers.each(chunks, async ({ at }, ask) => {
    run.check();
    const wrapped = await ask('helper-wrap', { notice, keys, personal, at, members: at.map((index) => members[index]) });
    run.check();
    call('compose-add', wrapped);
    done += at.length;
    progress(`sealing ${done}/${members.length}`);
  });
}

async function send(run, { notice, octets }, progress) {
  progress('sending 0/1');
  run.final = true;
  const answer = await api('POST', '/notices', new Blob([octets], { type: 'application/json' }));
  progress('sending 1/1');
  return { notice: answer.notice ?? notice };
}

export const ceremonies = {
  /** What a page begins with → {directory: [{mailbox, kind, name, representatives}], groups: as groups tells them, languages, desk}. Progress: "checking 120/2000". */
  async composeStart(_, progress) {
    const { directory: lines, languages, desk } = await readDirectory(progress);
    return { directory: lines, groups: await groups(), languages, desk };
  },

  /**
   * Whom some words reach, and what stands against it → {mailboxes, representatives, desk, kinds, lines, warnings, unknown}; see composeAudience in
   * cmd/valise-wasm/compose.go. A word may be a pasted list. The directory is read when it isn't there, or when sealing found that it is out of date.
   */
  async audience({ words, leaveOut = [] }, progress) {
    if (!directory) {
      await readDirectory(progress);
      await groups();
    }
    return call('compose-audience', { words, leaveOut });
  },

  /**
   * Seals a draft and sends it → {notice}. Progress: "checking", "checking 120/2000", "sealing 120/2000", "sending 3/17". Codes: "cancelled", "audience-unknown",
   * "audience-empty", "audience-refused" (somebody would be left out who isn't in confirmed), "stale-certificate" (look at the audience again).
   */
  sealNotice: (parameters, progress) => stoppable(async (run) => {
    try {
      return await send(run, await seal(run, parameters, progress), progress);
    } catch (error) {
      if (['stale-certificate', 'revoked-recipient', 'unknown-recipient'].includes(error.code)) directory = undefined;
      throw error;
    }
  }),

  /** Stops what sealNotice does → {cancelled}; false when nothing is under way, or all of it has been sent already. */
  async cancelSealing() {
    if (!current || current.final) return { cancelled: false };
    current.stop();
    return { cancelled: true };
  },
};
