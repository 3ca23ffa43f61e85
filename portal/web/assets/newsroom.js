// The list of statements that are being worked on: titles appear once the key is there, with the kind, the minute, and why something was sent back.

import { $, explain, languages, status, time, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';
import { fromNow } from './zones.js';

withKey(async () => {
  const place = $('newsroom-status');
  if (!document.querySelector('[data-work]')) return;
  status(place, word('opening-works'));
  try {
    for (const line of await ask('works', { languages: languages() })) fill(line);
    status(place);
  } catch (error) {
    status(place, explain(error), false);
  }
});

function fill(line) {
  const row = document.querySelector(`[data-work="${CSS.escape(line.statement)}"]`);
  if (!row) return; // it has begun since the page was made
  if (line.problem) {
    const problem = row.querySelector('.row-problem');
    problem.textContent = word('newsroom-problem', { why: line.problem });
    problem.hidden = false;
    return;
  }
  const title = row.querySelector('.subject');
  title.textContent = line.title || word('untitled');
  title.classList.toggle('sealed', !line.title);
  if (line.language) title.lang = line.language;
  title.dir = 'auto';
  say(row, '.kind', line.kind === 'correction' ? word('newsroom-correction') : line.kind === 'withdrawal' ? word('newsroom-withdrawal') : '');
  const passed = line.publishAt && !fromNow(line.publishAt);
  say(row, '.when', line.publishAt ? word(passed ? 'newsroom-passed' : 'newsroom-when', { time: time(line.publishAt), left: fromNow(line.publishAt) }) : '');
  say(row, '.why', line.why);
}

function say(row, part, text) {
  const place = row.querySelector(part);
  if (!text) return;
  place.textContent = text;
  place.dir = 'auto';
  place.hidden = false;
}
