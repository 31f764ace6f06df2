import { quoteName, quoteText } from '../../quoting.ts';
import type { Apply, Check, Found, Severity, Step } from './finding.ts';
import { rowsOf, type Subject } from './subject.ts';

interface Setting {
  name: string;
  /** As it stands for a new session of this login in this database. */
  value: string;
  source: string;
  context: string;
}

async function settingsOf({ client }: Subject, names: string[]): Promise<Map<string, Setting>> {
  const rows = await rowsOf<Setting>(
    client,
    `SELECT name, coalesce(reset_val, setting) AS value, source, context FROM pg_settings WHERE name = ANY ($1)`,
    [names],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/** The statements that change a setting where it was set, and whether that is all there is to do. */
async function settingChange(
  { client }: Subject,
  setting: Setting,
  value: string,
): Promise<{ apply: Apply; steps: Step[]; first?: string }> {
  const [here] = await rowsOf<{ database: string; login: string }>(
    client,
    'SELECT current_database() AS database, session_user AS login',
  );
  const database = quoteName(here!.database);
  const login = quoteName(here!.login);
  const to = `SET ${setting.name} = ${quoteText(value)}`;
  if (setting.source === 'database') return { apply: 'online', steps: [[`ALTER DATABASE ${database} ${to}`]] };
  if (setting.source === 'user') return { apply: 'online', steps: [[`ALTER ROLE ${login} ${to}`]] };
  if (setting.source === 'database user')
    return { apply: 'online', steps: [[`ALTER ROLE ${login} IN DATABASE ${database} ${to}`]] };
  const system: Step[] = [[`ALTER SYSTEM ${to}`], ['SELECT pg_reload_conf()']];
  if (setting.source === 'command line' || setting.source === 'environment variable')
    return {
      apply: 'by-hand',
      steps: [],
      first: `It is set by the ${setting.source} that the server is started with: change it there to ${setting.name} = ${value}, and restart.`,
    };
  if (setting.context === 'postmaster')
    return { apply: 'by-hand', steps: [system[0]!], first: 'The server must be restarted after it.' };
  return { apply: 'online', steps: system };
}

const isLoopback = (address: string) => /^(localhost|127\..*|::1(\/128)?|samehost)$/.test(address);

const unencrypted: Check = {
  id: 'unencrypted-connections',
  title: 'Connections are not encrypted',
  why: 'Passwords’ hashes, tokens and every row can be read and changed by whoever is on the way between the programs and the database.',
  inSchema: false,
  async look(subject) {
    const settings = await settingsOf(subject, ['ssl', 'listen_addresses', 'ssl_min_protocol_version']);
    const listens = (settings.get('listen_addresses')?.value ?? '*').split(',').map((part) => part.trim());
    if (listens.every((address) => address === '' || isLoopback(address))) return [];
    const minimum = settings.get('ssl_min_protocol_version');
    if (settings.get('ssl')?.value !== 'on')
      return [
        {
          severity: 'high',
          place: 'ssl',
          detail: `off, and the server listens on ${listens.join(', ')}`,
          apply: 'by-hand',
          first:
            'Put a certificate and its key beside the server’s configuration, as server.crt and server.key; after it let pg_hba.conf accept hostssl alone.',
          steps: [['ALTER SYSTEM SET ssl = on'], ['SELECT pg_reload_conf()']],
        },
      ];
    if (minimum && /^$|TLSv1(\.1)?$/.test(minimum.value))
      return [
        {
          severity: 'medium',
          place: minimum.name,
          detail: minimum.value || 'none',
          ...(await settingChange(subject, minimum, 'TLSv1.2')),
        },
      ];
    return [];
  },
};

const passwordSetting: Check = {
  id: 'md5-password-setting',
  title: 'New database passwords are stored as MD5',
  why: 'An MD5 password is guessed fast, and its hash itself is enough to log in: a copy of pg_authid is as good as the passwords.',
  inSchema: false,
  async look(subject) {
    const setting = (await settingsOf(subject, ['password_encryption'])).get('password_encryption');
    if (!setting || setting.value === 'scram-sha-256') return [];
    const change = await settingChange(subject, setting, 'scram-sha-256');
    return [
      {
        severity: 'medium',
        place: setting.name,
        detail: setting.value,
        ...change,
        apply: change.apply === 'online' ? 'application-first' : change.apply,
        first:
          change.first ?? 'Every driver that logs in by a password must know SCRAM (libpq 10, and what is as young).',
      },
    ];
  },
};

const passwords: Check = {
  id: 'md5-password',
  title: 'A login’s password is stored as MD5',
  why: 'An MD5 password is guessed fast, and its hash itself is enough to log in: a copy of pg_authid is as good as the password.',
  inSchema: false,
  async look({ client }, notSeen) {
    const [may] = await rowsOf<{ read: boolean }>(client, `SELECT has_table_privilege('pg_authid', 'SELECT') AS read`);
    if (!may?.read) {
      notSeen('pg_authid', 'only a superuser may read it');
      return [];
    }
    const roles = await rowsOf<{ name: string }>(
      client,
      `SELECT rolname AS name FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'md5%' ORDER BY 1`,
    );
    return roles.map(
      ({ name }): Found => ({
        severity: 'high',
        place: name,
        detail: 'md5',
        apply: 'by-hand',
        first: `Set password_encryption to scram-sha-256, then give ${name} a new password: \\password in psql, which sends no password in the clear.`,
        steps: [],
      }),
    );
  },
};

interface HostRule {
  line: number;
  type: string;
  address: string | null;
  method: string;
  who: string;
}

const hostRules: Check = {
  id: 'weak-host-rule',
  title: 'A line of pg_hba.conf lets people in too easily',
  why: 'pg_hba.conf decides who has to prove anything: with trust nobody has to, with password the password itself crosses the wire.',
  inSchema: false,
  async look(subject, notSeen) {
    const { client } = subject;
    const [may] = await rowsOf<{ read: boolean }>(
      client,
      `SELECT has_function_privilege('pg_hba_file_rules()', 'EXECUTE') AND has_table_privilege('pg_hba_file_rules', 'SELECT') AS read`,
    );
    if (!may?.read) {
      notSeen('pg_hba.conf', 'only a superuser may read it');
      return [];
    }
    const ssl = (await settingsOf(subject, ['ssl'])).get('ssl')?.value === 'on';
    const rules = await rowsOf<HostRule>(
      client,
      `SELECT line_number AS line, type, address, auth_method AS method, array_to_string(user_name, ', ') || ' to ' || array_to_string(database, ', ') AS who
       FROM pg_hba_file_rules WHERE error IS NULL ORDER BY line_number`,
    );
    return rules.flatMap((rule): Found[] => {
      const weakness = weaknessOf(rule, ssl);
      return weakness
        ? [
            {
              severity: weakness.severity,
              place: `line ${rule.line}`,
              detail: `${rule.type} ${rule.address ?? ''} ${rule.method}: ${rule.who}`.replace(/ +/g, ' '),
              apply: 'by-hand',
              first: `${weakness.mend} in that line, after making sure that everybody who comes in by it can; then SELECT pg_reload_conf().`,
              steps: [],
            },
          ]
        : [];
    });
  },
};

function weaknessOf({ type, address, method }: HostRule, ssl: boolean): { severity: Severity; mend: string } | null {
  const isHere = type === 'local' || isLoopback((address ?? '').replace(/\/\d+$/, ''));
  if (method === 'trust') return { severity: isHere ? 'medium' : 'critical', mend: 'Write scram-sha-256 for trust' };
  if (isHere) return null;
  if (method === 'password')
    return { severity: type === 'hostssl' ? 'low' : 'high', mend: 'Write scram-sha-256 for password' };
  if (method === 'ident') return { severity: 'high', mend: 'Write scram-sha-256 for ident' };
  if (ssl && (type === 'host' || type === 'hostnossl') && method !== 'reject')
    return { severity: 'medium', mend: `Write hostssl for ${type}` };
  return null;
}

const loggedSecrets: Check = {
  id: 'logged-secrets',
  title: 'The server writes statements, secrets and all, into its log',
  why: 'A statement that stores a password or a key holds it, or its parameters do. The log is copied to places that were never meant to hold secrets.',
  inSchema: false,
  async look(subject) {
    const settings = await settingsOf(subject, [
      'log_statement',
      'log_min_duration_statement',
      'log_duration',
      'log_min_duration_sample',
      'log_statement_sample_rate',
      'log_parameter_max_length',
    ]);
    const valueIn = (name: string) => settings.get(name)?.value ?? '';
    const statement = valueIn('log_statement');
    const everything = /^(all|mod)$/.test(statement) || valueIn('log_min_duration_statement') === '0';
    const some =
      everything ||
      Number(valueIn('log_min_duration_statement') || -1) > 0 ||
      (Number(valueIn('log_min_duration_sample') || -1) >= 0 && Number(valueIn('log_statement_sample_rate')) > 0);
    const found: Found[] = [];
    const log = settings.get('log_statement');
    const duration = settings.get('log_min_duration_statement');
    const parameters = settings.get('log_parameter_max_length');
    if (log && /^(all|mod)$/.test(statement))
      found.push({
        severity: 'medium',
        place: log.name,
        detail: statement,
        ...(await settingChange(subject, log, 'ddl')),
      });
    if (duration?.value === '0')
      found.push({
        severity: 'medium',
        place: duration.name,
        detail: '0: every statement',
        ...(await settingChange(subject, duration, '1000')),
      });
    // Slow statements are worth a look; the values in them are not.
    if (parameters && some && parameters.value !== '0')
      found.push({
        severity: everything ? 'medium' : 'low',
        place: parameters.name,
        detail: `${parameters.value === '-1' ? 'all' : `${parameters.value} bytes`} of each parameter beside its statement`,
        ...(await settingChange(subject, parameters, '0')),
      });
    return found;
  },
};

const durability: Check = {
  id: 'durability-off',
  title: 'The server acknowledges what a crash may lose',
  why: 'With fsync or full_page_writes off a crash damages the database beyond repair; with synchronous_commit off it loses what it just said was done, a revocation for one.',
  inSchema: false,
  async look(subject) {
    const settings = await settingsOf(subject, ['fsync', 'full_page_writes', 'synchronous_commit']);
    const found: Found[] = [];
    for (const setting of settings.values())
      if (setting.value === 'off')
        found.push({
          severity: setting.name === 'synchronous_commit' ? 'medium' : 'critical',
          place: setting.name,
          detail: 'off',
          ...(await settingChange(subject, setting, 'on')),
        });
    return found.toSorted((a, b) => a.place.localeCompare(b.place));
  },
};

const archiving: Check = {
  id: 'no-archiving',
  title: 'The database cannot be put back to a moment of its past',
  why: 'Without archived WAL a restore goes back to the last backup, and everything since is lost, the audit trail included.',
  inSchema: false,
  async look(subject) {
    const { client } = subject;
    const settings = await settingsOf(subject, ['archive_mode', 'archive_command', 'archive_library']);
    const mode = settings.get('archive_mode');
    const [seen] = await rowsOf<{ receives: boolean; failing: boolean; since: string | null }>(
      client,
      `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name ~* 'receivewal|barman|pgbackrest|wal-g') AS receives,
         last_failed_time > coalesce(last_archived_time, '-infinity') IS TRUE AS failing, to_char(coalesce(last_archived_time, stats_reset), 'YYYY-MM-DD HH24:MI') AS since FROM pg_stat_archiver`,
    );
    if (seen?.receives || !mode) return [];
    const isSet =
      (settings.get('archive_command')?.value ?? '(')?.replace('(disabled)', '') !== '' ||
      (settings.get('archive_library')?.value ?? '') !== '';
    if (mode.value !== 'off' && isSet && !seen?.failing) return [];
    const isFailing = mode.value !== 'off' && isSet;
    return [
      {
        severity: isFailing ? 'high' : 'medium',
        place: isFailing ? 'archive_command' : 'archive_mode',
        detail: isFailing
          ? `it has been failing since ${seen?.since}`
          : mode.value === 'off'
            ? 'off'
            : 'on, and nothing to archive with',
        apply: 'by-hand',
        first: isFailing
          ? 'See why in the server’s log. WAL piles up until it works again, and fills the disk.'
          : 'Say where WAL goes, by archive_command or with a backup tool that takes it (pgBackRest, Barman, WAL-G). The server must be restarted after it.',
        steps: mode.value === 'off' ? [['ALTER SYSTEM SET archive_mode = on']] : [],
      },
    ];
  },
};

const checksums: Check = {
  id: 'checksums-off',
  title: 'Damage on the disk goes unnoticed',
  why: 'Without checksums a page that the disk or a controller changed is served as data, and copied into every backup.',
  inSchema: false,
  async look(subject) {
    const setting = (await settingsOf(subject, ['data_checksums'])).get('data_checksums');
    return setting?.value === 'off'
      ? [
          {
            severity: 'medium',
            place: setting.name,
            detail: 'off',
            apply: 'by-hand',
            first: 'Stop the server, run pg_checksums --enable, start it. On a standby first, then switch over.',
            steps: [],
          },
        ]
      : [];
  },
};

/** What an idle consumer may leave to be kept before it is worth a word. */
const walKept = 2 ** 30;

const idleSlots: Check = {
  id: 'idle-slot',
  title: 'A replication slot keeps WAL for somebody who is gone',
  why: 'The server keeps all WAL that the slot’s consumer has not fetched, until the disk is full and the database stops; and dead rows with it.',
  inSchema: false,
  async look(subject) {
    const limit = (await settingsOf(subject, ['max_slot_wal_keep_size'])).get('max_slot_wal_keep_size')?.value;
    const slots = await rowsOf<{ name: string; kept: number; status: string | null }>(
      subject.client,
      `SELECT slot_name AS name, wal_status AS status,
         pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn)::FLOAT8 AS kept
       FROM pg_replication_slots WHERE NOT active AND NOT temporary AND restart_lsn IS NOT NULL ORDER BY 1`,
    );
    return slots
      .filter(({ kept, status }) => limit === '-1' || kept > walKept || status !== 'reserved')
      .map(
        ({ name, kept }): Found => ({
          severity: kept > walKept ? 'high' : 'medium',
          place: name,
          detail: `nobody is connected; ${Math.round(kept / 2 ** 20)} MiB of WAL kept${limit === '-1' ? ', without a limit' : ''}`,
          apply: 'application-first',
          first: 'Make sure that its consumer is gone for good: it must be set up anew otherwise.',
          steps: [[`SELECT pg_drop_replication_slot(${quoteText(name)})`]],
        }),
      );
  },
};

const extensions: Check = {
  id: 'outdated-extension',
  title: 'An extension is older than its files',
  why: 'The server was upgraded and the extension was not: mended functions, some of them for security, are on the disk and not in the database.',
  inSchema: false,
  async look({ client }) {
    const rows = await rowsOf<{ name: string; installed: string; available: string }>(
      client,
      `SELECT e.extname AS name, e.extversion AS installed, a.default_version AS available
       FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname
       WHERE EXISTS (SELECT FROM pg_extension_update_paths(e.extname) p WHERE p.source = e.extversion AND p.target = a.default_version AND p.path IS NOT NULL AND p.source <> p.target) ORDER BY 1`,
    );
    return rows.map(
      ({ name, installed, available }): Found => ({
        severity: 'low',
        place: name,
        detail: `${installed}; ${available} is there`,
        apply: 'application-first',
        first: 'Read what changed between the two versions.',
        steps: [[`ALTER EXTENSION ${quoteName(name)} UPDATE`]],
      }),
    );
  },
};

export const serverChecks = [
  unencrypted,
  passwordSetting,
  passwords,
  hostRules,
  loggedSecrets,
  durability,
  archiving,
  checksums,
  idleSlots,
  extensions,
];
