import { sql } from 'kysely';
import { quoteName } from '../quoting.ts';
import { query, type ReadableMirror } from './readable.ts';
import { blockBits, textTermsName, wholeMark, wholeWordStart } from './text-index.ts';

/** As a condition of FTS5: nothing that a person types is ever more than text in it. */
export type TextCondition = string;

/**
 * All words of a search, in any order: each as it is written, its parts next to each other (`10.0.0.7`, `billing-export`), upper
 * or lower case, with or without diacritics. The last one may go on where it ends in letters (`rot` finds `rotate`, `10.0.0.1` not
 * `10.0.0.17`), and any that ends in `*`. A single letter stands for itself. Null where there is no letter and no digit to look for.
 */
export function wordsCondition(mirror: ReadableMirror, table: string, search: string): TextCondition | null {
  const words = searchWords(search);
  if (words.length === 0) return null;
  const terms = words.map((word, place) =>
    mayGoOn(word, place === words.length - 1) ? startingWith(mirror, table, word) : quoted(word),
  );
  return terms.join(' AND ');
}

function mayGoOn(word: string, isLast: boolean): boolean {
  if (word.endsWith('*')) return /([\p{L}\p{N}]\p{M}*){2}\*$/u.test(word);
  return isLast && /[\p{L}\p{N}]\p{M}*\p{L}\p{M}*$/u.test(word);
}

/** The words of a search; marks that stand alone are none. */
export function searchWords(search: string): string[] {
  return search
    .replaceAll(wholeMark, ' ')
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
}

/** Beyond so many words that begin alike they are rare ones, and SQLite's own way to gather them is the faster. */
const mostTerms = 32;

/**
 * SQLite gathers every row of a prefix before it tells of one: 35 ms for three quarters of a million. The words that begin so,
 * named one by one, are read as far as they are needed.
 */
function startingWith(mirror: ReadableMirror, table: string, word: string): TextCondition {
  const native = `${quoted(word)} *`;
  const parts = /^(?<before>.*(?<![\p{L}\p{N}\p{M}\p{Co}])|)(?<start>[a-z0-9]+)\*?$/iu.exec(word)?.groups;
  // Only what is plain letters and digits stands in the index as it is typed.
  if (!parts?.start) return native;
  const start = parts.start.toLowerCase();
  const next = mirror.database
    .prepare(`SELECT term FROM ${quoteName(textTermsName(table))} WHERE term >= ? AND term <= ? LIMIT 1`)
    .pluck();
  const terms: string[] = [];
  for (let from = start; terms.length <= mostTerms; from = `${terms.at(-1)}\u{1}`) {
    const term = next.get(from, `${start}\u{10FFFF}`) as string | undefined;
    if (term === undefined) break;
    terms.push(term);
  }
  if (terms.length === 0 || terms.length > mostTerms) return native;
  return `(${terms.map((term) => quoted(parts.before + term)).join(' OR ')})`;
}

/** Any of these texts as a run of words. Null where one has no word: the index cannot tell. */
export function anyPhrase(texts: readonly string[]): TextCondition | null {
  if (texts.length === 0 || texts.some((text) => searchWords(text).length === 0 || text.includes(wholeMark)))
    return null;
  return texts.map(quoted).join(' OR ');
}

/** Any of these values in a column that the mapping calls `whole`; exactly. */
export function anyWhole(column: string, values: readonly string[]): TextCondition {
  const words = values.map((value) => quoted(wholeWordStart(column) + Buffer.from(value, 'utf8').toString('hex')));
  // Of no value there is no row; a condition of nothing would be an error.
  return words.length === 0 ? quoted(`${wholeMark}none`) : words.join(' OR ');
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Whether the full-text index of a table tells of all its rows. */
export function isTextIndexed(mirror: ReadableMirror, table: string): boolean {
  return (
    mirror.first(
      query
        .selectFrom('latchkey_text')
        .select('table_name')
        .where('table_name', '=', table)
        .where('indexed', '=', sql<number>`9223372036854775807`),
    ) !== undefined
  );
}

/** Row ids from … to …, both included. */
export interface RowRange {
  from: number;
  to: number;
}

/** Moments between which rows are looked for; null for no bound. */
interface Moments {
  from: string | null;
  to: string | null;
}

/** Row ids between which all rows of some moments lie, with others. Null where there are none. */
export function rowsBetween(mirror: ReadableMirror, table: string, moments: Moments): RowRange | null {
  const bounds = mirror.first(
    blocksOf(table, moments).select(({ fn }) => [fn.min('block').as('first'), fn.max('block').as('last')]),
  );
  return bounds === undefined || bounds.first === null ? null : rangeOf(bounds.first, bounds.last);
}

/**
 * Row ids of a range in steps, the ones first whose rows can be newest, each four times as long as the one before. No row of a
 * step, and of those after it, is newer than its `newest`: whoever has found enough that is newer need not look on.
 */
export function newestRanges(
  mirror: ReadableMirror,
  table: string,
  moments: Moments,
  within: RowRange,
): { newest: string; ranges: RowRange[] }[] {
  const newestFirst = mirror.all(
    blocksOf(table, moments)
      .select(['block', 'newest'])
      .where('block', '>=', blockOf(within.from))
      .where('block', '<=', blockOf(within.to))
      .orderBy('newest', 'desc')
      .orderBy('block', 'desc'),
  );
  const steps: ReturnType<typeof newestRanges> = [];
  for (let at = 0, size = 1; at < newestFirst.length; at += size, size *= 4) {
    const step = newestFirst.slice(at, at + size);
    const ranges = joined(step.map(({ block }) => block)).map(({ from, to }) => ({
      from: Math.max(from, within.from),
      to: Math.min(to, within.to),
    }));
    steps.push({ newest: step[0]!.newest, ranges });
  }
  return steps;
}

function blocksOf(table: string, { from, to }: Moments) {
  let blocks = query.selectFrom('latchkey_text_block').where('table_name', '=', table);
  if (from !== null) blocks = blocks.where('newest', '>=', from);
  if (to !== null) blocks = blocks.where('oldest', '<=', to);
  return blocks;
}

function blockOf(rowId: number): number {
  return Math.floor(rowId / 2 ** blockBits);
}

function rangeOf(first: number, last: number): RowRange {
  return { from: first * 2 ** blockBits, to: (last + 1) * 2 ** blockBits - 1 };
}

/** Blocks that lie next to each other are one range. */
function joined(blocks: number[]): RowRange[] {
  const ranges: RowRange[] = [];
  for (const block of blocks.toSorted((one, other) => one - other)) {
    const { from, to } = rangeOf(block, block);
    const last = ranges.at(-1);
    if (last && last.to + 1 === from) last.to = to;
    else ranges.push({ from, to });
  }
  return ranges;
}
