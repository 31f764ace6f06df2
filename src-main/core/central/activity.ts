import { quoteName, quoteText } from '../quoting.ts';
import type { SystemMapping } from '../systems/system.ts';
import { type HostTable, relationOf } from './host-tables.ts';

/**
 * SQL of `latchkey.project_activity`: the host's own audit table goes on telling the whole story, one row per applied command, in the
 * same transaction. Answers the table and the SHA-256 of what was told as it is stored there, which the log keeps. `data` is `{"latchkey": {…}}`. Tells nobody where the host keeps no such table.
 */
export function activitySql(system: SystemMapping, tables: HostTable[]): string[] {
  const { activity } = system;
  const table = tables.find(({ name }) => name === activity?.table);
  return [
    `CREATE OR REPLACE FUNCTION latchkey.project_activity(p_device latchkey.device, p_name TEXT, p_data JSONB) RETURNS JSONB
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $activity$
DECLARE
  subject JSONB := p_data #> '{latchkey,subject}';
  subject_change JSONB := (SELECT change FROM jsonb_array_elements(p_data #> '{latchkey,changes}') AS change
    WHERE change ->> 'table' = subject ->> 'table' AND change ->> 'key' = subject ->> 'key' LIMIT 1);
  told TEXT;
BEGIN
  ${activity && table ? insertSql(system, table) : 'RETURN NULL;'}
END
$activity$`,
    'REVOKE ALL ON FUNCTION latchkey.project_activity(latchkey.device, TEXT, JSONB) FROM PUBLIC',
    `CREATE OR REPLACE FUNCTION latchkey.redact_activity(p_organization TEXT, p_commands UUID[], p_names TEXT[]) RETURNS JSONB
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $activity$
DECLARE
  told JSONB := '[]';
BEGIN
  ${activity && table ? redactSql(system, table) : ''}
  RETURN told;
END
$activity$`,
    'REVOKE ALL ON FUNCTION latchkey.redact_activity(TEXT, UUID[], TEXT[]) FROM PUBLIC',
  ];
}

function insertSql(system: SystemMapping, table: HostTable): string {
  const { actor, organization, action, data, subject, before } = system.activity!;
  const values: Record<string, string> = {
    [actor]: 'to_jsonb(p_device.operator)',
    ...(organization === null ? {} : { [organization]: 'to_jsonb(p_device.organization)' }),
    [action]: 'to_jsonb(p_name)',
    [data]:
      before === null
        ? 'p_data'
        : before === data
          ? `jsonb_build_object('before', subject_change -> 'before', 'after', subject_change -> 'after') || p_data`
          : `CASE jsonb_typeof(subject_change -> 'after') WHEN 'object' THEN subject_change -> 'after' ELSE '{}' END || p_data`,
    ...(before === null || before === data ? {} : { [before]: `nullif(subject_change -> 'before', 'null')` }),
    ...(subject === null ? {} : { [subject.type]: `subject -> 'table'`, [subject.id]: idOf(table, subject.id) }),
  };
  const columns = Object.keys(values).map(quoteName);
  const relation = relationOf(system, table);
  return `INSERT INTO ${relation} (${columns.join(', ')})
    SELECT ${columns.map((column) => `p.${column}`).join(', ')} FROM jsonb_populate_record(NULL::${relation}, jsonb_build_object(
      ${Object.entries(values)
        .map(([column, value]) => `${quoteText(column)}, ${value}`)
        .join(',\n      ')})) p
    RETURNING ${toldSql(system)} INTO told;
  RETURN jsonb_build_object('t', ${quoteText(table.name)}, 'h', encode(sha256(convert_to(told, 'UTF8')), 'hex'));`;
}

/** The columns by which the host's audit table tells what was changed. */
export function toldColumns({ activity }: SystemMapping): string[] {
  return [...new Set([activity?.data, activity?.before])].filter((column) => column != null);
}

/** What such a row tells, as the text whose hash the log keeps. */
function toldSql(system: SystemMapping): string {
  return `concat_ws(E'\\n', ${toldColumns(system)
    .map((column) => `${quoteName(column)}::TEXT`)
    .join(', ')})`;
}

/**
 * SQL of `latchkey.redact_activity`'s work: of rows that Latchkey wrote for these commands, or that name somebody, what is left is that there was
 * a command. The host's own rows stay as they are. `told` is [[command, hash of what the row tells now]].
 */
function redactSql(system: SystemMapping, table: HostTable): string {
  const { organization, data, before } = system.activity!;
  const whole = `t.${quoteName(data)}::JSONB`;
  const type = table.columns.find(({ name }) => name === data)!.type;
  const ours = `(${whole} -> 'latchkey')`;
  return `WITH redacted AS (
    UPDATE ${relationOf(system, table)} t SET ${quoteName(data)} = jsonb_build_object('latchkey', ${ours} || jsonb_build_object('changes', '[]'::JSONB, 'reason', NULL, 'erased', TRUE)
        || CASE WHEN latchkey.mentions(${ours} ->> 'device', p_names) THEN '{"device": null}' ELSE '{}' END::JSONB)::TEXT::${type}${
          before === null || before === data ? '' : `, ${quoteName(before)} = NULL`
        }
    WHERE ${organization === null ? '' : `t.${quoteName(organization)}::TEXT = p_organization AND `}t.${quoteName(data)}::TEXT LIKE '%"latchkey"%' AND jsonb_typeof(${whole} #> '{latchkey,command}') = 'string'
      AND (${whole} #>> '{latchkey,command}' = ANY (p_commands::TEXT[]) OR latchkey.mentions(${whole}::TEXT, p_names))
    RETURNING ${whole} #>> '{latchkey,command}' AS command, ${toldSql(system)} AS told
  )
  SELECT coalesce(jsonb_agg(jsonb_build_array(r.command, encode(sha256(convert_to(r.told, 'UTF8')), 'hex')) ORDER BY r.command), '[]') INTO told FROM redacted r;`;
}

/** What a row is known by, where it fits: of a key of several columns no uuid can be made. */
function idOf({ columns }: HostTable, column: string): string {
  const type = columns.find(({ name }) => name === column)?.base;
  return type === 'uuid'
    ? `CASE WHEN latchkey.is_uuid(subject ->> 'key') THEN subject -> 'key' END`
    : `subject -> 'key'`;
}
