import { quoteName } from '../../quoting.ts';
import type { Check, Found, Step } from './finding.ts';
import { hiddenFrom, sampleSql } from './sample.ts';
import { type SecretColumn, secretColumns } from './secret-columns.ts';
import { isTextual, rowsOf, type Subject, type Table } from './subject.ts';
import { isPresented } from './vocabulary.ts';

const placeOf = ({ table, column }: SecretColumn) => `${table.name}.${column.name}`;

const plaintextSecrets: Check = {
  id: 'plaintext-secrets',
  title: 'A secret stands in the clear',
  why: 'Whoever reads the table, a backup, a replica or a log of it can use every one of these secrets at once, and nothing will show that they did.',
  inSchema: true,
  async look(subject, notSeen) {
    const found: Found[] = [];
    for (const secret of await secretColumns(subject)) {
      const { table, column, hidden, looked, plain, unclear, isGuarded, form } = secret;
      if (hidden !== null) notSeen(placeOf(secret), hidden);
      else if (plain > 0)
        found.push({
          severity: 'critical',
          place: placeOf(secret),
          detail: `${plain} of ${looked} values looked at are no hash, no ciphertext and no reference to a vault`,
          apply: 'by-plan',
          first: isPresented(table.name, column.name)
            ? 'The application must take the secret from a vault, and write where it is there.'
            : 'The application must look the secret up by its hash.',
          steps: [],
        });
      else if (unclear > 0)
        notSeen(
          placeOf(secret),
          `${unclear} of ${looked} values are as long as a SHA-256: hashes, or random secrets in the clear, which look the same`,
        );
      else if (looked === 0 && !isGuarded && form === 'clear' && !column.notNull)
        notSeen(placeOf(secret), 'it held no value where it was looked at');
    }
    return found;
  },
};

const weakPasswordHash: Check = {
  id: 'weak-password-hash',
  title: 'Passwords are hashed too fast',
  why: 'A graphics card tries billions of MD5, SHA-1 or SHA-256 guesses a second: whoever copies the table has most of the passwords within a day.',
  inSchema: true,
  async look(subject) {
    const weak = (await secretColumns(subject)).filter(({ isPassword, weak }) => isPassword && weak > 0);
    return weak.map((secret) => ({
      severity: 'high',
      place: placeOf(secret),
      detail: `${secret.weak} of ${secret.looked} values looked at are MD5, SHA-1 or SHA-2`,
      apply: 'application-first',
      first:
        'The application must check bcrypt($wrapped) of the old hash, and replace it by bcrypt, scrypt or argon2 of the password at the next login. The SQL wraps what is there, so that no old hash stays; it takes a quarter of a second a row.',
      steps: wrapSteps(secret, subject.pgcrypto),
    }));
  },
};

/** Nobody knows the passwords: their old hashes are hashed once more, slowly. */
function wrapSteps({ table, column }: SecretColumn, pgcrypto: string | null): Step[] {
  const name = quoteName(column.name);
  const schema = quoteName(pgcrypto ?? 'public');
  return [
    ...(pgcrypto === null ? [['CREATE EXTENSION pgcrypto WITH SCHEMA public']] : []),
    [
      `UPDATE ${table.sql} SET ${name} = ${schema}.crypt(${name}, ${schema}.gen_salt('bf', 12)) WHERE ${name} IS NOT NULL AND ${name} !~ '^(\\$|!|pbkdf2|bcrypt|argon2|scrypt)'`,
    ],
  ];
}

const weakKeyHash: Check = {
  id: 'weak-key-hash',
  title: 'Keys are hashed too short',
  why: 'Two keys with the same MD5 or SHA-1 can be made on purpose, and a column too narrow for a SHA-256 keeps the host from doing better.',
  inSchema: true,
  async look(subject) {
    return (await secretColumns(subject)).flatMap((secret): Found[] => {
      const { table, column, form, isPassword, weak, looked } = secret;
      if (isPassword || form !== 'hashed') return [];
      const width = Number(/^character(?: varying)?\((\d+)\)$/.exec(column.base)?.[1] ?? Number.POSITIVE_INFINITY);
      // 43 digits of base64 are the shortest that hold 256 bits.
      const isNarrow = width < 43;
      if (weak === 0 && !isNarrow) return [];
      return [
        {
          severity: weak > 0 ? 'high' : 'medium',
          place: placeOf(secret),
          detail:
            weak > 0 ? `${weak} of ${looked} values looked at are MD5 or SHA-1` : `${column.type} holds no SHA-256`,
          apply: 'application-first',
          first:
            'The application must hash new keys by SHA-256 and look keys up by both hashes, until the last old one is rotated; the SQL makes room for them.',
          steps: isNarrow ? [[`ALTER TABLE ${table.sql} ALTER COLUMN ${quoteName(column.name)} TYPE TEXT`]] : [],
        },
      ];
    });
  },
};

