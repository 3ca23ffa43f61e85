// The worker: it holds the unlocked key, in Go's WebAssembly (cmd/valise-wasm), and talks with the server. A page asks it for whole ceremonies by name
// and gets to see their outcome, never the key.
//
//   page → worker  {boot: address of the WebAssembly}, then {id, ceremony, parameters}
//   worker → page  {id, result} | {id, error: {code, message, status, reference, retryAfter}}, before it {id, progress: word}; {alive} after each
//                  request to the server; {failed} when the WebAssembly could not be started
//
// Nothing of this file is the server's to decide: where we are, we ask the browser (location.origin).

import './wasm_exec.js';

const root = '/api/v1';
let booted;

// ---------------------------------------------------------------- Go

async function boot(address) {
  const go = new globalThis.Go();
  const answer = await fetchWhole(address);
  const { instance } = await WebAssembly.instantiateStreaming(answer, go.importObject);
  go.run(instance).catch(() => postMessage({ failed: true }));
  call('begin', { origin: location.origin });
}

// A bad line gets three tries.
async function fetchWhole(address) {
  for (let tries = 1; ; tries++) {
    try {
      const answer = await fetch(address, { credentials: 'same-origin' });
      if (answer.ok) return answer;
      if (tries >= 3) throw new Error(String(answer.status));
    } catch (error) {
      if (tries >= 3) throw error;
    }
    await pause(tries * 1000);
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Calls Go: a name of its table, parameters, and bytes that are too many for JSON. */
function call(name, parameters = {}, data) {
  let answer;
  try {
    answer = globalThis.valise(name, JSON.stringify(parameters), data);
  } catch (error) {
    throw { code: 'engine', message: String(error) };
  }
  if (answer.error) throw { code: answer.error.code, message: answer.error.message };
  return answer.data ?? JSON.parse(answer.json);
}

// ---------------------------------------------------------------- the server

/** One request of the JSON API. What only reads is tried again when the line breaks. */
async function api(method, path, body, take = 'json') {
  const tries = method === 'GET' ? 3 : 1;
  for (let n = 1; ; n++) {
    try {
      return await once(method, path, body, take);
    } catch (error) {
      if (error.code !== 'network' || n >= tries) throw error;
      await pause(n * 500);
    }
  }
}

async function once(method, path, body, take) {
  let answer, got;
  try {
    answer = await fetch(root + path, {
      method, cache: 'no-store', credentials: 'same-origin', redirect: 'error',
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) got = await answer.json().catch(() => ({}));
    else if (answer.status === 204) got = null;
    else got = take === 'bytes' ? new Uint8Array(await answer.arrayBuffer()) : await answer.json();
  } catch {
    throw { code: 'network', message: '' };
  }
  if (answer.ok) {
    postMessage({ alive: true });
    return got;
  }
  const { code = 'internal', message = '', reference } = got?.error ?? {};
  throw { code, message, reference, status: answer.status, retryAfter: answer.headers.get('Retry-After') ?? undefined };
}

// ---------------------------------------------------------------- ceremonies

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
const ahead = {
  logIn: () => api('GET', '/institution'),
  claimStart: () => api('GET', '/institution'),
  unlock: () => Promise.all([api('GET', '/session'), api('GET', '/institution')]),
  restore: () => Promise.all([api('GET', '/session'), api('GET', '/institution')]),
};

const ceremonies = {
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
    return call('open', { notice }, await api('GET', `/notices/${notice}`, undefined, 'bytes'));
  },

  attachment: ({ notice, index }) => call('attachment', { notice, index }),

  /** Signs the receipt and hands it in. Asked again after the line broke, it hands in the same one. */
  async acknowledge({ notice, decision }) {
    const path = `/notices/${notice}/acknowledgement`;
    try {
      return await api('POST', path, call('acknowledge', { notice, decision }));
    } catch (error) {
      if (error.code !== 'not-fetched' && error.code !== 'other-session') throw error;
      // The session that fetched the notice has ended; this one fetches it for itself.
      const { nonce } = await api('GET', `/notices/${notice}`);
      call('renonce', { notice, nonce });
      return api('POST', path, call('acknowledge', { notice, decision }));
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
    await api('POST', '/me/lock', call('change-lock', { passphrase: next }));
    return {};
  },

  /** The locked key as the server keeps it, for who shows that they can open it. */
  async backup({ holder, passphrase }, progress) {
    const unlocked = await lockedKey(holder, passphrase, progress);
    call('proves', { unlocked });
    return Uint8Array.from(atob(unlocked.locked_bundle), (c) => c.charCodeAt(0));
  },

  exportKey: () => call('export'),
};

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

addEventListener('message', async ({ data }) => {
  if (data.boot) {
    booted = boot(data.boot);
    booted.catch(() => postMessage({ failed: true }));
    return;
  }
  const { id, ceremony, parameters } = data;
  try {
    const asked = ahead[ceremony]?.();
    asked?.catch(() => {}); // whoever waits for it sees it fail
    await booted;
    const result = await ceremonies[ceremony](parameters, (progress) => postMessage({ id, progress }), asked);
    postMessage({ id, result });
  } catch (error) {
    const { code = 'engine', message = String(error), status, reference, retryAfter } = error ?? {};
    postMessage({ id, error: { code, message, status, reference, retryAfter } });
  }
});
