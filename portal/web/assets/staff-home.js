// The home of staff: titles appear once the key is there, and why something was sent back.

import { $, explain, languages, status, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';

withKey(async () => {
  const place = $('desk-status');
  if (!document.querySelector('[data-statement][data-state]')) return;
  status(place, word('opening-works'));
  try {
    for (const line of await ask('works', { languages: languages() })) fill(line);
    status(place);
  } catch (error) {
    status(place, explain(error), false);
  }
});

function fill(line) {
  const row = document.querySelector(`[data-statement="${CSS.escape(line.statement)}"][data-state]`);
  if (!row) return; // it has begun since the page was made, or is somebody else's
  if (line.problem) {
    const problem = row.querySelector('.row-problem');
    problem.textContent = line.problem;
    problem.hidden = false;
    return;
  }
  const title = row.querySelector('.subject');
  title.textContent = line.title || word('untitled');
  title.classList.remove('sealed');
  if (line.language) title.lang = line.language;
  title.dir = 'auto';
  if (line.why) {
    const why = row.querySelector('.why');
    why.textContent = line.why;
    why.dir = 'auto';
    why.hidden = false;
  }
}
