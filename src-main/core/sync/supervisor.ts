import type pg from 'pg';
import type { Mode, Progress } from '../../contract/device.ts';
import { type ErrorShape, LatchkeyError, toErrorShape } from '../../contract/errors.ts';
import { openFindings } from '../audit/findings.ts';
import { type CentralAddress, connectionError, connectToCentral, deviceRewound } from '../central/connection.ts';
import { disconnect, type Patience } from '../central/wire.ts';
import type { Actor } from '../command/actor.ts';
import { inMirrorWords } from '../mirror/open.ts';
import { query } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import { crowdedPoll, isToLeave, poolShort } from './crowd.ts';
import { Erasures } from './erasures.ts';
import { followGuards } from './guards.ts';
import { compareEpoch, type Hello, hello } from './hello.ts';
import { keepError } from './last-errors.ts';
import { followLog, regainTrust } from './organization-log.ts';
import { proveProjections } from './projections.ts';
import { pull } from './pull.ts';
import { followQuarantine, push } from './push.ts';

const pollMilliseconds = 2_000;
const longestBackoff = 60_000;
const firstOutcomeMilliseconds = 1_500;
/** In seconds. */
const toleratedClockOffset = 60;
const clockUnits = [
  ['days', 86_400],
  ['hours', 3_600],
  ['minutes', 60],
  ['seconds', 1],
] as const;

/** What the supervisor knows of the way to central; the rest of a status is read from the mirror. */
export interface SyncState {
  mode: Mode;
  reachable: boolean;
  problem: ErrorShape | null;
  progress: Progress | null;
}

export interface SupervisorOptions {
  mirror: WritableMirror;
  address: CentralAddress;
  actor: Actor;
  patience?: Patience | undefined;
  rowsPerSnapshot?: number | undefined;
  now: () => number;
  onState: (state: SyncState) => void;
  onChanged: (tables: string[]) => void;
}

/**
 * Owns the connection to central and everything that goes over it: pushes first, then pulls; polls for the host's own changes;
 * wakes for a new command, another device's push, or the operator. One cycle runs at a time.
 */
