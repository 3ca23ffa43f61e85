// The worker: it holds the unlocked key, in Go's WebAssembly (cmd/valise-wasm), and talks with the server. A page asks it for whole ceremonies by name
// and gets to see their outcome, never the key.
//
//   page → worker  {boot: address of the WebAssembly}, then {id, ceremony, parameters}
//   worker → page  {id, result} | {id, error: {code, message, status, reference, retryAfter}}, before it {id, progress: word}; {alive} after each
//                  request to the server; {failed} when the WebAssembly could not be started
//
// Nothing of this file is the server's to decide: where we are, we ask the browser (location.origin).

import './wasm_exec.js';
import { call, pause } from './server.js';
import { keepModule } from './helpers.js';
import * as compose from './compose-ceremonies.js';
import * as contact from './contact-ceremonies.js';
import * as correspond from './correspond-ceremonies.js';
import * as dispatch from './dispatch-ceremonies.js';
import * as mailbox from './mailbox-ceremonies.js';
import * as newsroom from './newsroom-ceremonies.js';
import * as registry from './registry-ceremonies.js';
import * as staff from './staff-ceremonies.js';
import * as verify from './verify-ceremonies.js';

let booted;

// ---------------------------------------------------------------- Go

async function boot(address) {
  const go = new globalThis.Go();
  const answer = await fetchWhole(address);
  const { instance, module } = await WebAssembly.instantiateStreaming(answer, go.importObject);
  keepModule(module);
  go.run(instance).catch(() => postMessage({ failed: true }));
  call('begin', { origin: location.origin });
}

// A bad line gets three tries.
async function fetchWhole(address) {
  for (let tries = 1; ; tries++) {
    try {
      const answer = await fetch(address, { credentials: 'same-origin' });
      if (answer.ok) return answer;
      if (tries >= 3) throw new Error(String(answer.status));
    } catch (error) {
      if (tries >= 3) throw error;
    }
    await pause(tries * 1000);
  }
}

// ---------------------------------------------------------------- ceremonies

// Each group has its ceremonies by name: (parameters, progress, asked) → result. ahead holds, by the same names, what a ceremony needs of the server
// whatever Go says: it is asked for while Go is still loading, and handed in last. No name is in two groups.
const groups = [compose, contact, dispatch, mailbox, correspond, staff, newsroom, registry, verify];
const ceremonies = merged('ceremonies');
const ahead = merged('ahead');

function merged(part) {
  const all = {};
  for (const [name, does] of groups.flatMap((group) => Object.entries(group[part]))) {
    if (Object.hasOwn(all, name)) throw new Error(`two groups have ${name}`);
    all[name] = does;
  }
  return all;
}

addEventListener('message', async ({ data }) => {
  if (data.boot) {
    booted = boot(data.boot);
    booted.catch(() => postMessage({ failed: true }));
    return;
  }
  const { id, ceremony, parameters } = data;
  try {
    const asked = ahead[ceremony]?.();
    asked?.catch(() => {}); // whoever waits for it sees it fail
    await booted;
    const result = await ceremonies[ceremony](parameters, (progress) => postMessage({ id, progress }), asked);
    postMessage({ id, result });
  } catch (error) {
    const { code = 'engine', message = String(error), status, reference, retryAfter } = error ?? {};
    postMessage({ id, error: { code, message, status, reference, retryAfter } });
  }
});
