import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Status } from '../../../contract/device.ts';
import { LatchkeyError } from '../../../contract/errors.ts';
import type { Core } from '../../../core/core.ts';
import { callVerb, canReadPassphrase, dataFolderOf, readPassphrase, unlock, withDevice } from '../device.ts';
import { facts, moment, shown } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import type { Verb } from '../verb.ts';
import { watch } from './watch.ts';

const status: Verb = {
  name: 'status',
  summary: 'How this device stands: in sync, pending, conflicts',
  description:
    'Without a passphrase, a device that has joined says only that it is locked; with --json, all that it cannot tell is null.',
  place: 'device',
  positionals: [],
  flags: [],
  async run(values, terminal) {
    const value = await withDevice(values, terminal, async (core) => {
      const { state } = await core.call('device.state', {});
      const asks = terminal.interactive && !terminal.json;
      if (state === 'locked' && (asks || canReadPassphrase(values, terminal))) await unlock(core, values, terminal);
      return core.call('status.get', {});
    });
    return { value: value.mode === 'locked' ? lockedStatus(value) : value, attention: needsAttention(value) };
  },
  print(value, terminal) {
    const found = value as Status;
    if (found.mode === 'locked') terminal.out(facts([['Mode', found.mode]]));
    else printStatus(found, terminal);
  },
};

/** What the mirror holds is unknown rather than none: a script must not take a locked device for one without conflicts. */
function lockedStatus(status: Status): { [Name in keyof Status]: Status[Name] | null } {
  const unknown = Object.fromEntries(Object.keys(status).map((name) => [name, null]));
  return { ...(unknown as Record<keyof Status, null>), mode: status.mode };
}

const sync: Verb = {
  name: 'sync',
  summary: 'Send what is queued, and fetch what is new',
  description:
    'With --watch it goes on until it is stopped, and prints a line at each change: with --json one document a line.',
  place: 'device',
  positionals: [],
  flags: [{ name: 'watch', kind: 'yes', text: 'go on until Ctrl-C' }],
  async run(values, terminal) {
    const value = values.watch ? await watch(values, terminal) : await syncOnce(values, terminal);
    return { value, attention: needsAttention(value) };
  },
  print: (value, terminal) => printStatus(value as Status, terminal),
};

const join: Verb = {
  name: 'mirror join',
  summary: 'Join an organization with an enrollment file, and make the mirror',
  description:
    'Asks for a new passphrase of at least 12 characters, which from then on opens this device and nothing else does.',
  place: 'device',
  positionals: [],
  flags: [
    {
      name: 'enrollment',
      kind: 'text',
      placeholder: 'FILE',
      text: 'as `latchkey central enroll` wrote it',
      required: true,
    },
  ],
  async run(values, terminal) {
    const enrollment = readEnrollmentFile(String(values.enrollment));
    const passphrase = await newPassphrase(values, terminal);
    const core = await terminal.openDevice(dataFolderOf(values, terminal));
    try {
      const device = await core.call('device.join', { enrollment, passphrase });
      return { value: { ...device, status: await syncWithProgress(core, terminal) } };
    } finally {
      await core.close();
    }
  },
  print(value, terminal) {
    const joined = value as { organization?: { name: string }; operator?: { email: string }; status: Status };
    terminal.out(`Joined ${joined.organization?.name} as ${joined.operator?.email}.`);
    printStatus(joined.status, terminal);
  },
};

function offlineVerb(word: 'on' | 'off', summary: string): Verb {
  return callVerb({
    name: `offline ${word}`,
    summary,
    call: 'sync.set-offline',
    fixed: { workOffline: word === 'on' },
    attention: needsAttention,
    print: printStatus,
  });
}

const doctor: Verb = callVerb({
  name: 'doctor',
  summary: 'Look at everything that can go wrong between this device and central',
  description:
    'Epoch, catalogue, triggers, clock, cursor, the oldest pending command and why it waits, the file, the last errors.',
  call: 'device.doctor',
  attention: ({ healthy }) => !healthy,
  print({ findings }, terminal) {
    const marks = { ok: 'ok', attention: 'LOOK', unknown: '?' };
    for (const { name, state, found, advice } of findings)
      terminal.out(`${marks[state].padEnd(5)} ${name.padEnd(10)} ${shown(found, 600)}${advice ? ` ${advice}` : ''}`);
  },
});

