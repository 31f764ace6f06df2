/** A value as JSON holds it; integers beyond 2^53 and exact decimals as text. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A change of one row that an operator wants. */
export interface RowChange {
  table: string;
  /** Values of the primary key, in the table's key order. */
  key: Json[];
  op: 'insert' | 'update';
  /** New values by column. Values of write-only columns are sent and never kept in the mirror's rows. */
  set: { [column: string]: Json };
  /**
   * Moments that count from when central accepts, in seconds, and never beyond what the column holds then: the end of an
   * overlap. The mirror shows an estimate from this device's clock until then.
   */
  fromAcceptance?: { [column: string]: number };
}

/** What a feature decided: one atomic unit of work, not yet written anywhere. */
export interface Intent {
  /** `noun.verb`, which is also the audit entry's action: `person.deactivate`. */
  name: string;
  /** One sentence in the past tense: `Deactivated Zoë Lindqvist`. */
  summary: string;
  reason?: string;
  subject: { table: string; key: Json[] };
  changes: RowChange[];
  /** What stands in the rows is written over unseen, and told to nobody. */
  erases?: true;
}
