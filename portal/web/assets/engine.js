// The engine: the worker that holds the key, and one function to ask it. It is started when a page needs it and ended when the key must go.

import { $, hide, root, show } from './page.js';
import { alive, atEnd, ended } from './session.js';

const address = new URL('./worker.js', import.meta.url).href;

// The only script address that this site's pages may ever make, and the only policy that may make one.
const policy = globalThis.trustedTypes?.createPolicy('valise', {
  createScriptURL(wanted) {
    if (wanted !== address) throw new TypeError('Only the worker’s own script may be loaded.');
    return wanted;
  },
});

let worker = null;
let failed = null;
let last = 0;
const waiting = new Map();

/** Whether this browser can run it at all. If not, the page says what to do instead. */
export function possible() {
  const can = typeof WebAssembly === 'object' && typeof Worker === 'function' && root.dataset.wasm !== '';
  if (!can) show($(root.dataset.wasm === '' ? 'no-engine' : 'no-wasm'));
  return can;
}

/** Starts loading, so that it is there when it is needed. */
export function start() {
  if (worker) return;
  failed = null;
  hide($('no-engine'));
  worker = new Worker(policy ? policy.createScriptURL(address) : address, { type: 'module', name: 'valise' });
  worker.addEventListener('message', ({ data }) => receive(data));
  worker.addEventListener('error', () => fail('engine-gone'));
  worker.postMessage({ boot: new URL(root.dataset.wasm, location.href).href });
}

function receive(data) {
  if (data.failed) return fail('engine-gone');
  if (data.alive) return alive();
  const call = waiting.get(data.id);
  if (!call) return;
  if (data.progress) return call.progress?.(data.progress);
  waiting.delete(data.id);
  if (!data.error) return call.resolve(data.result);
  if (data.error.code === 'no-session' && root.dataset.holder) ended();
  call.reject(data.error);
}

function fail(code) {
  failed = { code };
  show($('no-engine'));
  worker?.terminate();
  worker = null;
  for (const call of waiting.values()) call.reject(failed);
  waiting.clear();
}

/** Asks for a ceremony, by its name in worker.js. Rejects with {code, message, …}. */
export function ask(ceremony, parameters = {}, progress) {
  if (!worker && failed) return Promise.reject(failed);
  start();
  return new Promise((resolve, reject) => {
    const id = ++last;
    waiting.set(id, { resolve, reject, progress });
    worker.postMessage({ id, ceremony, parameters });
  });
}

atEnd(() => {
  worker?.terminate();
  worker = null;
});
