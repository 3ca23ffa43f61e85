// A helper of the worker that holds the key (helpers.js): it verifies certificates, and wraps envelopes under session keys that it is given. It never sees a private
// key, and its content security policy lets it reach no network: what it is shown, it can tell nobody but the worker that started it.
//
//   key's worker → helper  {boot: WebAssembly.Module}, then {id, name, parameters}: a call of cmd/valise-wasm/helper.go
//   helper → key's worker  {id, result} | {id, error: {code, message}}; {failed} when the WebAssembly could not be started

import './wasm_exec.js';

const calls = ['helper-begin', 'helper-judge', 'helper-wrap'];

let booted;

async function boot(module) {
  const go = new globalThis.Go();
  const instance = await WebAssembly.instantiate(module, go.importObject);
  go.run(instance).catch(() => postMessage({ failed: true }));
}

addEventListener('message', async ({ data }) => {
  if (data.boot) {
    booted = boot(data.boot);
    booted.catch(() => postMessage({ failed: true }));
    return;
  }
  const { id, name, parameters } = data;
  try {
    await booted;
    if (!calls.includes(name)) throw new TypeError(name);
    const answer = globalThis.valise(name, JSON.stringify(parameters));
    if (answer.error) postMessage({ id, error: { code: answer.error.code, message: answer.error.message } });
    else postMessage({ id, result: JSON.parse(answer.json) });
  } catch (error) {
    postMessage({ id, error: { code: 'engine', message: String(error) } });
  }
});
