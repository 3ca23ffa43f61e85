// What staff do with mailboxes: the directory, issuing, revoking. Who somebody is comes unsealed from the worker and goes up sealed; a claim code goes to the page that
// shows the letter, and never to the server.

import { api, call } from './server.js';

export const ahead = {};

const directory = async () => call('registry-directory', {}, await api('GET', '/mailboxes', undefined, 'bytes'));

export const ceremonies = {
  /** The directory as it holds: [{mailbox, kind, name, representatives: [{representative, name, state, since, profile, postQuantum, problem, revoked, lastClaimed}]}]. */
  async mailboxes() {
    return directory();
  },

  /**
   * Issues a key: to the first representative of a new mailbox (kind), or to the next one of a mailbox. → {letter, unsure}; unsure when the answer of the portal got
   * lost, so that nobody knows whether the code opens anything.
   */
  async issue(order) {
    if (order.mailbox) await directory();
    const { request, letter } = call('registry-issue', order);
    try {
      await api('POST', '/mailboxes', request, 'bytes'); // which answers with nothing
    } catch (error) {
      if (error.code !== 'network') throw error;
      return { letter, unsure: true };
    }
    return { letter, unsure: false };
  },

  /** What a certificate that somebody has already says of itself: {fingerprint, names, made, postQuantum}. It is compared with its owner, and nothing is asked of the portal. */
  async ownCertificate({ certificate }) {
    return call('registry-own', { certificate });
  },

  /** Ends an access → the directory as it is then. "revocation-hidden": the portal took it and doesn't show it. */
  async revoke({ representative, reason, note }) {
    await directory();
    const path = `/certificates/${representative.replace('/', '.')}/revocation`;
    await api('POST', path, call('registry-revoke', { representative, reason, note }));
    const after = await directory();
    const found = after.flatMap((mailbox) => mailbox.representatives).find((one) => one.representative === representative);
    if (!found?.revoked) throw { code: 'revocation-hidden', message: '' };
    return after;
  },

  /** Where a representative gets e-mail: {email, subject, quiet, zone, policy, asked, by, set}. */
  async address({ representative }) {
    return call('registry-address-open', { representative }, await api('GET', `/addresses/${representative.replace('/', '.')}`, undefined, 'bytes'));
  },

  /** Sets it → the directory as it is then. "address-no-courier": nobody could write to it. */
  async setAddress({ representative, ...address }) {
    await api('PUT', `/addresses/${representative.replace('/', '.')}`, call('registry-address-seal', { representative, ...address }));
    return directory();
  },

  /** Removes it → the directory as it is then. */
  async removeAddress({ representative }) {
    await api('POST', `/addresses/${representative.replace('/', '.')}/remove`, {});
    return directory();
  },

  /** The groups, opened: [{group, name, revision, saved, by, members: [{number, kind, name}], mailboxes, problem}]. */
  async groups() {
    await directory();
    return call('registry-groups', {}, await api('GET', '/groups', undefined, 'bytes'));
  },

  /** Begins a group (name), or changes one → the groups as they are then. "group-changed": another registrar was faster. */
  async changeGroup({ group = '', name = '', add = [], remove = [] }) {
    await ceremonies.groups();
    const changed = call('registry-group-change', { group, name, add, remove });
    await api('PUT', `/groups/${changed.group}`, changed.request);
    return ceremonies.groups();
  },
};
