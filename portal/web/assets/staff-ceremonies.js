// What staff do to come in: their key file, their session. The server never holds a staff key, locked or not: the page hands it in from a file, or from
// what this browser keeps, still locked.

import { api, call } from './server.js';

export const ahead = {
  staffLogIn: () => api('GET', '/institution'),
  staffUnlock: () => Promise.all([api('GET', '/session'), api('GET', '/institution')]),
  staffRestore: () => Promise.all([api('GET', '/session'), api('GET', '/institution')]),
};

export const ceremonies = {
  /** file is the key file's octets; holder, when only they may log in here. Nothing is asked of the server in somebody's name before the key has opened, and the root vouches for it. */
  async staffLogIn({ holder, file, passphrase }, progress, asked) {
    const institution = await asked;
    progress('deriving');
    const identity = call('staff-unlock', { holder, passphrase, institution }, file);
    progress('logging-in');
    const challenge = await api('POST', '/login/start', { as: identity.fingerprint });
    const session = await api('POST', '/login', call('sign-in', { challenge }));
    return { identity, holder: session.holder, kept: call('keep', { share: session.share }) };
  },

  /** For who is logged in already, in a tab without the key. */
  async staffUnlock({ holder, file, passphrase }, progress, asked) {
    const [session, institution] = await asked;
    if (session.holder !== holder) throw { code: 'no-session', message: '' };
    progress('deriving');
    const identity = call('staff-unlock', { holder, passphrase, institution }, file);
    return { identity, holder, kept: call('keep', { share: session.share }) };
  },

  /** Takes the key back that the page before kept. */
  async staffRestore({ kept }, progress, asked) {
    const [session, institution] = await asked;
    return call('staff-restore', { kept, session, institution });
  },

  /** The public certificate of a key that the root has not certified, to be carried to whoever keeps the root. */
  staffCertificate: () => call('staff-certificate'),
};