/** What is a credential wherever it stands. */
const credentials = [
  `v ~ '-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----'`,
  `v ~ '\\m(AKIA|ASIA)[0-9A-Z]{16}\\M'`,
  `v ~ '\\m(ghp|gho|ghs|ghr)_[A-Za-z0-9]{36}\\M'`,
  `v ~ '\\m(sk|rk)_(live|test)_[A-Za-z0-9]{16,}'`,
  `v ~ '\\mxox[abprs]-[0-9A-Za-z-]{20,}'`,
  `v ~* '[a-z][a-z0-9+.-]*://[^/[:space:]:@"]+:[^/[:space:]:@"$*{<]{3,}@'`,
  // In JSON: a key that names a secret, and a value that is neither a word such as "changed" nor masked, a hash or a reference.
  `v ~* '"(password|passwd|pwd|secret|client_?secret|api_?key|private_?key|access_?token|refresh_?token)"\\s*:\\s*"(?![*!$\\[<{]|"|vault:|ref:|sha|scrypt|pbkdf2|argon2|redacted|masked|hidden|x{3,})(?=[^"]*[0-9])[^"]{6,}"'`,
];

const secretsInData: Check = {
  id: 'secrets-in-data',
  title: 'Secrets stand among other data',
  why: 'Logs, notes and JSON are read, exported and kept by people and systems that were never meant to hold these secrets; who finds one can use it.',
  inSchema: true,
  async look(subject, notSeen) {
    const named = new Set((await secretColumns(subject)).map(placeOf));
    const found: Found[] = [];
    for (const table of subject.tables) {
      const columns = table.columns.filter(
        (column) =>
          (isTextual(column) || column.base === 'jsonb' || column.base === 'json') &&
          !/^character(?: varying)?\(\d{1,2}\)$/.test(column.base) &&
          !named.has(`${table.name}.${column.name}`),
      );
      if (columns.length === 0) continue;
      const hidden = await hiddenFrom(
        subject,
        table,
        columns.map(({ name }) => name),
      );
      if (hidden !== null) {
        notSeen(table.name, hidden);
        continue;
      }
      const counts = columns.map(
        ({ name }, place) =>
          `SELECT ${place} AS place, count(*)::INTEGER AS n FROM (SELECT left(${quoteName(name)}::TEXT, 65536) AS v FROM sample) one WHERE ${credentials.join(' OR ')}`,
      );
      const rows = await rowsOf<{ place: number; n: number }>(
        subject.client,
        `WITH sample AS MATERIALIZED (${await sampleSql(subject, table, columns)}) ${counts.join(' UNION ALL ')}`,
      );
      for (const { place, n } of rows.filter((row) => row.n > 0))
        found.push(foundInData(table, columns[place]!.name, n));
    }
    return found;
  },
};

function foundInData(table: Table, column: string, n: number): Found {
  return {
    severity: 'high',
    place: `${table.name}.${column}`,
    detail: `${n} of the rows looked at hold a private key, a known kind of key, a password in a URL, or a JSON value named as a secret`,
    apply: 'by-hand',
    first:
      'Rotate each of these secrets, keep the application from writing them, and blank them out: which rows those are, only who knows the data can say.',
    steps: [],
  };
}

const readableSecrets: Check = {
  id: 'readable-secrets',
  title: 'A view that everybody may read holds a secret column',
  why: 'A view reads with its owner’s rights: who may not read the table reads its secrets, or their hashes, through the view.',
  inSchema: false,
  async look(subject) {
    const secrets = await secretColumns(subject);
    const isSecret = ({ table, column }: ViewedColumn) =>
      secrets.some((secret) => secret.table.oid === table && secret.column.name === column);
    const views = Map.groupBy((await publicViews(subject)).filter(isSecret), ({ place }) => place);
    return [...views].map(([place, columns]) => ({
      severity: 'high',
      place,
      detail: `PUBLIC may select from it, and it reads ${columns.map(({ column }) => column).join(', ')}`,
      apply: 'application-first',
      first: 'Grant it by name to the roles that need it, or take the column out of it.',
      steps: [[`REVOKE SELECT ON ${columns[0]!.view} FROM PUBLIC`]],
    }));
  },
};

interface ViewedColumn {
  view: string;
  place: string;
  table: string;
  column: string;
}

/** Columns of the schema's tables that views read which are granted to everybody. */
function publicViews(subject: Subject): Promise<ViewedColumn[]> {
  return rowsOf(
    subject.client,
    `SELECT DISTINCT format('%I.%I', n.nspname, v.relname) AS view, CASE WHEN n.nspname = $1 THEN v.relname ELSE n.nspname || '.' || v.relname END AS place,
       d.refobjid::TEXT AS table, a.attname AS column
     FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm') JOIN pg_namespace n ON n.oid = v.relnamespace
     JOIN pg_depend d ON d.classid = 'pg_rewrite'::REGCLASS AND d.objid = r.oid AND d.refclassid = 'pg_class'::REGCLASS AND d.refobjsubid > 0
     JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace = to_regnamespace(quote_ident($1))
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
     WHERE EXISTS (SELECT FROM aclexplode(v.relacl) g WHERE g.grantee = 0 AND g.privilege_type = 'SELECT') ORDER BY 2, 4`,
    [subject.schema],
  );
}

export const secretChecks = [plaintextSecrets, weakPasswordHash, weakKeyHash, secretsInData, readableSecrets];
