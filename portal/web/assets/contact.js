// On the page of a released notice: contacts outside the portal, shown as far as signatures vouch for them, and written down; the table of its mailboxes.

import { $, busy, el, explain, hide, save, status, time, word } from './page.js';
import { because } from './policy.js';
import { ask } from './engine.js';
import { whenEnded } from './session.js';
import { logInAgain } from './staff-unlock.js';

let notice = '';
let told = null; // what holds, by mailbox, newest first; null: not read yet
let nameOf = () => '';

/** Begins, once the key is there: number of the notice; name(mailbox) gives its stakeholder's name, or ''. */
export async function startContacts(number, name) {
  notice = number;
  nameOf = name;
  listen();
  await loadContacts();
}

/** Reads what was written down anew, and shows it. */
export async function loadContacts() {
  if (!notice) return;
  try {
    const read = await ask('contacts', { notice });
    told = Map.groupBy ? Map.groupBy(read, (c) => c.mailbox) : read.reduce((map, c) => map.set(c.mailbox, [...(map.get(c.mailbox) ?? []), c]), new Map());
    drawContacts();
  } catch (error) {
    status($('contact-status'), explain(error), false);
  }
}

let again = 0;

/** Somebody may have written one down: they are read anew, once for several at a time. */
export function contactsChanged() {
  if (!told) return;
  clearTimeout(again);
  again = setTimeout(loadContacts, 500);
}

/** Puts what holds in the place of what the portal says, in the lines that are there. */
export function drawContacts() {
  if (!told) return;
  for (const place of document.querySelectorAll('[data-told]')) {
    for (const old of place.querySelectorAll('.contact, .note, .row-problem')) old.remove();
    place.append(...(told.get(place.dataset.told) ?? []).flatMap(contactLine));
  }
}

function contactLine(c) {
  if (c.problem) return [el('p', { class: 'error row-problem' }, word('dispatch-contact-problem'), ' ', because(c.reason, c.problem, 'desk-code'))];
  const line = [el('p', { class: 'facts contact' },
    el('b', {}, word('dispatch-contact-how', { way: word(`dispatch-way-${c.way}`), outcome: word(`dispatch-outcome-${c.outcome}`) })), ' ',
    el('time', { datetime: c.time }, time(c.time)), ' ', el('span', {}, word('dispatch-contact-by', { name: c.by })))];
  if (c.note) line.push(el('p', { class: 'note', dir: 'auto' }, c.note));
  if (c.sealed) line.push(el('p', { class: 'note sealed' }, word('dispatch-contact-sealed')));
  if (c.noteProblem) line.push(el('p', { class: 'error row-problem' }, word('dispatch-note-problem'), ' ', because(c.reason, c.noteProblem, 'desk-code')));
  return line;
}

// ---------------------------------------------------------------- writing one down

function listen() {
  $('table')?.addEventListener('click', () => busy([$('table')], table));
  const dialog = $('contact');
  if (!dialog) return;
  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('[data-contact]');
    if (button) open(button.dataset.contact);
  });
  $('contact-cancel').addEventListener('click', () => dialog.close());
  dialog.querySelector('form').addEventListener('submit', (event) => {
    event.preventDefault();
    busy([$('contact-save'), $('contact-cancel')], write);
  });
  whenEnded(ended);
}

const two = (n) => String(n).padStart(2, '0');

/** An offset as RFC 3339 has it, of the reader's own clock at a moment. */
function offset(moment) {
  const minutes = -moment.getTimezoneOffset();
  return minutes === 0 ? 'Z' : `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

function open(mailbox) {
  const dialog = $('contact');
  const now = new Date();
  const here = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}T${two(now.getHours())}:${two(now.getMinutes())}`;
  if (dialog.dataset.mailbox !== mailbox) {
    $('contact-note').value = '';
    dialog.querySelector('[name=outcome]').checked = true;
  }
  dialog.dataset.mailbox = mailbox;
  $('contact-of').textContent = mailbox;
  $('contact-name').textContent = nameOf(mailbox);
  $('contact-time').value = here;
  $('contact-time').max = here;
  $('contact-time-hint').textContent = word('dispatch-contact-zone', { offset: offset(now).replace('Z', '').replace('-', '−') });
  wrong('');
  dialog.showModal();
  $('contact-way').focus();
}

function wrong(text) {
  $('contact-error').textContent = text;
  $('contact-time').removeAttribute('aria-invalid');
}

async function write() {
  wrong('');
  const dialog = $('contact');
  const typed = $('contact-time').value;
  const moment = new Date(typed);
  if (!typed || Number.isNaN(moment.getTime()) || moment > Date.now()) {
    wrong(word(typed ? 'dispatch-contact-future' : 'dispatch-contact-time'));
    $('contact-time').setAttribute('aria-invalid', 'true');
    return $('contact-time').focus();
  }
  const mailbox = dialog.dataset.mailbox;
  status($('contact-status'), word('dispatch-contact-saving'));
  try {
    await ask('recordContact', {
      notice, mailbox, way: $('contact-way').value, outcome: dialog.querySelector('[name=outcome]:checked').value,
      time: `${typed.slice(0, 16)}:00${offset(moment)}`, note: $('contact-note').value.trim(),
    });
  } catch (error) {
    status($('contact-status'));
    return wrong(explain(error));
  }
  $('contact-note').value = '';
  dialog.close();
  status($('contact-status'), word('dispatch-contact-saved', { mailbox }), false);
  await loadContacts();
  document.querySelector(`[data-contact="${CSS.escape(mailbox)}"]`)?.focus();
}

// What was noted stays when the session ends, and the page with it.
function ended() {
  if (!$('contact').open || !$('contact-note').value.trim()) return false;
  $('contact').close();
  status($('contact-status'), word('dispatch-contact-ended'), false);
  logInAgain(async () => {
    hide($('unlock-section'));
    status($('contact-status'));
    await loadContacts();
    open($('contact').dataset.mailbox);
  });
  return true;
}

async function table() {
  status($('contact-status'), word('dispatch-naming'));
  try {
    save(`${notice}.csv`, await ask('noticeTable', { notice }));
    status($('contact-status'));
  } catch (error) {
    status($('contact-status'), explain(error), false);
  }
}
