import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type Database from 'better-sqlite3';
import type { DeviceState } from '../contract/device.ts';
import { LatchkeyError, toErrorShape } from '../contract/errors.ts';
import type { LatchkeyEvent } from '../contract/events.ts';
import { type CallName, contract, type Input, isCallName, type Output, type Request } from '../contract/index.ts';
import { BundleExports } from './audit/bundle/exports.ts';
import { centralCheckpoint } from './audit/bundle/mirror-source.ts';
import { erasureQueries } from './audit/erasures.ts';
import { integrityQueries } from './audit/integrity.ts';
import { laneQueries } from './audit/lanes.ts';
import { leafQueries } from './audit/leaves.ts';
import { type HighWaterMark, highWaterName } from './audit/own-log.ts';
import { proofQueries } from './audit/proof.ts';
import { auditQueries } from './audit/queries.ts';
import type { EnrollmentFile } from './central/enroll.ts';
import { closedStatus } from './closed-status.ts';
import type { Core } from './core.ts';
import { dataQueries } from './data/queries.ts';
import type { Query } from './handlers.ts';
import { actorOf, type Identity, isKnownToCentral, joinCentral, readEnrollment } from './identity.ts';
import { keyQueries } from './keys/queries.ts';
import type { MirroredTable } from './mirror/catalogue.ts';
import { inMirrorWords, mirrorFile, openMirror } from './mirror/open.ts';
import { query, ReadableMirror } from './mirror/readable.ts';
import { outboxQueries } from './outbox/queries.ts';
import { acquireOwnership } from './ownership.ts';
import { packageVersion } from './package-files.ts';
import { peopleQueries } from './people/queries.ts';
import type { HostPorts } from './ports.ts';
import { readContext } from './read-context.ts';
import { caveatsOf, lacksOf } from './systems/capabilities.ts';
import { delaySentence } from './systems/host-delay.ts';
import { systemOf } from './systems/index.ts';
import { type OpenVault, Vault } from './vault/vault.ts';
import { WriteThread } from './write-thread-link.ts';

const queries: { [Name in CallName]?: Query<Name> } = {
  ...peopleQueries,
  ...keyQueries,
  ...outboxQueries,
  ...auditQueries,
  ...integrityQueries,
  ...erasureQueries,
  ...laneQueries,
  ...leafQueries,
  ...proofQueries,
  ...dataQueries,
};

export interface OpenOptions {
  dataFolder: string;
  ports: HostPorts;
  /** Sync on its own while unlocked: for windows. A command line syncs when asked. */
  background?: boolean;
}

/**
 * Opens a data folder in this process, which owns it from then on: nobody else writes there, and other processes' calls are
 * forwarded here.
 * @throws LatchkeyError `folder-in-use`, `folder-unusable`
 */
export async function openCore(options: OpenOptions): Promise<Core> {
  const folder = resolve(options.dataFolder);
  const ownership = await acquireOwnership(folder);
  const core = new LocalCore(folder, options, () => ownership.release());
  await ownership.serve(core);
  return core;
}

interface Unlocked {
  databaseKey: Buffer;
  identity: Identity;
  reader: Database.Database;
  mirror: ReadableMirror;
  writer: WriteThread;
  tables: { fingerprint: string; byName: ReadonlyMap<string, MirroredTable> };
}

class LocalCore implements Core {
  private readonly folder: string;
  private readonly options: OpenOptions;
  private readonly release: () => Promise<void>;
  private readonly vault: Vault;
  private readonly listeners = new Set<(event: LatchkeyEvent) => void>();
  private unlocked: Unlocked | null = null;
  /** Unlocking, locking, joining and closing take turns. */
  private turn: Promise<unknown> = Promise.resolve();
  /** Writes to the secret store take turns too: the last mark is the one that stays. */
  private remembering: Promise<void> = Promise.resolve();
  private readonly exports: BundleExports;

  constructor(folder: string, options: OpenOptions, release: () => Promise<void>) {
    this.folder = folder;
    this.options = options;
    this.release = release;
    this.vault = new Vault(folder);
    this.exports = new BundleExports(folder);
  }

  call<Name extends CallName>(name: Name, input: Input<Name>): Promise<Output<Name>> {
    return this.handle(name, input) as Promise<Output<Name>>;
  }

  async handle(name: unknown, input: unknown): Promise<unknown> {
    try {
      if (typeof name !== 'string' || !isCallName(name))
        throw new LatchkeyError('unknown-call', `There is no call “${String(name).slice(0, 100)}”.`);
      return await this.dispatch(name, validated(name, input));
    } catch (error) {
      const known = inMirrorWords(error, join(this.folder, mirrorFile));
      throw known instanceof LatchkeyError ? known : LatchkeyError.fromShape(toErrorShape(known));
    }
  }

