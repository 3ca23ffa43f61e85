// One thread: its messages are opened and verified in the worker and shown here; what is written stays in the form until the portal has it.

import { $, busy, el, explain, fieldError, hide, languageName, quoted, root, save, show, size, status, time, word } from './page.js';
import { ask } from './engine.js';
import { elements } from './content.js';
import { withKey as withOwn } from './unlock.js';
import { withKey as withStaff } from './staff-unlock.js';

const page = $('thread');
const number = page.dataset.thread;
const desk = root.dataset.page === 'thread_desk';

for (const option of document.querySelectorAll('#write-language option')) option.textContent = languageName(option.value);

(desk ? withStaff : withOwn)(async () => {
  if (number) await load();
  show($('writing'));
});

// ---------------------------------------------------------------- what was written

async function load() {
  const place = $('thread-status');
  status(place, word('thread-opening'));
  let thread;
  try {
    thread = await ask('thread', { thread: number });
  } catch (error) {
    return status(place, explain(error), false);
  }
  if (thread.subject) {
    const heading = $('subject');
    heading.textContent = thread.subject;
    heading.dir = 'auto';
    heading.classList.remove('sealed-subject');
    document.title = document.title.replace(/^.*? – /, () => `${thread.subject} – `);
    if (!$('write-subject').value) $('write-subject').value = thread.subject;
  }
  if (desk) $('mailbox-name').textContent = thread.name ?? '';
  $('gap').hidden = !thread.gap;
  for (const heading of thread.messages) {
    try {
      await open(heading);
    } catch (error) {
      refuse(rowOf(heading.id), explain(error));
    }
  }
  status(place);
}

const rowOf = (id) => document.querySelector(`[data-message="${CSS.escape(id)}"]`);

async function open(heading) {
  const row = rowOf(heading.id);
  if (!row) return; // it came since the page was made
  row.querySelector('.missing').hidden = !heading.missing;
  if (heading.problem) return refuse(row, quoted(heading.problem));
  if (heading.kind === 'mail') return desk ? openMail(row, heading) : undefined;
  if (!heading.shared) {
    row.querySelector('.sealed').textContent = word('thread-unshared');
    return;
  }
  const who = row.querySelector('.who');
  who.textContent = word(heading.own ? 'thread-own' : heading.kind === 'answer' ? 'thread-answer' : 'thread-reply', { name: heading.sender });
  if (heading.key) who.title = heading.key;
  const when = row.querySelector('time');
  when.dateTime = heading.written;
  when.textContent = time(heading.written);
  const message = await ask('threadMessage', { thread: number, message: heading.id });
  const subject = row.querySelector('.subject');
  subject.textContent = heading.subject;
  const text = row.querySelector('.prose');
  text.replaceChildren(...elements(message.text));
  for (const part of [subject, text]) {
    part.lang = heading.language;
    part.dir = 'auto';
  }
  show(subject);
  row.removeAttribute('data-unread');
  const files = row.querySelector('.files');
  files.replaceChildren(...message.attachments.map((file, index) => fileLine(heading.id, file, index)));
  files.hidden = !message.attachments.length;
}

/** A reply by e-mail: text as text, and who signed it inside, or that nobody did. */
async function openMail(row, heading) {
  const mail = await ask('threadMail', { thread: number, message: heading.id });
  const writer = row.querySelector('.writer');
  row.querySelector('.who').textContent = mail.from ? word('thread-mail-from', { name: mail.from }) : word('thread-mail-unknown');
  const lines = [mail.from ? word('thread-mail-signed', { name: mail.from, time: time(mail.signed) }) : word(mail.problem ? 'thread-mail-problem' : 'thread-mail-unsigned')];
  if (mail.ended) lines.push(word('thread-mail-ended', { time: time(mail.ended) }));
  lines.push(word('thread-mail-answers', { name: mail.answers }));
  if (mail.html) lines.push(word('thread-mail-html'));
  if (mail.cut) lines.push(word('thread-mail-cut'));
  writer.replaceChildren(...lines.map((line) => el('p', {}, line)));
  if (mail.problem) writer.firstChild.append(' ', el('span', { lang: 'en', dir: 'ltr' }, mail.problem)); // the client's own sentence
  writer.classList.toggle('stop', !mail.from);
  show(writer);
  if (mail.subject) {
    const subject = row.querySelector('.subject');
    subject.textContent = mail.subject;
    subject.dir = 'auto';
    show(subject);
  }
  row.querySelector('.prose').replaceChildren(el('div', { class: 'mailed', dir: 'auto' }, mail.text || word('thread-mail-empty')));
  row.removeAttribute('data-unread');
  const files = row.querySelector('.files');
  files.replaceChildren(...mail.attachments.map((file, index) => fileLine(heading.id, file, index)));
  show(files);
}

