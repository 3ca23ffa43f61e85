// The mailbox: subjects appear once the key is there, and what the server says of each notice and statement is compared with what staff signed.

import { $, el, languages, explain, quoted, status, time, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './unlock.js';

withKey(async () => {
  const place = $('mailbox-status');
  const has = (kind) => document.querySelector(`[data-${kind}]`) !== null;
  if (!has('notice') && !has('statement')) return;
  status(place, word('opening-list'));
  try {
    if (has('notice')) for (const line of await ask('list', { languages: languages() })) fill(rowOf('notice', line.notice), line.subject, line);
    if (has('statement')) for (const line of await ask('listStatements', { languages: languages() })) fill(rowOf('statement', line.statement), line.title, line);
    status(place);
  } catch (error) {
    status(place, explain(error), false);
  }
});

/** The row of a number; null when it arrived since the page was made. */
const rowOf = (kind, number) => document.querySelector(`[data-${kind}="${CSS.escape(number)}"]`);

function fill(row, text, line) {
  if (!row) return;
  const subject = row.querySelector('.subject');
  if (line.problem) {
    const problem = row.querySelector('.row-problem');
    problem.textContent = word(row.dataset.statement ? 'statement-problem' : 'row-problem', { why: quoted(line.problem) });
    problem.hidden = false;
    if (row.dataset.statement) subject.textContent = row.dataset.statement; // the server's title is worth nothing then
    return;
  }
  subject.textContent = text;
  subject.classList.remove('sealed');
  if (line.language) subject.lang = line.language;
  subject.dir = 'auto';
  // The urgency and the deadline that were signed, not those that the server told.
  if (row.dataset.notice) showUrgency(row, line.urgent);
  const deadline = row.querySelector('.deadline time');
  if (deadline && line.deadline) {
    deadline.dateTime = line.deadline;
    deadline.textContent = time(line.deadline);
  }
}

function showUrgency(row, urgent) {
  row.querySelector('.urgent')?.remove();
  if (urgent) row.querySelector('.facts').prepend(el('strong', { class: 'urgent' }, word('urgent')), ' ');
}
