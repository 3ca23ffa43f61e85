// The editor's fields: texts (language-cards.js), topic, incident, who is asked to acknowledge, when it is published, files (file-list.js). They read into a draft
// and are written from one; what is typed into them stays until something else is written there.

import { $, el, languageName, root, size, status, time, word } from './page.js';
import { ask } from './engine.js';
import { fileList } from './file-list.js';
import { languageCards } from './language-cards.js';
import { momentFields } from './moment.js';
import { whole } from './draft.js';

const page = $('editor');
const limit = Object.fromEntries(['title', 'reason', 'topic', 'text', 'line', 'lines', 'languages', 'files', 'filesSize'].map((name) => [name, Number(page.dataset[name])]));
const working = page.dataset.required.split(' ').filter(Boolean);

/** changed(): something was typed or chosen. prepare(): saves the draft, so that files can be attached to it and fetched from it. */
export function draftForm({ changed, prepare }) {
  let begun = null;      // the draft as it was written here: what has no field
  let previous = null;   // the published version that it follows
  let series = '';

  const plan = { publish: momentFields('publish', page.dataset.zone, changed), deadline: momentFields('deadline', page.dataset.zone, changed) };
  const kind = () => begun?.kind ?? 'original';
  const isWithdrawal = () => kind() === 'withdrawal';

  const texts = languageCards({ limit, changed, kind });
  const files = fileList({
    limit, changed, prepare,
    attach: (file) => ask('attach', { statement: begun.statement, ...file }),
    data: (file) => ask('attachmentData', { statement: begun.statement, name: file.name }),
  });

  // -------------------------------------------------------------- topic and incident

  const topic = $('topic');
  const tidyTopic = (typed) => typed.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  function markTopic() {
    const problem = topic.value.trim() && !tidyTopic(topic.value) ? word('editor-topic-letters') : tidyTopic(topic.value).length > limit.topic ? word('editor-topic-long', { most: limit.topic }) : '';
    $('topic-error').textContent = problem;
    if (problem) topic.setAttribute('aria-invalid', 'true');
    else topic.removeAttribute('aria-invalid');
  }
  topic.addEventListener('input', () => {
    markTopic();
    changed();
  });
  topic.addEventListener('change', () => {
    if (tidyTopic(topic.value)) topic.value = tidyTopic(topic.value);
    markTopic();
    changed();
  });

  let searching, searched = 0;
  $('series-search').addEventListener('input', () => {
    clearTimeout(searching);
    searching = setTimeout(search, 300);
  });
  $('series-search').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    clearTimeout(searching);
    search();
  });

  async function archive(query) {
    const answer = await fetch(`/api/v1/statements?${new URLSearchParams(query)}`, { credentials: 'same-origin' });
    if (!answer.ok) throw { code: answer.status === 400 ? 'invalid-query' : 'internal', message: '' };
    return (await answer.json()).statements;
  }

  const number = /^P-?[0-9A-Z]{8}$/i;
  const titleOf = (hit) => hit.titles.find((t) => t.language === root.lang) ?? hit.titles[0];

  async function search() {
    const typed = $('series-search').value.trim();
    const mine = ++searched;
    status($('series-status'));
    if (!typed) return $('series-found').replaceChildren();
    try {
      const wanted = number.test(typed) ? typed.toUpperCase().replace(/^P-?/, 'P-') : '';
      const found = await archive(wanted ? { series: wanted, limit: 100 } : { q: typed, limit: 8 });
      if (mine !== searched) return;
      const hits = found.filter((hit) => hit.statement !== begun.statement && (!wanted || hit.statement === wanted));
      if (!hits.length) status($('series-status'), word('editor-series-none'), false);
      $('series-found').replaceChildren(...hits.map((hit) => {
        const title = titleOf(hit);
        const button = el('button', { type: 'button', class: 'quiet', 'data-series': hit.series || hit.statement }, el('span', { lang: title.language, dir: 'auto' }, title.title), ' ', el('span', { class: 'number' }, hit.statement));
        button.addEventListener('click', () => {
          writeSeries(hit.series || hit.statement, hit.series ? '' : title.title);
          $('series-search').value = '';
          $('series-found').replaceChildren();
          changed();
          $('series-clear').focus();
        });
        return el('li', {}, button);
      }));
    } catch (error) {
      if (mine === searched) status($('series-status'), word(error.code === 'invalid-query' ? 'editor-series-words' : 'network'), false);
    }
  }

  async function writeSeries(value, title = '') {
    series = value;
    $('series').textContent = value;
    $('series-title').textContent = title;
    $('series-chosen').hidden = !value;
    $('series-choosing').hidden = Boolean(value);
    if (!value || title) return;
    try {
      const found = (await archive({ series: value, limit: 100 })).find((hit) => hit.statement === value);
      if (found && series === value) $('series-title').textContent = titleOf(found).title;
    } catch { /* its number says enough */ }
  }
  $('series-clear').addEventListener('click', () => {
    writeSeries('');
    changed();
    $('series-search').focus();
  });

  // -------------------------------------------------------------- who is asked, and when it is published

  const asked = ['S', 'O', 'I'].map((letter) => $(`ask-${letter}`));
  const asks = () => asked.filter((box) => box.checked).map((box) => box.value);
  for (const box of asked) {
    box.addEventListener('change', () => {
      $('deadline-when').hidden = asks().length === 0;
      changed();
    });
  }
  const later = () => $('publish-later').checked;
  for (const radio of [$('publish-now'), $('publish-later')]) {
    radio.addEventListener('change', () => {
      $('publish-when').hidden = !later();
      if (later()) plan.publish.date.focus();
      changed();
    });
  }

  // -------------------------------------------------------------- the whole

  /** The draft as it stands here. */
  function read() {
    const publish = later() ? plan.publish.read() : { at: '', zone: '' };
    const acknowledge = asks();
    return whole({
      ...begun, topic: tidyTopic(topic.value), series, languages: texts.read(), attachments: files.read(),
      publishAt: publish.at, zone: publish.zone, acknowledge, deadline: acknowledge.length ? plan.deadline.read().at : '',
    });
  }

  /** Shows a draft; what is the same already is left as it is, the cursor with it. before is the published version that it follows. */
  function put(draft, before = previous) {
    const first = begun === null;
    begun = draft;
    previous = before;
    const older = (before?.languages ?? []).map((l) => l.language).filter((tag) => !working.some((t) => t.toLowerCase() === tag.toLowerCase()));
    texts.put(draft.languages, [...working, ...older]);
    $('files').hidden = isWithdrawal();
    if (tidyTopic(topic.value) !== draft.topic || first) topic.value = draft.topic;
    markTopic();
    if (series !== draft.series || first) writeSeries(draft.series);
    if (first || !sameMoment(plan.publish, draft.publishAt, draft.zone)) plan.publish.write(draft.publishAt, draft.zone);
    const set = Boolean(draft.publishAt || draft.zone);
    $(set ? 'publish-later' : 'publish-now').checked = true;
    $('publish-when').hidden = !set;
    for (const box of asked) box.checked = draft.acknowledge.includes(box.value);
    if (first || plan.deadline.read().at !== draft.deadline) plan.deadline.write(draft.deadline, draft.zone);
    $('deadline-when').hidden = draft.acknowledge.length === 0;
    files.put(draft.attachments);
  }

  const sameMoment = (fields, at, zone) => {
    const now = fields.read();
    return now.at === at && now.zone === zone;
  };

  /** What stands in the way of submitting: [{text, at: the element to go to}]. */
  function missing() {
    const list = texts.missing();
    if (!tidyTopic(topic.value)) list.push({ text: word('editor-lacks-topic'), at: topic });
    else if (tidyTopic(topic.value).length > limit.topic) list.push({ text: word('editor-topic-long', { most: limit.topic }), at: topic });
    const now = Date.now();
    let from = now;
    if (later()) {
      const { at, problem } = plan.publish.read();
      if (problem) list.push({ text: `${word('editor-publication')}: ${problem}`, at: plan.publish.date });
      else if (Date.parse(at) <= now) list.push({ text: word('editor-past'), at: plan.publish.date });
      else from = Date.parse(at);
      if (page.dataset.notaries === '0') list.push({ text: word('editor-no-notary'), at: $('publish-now') });
    }
    if (asks().length && !plan.deadline.empty()) {
      const { at, problem } = plan.deadline.read();
      if (problem) list.push({ text: `${word('editor-deadline')}: ${problem}`, at: plan.deadline.date });
      else if (Date.parse(at) <= from) list.push({ text: word(from > now ? 'editor-deadline-before' : 'editor-deadline-past'), at: plan.deadline.date });
    }
    if (page.dataset.author !== 'true') list.push({ text: word('editor-no-author') });
    if (page.dataset.approvers === '0') list.push({ text: word('editor-no-approver') });
    return list;
  }

  /** What of a draft is to be read before it is signed: [[name, text], …]. */
  function summary() {
    const draft = read();
    const rows = [[word('editor-number'), `${draft.statement} · ${word(`editor-kind-${kind()}`)} · ${word('editor-version', { n: (previous?.version ?? 0) + 1 })}`]];
    for (const [i, l] of draft.languages.entries()) rows.push([`${languageName(l.language)}${i === 0 ? ` (${word('editor-authoritative')})` : ''}`, l.title, l.reason]);
    rows.push([word('editor-topic'), draft.topic]);
    if (draft.series) rows.push([word('editor-series'), `${draft.series} ${$('series-title').textContent}`]);
    rows.push([word('editor-publication'), draft.publishAt ? (draft.zone === 'UTC' ? '' : `${time(draft.publishAt)}, ${draft.zone.replaceAll('_', ' ')} – `) + $('publish-means').textContent : word('editor-at-once')]);
    const names = draft.acknowledge.map((letter) => word(`editor-asks-${letter}`));
    rows.push([word('editor-asks'), names.length ? new Intl.ListFormat(root.lang).format(names) + (draft.deadline ? `, ${word('editor-until', { time: time(draft.deadline) })}` : '') : word('editor-nobody')]);
    if (draft.attachments.length) rows.push([word('editor-files'), draft.attachments.map((file) => `${file.name} (${size(file.size)})`).join(', ')]);
    return rows;
  }

  /** What is worth a thought before it is signed, and no hindrance. */
  function minds() {
    if (!previous || isWithdrawal()) return [];
    const draft = read();
    const changedIn = draft.languages.filter((l) => {
      const old = previous.languages.find((o) => o.language === l.language);
      return !old || old.title !== l.title || old.body.trim() !== l.body.trim();
    });
    if (!changedIn.length) return [word('editor-mind-same', { n: previous.version })];
    const untouched = draft.languages.filter((l) => !changedIn.includes(l));
    return untouched.length ? [word('editor-mind-some', { languages: new Intl.ListFormat(root.lang).format(untouched.map((l) => languageName(l.language))) })] : [];
  }

  return { read, put, missing, go: texts.go, summary, minds };
}
