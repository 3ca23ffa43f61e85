// One notice: opened and verified in the worker, shown here, acknowledged on demand.

import { $, el, explain, hide, save, show, size, status, time, word } from './page.js';
import { elements } from './content.js';
import { ask } from './engine.js';
import { withKey } from './unlock.js';
import { acknowledging, read, showDeadline, showLanguages, showSigners } from './reading.js';

const number = $('notice').dataset.notice;

withKey(() => read(() => ask('open', { notice: number }), showNotice));

function showNotice(notice) {
  $('provenance').textContent = word('from', { from: notice.from, time: time(notice.created) });
  showLanguages(notice.languages);
  showPersonal(notice);
  showAttachments(notice);
  showSigners(notice, ['manifest', 'staff', 'root', 'meant', 'body', 'content', 'heading', ...(notice.personal.length ? ['personal'] : [])]);
  showDeadline(notice.deadline);
  if (notice.due) {
    $('notice-late').textContent = word('notice-late', { due: time(notice.due), delivered: time(notice.delivered) });
    show($('notice-late'));
  }
  if (notice.answerProblem) {
    $('receipt-problem-text').textContent = word('receipt-problem', { why: explain(notice.answerProblem) });
    hide($('receipt-section'));
    show($('receipt-problem'));
    $('state').textContent = word('not-proved');
    $('state').className = 'state awaiting';
  }
  if (notice.acknowledge && (!notice.answered || notice.answerProblem)) show($('acknowledging'));
}

/** What is said to this mailbox alone, in the language in which the notice is shown, or the first that there is. */
function showPersonal({ personal }) {
  if (!personal.length) return;
  const draw = () => {
    const chosen = $('languages').querySelector('[aria-pressed="true"]')?.dataset.language;
    const version = personal.find((p) => p.language === chosen) ?? personal.find((p) => p.language === $('text').lang) ?? personal[0];
    const text = $('personal-text');
    text.lang = version.language;
    text.dir = 'auto';
    text.replaceChildren(...elements(version.text, 3));
  };
  $('languages').addEventListener('click', draw);
  draw();
  show($('personal'));
}

function showAttachments(notice) {
  if (!notice.attachments.length) return;
  $('attachments').replaceChildren(...notice.attachments.map((file, index) => {
    const button = el('button', { type: 'button', class: 'quiet', 'data-attachment': String(index), 'aria-label': `${word('save')}: ${file.name}` }, word('save'));
    button.addEventListener('click', async () => {
      try {
        save(file.name, await ask('attachment', { notice: number, index }));
      } catch (error) {
        status($('notice-status'), explain(error), false);
      }
    });
    return el('li', {}, el('span', {}, el('bdi', {}, file.name), ` · ${size(file.size)}`), button);
  }));
  show($('attachments-section'));
}

acknowledging((decision) => ask('acknowledge', { notice: number, decision }));
