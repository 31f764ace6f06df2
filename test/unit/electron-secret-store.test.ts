import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ElectronStub } from '../fixtures/electron-stub.ts';

vi.mock('electron', async () => (await import('../fixtures/electron-stub.ts')).electronStub());

const { safeStorage } = (await import('electron')) as unknown as ElectronStub;
const { openSecretStore } = await import('../../src-main/hosts/electron/secret-store.ts');

let root: string;
let folder: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'latchkey-secrets-'));
  folder = join(root, 'secrets');
  Object.assign(safeStorage, { backend: 'gnome_libsecret', available: true, rotated: false });
});
afterEach(() => rm(root, { recursive: true }));

describe('the operating system’s secret store', () => {
  it.each(['basic_text', 'unknown', 'a backend of next year'])('is none on Linux where it is %o', async (backend) => {
    safeStorage.backend = backend;
    expect(await openSecretStore(folder, 'linux')).toBeNull();
  });

  it('is none where the system cannot encrypt', async () => {
    safeStorage.available = false;
    expect(await openSecretStore(folder, 'linux')).toBeNull();
    expect(await openSecretStore(folder, 'win32')).toBeNull();
  });

  it.each([
    ['linux', 'kwallet6'],
    ['darwin', 'unknown'],
    ['win32', 'unknown'],
  ] as const)('is there on %s with %s', async (platform, backend) => {
    safeStorage.backend = backend;
    expect(await openSecretStore(folder, platform)).not.toBeNull();
  });

  it('keeps a secret as ciphertext, in a file of this account alone, until it is removed', async () => {
    const store = (await openSecretStore(folder, 'linux'))!;
    const secret = new Uint8Array([0, 1, 254, 255]);
    expect(await store.read('database-key')).toBeNull();

    await store.write('database-key', secret);
    expect(new Uint8Array((await store.read('database-key'))!)).toEqual(secret);
    const file = join(folder, 'database-key.sealed');
    expect((await readFile(file)).includes(Buffer.from(secret))).toBe(false);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);

    await store.remove('database-key');
    await store.remove('database-key');
    expect(await store.read('database-key')).toBeNull();
    expect(await readdir(folder)).toEqual([]);
  });

  it('seals again what was sealed under a key that the system has replaced', async () => {
    const store = (await openSecretStore(folder, 'linux'))!;
    await store.write('database-key', new Uint8Array([7]));
    safeStorage.rotated = true;
    const seal = vi.spyOn(safeStorage, 'encryptStringAsync');
    expect([...(await store.read('database-key'))!]).toEqual([7]);
    expect(seal).toHaveBeenCalledOnce();
  });

  it.each(['', '../vault', 'a/b', 'UPPER', 'x'.repeat(65)])('has no secret named %o', async (name) => {
    const store = (await openSecretStore(folder, 'linux'))!;
    await expect((async () => store.write(name, new Uint8Array()))()).rejects.toMatchObject({ code: 'invalid-input' });
  });
});
