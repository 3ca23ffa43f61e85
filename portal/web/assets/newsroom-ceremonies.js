// What staff do with statements: writing, examining, approving. Texts are text, never HTML; Markdown comes as the blocks that content.js draws; times are
// RFC 3339.

import { api, call, pause } from './server.js';

export const ahead = {};

const own = (statement) => `/staff/statements/${statement}`;

/** All published versions as the server has them; null when nothing is published. */
async function published(statement) {
  try {
    return await api('GET', `/statements/${statement}`);
  } catch (error) {
    if (error.code === 'no-statement') return null;
    throw error;
  }
}

/** What staff work on, and what it follows. */
async function worked(statement) {
  const [work, before] = await Promise.all([api('GET', own(statement)), published(statement)]);
  return { statement, work, published: before };
}

// Requests whose answer is not known yet: sealing twice gives two ciphertexts, and the server would take the second for somebody else's. What is sent again is the same.
const unanswered = new Map();

async function send(key, method, path, make) {
  const body = unanswered.get(key) ?? make();
  unanswered.set(key, body);
  for (let tries = 1; ; tries++) {
    try {
      const answer = await api(method, path, body);
      unanswered.delete(key);
      return answer;
    } catch (error) {
      if (error.code !== 'network') unanswered.delete(key);
      if (error.code !== 'network' || tries >= 3) throw { ...error, body };
      await pause(tries * 500);
    }
  }
}

// The draft that was last sent, by statement, as text.
const sent = new Map();

// What was examined, by statement: the digest that names it.
const looked = new Map();

export const ceremonies = {
  /** The list of work: [{statement, state, kind, version, revision, title, language, …}]. */
  async works({ languages = [] } = {}) {
    return call('statement-works', { works: await api('GET', '/staff/statements'), languages });
  },

  /** One of it, opened: the line of the list, with draft and previous. */
  async work({ statement, languages = [] }) {
    return call('statement-work', { ...(await worked(statement)), languages });
  },

  /** Begins a draft; nothing is sent. Fails with "draft-exists" when somebody works on the next version already. */
  async newDraft({ kind, of }) {
    if (kind === 'original') return call('statement-new', { kind });
    const [before, busy] = await Promise.all([
      published(of),
      api('GET', own(of)).then(() => true, (error) => { if (error.code === 'no-draft') return false; throw error; }),
    ]);
    if (busy) throw { code: 'draft-exists', message: '' };
    if (!before) throw { code: 'no-statement', message: '' };
    return call('statement-new', { kind, of, published: before });
  },

  /** Saves what follows a revision (0: none) → {revision, saved}. "draft-changed": somebody else saved meanwhile. */
  async saveDraft({ draft, revision }) {
    const { statement } = draft;
    const text = JSON.stringify(draft);
    const key = (after) => `save ${statement} ${after + 1}`;
    const save = (after) => send(key(after), 'PUT', `${own(statement)}/draft`, () => call('statement-seal', { draft, revision: after }));
    if (unanswered.has(key(revision))) {
      const saved = await save(revision); // what was sent before: if it had arrived, nothing changes
      if (sent.get(statement) === text) return saved;
      revision = saved.revision;
    }
    sent.set(statement, text);
    return save(revision);
  },

  discardDraft: ({ statement, revision }) => api('POST', `${own(statement)}/discard`, { revision }),

  /** Signs the draft as its author and hands it in → {submission}. */
  async submit({ statement, revision }) {
    const key = `submit ${statement} ${revision}`;
    const about = unanswered.has(key) ? null : await worked(statement);
    return send(key, 'POST', `${own(statement)}/submission`, () => call('statement-submit', { ...about, revision }));
  },

  /** Makes a draft again of what was submitted, or approved. What was examined before is what is meant, if anything was. */
  async cancel({ statement }) {
    const submission = looked.get(statement) ?? (await api('GET', own(statement))).submission;
    if (!submission) throw { code: 'not-submitted', message: '' };
    return done(statement, (work) => work.state === 'draft', send(`cancel ${submission}`, 'POST', `${own(statement)}/cancel`, () => ({ submission })));
  },

  preview: ({ body }) => call('statement-preview', { body }),

  /**
   * What was submitted, or approved, as the world will see it, and what changed. A draft comes as its line of the list; what is published as {state:
   * 'published', version, kind, title, language}.
   */
  async examine({ statement, languages = [] }) {
    looked.delete(statement);
    for (let tries = 1; ; tries++) {
      let about;
      try {
        about = { ...(await worked(statement)), languages };
      } catch (error) {
        if (error.code !== 'no-draft') throw error;
        const after = await published(statement);
        if (!after) throw error;
        return call('statement-published', { statement, published: after, languages });
      }
      if (about.work.state === 'draft') return call('statement-work', about);
      try {
        const shown = call('statement-examine', about);
        if (about.work.state === 'submitted' && !shown.obstacle) shown.obstacle = await compared(statement);
        looked.set(statement, about.work.submission);
        return shown;
      } catch (error) {
        // Published between our two questions, or changed: then what came doesn't fit together.
        if (tries >= 3 || error.code === 'locked' || !(await movedOn(about))) throw error;
      }
    }
  },

  /** Signs what was examined, and has the digest that the page shows → {state, version, published}. "statement-moved-on": it is another one by now. */
  async approve({ statement, sha256 }) {
    const key = `approve ${sha256} ${looked.get(statement)}`;
    if (!unanswered.has(key)) {
      for (const id of call('attachment-hand-on', { statement })) await upload(statement, id);
    }
    return send(key, 'POST', `${own(statement)}/approval`, () => call('statement-approve', { statement, sha256 }));
  },

  sendBack: ({ statement, sha256, reason }) =>
    done(statement, (work, sent) => work.reason === sent.reason,
      send(`return ${looked.get(statement)} ${reason}`, 'POST', `${own(statement)}/return`, () => call('statement-return', { statement, sha256, reason }))),
};

