// Why a certificate is refused, in the reader's language.

import { el, word } from './page.js';

/** Words for the rule that a certificate breaks (crypto.PolicyError), else the client's own sentence, which is English. Gives what el() takes as children. */
export function because(rule, sentence) {
  const key = `policy-${rule}`;
  const words = rule ? word(key) : key;
  return words === key ? el('span', { lang: 'en', dir: 'ltr' }, sentence) : el('span', {}, words);
}
