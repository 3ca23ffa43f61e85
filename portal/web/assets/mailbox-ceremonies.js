// What representatives do: logging in, claiming, opening, acknowledging, looking after their key.

import { api, call } from './server.js';

/** Works what was typed into secrets and lets the server hand out the locked key for one half of them. */
async function lockedKey(as, typed, progress) {
  const challenge = await api('POST', '/login/start', { as });
  progress('deriving');
  const unlock = call('derive', { as, typed, challenge });
  progress('logging-in');
  return api('POST', '/login/unlock', unlock);
}

/** Signs a fresh log-in text and begins a session. */
async function beginSession(as, claimed = false) {
  const challenge = await api('POST', '/login/start', { as });
  return api('POST', '/login', call('sign-in', { challenge, claimed }));
}

/** What to keep in the tab, encrypted under the session's share. */
const toKeep = ({ share }) => call('keep', { share });

/** What a ceremony needs of the server whatever Go says: it is asked for while Go is still loading, and handed in last. */
export const ahead = {
  logIn: () => api('GET', '/institution'),
  claimStart: () => api('GET', '/institution'),
  unlock: () => Promise.all([api('GET', '/session'), api('GET', '/institution')]),
  restore: () => Promise.all([api('GET', '/session'), api('GET', '/institution')]),
};

export const ceremonies = {
  async logIn({ number, passphrase }, progress, institution) {
    const { representative: as } = call('number', { text: number });
    const unlocked = await lockedKey(as, passphrase, progress);
    if (unlocked.state === 'issued') throw { code: 'claim-first', message: '' };
    const identity = call('unlock', { unlocked, institution: await institution });
    return { identity, holder: as, kept: toKeep(await beginSession(as)) };
  },

  /** For who is logged in already, in a tab without the key. */
  async unlock({ holder, passphrase }, progress, where) {
    const [session, institution] = await where;
    if (session.holder !== holder) throw { code: 'no-session', message: '' };
    const unlocked = await lockedKey(holder, passphrase, progress);
    const identity = call('unlock', { unlocked, institution });
    return { identity, holder, kept: toKeep(session) };
  },

  /** Takes the key back that the page before kept. */
  async restore({ kept }, progress, where) {
    const [session, institution] = await where;
    return call('restore', { kept, session, institution });
  },

  async list({ languages }) {
    return call('list', { notices: await api('GET', '/notices'), languages });
  },

  async open({ notice }) {
    const opened = call('open', { notice }, await api('GET', `/notices/${notice}`, undefined, 'bytes'));
    return opened.answered ? { ...opened, ...await answer(notice, opened.answered) } : opened;
  },

  attachment: ({ notice, index }) => call('attachment', { notice, index }),

  /** Signs the receipt and hands it in. Asked again after the line broke, it hands in the same one. */
  async acknowledge({ notice, decision }) {
    const path = `/notices/${notice}/acknowledgement`;
    const send = async () => {
      const kept = await api('POST', path, call('acknowledge', { notice, decision }));
      call('receipt-kept', { notice, receipt: kept.receipt });
      return kept;
    };
    try {
      return await send();
    } catch (error) {
      if (error.code !== 'not-fetched' && error.code !== 'other-session') throw error;
      // The session that fetched the notice has ended; this one fetches it for itself.
      const { nonce } = await api('GET', `/notices/${notice}`);
      call('renonce', { notice, nonce });
      return send();
    }
  },

  /**
   * What staff signed of the statements in the mailbox: those that await acknowledgement, and others until it is twenty. Each is taken from where everybody
   * reads it, so it is not marked as fetched; the version in the address keeps a cache from answering with an older one.
   */
  async listStatements({ languages }) {
    const lines = await api('GET', '/mailbox/statements');
    const awaits = ({ asks, version, acknowledgements }) => asks && acknowledgements[0]?.version !== version;
    const first = [...lines.filter(awaits), ...lines.filter((line) => !awaits(line))].slice(0, 20);
    const checked = [];
    for (const line of first) {
      checked.push(call('check-statement', { line, languages }, await api('GET', `/statements/${line.statement}?newest=${line.version}`, undefined, 'bytes')));
    }
    return checked;
  },

  readStatement: ({ statement }) => readStatement(statement),

  /** Signs the receipt of the version that the person reads, and hands it in. Asked again after the line broke, it hands in the same one. */
  async acknowledgeStatement({ statement, version, decision }) {
    const send = () => api('POST', `/mailbox/statements/${statement}/acknowledgement`, call('acknowledge-statement', { statement, version, decision }));
    try {
      return await send();
    } catch (error) {
      if (error.code !== 'not-fetched' && error.code !== 'wrong-nonce') throw error;
      await readStatement(statement); // the session that fetched it has ended; this one fetches it for itself
      return send();
    }
  },

  /** The first half of claiming: number and code give the issued key, and with it the fingerprint to compare with the letter. Nothing is changed. */
  async claimStart({ number, code }, progress, institution) {
    const { representative: as } = call('number', { text: number });
    call('code', { text: code });
    const unlocked = await lockedKey(as, code, progress);
    return call('unlock', { unlocked, institution: await institution });
  },

  passphrase: () => call('passphrase'),

  checkPassphrase: ({ passphrase }) => call('check-passphrase', { passphrase }),

  /** The second half: a new key, certified by the issued one, takes over what has arrived. */
  claim: ({ as, profile, passphrase }) => claim(as, () => call('claim', { profile, passphrase })),

  claimOwn: ({ as, certificate }) => claim(as, () => call('claim-own', { certificate })),

  /** Locks the key anew. Who asks shows that they know the passphrase until now. */
  async changePassphrase({ holder, now, next }, progress) {
    call('check-passphrase', { passphrase: next });
    call('proves', { unlocked: await lockedKey(holder, now, progress) });
    progress('deriving');
    await api('POST', '/me/lock', call('change-lock', { passphrase: next })).catch((error) => {
      throw error.code === 'network' ? { ...error, code: 'passphrase-unknown' } : error; // perhaps it was done, and only the answer lost
    });
    return {};
  },

  /** The emergency file: the locked key as the server keeps it, for who shows that they can open it, and what it takes to verify a mail without the portal. */
  async backup({ holder, passphrase }, progress) {
    const [unlocked, institution] = await Promise.all([lockedKey(holder, passphrase, progress), api('GET', '/institution')]);
    return call('emergency', { unlocked, institution });
  },

  exportKey: () => call('export'),
};