  subscribe(listener: (event: LatchkeyEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.inTurn(() => this.lock());
    await this.release();
  }

  private async dispatch<Name extends CallName>(name: Name, request: Request<Name>): Promise<unknown> {
    switch (name as CallName) {
      case 'device.state':
        return this.state();
      case 'device.join':
        return this.inTurn(() => this.join(request as Request<'device.join'>));
      case 'device.unlock':
        return this.inTurn(() => this.unlock((request as Request<'device.unlock'>).passphrase));
      case 'device.lock':
        return this.inTurn(async () => {
          await this.lock();
          return this.state();
        });
      case 'status.get':
        if (!this.unlocked) return closedStatus(this.vault.exists ? 'locked' : 'not-enrolled');
    }
    if (!this.unlocked) throw this.closedError();
    switch (name as CallName) {
      case 'audit.export':
        return this.export(this.unlocked, request as Request<'audit.export'>);
      case 'audit.export-part':
        return this.exports.part(request as Request<'audit.export-part'>);
      case 'audit.export-end':
        return this.exports.end(request as Request<'audit.export-end'>);
      case 'audit.checkpoint':
        return this.checkpoint(this.unlocked);
    }
    const read = queries[name] as Query<Name> | undefined;
    if (!read) return this.unlocked.writer.request(name, request);
    const { mirror, identity } = this.unlocked;
    return read(readContext(mirror, identity, this.tables(this.unlocked), this.options.ports.clock()), request);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }

  private async join({ enrollment, passphrase }: Request<'device.join'>): Promise<DeviceState> {
    if (this.vault.exists)
      throw new LatchkeyError(
        'already-enrolled',
        'This device has joined an organization already. Nothing was changed. Use another folder, or revoke this device first.',
      );
    if ((statSync(join(this.folder, mirrorFile), { throwIfNoEntry: false })?.size ?? 0) > 0)
      throw new LatchkeyError(
        'mirror-damaged',
        `This folder holds a mirror whose vault (vault.json) is gone, so nobody can open it. Nothing was changed, and the enrollment was not used. Put back a backup of vault.json, or join in another folder.`,
      );
    const file = readEnrollment(enrollment);
    const { databaseKey, identity } =
      (await this.joinedBefore(file, passphrase)) ?? (await this.joinNow(file, passphrase));
    await this.vault.confirm();
    await this.openWith(databaseKey, identity);
    return this.state();
  }

  private async joinNow(file: EnrollmentFile, passphrase: string): Promise<OpenVault<Identity>> {
    let proposed: OpenVault<Identity> | null = null;
    try {
      await joinCentral(file, async (identity) => {
        proposed = await this.vault.propose(passphrase, identity);
      });
    } catch (error) {
      // What was lost may be no more than central's answer that it took the device.
      proposed = await this.joinedBefore(file, passphrase).catch(() => null);
      if (proposed) return proposed;
      const used = error instanceof LatchkeyError && error.code === 'enrollment-used';
      throw used && (await this.isProposedOtherwise(passphrase)) ? joinedWithAnotherPassphrase(error) : error;
    }
    return proposed!;
  }

  /** Whether an earlier attempt to join left a vault that this passphrase does not open. */
  private async isProposedOtherwise(passphrase: string): Promise<boolean> {
    if (!this.vault.isProposed) return false;
    return this.vault.unlockProposed(passphrase).then(
      () => false,
      (error: unknown) => error instanceof LatchkeyError && error.code === 'wrong-passphrase',
    );
  }

  /**
   * An attempt to join with the same file may have come to an end at central and not here: by a kill, by a lost answer. Its vault is
   * still proposed, and central knows its login.
   */
  private async joinedBefore(file: EnrollmentFile, passphrase: string): Promise<OpenVault<Identity> | null> {
    if (!this.vault.isProposed) return null;
    const proposed = await this.vault.unlockProposed<Identity>(passphrase).catch(() => null);
    if (proposed?.identity.device.id !== file.device.id) return null;
    return (await isKnownToCentral(proposed.identity)) ? proposed : null;
  }

  private async unlock(passphrase: string): Promise<DeviceState> {
    if (this.unlocked) {
      await this.vault.verify(passphrase, this.unlocked.databaseKey);
      return this.state();
    }
    const { databaseKey, identity } = await this.vault.unlock<Identity>(passphrase);
    await this.openWith(databaseKey, identity);
    return this.state();
  }

  private async openWith(databaseKey: Buffer, identity: Identity): Promise<void> {
    const { ports, background = false } = this.options;
    const writer = await WriteThread.open({
      folder: this.folder,
      databaseKey,
      identity,
      background,
      clockOffset: Math.round(ports.clock() - Date.now()),
      remembered: await this.remembered(identity),
      onHighWater: (mark) => this.remember(identity, mark),
      onEvent: (event) => this.emit(event),
      onLost: () => void this.inTurn(() => this.lock()),
    });
    try {
      const reader = openMirror(this.folder, databaseKey, 'read');
      const mirror = new ReadableMirror(reader);
      this.unlocked = { databaseKey, identity, reader, mirror, writer, tables: { fingerprint: '', byName: new Map() } };
    } catch (error) {
      await writer.close();
      throw error;
    }
    this.emit({ type: 'device', device: this.state() });
  }

  /** How long this device's log was when it last grew; undefined where nothing but its own file could tell. */
  private async remembered(identity: Identity): Promise<HighWaterMark | null | undefined> {
    const { secretStore } = this.options.ports;
    if (secretStore === null) return undefined;
    const kept = await secretStore.read(highWaterName(identity.device.id));
    return kept === null ? null : (JSON.parse(Buffer.from(kept).toString('utf8')) as HighWaterMark);
  }

  private remember(identity: Identity, mark: HighWaterMark): void {
    const { secretStore } = this.options.ports;
    if (secretStore === null) return;
    const bytes = Buffer.from(JSON.stringify(mark));
    this.remembering = this.remembering
      .then(() => secretStore.write(highWaterName(identity.device.id), bytes))
      .catch(() => {});
  }

  private export(open: Unlocked, request: Request<'audit.export'>): Promise<Output<'audit.export'>> {
    const { mirror, identity, databaseKey, writer } = open;
    const context = readContext(mirror, identity, this.tables(open), this.options.ports.clock());
    return this.exports.make(this.folder, databaseKey, actorOf(identity), context, request, (recorded) =>
      writer.request('audit.export', { recorded }).then(Number),
    );
  }

  private checkpoint({ mirror, identity }: Unlocked): Output<'audit.checkpoint'> {
    const actor = actorOf(identity);
    const { checkpoint, log } = actor.keys;
    return {
      central: centralCheckpoint(mirror, actor),
      own: mirror.meta('device_checkpoint'),
      keys: { checkpoint: checkpoint.vkey, log: log.vkey },
    };
  }

  /** Closes the mirror and forgets the keys. */
  private async lock(): Promise<void> {
    const open = this.unlocked;
    if (!open) return;
    this.unlocked = null;
    this.exports.clear();
    open.reader.close();
    await open.writer.close();
    open.databaseKey.fill(0);
    this.emit({ type: 'device', device: this.state() });
  }

  /** The mirrored tables, read anew when a pull found that central's catalogue changed. */
  private tables(open: Unlocked): ReadonlyMap<string, MirroredTable> {
    const rows = open.mirror.all(
      query.selectFrom('latchkey_table').select(['name', 'definition']).where('snapshot', 'is not', null),
    );
    const fingerprint =
      JSON.stringify(rows.map((row) => row.definition.length + row.name)) + (open.mirror.meta('fingerprint') ?? '');
    if (open.tables.fingerprint !== fingerprint) {
      open.tables = {
        fingerprint,
        byName: new Map(rows.map((row) => [row.name, JSON.parse(row.definition) as MirroredTable])),
      };
    }
    return open.tables.byName;
  }

  private state(): DeviceState {
    const version = packageVersion();
    if (!this.unlocked) return { state: this.vault.exists ? 'locked' : 'not-enrolled', version };
    const { identity, mirror } = this.unlocked;
    const operator = mirror.first(
      query.selectFrom('latchkey_person').select(['name', 'email']).where('id', '=', identity.operator.id),
    );
    const system = systemOf(identity);
    return {
      state: 'unlocked',
      device: identity.device,
      organization: identity.organization,
      operator: {
        id: identity.operator.id,
        email: operator?.email ?? identity.operator.email,
        name: operator?.name ?? identity.operator.email,
      },
      // Known from the first sync on: central says it, not the enrollment file.
      capability: (mirror.meta('capability') ?? undefined) as DeviceState['capability'],
      system: {
        name: system.name,
        title: system.title,
        lacks: lacksOf(system),
        caveats: caveatsOf(system),
        delay: delaySentence(system),
      },
      version,
    };
  }

  private closedError(): LatchkeyError {
    if (!this.vault.exists)
      return new LatchkeyError(
        'not-enrolled',
        'This device has not joined an organization yet. Join with an enrollment file.',
      );
    if (!existsSync(join(this.folder, mirrorFile)))
      return new LatchkeyError(
        'locked',
        'This device is locked, and its mirror has still to be made. Unlock it and sync.',
      );
    return new LatchkeyError('locked', 'This device is locked. Unlock it with its passphrase.');
  }

  private emit(event: LatchkeyEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

function joinedWithAnotherPassphrase(cause: unknown): LatchkeyError {
  return new LatchkeyError(
    'wrong-passphrase',
    'An earlier attempt to join in this folder came through at central, with another passphrase, and was broken off here. Nothing was changed. Join once more with the passphrase of then. Where nobody knows it any more, ask for a new enrollment file, which works in this folder too.',
    { field: 'passphrase', cause },
  );
}

/** @throws LatchkeyError `invalid-input`, naming the field */
function validated<Name extends CallName>(name: Name, input: unknown): Request<Name> {
  const result = contract[name].input.safeParse(input ?? {});
  if (result.success) return result.data as Request<Name>;
  const [issue] = result.error.issues;
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.');
  throw new LatchkeyError(
    'invalid-input',
    `${field ? `${field}: ` : ''}${issue?.message ?? 'The input is not what this call takes.'} Nothing was changed.`,
    { field: field || undefined },
  );
}
