// The editor's fields: languages side by side with their previews, topic, incident, who is asked to acknowledge, when it is published. They read into a draft
// and are written from one; what is typed into them stays until something else is written there.

import { $, busy, el, explain, languageName, root, save, size, status, time, word } from './page.js';
import { ask } from './engine.js';
import { elements } from './content.js';
import { momentFields } from './moment.js';
import { whole } from './draft.js';

const page = $('editor');
const limit = Object.fromEntries(['title', 'reason', 'topic', 'text', 'line', 'lines', 'languages', 'files', 'filesSize'].map((name) => [name, Number(page.dataset[name])]));
const working = page.dataset.required.split(' ').filter(Boolean);
const wide = matchMedia('(min-width: 60rem)');
const bytes = (text) => new TextEncoder().encode(text).length;
const letters = (text) => [...text].length;
const hidden = /[\p{Cc}\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u2028\u2029\u2800\u3164\uffa0]/u;
const allowed = /[\u200c\u200d\u200e\u200f\u061c]/gu; // what Persian, Arabic and Hebrew need
const turning = /[\u202a-\u202e\u2066-\u2069]/u;

/** changed(): something was typed or chosen. prepare(): saves the draft, so that files can be attached to it and fetched from it. */
export function draftForm({ changed, prepare }) {
  let begun = null;      // the draft as it was written here: what has no field
  let previous = null;   // the published version that it follows
  let required = working;
  let attachments = [];
  let series = '';
  let shown = [];        // the languages that are shown, the last chosen first
  const cards = new Map();

  const plan = { publish: momentFields('publish', page.dataset.zone, changed), deadline: momentFields('deadline', page.dataset.zone, changed) };
  const kind = () => begun?.kind ?? 'original';
  const isOriginal = () => kind() === 'original';
  const isWithdrawal = () => kind() === 'withdrawal';

  // -------------------------------------------------------------- languages

  function card(tag) {
    const article = $('card').content.firstElementChild.cloneNode(true);
    article.dataset.language = tag;
    const part = (name) => article.querySelector(`[data-part="${name}"]`);
    for (const element of article.querySelectorAll('[data-part]')) element.id = `${element.dataset.part}-${tag}`;
    for (const label of article.querySelectorAll('[data-for]')) label.htmlFor = `${label.dataset.for}-${tag}`;
    for (const name of ['title', 'reason', 'body']) {
      part(name).lang = tag;
      part(name).setAttribute('aria-describedby', `${name}-count-${tag} ${name}-error-${tag}`);
    }
    for (const name of ['seen-title', 'seen-reason', 'preview']) part(name).lang = tag;
    part('name').textContent = languageName(tag);
    part('name').lang = tag;
    article.querySelector('.seen').setAttribute('aria-label', `${word('editor-preview')}: ${languageName(tag)}`);
    const made = { tag, article, part, asked: 0, drawn: null };
    for (const name of ['title', 'reason', 'body']) {
      part(name).addEventListener('input', () => {
        count(made);
        draw(made, 300);
        changed();
      });
    }
    article.querySelector('[data-do=authoritative]').addEventListener('click', () => {
      order([tag, ...tags().filter((t) => t !== tag)]);
      changed();
      part('title').focus();
    });
    article.querySelector('[data-do=remove]').addEventListener('click', () => remove(tag));
    part('reason-field').hidden = isOriginal();
    part('reason-label').textContent = word(isWithdrawal() ? 'editor-why-withdrawal' : 'editor-why-correction');
    part('body-field').hidden = isWithdrawal();
    cards.set(tag, made);
    $('cards').append(article);
    return made;
  }

  const tags = () => [...cards.keys()];

  function order(list) {
    const all = list.map((tag) => [tag, cards.get(tag)]);
    cards.clear();
    for (const [tag, made] of all) cards.set(tag, made);
    for (const made of cards.values()) $('cards').append(made.article);
    drawLanguages();
  }

  const isRequired = (tag) => required.some((t) => t.toLowerCase() === tag.toLowerCase());

  function add(tag) {
    const made = card(tag);
    look(tag);
    count(made);
    draw(made);
    return made;
  }

  // A language is taken away with what was written in it; it can be had back at once.
  function remove(tag) {
    const gone = text(cards.get(tag));
    cards.get(tag).article.remove();
    cards.delete(tag);
    shown = shown.filter((t) => t !== tag);
    drawLanguages();
    changed();
    const back = el('button', { type: 'button', class: 'plain' }, word('editor-back'));
    back.addEventListener('click', () => {
      if (!cards.has(tag)) write(add(tag), gone);
      status($('other-language-status'));
      changed();
    });
    let place = $('other-language-status');
    if (!place) $('add-language').after(place = el('p', { class: 'status', id: 'other-language-status', role: 'status' }));
    place.replaceChildren(word('editor-removed', { language: languageName(tag) }), ' ', back);
    back.focus();
  }

  /** Brings a language into view. */
  function look(tag) {
    shown = [tag, ...shown.filter((t) => t !== tag)];
    drawLanguages();
  }

  function drawLanguages() {
    const all = tags();
    shown = [...shown.filter((t) => cards.has(t)), ...all.filter((t) => !shown.includes(t))];
    const seen = new Set(shown.slice(0, wide.matches ? 2 : 1));
    for (const [i, made] of [...cards.values()].entries()) {
      made.article.hidden = !seen.has(made.tag);
      made.part('authoritative').hidden = i !== 0;
      made.part('required').hidden = !isRequired(made.tag);
      made.article.querySelector('[data-do=authoritative]').hidden = i === 0;
      made.article.querySelector('[data-do=remove]').hidden = isRequired(made.tag) || all.length === 1;
      made.article.querySelector('[data-do=authoritative]').setAttribute('aria-label', `${word('editor-make')}: ${languageName(made.tag)}`);
      made.article.querySelector('[data-do=remove]').setAttribute('aria-label', `${word('editor-remove')}: ${languageName(made.tag)}`);
    }
    $('cards').dataset.columns = String(Math.min(seen.size, all.length));
    $('language-bar').replaceChildren(...all.map((tag) => {
      const lacking = missingIn(cards.get(tag)).length > 0;
      const button = el('button', { type: 'button', lang: tag, 'data-language': tag, 'aria-pressed': String(seen.has(tag)) }, languageName(tag));
      if (lacking) button.append(el('span', { class: 'lacking', lang: root.lang }, ` ${word('editor-lacking')}`));
      button.addEventListener('click', () => {
        look(tag);
        document.querySelector(`#language-bar [data-language="${CSS.escape(tag)}"]`)?.focus();
      });
      return button;
    }));
    $('language-bar').hidden = all.length === 1;
    $('add-language').hidden = all.length >= limit.languages;
  }
  wide.addEventListener('change', drawLanguages);

  // Marks on the buttons, without making them anew while somebody tabs through.
  function drawLacking() {
    for (const button of $('language-bar').children) {
      const made = cards.get(button.dataset.language);
      const mark = button.querySelector('.lacking');
      const lacking = made && missingIn(made).length > 0;
      if (lacking && !mark) button.append(el('span', { class: 'lacking', lang: root.lang }, ` ${word('editor-lacking')}`));
      else if (!lacking) mark?.remove();
    }
  }

  $('other-language').addEventListener('change', () => { $('other-tag-field').hidden = $('other-language').value !== ''; });
  $('add').addEventListener('click', () => {
    const chosen = $('other-language').value || $('other-tag').value.trim();
    const say = (text) => { $('other-language-error').textContent = text; };
    let tag;
    try {
      [tag] = Intl.getCanonicalLocales(chosen);
    } catch { /* said below */ }
    if (!tag || !/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(tag)) return say(word('editor-tag'));
    if (tags().some((t) => t.toLowerCase() === tag.toLowerCase())) {
      say('');
      look(tags().find((t) => t.toLowerCase() === tag.toLowerCase()));
      return say(word('editor-tag-there'));
    }
    say('');
    add(tag);
    $('add-language').open = false;
    changed();
    cards.get(tag).part('title').focus();
  });
  $('other-tag').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    $('add').click();
  });

  for (const button of $('views').querySelectorAll('button')) {
    button.addEventListener('click', () => {
      $('texts').dataset.view = button.dataset.view;
      for (const other of $('views').querySelectorAll('button')) other.setAttribute('aria-pressed', String(other === button));
      for (const made of cards.values()) draw(made);
    });
  }

  // -------------------------------------------------------------- one language

  const line = (input) => input.value.replace(/\s+/g, ' ').trim();

  function text(made) {
    return { language: made.tag, title: line(made.part('title')), reason: isOriginal() ? '' : line(made.part('reason')), body: isWithdrawal() ? '' : made.part('body').value };
  }

  function write(made, { title, reason, body }) {
    if (line(made.part('title')) !== title) made.part('title').value = title;
    if (line(made.part('reason')) !== reason) made.part('reason').value = reason;
    if (made.part('body').value !== body) made.part('body').value = body;
    count(made);
    draw(made);
  }

  function mark(made, name, problem) {
    made.part(`${name}-error`).textContent = problem;
    if (problem) made.part(name).setAttribute('aria-invalid', 'true');
    else made.part(name).removeAttribute('aria-invalid');
  }

  // Numbers only near a limit; what is over it is said at once, and nothing is cut.
  function count(made) {
    const { title, reason, body } = text(made);
    for (const [name, n, most] of [['title', letters(title), limit.title], ['reason', letters(reason), limit.reason], ['body', bytes(body), limit.text]]) {
      made.part(`${name}-count`).textContent = n > most * 0.9 ? word(name === 'body' ? 'editor-bytes' : 'editor-count', { n: n.toLocaleString(root.lang), most: most.toLocaleString(root.lang) }) : '';
      mark(made, name, tooMuch(made, name, { title, reason, body }));
    }
    drawLacking();
  }

  function tooMuch(made, name, { title, reason, body }) {
    if (name === 'title' && letters(title) > limit.title) return word('editor-long', { n: letters(title) - limit.title });
    if (name === 'reason' && letters(reason) > limit.reason) return word('editor-long', { n: letters(reason) - limit.reason });
    if (name !== 'body') return hidden.test((name === 'title' ? title : reason).replace(allowed, '')) ? word('editor-invisible') : '';
    if (bytes(body) > limit.text) return word('editor-large');
    const lines = body.split('\n');
    if (lines.length > limit.lines) return word('editor-lines', { n: limit.lines.toLocaleString(root.lang) });
    if (lines.some((l) => bytes(l) > limit.line)) return word('editor-line');
    return turning.test(body) ? word('editor-turning') : '';
  }

  /** What of a language is missing: names of its fields. */
  function missingIn(made) {
    const { title, reason, body } = text(made);
    const names = [];
    if (!title) names.push('title');
    if (!isOriginal() && !reason) names.push('reason');
    if (!isWithdrawal() && !body.trim()) names.push('body');
    return names;
  }

  // Title and reason are seen at once, the text a moment after the last key.
  function draw(made, wait = 0) {
    clearTimeout(made.timer);
    if (!begun || $('texts').dataset.view === 'text') return;
    const { title, reason } = text(made);
    made.part('seen-title').textContent = title || word('untitled');
    made.part('seen-title').classList.toggle('sealed', !title);
    made.part('seen-reason').textContent = reason;
    made.part('seen-reason-box').hidden = isOriginal() || !reason;
    made.part('preview').hidden = isWithdrawal();
    if (!isWithdrawal()) made.timer = setTimeout(() => preview(made), wait);
  }

  async function preview(made) {
    const { body } = text(made);
    if (made.drawn === body) return;
    const asked = ++made.asked;
    try {
      const blocks = body.trim() ? await ask('preview', { body }) : [];
      if (asked !== made.asked) return; // there is a newer one
      made.part('preview').replaceChildren(...elements(blocks));
      made.drawn = body;
    } catch (error) {
      if (asked === made.asked) made.part('preview').replaceChildren(el('p', { class: 'hint' }, explain(error)));
    }
  }

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

  // -------------------------------------------------------------- files

  const total = () => attachments.reduce((sum, file) => sum + file.size, 0);

  function drawFiles() {
    $('file-list').replaceChildren(...attachments.map((file) => {
      const take = el('button', { type: 'button', class: 'quiet', 'data-remove-file': file.name, 'aria-label': `${word('editor-remove')}: ${file.name}` }, word('editor-remove'));
      take.addEventListener('click', () => {
        attachments = attachments.filter((other) => other !== file);
        drawFiles();
        changed();
        $('files-input').focus();
      });
      const look = el('button', { type: 'button', class: 'quiet', 'data-save-file': file.name, 'aria-label': `${word('save')}: ${file.name}` }, word('save'));
      look.addEventListener('click', () => busy([look], async () => {
        $('files-input-error').textContent = '';
        try {
          await prepare();
          save(file.name, await ask('attachmentData', { statement: begun.statement, name: file.name }));
        } catch (error) {
          $('files-input-error').textContent = explain(error);
        }
      }));
      return el('li', { 'data-file': file.name }, el('span', {}, el('bdi', {}, file.name), ` · ${file.type} · ${size(file.size)}`, el('br'), el('span', { class: 'digits digest' }, `SHA-256 ${file.sha256}`)), el('span', { class: 'buttons' }, look, take));
    }));
    $('file-list').hidden = attachments.length === 0;
  }

  async function attach(files) {
    const problems = [];
    $('files-input-error').textContent = '';
    await busy([$('files-input')], async () => {
      for (const file of files) {
        const name = file.name.normalize('NFC');
        if (attachments.some((other) => other.name.toLowerCase() === name.toLowerCase())) problems.push(word('editor-file-there', { name }));
        else if (attachments.length >= limit.files) problems.push(word('editor-file-many', { name, most: limit.files }));
        else if (total() + file.size > limit.filesSize) problems.push(word('editor-file-large', { name, most: size(limit.filesSize) }));
        else {
          status($('files-status'), word('editor-file-sealing', { name }));
          try {
            await prepare();
            const data = new Uint8Array(await file.arrayBuffer());
            attachments.push(await ask('attach', { statement: begun.statement, name, type: /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(file.type) ? file.type : 'application/octet-stream', data }));
            drawFiles();
            changed();
          } catch (error) {
            problems.push(word('editor-file-failed', { name, why: error.code ? explain(error) : word('editor-file-unreadable') }));
          }
        }
      }
    });
    status($('files-status'));
    $('files-input').value = '';
    $('files-input-error').textContent = problems.join(' ');
  }

  $('files-input').addEventListener('change', () => attach([...$('files-input').files]));
  for (const name of ['dragenter', 'dragover']) {
    $('files-drop').addEventListener(name, (event) => {
      event.preventDefault();
      $('files-drop').dataset.over = '';
    });
  }
  for (const name of ['dragleave', 'drop']) $('files-drop').addEventListener(name, () => delete $('files-drop').dataset.over);
  $('files-drop').addEventListener('drop', (event) => {
    event.preventDefault();
    attach([...(event.dataTransfer?.files ?? [])]);
  });

  // -------------------------------------------------------------- the whole

  /** The draft as it stands here. */
  function read() {
    const publish = later() ? plan.publish.read() : { at: '', zone: '' };
    const acknowledge = asks();
    return whole({
      ...begun, topic: tidyTopic(topic.value), series, languages: [...cards.values()].map(text), attachments,
      publishAt: publish.at, zone: publish.zone, acknowledge, deadline: acknowledge.length ? plan.deadline.read().at : '',
    });
  }

  /** Shows a draft; what is the same already is left as it is, the cursor with it. before is the published version that it follows. */
  function put(draft, before = previous) {
    const first = begun === null;
    begun = draft;
    previous = before;
    required = [...working, ...(before?.languages ?? []).map((l) => l.language).filter((tag) => !working.some((t) => t.toLowerCase() === tag.toLowerCase()))];
    for (const tag of tags()) {
      if (draft.languages.some((l) => l.language === tag)) continue;
      cards.get(tag).article.remove();
      cards.delete(tag);
    }
    for (const l of draft.languages) {
      if (!cards.has(l.language)) card(l.language);
      write(cards.get(l.language), l);
    }
    if (first) shown = draft.languages.map((l) => l.language);
    order(draft.languages.map((l) => l.language));
    $('markdown-help').hidden = $('files').hidden = isWithdrawal();
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
    attachments = [...draft.attachments];
    drawFiles();
    for (const made of cards.values()) draw(made);
  }

  const sameMoment = (fields, at, zone) => {
    const now = fields.read();
    return now.at === at && now.zone === zone;
  };

  /** What stands in the way of submitting: [{text, at: the element to go to}]. */
  function missing() {
    const list = [];
    for (const made of cards.values()) {
      const language = languageName(made.tag);
      for (const name of missingIn(made)) list.push({ text: word(`editor-lacks-${name}`, { language }), at: made.part(name), language: made.tag });
      for (const name of ['title', 'reason', 'body']) {
        const problem = tooMuch(made, name, text(made));
        if (problem) list.push({ text: `${language}: ${problem}`, at: made.part(name), language: made.tag });
      }
    }
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

  /** Goes to a field that something is to be done in. */
  function go({ at, language }) {
    if (language) look(language);
    if (language && $('texts').dataset.view === 'preview') $('views').querySelector('[data-view=both]').click();
    at?.focus();
    at?.scrollIntoView({ block: 'center' });
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

  return {
    read, put, missing, go, summary, minds, look,
    get required() { return required; },
    get previous() { return previous; },
  };
}
