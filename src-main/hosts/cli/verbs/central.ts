import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { LatchkeyError } from '../../../contract/errors.ts';
import { enroll, installedSystem, revokeDevice, setDeviceRole } from '../../../core/central/enroll.ts';
import { usualWaitSeconds } from '../../../core/central/held-briefly.ts';
import { install, uninstall } from '../../../core/central/install.ts';
import { type EndedKey, type Maintenance, maintain, maintainKeys } from '../../../core/central/maintain.ts';
import { type HostUpkeep, maintainHost } from '../../../core/central/operations/host-upkeep.ts';
import { declareRestored, type RecoveredCommand, recoveredCommands } from '../../../core/central/restored.ts';
import { type CentralStatus, centralStatus } from '../../../core/central/status.ts';
import { suspend, type Upgrade, upgrade } from '../../../core/central/upgrade.ts';
import { knownSystem, systemNamed, systemNames } from '../../../core/systems/index.ts';
import { readMapping } from '../../../core/systems/mapping-file.ts';
import type { SystemMapping } from '../../../core/systems/system.ts';
import { centralUrlOf, tlsCaOf, withCentral } from '../central.ts';
import { facts, moment, table } from '../print.ts';
import type { Terminal } from '../terminal.ts';
import { type Flag, UsageError, type Verb } from '../verb.ts';

const systemFlag: Flag = {
  name: 'system',
  kind: 'choice',
  choices: systemNames,
  text: 'the design of the database; found out by its tables where neither this nor --mapping is given',
};

const mappingFlag: Flag = {
  name: 'mapping',
  kind: 'text',
  placeholder: 'FILE',
  text: 'how a database of your own is laid out, as JSON (docs/mapping.md)',
};

const waitFlag: Flag = {
  name: 'wait',
  kind: 'number',
  placeholder: 'SECONDS',
  most: 86_400,
  text: `for how long to try again where the host’s own work holds its tables, ${usualWaitSeconds} by default`,
};

/** How the tables of a host that is at work are got hold of, and what is told meanwhile. */
function patience(values: Record<string, unknown>, terminal: Terminal) {
  return {
    ...(typeof values.wait === 'number' && { waitSeconds: values.wait }),
    ...(!terminal.json && { onPhase: (phase: string) => terminal.say(phase) }),
  };
}

function mappingIn(path: string): SystemMapping {
  try {
    return readMapping(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof LatchkeyError) throw error;
    throw new LatchkeyError(
      'invalid-input',
      `The mapping cannot be read from ${path} (${(error as { code?: string }).code ?? 'unreadable'}). Nothing was changed.`,
      { field: 'mapping', cause: error },
    );
  }
}

/** Null where neither a name nor a file says which. */
function systemOf(values: Record<string, unknown>): SystemMapping | null {
  const { system, mapping } = values;
  if (typeof system === 'string' && typeof mapping === 'string')
    throw new LatchkeyError('invalid-input', 'Give --system or --mapping, not both. Nothing was changed.', {
      field: 'mapping',
    });
  if (typeof mapping === 'string') return mappingIn(mapping);
  return typeof system === 'string' ? systemNamed(system) : null;
}

function endedKeyWords(keys: EndedKey[], would: string): string[] {
  const ended = keys.filter(({ problem }) => problem === null);
  return [
    `${ended.length} keys whose time is over ${would}revoked.`,
    ...ended.map(({ key, expiresAt }) => `Key ${key}, over since ${moment(expiresAt)} UTC, ${would}revoked.`),
    ...keys.flatMap(({ key, problem }) => (problem === null ? [] : [`Key ${key} is STILL ACCEPTED: ${problem}.`])),
  ];
}

