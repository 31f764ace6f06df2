import { quoteName } from '../../quoting.ts';
import { type Column, isTextual, rowsOf, type Subject, type Table } from './subject.ts';

/** Rows that are taken at each end of a table, and partitions that are read of a partitioned one. */
const rowsPerEnd = 150;
const blocksAtEnd = 4;
const partitionsRead = 2;

/**
 * What a value looks like. The server itself tells, and answers with numbers alone: no value that may be a secret leaves it.
 *
 * - `blank`: nothing, or a mark that no secret matches, such as `!`
 * - `reference`: where a vault keeps it
 * - `sealed`: an envelope of a known kind of encryption, or bytes
 * - `slow-hash`: made for passwords; `weak-hash`: named as MD5 or SHA-1; `digest`: named as SHA-2 or better
 * - `bare-digest`: as many digits as a SHA-256 or better has; `short-digest`: as an MD5 or a SHA-1 has. A random token may look the same
 * - `token`: what keys and tokens are issued as, such as `sk_live_…` and JSON web tokens
 * - `private-key`, `readable` (under 16 characters, or of several words), `short` (under 22, which no ciphertext is), `opaque` (anything else)
 */
export type Form =
  | 'blank'
  | 'reference'
  | 'sealed'
  | 'slow-hash'
  | 'weak-hash'
  | 'digest'
  | 'bare-digest'
  | 'short-digest'
  | 'token'
  | 'private-key'
  | 'readable'
  | 'short'
  | 'opaque';

export type Forms = Partial<Record<Form, number>>;

/**
 * A `CASE` that says of which form a text is. With few regular expressions, each of many alternatives: PostgreSQL keeps 32 of them
 * compiled, and with more it compiles all of them for each value (0.7 s for some 2,000 values, rather than 0.06 s).
 */
export function formOf(value: string): string {
  const anyCase = (...patterns: string[]) => `v ~* '${patterns.join('|')}'`;
  const exactly = (...patterns: string[]) => `v ~ '${patterns.join('|')}'`;
  const kinds: [Form, string][] = [
    [
      'blank',
      anyCase('^[[:space:]]*$', '^[-!*x•.]+$', '^!', '^(redacted|removed|none|null|unset|disabled|n/a|\\[.*\\])$'),
    ],
    [
      'private-key',
      `${exactly('-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----', '^\\\\x30(8[12])?[0-9a-f]{2,4}0201')} AND v !~ 'ENCRYPTED'`,
    ],
    [
      'reference',
      `${anyCase(
        '^(vault|secret|secrets|ref|env|kms|op|k8s|keyring|hsm|pkcs11|tpm|aws-sm|gcp-sm|akv|ssm|cyberark|conjur|infisical|doppler)(:|://)',
        '^arn:aws[a-z-]*:(secretsmanager|kms|ssm):',
        '^projects/[^/]+/(secrets|locations)/',
        '^https://[^/]+\\.vault\\.azure\\.net/',
        '^(\\$\\{[^}]+\\}|\\{\\{[^}]+\\}\\})$',
      )} OR ${exactly('^\\$[A-Z_][A-Z0-9_]+$')}`,
    ],
    [
      'sealed',
      `${exactly(
        '^gAAAA[A-Za-z0-9_-]{40,}={0,2}$',
        '^-----BEGIN (PGP MESSAGE|ENCRYPTED PRIVATE KEY|AGE ENCRYPTED FILE)-----',
        'Proc-Type: 4,ENCRYPTED',
        '^\\$ANSIBLE_VAULT;',
        '^eyJ[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]*\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$',
        '^\\\\x',
      )} OR ${anyCase(
        '^(enc|encrypted|sealed|cipher|aes(-?(128|256))?(-?(gcm|cbc|ctr))?|xchacha20|chacha20|secretbox|pgp|jwe|v[0-9]+)[:.(\\[|]',
        '^\\{(cipher|aes)[^}]*\\}',
      )}`,
    ],
    ['weak-hash', anyCase('^(\\$(1|apr1|md5|sha1)\\$|\\{s?(md5|sha)\\}|md5[0-9a-f]{32}$|(md5|sha1|sha-1)[:$])')],
    [
      'slow-hash',
      `${exactly(
        '^\\$(2[abxy]?|5|6|7|y|gy|argon2(id|i|d)|scrypt|s0|pbkdf2[a-z0-9-]*|bcrypt-sha256)\\$',
        '^(pbkdf2|bcrypt|argon2|scrypt)[a-z0-9_-]*[$:]',
        '^SCRAM-SHA-(256|512)\\$',
        '^AQAAAA[A-Za-z0-9+/]{70,}={0,2}$',
      )} OR ${anyCase('^\\{(crypt|blf-crypt|argon2[id]*|pbkdf2[a-z0-9-]*|ssha256|ssha512|bcrypt)\\}')}`,
    ],
    ['digest', anyCase('^(hmac-?)?(sha(-?[23])?-?(224|256|384|512)|sha3-(256|384|512)|blake2[bs]?|blake3)[:$}=-]')],
    [
      'token',
      exactly(
        '^eyJ[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]*$',
        '^[A-Za-z][A-Za-z0-9]{1,9}_([A-Za-z]{2,8}_)?[A-Za-z0-9]{12,}$',
        '^(AKIA|ASIA)[0-9A-Z]{16}$',
        '^(xox[abprs]|glpat|SG)[-.][A-Za-z0-9._-]{12,}$',
      ),
    ],
    [
      'bare-digest',
      exactly(
        '^([0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})$',
        '^([A-Za-z0-9+/_-]{43}=?|[A-Za-z0-9+/_-]{86}(==)?)$',
      ),
    ],
    ['short-digest', exactly('^([0-9a-fA-F]{32}|[0-9a-fA-F]{40})$')],
    ['readable', `length(v) < 16 OR v ~ '[[:space:]]'`],
    ['short', `length(v) < 22 AND v !~ '^[0-9a-fA-F]+$'`],
  ];
  const cases = kinds.map(([form, condition]) => `WHEN ${condition} THEN '${form}'`).join('\n');
  return `(SELECT CASE ${cases} ELSE 'opaque' END FROM (SELECT ${value} AS v) one WHERE v IS NOT NULL)`;
}

