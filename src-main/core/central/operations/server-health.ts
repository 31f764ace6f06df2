import type pg from 'pg';
import { bytesWords, type Finding, type HealthSection, type Severity } from './finding.ts';

const gibibyte = 1024 ** 3;
/** As many as a screen has room for; all of them are in the facts. */
const named = 5;

/** What the server itself says: tables, indexes, sessions, replication, settings. */
export const serverSections: HealthSection[] = [
  { area: 'tables', look: tables },
  { area: 'vacuum', look: vacuum },
  { area: 'indexes', look: indexes },
  { area: 'locks', look: locks },
  { area: 'transactions', look: transactions },
  { area: 'connections', look: connections },
  { area: 'replication', look: replication },
  { area: 'wraparound', look: wraparound },
  { area: 'settings', look: settings },
];

const hostSchemas = `schemaname !~ '^(pg_|information_schema$)'`;

async function tables(client: pg.Client): Promise<Finding[]> {
  const area = 'tables';
  const { rows } = await client.query<{ name: string; bytes: string }>(
    `SELECT n.nspname || '.' || c.relname AS name, sum(pg_total_relation_size(p.oid)) AS bytes
     FROM pg_class p JOIN pg_class c ON c.oid = coalesce(pg_partition_root(p.oid)::OID, p.oid) JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE p.relkind IN ('r', 'm') AND p.relpersistence <> 't' AND n.nspname !~ '^(pg_|information_schema$)'
     GROUP BY 1 ORDER BY 2 DESC`,
  );
  const sizes = rows.map((row) => ({ name: row.name, bytes: Number(row.bytes) }));
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const largest = sizes.slice(0, named).map(({ name, bytes }) => `${name} ${bytesWords(bytes)}`);
  const findings: Finding[] = [
    {
      area,
      severity: 'ok',
      what: `${bytesWords(total)} in ${sizes.length} tables; the largest: ${largest.join(', ')}`,
      facts: { total, sizes },
    },
  ];
  return [...findings, ...(await growth(client, sizes))];
}

