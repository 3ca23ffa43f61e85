// The offline reader: opens what the courier sent, on a machine with no network. This page can't reach one: its own policy (in its head) forbids every request.
// Elements are made with createElement and textContent only; what is read is never markup. content.js, which builds a text's elements, stands before this file.

const root = document.documentElement;
const $ = (id) => document.getElementById(id);

function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// ---------------------------------------------------------------- words

const catalogues = JSON.parse($('words').textContent);

function word(key, gaps = {}) {
  const text = catalogues[root.lang]?.[key] ?? catalogues.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (gap, name) => gaps[name] ?? gap);
}

const hasWord = (key) => catalogues.en[key] !== undefined;

let redraw = () => {};

function speak(tag) {
  root.lang = tag;
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = word(element.dataset.t);
  document.title = word('title');
  for (const button of $('tongues').querySelectorAll('button')) button.setAttribute('aria-pressed', String(button.lang === tag));
  $('reveal').textContent = word($('passphrase').type === 'password' ? 'reveal' : 'hide');
  redraw();
}

const nameOf = (tag) => {
  try {
    const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag;
  }
};

for (const tag of Object.keys(catalogues)) {
  const button = el('button', { type: 'button', class: 'plain', lang: tag }, nameOf(tag));
  button.addEventListener('click', () => speak(tag));
  $('tongues').append(el('li', {}, button));
}

