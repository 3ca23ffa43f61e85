// On the page of a released notice: what the portal says of who has answered is compared with the receipts, in this browser.

import { $, busy, el, explain, hide, show, status, time, word } from './page.js';
import { ask } from './engine.js';
import { because } from './policy.js';

const linesShown = 100;

export function startReceipts(notice) {
  const button = $('receipts-verify');
  button?.addEventListener('click', () => busy([button], async () => {
    hide($('receipts-wrong'));
    status($('receipts-status'), word('receipts-verifying'));
    try {
      draw(await ask('verifyReceipts', { notice }));
    } catch (error) {
      status($('receipts-status'));
      if (error.code !== 'answers-false') return status($('receipts-status'), explain(error), false);
      complain([el('li', {}, because('', error.message))]);
    }
  }));
}

/** Says that the portal's time of the release doesn't fit what was signed. */
export function sayTimes({ due, released }) {
  const place = $('dispatch-late');
  place.textContent = due ? word('dispatch-late', { due: time(due), released: time(released) }) : '';
  place.hidden = !due;
}

function draw(answers) {
  const { acknowledged, refused, mailboxes, wrong } = answers;
  sayTimes(answers);
  status($('receipts-status'), word('receipts-hold', { acknowledged, refused, mailboxes }));
  if (wrong.length === 0) return;
  complain(wrong.slice(0, linesShown).map(({ mailbox, what, why, reason }) => el('li', { 'data-wrong': what, 'data-mailbox': mailbox },
    el('span', { class: 'number' }, mailbox), ' ', what === 'unproved' ? because(reason, why, 'desk-code') : word(`receipts-${what}`))));
  if (wrong.length > linesShown) $('receipts-wrong-list').append(el('li', {}, word('dispatch-more', { n: wrong.length - linesShown })));
}

function complain(lines) {
  $('receipts-wrong-list').replaceChildren(...lines);
  show($('receipts-wrong'));
}
