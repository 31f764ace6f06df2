import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { describe, expect, it } from 'vitest';

const build = new URL('../../build/', import.meta.url);

/** Where Electron's binary keeps its fuses: after these letters stand a version, their number, and a byte for each. */
const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
const fuses = Object.values(FuseV1Options).filter((value) => typeof value === 'number');

describe('a packaged app', () => {
  it('has its fuses burnt by the hook that electron-builder calls', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-fuses-'));
    const binary = join(folder, 'latchkey');
    const shipped = Buffer.concat([Buffer.from(`…${sentinel}`), Buffer.from([1, fuses.length])]);
    await writeFile(binary, Buffer.concat([shipped, Buffer.from('1'.repeat(fuses.length)), Buffer.from('…')]));

    const { default: afterPack } = await import(new URL('fuses.mjs', build).href);
    await afterPack({
      appOutDir: folder,
      electronPlatformName: 'linux',
      packager: { executableName: 'latchkey', appInfo: { productFilename: 'Latchkey' } },
    });

    const wire = await getCurrentFuseWire(binary);
    const { DISABLE, ENABLE } = FuseState;
    expect(Object.fromEntries(fuses.map((fuse) => [FuseV1Options[fuse], wire[fuse as FuseV1Options]]))).toEqual({
      RunAsNode: DISABLE,
      EnableNodeOptionsEnvironmentVariable: DISABLE,
      EnableNodeCliInspectArguments: DISABLE,
      GrantFileProtocolExtraPrivileges: DISABLE,
      LoadBrowserProcessSpecificV8Snapshot: DISABLE,
      OnlyLoadAppFromAsar: ENABLE,
      EnableEmbeddedAsarIntegrityValidation: DISABLE,
      EnableCookieEncryption: ENABLE,
      WasmTrapHandlers: ENABLE,
    });
    await rm(folder, { recursive: true });
  });

  it.each(['darwin', 'win32'])('has its archive checked on %s', async (platform) => {
    const { fusesFor } = await import(new URL('fuses.mjs', build).href);
    expect(fusesFor(platform)[FuseV1Options.EnableEmbeddedAsarIntegrityValidation]).toBe(true);
  });

  it('is one archive of what was built, with the native modules beside it and nothing compiled on the way', async () => {
    const config = JSON.parse(await readFile(new URL('electron-builder.json', build), 'utf8'));
    expect(config).toMatchObject({
      asar: true,
      asarUnpack: ['**/*.node'],
      npmRebuild: false,
      nodeGypRebuild: false,
      afterPack: './build/fuses.mjs',
    });
    // The verifiers are sources, because they are put into each bundle as they are.
    const verifiers = 'src-main/verifier/**';
    expect(config.files).toEqual(expect.arrayContaining(['out/**', 'migrations/**', verifiers, '!**/*.map']));
    for (const file of config.files.filter((one: string) => one !== verifiers))
      expect(file).not.toMatch(/^(src-|test|\*\*)/);
  });
});
