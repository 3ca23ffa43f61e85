// The home of staff: what waits, with titles; how far notices have come moves.

import { $ } from './page.js';
import { fillDrafts, fillNotices, watchNotices } from './notice-list.js';
import { fillWorks } from './works.js';

watchNotices();

fillWorks({ place: 'desk-status', rows: '[data-statement][data-state]', rowOf: (number) => `[data-statement="${number}"][data-state]`, then });

async function then() {
  await fillDrafts($('desk-status'));
  await fillNotices($('desk-status'));
}
