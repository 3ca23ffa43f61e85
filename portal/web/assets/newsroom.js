// The list of statements that are being worked on: with each title, its kind and its minute.

import { quoted, time, word } from './page.js';
import { fillWorks, say } from './works.js';
import { fromNow } from './zones.js';

fillWorks({
  place: 'newsroom-status', rows: '[data-work]', rowOf: (number) => `[data-work="${number}"]`, problem: (why) => word('newsroom-problem', { why: quoted(why) }),
  more(row, line) {
    say(row, '.kind', line.kind === 'correction' ? word('newsroom-correction') : line.kind === 'withdrawal' ? word('newsroom-withdrawal') : '');
    const left = line.publishAt && fromNow(line.publishAt);
    say(row, '.when', line.publishAt ? word(left ? 'newsroom-when' : 'newsroom-passed', { time: time(line.publishAt), left }) : '');
  },
});
