import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { parse } from 'pg-connection-string';
import { z } from 'zod';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName, quoteText } from '../quoting.ts';
import { knownSystem } from '../systems/index.ts';
import { mappingFile } from '../systems/mapping-file.ts';
import type { SystemMapping } from '../systems/system.ts';
import { isLoopback } from './connection.ts';
import { operatorSql, presentRoleSql } from './entitlement.ts';
import { readerRole } from './generate.ts';
import { installError } from './own-objects.ts';
import { newPassword, scramVerifier } from './scram.ts';

const validHours = 72;

export interface EnrollRequest {
  /** How devices reach central: `postgres://host:port/database`. */
  url: string;
  /** An organization by id or name; the only one where none is named. */
  organization: string | undefined;
  /** The operator by email address. */
  operator: string;
  device: string;
  role: 'admin' | 'operator' | 'auditor';
  /** PEM of the CA that signs central's certificate; needed wherever central is not on loopback, unless a public CA signs it. */
  tlsCa?: string;
  now?: Date;
}

/** The file that lets one device join, once, until it expires. */
export const enrollmentFile = z.strictObject({
  format: z.literal('latchkey-enrollment/1'),
  central: z.strictObject({
    host: z.string().min(1).max(255),
    port: z.number().int().min(1).max(65_535),
    database: z.string().min(1).max(63),
    tls: z.discriminatedUnion('mode', [
      z.strictObject({ mode: z.literal('verify-full'), ca: z.string().max(131_072).nullable() }),
      z.strictObject({ mode: z.literal('plain') }),
    ]),
  }),
  organization: z.strictObject({ id: z.string().min(1), name: z.string() }),
  system: z.string().min(1).max(100),
  /** Of a system that no version of Latchkey brings. */
  mapping: mappingFile.optional(),
  device: z.strictObject({ id: z.string().min(1).max(100), name: z.string().min(1).max(200) }),
  operator: z.strictObject({ id: z.string().min(1), email: z.string() }),
  login: z.string().min(1).max(63),
  password: z.string().min(20).max(200),
  expires_at: z.iso.datetime(),
  checksum: z.string().length(64),
});
export type EnrollmentFile = z.infer<typeof enrollmentFile>;

/** SHA-256 over everything else in the file: a damaged copy is told from a wrong one. */
export function enrollmentChecksum(file: Omit<EnrollmentFile, 'checksum'>): string {
  const { format, central, organization, system, mapping, device, operator, login, password, expires_at } = file;
  const body = JSON.stringify([
    format,
    [
      central.host,
      central.port,
      central.database,
      central.tls.mode,
      central.tls.mode === 'plain' ? null : central.tls.ca,
    ],
    [organization.id, organization.name],
    system,
    [device.id, device.name],
    [operator.id, operator.email],
    login,
    password,
    expires_at,
    ...(mapping ? [mapping] : []),
  ]);
  return createHash('sha256').update(body).digest('hex');
}

/**
 * Makes a login of its own for a device, and the enrollment file that lets it join once within 72 hours.
 * @throws LatchkeyError `not-found` for an organization or operator, `insufficient-privilege`, `central-not-latchkey`
 */