export class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly erasures = new Erasures();
  private client: pg.Client | null = null;
  /** Aborted to go offline: cuts whatever is under way to central, a connection that is still being made included. */
  private online = new AbortController();
  private channel: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private background = false;
  private stopped = false;
  /** The operator stopped a cycle, and wants none until they ask for one. */
  private cancelled = false;
  private failures = 0;
  /** Whether this device lets go of its connection between polls, because central has few to spare. */
  private gaveWay = false;
  /** What central last said of itself and of this device; null before it answered for the first time since the start. */
  answer: Hello | null = null;
  /** When a pull last ended well, by this device's clock; null before the first one since the start. */
  lastSync: number | null = null;
  state: SyncState = { mode: 'offline', reachable: false, problem: null, progress: null };

  constructor(options: SupervisorOptions) {
    this.options = options;
  }

  get workOffline(): boolean {
    return this.options.mirror.meta('work_offline') === 'true';
  }

  /** Whether a cycle is under way, or something else that has the mirror to itself. */
  get isRunning(): boolean {
    return this.running !== null;
  }

  /** Keeps syncing until `stop`. */
  start(): void {
    this.background = true;
    this.wake();
  }

  /** Something new is there to send or to fetch. */
  wake(): void {
    if (!this.mayRun()) return;
    this.failures = 0;
    this.schedule(0);
  }

  /** One cycle, now, and its outcome. */
  async syncNow(): Promise<void> {
    if (this.workOffline)
      throw new LatchkeyError(
        'offline',
        'You chose to work offline. Your changes stay queued. Switch “Work offline” off to sync.',
      );
    await this.running?.catch(() => {});
    this.cancelled = false;
    await this.cycle();
  }

  /** Ends the cycle under way, if one is; the next is the one that somebody asks for. */
  async cancel(): Promise<void> {
    if (!this.running) return;
    this.cancelled = true;
    await this.hangUp(
      new LatchkeyError(
        'cancelled',
        'Sync was stopped. What has arrived is kept, and what you changed stays queued. “Sync now” goes on from here.',
      ),
    );
  }

  private mayRun(): boolean {
    return this.background && !this.stopped && !this.cancelled && !this.workOffline;
  }

  /** Runs work that needs the mirror to itself, between two cycles. */
  async alone<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    while (this.running) await this.running.catch(() => {});
    this.unschedule();
    let done = () => {};
    this.running = new Promise((resolve) => {
      done = resolve;
    });
    try {
      return await work(this.online.signal);
    } finally {
      this.running = null;
      done();
      this.wake();
    }
  }

  /** Runs work that needs central, between two cycles; syncs right after it. */
  async withCentral<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    if (this.workOffline)
      throw new LatchkeyError('offline', 'You chose to work offline, and this needs central. Nothing was changed.');
    return this.alone(async () => {
      try {
        return await work(await this.connected());
      } catch (error) {
        throw this.inWords(error);
      }
    });
  }

  /** What central says now; while a cycle is under way, what it said at its beginning. */
  async latest(): Promise<Hello> {
    if (this.running && this.answer) return this.answer;
    const { mirror, now } = this.options;
    return this.withCentral((client) => hello({ client, mirror, now }));
  }

  /** Right after the start nobody knows yet how things stand: waits a moment for the first cycle to tell. */
  async firstOutcome(): Promise<void> {
    if (this.lastSync !== null || this.failures > 0 || this.workOffline || this.state.progress) return;
    const first = (this.running ?? this.cycle()).catch(() => {});
    await Promise.race([first, new Promise((resolve) => setTimeout(resolve, firstOutcomeMilliseconds))]);
  }

  /** Whether central answers, without syncing. */
  async probe(): Promise<void> {
    if (this.workOffline || this.running) return;
    const probing = async () => {
      try {
        const { mirror, now } = this.options;
        this.answer = await hello({ client: await this.connected(), mirror, now });
        this.settle();
      } catch (error) {
        await this.failed(error);
      }
    };
    this.running = probing().finally(() => {
      this.running = null;
    });
    await this.running;
  }

  async setWorkOffline(workOffline: boolean): Promise<void> {
    this.options.mirror.transaction(() => this.options.mirror.setMeta('work_offline', String(workOffline)));
    this.cancelled = false;
    if (!workOffline) {
      if (this.background) this.become({ ...this.state, mode: 'connecting' });
      else await this.probe();
      this.wake();
      return;
    }
    await this.hangUp();
    this.become({ mode: 'offline', reachable: false, problem: null, progress: null });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.hangUp();
  }

  /** Ends what is under way without waiting for central: a wire that is dead must not keep anybody from leaving it. */
  private async hangUp(
    reason = new LatchkeyError('offline', 'Latchkey went offline. What is on this device was kept.'),
  ): Promise<void> {
    this.unschedule();
    this.online.abort(reason);
    await this.running?.catch(() => {});
    this.unschedule();
    await this.disconnect();
    this.online = new AbortController();
  }

  private schedule(milliseconds: number): void {
    if (this.running) {
      this.again ||= milliseconds === 0;
      return;
    }
    this.unschedule();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.cycle().catch(() => {});
    }, milliseconds);
  }

  private unschedule(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private cycle(): Promise<void> {
    this.running ??= this.runCycle().finally(() => {
      this.running = null;
      if (!this.mayRun()) return;
      this.schedule(this.again ? 0 : this.pause());
      this.again = false;
    });
    return this.running;
  }

  private pause(): number {
    if (this.failures > 0)
      return Math.min(1_000 * 2 ** (this.failures - 1), longestBackoff) * (0.5 + Math.random() / 2);
    return this.gaveWay ? crowdedPoll() : pollMilliseconds;
  }

  private async runCycle(): Promise<void> {
    const reused = this.client !== null;
    try {
      try {
        await this.exchange(await this.connected());
      } catch (error) {
        // A connection that stood idle may have died unnoticed: a fresh one tells what is really the matter, where nobody did yet.
        if (!reused || !isConnectionLoss(error) || error instanceof LatchkeyError) throw error;
        await this.disconnect();
        await this.exchange(await this.connected());
      }
      this.failures = 0;
      this.gaveWay = this.background && isToLeave(this.answer!.connections, this.gaveWay);
      if (this.gaveWay) await this.disconnect();
      this.settle();
    } catch (error) {
      throw await this.failed(error);
    }
  }

  private async exchange(client: pg.Client): Promise<void> {
    const { mirror, actor, now, onChanged, rowsPerSnapshot } = this.options;
    const shared = { client, mirror, actor, now, onChanged, rowsPerSnapshot };
    const onProgress = (progress: Progress | null) => this.become({ ...this.state, mode: 'pulling', progress });
    const onAnswer = (answer: Hello) => this.erasures.prepare(shared, answer);
    const bring = () => pull({ ...shared, onProgress, onAnswer });
    const send = async () => {
      this.become({ ...this.state, mode: 'pushing' });
      await push(shared);
    };
    let refused: unknown = null;
    let sent = false;
    if (mirror.meta('log_distrusted') !== null) await regainTrust(shared, await hello(shared));
    if (this.hasUnsent()) {
      const before = await hello(shared);
      if (compareEpoch(mirror, before) === 'same') await onAnswer(before);
      else await bring();
      sent = true;
      // What cannot be sent must not keep the mirror from being brought up to date.
      await send().catch((error: unknown) => {
        if (isConnectionLoss(error)) throw error;
        refused = error;
      });
    }
    await followQuarantine(shared);
    if (mirror.meta('last_sync') === null) this.become({ ...this.state, mode: 'pulling' });
    let answer = await bring();
    // A restored central was found to lack what this device had sent, or an answer freed what waited for it.
    if (!refused && this.hasUnsent()) {
      await send();
      sent = true;
      answer = await bring();
    }
    await followLog(shared, answer, sent);
    await followGuards({ ...shared, onProgress }, answer);
    proveProjections(mirror, answer, now());
    this.erasures.finish(shared);
    this.lastSync = now();
    this.answer = answer;
    if (!this.gaveWay) await this.listen(client, answer);
    if (refused) throw refused;
    if (answer.entries > lastEntry(mirror)) throw deviceRewound();
  }

  private hasUnsent(): boolean {
    const { mirror } = this.options;
    return (
      mirror.first(query.selectFrom('latchkey_entry').select('position').where('sent', '=', 0).limit(1)) !==
        undefined ||
      mirror.first(query.selectFrom('latchkey_outbox').select('command').where('state', '=', 'queued').limit(1)) !==
        undefined
    );
  }

  private async connected(): Promise<pg.Client> {
    if (this.client) return this.client;
    if (this.state.mode === 'offline' || this.state.mode === 'attention')
      this.become({ ...this.state, mode: 'connecting' });
    const { address, patience } = this.options;
    const client = await connectToCentral(address, { patience, signal: this.online.signal });
    client.on('notification', () => this.wake());
    client.on('end', () => {
      if (this.client === client) this.client = null;
    });
    this.client = client;
    this.channel = null;
    return client;
  }

  private async listen(client: pg.Client, answer: Hello): Promise<void> {
    if (!this.background || this.channel === answer.channel) return;
    await client.query(`LISTEN ${client.escapeIdentifier(answer.channel)}`);
    this.channel = answer.channel;
  }

  private async disconnect(): Promise<void> {
    const client = this.client;
    this.client = null;
    if (client) await disconnect(client);
  }

  /** Keeps what went wrong for the status, lets go of the connection, and gives the error in words. */
  private async failed(error: unknown): Promise<LatchkeyError> {
    this.failures += 1;
    await this.disconnect();
    const known = this.inWords(error);
    keepError(this.options.mirror, known, this.options.now());
    const offline = known.code === 'central-unreachable' || known.code === 'offline';
    const waits = known.code === 'central-crowded';
    this.become({
      mode: offline ? 'offline' : waits ? 'connecting' : 'attention',
      reachable: !offline,
      problem: toErrorShape(known),
      progress: null,
    });
    return known;
  }

  private inWords(error: unknown): LatchkeyError {
    const { mirror, address } = this.options;
    return connectionError(inMirrorWords(error, mirror.database.name), address);
  }

  private settle(): void {
    const { mirror } = this.options;
    const distrust = mirror.meta('log_distrusted');
    const alarm =
      distrust === null
        ? clockProblem(this.answer?.clock_offset ?? 0)
        : toErrorShape(new LatchkeyError('log-tampered', distrust));
    const problem = alarm ?? (this.gaveWay ? poolShort() : null);
    const open =
      openFindings(mirror) > 0 ||
      mirror.first(query.selectFrom('latchkey_conflict').select('conflict').where('state', '=', 'open').limit(1));
    this.become({ mode: open || alarm ? 'attention' : 'idle', reachable: true, problem, progress: null });
  }

  private become(state: SyncState): void {
    const changed = state.mode === 'idle' || JSON.stringify(state) !== JSON.stringify(this.state);
    this.state = state;
    if (changed) this.options.onState(state);
  }
}

function lastEntry(mirror: WritableMirror): number {
  return mirror.first(query.selectFrom('latchkey_entry').select(({ fn }) => fn.max('position').as('last')))?.last ?? 0;
}

/** Nothing is refused for its clock, and nothing is decided by it: but what people read in the log would mislead them. */
function clockProblem(offset: number): ErrorShape | null {
  const seconds = Math.abs(offset) / 1_000;
  if (seconds <= toleratedClockOffset) return null;
  const [unit, length] = clockUnits.find(([, one]) => seconds >= 2 * one) ?? clockUnits.at(-1)!;
  return {
    code: 'clock-off',
    message: `This machine's clock is about ${Math.round(seconds / length)} ${unit} ${offset > 0 ? 'ahead of' : 'behind'} central's. Everything is sent and kept as usual, but the times in this device's log are wrong by as much. Set the clock.`,
    details: { offsetMilliseconds: offset },
  };
}

function isConnectionLoss(error: unknown): boolean {
  if (error instanceof LatchkeyError) return error.code === 'central-unreachable' || error.code === 'offline';
  const { code, message } = error as { code?: string; message?: string };
  return code === undefined ? /connection|terminated|timeout/i.test(message ?? '') : /^(57P|08|E[A-Z]+$)/.test(code);
}
