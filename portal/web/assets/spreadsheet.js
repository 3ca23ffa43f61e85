// Tables as people paste them from spreadsheets: tab-separated as the clipboard has them, or CSV (RFC 4180) with commas or semicolons. Fields may be in quotation marks, with line ends in them.

/** The lines of a text: [{line, cells, text}], line numbers from 1, empty lines left out. text is the line as it was written. */
export function rows(text) {
  const separator = separatorOf(text);
  const list = [];
  let [line, at] = [1, 0];
  while (at < text.length) {
    const begin = at;
    const cells = [];
    let more = true;
    while (more) {
      const cell = readCell(text, at, separator);
      cells.push(cell.value.trim());
      at = cell.end;
      more = text[at] === separator;
      if (more) at++;
    }
    const raw = text.slice(begin, at);
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    if (cells.some((cell) => cell !== '')) list.push({ line, cells, text: raw });
    line += text.slice(begin, at).split('\n').length - 1;
  }
  return list;
}

// What parts the first line: a tab wherever there is one, else what is there more often.
function separatorOf(text) {
  const first = text.replace(/"(?:[^"]|"")*"/g, '').split('\n').find((l) => l.trim()) ?? '';
  if (first.includes('\t')) return '\t';
  return first.split(';').length > first.split(',').length ? ';' : ',';
}

function readCell(text, at, separator) {
  if (text[at] === '"') {
    let value = '';
    let i = at + 1;
    for (; i < text.length; i++) {
      if (text[i] !== '"') value += text[i];
      else if (text[i + 1] === '"') value += text[i++];
      else break;
    }
    const after = /[\t,;\r\n]/.exec(text.slice(i + 1));
    const rest = text.slice(i + 1, after ? i + 1 + after.index : text.length);
    if (i < text.length && rest.trim() === '') return { value, end: i + 1 + rest.length };
  }
  let end = at;
  while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end++;
  return { value: text.slice(at, end), end };
}