async function growth(client: pg.Client, sizes: { name: string; bytes: number }[]): Promise<Finding[]> {
  const { rows: there } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('latchkey.table_size') IS NOT NULL AS there`,
  );
  if (!there[0]!.there) return [];
  const { rows } = await client.query<{ name: string; bytes: string; days: number }>(
    `SELECT DISTINCT ON (relation) relation AS name, bytes, (now() AT TIME ZONE 'UTC')::DATE - day AS days FROM latchkey.table_size
     WHERE day BETWEEN (now() AT TIME ZONE 'UTC')::DATE - 31 AND (now() AT TIME ZONE 'UTC')::DATE - 1 ORDER BY relation, day`,
  );
  const before = new Map(rows.map((row) => [row.name, row]));
  const grown = sizes.flatMap(({ name, bytes }) => {
    const then = before.get(name);
    return then ? [{ name, days: then.days, grown: bytes - Number(then.bytes), from: Number(then.bytes) }] : [];
  });
  if (grown.length === 0) return [];
  const most = grown.sort((one, other) => other.grown - one.grown).slice(0, named);
  const isFast = most.some((one) => one.grown > gibibyte && one.grown > one.from);
  return [
    {
      area: 'tables',
      severity: isFast ? 'notice' : 'ok',
      what: `grown the most: ${most.map((one) => `${one.name} by ${bytesWords(one.grown)} in ${one.days} days`).join(', ')}`,
      facts: { grown },
    },
  ];
}

async function vacuum(client: pg.Client): Promise<Finding[]> {
  const area = 'vacuum';
  const { rows } = await client.query<{
    name: string;
    dead: string;
    live: string;
    vacuumed: number | null;
    changed: string;
    analyzed: number | null;
  }>(
    `SELECT schemaname || '.' || relname AS name, n_dead_tup AS dead, n_live_tup AS live, n_mod_since_analyze AS changed,
       extract(DAY FROM now() - greatest(last_vacuum, last_autovacuum))::INTEGER AS vacuumed,
       extract(DAY FROM now() - greatest(last_analyze, last_autoanalyze))::INTEGER AS analyzed
     FROM pg_stat_user_tables WHERE ${hostSchemas}`,
  );
  const bloated = rows.filter((row) => Number(row.dead) > 10_000 && Number(row.dead) > Number(row.live) * 0.2);
  const unknown = rows.filter((row) => Number(row.changed) > 1_000 && Number(row.changed) > Number(row.live) * 0.5);
  const findings: Finding[] = [];
  if (bloated.length > 0)
    findings.push({
      area,
      severity: 'warning',
      what: `over a fifth of the rows are dead in ${list(bloated.map((row) => `${row.name} (${row.dead} dead, ${row.live} live, vacuumed ${ago(row.vacuumed)})`))}`,
      advice: 'latchkey central maintain --host',
      facts: { tables: bloated.map((row) => ({ name: row.name, dead: Number(row.dead), live: Number(row.live) })) },
    });
  if (unknown.length > 0)
    findings.push({
      area,
      severity: 'warning',
      what: `the planner goes by old statistics of ${list(unknown.map((row) => `${row.name} (analyzed ${ago(row.analyzed)})`))}`,
      advice: 'latchkey central maintain --host',
      facts: { tables: unknown.map(({ name }) => name) },
    });
  if (findings.length > 0) return findings;
  const vacuumed = rows.flatMap((row) => (row.vacuumed === null ? [] : [row.vacuumed]));
  return [
    {
      area,
      severity: 'ok',
      what: `${rows.length} tables; of those ever vacuumed the longest ago was ${ago(Math.max(0, ...vacuumed))}`,
    },
  ];
}

function ago(days: number | null): string {
  return days === null ? 'never' : days === 0 ? 'today' : `${days} days ago`;
}

function list(words: string[]): string {
  return words.length > named
    ? `${words.slice(0, named).join(', ')} and ${words.length - named} more`
    : words.join(', ');
}

async function indexes(client: pg.Client): Promise<Finding[]> {
  const area = 'indexes';
  const { rows: invalid } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname !~ '^pg_'
       AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) ORDER BY 1`,
  );
  const { rows: unused } = await client.query<{ name: string; bytes: string }>(
    `SELECT format('%I.%I', s.schemaname, s.indexrelname) AS name, pg_relation_size(s.indexrelid) AS bytes
     FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
     WHERE s.idx_scan = 0 AND NOT i.indisunique AND i.indisvalid AND ${hostSchemas} AND s.schemaname !~ '^latchkey'
       AND pg_relation_size(s.indexrelid) > 1048576 ORDER BY 2 DESC`,
  );
  const { rows: since } = await client.query<{ days: number | null }>(
    `SELECT extract(DAY FROM now() - coalesce(stats_reset, pg_postmaster_start_time()))::INTEGER AS days FROM pg_stat_database WHERE datname = current_database()`,
  );
  const findings: Finding[] = [];
  if (invalid.length > 0)
    findings.push({
      area,
      severity: 'warning',
      what: `nobody can use ${list(invalid.map(({ name }) => name))}: building it was broken off`,
      advice: invalid.map(({ name }) => `REINDEX INDEX CONCURRENTLY ${name};`).join(' '),
      facts: { invalid: invalid.map(({ name }) => name) },
    });
  if (unused.length > 0)
    findings.push({
      area,
      severity: 'notice',
      what: `never used in ${since[0]?.days ?? 0} days: ${list(unused.map(({ name, bytes }) => `${name} (${bytesWords(Number(bytes))})`))}`,
      advice: 'Look on every standby too before dropping one.',
      facts: { unused: unused.map(({ name, bytes }) => ({ name, bytes: Number(bytes) })), days: since[0]?.days },
    });
  return findings.length > 0
    ? findings
    : [{ area, severity: 'ok', what: 'all indexes are valid, and all larger ones are used' }];
}

