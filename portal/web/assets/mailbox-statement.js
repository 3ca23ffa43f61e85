// A statement in the mailbox: fetched and verified in the worker, shown here, acknowledged on demand.

import { $, hide, show, time, word } from './page.js';
import { ask } from './engine.js';
import { withKey } from './unlock.js';
import { acknowledging, read, showDeadline, showLanguages, showSigners } from './reading.js';

const { statement } = $('mailbox-statement').dataset;
let version;

withKey(() => read(() => ask('readStatement', { statement }), showStatement));

function showStatement(read) {
  version = read.version;
  $('provenance').textContent = word('published', { version: String(version), time: time(read.publish_at) });
  showLanguages(read.languages, 'authoritative-statement');
  // A newer version than the page was made of: what the page says of it is no longer so.
  if (String(version) !== $('mailbox-statement').dataset.version) show($('newer'));
  if (read.attachments.length) show($('attachments-section'));
  showSigners(read, ['texts', 'staff', 'root', 'versions']);
  showDeadline(read.deadline);
  if (read.asks) show($('acknowledging'));
  else hide($('acknowledging'));
}

acknowledging((decision) => ask('acknowledgeStatement', { statement, version, decision }));
