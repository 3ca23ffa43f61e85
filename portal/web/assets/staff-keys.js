// The key files that this browser keeps for staff, as they came: locked under their passphrases, which are kept nowhere. With them lie the holder's name and the
// key's fingerprint, to choose by. They stay until somebody presses "forget", or empties the browser's storage.

const name = 'valise';
const store = 'staff-keys';

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(store, { keyPath: 'fingerprint' }));
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
    request.addEventListener('blocked', () => reject(new Error('blocked')));
  });
}

async function run(mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(store, mode);
      const request = act(transaction.objectStore(store));
      transaction.addEventListener('complete', () => resolve(request.result));
      transaction.addEventListener('abort', () => reject(transaction.error));
    });
  } finally {
    database.close();
  }
}

/** What is kept: [{fingerprint, name, file}], by name. A browser that keeps nothing (a private window, Tor Browser) has none. */
export async function keptKeys() {
  try {
    const all = await run('readonly', (keys) => keys.getAll());
    return all.filter((k) => k.file instanceof Uint8Array).sort((a, b) => a.name.localeCompare(b.name));
  } catch {
    return [];
  }
}

/** Keeps a key file. Says whether the browser did. */
export async function keepKey({ fingerprint, name: holder }, file) {
  try {
    await run('readwrite', (keys) => keys.put({ fingerprint, name: holder, file }));
    return true;
  } catch {
    return false;
  }
}

export async function forgetKey(fingerprint) {
  await run('readwrite', (keys) => keys.delete(fingerprint));
}