async function locks(client: pg.Client): Promise<Finding[]> {
  const area = 'locks';
  const { rows } = await client.query<{ pid: number; seconds: number; blockers: number[] }>(
    `SELECT pid, coalesce(extract(EPOCH FROM clock_timestamp() - query_start), 0)::INTEGER AS seconds, pg_blocking_pids(pid) AS blockers
     FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY query_start`,
  );
  const [longest] = rows;
  if (!longest) return [{ area, severity: 'ok', what: 'nobody waits for a lock' }];
  const severity: Severity = longest.seconds >= 60 ? 'critical' : longest.seconds >= 5 ? 'warning' : 'notice';
  return [
    {
      area,
      severity,
      what: `${rows.length} sessions wait for a lock, one for ${longest.seconds} seconds, behind ${longest.blockers.join(', ') || 'nobody any more'}`,
      advice: 'SELECT pid, state, query FROM pg_stat_activity WHERE pid = ANY (ARRAY[…]);',
      facts: { waiting: rows },
    },
  ];
}

async function transactions(client: pg.Client): Promise<Finding[]> {
  const area = 'transactions';
  const { rows } = await client.query<{ pid: number; minutes: number; idle: boolean }>(
    `SELECT pid, extract(EPOCH FROM now() - xact_start)::INTEGER / 60 AS minutes, state LIKE 'idle in transaction%' AS idle
     FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now() - INTERVAL '15 minutes' AND backend_type = 'client backend' ORDER BY xact_start`,
  );
  const { rows: prepared } = await client.query<{ gid: string; minutes: number }>(
    `SELECT gid, extract(EPOCH FROM now() - prepared)::INTEGER / 60 AS minutes FROM pg_prepared_xacts WHERE database = current_database() AND prepared < now() - INTERVAL '15 minutes'`,
  );
  const findings: Finding[] = [];
  const [oldest] = rows;
  if (oldest)
    findings.push({
      area,
      severity: rows.some((row) => row.idle || row.minutes >= 60) ? 'warning' : 'notice',
      what: `${rows.length} transactions are open for over 15 minutes, the oldest for ${oldest.minutes}${oldest.idle ? ' and idle' : ''} (pid ${oldest.pid}): vacuum cannot remove what they may see`,
      advice: 'SELECT pg_terminate_backend(PID); where nobody answers for it.',
      facts: { transactions: rows },
    });
  if (prepared.length > 0)
    findings.push({
      area,
      severity: 'warning',
      what: `${prepared.length} prepared transactions hold their locks, ${list(prepared.map(({ gid, minutes }) => `${gid} for ${minutes} minutes`))}`,
      advice: 'COMMIT PREPARED or ROLLBACK PREPARED.',
      facts: { prepared },
    });
  return findings.length > 0 ? findings : [{ area, severity: 'ok', what: 'no transaction is open for long' }];
}

async function connections(client: pg.Client): Promise<Finding[]> {
  const { rows } = await client.query<{ used: number; limit: number }>(
    `SELECT (SELECT sum(numbackends) FROM pg_stat_database)::INTEGER AS used,
       current_setting('max_connections')::INTEGER - current_setting('superuser_reserved_connections')::INTEGER AS limit`,
  );
  const { used, limit } = rows[0]!;
  const share = used / limit;
  return [
    {
      area: 'connections',
      severity: share > 0.95 ? 'critical' : share > 0.8 ? 'warning' : 'ok',
      what: `${used} of ${limit} connections are taken`,
      ...(share > 0.8 ? { advice: 'Put a pooler in front, or raise max_connections.' } : {}),
      facts: { used, limit },
    },
  ];
}