export const centralVerbs: Verb[] = [
  {
    name: 'central install',
    summary: 'Put Latchkey beside a system’s tables: its own schemas, roles and triggers',
    description:
      'One transaction: all of it or nothing. --dry-run tries everything, rolls it back, and prints the statements.',
    place: 'central',
    positionals: [],
    flags: [
      systemFlag,
      mappingFlag,
      waitFlag,
      { name: 'dry-run', kind: 'yes', text: 'change nothing, and print what would be run' },
    ],
    async run(values, terminal) {
      const dryRun = values.dryRun === true;
      const wanted = systemOf(values);
      const { system, sql } = await withCentral(values, terminal, (client) =>
        install(client, wanted, { dryRun, ...patience(values, terminal) }),
      );
      return { value: { system: system.name, installed: !dryRun, ...(dryRun && { sql }) } };
    },
    print(value, terminal) {
      const { system, sql } = value as { system: string; sql?: string };
      terminal.out(sql ?? `Latchkey is installed beside ${system}. Next: latchkey central enroll.`);
    },
  },
  {
    name: 'central upgrade',
    summary: 'Bring Latchkey here to this version, and to the host’s tables as they are now',
    description:
      'One transaction: all of it or nothing. Devices, receipts and logs stay. --dry-run tries everything, rolls it back, and prints the statements.',
    place: 'central',
    positionals: [],
    flags: [
      mappingFlag,
      waitFlag,
      { name: 'dry-run', kind: 'yes', text: 'change nothing, and print what would be run' },
    ],
    async run(values, terminal) {
      const dryRun = values.dryRun === true;
      const wanted = systemOf(values);
      const { changes, sql } = await withCentral(values, terminal, async (client) =>
        upgrade(client, wanted ?? knownSystem((await installedSystem(client)).name), {
          dryRun,
          isComplete: wanted !== null,
          ...patience(values, terminal),
        }),
      );
      return { value: dryRun ? { upgraded: false, changes, sql } : { upgraded: true, changes } };
    },
    print(value, terminal) {
      const { changes, sql } = value as Omit<Upgrade, 'sql'> & { sql?: string };
      if (sql !== undefined) return terminal.out(sql);
      for (const change of changes) terminal.out(change);
      terminal.out('Latchkey is up to date here. Devices see it at their next sync.');
    },
  },
  {
    name: 'central suspend',
    summary: 'Take Latchkey’s views off the host’s tables, until the next `central upgrade`',
    description:
      'For dropping and retyping columns, which PostgreSQL refuses while a view stands on them. Changes are still tracked; devices keep what they have and wait.',
    place: 'central',
    positionals: [],
    flags: [],
    async run(values, terminal) {
      await withCentral(values, terminal, suspend);
      return { value: { suspended: true } };
    },
    print: (_value, terminal) =>
      terminal.out('Devices wait. When the host’s tables are as they should be: latchkey central upgrade'),
  },
  {
    name: 'central uninstall',
    summary: 'Remove Latchkey; the system’s own tables and rows stay as they are',
    description: 'Devices can connect no more, and the receipts and audit log of all devices go with it.',
    place: 'central',
    positionals: [],
    flags: [waitFlag],
    async run(values, terminal) {
      await withCentral(values, terminal, (client) => uninstall(client, patience(values, terminal)));
      return { value: { installed: false } };
    },
    print: (_value, terminal) => terminal.out('Latchkey is removed from this database.'),
  },
  {
    name: 'central status',
    summary: 'What is installed, which devices there are, and how they are doing',
    place: 'central',
    positionals: [],
    flags: [],
    async run(values, terminal) {
      const value = await withCentral(values, terminal, centralStatus);
      return { value, attention: value.untracked.length > 0 || value.hostChanges.length > 0 };
    },
    print(value, terminal) {
      const found = value as CentralStatus;
      terminal.out(
        facts([
          ['System', found.title],
          ['Installed', moment(found.installedAt)],
          ['Epoch', `${found.epoch.id}, since ${moment(found.epoch.startedAt)} (${found.epoch.reason})`],
          ['Tables', found.tables],
          ['Changes kept', found.changes],
          ['Commands', found.commands],
          ['Untracked tables', found.untracked.join(', ')],
          ['Not mirrored yet', found.hostChanges.join('; ')],
        ]),
      );
      const rows = found.devices.map((device) => [
        device.id,
        device.name,
        device.operator,
        device.capability,
        device.state,
        moment(device.joinedAt),
        moment(device.lastPushAt),
      ]);
      if (found.hostChanges.length > 0) terminal.say('The host changed its tables: run `latchkey central upgrade`.');
      if (rows.length > 0)
        terminal.out(table(['DEVICE', 'NAME', 'OPERATOR', 'ROLE', 'STATE', 'JOINED', 'LAST PUSH'], rows));
    },
  },
  {
    name: 'central maintain',
    summary:
      'The upkeep of Latchkey’s own tables, for once a week: keys past their end, old changes, expired enrollments, vacuum',
    description:
      'Revokes keys whose time is over where the host itself does not look at that, because the end stands in Latchkey’s books only (docs/systems.md says where): --keys does this alone, for every five minutes. Takes changes that are older than the weeks that are kept out of the change log, ends the logins of devices whose enrollment expired unused, then vacuums and analyzes Latchkey’s own tables. Short transactions that wait 2 s for a lock at most: it may run beside everything else, and be broken off at any time. A device that was away for longer than the weeks that are kept takes a fresh copy. The host’s tables are left alone, unless --host says otherwise: then those that are mirrored are vacuumed and analyzed too, and with --reindex their indexes are built anew (REINDEX CONCURRENTLY), for once a month. The host reads and writes on; what it holds is left for the next time. Exits 3 where something was left.',
    place: 'central',
    positionals: [],
    flags: [
      {
        name: 'keep-weeks',
        kind: 'number',
        placeholder: 'N',
        least: 1,
        most: 520,
        text: 'how many weeks of changes stay in the log, 6 by default',
      },
      { name: 'keys', kind: 'yes', text: 'only revoke the keys whose time is over' },
      { name: 'host', kind: 'yes', text: 'vacuum and analyze the host’s mirrored tables as well' },
      {
        name: 'reindex',
        kind: 'choice',
        choices: ['bloated', 'all'],
        text: 'with --host, build indexes anew: those over twice as large as they need to be, or all',
      },
      { name: 'dry-run', kind: 'yes', text: 'change nothing, and say what would be done' },
    ],
    async run(values, terminal) {
      const dryRun = values.dryRun === true;
      const reindex = values.reindex === 'all' || values.reindex === 'bloated' ? values.reindex : null;
      if (reindex && !values.host) throw new UsageError('--reindex is for the tables of --host.', 'reindex');
      if (values.keys) {
        if (values.host) throw new UsageError('--keys does nothing else: leave out --host, or --keys.', 'keys');
        const endedKeys = await withCentral(values, terminal, (client) => maintainKeys(client, { dryRun }));
        return { value: { dryRun, endedKeys }, attention: endedKeys.some(({ problem }) => problem !== null) };
      }
      const value = await withCentral(values, terminal, async (client) => ({
        ...(await maintain(client, { keepWeeks: Number(values.keepWeeks ?? 6), dryRun })),
        host: values.host ? await maintainHost(client, { dryRun, reindex }) : null,
      }));
      const left = value.host === null ? 0 : value.host.skipped.length + value.host.problems.length;
      return { value, attention: left > 0 || value.endedKeys.some(({ problem }) => problem !== null) };
    },
    print(value, terminal) {
      const { dryRun, endedKeys } = value as Pick<Maintenance, 'dryRun' | 'endedKeys'>;
      const would = dryRun ? 'would be ' : '';
      for (const line of endedKeyWords(endedKeys, would)) terminal.out(line);
      if (!('tables' in (value as object))) return;
      const { keepWeeks, forgotten, expired, tables, host } = value as Maintenance & { host: HostUpkeep | null };
      terminal.out(`${forgotten} changes older than ${keepWeeks} weeks ${would}taken out of the log.`);
      for (const { device, name, expiredAt } of expired)
        terminal.out(`Device ${device} (${name}) ${would}shut out: it never joined, until ${moment(expiredAt)} UTC.`);
      terminal.out(`${tables.length} of Latchkey’s own tables ${would}vacuumed and analyzed.`);
      if (!host) return;
      terminal.out(`${host.tables.length} tables and partitions of the host ${would}vacuumed and analyzed.`);
      for (const { name, bytesBefore, bytesAfter } of host.indexes)
        terminal.out(
          `${name} ${would}built anew: ${bytesBefore} bytes${bytesAfter === null ? '' : `, ${bytesAfter} now`}.`,
        );
      for (const name of host.skipped) terminal.say(`${name} was left: other work holds it, or this login may not.`);
      for (const problem of host.problems) terminal.say(problem);
    },
  },
  {
    name: 'central restored',
    summary: 'Declare that this database was restored from a backup',
    description:
      'Every mirror takes a fresh copy, and devices offer again, for 35 days back, what they know was applied here and was lost. Until this is declared, devices raise an alarm and neither send nor fetch. `latchkey central recovered` lists what came back.',
    place: 'central',
    positionals: [],
    flags: [
      {
        name: 'reason',
        kind: 'text',
        placeholder: 'TEXT',
        text: 'why, and to which moment; it becomes part of every organization’s log',
        required: true,
      },
    ],
    run: async (values, terminal) => ({
      value: await withCentral(values, terminal, (client) => declareRestored(client, String(values.reason))),
    }),
    print(value, terminal) {
      terminal.out(`Epoch ${(value as { epoch: string }).epoch} has begun.`);
      terminal.say('Devices give back what was lost when they sync next: latchkey central recovered.');
    },
  },
  {
    name: 'central recovered',
    summary: 'What devices gave back since the restore was declared, and which device it came from',
    place: 'central',
    positionals: [],
    flags: [],
    async run(values, terminal) {
      const items = await withCentral(values, terminal, recoveredCommands);
      return {
        value: { items, total: items.length },
        attention: items.some(({ state }) => state !== 'applied' && state !== 'merged'),
      };
    },
    print(value, terminal) {
      const { items } = value as { items: RecoveredCommand[] };
      const rows = items.map((item) => [moment(item.madeAt), item.name, item.state, item.deviceName, item.command]);
      terminal.out(table(['MADE', 'WHAT', 'STATE', 'DEVICE', 'COMMAND'], rows));
    },
  },
  {
    name: 'central enroll',
    summary: 'Make the enrollment file that lets one device join, once, within 72 hours',
    description: 'The file holds the device’s password: hand it over on a way that nobody else can read.',
    place: 'central',
    positionals: [],
    flags: [
      {
        name: 'organization',
        kind: 'text',
        placeholder: 'ID',
        text: 'an organization by id or name; the only one by default',
      },
      { name: 'operator', kind: 'text', placeholder: 'EMAIL', text: 'the person at the device', required: true },
      { name: 'device', kind: 'text', placeholder: 'NAME', text: 'what people call the device', required: true },
      {
        name: 'role',
        kind: 'choice',
        choices: ['admin', 'operator', 'auditor'],
        text: 'what it may do',
        required: true,
      },
      {
        name: 'out',
        kind: 'text',
        placeholder: 'FILE',
        text: 'where the enrollment goes; must not be there yet',
        required: true,
      },
      {
        name: 'device-url',
        kind: 'text',
        placeholder: 'URL',
        text: 'central as the device reaches it, if not by --url',
      },
    ],
    run: async (values, terminal) => ({ value: await enrollInto(resolve(String(values.out)), values, terminal) }),
    print(value, terminal) {
      const { device, file } = value as { device: string; file: string };
      terminal.out(`Device ${device} may join with ${file}.`);
      terminal.say(`On the device: latchkey mirror join --enrollment ${file}`);
    },
  },
  {
    name: 'central set-device-role',
    summary: 'Change what a device may do and read; its mirror follows at its next sync',
    description:
      'Also confirms the device’s operator in the role that they have now: after a demotion, central quarantines what an operator does until then.',
    place: 'central',
    positionals: [{ name: 'DEVICE', field: 'device', text: 'a device by id, or by name where that is unique' }],
    flags: [
      {
        name: 'role',
        kind: 'choice',
        choices: ['admin', 'operator', 'auditor'],
        text: 'what it may do from now on',
        required: true,
      },
    ],
    run: async (values, terminal) => ({
      value: await withCentral(values, terminal, (client) =>
        setDeviceRole(client, String(values.device), values.role as 'admin' | 'operator' | 'auditor'),
      ),
    }),
    print(value, terminal) {
      const { device, name, role } = value as { device: string; name: string; role: string };
      terminal.out(`Device ${device} (${name}) is ${role} now.`);
    },
  },
  {
    name: 'central revoke-device',
    summary: 'Shut a device out: its login ends, and its pushes are refused',
    place: 'central',
    positionals: [{ name: 'DEVICE', field: 'device', text: 'a device by id, or by name where that is unique' }],
    flags: [],
    async run(values, terminal) {
      const value = await withCentral(values, terminal, (client) => revokeDevice(client, String(values.device)));
      return { value: { ...value, state: 'revoked' } };
    },
    print(value, terminal) {
      const { device, name } = value as { device: string; name: string };
      terminal.out(`Device ${device} (${name}) is revoked.`);
    },
  },
];

/** The file is made first: a device whose enrollment could not be written down would be a login that nobody has. */
async function enrollInto(
  path: string,
  values: Record<string, unknown>,
  terminal: Parameters<Verb['run']>[1],
): Promise<{ device: string; file: string }> {
  makeEmpty(path);
  try {
    const { file, deviceId } = await withCentral(values, terminal, (client) =>
      enroll(client, {
        url: typeof values.deviceUrl === 'string' ? values.deviceUrl : centralUrlOf(values, terminal),
        organization: values.organization === undefined ? undefined : String(values.organization),
        operator: String(values.operator),
        device: String(values.device),
        role: values.role as 'admin' | 'operator' | 'auditor',
        tlsCa: tlsCaOf(values),
      }),
    );
    writeFileSync(path, file);
    return { device: deviceId, file: path };
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

function makeEmpty(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new LatchkeyError(
      there ? 'invalid-input' : 'folder-unusable',
      there
        ? `${path} is there already. Nothing was changed. Name another file with --out.`
        : `${path} cannot be written: ${(error as Error).message}. Nothing was changed.`,
      { field: 'out', cause: error },
    );
  }
}
