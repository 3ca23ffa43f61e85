// What a notice says to each mailbox alone: one text in each language with {fields}, and a table of what stands there, mailbox by mailbox. A table can be pasted from a spreadsheet; what is
// taken from it is told line by line, and lines that can't be taken stay where they were pasted.

import { $, el, explain, languageName, root, status, word } from './page.js';
import { ask } from './engine.js';
import { elements } from './content.js';
import { count, many, named } from './compose-audience.js';
import { rows } from './spreadsheet.js';

const onPage = 25; // mailboxes of the table
const longestField = 60; // characters
const numberWritten = /^[SOI][\s\u2010-\u2015-]*(?:[0-9A-Z][\s\u2010-\u2015-]*){8}$/i;

/** Cuts a text at its placeholders, as portal/ceremony does: texts stand at even places, names of fields at odd ones; {{ and }} are braces. null: a brace has no counterpart. */
export function pieces(text) {
  const out = [];
  let [piece, rest] = ['', text];
  for (;;) {
    const i = rest.search(/[{}]/);
    if (i < 0) return [...out, piece + rest];
    piece += rest.slice(0, i);
    if (rest[i + 1] === rest[i]) {
      piece += rest[i];
      rest = rest.slice(i + 2);
      continue;
    }
    const end = rest.indexOf('}', i);
    if (rest[i] === '}' || end < 0) return null;
    out.push(piece, rest.slice(i + 1, end));
    [piece, rest] = ['', rest.slice(end + 1)];
  }
}

