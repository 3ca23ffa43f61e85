// The home of staff: what waits, with titles.

import { fillWorks } from './works.js';

fillWorks({ place: 'desk-status', rows: '[data-statement][data-state]', rowOf: (number) => `[data-statement="${number}"][data-state]` });
