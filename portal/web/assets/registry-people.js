// How a mailbox and its representatives stand in a list.

import { el, time, word } from './page.js';
import { because } from './policy.js';

export const kindWord = (kind) => word(`registry-kind-${kind}`);

/** What stands for a name that isn't sealed to the reader. */
export function named(element, name) {
  element.textContent = name || word('registry-sealed');
  element.classList.toggle('sealed', !name);
  element.dir = 'auto';
  return element;
}

/** The facts of one representative: their state, since when, with what key, and what is wrong. */
export function facts(person) {
  const line = el('p', { class: 'facts' }, el('span', { class: 'number' }, person.representative), ' ');
  const state = ['issued', 'claimed', 'revoked'].includes(person.state) && !(person.state === 'revoked' && !person.revoked) ? person.state : 'unknown';
  line.append(el('span', { class: state === 'unknown' ? 'state calls' : 'state' }, word(`registry-state-${state}`)), ' ');
  if (state !== 'unknown') line.append(el('time', { datetime: person.since }, time(person.since)), ' ');
  if (state === 'revoked') {
    line.append(el('span', {}, word('registry-revoked-by', { by: person.revoked.by })), ' ');
    if (person.revoked.reason) line.append(el('span', {}, word(`registry-reason-${person.revoked.reason}`)));
    return line;
  }
  line.append(el('span', {}, word(`registry-profile-${person.profile}`)), ' ');
  if (!person.problem && !person.postQuantum) line.append(el('span', {}, word('registry-classical')));
  return line;
}

/** Why nothing can be sealed to somebody, in the words of the client that found out. */
export function problem(person) {
  return person.problem ? [el('p', { class: 'notice-box stop' }, word('registry-problem'), ' ', because(person.rule, person.problem))] : [];
}