/** A time with its offset as it was signed. Takes RFC 3339. */
function time(text) {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!m) return text;
  const date = new Intl.DateTimeFormat(root.lang, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${m[1]}-${m[2]}-${m[3]}T00:00:00Z`));
  return `${date}, ${m[4]}:${m[5]} UTC${m[6] === 'Z' || m[6] === '+00:00' ? '' : m[6].replace('-', '−')}`;
}

function size(bytes) {
  const [unit, scale] = bytes < 1e3 ? ['byte', 1] : bytes < 1e6 ? ['kilobyte', 1e3] : ['megabyte', 1e6];
  return new Intl.NumberFormat(root.lang, { style: 'unit', unit, maximumFractionDigits: 1 }).format(bytes / scale);
}

// ---------------------------------------------------------------- Go

function call(name, parameters = {}, data) {
  const answer = globalThis.valise(name, JSON.stringify(parameters), data);
  if (answer.error) throw { code: answer.error.code, message: answer.error.message };
  return answer.data ?? JSON.parse(answer.json);
}

async function start() {
  $('starting').textContent = word('starting');
  const packed = Uint8Array.from(atob($('wasm').content.textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(await new Response(stream).arrayBuffer(), go.importObject);
  go.run(instance);
  $('wasm').remove();
  $('starting').textContent = '';
  $('form').hidden = false;
  root.dataset.ready = '';
}

function explain(error) {
  const key = `problem-${error.code}`;
  return hasWord(key) && error.code !== 'refused' ? word(key) : word('problem-refused', { why: error.message ?? String(error) });
}

/** Lets what was just written appear before Go takes this thread for itself. */
const painted = () => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => setTimeout(resolve)), 20));

// ---------------------------------------------------------------- files and passphrase

let has = { messages: 0, key: false };

async function take(files) {
  $('files-error').textContent = '';
  for (const file of files) {
    const line = el('li', {}, el('bdi', {}, file.name), ' – ');
    $('taken').append(line);
    try {
      if (file.size > 80e6) throw { code: 'file-other' };
      has = call('offline-take', {}, new Uint8Array(await file.arrayBuffer()));
      line.append(word(`held-${has.held}`));
      line.dataset.held = has.held;
    } catch (error) {
      line.dataset.held = '';
      line.append(el('span', { class: 'error' }, explain(error)));
    }
  }
  $('files').value = '';
}

$('files').addEventListener('change', () => take([...$('files').files]));
for (const name of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $('drop').classList.toggle('over', name === 'dragover');
    if (name === 'drop') take([...event.dataTransfer.files]);
  });
}

$('reveal').addEventListener('click', () => {
  const input = $('passphrase');
  const shown = input.type === 'password';
  input.type = shown ? 'text' : 'password';
  $('reveal').setAttribute('aria-pressed', String(shown));
  $('reveal').textContent = word(shown ? 'hide' : 'reveal');
});

$('again').addEventListener('click', () => {
  call('offline-forget');
  has = { messages: 0, key: false };
  $('taken').replaceChildren();
  for (const id of ['files-error', 'passphrase-error', 'status']) $(id).textContent = '';
  $('passphrase').value = '';
  $('notice').hidden = $('problem').hidden = true;
  redraw = () => {};
  chosen = undefined;
  $('signed-text').value = '';
  $('files').focus();
});

$('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const input = $('passphrase');
  for (const id of ['files-error', 'passphrase-error']) $(id).textContent = '';
  input.removeAttribute('aria-invalid');
  $('problem').hidden = $('notice').hidden = true;
  if (!has.messages || !has.key) {
    $('files-error').textContent = word(has.messages ? 'no-key' : 'no-mail');
    $('files').focus();
    return;
  }
  if (!input.value.trim()) return wrong(word('no-passphrase'));
  $('open').disabled = true;
  $('status').textContent = word('opening');
  $('status').setAttribute('data-busy', '');
  await painted();
  try {
    const notice = call('offline-open', { passphrase: input.value });
    input.value = '';
    redraw = () => draw(notice);
    draw(notice);
    $('signed').hidden = true;
    $('notice').hidden = false;
    $('subject').focus();
  } catch (error) {
    if (error.code === 'wrong-secret' || error.code === 'mistyped') wrong(word('problem-wrong-secret'));
    else {
      $('problem-text').textContent = explain(error);
      $('problem').hidden = false;
    }
  }
  $('open').disabled = false;
  $('status').removeAttribute('data-busy');
  $('status').textContent = '';
});

function wrong(text) {
  $('passphrase-error').textContent = text;
  $('passphrase').setAttribute('aria-invalid', 'true');
  $('passphrase').focus();
}

// ---------------------------------------------------------------- the notice

function save(name, data) {
  const address = URL.createObjectURL(new Blob([data], { type: 'application/octet-stream' }));
  const link = el('a', { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** The elements of a text. Nothing leads anywhere: a link's address is shown beside it. */
function prose(place, version, top) {
  place.lang = version.language;
  place.dir = 'auto';
  place.replaceChildren(...elements(version.text, top));
  for (const link of place.querySelectorAll('a')) link.replaceWith(el('span', { class: 'link' }, link.textContent));
}

let chosen;

function draw(n) {
  const has = (tag) => n.languages.some((v) => v.language === tag);
  if (!has(chosen)) chosen = [root.lang, ...(navigator.languages ?? []).map((tag) => tag.split('-')[0])].find(has) ?? n.languages[0].language;
  $('half').hidden = n.whole;
  $('number').textContent = n.notice;
  $('from').textContent = word('from', { from: n.from, time: time(n.created) });
  $('urgent').hidden = !n.urgent;
  $('due').hidden = !n.whole || !n.acknowledge;
  $('due').textContent = n.deadline ? word('due', { time: time(n.deadline) }) : word('due-open');
  drawLanguage(n);
  drawSwitch(n);
  $('attachments').hidden = !n.attachments.length;
  $('attachment-list').replaceChildren(...n.attachments.map((file, index) => {
    const button = el('button', { type: 'button', class: 'quiet', 'data-attachment': String(index), 'aria-label': `${word('save')}: ${file.name}` }, word('save'));
    button.addEventListener('click', () => save(file.name, call('offline-attachment', { index })));
    return el('li', {}, el('span', {}, el('bdi', {}, file.name), ` · ${size(file.size)}`), button);
  }));
  $('receipt').hidden = !n.receipt;
  $('no-receipt').hidden = n.receipt || !n.acknowledge;
  drawChecks(n);
}

function drawLanguage(n) {
  const version = n.languages.find((v) => v.language === chosen);
  const subject = $('subject');
  subject.textContent = version.subject;
  subject.lang = chosen;
  subject.dir = 'auto';
  prose($('text'), version, 3);
  const first = n.languages[0].language;
  $('authoritative').hidden = chosen === first;
  $('authoritative').textContent = word('authoritative', { language: nameOf(first) });
  $('personal').hidden = !n.personal.length;
  if (!n.personal.length) return;
  prose($('personal-text'), n.personal.find((v) => v.language === chosen) ?? n.personal[0], 4);
  $('personal-hint').textContent = word(n.personal_held ? 'personal-held' : 'personal-loose', { mailbox: n.personal_to });
}

function drawSwitch(n) {
  const group = $('languages');
  group.hidden = n.languages.length < 2;
  group.setAttribute('aria-label', word('languages'));
  group.replaceChildren(...n.languages.map(({ language }) => {
    const button = el('button', { type: 'button', 'data-language': language, lang: language, 'aria-pressed': String(language === chosen) }, nameOf(language));
    button.addEventListener('click', () => {
      chosen = language;
      for (const other of group.children) other.setAttribute('aria-pressed', String(other === button));
      drawLanguage(n);
    });
    return button;
  }));
}

function drawChecks(n) {
  const signer = (key, { name, signed, fingerprint }) => el('li', {}, word(key, { name, time: time(signed) }), el('br'), el('span', { class: 'hint digits', translate: 'no' }, fingerprint));
  $('signers').replaceChildren(signer('author', n.author), ...(n.whole ? [signer('approver', n.approver)] : []),
    el('li', {}, word('root', { institution: n.institution }), el('br'), el('span', { class: 'hint digits', translate: 'no' }, n.root)));
  const checks = n.whole ? ['check-two', 'check-meant', 'check-content'] : ['check-author', 'check-sealed'];
  const open = n.whole ? ['un-revoked', 'un-recalled', 'un-answered'] : ['un-approver', 'un-meant', 'un-revoked', 'un-recalled'];
  $('checks').replaceChildren(...checks.map((key) => el('li', {}, word(key, { as: n.as }))));
  $('unchecked-list').replaceChildren(...open.map((key) => el('li', {}, word(key))));
}

for (const [id, decision] of [['acknowledge', 'acknowledged'], ['refuse', 'refused']]) {
  $(id).addEventListener('click', () => {
    try {
      $('signed-text').value = call('offline-receipt', { decision }).text;
      $('signed').hidden = false;
      $('signed-text').focus();
      $('signed-text').setSelectionRange(0, 0);
      $('signed-text').scrollTop = 0;
    } catch (error) {
      $('problem-text').textContent = explain(error);
      $('problem').hidden = false;
    }
  });
}
$('signed-save').addEventListener('click', () => save('receipt.asc', $('signed-text').value));

// ---------------------------------------------------------------- begin

const preferred = (navigator.languages ?? []).map((tag) => tag.split('-')[0]).find((tag) => catalogues[tag]) ?? 'en';
speak(preferred);
start().catch(() => {
  $('starting').textContent = '';
  $('broken').hidden = false;
});
