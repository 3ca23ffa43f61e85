// One mailbox: its representatives; a registrar ends their access here.

import { $, busy, el, explain, fieldError, show, status, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';
import { addressing } from './registry-address.js';
import { facts, kindWord, named, problem } from './registry-people.js';

const { mailbox } = $('registry').dataset;
const form = $('revoke-form');
const addressForm = $('address-form');

withKey(async () => {
  const place = $('registry-status');
  status(place, word('registry-opening'));
  try {
    draw(await ask('mailboxes'));
    status(place);
  } catch (error) {
    status(place, explain(error), false);
  }
});

function draw(mailboxes) {
  const found = mailboxes.find((one) => one.mailbox === mailbox);
  if (!found) return show($('registry-none'));
  named($('registry-name'), found.name);
  $('registry-kind').textContent = kindWord(found.kind);
  $('registry-people').replaceChildren(...found.representatives.map(line));
  show($('registry-section'));
}

function line(person) {
  const row = el('li', { 'data-representative': person.representative, 'data-state': person.state });
  row.append(named(el('p', { class: 'subject' }), person.name), facts(person), ...problem(person));
  if (person.revoked?.note) row.append(el('p', { class: 'why', dir: 'auto' }, person.revoked.note));
  if (addressForm && !person.revoked) row.append(addressing(addressForm, person, redrawn));
  if (form && !person.revoked) row.append(revoking(person));
  return row;
}

function redrawn(mailboxes, said) {
  draw(mailboxes);
  status($('registry-status'), said, false);
  $('registry-status').scrollIntoView({ block: 'nearest' });
}

function revoking(person) {
  const part = form.content.cloneNode(true);
  const prefix = `revoke-${person.representative.split('/')[1]}`;
  for (const field of part.querySelectorAll('[data-id]')) {
    field.id = `${prefix}-${field.dataset.id}`;
    if (field.type === 'radio') field.name = prefix;
  }
  for (const label of part.querySelectorAll('[data-for]')) label.htmlFor = `${prefix}-${label.dataset.for}`;
  const note = part.querySelector('[data-id=note]');
  part.querySelector('[data-error]').id = `${note.id}-error`;
  note.setAttribute('aria-describedby', `${note.id}-error`);
  part.querySelector('[data-who]').textContent = person.representative;
  part.querySelector('[data-last]').hidden = !person.lastClaimed;
  const place = part.querySelector('.status');
  const missing = part.querySelector('[data-missing]');
  const asked = part.querySelector('form');
  asked.addEventListener('submit', (event) => {
    event.preventDefault();
    fieldError(note);
    missing.textContent = '';
    const reason = asked.querySelector('input:checked')?.value;
    if (!reason) {
      missing.textContent = word('registry-reason-missing');
      return asked.querySelector('input[type=radio]').focus();
    }
    busy(asked.querySelectorAll('button'), async () => {
      status(place, word('registry-revoking'));
      try {
        draw(await ask('revoke', { representative: person.representative, reason, note: note.value.trim() }));
        status($('registry-status'), word('registry-revoked', { who: person.representative }), false);
        $('registry-status').scrollIntoView({ block: 'nearest' });
      } catch (error) {
        status(place);
        fieldError(note, explain(error));
      }
    });
  });
  return part;
}
