import { sql } from 'kysely';
import { quoteName } from '../quoting.ts';
import { query, type ReadableMirror } from './readable.ts';
import { blockBits, textTermsName, wholeWordStart } from './text-index.ts';

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
  return `words : (${terms.join(' AND ')})`;
}

function mayGoOn(word: string, isLast: boolean): boolean {
  if (word.endsWith('*')) return /([\p{L}\p{N}]\p{M}*){2}\*$/u.test(word);
  return isLast && /[\p{L}\p{N}]\p{M}*\p{L}\p{M}*$/u.test(word);
}

/** The words of a search; marks that stand alone are none. */
export function searchWords(search: string): string[] {
  return search.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
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
  if (texts.length === 0 || texts.some((text) => searchWords(text).length === 0)) return null;
  return `words : (${texts.map(quoted).join(' OR ')})`;
}

/** Any of these values in a column that the mapping calls `whole`; exactly. */
export function anyWhole(column: string, values: readonly string[]): TextCondition {
  const words = values.map((value) => quoted(wholeWordStart(column) + Buffer.from(value, 'utf8').toString('hex')));
  // Of no value there is no row; a condition of nothing would be an error.
  return `whole : (${words.length === 0 ? quoted('none') : words.join(' OR ')})`;
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

/**
 * The table's row ids in steps, the ones first whose rows can be newest, each four times as long as the one before. No row of a
 * step, and of those after it, is newer than its `newest`: whoever has found enough that is newer need not look on. Row ids
 * follow time roughly, and need not.
 */
export function newestRanges(
  mirror: ReadableMirror,
  table: string,
  { from, to }: { from: string | null; to: string | null },
): { newest: string; ranges: RowRange[] }[] {
  let blocks = query
    .selectFrom('latchkey_text_block')
    .select(['block', 'newest'])
    .where('table_name', '=', table)
    .orderBy('newest', 'desc')
    .orderBy('block', 'desc');
  if (from !== null) blocks = blocks.where('newest', '>=', from);
  if (to !== null) blocks = blocks.where('oldest', '<=', to);
  const newestFirst = mirror.all(blocks);
  const steps: ReturnType<typeof newestRanges> = [];
  for (let at = 0, size = 1; at < newestFirst.length; at += size, size *= 4) {
    const step = newestFirst.slice(at, at + size);
    steps.push({ newest: step[0]!.newest, ranges: joined(step.map(({ block }) => block)) });
  }
  return steps;
}

/** Blocks that lie next to each other are one range. */
function joined(blocks: number[]): RowRange[] {
  const ranges: RowRange[] = [];
  for (const block of blocks.toSorted((one, other) => one - other)) {
    const [from, to] = [block * 2 ** blockBits, (block + 1) * 2 ** blockBits - 1];
    const last = ranges.at(-1);
    if (last && last.to + 1 === from) last.to = to;
    else ranges.push({ from, to });
  }
  return ranges;
}
