import { z } from 'zod';
import { command, query } from './call.ts';
import { listOf, page, searchText } from './values.ts';

const tableName = z.string().min(1).max(200);

export const tableInfo = z.object({
  name: z.string(),
  rows: z.number().int(),
  columns: z.array(z.object({ name: z.string(), type: z.string(), nullable: z.boolean(), key: z.boolean() })),
});
export type TableInfo = z.infer<typeof tableInfo>;

/** A table whose rows here and at central differ, and where. */
export const tableDifference = z.object({
  table: z.string(),
  rowsHere: z.number().int(),
  rowsCentral: z.number().int(),
  equal: z.boolean(),
  /** It differed and was replaced by what central has. */
  repaired: z.boolean(),
  /** Up to 100 keys that are missing here, only here, or unequal. */
  differences: z.array(z.object({ key: z.string(), kind: z.enum(['missing', 'extra', 'different']) })),
});

export const dataCalls = {
  'data.tables': query('unlocked', z.strictObject({}), listOf(tableInfo)),
  'data.list': query(
    'unlocked',
    z.strictObject({ table: tableName, search: searchText.optional(), ...page }),
    z.object({
      items: z.array(z.record(z.string(), z.unknown())),
      total: z.number().int(),
      columns: z.array(z.string()),
    }),
  ),
  /** Answers when every row of the mirror can be found by its words: full text is built behind a first copy. */
  'mirror.index': query('unlocked', z.strictObject({}), z.strictObject({})),
  /**
   * Compares every mirrored row with central in one snapshot. With `repair` a table that differs is replaced by what central has, and
   * the log says so; `equal` tells what was found before.
   */
  'mirror.check': command(
    'unlocked',
    z.strictObject({ repair: z.boolean().default(false) }),
    z.object({ equal: z.boolean(), tables: z.array(tableDifference) }),
  ),
};