/** audience: who that is (compose-audience.js). changed(): something was typed. */
export function personalFields({ audience, changed }) {
  let fields = [];
  let hints = {};
  let tags = [];
  const texts = new Map();  // by language
  let values = new Map();   // by mailbox: {field: value}
  let lines = [];           // the mailboxes of the audience
  let among = new Set();    // their numbers
  let from = 0;             // the first of those that the table shows

  const on = $('personal');

  // -------------------------------------------------------------- texts

  /** The languages of the notice, in their order. */
  function languages(wanted) {
    if (wanted.join() === tags.join()) return;
    tags = [...wanted];
    $('personal-texts').replaceChildren(...tags.map((tag) => {
      const id = `personal-${tag}`;
      const area = el('textarea', { id, lang: tag, dir: 'auto', rows: '6', 'aria-describedby': `personal-text-hint ${id}-error` });
      area.value = texts.get(tag) ?? '';
      area.addEventListener('input', () => {
        texts.set(tag, area.value);
        touched();
      });
      return el('div', { class: 'field' }, el('label', { for: id, lang: tag }, languageName(tag)), area, el('p', { class: 'error', id: `${id}-error` }));
    }));
    mark();
  }

  function problemOf(text) {
    const cut = pieces(text);
    if (!cut) return word('compose-brace');
    const stranger = cut.find((name, i) => i % 2 === 1 && !fields.includes(name));
    return stranger === undefined ? '' : word('compose-no-field', { field: stranger });
  }

  function mark() {
    for (const tag of tags) {
      const area = $(`personal-${tag}`);
      const problem = on.checked ? problemOf(area.value) : '';
      $(`personal-${tag}-error`).textContent = problem;
      if (problem) area.setAttribute('aria-invalid', 'true');
      else area.removeAttribute('aria-invalid');
    }
  }

  // The fields that the texts name: a mailbox that has a part of its own needs them all.
  const needed = () => fields.filter((field) => tags.some((tag) => pieces(texts.get(tag) ?? '')?.some((name, i) => i % 2 === 1 && name === field)));

  // -------------------------------------------------------------- fields

  function drawFields() {
    $('fields').replaceChildren(...fields.map((field) => {
      const take = el('button', { type: 'button', class: 'plain', 'aria-label': `${word('editor-remove')}: ${field}` }, '×');
      take.addEventListener('click', () => removeField(field));
      return el('li', { 'data-field': field, title: hints[field] ?? '' }, el('code', { dir: 'auto' }, `{${field}}`), ' ', take);
    }));
  }

  // A field goes with what was typed into its column, and can be had back at once.
  function removeField(field) {
    const gone = [...values].map(([mailbox, row]) => [mailbox, row[field]]).filter(([, value]) => value);
    const at = fields.indexOf(field);
    fields = fields.filter((f) => f !== field);
    for (const [mailbox] of gone) delete values.get(mailbox)[field];
    redraw();
    changed();
    const back = el('button', { type: 'button', class: 'plain' }, word('editor-back'));
    back.addEventListener('click', () => {
      fields.splice(at, 0, field);
      for (const [mailbox, value] of gone) set(mailbox, field, value);
      $('field-name-error').replaceChildren();
      redraw();
      changed();
    });
    $('field-name-error').replaceChildren(word('compose-field-gone', { field }), ' ', back);
    back.focus();
  }

  function addField() {
    const name = $('field-name').value.trim();
    const say = (text) => {
      $('field-name-error').textContent = text;
      $('field-name').focus();
    };
    if (!name) return say(word('compose-field-empty'));
    if (/[{}\p{Cc}]/u.test(name)) return say(word('compose-field-letters'));
    if (fields.includes(name)) return say(word('compose-field-there', { field: name }));
    fields = [...fields, name];
    $('field-name').value = '';
    redraw();
    changed();
    say('');
  }
  $('field-add').addEventListener('click', addField);
  $('field-name').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    addField();
  });

  // -------------------------------------------------------------- the table

  const set = (mailbox, field, value) => values.set(mailbox, { ...values.get(mailbox), [field]: value });
  const filled = (mailbox) => Object.values(values.get(mailbox) ?? {}).some((value) => value.trim());
  const lacking = (mailbox, need) => (filled(mailbox) ? need.filter((field) => !values.get(mailbox)[field]?.trim()) : []);
  const strangers = () => [...values.keys()].filter((mailbox) => filled(mailbox) && !among.has(mailbox));

  function cell(line, field) {
    const area = el('textarea', { rows: '1', dir: 'auto', 'data-field': field, 'aria-label': `${field}, ${line.name || line.mailbox}` });
    area.value = values.get(line.mailbox)?.[field] ?? '';
    area.addEventListener('input', () => {
      set(line.mailbox, field, area.value);
      touched(false);
    });
    // A table belongs into the box where each line says whose it is: filled in from here on, it could reach the wrong ones.
    area.addEventListener('paste', (event) => {
      const pasted = event.clipboardData?.getData('text/plain') ?? '';
      if (!pasted.trim().includes('\t')) return;
      event.preventDefault();
      $('pasting').open = true;
      $('paste').value = pasted;
      $('paste-error').textContent = word('compose-paste-moved');
      changed();
      $('paste').focus();
    });
    return el('td', {}, area);
  }

  function drawTable() {
    from = Math.max(0, Math.min(from, Math.floor(Math.max(0, lines.length - 1) / onPage) * onPage));
    const shown = lines.slice(from, from + onPage);
    $('personal-table').querySelector('thead').replaceChildren(el('tr', {}, el('th', { scope: 'col' }, word('compose-mailbox')), ...fields.map((field) => el('th', { scope: 'col', dir: 'auto' }, field, ...(hints[field] ? [el('small', {}, hints[field])] : [])))));
    $('personal-table').querySelector('tbody').replaceChildren(...shown.map((line) => el('tr', { 'data-mailbox': line.mailbox }, el('th', { scope: 'row' }, named(line.name, line.mailbox)), ...fields.map((field) => cell(line, field)))));
    $('personal-table-box').hidden = !lines.length || !fields.length;
    $('personal-less').hidden = from === 0;
    $('personal-more').hidden = from + onPage >= lines.length;
    drawCounts();
  }

  function drawCounts() {
    const have = lines.filter((line) => filled(line.mailbox));
    const need = needed();
    const unfinished = have.filter((line) => lacking(line.mailbox, need).length);
    const others = strangers();
    const parts = [lines.length ? word('compose-filled', { n: count(have.length), all: count(lines.length) }) : word('compose-filled-nobody')];
    if (unfinished.length) parts.push(many(unfinished.length, 'unfinished'));
    if (lines.length > onPage) parts.push(word('compose-rows', { from: count(from + 1), to: count(Math.min(from + onPage, lines.length)), all: count(lines.length) }));
    if (others.length) parts.push(word('compose-strangers', { list: new Intl.ListFormat(root.lang).format(others.slice(0, 20)) }));
    $('personal-counts').textContent = parts.join(' ');
    for (const row of $('personal-table').querySelectorAll('tbody tr')) {
      const wanting = lacking(row.dataset.mailbox, need);
      for (const area of row.querySelectorAll('textarea')) {
        if (wanting.includes(area.dataset.field)) area.setAttribute('aria-invalid', 'true');
        else area.removeAttribute('aria-invalid');
      }
    }
  }

  const turn = (by) => () => {
    from += by * onPage;
    drawTable();
    $('personal-table-box').focus();
  };
  $('personal-less').addEventListener('click', turn(-1));
  $('personal-more').addEventListener('click', turn(1));

  // -------------------------------------------------------------- pasting

  const numberOf = (text) => {
    const typed = text.trim().replace(/\/1$/, '');
    if (!numberWritten.test(typed)) return null;
    const plain = typed.replace(/[^0-9A-Za-z]/g, '').toUpperCase();
    return `${plain[0]}-${plain.slice(1).replace(/O/g, '0').replace(/[IL]/g, '1')}`;
  };

  /** Reads a pasted table: {columns, good: [{mailbox, cells}], wrong: [{line, text, why}], fresh: fields that it brings along, problem}. */
  function readTable(text) {
    const all = rows(text);
    if (!all.length) return { problem: word('compose-paste-empty') };
    const answer = { columns: fields, good: [], wrong: [], fresh: [], header: '' };
    if (numberOf(all[0].cells[0]) === null) {
      const header = all.shift();
      answer.header = header.text;
      answer.columns = header.cells.slice(1).map((name) => fields.find((f) => f.toLowerCase() === name.toLowerCase()) ?? name);
      const bad = answer.columns.find((name) => !name || /[{}\p{Cc}]/u.test(name) || [...name].length > longestField);
      if (bad !== undefined) return { problem: word('compose-paste-header', { name: bad || '–' }) };
      if (new Set(answer.columns).size < answer.columns.length) return { problem: word('compose-paste-twice') };
      answer.fresh = answer.columns.filter((name) => !fields.includes(name));
    }
    if (!answer.columns.length) return { problem: word('compose-paste-columns') };
    const seen = new Map();
    for (const { line, cells, text: raw } of all) {
      const mailbox = numberOf(cells[0]);
      const why = mailbox === null ? word('compose-wrong-number')
        : !audience.has(mailbox) ? word('compose-wrong-mailbox', { mailbox })
          : seen.has(mailbox) ? word('compose-wrong-twice', { mailbox, line: seen.get(mailbox) })
            : cells.length - 1 > answer.columns.length ? word('compose-wrong-columns', { n: cells.length - 1, most: answer.columns.length }) : '';
      if (why) answer.wrong.push({ line, text: raw, why });
      else {
        seen.set(mailbox, line);
        answer.good.push({ mailbox, cells: cells.slice(1) });
      }
    }
    return answer;
  }

  function takeTable() {
    const table = readTable($('paste').value);
    status($('paste-status'));
    $('paste-wrong').replaceChildren();
    $('paste-error').textContent = table.problem ?? '';
    if (table.problem) return $('paste').focus();
    fields = [...fields, ...table.fresh];
    for (const { mailbox, cells } of table.good) {
      table.columns.forEach((field, i) => { if (cells[i] !== undefined && cells[i] !== '') set(mailbox, field, cells[i]); });
    }
    $('paste').value = table.wrong.length ? [table.header, ...table.wrong.map((w) => w.text)].filter(Boolean).join('\n') : '';
    $('paste-error').textContent = table.wrong.length ? many(table.wrong.length, 'lines-left') : '';
    $('paste-wrong').replaceChildren(...table.wrong.slice(0, 50).map((w) => el('li', {}, word('compose-line', { line: w.line }), ' ', el('code', { dir: 'auto' }, w.text.split('\n')[0].slice(0, 60)), ': ', w.why)));
    const outside = table.good.filter(({ mailbox }) => !among.has(mailbox)).length;
    const said = [many(table.good.length, 'lines-taken')];
    if (table.fresh.length) said.push(word('compose-fields-new', { list: new Intl.ListFormat(root.lang).format(table.fresh) }));
    if (outside) said.push(many(outside, 'outside'));
    status($('paste-status'), said.join(' '), false);
    redraw();
    changed();
    if (table.wrong.length) $('paste').focus();
  }
  $('paste-take').addEventListener('click', takeTable);
  $('paste').addEventListener('input', changed);

  async function takeFile(file) {
    if (!file) return;
    try {
      $('paste').value = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer()).replace(/^\ufeff/, '');
      takeTable();
    } catch {
      $('paste-error').textContent = word('compose-paste-unreadable', { name: file.name });
    }
    $('paste-file').value = '';
  }
  $('paste-file').addEventListener('change', () => takeFile($('paste-file').files[0]));
  $('paste-drop').addEventListener('dragover', (event) => event.preventDefault());
  $('paste-drop').addEventListener('drop', (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    takeFile(event.dataTransfer.files[0]);
  });

  // -------------------------------------------------------------- as one mailbox reads it

  let drawn = 0;

  function drawChoice() {
    const chosen = $('as-mailbox').value;
    const some = lines.filter((line) => filled(line.mailbox));
    $('as-mailbox').replaceChildren(...some.map((line) => el('option', { value: line.mailbox }, line.name ? `${line.name} · ${line.mailbox}` : line.mailbox)));
    if (some.some((line) => line.mailbox === chosen)) $('as-mailbox').value = chosen;
    $('as-one').hidden = some.length === 0;
    drawOne();
  }

  async function drawOne() {
    const mailbox = $('as-mailbox').value;
    const mine = ++drawn;
    if (!mailbox || !on.checked) return;
    const all = [...$('as-mailbox').options];
    $('as-status').textContent = word('compose-as-of', { n: count($('as-mailbox').selectedIndex + 1), all: count(all.length) });
    $('as-before').disabled = $('as-mailbox').selectedIndex === 0;
    $('as-after').disabled = $('as-mailbox').selectedIndex === all.length - 1;
    const parts = [];
    for (const tag of tags) {
      const cut = pieces(texts.get(tag) ?? '');
      if (!cut || !cut.join('').trim()) continue;
      const body = cut.map((piece, i) => (i % 2 === 0 ? piece : values.get(mailbox)?.[piece]?.trim() || `[${piece}]`)).join('');
      try {
        const blocks = await ask('preview', { body });
        parts.push(el('p', { class: 'as-read-label', lang: tag }, languageName(tag)), el('div', { class: 'prose', lang: tag, dir: 'auto' }, ...elements(blocks)));
      } catch (error) {
        parts.push(el('p', { class: 'hint' }, explain(error)));
      }
      if (mine !== drawn) return;
    }
    $('as-text').replaceChildren(...parts);
  }

  const step = (by) => () => {
    $('as-mailbox').selectedIndex = Math.min(Math.max(0, $('as-mailbox').selectedIndex + by), $('as-mailbox').options.length - 1);
    drawOne();
  };
  $('as-before').addEventListener('click', step(-1));
  $('as-after').addEventListener('click', step(1));
  $('as-mailbox').addEventListener('change', drawOne);

  // -------------------------------------------------------------- the whole

  let seen;
  function touched(textsToo = true) {
    if (textsToo) mark();
    drawCounts();
    clearTimeout(seen);
    seen = setTimeout(drawChoice, 300);
    changed();
  }

  function redraw() {
    $('personal-part').hidden = !on.checked;
    if (!on.checked) return;
    drawFields();
    mark();
    drawTable();
    drawChoice();
  }

  on.addEventListener('change', () => {
    redraw();
    changed();
  });

  return {
    languages,
    /** Who the recipients are by now. */
    audience(list) {
      lines = list;
      among = new Set(lines.map((line) => line.mailbox));
      if (on.checked) {
        const at = document.activeElement?.closest?.('#personal-table tr')?.dataset.mailbox;
        if (at && among.has(at)) drawCounts(); // somebody is typing there
        else drawTable();
        drawChoice();
      }
    },
    /** What a template says of its fields: {name: hint}. */
    hints(known) {
      hints = known;
      redraw();
    },
    read: () => (on.checked ? { fields, texts: tags.map((language) => ({ language, text: texts.get(language) ?? '' })), values: Object.fromEntries(values) } : null),
    typed: () => $('paste').value,
    put(draft) {
      const { personal, typed } = draft;
      on.checked = Boolean(personal);
      if (personal) {
        fields = [...personal.fields];
        values = new Map(Object.entries(personal.values).map(([mailbox, row]) => [mailbox, { ...row }]));
        for (const { language, text } of personal.texts) {
          texts.set(language, text);
          const area = $(`personal-${language}`);
          if (area && area.value !== text) area.value = text;
        }
      }
      languages(draft.languages.map((l) => l.language));
      if ($('paste').value !== typed.table) $('paste').value = typed.table;
      if (typed.table) $('pasting').open = true;
      redraw();
    },

    missing() {
      if (!on.checked) return [];
      const found = [];
      for (const tag of tags) {
        const area = $(`personal-${tag}`);
        const problem = problemOf(area.value);
        if (problem) found.push({ text: `${languageName(tag)}: ${problem}`, at: area });
        else if (!area.value.trim()) found.push({ text: word('compose-lacks-personal', { language: languageName(tag) }), at: area });
      }
      const have = lines.filter((line) => filled(line.mailbox));
      if (lines.length && !have.length) found.push({ text: word('compose-lacks-values'), at: $('personal') });
      const need = needed();
      for (const line of have) {
        const wanting = lacking(line.mailbox, need);
        if (wanting.length) found.push({ text: word('compose-lacks-value', { mailbox: line.name || line.mailbox, fields: new Intl.ListFormat(root.lang).format(wanting) }), mailbox: line.mailbox, field: wanting[0] });
        if (found.length > 20) break;
      }
      if ($('paste').value.trim()) found.push({ text: word('compose-paste-left'), at: $('paste') });
      return found;
    },
    /** Goes to a cell of the table. */
    go({ mailbox, field }) {
      from = Math.floor(lines.findIndex((line) => line.mailbox === mailbox) / onPage) * onPage;
      drawTable();
      const area = $('personal-table').querySelector(`tr[data-mailbox="${mailbox}"] textarea[data-field="${CSS.escape(field)}"]`);
      area?.scrollIntoView({ block: 'center' });
      area?.focus();
    },
    minds() {
      if (!on.checked) return [];
      const without = lines.filter((line) => !filled(line.mailbox));
      const others = strangers();
      return [...(without.length && without.length < lines.length ? [many(without.length, 'without-part')] : []), ...(others.length ? [word('compose-strangers', { list: new Intl.ListFormat(root.lang).format(others.slice(0, 20)) })] : [])];
    },
    /** For how many there is a part of their own: [n, all]; null when nothing differs. */
    filled() {
      if (!on.checked) return null;
      const need = needed();
      return [lines.filter((line) => filled(line.mailbox) && !lacking(line.mailbox, need).length).length, lines.length];
    },
  };
}
