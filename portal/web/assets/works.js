// Statements that are being worked on, in a list that the server made: their titles appear once the key is there, and why one was sent back.

import { $, explain, languages, quoted, status, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './staff-unlock.js';

/**
 * Fills a list. rowOf(number) is a statement's row, with .subject, .why and .row-problem in it, or null; problem(why) words what can't be opened; more(row, line)
 * adds what this list shows besides; then() comes after it all. place says what is being done. Nothing is asked for when the page holds nothing that matches rows.
 */
export function fillWorks({ place, rows, rowOf, problem = quoted, more = () => {}, then = () => {} }) {
  withKey(async () => {
    await fillAll();
    await then();
  });

  async function fillAll() {
    if (!document.querySelector(rows)) return;
    status($(place), word('opening-works'));
    try {
      for (const line of await ask('works', { languages: languages() })) {
        const row = document.querySelector(rowOf(CSS.escape(line.statement)));
        if (row) fill(row, line, problem, more); // else it has begun since the page was made, or is somebody else's
      }
      status($(place));
    } catch (error) {
      status($(place), explain(error), false);
    }
  }
}

function fill(row, line, problem, more) {
  if (line.problem) {
    const place = row.querySelector('.row-problem');
    place.textContent = problem(line.problem);
    place.hidden = false;
    return;
  }
  const title = row.querySelector('.subject');
  title.textContent = line.title || word('untitled');
  title.classList.toggle('sealed', !line.title);
  if (line.language) title.lang = line.language;
  title.dir = 'auto';
  say(row, '.why', line.why);
  more(row, line);
}

/** Shows a text in a part of a row, if there is one to show. */
export function say(row, part, text) {
  if (!text) return;
  const place = row.querySelector(part);
  place.textContent = text;
  place.dir = 'auto';
  place.hidden = false;
}
