// Composing a notice: whom an audience reaches, sealing, sending. The directory's chains are verified, and envelopes wrapped, by helpers (helpers.js); what takes the
// key is done here. All of it can be stopped.
//
// A draft is {id, languages: [{language, subject, text}], attachments: [{name, type, size, data} | {name, type, size, sha256, sealed}], words, leaveOut, acknowledge,
// deadline, release: {date, time, zone, at} | null, urgent, fallback, reminders: [hours], escalate: hours, template, personal}. Sealing looks at `at` of times: RFC 3339 with
// the offset that is meant (zones.js on the page makes it; a worker has no names of zones). data is a Uint8Array, an ArrayBuffer or a Blob.

import { api, call, pause } from './server.js';
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
  directory.directory.sort(byName);
  return directory;
}

const forHelper = (mailbox) => ({ ...mailbox, representatives: mailbox.representatives.map((one) => ({ ...one, details: null, reason: undefined })) });
const forKeysWorker = (mailbox) => ({
  ...mailbox, label: null, representatives: mailbox.representatives.map((one) => (one.state === 'revoked' ? one : { ...one, chain: [] })),
});

// Lines come sorted to the page, which has other things to do; who has no name for the reader comes last.
const { compare } = new Intl.Collator(globalThis.navigator?.language);
const byName = (a, b) => Number(!a.name) - Number(!b.name) || compare(a.name, b.name) || (a.mailbox < b.mailbox ? -1 : 1);

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

async function seal(run, { draft, revision = 0, words, leaveOut, confirmed = [] }, progress) {
  progress('checking');
  if (!directory) {
    await readDirectory(progress);
    await groups();
  }
  run.check();
  call('compose-drop');
  for (const [index, file] of (draft.attachments ?? []).entries()) {
    const { name, type = '' } = file;
    call('compose-attach', { name, type, first: index === 0 }, file.data ? await octetsOf(file.data) : await draftFile(draft.id, file));
    run.check();
  }
  const { languages, acknowledge = false, deadline = null, release = null, urgent = false, fallback = '', reminders = [], escalate = 0, personal = null } = draft;
  let { left } = call('compose-prepare', {
    words: words ?? draft.words ?? [], leaveOut: leaveOut ?? draft.leaveOut ?? [], confirmed,
    draft: { languages, acknowledge, deadline, release, urgent, fallback, reminders: reminders ?? [], escalate: escalate ?? 0, personal },
  });
  for (const all = left; left > 0;) { // each is signed, and so done here; a breath in between
    progress(`sealing ${all - left}/${all}`);
    ({ left } = call('compose-personal', { most: atOnce }));
    await pause(0);
    run.check();
  }
  const work = call('compose-seal');
  await wrap(run, work, progress);
  const octets = call('compose-finish');
  unsent = { notice: work.notice, draft: draft.id && revision ? `?draft=${draft.id}&revision=${revision}` : '', octets, sha256: hex(await crypto.subtle.digest('SHA-256', octets)) };
  run.check();
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

// ---------------------------------------------------------------- sending

const piece = 1 << 20; // bytes
const patience = [300, 1000, 3000]; // milliseconds before a request that got lost is sent again

const hex = (octets) => Array.from(new Uint8Array(octets), (octet) => octet.toString(16).padStart(2, '0')).join('');

// What was sealed and is not submitted yet: {notice, octets, sha256, upload}. It outlives an interruption, for resumeSending.
let unsent;

/** Sends again what got lost, and stops when the sealing is cancelled. All that goes this way may arrive twice. */
async function stubborn(run, method, path, body) {
  for (let tries = 0; ; tries++) {
    run.check();
    try {
      return await api(method, path, body);
    } catch (error) {
      const passing = error.code === 'network' || error.status === 503;
      if (!passing || tries >= patience.length) throw error;
      await pause(patience[tries]);
    }
  }
}

/** Uploads what is sealed piece by piece, from where the portal has it, and submits it. */
async function send(run, progress) {
  const { notice, draft, octets, sha256 } = unsent;
  const total = Math.ceil(octets.length / piece);
  for (let restarts = 0; ; restarts++) {
    try {
      const begun = await stubborn(run, 'POST', '/uploads', { size: octets.length, sha256 });
      unsent.upload = begun.upload;
      let { offset } = begun;
      while (!begun.notice && offset < octets.length) {
        progress(`sending ${Math.floor(offset / piece)}/${total}`);
        ({ offset } = await stubborn(run, 'PUT', `/uploads/${begun.upload}?offset=${offset}`, octets.subarray(offset, offset + piece)));
      }
      progress(`sending ${total}/${total}`);
      run.check();
      run.final = unsent.unsure = true; // from here on it may be submitted, whatever we hear
      const submitted = await stubborn(run, 'POST', `/uploads/${begun.upload}/notice${draft}`);
      unsent = undefined;
      if (submitted.notice !== notice) throw { code: 'other-notice', message: `The portal calls the notice ${submitted.notice}, but it is ${notice}: tell the administrators.` };
      return { notice };
    } catch (error) {
      run.final = false;
      if (error.code !== 'network' && error.status !== 503) unsent.unsure = false;
      // The portal has forgotten the upload, or begun it anew: once more from where it says.
      if (!['no-upload', 'upload-offset', 'upload-incomplete', 'upload-damaged'].includes(error.code) || restarts >= 2) throw error;
      if (error.code === 'upload-damaged') await stubborn(run, 'DELETE', `/uploads/${unsent.upload}`);
    }
  }
}

/** Forgets what was sealed, here and at the portal; that may fail there, where it is forgotten after a day. */
function abandon() {
  const upload = unsent?.upload;
  unsent = undefined;
  if (upload) api('DELETE', `/uploads/${upload}`).catch(() => {});
}

async function sending(run, progress) {
  try {
    return await send(run, progress);
  } catch (error) {
    if (error.code === 'cancelled' || ['stale-certificate', 'revoked-recipient', 'unknown-recipient', 'deadline-passed'].includes(error.code)) abandon();
    throw error;
  }
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
    const chosen = call('compose-audience', { words, leaveOut });
    chosen.lines.sort(byName);
    return chosen;
  },

  /**
   * Seals a draft and sends it → {notice}. revision is the one of the draft that was saved last: it is dropped with the submission, unless somebody has saved another. Progress: "checking", "checking 120/2000", "sealing 120/2000", "sending 3/17". Codes: "cancelled", "audience-unknown",
   * "audience-empty", "audience-refused" (somebody would be left out who isn't in confirmed), "stale-certificate" (look at the audience again), "network" (resumeSending goes on), "maybe-sent" (the line broke at the
   * very end of the sending before, so that it may have arrived: only resumeSending goes on).
   */
  sealNotice: (parameters, progress) => stoppable(async (run) => {
    try {
      if (unsent?.unsure) throw { code: 'maybe-sent', message: '' };
      abandon();
      await seal(run, parameters, progress);
      return await sending(run, progress);
    } catch (error) {
      if (['stale-certificate', 'revoked-recipient', 'unknown-recipient', 'engine-gone'].includes(error.code)) directory = undefined; // a helper that is gone took what it verified along
      throw error;
    } finally {
      try {
        call('compose-drop'); // however it ended, nobody needs the session keys and the files any more
      } catch { /* the key is gone, and with it what was sealed */ }
    }
  }),

  /** Goes on sending what sealNotice sealed when the line broke → {notice}. "nothing-unsent": there is nothing, or no longer. */
  resumeSending: (_, progress) => stoppable(async (run) => {
    if (!unsent) throw { code: 'nothing-unsent', message: '' };
    return sending(run, progress);
  }),

  /** Stops what sealNotice or resumeSending does, or forgets what is unsent → {cancelled}; false when there is nothing, or all of it may have been sent already. */
  async cancelSealing() {
    if (current?.final || (!current && (!unsent || unsent.unsure))) return { cancelled: false };
    if (current) current.stop();
    else abandon();
    return { cancelled: true };
  },
};

