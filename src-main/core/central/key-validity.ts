import { quoteName, quoteText } from '../quoting.ts';
import { expiryOf } from '../systems/key-columns.ts';
import type { KeyMapping, SystemMapping } from '../systems/system.ts';
import { isOneOf } from './entitlement.ts';
import { organizationOf } from './generate.ts';
import { type HostTable, relationOf } from './host-tables.ts';

/**
 * SQL of `latchkey.key_is_valid(hash, at)`, for the host's own authorization: whether a key whose secret has this hash (SHA-256, lower hex) is
 * accepted at a moment. The end of an overlap is part of it, so that one ends with every device off. Nothing where the host keeps no hash
 * of its keys. Granted to nobody: the host's administrator says whose application may ask.
 */
export function keyValiditySql(system: SystemMapping, tables: HostTable[]): string[] {
  const { keys } = system;
  if (!keys || keys.hash === null || !tables.some(({ name }) => name === keys.table)) return [];
  const end = endOf(keys, tables);
  const conditions = [
    `k.${quoteName(keys.hash)} = p_hash`,
    isLive(keys),
    ...(end === null ? [] : [`(${end} IS NULL OR ${end} > p_at)`]),
  ];
  return [
    `CREATE OR REPLACE FUNCTION latchkey.key_is_valid(p_hash TEXT, p_at TIMESTAMPTZ DEFAULT now()) RETURNS BOOLEAN
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $validity$
BEGIN
  RETURN EXISTS (SELECT FROM ${keysAndBesides(system, keys)} WHERE ${conditions.join(' AND ')});
END
$validity$`,
    'REVOKE ALL ON FUNCTION latchkey.key_is_valid(TEXT, TIMESTAMPTZ) FROM PUBLIC',
  ];
}

/**
 * SQL of what ends keys whose end stands in a sidecar alone: a host that does not look there would accept them for ever.
 * - `latchkey.overdue_keys()`: those that are over and that the host accepts all the same;
 * - `latchkey.end_expired_keys(most)`: revokes them in the host's own column, each with a leaf in its organization's log. A key whose row
 *   somebody holds is left for the next time; one that the host refuses to have revoked is told with the reason.
 * Where no end stands in a sidecar, neither is there.
 */
export function keyUpkeepSql(system: SystemMapping, tables: HostTable[]): string[] {
  const { keys } = system;
  const table = tables.find(({ name }) => name === keys?.table);
  const beside = keys?.beside;
  const id = table?.columns.find(({ name }) => name === keys?.id);
  const end = keys && endOf(keys, tables);
  if (!keys || !table || !id || !beside || beside.expiresAt === null || beside.endedAt === null || end == null)
    return [
      'DROP FUNCTION IF EXISTS latchkey.overdue_keys()',
      'DROP FUNCTION IF EXISTS latchkey.end_expired_keys(INTEGER)',
    ];
  const relation = relationOf(system, table);
  const besides = relationOf(system, { name: beside.table });
  const isZonedIn = (one: HostTable | undefined, column: string) =>
    one?.columns.find(({ name }) => name === column)?.base === 'timestamp with time zone';
  const nowIn = (one: HostTable | undefined, column: string) =>
    isZonedIn(one, column) ? 'now()' : `now() AT TIME ZONE 'UTC'`;
  const sidecar = tables.find(({ name }) => name === beside.table);
  const [word] = keys.status.words.revoked;
  const ended = [
    `${quoteName(keys.status.column)} = ${typeof word === 'boolean' ? String(word).toUpperCase() : quoteText(word!)}`,
    ...(keys.revokedAt === null ? [] : [`${quoteName(keys.revokedAt)} = ${nowIn(table, keys.revokedAt)}`]),
  ];
  const organization = organizationOf(system, system.tables[keys.table]!, 'k');
  return [
    `CREATE OR REPLACE FUNCTION latchkey.overdue_keys() RETURNS TABLE (organization TEXT, key TEXT, expires_at TIMESTAMPTZ)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $expiry$
BEGIN
  RETURN QUERY SELECT ${organization}, k.${quoteName(keys.id)}::TEXT, ${end} FROM ${keysAndBesides(system, keys)}
    WHERE ${end} <= now() AND ${isLive(keys)} ORDER BY 1, 3, 2;
END
$expiry$`,
    `CREATE OR REPLACE FUNCTION latchkey.end_expired_keys(p_most INTEGER DEFAULT 1000)
RETURNS TABLE (organization TEXT, key TEXT, expires_at TIMESTAMPTZ, problem TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $expiry$
DECLARE
  due RECORD;
BEGIN
  -- Of keys that the host deleted.
  DELETE FROM ${besides} b WHERE NOT EXISTS (SELECT FROM ${relation} k WHERE k.${quoteName(keys.id)} = b.${quoteName(beside.key)});
  -- In the order in which pushes lock: the heads first.
  PERFORM FROM latchkey.organization o
    WHERE EXISTS (SELECT FROM latchkey.overdue_keys() d WHERE d.organization IN (o.id, '*')) ORDER BY o.id FOR UPDATE;
  FOR due IN SELECT * FROM latchkey.overdue_keys() LIMIT p_most LOOP
    organization := due.organization; key := due.key; expires_at := due.expires_at; problem := NULL;
    BEGIN
      UPDATE ${relation} t SET ${ended.join(', ')}
        FROM (SELECT k.${quoteName(keys.id)} AS id FROM ${relation} k
              WHERE k.${quoteName(keys.id)} = due.key::${id.type} AND ${isLive(keys)} FOR NO KEY UPDATE SKIP LOCKED) free
        WHERE t.${quoteName(keys.id)} = free.id;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'other work holds its row';
      END IF;
      UPDATE ${besides} b SET ${quoteName(beside.endedAt)} = ${nowIn(sidecar, beside.endedAt)} WHERE b.${quoteName(beside.key)} = due.key::${id.type};
      PERFORM latchkey.log_expired_key(o.id, ${quoteText(keys.table)}, due.key, due.expires_at)
        FROM latchkey.organization o WHERE due.organization IN (o.id, '*');
    EXCEPTION WHEN OTHERS THEN
      problem := SQLERRM;
    END;
    RETURN NEXT;
  END LOOP;
END
$expiry$`,
    'REVOKE ALL ON FUNCTION latchkey.overdue_keys(), latchkey.end_expired_keys(INTEGER) FROM PUBLIC',
  ];
}

/** Keys as `k`, with what stands beside them as `b`. */
function keysAndBesides(system: SystemMapping, { table, id, beside }: KeyMapping): string {
  const keys = `${relationOf(system, { name: table })} k`;
  if (!beside) return keys;
  return `${keys} LEFT JOIN ${relationOf(system, { name: beside.table })} b ON b.${quoteName(beside.key)} = k.${quoteName(id)}`;
}

/** Whether the host's own column lets the key \`k\` in. */
function isLive({ status }: KeyMapping): string {
  return isOneOf(`k.${quoteName(status.column)}`, [...status.words.active, ...status.words.retiring]);
}

/** The moment, with its zone, at which a key ends; null where no key does. */
function endOf(keys: KeyMapping, tables: HostTable[]): string | null {
  const expiry = expiryOf(keys);
  if (expiry === null) return null;
  const column = tables.find(({ name }) => name === expiry.table)?.columns.find(({ name }) => name === expiry.column);
  const end = `${expiry.isBeside ? 'b' : 'k'}.${quoteName(expiry.column)}`;
  return column?.base === 'timestamp with time zone' ? end : `${end} AT TIME ZONE 'UTC'`;
}