export async function enroll(client: pg.Client, request: EnrollRequest): Promise<{ file: string; deviceId: string }> {
  const system = await installedSystem(client);
  const central = addressOf(request);
  await client.query('BEGIN');
  try {
    const organization = await findOrganization(client, system, request.organization);
    const { role: operatorRole, ...operator } = await findOperator(client, system, organization.id, request.operator);
    const expires = new Date((request.now ?? new Date()).getTime() + validHours * 3_600_000);
    const login = `latchkey_d_${randomBytes(8).toString('hex')}`;
    const password = newPassword();
    await client.query('INSERT INTO latchkey.organization (id) VALUES ($1) ON CONFLICT (id) DO NOTHING', [
      organization.id,
    ]);
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO latchkey.device (id, login, organization, operator, operator_role, name, capability, enrollment_expires_at)
       VALUES ('d' || nextval('latchkey.device_number'), $1, $2, $3, $4, $5, $6, $7) RETURNING id`,
      [login, organization.id, operator.id, operatorRole, request.device, request.role, expires.toISOString()],
    );
    await client.query(
      `CREATE ROLE ${quoteName(login)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS CONNECTION LIMIT 8 PASSWORD ${quoteText(scramVerifier(password))}`,
    );
    await client.query(`GRANT latchkey_device, ${readerRole(request.role)} TO ${quoteName(login)}`);
    // Whoever enrolls can end the device's sessions when it is revoked; a superuser can without.
    await client.query(
      `DO $$ BEGIN IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN EXECUTE format('GRANT %I TO %I', ${quoteText(login)}, CURRENT_USER); END IF; END $$`,
    );
    const { rows: database } = await client.query<{ name: string }>('SELECT current_database() AS name');
    await client.query(`GRANT CONNECT ON DATABASE ${quoteName(database[0]!.name)} TO ${quoteName(login)}`);
    await client.query('COMMIT');
    const deviceId = rows[0]!.id;
    const body = {
      format: 'latchkey-enrollment/1' as const,
      central,
      organization,
      system: system.name,
      ...(knownSystem(system.name) ? {} : { mapping: mappingFile.parse(system) }),
      device: { id: deviceId, name: request.device },
      operator,
      login,
      password,
      expires_at: expires.toISOString(),
    };
    return { file: `${JSON.stringify({ ...body, checksum: enrollmentChecksum(body) }, null, 2)}\n`, deviceId };
  } catch (error) {
    await client.query('ROLLBACK');
    throw installError(error);
  }
}

/**
 * Changes what a device may do and read. Its mirror follows at its next sync: what it may read no more is removed there.
 * Also confirms its operator in the role that they have now.
 */
export async function setDeviceRole(
  client: pg.Client,
  device: string,
  role: EnrollRequest['role'],
): Promise<{ device: string; name: string; role: string }> {
  const system = await installedSystem(client);
  await client.query('BEGIN');
  try {
    const { id, name, login, operator, capability } = await findDevice(client, device);
    const { rows: present } = await client.query<{ role: string | null }>(presentRoleSql(system), [operator]);
    await client.query('UPDATE latchkey.device SET capability = $2, operator_role = $3 WHERE id = $1', [
      id,
      role,
      present[0]?.role ?? null,
    ]);
    if (capability !== role)
      await client.query(
        `REVOKE ${readerRole(capability)} FROM ${quoteName(login)}; GRANT ${readerRole(role)} TO ${quoteName(login)}`,
      );
    await client.query('COMMIT');
    return { device: id, name, role };
  } catch (error) {
    await client.query('ROLLBACK');
    throw installError(error);
  }
}

/**
 * The device can log in no more, its sessions end, its pushes are refused. Named by id or by name where that is unique.
 * The login goes first, and its sessions with it: one that holds its own rows locked must not be able to hold off its revocation.
 */
export async function revokeDevice(client: pg.Client, device: string): Promise<{ device: string; name: string }> {
  await installedSystem(client);
  try {
    const { id, name, login } = await findDevice(client, device);
    await endLogin(client, login);
    await client.query(
      `WITH revoked AS (UPDATE latchkey.device SET state = 'revoked', revoked_at = now() WHERE id = $1 RETURNING organization, id, joined_at)
       SELECT latchkey.log_of_central(organization, jsonb_build_object('act', 'device.revoke', 'obj', jsonb_build_object('t', 'latchkey.device', 'id', id)))
       FROM revoked WHERE joined_at IS NOT NULL`,
      [id],
    );
    return { device: id, name };
  } catch (error) {
    throw installError(error);
  }
}

async function endLogin(client: pg.Client, login: string): Promise<void> {
  const endSessions = () =>
    client.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1', [login]);
  const { rows } = await client.query<{ lock_timeout: string }>('SHOW lock_timeout');
  await client.query(`SET lock_timeout = '1s'`);
  try {
    for (let attempt = 1; ; attempt++) {
      await endSessions();
      try {
        await client.query(`ALTER ROLE ${quoteName(login)} NOLOGIN PASSWORD NULL`);
        break;
      } catch (error) {
        // It logged in once more and holds its role: a change of its own password, not committed.
        if ((error as { code?: string }).code !== '55P03' || attempt === 10) throw error;
      }
    }
    // One may have slipped in before the login was gone.
    await endSessions();
  } finally {
    await client.query(`SELECT set_config('lock_timeout', $1, FALSE)`, [rows[0]!.lock_timeout]);
  }
}

interface KnownDevice {
  id: string;
  name: string;
  login: string;
  operator: string;
  capability: EnrollRequest['role'];
}

/** By id, or by name where that is unique. Takes no lock: a device that holds its own row must not hold off what is done to it. */
async function findDevice(client: pg.Client, device: string): Promise<KnownDevice> {
  const { rows } = await client.query<KnownDevice>(
    `SELECT id, name, login, operator, capability FROM latchkey.device WHERE (id = $1 OR name = $1) AND state <> 'revoked'`,
    [device],
  );
  const [found] = rows;
  if (!found)
    throw new LatchkeyError(
      'not-found',
      `There is no device “${device}” that is not revoked already. Nothing was changed.`,
    );
  if (rows.length > 1)
    throw new LatchkeyError(
      'ambiguous',
      `Several devices are called “${device}”: ${rows.map((row) => row.id).join(', ')}. Name one by id.`,
    );
  return found;
}

export async function installedSystem(client: pg.Client): Promise<SystemMapping> {
  try {
    const { rows } = await client.query<{ mapping: SystemMapping | string }>(
      'SELECT mapping FROM latchkey.installation',
    );
    const mapping = rows[0]!.mapping;
    return typeof mapping === 'string' ? JSON.parse(mapping) : mapping;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === '42P01' || code === '3F000') {
      throw new LatchkeyError(
        'central-not-latchkey',
        'Latchkey is not installed in this database. Run `latchkey central install` first. Nothing was changed.',
      );
    }
    throw installError(error);
  }
}

/**
 * By id, or by name where that is unique; the only one where none is named.
 * @throws LatchkeyError `not-found`, `ambiguous`
 */
export async function findOrganization(
  client: pg.Client,
  system: SystemMapping,
  named: string | undefined,
): Promise<{ id: string; name: string }> {
  const { rows } = await client.query<{ id: string; name: string }>(
    `SELECT id, name FROM (${organizationsSql(system)}) o WHERE $1::TEXT IS NULL OR id = $1 OR name = $1 LIMIT 11`,
    [named ?? null],
  );
  const [found] = rows;
  if (found && rows.length === 1) return found;
  if (found)
    throw new LatchkeyError(
      'ambiguous',
      `Several organizations could be meant. Nothing was changed. Name one by its id: ${rows
        .slice(0, 10)
        .map(({ id, name }) => `${name} (${id})`)
        .join(', ')}${rows.length > 10 ? ', …' : ''}.`,
      { field: 'organization' },
    );
  throw new LatchkeyError(
    'not-found',
    named === undefined
      ? 'There is no organization yet. Nothing was changed.'
      : `There is no organization “${named}”. Nothing was changed.`,
    { field: 'organization' },
  );
}

/** All organizations as `id` and `name`. */
export function organizationsSql({ organization, schema }: SystemMapping): string {
  if (organization === null)
    return 'SELECT organization::TEXT AS id, organization_name AS name FROM latchkey.installation';
  const { table, id, name } = organization;
  return `SELECT ${quoteName(id)}::TEXT AS id, ${quoteName(name)}::TEXT AS name FROM ${quoteName(schema)}.${quoteName(table)}`;
}

async function findOperator(
  client: pg.Client,
  system: SystemMapping,
  organization: string,
  named: string,
): Promise<{ id: string; email: string; role: string | null }> {
  const { rows } = await client.query<{ id: string; email: string; role: string | null }>(operatorSql(system), [
    named,
    organization,
  ]);
  if (!rows[0]) {
    throw new LatchkeyError(
      'not-found',
      `There is no active person with the email address “${named}” in this organization. Nothing was changed.${membershipHint(system)}`,
      { field: 'operator' },
    );
  }
  return rows[0];
}

/** Where Latchkey's own table says who belongs to whom, it may not say so yet. */
function membershipHint({ tables, people }: SystemMapping): string {
  const { tenancy } = tables[people.table]!;
  if (tenancy.class !== 'path' || !tables[tenancy.parent]?.sidecar) return '';
  return ` Somebody belongs to an organization once that is stated: latchkey central membership add.`;
}

function addressOf(request: EnrollRequest): EnrollmentFile['central'] {
  const parsed = parse(request.url);
  const host = parsed.host ?? 'localhost';
  if (!parsed.database)
    throw new LatchkeyError('invalid-input', 'The URL of central must name a database.', { field: 'url' });
  return {
    host,
    port: Number(parsed.port ?? 5432),
    database: parsed.database,
    tls:
      request.tlsCa === undefined && isLoopback(host)
        ? { mode: 'plain' }
        : { mode: 'verify-full', ca: request.tlsCa ?? null },
  };
}