function fileLine(message, file, index) {
  const button = el('button', { type: 'button', class: 'quiet', 'data-attachment': String(index), 'aria-label': `${word('save')}: ${file.name}` }, word('save'));
  button.addEventListener('click', async () => {
    try {
      save(file.name, await ask('threadFile', { thread: number, message, index }));
    } catch (error) {
      status($('thread-status'), explain(error), false);
    }
  });
  return el('li', {}, el('span', {}, el('bdi', {}, file.name), ` · ${size(file.size)}`), button);
}

/** What doesn't hold is not shown, only why. */
function refuse(row, why) {
  if (!row) return;
  const problem = row.querySelector('.row-problem');
  problem.textContent = word('thread-problem', { why });
  problem.hidden = false;
}

// ---------------------------------------------------------------- writing

const form = $('write');
const largest = 25 * 2 ** 20;
const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, '0')).join('');
let token = fresh(); // of what stands in the form: what is sent again unchanged is the same message
let sending = false;

form?.addEventListener('input', () => { token = fresh(); });
form?.addEventListener('submit', (event) => {
  event.preventDefault();
  busy([$('send')], send);
});

const written = () => Boolean($('write-text')?.value.trim());
addEventListener('beforeunload', (event) => {
  if (written() || sending) event.preventDefault(); // the browser asks whether to leave
});

async function send() {
  const [subject, text, files] = [$('write-subject'), $('write-text'), $('write-files')];
  for (const field of [subject, text, files]) fieldError(field);
  $('write-error').textContent = '';
  if (!subject.value.trim()) return fieldError(subject, word('thread-subject-missing'));
  if (!text.value.trim()) return fieldError(text, word('thread-text-missing'));
  const chosen = [...files.files];
  if (chosen.reduce((sum, file) => sum + file.size, 0) > largest) return fieldError(files, word('thread-files-large'));
  sending = true;
  try {
    const read = [];
    for (const file of chosen) {
      try {
        read.push({ name: file.name, type: file.type, data: await file.arrayBuffer() });
      } catch {
        return fieldError(files, word('file-unreadable'));
      }
    }
    const parameters = { token, thread: number, about: page.dataset.about, language: $('write-language').value, subject: subject.value, text: `${text.value.trimEnd()}\n`, files: read };
    const { thread } = await ask('send', parameters, (step) => status($('write-status'), word(step)));
    status($('write-status'), word('thread-sent'), false);
    form.reset();
    sending = false;
    location.assign(`${desk ? '/staff' : ''}/threads/${thread}`);
  } catch (error) {
    status($('write-status'));
    $('write-error').textContent = `${explain(error)} ${word('thread-kept')}`;
  } finally {
    sending = false;
  }
}

// ---------------------------------------------------------------- the desk

function act(button, ceremony, parameters) {
  button?.addEventListener('click', () => busy([button], async () => {
    try {
      await ask(ceremony, { thread: number, ...parameters() });
      status($('desk-status'), word('thread-done'), false);
      if (ceremony === 'closeThread') location.reload();
    } catch (error) {
      status($('desk-status'), explain(error), false);
    }
  }));
}

act($('assign'), 'assignThread', () => ({ assignee: $('assignee').value }));
act($('close'), 'closeThread', () => ({ closed: true }));
act($('reopen'), 'closeThread', () => ({ closed: false }));
