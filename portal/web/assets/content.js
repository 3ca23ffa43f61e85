// Builds elements from the tree that a notice's Markdown was read into (cmd/valise-wasm/markdown.go). Kinds that aren't here are left
// out; every text is a text node, and the only attribute that a notice has a say in is a link's address, whose scheme is checked once more.

import { el, word } from './page.js';

const simple = { p: 'p', quote: 'blockquote', ul: 'ul', li: 'li', em: 'em', strong: 'strong' };

/** The elements of a text. Its highest headings become h2, or those of another level: they stand below the page's own. */
export function elements(nodes, top = 2) {
  const below = top - Math.min(...levels(nodes), 6);
  return (nodes ?? []).flatMap((node) => element(node, below, false));
}

const levels = (nodes) => (nodes ?? []).flatMap((node) => (node.k === 'h' ? [node.n] : levels(node.i)));

function inside(node, below, tight) {
  return (node.i ?? []).flatMap((child) => element(child, below, tight));
}

function element(node, below, tight) {
  switch (node.k) {
    case 'text': return [node.t];
    case 'br': return [el('br')];
    case 'hr': return [el('hr')];
    case 'code': return [el('code', {}, node.t ?? '')];
    case 'pre': return [el('pre', { tabindex: '0' }, el('code', {}, node.t ?? ''))];
    case 'h': return [el(`h${Math.min(6, Math.max(2, node.n + below))}`, {}, ...inside(node, below, false))];
    case 'ol': return [el('ol', node.n === 1 ? {} : { start: String(node.n ?? 0) }, ...inside(node, below, !node.l))];
    case 'ul': return [el('ul', {}, ...inside(node, below, !node.l))];
    case 'li': return [el('li', {}, ...inside(node, below, tight))];
    case 'p': return tight ? inside(node, below, false) : [el('p', {}, ...inside(node, below, false))];
    case 'link': return link(node, below);
  }
  const name = simple[node.k];
  return name ? [el(name, {}, ...inside(node, below, false))] : [];
}

// A link shows where it leads: what it is called proves nothing.
function link(node, below) {
  const children = inside(node, below, false);
  if (!/^(https?:\/\/|mailto:)/i.test(node.a ?? '')) return children;
  const anchor = el('a', { href: node.a, rel: 'noopener noreferrer', target: '_blank' }, ...children);
  if (anchor.textContent === node.a || `mailto:${anchor.textContent}` === node.a) return [anchor];
  const [before, after] = word('link', { text: '\u0000', address: node.a }).split('\u0000');
  return [before, anchor, after];
}
