// Groups: named audiences, as the reader's client opened them; a registrar changes them here. Who is in a group goes up sealed.

import { $, busy, el, explain, fieldError, show, status, time, word } from './page.js';
import { because } from './policy.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';
import { kindWord, named } from './registry-people.js';

const form = $('group-change');
const words = (text) => text.split(/[\n,;]/).map((one) => one.trim()).filter(Boolean);

withKey(async () => {
  const place = $('groups-status');
  status(place, word('registry-opening'));
  try {
    draw(await ask('groups'));
    status(place);
    show($('groups'));
  } catch (error) {
    status(place, explain(error), false);
  }
});

function draw(groups) {
  groups.sort((a, b) => a.name.localeCompare(b.name) || (a.group < b.group ? -1 : 1));
  const open = new Set([...$('groups-list').querySelectorAll('details[open]')].map((one) => one.closest('[data-group]').dataset.group));
  $('groups-list').replaceChildren(...groups.map((group) => line(group, open.has(group.group))));
  $('groups-none').hidden = groups.length > 0;
}

function line(group, open) {
  const row = el('li', { 'data-group': group.group });
  row.append(named(el('p', { class: 'subject' }), group.name));
  const facts = el('p', { class: 'facts' }, el('span', { class: 'number' }, group.group), ' ');
  if (!group.problem) facts.append(el('span', {}, word('registry-count', { n: group.mailboxes })), ' ');
  facts.append(el('span', {}, word('registry-group-revision', { n: group.revision, time: group.saved ? time(group.saved) : '', by: group.by })));
  row.append(facts);
  if (group.problem) row.append(el('p', { class: 'notice-box stop' }, word('registry-group-problem'), ' ', because(group.reason, group.problem, 'desk-code')));
  if (!group.name) return row;
  const members = el('ul', { class: 'people' }, ...group.members.map((member) => one(group, member)));
  const details = el('details', {}, el('summary', {}, word('registry-group-members', { n: group.members.length })), members);
  details.open = open;
  if (form) details.append(adding(group));
  row.append(details);
  return row;
}

function one(group, member) {
  const row = el('li', { 'data-member': member.number }, named(el('span', {}), member.name), ' ',
    el('span', { class: 'facts' }, el('span', { class: 'number' }, member.number), ' ', el('span', {}, kindWord(member.kind))));
  if (!form) return row;
  const button = el('button', { type: 'button', class: 'plain', 'aria-label': `${word('registry-group-remove')}: ${member.name || member.number}` }, word('registry-group-remove'));
  button.addEventListener('click', () => busy([button], async () => {
    try {
      await change({ group: group.group, remove: [member.number] });
    } catch (error) {
      status($('groups-status'), explain(error), false);
    }
  }));
  row.append(' ', button);
  return row;
}

async function change(what) {
  status($('groups-status'));
  draw(await ask('changeGroup', what));
  status($('groups-status'), word('registry-group-saved'), false);
}

function adding(group) {
  const part = form.content.cloneNode(true);
  const field = part.querySelector('[data-id=add]');
  field.id = `add-${group.group}`;
  part.querySelector('[data-for]').htmlFor = field.id;
  part.querySelector('[data-id=hint]').id = `${field.id}-hint`;
  part.querySelector('[data-error]').id = `${field.id}-error`;
  field.setAttribute('aria-describedby', `${field.id}-hint ${field.id}-error`);
  submitted(part.querySelector('form'), field, () => ({ group: group.group, add: words(field.value) }));
  return part;
}

/** What is wrong stands next to a field; what was typed stays until it is saved. */
function submitted(which, field, what) {
  which.addEventListener('submit', (event) => {
    event.preventDefault();
    fieldError(field);
    const asked = what();
    if (!asked.group && !asked.name || asked.group && !asked.add.length) return fieldError(field, word('registry-group-empty'));
    busy(which.querySelectorAll('button'), async () => {
      status(which.querySelector('.status'), word('registry-group-saving'));
      try {
        await change(asked);
        which.reset();
      } catch (error) {
        fieldError(field, explain(error));
      } finally {
        status(which.querySelector('.status'));
      }
    });
  });
}

const begin = $('group-new');
if (begin) submitted(begin, $('group-name'), () => ({ name: $('group-name').value.trim(), add: words($('group-first').value) }));
