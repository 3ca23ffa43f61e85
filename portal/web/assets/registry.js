// All mailboxes: the directory as the reader's client verified it, with the names that are sealed to them. One looks for a number, or for a name, which only this page knows.

import { $, el, explain, show, status, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';
import { facts, kindWord, named } from './registry-people.js';

const shown = 100; // lines; who has thousands of mailboxes looks for one
let mailboxes = [];

withKey(async () => {
  const place = $('registry-status');
  status(place, word('registry-opening'));
  try {
    mailboxes = await ask('mailboxes');
    status(place);
  } catch (error) {
    return status(place, explain(error), false);
  }
  for (const mailbox of mailboxes) mailbox.sought = plain([mailbox.mailbox, mailbox.name, ...mailbox.representatives.flatMap((one) => [one.representative, one.name])].join('\n'));
  mailboxes.sort((a, b) => a.name.localeCompare(b.name) || (a.mailbox < b.mailbox ? -1 : 1));
  show($('registry'));
  draw();
});

const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

$('registry-search').addEventListener('input', draw);

function draw() {
  const words = plain($('registry-search').value).split(/\s+/).filter(Boolean);
  const found = mailboxes.filter((mailbox) => words.every((sought) => mailbox.sought.includes(sought)));
  $('registry-list').replaceChildren(...found.slice(0, shown).map(line));
  $('registry-counts').textContent = word(words.length ? 'registry-found' : 'registry-count', { n: found.length });
  const more = $('registry-more');
  more.textContent = word('registry-more', { n: found.length - shown });
  more.hidden = found.length <= shown;
}

function line(mailbox) {
  const row = el('li', { 'data-mailbox': mailbox.mailbox });
  const link = el('a', { href: `/staff/mailboxes/${mailbox.mailbox}` }, named(el('span', { class: 'subject' }), mailbox.name));
  row.append(link, el('p', { class: 'facts' }, el('span', { class: 'number' }, mailbox.mailbox), ' ', el('span', {}, kindWord(mailbox.kind))));
  const wrong = mailbox.representatives.filter((one) => one.problem).length;
  const list = el('ul', { class: 'people' }, ...mailbox.representatives.map((one) => el('li', {}, named(el('span', {}), one.name), facts(one))));
  if (wrong) {
    row.dataset.calls = '';
    row.append(el('p', { class: 'state calls' }, word('registry-wrong', { n: wrong })));
  }
  row.append(list);
  return row;
}
