// Notices in a list that the server made: their subjects appear once the key is there, and how far they have come moves.

import { $, el, explain, languages, quoted, status, word } from './page.js';
import { ask } from './engine.js';
import { askQuietly, live } from './live.js';

const most = 200; // that are asked for at once

const rows = () => [...document.querySelectorAll('[data-notice]')].slice(0, most);

/** Fills in the subjects of the notices in the page, for who has the key. place says what is being done. */
export async function fillNotices(place) {
  const notices = [...new Set(rows().map((row) => row.dataset.notice))];
  if (!notices.length) return;
  status(place, word('live-subjects'));
  try {
    const headed = new Map((await ask('noticeHeadings', { notices, languages: languages() })).map((line) => [line.notice, line]));
    for (const row of rows()) fill(row, headed.get(row.dataset.notice));
    status(place);
  } catch (error) {
    status(place, explain(error), false);
  }
}

function fill(row, line) {
  if (!line) return; // not sealed to the reader
  if (line.problem) {
    row.append(el('p', { class: 'error row-problem' }, word('live-problem'), ' ', el('span', { lang: 'en', dir: 'ltr' }, line.problem)));
    return;
  }
  const place = row.querySelector('.subject');
  row.querySelector('.facts').prepend(el('span', {}, place.textContent), ' ');
  place.textContent = line.subject;
  place.lang = line.language;
  place.dir = 'auto';
}

/** Fills in the subjects of the notices that are being written. place says what is being done. */
export async function fillDrafts(place) {
  if (!document.querySelector('[data-draft]')) return;
  status(place, word('dispatch-drafts-opening'));
  try {
    for (const line of await ask('noticeDrafts')) {
      const row = document.querySelector(`[data-draft="${CSS.escape(line.id)}"]`);
      if (row) fillDraft(row, line); // else it has begun since the page was made
    }
    status(place);
  } catch (error) {
    status(place, explain(error), false);
  }
}

function fillDraft(row, { draft, problem }) {
  if (!draft) {
    row.querySelector('.row-problem').textContent = word('dispatch-draft-problem', { why: quoted(problem) });
    row.querySelector('.row-problem').hidden = false;
    return;
  }
  const wanted = languages();
  const written = (draft.languages ?? []).filter((l) => l.subject);
  const best = written.find((l) => wanted.includes(l.language)) ?? written[0];
  const subject = row.querySelector('.subject');
  subject.textContent = best?.subject ?? word('dispatch-draft-untitled');
  subject.classList.toggle('sealed', !best);
  if (best) subject.lang = best.language;
  subject.dir = 'auto';
}

/** Keeps bars and counts up to date, and says when the list itself is another one. */
export function watchNotices() {
  if (!$('live')) return; // it is not this reader's business
  let stamp = '';
  live({
    stream: '/api/v1/staff/stream',
    place: $('live'),
    async look() {
      const numbers = [...new Set(rows().filter((row) => row.querySelector('.ack-bar')).map((row) => row.dataset.notice))];
      const board = await askQuietly(`/api/v1/staff/board?of=${numbers.join(',')}`);
      for (const notice of board.notices) {
        for (const row of document.querySelectorAll(`[data-notice="${CSS.escape(notice.notice)}"]`)) draw(row, notice);
      }
      if (stamp && stamp !== board.stamp) $('list-moved').hidden = false;
      stamp ||= board.stamp;
    },
  });
  $('list-look').addEventListener('click', () => location.reload());
}

function draw(row, { acknowledge, tally, bar }) {
  const drawing = row.querySelector('.ack-bar');
  if (!drawing) return;
  let from = 0;
  drawing.replaceChildren(...bar.map(({ state, count }) => {
    const piece = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const width = (100 * count) / Math.max(1, tally.mailboxes);
    for (const [key, value] of Object.entries({ class: state, x: from, y: 0, width, height: 4 })) piece.setAttribute(key, value);
    from += width;
    return piece;
  }));
  const said = row.querySelector('.tally');
  if (said) said.textContent = word(acknowledge ? 'live-acknowledged' : 'live-opened', { n: acknowledge ? tally.acknowledged : tally.opened, all: tally.mailboxes });
  const late = row.querySelector('.late');
  if (late) {
    late.hidden = tally.overdue === 0;
    late.textContent = word('live-overdue', { n: tally.overdue });
  }
}
