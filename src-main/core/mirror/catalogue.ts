import type { Json } from '../command/intent.ts';

/** A table of the mirror, as central's catalogue describes what this device may see of it. */
export interface MirroredTable {
  name: string;
  /** Columns of the primary key, in order. */
  key: string[];
  columns: MirroredColumn[];
  /** For rows whose organization is their parent's: with the parent they come and go. */
  parent: { column: string; table: string; target: string } | null;
  /** For logs: rows are mirrored until they are so many days old by this column. */
  window: { column: string; days: number } | null;
  /** Central's partitions of the table, each its oid and a digest: it is copied anew when they are others, unless all that came are empty. */
  partitions: string[] | null;
  /** Sets of columns that are unique at central: the write road tests them before central does. */
  unique: string[][];
  references: { column: string; table: string; target: string }[];
  /** Columns that this device's capability may name in INSERT and UPDATE, write-only ones included. */
  insertable: string[];
  updatable: string[];
}

export interface MirroredColumn {
  name: string;
  /** PostgreSQL's own words: `character varying(255)`. */
  type: string;
  storage: Storage;
  /** A type that Latchkey knows nothing of: its values are kept as central prints them, and sort as text. */
  asPrinted?: true;
  nullable: boolean;
  /** Central's default, as an SQL expression; a new row shows it until central's own comes back. */
  default: string | null;
}

/**
 * How a column's values are kept in SQLite: `integer` also beyond 2^53; `boolean` as 0 and 1; `real` with NaN and infinities
 * by name in text; `timestamp` and `timestamptz` as ISO 8601 text with microseconds, the latter in UTC with `Z`; `json` as
 * JSON text (arrays and composites too); `blob` as bytes; `text` as central prints it (numeric exact).
 */
export type Storage = 'text' | 'integer' | 'boolean' | 'real' | 'timestamp' | 'timestamptz' | 'json' | 'blob';

/** A row's key as one text: the value itself for a key of one column, else a JSON array. */
export function keyText(values: readonly Json[]): string {
  return values.length === 1 ? String(values[0]) : JSON.stringify(values.map(String));
}

/** The values of a row's key from its text. */
export function keyValues(table: MirroredTable, text: string): string[] {
  return table.key.length === 1 ? [text] : (JSON.parse(text) as string[]);
}

/** One table of `latchkey.catalogue()`. */
interface CentralTable {
  name: string;
  key: string[];
  parent: { column: string; table: string; target: string } | null;
  references: { column: string; table: string; target: string }[];
  window: { column: string; days: number } | null;
  partitions: string[] | null;
  unique: string[][];
  columns: {
    name: string;
    type: string;
    base: { name: string; kind: string; category: string };
    nullable: boolean;
    default: string | null;
    readable: boolean;
    insertable: boolean;
    updatable: boolean;
  }[];
}

/**
 * Oids of the partitions that came to a table of which nothing else changed, so that its rows stay good where those are empty; null where
 * something else did.
 */
export function addedPartitions(before: MirroredTable, after: MirroredTable): string[] | null {
  if (JSON.stringify({ ...before, partitions: null }) !== JSON.stringify({ ...after, partitions: null })) return null;
  const [had, has] = [before.partitions ?? [], after.partitions ?? []];
  if (!had.every((partition) => has.includes(partition))) return null;
  return has.filter((partition) => !had.includes(partition)).map((partition) => partition.split(' ')[0]!);
}

/** Central's description of what this device may see. A table of which not even the key may be read is not mirrored. */
export function mirroredTables(catalogue: CentralTable[]): MirroredTable[] {
  return catalogue
    .map(mirroredTable)
    .filter((table) => table.key.every((key) => table.columns.some((column) => column.name === key)));
}

function mirroredTable(described: CentralTable): MirroredTable {
  const named = (right: 'readable' | 'insertable' | 'updatable') => described.columns.filter((column) => column[right]);
  return {
    name: described.name,
    key: described.key,
    columns: named('readable').map(({ name, type, base, nullable, default: fallback }) => ({
      name,
      type,
      storage: described.key.includes(name) ? keyStorageOf(base) : storageOf(base),
      ...(isKnown(base) ? {} : { asPrinted: true as const }),
      nullable,
      default: fallback,
    })),
    parent: described.parent,
    window: described.window,
    partitions: described.partitions,
    unique: described.unique,
    references: described.references,
    insertable: named('insertable').map((column) => column.name),
    updatable: named('updatable').map((column) => column.name),
  };
}

const storageByType: Record<string, Storage> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  oid: 'integer',
  bool: 'boolean',
  float4: 'real',
  float8: 'real',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  json: 'json',
  jsonb: 'json',
  bytea: 'blob',
};

/** Types whose text is what people read and what sorts right, or as right as it can. */
const textTypes = new Set([
  'uuid',
  'text',
  'varchar',
  'bpchar',
  'citext',
  'name',
  'char',
  'numeric',
  'date',
  'time',
  'timetz',
  'interval',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
]);

function isKnown(base: { name: string; kind: string; category: string }): boolean {
  return storageOf(base) !== 'text' || base.kind === 'e' || textTypes.has(base.name);
}

/** Columns that are kept as central prints them, for want of anything better. */
export function unknownTypes(tables: Iterable<MirroredTable>): { table: string; column: string; type: string }[] {
  return [...tables].flatMap((table) =>
    table.columns
      .filter(({ asPrinted }) => asPrinted)
      .map(({ name, type }) => ({ table: table.name, column: name, type })),
  );
}

/** A key travels as the text that central takes it from: an array as `{1,2}`, not as JSON. */
function keyStorageOf(base: { name: string; kind: string; category: string }): Storage {
  const storage = storageOf(base);
  return storage === 'json' ? 'text' : storage;
}

function storageOf(base: { name: string; kind: string; category: string }): Storage {
  if (base.name === 'oidvector' || base.name === 'int2vector') return 'text';
  if (base.category === 'A' || ['c', 'r', 'm'].includes(base.kind)) return 'json';
  return storageByType[base.name] ?? 'text';
}
