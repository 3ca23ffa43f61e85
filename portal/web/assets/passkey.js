// Passkeys: what the server asks, the browser asks of the authenticator, and its answer goes back. In the page, since a worker has no
// navigator.credentials. Nothing of this needs the engine.

import { word } from './page.js';
import { alive, ended } from './session.js';

/** What went wrong, as page.js explains it. */
class Problem extends Error {
  constructor(code, message, more = {}) {
    super(message);
    Object.assign(this, { code }, more);
  }
}

export const supported = 'PublicKeyCredential' in globalThis && 'credentials' in navigator;

/** Asks the API. */
export async function post(path, body = {}) {
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), cache: 'no-store', credentials: 'same-origin',
    });
  } catch {
    throw new Problem('network', 'network');
  }
  if (answer.ok) {
    alive();
    return answer.status === 204 ? null : answer.json();
  }
  let failure = {};
  try {
    failure = (await answer.json()).error ?? {};
  } catch { /* not ours */ }
  if (failure.code === 'no-session') ended();
  throw new Problem(failure.code ?? 'internal', failure.message ?? answer.statusText, {
    reference: failure.reference, retryAfter: Number(answer.headers.get('Retry-After')) || undefined,
  });
}

/** Shows a passkey for one purpose, and returns the authenticator's answer, to be sent with what it was shown for. */
export async function show(purpose, object = '') {
  const options = await post('/factors/passkeys/question', { purpose, object });
  return json(await asked(() => navigator.credentials.get({ publicKey: forShowing(options) })));
}

/** Enrols a passkey; shown is the answer of another one, or null for the first. */
export async function enrol(label, shown = null) {
  const options = await post('/factors/passkeys/enrolment', { answer: shown });
  const answer = json(await asked(() => navigator.credentials.create({ publicKey: forEnrolment(options) })));
  return post('/factors/passkeys', { answer, label });
}

async function asked(ask) {
  try {
    const credential = await ask();
    if (credential) return credential;
  } catch (error) {
    const why = { InvalidStateError: 'passkey-known', SecurityError: 'passkey-impossible', NotSupportedError: 'passkey-impossible' }[error.name];
    throw new Problem(why ?? 'passkey-cancelled', word(why ?? 'passkey-cancelled'));
  }
  throw new Problem('passkey-cancelled', word('passkey-cancelled'));
}

// ------------------------------------------------------------ JSON and octets
// Browsers have these conversions themselves by now (WebAuthn Level 3, sections 5.1.8 to 5.1.10); older ones get a few lines.

const octets = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));

function text(buffer) {
  let binary = '';
  for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

const named = (list = []) => list.map((item) => ({ ...item, id: octets(item.id) }));

function forEnrolment(options) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return {
    ...options, challenge: octets(options.challenge), user: { ...options.user, id: octets(options.user.id) }, excludeCredentials: named(options.excludeCredentials),
  };
}

function forShowing(options) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return { ...options, challenge: octets(options.challenge), allowCredentials: named(options.allowCredentials) };
}

function json(credential) {
  if (credential.toJSON) return credential.toJSON();
  const { response } = credential;
  const answer = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (response[name]) answer[name] = text(response[name]);
  }
  if (response.getTransports) answer.transports = response.getTransports();
  return {
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response: answer, clientExtensionResults: credential.getClientExtensionResults(),
  };
}
