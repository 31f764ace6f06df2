import { statSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { uuidv7 } from 'uuidv7';
import type { Status } from '../contract/device.ts';
import { LatchkeyError } from '../contract/errors.ts';
import type { LatchkeyEvent } from '../contract/events.ts';
import type { CallName, Output, Request } from '../contract/index.ts';
import type { Integrity } from '../contract/integrity.ts';
import { appendEntry } from './audit/device-log.ts';
import { acknowledgeFinding, openFindings } from './audit/findings.ts';
import { readIntegrity } from './audit/integrity.ts';
import { checkHighWater, checkOwnLog, type HighWaterMark, highWaterMark } from './audit/own-log.ts';
import type { Patience } from './central/wire.ts';
import type { Actor } from './command/actor.ts';
import { execute } from './command/execute.ts';
import { resolve, undo } from './command/outcomes.ts';
import type { Decide } from './handlers.ts';
import { actorOf, type Identity } from './identity.ts';
import { keyCommands } from './keys/commands.ts';
import { momentParameter } from './mirror/moments.ts';
import { inMirrorWords, mirrorFile, openMirror } from './mirror/open.ts';
import { query } from './mirror/readable.ts';
import { TextIndexing } from './mirror/text-indexing.ts';
import { noteAllToldEvents } from './mirror/told-events.ts';
import { WritableMirror } from './mirror/writable.ts';
import { oldestPending } from './outbox/oldest-pending.ts';
import { peopleCommands } from './people/commands.ts';
import { readContext } from './read-context.ts';
import { readCentralHealth, readCentralPosture } from './sync/central-health.ts';
import { checkMirror } from './sync/check.ts';
import { examine } from './sync/doctor.ts';
import { hello } from './sync/hello.ts';
import { checkLeaves, followLog } from './sync/organization-log.ts';
import { proveProjections } from './sync/projections.ts';
import { decideQuarantined, listQuarantine } from './sync/quarantine.ts';
import { Supervisor } from './sync/supervisor.ts';
import { systemOf } from './systems/index.ts';

const deciders: { [Name in CallName]?: Decide<Name> } = { ...peopleCommands, ...keyCommands };

export interface WriteSideOptions {
  folder: string;
  databaseKey: Buffer;
  identity: Identity;
  now: () => number;
  /** Sync on its own, rather than only when asked. */
  background: boolean;
  patience?: Patience | undefined;
  /** How much of a table is read in one transaction at central. */
  rowsPerSnapshot?: number;
  /** How long this device's log was, by the system's secret store; undefined where there is none, null where it knows none. */
  remembered?: HighWaterMark | null | undefined;
  /** This device's log grew. */
  onHighWater?: (mark: HighWaterMark) => void;
  emit: (event: LatchkeyEvent) => void;
}

/** Everything that writes: the mirror's one write connection, the write path, and sync. Lives in the write thread. */
export class WriteSide {
  private readonly options: WriteSideOptions;
  private readonly mirror: WritableMirror;
  private readonly actor: Actor;
  private readonly supervisor: Supervisor;
  private readonly indexing: TextIndexing;
  /** The size of this device's log that was last told to be remembered. */
  private marked: number;

  constructor(options: WriteSideOptions) {
    this.options = options;
    this.actor = actorOf(options.identity);
    this.mirror = new WritableMirror(
      openMirror(options.folder, options.databaseKey, 'write'),
      systemOf(options.identity),
    );
    this.mirror.transaction(() => {
      this.mirror.rebuildViews();
      this.mirror.renewReadAids();
      this.mirror.setMeta('rollback_protection', String(options.remembered !== undefined));
    });
    if (options.remembered) checkHighWater(this.mirror, options.remembered, options.now());
    this.marked = highWaterMark(this.mirror).size;
    this.supervisor = new Supervisor({
      mirror: this.mirror,
      address: options.identity.central,
      actor: this.actor,
      patience: options.patience,
      rowsPerSnapshot: options.rowsPerSnapshot,
      now: options.now,
      onState: () => {
        this.announceStatus();
        this.indexing.wake();
        this.indexing.giveWay();
      },
      onChanged: (tables) => options.emit({ type: 'changed', tables }),
    });
    this.indexing = new TextIndexing(
      this.mirror,
      () => this.supervisor.isRunning,
      () =>
        options.emit({
          type: 'changed',
          tables: this.mirror.system.activity ? [this.mirror.system.activity.table] : [],
        }),
    );
    this.indexing.wake();
    if (options.background) this.supervisor.start();
  }

  async handle<Name extends CallName>(name: Name, request: Request<Name>): Promise<unknown> {
    switch (name as CallName) {
      case 'status.get':
        return this.probedStatus();
      case 'sync.now':
        await this.supervisor.syncNow();
        return this.status();
      case 'sync.cancel':
        await this.supervisor.cancel();
        return this.status();
      case 'sync.set-offline':
        await this.supervisor.setWorkOffline((request as Request<'sync.set-offline'>).workOffline);
        return this.status();
      case 'mirror.index':
        await this.indexing.finish();
        return {};
      case 'device.doctor':
        return examine({
          mirror: this.mirror,
          folder: this.options.folder,
          status: this.status(),
          now: this.options.now(),
          hello: () => this.supervisor.latest(),
        });
      case 'mirror.check':
        return checkMirror({
          mirror: this.mirror,
          address: this.options.identity.central,
          patience: this.options.patience,
          now: this.options.now,
          actor: this.actor,
          repair: (request as Request<'mirror.check'>).repair,
          onChanged: (tables) => this.options.emit({ type: 'changed', tables }),
          exclusively: (work) => this.supervisor.alone(work),
        });
      case 'audit.check':
        return this.checkLogs();
      case 'audit.export':
        return this.recordExport(request as unknown as { recorded: string });
      case 'audit.acknowledge':
        return this.acknowledge(request as Request<'audit.acknowledge'>);
      case 'central.health':
        return this.supervisor.withCentral(readCentralHealth);
      case 'central.posture':
        return this.supervisor.withCentral(readCentralPosture);
      case 'quarantine.list':
        return this.supervisor.withCentral((client) => listQuarantine(this.quarantine(client)));
      case 'quarantine.decide':
        return this.supervisor.withCentral((client) =>
          decideQuarantined(this.quarantine(client), request as Request<'quarantine.decide'>),
        );
      case 'outbox.undo':
        return this.write((now) => undo(this.mirror, this.actor, request as Request<'outbox.undo'>, now));
      case 'conflicts.resolve':
        return this.write((now) => resolve(this.mirror, this.actor, request as Request<'conflicts.resolve'>, now));
      default:
        return this.decide(name, request);
    }
  }

  async close(): Promise<void> {
    this.indexing.stop();
    await this.supervisor.stop();
    this.mirror.database.pragma('wal_checkpoint(TRUNCATE)');
    this.mirror.database.close();
  }

  private quarantine(client: pg.Client) {
    const { now, emit } = this.options;
    const onChanged = (tables: string[]) => emit({ type: 'changed', tables });
    return { client, mirror: this.mirror, actor: this.actor, now, onChanged };
  }

  /** Everything that can be held against something else: this device's own log, all of central's, and what the host's audit table tells. */
  private async checkLogs(): Promise<Integrity> {
    const { mirror, actor } = this;
    const { now, emit } = this.options;
    checkOwnLog(mirror, actor, now());
    const onChanged = (tables: string[]) => emit({ type: 'changed', tables });
    await this.supervisor.withCentral(async (client) => {
      const context = { client, mirror, actor, now, onChanged };
      const answer = await hello(context);
      await followLog(context, answer, false);
      await checkLeaves(context);
      mirror.transaction(() => {
        for (const table of mirror.tables.values()) noteAllToldEvents(mirror.database, mirror.system, table);
      });
      proveProjections(mirror, answer, now());
    });
    return readIntegrity(mirror);
  }

  /** The bundle itself is made beside this thread, which goes on writing. @returns how long this device's log is with the entry */
  private recordExport({ recorded }: { recorded: string }): number {
    return this.write((now) => {
      appendEntry(this.mirror, this.actor, {
        action: 'audit.export',
        command: uuidv7(),
        changes: recorded,
        subject: { table: 'latchkey.log', key: '*' },
        now,
      });
      return highWaterMark(this.mirror).size;
    });
  }

  private acknowledge({ finding, reason }: Request<'audit.acknowledge'>): Integrity {
    return this.write((now) => {
      acknowledgeFinding(this.mirror, this.actor, { finding, reason, now });
      return readIntegrity(this.mirror);
    });
  }

  /** A feature decides and the write path writes, in one transaction: nothing changes between the look and the deed. */
  private decide<Name extends CallName>(name: Name, request: Request<Name>): unknown {
    const decide = deciders[name] as Decide<Name> | undefined;
    if (!decide) throw new LatchkeyError('unknown-call', `There is no call “${name}” that writes.`);
    if (this.mirror.meta('last_sync') === null) {
      throw new LatchkeyError(
        'not-supported',
        'The first mirror is not complete yet, so nothing can be changed here. Sync once, then try again.',
      );
    }
    return this.write((now) => {
      const { intent, answer } = decide(
        readContext(this.mirror, this.options.identity, this.mirror.tables, now),
        request,
      );
      return { ...execute(this.mirror, this.actor, intent, now), ...answer } as Output<Name>;
    });
  }

  private write<T>(work: (now: number) => T): T {
    try {
      const result = this.mirror.transaction(() => work(this.options.now()));
      this.indexing.giveWay();
      this.options.emit({ type: 'changed', tables: [...this.mirror.tables.keys(), 'outbox', 'conflicts'] });
      this.announceStatus();
      this.supervisor.wake();
      return result;
    } catch (error) {
      throw inMirrorWords(error, this.mirror.database.name);
    }
  }

  private async probedStatus(): Promise<Status> {
    if (this.options.background) await this.supervisor.firstOutcome();
    else await this.supervisor.probe();
    return this.status();
  }

  private announceStatus(): void {
    const mark = highWaterMark(this.mirror);
    if (mark.size > this.marked) {
      this.marked = mark.size;
      this.options.onHighWater?.(mark);
    }
    this.options.emit({ type: 'status', status: this.status() });
  }

  private status(): Status {
    const { mode, reachable, problem, progress } = this.supervisor.state;
    const count = (table: 'latchkey_outbox' | 'latchkey_conflict', states: string[]) =>
      Number(
        this.mirror.first(
          query
            .selectFrom(table)
            .select(({ fn }) => fn.countAll().as('n'))
            .where('state', 'in', states as never[]),
        )?.n ?? 0,
      );
    const totals = this.mirror.first(
      query
        .selectFrom('latchkey_table')
        .select(({ fn }) => [fn.sum<number>('rows').as('rows'), fn.countAll<number>().as('tables')])
        .where('snapshot', 'is not', null),
    );
    const central = this.mirror.meta('central');
    const standing = { reachable, workOffline: this.supervisor.workOffline, problem: problem?.message ?? null };
    return {
      mode,
      lastSync:
        this.supervisor.lastSync === null
          ? this.mirror.meta('last_sync')
          : `${momentParameter(this.supervisor.lastSync)}Z`,
      pending: count('latchkey_outbox', ['local', 'queued', 'accepted']),
      conflicts: count('latchkey_conflict', ['open']),
      inQuarantine: this.supervisor.answer?.in_quarantine ?? 0,
      findings: openFindings(this.mirror),
      mirror: { rows: Number(totals?.rows ?? 0), bytes: this.bytes(), tables: Number(totals?.tables ?? 0) },
      central: {
        reachable,
        epoch: central === null ? null : (JSON.parse(central) as { epoch: { id: string } }).epoch.id,
      },
      oldestPending: oldestPending(this.mirror, { ...standing, now: this.options.now() }),
      clockOffset: this.clockOffset(),
      workOffline: this.supervisor.workOffline,
      progress,
      problem: problem && { code: problem.code, message: problem.message },
    };
  }

  private clockOffset(): number | null {
    const measured = this.supervisor.answer?.clock_offset ?? this.mirror.meta('clock_offset_ms');
    return measured === null ? null : Number(measured);
  }

  private bytes(): number {
    return ['', '-wal'].reduce(
      (sum, suffix) =>
        sum + (statSync(join(this.options.folder, mirrorFile + suffix), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  }
}