/** Whether the receipt holds that the portal says the mailbox has given: {answerProblem: the error}. Where the line is broken, or the portal busy, it fails, to be tried again. */
async function answer(notice, by) {
  try {
    const [receipt, { chain }] = await Promise.all([
      api('GET', `/notices/${notice}/acknowledgement`, undefined, 'bytes'), api('GET', `/certificates/${encodeURIComponent(by.replace('/', '.'))}`),
    ]);
    call('check-receipt', { notice, receipt: new TextDecoder().decode(receipt), chain });
  } catch (error) {
    if (error.code === 'network' || error.status >= 500 || error.status === 429) throw error;
    return { answerProblem: error };
  }
  return {};
}

const readStatement = async (statement) => call('read-statement', { statement }, await api('GET', `/mailbox/statements/${statement}`, undefined, 'bytes'));

/**
 * Claims with the key that make() makes, once: it is kept until the server has confirmed it. When the answer got lost, the server knows the
 * representative by that key already, and then it is done.
 */
async function claim(as, make) {
  make();
  let session = await sessionFor(as);
  if (session.state !== 'claimed') {
    await sendClaim();
    session = { ...session, ...(await api('GET', '/session')) };
  }
  const { same } = call('claim-done');
  return { holder: as, kept: same ? toKeep(session) : null };
}

/** A session of the representative: with the issued key, or with the new one when the claim was taken and only its answer lost. */
async function sessionFor(as) {
  try {
    const [session, me] = await Promise.all([api('GET', '/session'), api('GET', '/me')]);
    if (session.holder === as && (session.state === 'issued' || call('claim-is', me).same)) return session;
  } catch (error) {
    if (error.code === 'network') throw error;
  }
  try {
    return await beginSession(as);
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  try {
    return await beginSession(as, true);
  } catch (error) {
    if (error.status !== 401 && error.code !== 'locked') throw error;
    throw { code: 'already-claimed', message: '' }; // neither key is that of the mailbox: somebody else claimed it
  }
}

async function sendClaim() {
  for (let tries = 1; ; tries++) {
    try {
      return await api('POST', '/claim', call('claim-request', { envelopes: await api('GET', '/envelopes') }));
    } catch (error) {
      if (error.code === 'envelopes-changed' && tries < 5) continue;
      if (error.status !== undefined && error.code !== 'already-claimed') throw error;
      if (!(await tookIt(error))) throw error;
      return null;
    }
  }
}

async function tookIt(error) {
  try {
    return call('claim-is', await api('GET', '/me')).same;
  } catch {
    throw error;
  }
}
