// The mailbox: subjects appear once the key is there, and what the server says of each notice is compared with what staff signed.

import { $, languages, explain, status, time, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './unlock.js';

withKey(async () => {
  const place = $('mailbox-status');
  if (!document.querySelector('[data-notice]')) return;
  status(place, word('opening-list'));
  try {
    for (const line of await ask('list', { languages: languages() })) fill(line);
    status(place);
  } catch (error) {
    status(place, explain(error), false);
  }
});

function fill(line) {
  const row = document.querySelector(`[data-notice="${CSS.escape(line.notice)}"]`);
  if (!row) return; // it arrived since the page was made
  if (line.problem) {
    const problem = row.querySelector('.row-problem');
    problem.textContent = word('row-problem', { why: line.problem });
    problem.hidden = false;
    return;
  }
  const subject = row.querySelector('.subject');
  subject.textContent = line.subject;
  subject.classList.remove('sealed');
  if (line.language) subject.lang = line.language;
  subject.dir = 'auto';
  // The deadline that was signed, not the one that the server told.
  const deadline = row.querySelector('.deadline time');
  if (deadline && line.deadline) {
    deadline.dateTime = line.deadline;
    deadline.textContent = time(line.deadline);
  }
}
