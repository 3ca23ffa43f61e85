// Lists of threads, of a mailbox and of the desk: subjects and names appear once the key is there.

import { $, explain, quoted, root, status, word } from './page.js';
import { ask } from './engine.js';
import { withKey as withOwn } from './unlock.js';
import { withKey as withStaff } from './staff-unlock.js';

const desk = root.dataset.page === 'thread_inbox';

(desk ? withStaff : withOwn)(async () => {
  const place = $('threads-status');
  if (!document.querySelector('[data-thread]')) return;
  status(place, word('thread-opening'));
  try {
    for (const line of await ask('threads', { state: $('open') ? 'closed' : 'open' })) fill(line);
    status(place);
  } catch (error) {
    status(place, explain(error), false);
  }
});

function fill(line) {
  const row = document.querySelector(`[data-thread="${CSS.escape(line.thread)}"]`);
  if (!row) return; // it has begun since the page was made
  const name = row.querySelector('.name');
  if (name) name.textContent = line.name ?? '';
  if (line.problem) {
    const problem = row.querySelector('.row-problem');
    problem.textContent = word('thread-problem', { why: quoted(line.problem) });
    problem.hidden = false;
    return;
  }
  const subject = row.querySelector('.subject');
  subject.textContent = line.subject || word(line.mailed ? 'thread-mailed' : 'thread-unshared');
  subject.classList.toggle('sealed', !line.subject);
  if (line.language) subject.lang = line.language;
  subject.dir = 'auto';
}