export const statusVerbs: Verb[] = [
  status,
  doctor,
  sync,
  offlineVerb('on', 'Work offline: changes stay queued on this device'),
  offlineVerb('off', 'Work online again'),
  join,
];

export function needsAttention(found: Status): boolean {
  return (
    found.conflicts > 0 ||
    found.inQuarantine > 0 ||
    found.findings > 0 ||
    found.mode === 'attention' ||
    found.oldestPending?.overdue === true
  );
}

function printStatus(found: Status, terminal: Terminal): void {
  const { mirror, central } = found;
  terminal.out(
    facts([
      ['Mode', found.mode],
      ['Last sync', moment(found.lastSync)],
      ['Pending', found.pending],
      ['Oldest pending', found.oldestPending && `${found.oldestPending.summary}: ${found.oldestPending.why}`],
      ['Conflicts', found.conflicts],
      ['In quarantine', found.inQuarantine || null],
      ['Findings', found.findings || null],
      ['Mirror', `${mirror.rows} rows in ${mirror.tables} tables, ${(mirror.bytes / 1_048_576).toFixed(1)} MiB`],
      ['Central', central.reachable ? 'reachable' : 'not reached'],
      ['Clock', clockWords(found.clockOffset)],
      ['Problem', found.problem?.message],
    ]),
  );
  if (found.conflicts > 0) terminal.say('`latchkey conflicts list` shows what waits for you.');
  if (found.findings > 0) terminal.say('`latchkey audit integrity` says what was found of the logs.');
}

function clockWords(offset: number | null): string | undefined {
  if (offset === null || Math.abs(offset) < 1_000) return undefined;
  return `${(Math.abs(offset) / 1_000).toFixed(1)} s ${offset > 0 ? 'ahead of' : 'behind'} central's`;
}

async function syncOnce(values: Record<string, unknown>, terminal: Terminal): Promise<Status> {
  return withDevice(values, terminal, async (core) => {
    await unlock(core, values, terminal);
    return syncWithProgress(core, terminal);
  });
}

/** The first sync of a device copies everything; a person watching wants to see it move. */
async function syncWithProgress(core: Core, terminal: Terminal): Promise<Status> {
  let said = '';
  const unsubscribe = core.subscribe((event) => {
    if (event.type !== 'status' || !event.status.progress || terminal.json) return;
    const { step, rows, rowsExpected, secondsLeft } = event.status.progress;
    const left = secondsLeft === null ? '' : `, ${secondsLeft} s left`;
    const percent = rowsExpected === 0 ? '' : ` ${Math.floor((100 * rows) / rowsExpected)} %`;
    if (step !== said) terminal.say(`${step} …${percent}${left}`);
    said = step;
  });
  const stopped = terminal.stopped();
  const cancel = () => void core.call('sync.cancel', {}).catch(() => {});
  stopped.addEventListener('abort', cancel, { once: true });
  try {
    const status = await core.call('sync.now', {});
    // In a window full text is built in the background; this process is about to end.
    if (!stopped.aborted) await Promise.race([core.call('mirror.index', {}), once(stopped, 'abort')]);
    return status;
  } finally {
    stopped.removeEventListener('abort', cancel);
    unsubscribe();
  }
}

/** Typed twice where a person types it: nobody can look it up later. */
async function newPassphrase(values: Record<string, unknown>, terminal: Terminal): Promise<string> {
  const passphrase = await readPassphrase(values, terminal, 'New passphrase: ');
  if (canReadPassphrase(values, terminal)) return passphrase;
  if (passphrase === (await terminal.askSecret('The same again: '))) return passphrase;
  throw new LatchkeyError('wrong-passphrase', 'The two passphrases differ. Nothing was changed.');
}

function readEnrollmentFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new LatchkeyError(
      'not-found',
      `The enrollment file ${path} cannot be read: ${(error as Error).message}. Nothing was changed.`,
      { field: 'enrollment', cause: error },
    );
  }
}
