// What every ceremony stands on: Go's calls and the server's API. All of it runs in the worker (worker.js).

const root = '/api/v1';

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Calls Go: a name of its table, parameters, and bytes that are too many for JSON. */
export function call(name, parameters = {}, data) {
  let answer;
  try {
    answer = globalThis.valise(name, JSON.stringify(parameters), data);
  } catch (error) {
    throw { code: 'engine', message: String(error) };
  }
  if (answer.error) throw { code: answer.error.code, message: answer.error.message };
  return answer.data ?? JSON.parse(answer.json);
}

/**
 * One request of the JSON API. What only reads is tried again when the line breaks; and anything, when the server says that too many came at once and that it won't
 * be long: what it refused so was not done.
 */
export async function api(method, path, body, take = 'json') {
  const tries = method === 'GET' ? 3 : 1;
  for (let n = 1; ; n++) {
    try {
      return await once(method, path, body, take);
    } catch (error) {
      const soon = error.status === 429 && error.retryAfter <= 2 && n < 4;
      if (!soon && (error.code !== 'network' || n >= tries)) throw error;
      await pause(soon ? error.retryAfter * 1000 : n * 500);
    }
  }
}

async function once(method, path, body, take) {
  let answer, got;
  try {
    answer = await fetch(root + path, {
      method, cache: 'no-store', credentials: 'same-origin', redirect: 'error',
      headers: body === undefined || body instanceof Blob ? {} : { 'Content-Type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json' },
      body: body === undefined || body instanceof Uint8Array || body instanceof Blob ? body : JSON.stringify(body),
    });
    if (!answer.ok) got = await answer.json().catch(() => ({}));
    else if (answer.status === 204) got = null;
    else got = take === 'bytes' ? new Uint8Array(await answer.arrayBuffer()) : await answer.json();
  } catch {
    throw { code: 'network', message: '' };
  }
  if (answer.ok) {
    postMessage({ alive: true });
    return got;
  }
  const { code = 'internal', message = '', reference } = got?.error ?? {};
  throw { code, message, reference, status: answer.status, retryAfter: answer.headers.get('Retry-After') ?? undefined };
}