/** When the answer got lost and what was sent again comes too late, it may be because it had arrived the first time. */
async function done(statement, isDone, sending) {
  try {
    return await sending;
  } catch (error) {
    if (error.code !== 'statement-moved-on' || !isDone(await api('GET', own(statement)), error.body)) throw error;
    return null;
  }
}

// ---------------------------------------------------------------- attachments

const sealedFile = (statement, id) => `${own(statement)}/attachments/${id}`;

/** Uploads a file that was sealed; sending it twice does no harm. */
async function upload(statement, id) {
  const octets = call('attachment-octets', { id });
  for (let tries = 1; ; tries++) {
    try {
      await api('PUT', sealedFile(statement, id), octets);
      return;
    } catch (error) {
      if (error.code !== 'network' || tries >= 3) throw error;
      await pause(tries * 500);
    }
  }
}

/** The octets of a published file. */
async function publishedFile(statement, version, name) {
  let answer;
  try {
    answer = await fetch(`/statements/${statement}/${version}/files/${encodeURIComponent(name)}`, { credentials: 'same-origin', redirect: 'error' });
    if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  } catch {
    throw { code: 'network', message: '' };
  }
  throw { code: 'no-file', message: '', status: answer.status };
}

/** Fetches every attachment of what is examined, and has it compared with what its author signed → what stands against approving, or null. */
async function compared(statement) {
  try {
    for (const { sha256, name, id, version } of call('attachment-needed', { statement })) {
      if (!version && !id) throw { code: 'attachment', message: `The attachment ${name} was not uploaded. Send the statement back, so that its author attaches it again.` };
      call('attachment-hold', { statement, sha256 }, version ? await publishedFile(statement, version, name) : await api('GET', sealedFile(statement, id), undefined, 'bytes'));
    }
    return null;
  } catch (error) {
    if (['network', 'locked', 'no-session'].includes(error.code)) throw error;
    return { code: 'refused', message: error.message };
  }
}

const hex = (octets) => Array.from(new Uint8Array(octets), (octet) => octet.toString(16).padStart(2, '0')).join('');

Object.assign(ceremonies, {
  /** Seals a file to the desk and uploads it → {name, type, size, sha256, sealed}, which goes into the draft's attachments as it is. */
  async attach({ statement, name, type = '', data }) {
    const file = call('attachment-seal', { statement, name, type }, data instanceof Uint8Array ? data : new Uint8Array(data));
    await upload(statement, file.sealed);
    return file;
  },

  /** The octets of a file of a draft, or of what was submitted or approved, compared with its digest. */
  async attachmentData({ statement, name }) {
    try {
      return call('attachment-file', { statement, name });
    } catch (error) {
      if (!['not-examined', 'attachment-not-compared'].includes(error.code)) throw error;
    }
    const about = await worked(statement);
    const { draft, previous } = call('statement-work', { ...about, languages: [] });
    const file = draft.attachments.find((one) => one.name === name);
    if (!file) throw { code: 'no-attachment', message: '' };
    if (file.sealed) return call('attachment-open', { statement, attachment: file }, await api('GET', sealedFile(statement, file.sealed), undefined, 'bytes'));
    const kept = previous?.attachments.find((one) => one.sha256 === file.sha256);
    if (!kept) throw { code: 'no-attachment', message: '' };
    const octets = await publishedFile(statement, previous.version, kept.name);
    if (hex(await crypto.subtle.digest('SHA-256', octets)) !== file.sha256) throw { code: 'no-attachment', message: '' };
    return octets;
  },
});

async function movedOn({ statement, work, published: before }) {
  try {
    const now = await worked(statement);
    return now.work.submission !== work.submission || now.published?.versions.length !== before?.versions.length;
  } catch (error) {
    if (error.code === 'no-draft') return true;
    throw error;
  }
}
