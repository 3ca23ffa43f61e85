// The list of notices: what they are about, those that are being written among them, appears once the key is there; how far they have come moves.

import { $, explain, languages, status, word } from './page.js';
import { ask } from './engine.js';
import { fillNotices, watchNotices } from './notice-list.js';
import { withKey } from './staff-unlock.js';

watchNotices();

withKey(async () => {
  await fillNotices($('drafts-status'));
  await fillDrafts();
});

async function fillDrafts() {
  if (!document.querySelector('[data-draft]')) return;
  status($('drafts-status'), word('dispatch-drafts-opening'));
  try {
    for (const line of await ask('noticeDrafts')) {
      const row = document.querySelector(`[data-draft="${CSS.escape(line.id)}"]`);
      if (row) fill(row, line); // else it has begun since the page was made
    }
    status($('drafts-status'));
  } catch (error) {
    status($('drafts-status'), explain(error), false);
  }
}

function fill(row, { draft, problem }) {
  if (!draft) {
    row.querySelector('.row-problem').textContent = word('dispatch-draft-problem', { why: problem });
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
