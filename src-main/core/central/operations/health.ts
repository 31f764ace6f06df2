import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { installError } from '../own-objects.ts';
import { type Archiving, archivingOf } from './backup.ts';
import { bytesWords, type Finding, type HealthSection } from './finding.ts';
import { partitionReports } from './partitions.ts';
import { outdatedByPolicy } from './retention.ts';
import { serverSections } from './server-health.ts';

export interface Health {
  at: string;
  server: string;
  database: string;
  findings: Finding[];
}

/** By the documents' schedule, with some hours for a run that takes long. */
const hoursUntilLate = { full: 26, incremental: 8 };
const hoursUntilCritical = 72;
const drillDays = 35;
const partitionDays = 45;
const silentDays = 30;
/** `central maintain --keys` runs every five minutes. */
const minutesUntilOverdue = 15;
/** `central maintain` keeps six weeks of changes, once a week. */
const changeWeeks = 8;
const gibibyte = 1024 ** 3;

/** Longer than this nobody waits for a count. */
const patience = '10s';

/**
 * How this database is doing, in findings with a severity each. Nothing is changed, and nothing waits for a lock of the host's for longer
 * than a second.
 */
export async function health(client: pg.Client): Promise<Health> {
  const { rows } = await client.query<{ at: string; server: string; database: string }>(
    `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, current_setting('server_version') AS server, current_database() AS database`,
  );
  const findings: Finding[] = [];
  await client.query(`SET lock_timeout = '1s'; SET statement_timeout = '${patience}'`);
  try {
    for (const { area, look } of [...sections, ...serverSections])
      findings.push(...(await look(client).catch((error: unknown) => [unseen(area, error)])));
  } finally {
    await client.query('RESET lock_timeout; RESET statement_timeout').catch(() => {});
  }
  return { ...rows[0]!, findings };
}

/** What could not be looked at is a finding too. A lost connection is none. */
function unseen(area: string, error: unknown): Finding {
  const { code } = error as { code?: string };
  if (code === '57014')
    return { area, severity: 'notice', what: `looking took longer than ${patience} and was broken off` };
  if (code === '55P03') return { area, severity: 'notice', what: 'other work holds what is to be looked at' };
  if (code === '42501')
    return {
      area,
      severity: 'notice',
      what: `this login may not look (${(error as Error).message})`,
      advice: 'Use one with pg_monitor and rights on the host’s tables.',
    };
  throw installError(error);
}

const sections: HealthSection[] = [
  { area: 'backup', look: backups },
  { area: 'restore drill', look: drills },
  { area: 'WAL archive', look: async (client) => [archived(await archivingOf(client))] },
  { area: 'partitions', look: partitions },
  { area: 'retention', look: retention },
  { area: 'change log', look: changeLog },
  { area: 'keys', look: overdueKeys },
  { area: 'devices', look: devices },
];

async function isThere(client: pg.Client, relation: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [relation]);
  return rows[0]!.there;
}

const notInstalled = 'Latchkey is not installed here, so nobody keeps it in mind';

async function backups(client: pg.Client): Promise<Finding[]> {
  const area = 'backup';
  if (!(await isThere(client, 'latchkey.backup'))) return [{ area, severity: 'notice', what: notInstalled }];
  const { rows } = await client.query<{
    kind: 'full' | 'incremental';
    method: string;
    hours: number;
    bytes: string;
    place: string;
  }>(
    `SELECT DISTINCT ON (kind) kind, method, round(extract(EPOCH FROM now() - finished_at) / 3600, 1)::REAL AS hours, bytes, place
     FROM latchkey.backup ORDER BY kind, finished_at DESC`,
  );
  const full = rows.find(({ kind }) => kind === 'full');
  const incremental = rows.find(({ kind }) => kind === 'incremental');
  const advice = 'latchkey central backup --to DIR, daily at 02:00 UTC';
  if (!full) return [{ area, severity: 'critical', what: 'there is no backup that central knows of', advice }];
  const described = (backup: typeof full) => `${hoursWords(backup.hours)} ago, by ${backup.method}, in ${backup.place}`;
  const findings: Finding[] = [
    {
      area,
      severity: full.hours > hoursUntilCritical ? 'critical' : full.hours > hoursUntilLate.full ? 'warning' : 'ok',
      what: `the last full backup was made ${described(full)}`,
      ...(full.hours > hoursUntilLate.full ? { advice } : {}),
      facts: { kind: 'full', method: full.method, hours: full.hours, bytes: Number(full.bytes) },
    },
  ];
  if (incremental)
    findings.push({
      area,
      severity: incremental.hours > hoursUntilLate.incremental ? 'warning' : 'ok',
      what: `the last incremental backup was made ${described(incremental)}`,
      ...(incremental.hours > hoursUntilLate.incremental
        ? { advice: 'latchkey central backup --kind incremental --to DIR, every 6 hours' }
        : {}),
      facts: {
        kind: 'incremental',
        method: incremental.method,
        hours: incremental.hours,
        bytes: Number(incremental.bytes),
      },
    });
  return findings;
}