async function replication(client: pg.Client): Promise<Finding[]> {
  const area = 'replication';
  const { rows: recovering } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  if (recovering[0]!.standby)
    return [
      {
        area,
        severity: 'notice',
        what: 'this is a standby: what is told here is of its primary, and of its own sessions',
      },
    ];
  const { rows: slots } = await client.query<{ name: string; active: boolean; bytes: string; status: string }>(
    `SELECT slot_name AS name, active, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0) AS bytes, coalesce(wal_status, 'reserved') AS status
     FROM pg_replication_slots ORDER BY 1`,
  );
  const { rows: standbys } = await client.query<{ name: string; seconds: number | null; bytes: string | null }>(
    `SELECT application_name AS name, extract(EPOCH FROM replay_lag)::INTEGER AS seconds, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bytes
     FROM pg_stat_replication`,
  );
  const findings = slots
    .filter(({ active }) => !active)
    .map(
      ({ name, bytes, status }): Finding => ({
        area,
        severity: Number(bytes) > gibibyte || status === 'lost' || status === 'unreserved' ? 'critical' : 'warning',
        what: `nobody reads the replication slot ${name}, which keeps ${bytesWords(Number(bytes))} of WAL (${status})`,
        advice: `SELECT pg_drop_replication_slot('${name}'); where its reader is gone for good.`,
        facts: { slot: name, bytes: Number(bytes), status },
      }),
    );
  for (const { name, seconds, bytes } of standbys)
    findings.push({
      area,
      severity: (seconds ?? 0) > 300 || Number(bytes ?? 0) > gibibyte ? 'warning' : 'ok',
      what: `${name} lies ${seconds ?? 0} seconds and ${bytesWords(Number(bytes ?? 0))} behind`,
      facts: { standby: name, seconds, bytes: Number(bytes ?? 0) },
    });
  return findings.length > 0
    ? findings
    : [{ area, severity: 'ok', what: `${slots.length} replication slots, ${standbys.length} standbys` }];
}

async function wraparound(client: pg.Client): Promise<Finding[]> {
  const { rows } = await client.query<{ age: number; multixacts: number; table: string | null; limit: number }>(
    `SELECT age(datfrozenxid) AS age, mxid_age(datminmxid) AS multixacts, current_setting('autovacuum_freeze_max_age')::INTEGER AS limit,
       (SELECT oid::REGCLASS::TEXT FROM pg_class WHERE relkind IN ('r', 'm', 't') ORDER BY age(relfrozenxid) DESC LIMIT 1) AS table
     FROM pg_database WHERE datname = current_database()`,
  );
  const { age, multixacts, table, limit } = rows[0]!;
  const oldest = Math.max(age, multixacts);
  const severity: Severity =
    oldest > 1_200_000_000 ? 'critical' : oldest > Math.max(500_000_000, limit * 2) ? 'warning' : 'ok';
  return [
    {
      area: 'wraparound',
      severity,
      what: `${Math.round((oldest / 2_147_483_648) * 1000) / 10} % of the way to transaction id wraparound`,
      ...(severity === 'ok'
        ? {}
        : { advice: `VACUUM (FREEZE) ${table}; and what holds its horizon back: old transactions, slots.` }),
      facts: { age, multixacts },
    },
  ];
}

async function settings(client: pg.Client): Promise<Finding[]> {
  const area = 'settings';
  const { rows } = await client.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'autovacuum', 'track_counts', 'data_checksums') AND setting = 'off' ORDER BY name`,
  );
  const consequences: Record<string, { severity: Severity; what: string }> = {
    fsync: { severity: 'critical', what: 'fsync is off: a power cut may cost the whole cluster' },
    full_page_writes: { severity: 'critical', what: 'full_page_writes is off: a power cut may leave torn pages' },
    autovacuum: { severity: 'critical', what: 'autovacuum is off: tables bloat, and transaction ids run out' },
    track_counts: { severity: 'critical', what: 'track_counts is off: autovacuum cannot know what to do' },
    data_checksums: { severity: 'notice', what: 'data checksums are off: a page that the disk changed is not noticed' },
  };
  const findings = rows.map(({ name }): Finding => ({ area, ...consequences[name]!, facts: { setting: name } }));
  return findings.length > 0
    ? findings
    : [{ area, severity: 'ok', what: 'what is written is on disk, checked and cleaned up after' }];
}
