import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LatchkeyError } from '../../contract/errors.ts';
import { removeEmbeddedServer } from '../../core/central/embedded-server.ts';
import { lockFolder, makePrivateFolder } from '../../core/ownership/folder-lock.ts';
import { acquireOwnership } from '../../core/ownership.ts';
import { writePrivately } from '../../core/vault/private-file.ts';

/** What was finished, so that a start which was interrupted goes on from there. */
export interface DemoState {
  format: 1;
  /** The design of its central database. */
  system: string;
  /** Of the demo's PostgreSQL: the device remembers it, so it must stay. */
  port: number;
  /** Whom the demo's data is about; known once it is complete. */
  demo: { organization: string | null; operator: string } | null;
  /** The id under which the device was enrolled at central, before it joined. */
  device: string | null;
  /** Whether the first mirror was complete. */
  mirrored: boolean;
  /** Its removal was begun: nothing of it counts any more. */
  removing: boolean;
  /** Where the passphrase is, in a file of somebody else's; null for the demo's own. */
  passphraseFile: string | null;
}

/** The demo's two folders: the device's, which holds nothing readable, and beside it all that only a demo would write down. */
export interface DemoFolder {
  device: string;
  central: string;
  server: string;
  passphrase: string;
  superuserUrl: string;
  readState(): DemoState | null;
  writeState(state: DemoState): Promise<void>;
  /** Removes both, but for the lock. */
  clear(): Promise<void>;
  /** Removes the device's alone. */
  clearDevice(): void;
  unlock(): void;
}

/**
 * Takes the demo's folders for this process.
 * @throws LatchkeyError `folder-in-use` while the same demo runs already, `folder-unusable`
 */
export async function openDemoFolder(data: string): Promise<DemoFolder> {
  const device = resolve(data);
  const central = `${device}-central`;
  if (!existsSync(join(central, 'demo.json'))) refuseOthersFiles(device);
  await makePrivateFolder(central);
  const lock = await lockFolder(central);
  if (!lock)
    throw new LatchkeyError(
      'folder-in-use',
      `The demo in ${device} is running already. Nothing was changed. Stop it first, or start another with --data DIR.`,
    );
  const stateFile = join(central, 'demo.json');
  const folder: DemoFolder = {
    device,
    central,
    server: join(central, 'server'),
    passphrase: join(central, 'passphrase'),
    superuserUrl: join(central, 'superuser-url'),
    readState: () =>
      existsSync(stateFile) ? withSystem(JSON.parse(readFileSync(stateFile, 'utf8')) as DemoState) : null,
    writeState: (state) => writePrivately(stateFile, `${JSON.stringify(state, null, 2)}\n`),
    async clear() {
      await refuseForeign(folder);
      const state = folder.readState();
      if (state) await folder.writeState({ ...state, removing: true });
      folder.clearDevice();
      await removeEmbeddedServer(folder.server);
      for (const file of [folder.passphrase, folder.superuserUrl, stateFile]) rmSync(file, { force: true });
    },
    clearDevice: () => removeDeviceFiles(device),
    unlock: () => lock.unlock(),
  };
  return folder;
}

/** Demos of the first versions were all of one system, and did not say so. */
function withSystem(state: Omit<DemoState, 'system'> & { system?: string }): DemoState {
  return { ...state, system: state.system ?? 'sky-genesis' };
}

/** What a device keeps in its folder. */
const deviceFile = /^(vault\.json(\.next)?|mirror\.db(-wal|-shm|-journal)?|owner\.(lock|json)(\.next)?|owner\.sock)$/;

/** Whatever else somebody put into the folder stays, and so does the folder then. */
function removeDeviceFiles(device: string): void {
  if (!existsSync(device)) return;
  for (const name of readdirSync(device)) if (deviceFile.test(name)) rmSync(join(device, name), { force: true });
  if (readdirSync(device).length === 0) rmdirSync(device);
}

/** A first start takes an empty folder, or one that holds nothing but what a device keeps there. */
function refuseOthersFiles(device: string): void {
  if (!existsSync(device)) return;
  if (!statSync(device).isDirectory())
    throw new LatchkeyError(
      'folder-unusable',
      `${device} is a file, not a folder. Nothing was changed. Choose another with --data DIR.`,
    );
  const other = readdirSync(device).find((name) => !deviceFile.test(name));
  if (other !== undefined)
    throw new LatchkeyError(
      'folder-unusable',
      `${device} holds other things (${other}). Nothing was changed. Choose an empty or a new folder with --data DIR.`,
    );
}

/** Only what a demo made is a demo's to remove; and not while a window or a command line works in it. */
async function refuseForeign(folder: DemoFolder): Promise<void> {
  if (!existsSync(folder.device)) return;
  if (folder.readState() === null && readdirSync(folder.device).length > 0)
    throw new LatchkeyError(
      'folder-unusable',
      `${folder.device} was not made by this demo, so it is not removed. Nothing was changed. Choose another folder with --data DIR.`,
    );
  const ownership = await acquireOwnership(folder.device);
  await ownership.release();
}