function hoursWords(hours: number): string {
  if (hours < 48) return `${hours} hours`;
  return `${Math.floor(hours / 24)} days`;
}

async function drills(client: pg.Client): Promise<Finding[]> {
  const area = 'restore drill';
  if (!(await isThere(client, 'latchkey.drill'))) return [{ area, severity: 'notice', what: notInstalled }];
  const { rows } = await client.query<{ passed: boolean; days: number; made: string }>(
    `SELECT passed, extract(DAY FROM now() - finished_at)::INTEGER AS days, to_char(backup_made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS made
     FROM latchkey.drill ORDER BY finished_at DESC LIMIT 1`,
  );
  const [last] = rows;
  const advice = 'latchkey central restore-drill --from DIR, once a month';
  if (!last)
    return [
      { area, severity: 'warning', what: 'no backup was ever restored: nobody knows whether one can be', advice },
    ];
  const words = `${last.days} days ago, with the backup of ${last.made} UTC`;
  const facts = { passed: last.passed, days: last.days };
  if (!last.passed) return [{ area, severity: 'critical', what: `the last drill failed, ${words}`, advice, facts }];
  if (last.days > drillDays) return [{ area, severity: 'warning', what: `the last drill was ${words}`, advice, facts }];
  return [{ area, severity: 'ok', what: `the last drill passed, ${words}`, facts }];
}

function archived(archiving: Archiving): Finding {
  const area = 'WAL archive';
  const facts = { ...archiving };
  const { mode, lastArchivedAt, failures, lastFailedAt } = archiving;
  if (mode === 'off')
    return {
      area,
      severity: 'warning',
      what: 'WAL is not archived: a restore ends at the last backup, and at no moment of choice',
      advice: 'Set archive_mode = on with an archive_command, and restart.',
      facts,
    };
  if (lastFailedAt !== null && (lastArchivedAt === null || lastFailedAt > lastArchivedAt))
    return {
      area,
      severity: 'critical',
      what: `archiving fails since ${lastFailedAt}, ${failures} times in all; WAL piles up until the disk is full`,
      advice: 'Look at the server’s log for what archive_command says.',
      facts,
    };
  return { area, severity: 'ok', what: `WAL was last archived ${lastArchivedAt ?? 'never, and none was due'}`, facts };
}

async function partitions(client: pg.Client): Promise<Finding[]> {
  const area = 'partitions';
  const soon = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  return (await partitionReports(client)).flatMap(({ table, nextMissing, inDefault, problem }) => {
    const advice = 'latchkey central partitions';
    const facts = { table, nextMissing };
    const findings: Finding[] = [];
    if (problem !== null) findings.push({ area, severity: 'notice', what: `${table}: ${problem}`, facts });
    else if (nextMissing === null || nextMissing > soon(partitionDays))
      findings.push({
        area,
        severity: 'ok',
        what: `${table} has partitions until ${nextMissing?.slice(0, 10) ?? 'the end of time'}`,
        facts,
      });
    else {
      const isOver = nextMissing <= soon(0);
      const what = `${table} ${isOver ? 'has no partition for today' : 'has no partition'} from ${nextMissing.slice(0, 10)} on`;
      // Without a default partition rows are refused.
      findings.push({ area, severity: isOver && !inDefault ? 'critical' : 'warning', what, advice, facts });
    }
    if (inDefault && inDefault.rows > 0)
      findings.push({
        area,
        severity: 'warning',
        what: `${table}: rows wait in ${inDefault.partition}`,
        advice,
        facts,
      });
    return findings;
  });
}

async function retention(client: pg.Client): Promise<Finding[]> {
  const area = 'retention';
  try {
    const { policy, found } = await outdatedByPolicy(client, { asked: [], forceAudit: [] });
    const findings = found.map(({ outdated: { report } }): Finding => {
      const rows = report.partitions.reduce((sum, partition) => sum + partition.rows, report.rows);
      const whose = report.organization === null ? '' : ` of organization ${report.organization}`;
      const facts = { table: report.table, days: report.days, partitions: report.partitions.length, rows };
      if (rows === 0 && report.partitions.length === 0)
        return {
          area,
          severity: 'ok',
          what: `${report.table}${whose} holds nothing older than ${report.days} days`,
          facts,
        };
      return {
        area,
        severity: 'warning',
        what: `${report.table}${whose} holds ${rows} rows older than ${report.days} days, ${report.partitions.length} partitions among them, since ${report.oldest?.slice(0, 10)}`,
        advice: 'latchkey central retention',
        facts,
      };
    });
    return [...findings, ...policy.ignored.map((what): Finding => ({ area, severity: 'warning', what }))];
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.code !== 'invalid-input') throw error;
    return [
      {
        area,
        severity: 'notice',
        what: 'there is no retention policy',
        advice: 'latchkey central retention --keep TABLE=DAYS',
      },
    ];
  }
}