// ---------------------------------------------------------------- drafts

const own = (draft) => `/staff/notice-drafts/${draft}`;

// Requests whose answer is not known yet, as in newsroom-ceremonies.js: sealing twice gives two ciphertexts, and the server would take the second for somebody else's.
const unanswered = new Map();

async function save(id, revision, draft) {
  const key = `${id} ${revision}`;
  const request = unanswered.get(key) ?? { text: JSON.stringify(draft), body: call('notice-draft-seal', { draft, revision }) };
  unanswered.set(key, request);
  for (let tries = 0; ; tries++) {
    try {
      const saved = await api('PUT', own(id), request.body);
      unanswered.delete(key);
      return { ...saved, text: request.text };
    } catch (error) {
      if (error.code !== 'network') unanswered.delete(key);
      if (error.code !== 'network' || tries >= 2) throw error;
      await pause(patience[tries]);
    }
  }
}

async function draftFile(id, { name, sealed }) {
  return call('notice-file-open', { draft: id, name, sealed }, await api('GET', `${own(id)}/files/${sealed}`, undefined, 'bytes'));
}

Object.assign(ceremonies, {
  /** Saves what follows a revision (0: none) → {id, revision, saved}; a draft without an id gets one. "draft-changed": somebody else saved meanwhile; "no-draft": it was submitted or discarded. */
  async saveNoticeDraft({ draft, revision = 0 }) {
    const id = draft.id || call('notice-draft-new').id;
    const whole = { ...draft, id };
    const text = JSON.stringify(whole);
    const before = unanswered.has(`${id} ${revision}`);
    let saved = await save(id, revision, whole);
    if (before && saved.text !== text) saved = await save(id, saved.revision, whole); // what had got lost was an older text
    return { id, revision: saved.revision, saved: saved.saved };
  },

  /** All drafts, opened: [{id, state: 'draft', revision, saved, savedBy, mine, draft, problem}]; draft is null when it can't be opened. */
  async noticeDrafts() {
    return call('notice-drafts', { drafts: await api('GET', '/staff/notice-drafts') });
  },

  /** One of them; draft is its id. */
  async noticeDraft({ draft }) {
    const [line] = call('notice-drafts', { drafts: [await api('GET', own(draft))] });
    if (!line.draft) throw { code: 'refused', message: line.problem };
    return line;
  },

  /** Discards one, with its files, if the revision is the newest. */
  dropNoticeDraft: ({ draft, revision }) => api('POST', `${own(draft)}/discard`, { revision }),

  /** Begins a draft; nothing is sent → {id}. */
  newNoticeDraft: () => call('notice-draft-new'),

  /** Seals a file and uploads it → {name, type, size, sha256, sealed}, which goes into the draft's attachments as it is. draft is the id. */
  async attachNoticeFile({ draft, name, type = '', data }) {
    const file = call('notice-file-seal', { draft, name, type }, await octetsOf(data));
    const octets = call('attachment-octets', { id: file.sealed });
    for (let tries = 0; ; tries++) {
      try {
        await api('PUT', `${own(draft)}/files/${file.sealed}`, octets);
        return file;
      } catch (error) {
        if (error.code !== 'network' || tries >= 2) throw error;
        await pause(patience[tries]);
      }
    }
  },

  /** The octets of a file of a draft; file is its line in the draft's attachments. */
  noticeDraftFile: ({ draft, file }) => draftFile(draft, file),
});
