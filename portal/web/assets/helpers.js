// Helpers of the worker that holds the key: workers that run the same WebAssembly beside it, for what takes long and needs no key (helper.js). The key's worker
// starts them; they reach no network, and are shown certificates and session keys, never the key.

import { call, pause } from './server.js';

const address = new URL('./helper.js', import.meta.url).href;

// As in engine.js: one address, and one policy that may make it.
const policy = globalThis.trustedTypes?.createPolicy('valise', {
  createScriptURL(wanted) {
    if (wanted !== address) throw new TypeError('Only the helper’s own script may be loaded.');
    return wanted;
  },
});

const most = 8;

let compiled;

/** Remembers the WebAssembly as it was compiled, so that helpers neither fetch nor compile it again. */
export const keepModule = (module) => { compiled = module; };

/** One helper: ask(name, parameters) calls its Go. */
function start(begin) {
  const worker = new Worker(policy ? policy.createScriptURL(address) : address, { type: 'module', name: 'valise helper' });
  const waiting = new Map();
  let last = 0, failed;
  const fail = () => {
    failed = { code: 'engine-gone', message: '' };
    for (const { reject } of waiting.values()) reject(failed);
    waiting.clear();
  };
  worker.addEventListener('error', fail);
  worker.addEventListener('messageerror', fail);
  worker.addEventListener('message', ({ data }) => {
    if (data.failed) return fail();
    const { resolve, reject } = waiting.get(data.id) ?? {};
    waiting.delete(data.id);
    return data.error ? reject?.(data.error) : resolve?.(data.result);
  });
  worker.postMessage({ boot: compiled });
  const ask = (name, parameters) => failed ? Promise.reject(failed) : new Promise((resolve, reject) => {
    const id = ++last;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, name, parameters });
  });
  const begun = ask('helper-begin', begin);
  begun.catch(() => {});
  return {
    ask: async (name, parameters) => { await begun; return ask(name, parameters); },
    end() { worker.terminate(); fail(); },
  };
}

/** Where a worker can't start others, it does their work itself, a little at a time. */
function alone(begin) {
  call('helper-begin', begin);
  return { async ask(name, parameters) { await pause(0); return call(name, parameters); }, end() {} };
}

/**
 * Starts as many helpers as there are cores, at most eight, that believe as the key's worker does (compose-trust). → {count, each, end}; each(items, work)
 * calls work(item, ask, helper, index) for every item, several at a time, until one fails; what an item names in `helper` is done by that one.
 */
export function startHelpers(begin) {
  const able = typeof Worker === 'function' && compiled;
  const count = able ? Math.max(1, Math.min(most, navigator.hardwareConcurrency || 2)) : 1;
  const helpers = Array.from({ length: count }, () => (able ? start(begin) : alone(begin)));
  return {
    count,
    async each(items, work) {
      let failed;
      const own = helpers.map(() => []);
      const shared = [];
      items.forEach((item, index) => (item.helper === undefined ? shared : own[item.helper]).push({ item, index }));
      shared.reverse();
      own.forEach((list) => list.reverse());
      // Two at a time for each: while it works on one, the next is prepared.
      await Promise.all(helpers.flatMap(({ ask }, helper) => [0, 1].map(async () => {
        for (let next; !failed && (next = own[helper].pop() ?? shared.pop());) {
          try {
            await work(next.item, ask, helper, next.index);
          } catch (error) {
            failed ??= error;
          }
        }
      })));
      if (failed) throw failed;
    },
    end: () => helpers.forEach((one) => one.end()),
  };
}
