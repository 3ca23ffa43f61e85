// What differs between two texts, word by word.

const most = 4_000_000; // steps; beyond, the middle counts as all different

function words(text) {
  if (Intl.Segmenter) return [...new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text)].map(({ segment }) => segment);
  return text.match(/\s+|[^\s]+/g) ?? [];
}

/** The parts of two texts, in order: [{same}, {old}, {new}], each with a text; together they are the two texts. */
export function difference(before, after) {
  const [a, b] = [words(before), words(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const parts = [];
  const add = (kind, list) => {
    const text = list.join('');
    if (!text) return;
    if (parts.at(-1)?.kind === kind) parts.at(-1).text += text;
    else parts.push({ kind, text });
  };
  add('same', a.slice(0, start));
  for (const [kind, word] of middle(a.slice(start, a.length - end), b.slice(start, b.length - end))) add(kind, [word]);
  add('same', a.slice(a.length - end));
  return parts;
}

// The longest common subsequence, by the table of its lengths.
function middle(a, b) {
  if (a.length * b.length > most) return [...a.map((w) => ['old', w]), ...b.map((w) => ['new', w])];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const steps = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      steps.push(['same', a[i++]]);
      j++;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      steps.push(['old', a[i++]]);
    } else {
      steps.push(['new', b[j++]]);
    }
  }
  return steps;
}