/** A column's value as text: of bytes what they spell if all of them can be read. */
function textOf(column: Column): string {
  const name = quoteName(column.name);
  if (column.base === 'bytea')
    return `CASE WHEN encode(substring(${name} FROM 1 FOR 4096), 'escape') ~ '\\\\[0-7]{3}' THEN '\\x' || encode(substring(${name} FROM 1 FOR 64), 'hex') ELSE encode(substring(${name} FROM 1 FOR 4096), 'escape') END`;
  if (column.base.endsWith('[]')) return `(${name})[1]::TEXT`;
  return `left(${name}::TEXT, 4096)`;
}

/** Whether a secret may stand in a column of that type, for a few hundred values to be looked at. */
export function canHoldSecret(column: Column): boolean {
  return isTextual(column) || column.base === 'bytea' || /^(text|character varying).*\[\]$/.test(column.base);
}

/**
 * Per column how many of a few hundred rows hold values of which form: of both ends of the table, old rows and new ones. Without a scan,
 * however large it is.
 */
export async function formsOf(subject: Subject, table: Table, columns: Column[]): Promise<Map<string, Forms>> {
  const values = columns.map((column, place) => `${textOf(column)} AS c${place}`).join(', ');
  const counted = columns.map(
    (_column, place) =>
      `SELECT ${place} AS place, form, count(*)::INTEGER AS n FROM (SELECT ${formOf(`c${place}`)} AS form FROM sample) f WHERE form IS NOT NULL GROUP BY form`,
  );
  const rows = await rowsOf<{ place: number; form: Form; n: number }>(
    subject.client,
    `WITH sample AS MATERIALIZED (SELECT ${values} FROM (${await sampleSql(subject, table, columns)}) rows) ${counted.join(' UNION ALL ')}`,
  );
  const found = new Map<string, Forms>(columns.map(({ name }) => [name, {}]));
  for (const { place, form, n } of rows) found.get(columns[place]!.name)![form] = n;
  return found;
}

/** Those columns of a few hundred rows of a table, as a query. */
export async function sampleSql(subject: Subject, table: Table, columns: Column[]): Promise<string> {
  const names = columns.map(({ name }) => quoteName(name)).join(', ');
  const parts: string[] = [];
  for (const { oid, sql } of storedParts(subject, table)) {
    const [size] = await rowsOf<{ blocks: number }>(
      subject.client,
      `SELECT (pg_relation_size(${oid}::REGCLASS) / current_setting('block_size')::BIGINT)::FLOAT8 AS blocks`,
    );
    // New rows mostly are at the end: from there the last ones, and before it the first ones.
    const end = Math.max(0, (size?.blocks ?? 0) - blocksAtEnd);
    if (end > 0) parts.push(`(SELECT ${names} FROM ONLY ${sql} WHERE ctid < '(${end},0)'::TID LIMIT ${rowsPerEnd})`);
    const limit = end === 0 ? rowsPerEnd * 2 : rowsPerEnd;
    parts.push(`(SELECT ${names} FROM ONLY ${sql} WHERE ctid >= '(${end},0)'::TID ORDER BY ctid DESC LIMIT ${limit})`);
  }
  return parts.length > 0 ? parts.join(' UNION ALL ') : `SELECT ${names} FROM ${table.sql} LIMIT 0`;
}

/** What holds the rows: the table itself, or the newest of its partitions that have any. */
function storedParts({ relations }: Subject, table: Table): Table[] {
  if (!table.isPartitioned) return [table];
  const leaves: Table[] = [];
  const collect = (parent: string) => {
    for (const part of relations.filter(({ partitionOf }) => partitionOf === parent))
      part.isPartitioned ? collect(part.name) : leaves.push(part);
  };
  collect(table.name);
  return leaves.toSorted((a, b) => b.rows - a.rows || b.name.localeCompare(a.name)).slice(0, partitionsRead);
}

/** Why rows of a table cannot be judged by this login; null where they can. */
export async function hiddenFrom(subject: Subject, table: Table, columns: string[]): Promise<string | null> {
  const parts = [table, ...storedParts(subject, table)];
  const [may] = await rowsOf<{ read: boolean; filtered: boolean }>(
    subject.client,
    `SELECT has_schema_privilege($1, 'USAGE') AND (SELECT bool_and(has_column_privilege(p.oid::OID, c.name, 'SELECT')) FROM unnest($2::TEXT[]) p (oid), unnest($3::TEXT[]) c (name)) AS read,
       (SELECT bool_or(row_security_active(p.oid::OID)) FROM unnest($2::TEXT[]) p (oid)) AS filtered`,
    [subject.schema, parts.map(({ oid }) => oid), columns],
  );
  if (!may?.read) return 'this login may not read it';
  if (may.filtered) return 'row-level security hides rows from this login';
  return null;
}