async function changeLog(client: pg.Client): Promise<Finding[]> {
  const area = 'change log';
  if (!(await isThere(client, 'latchkey.change'))) return [];
  const { rows } = await client.query<{ bytes: string; weeks: number | null; untracked: string[]; outdated: string[] }>(
    `SELECT pg_total_relation_size('latchkey.change') AS bytes, latchkey.untracked_tables() AS untracked, latchkey.outdated_tables() AS outdated,
       (SELECT (CURRENT_DATE - min(day)) / 7 FROM (SELECT day FROM latchkey.change LIMIT 1000) first) AS weeks`,
  );
  const { bytes, weeks, untracked, outdated } = rows[0]!;
  const isOld = weeks !== null && weeks >= changeWeeks;
  const isLarge = Number(bytes) > gibibyte;
  const findings: Finding[] = [
    {
      area,
      severity: isOld || isLarge ? 'warning' : 'ok',
      what: `the change log takes ${bytesWords(Number(bytes))}${isOld ? ` and goes back ${weeks} weeks` : ''}`,
      ...(isOld || isLarge ? { advice: 'latchkey central maintain, once a week' } : {}),
      facts: { bytes: Number(bytes), weeks },
    },
  ];
  if (untracked.length > 0)
    findings.push({
      area,
      severity: 'critical',
      what: `changes of ${untracked.join(', ')} are not tracked, and devices refuse to sync`,
      advice: 'latchkey central upgrade',
      facts: { untracked },
    });
  if (outdated.length > 0)
    findings.push({
      area,
      severity: 'critical',
      what: `the host changed ${outdated.join(', ')}, and devices wait`,
      advice: 'latchkey central upgrade',
      facts: { outdated },
    });
  return findings;
}

/** Where the end of a key stands in Latchkey's books only. */
async function overdueKeys(client: pg.Client): Promise<Finding[]> {
  const area = 'keys';
  const { rows: made } = await client.query<{ made: boolean }>(
    `SELECT to_regprocedure('latchkey.overdue_keys()') IS NOT NULL AS made`,
  );
  if (!made[0]!.made) return [];
  const { rows } = await client.query<{ keys: number; minutes: number | null }>(
    `SELECT count(*)::INTEGER AS keys, floor(extract(EPOCH FROM now() - min(expires_at)) / 60)::INTEGER AS minutes FROM latchkey.overdue_keys()`,
  );
  const { keys, minutes } = rows[0]!;
  if (keys === 0) return [{ area, severity: 'ok', what: 'none is accepted beyond its end', facts: { keys } }];
  return [
    {
      area,
      severity: minutes! > minutesUntilOverdue ? 'critical' : 'ok',
      what: `${keys} keys are accepted beyond their end, for up to ${minutes} minutes`,
      advice: 'latchkey central maintain --keys, every five minutes',
      facts: { keys, minutes },
    },
  ];
}

async function devices(client: pg.Client): Promise<Finding[]> {
  const area = 'devices';
  if (!(await isThere(client, 'latchkey.device'))) return [];
  const { rows } = await client.query<{ active: number; silent: string[]; expired: number }>(
    `SELECT count(*) FILTER (WHERE state = 'active')::INTEGER AS active,
       coalesce(array_agg(name ORDER BY name) FILTER (WHERE state = 'active' AND coalesce(last_push_at, joined_at) < now() - make_interval(days => $1)), '{}') AS silent,
       count(*) FILTER (WHERE state = 'invited' AND enrollment_expires_at <= now())::INTEGER AS expired
     FROM latchkey.device`,
    [silentDays],
  );
  const { active, silent, expired } = rows[0]!;
  const findings: Finding[] = [{ area, severity: 'ok', what: `${active} devices may connect`, facts: { active } }];
  if (silent.length > 0)
    findings.push({
      area,
      severity: 'notice',
      what: `${silent.length} of them have sent nothing for ${silentDays} days: ${silent.slice(0, 10).join(', ')}`,
      advice: 'latchkey central revoke-device NAME, for those that are gone',
      facts: { silent },
    });
  if (expired > 0)
    findings.push({
      area,
      severity: 'warning',
      what: `${expired} logins of devices that never joined are open still`,
      advice: 'latchkey central maintain',
      facts: { expired },
    });
  return findings;
}
