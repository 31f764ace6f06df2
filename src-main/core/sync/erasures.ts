import { uuidv7 } from 'uuidv7';
import { appendEntry } from '../audit/device-log.ts';
import { readDisclosure } from '../audit/disclosure.ts';
import { type ErasureLeaf, erasureLeaves } from '../audit/erasures.ts';
import { recordFinding } from '../audit/findings.ts';
import type { Json } from '../command/intent.ts';
import { leavePending } from '../command/outcomes.ts';
import { query } from '../mirror/readable.ts';
import { parsedJson } from '../mirror/row-values.ts';
import type { OutboxRow } from '../mirror/schema.ts';
import { textIndexName } from '../mirror/text-index.ts';
import { quoteName } from '../quoting.ts';
import type { Hello } from './hello.ts';
import { followLog, type LogContext } from './organization-log.ts';

/** Somebody whom an erasure is about, as far as this device still knows them. */
interface Subject {
  /** What entries call them. */
  object: string;
  /** Index of the first leaf that says so. */
  idx: number;
  command: string;
  /** What they are and were called, in lower case. */
  names: Set<string>;
}

/**
 * Takes away what this device keeps of people who were erased, and says so in its log once nothing is left. What they were called is in no leaf:
 * it is read off what this device knows of them, before their row is overwritten, and kept in memory until it is done.
 */
export class Erasures {
  /** By command. */
  private readonly known = new Map<string, Subject>();

  /**
   * Before anything of this device is sent, and before rows of central's are taken in: where somebody was erased that this device does not know
   * of, the log is followed first.
   */
  async prepare(context: LogContext, answer: Hello): Promise<void> {
    if (answer.erasures === knownErasures(context)) return;
    await followLog(context, answer, false);
    context.mirror.transaction(() => {
      this.forget(context);
      context.mirror.setMeta('erasures', String(answer.erasures));
    });
  }

  /** After rows and log of central are here: what can be is taken away, and once nothing is left the file is written anew without it. */
  finish(context: LogContext): void {
    const { mirror, actor, now } = context;
    const leaves = this.waiting(context);
    if (leaves.length === 0) return;
    const { isClean, isTouched } = mirror.transaction(() => this.forget(context));
    if (!isClean || (isTouched && !compact(context))) return;
    mirror.transaction(() => {
      const own = mirror.first(query.selectFrom('latchkey_device').select('joined').where('device', '=', actor.device));
      // Of what went before it joined, this device never had anything.
      for (const { object, idx } of this.known.values())
        if (own && own.joined < idx)
          appendEntry(mirror, actor, {
            action: 'erasure.acknowledge',
            command: uuidv7(),
            changes: null,
            subject: { table: mirror.system.people.table, key: object },
            now: now(),
            disclosed: { summary: 'Let go of all that names a person who was erased' },
          });
      mirror.setMeta('erasures_done', String(leaves.at(-1)!.idx));
    });
    this.known.clear();
    context.onChanged(['log', 'outbox', 'conflicts']);
  }

  private waiting({ mirror }: LogContext): ReturnType<typeof erasureLeaves> {
    const last = mirror.first(query.selectFrom('latchkey_log').select(({ fn }) => fn.max('idx').as('idx')))?.idx ?? -1;
    // A log that was restored goes on with other leaves under the same numbers.
    return erasureLeaves(mirror, { after: Math.min(last, Number(mirror.meta('erasures_done') ?? -1)) });
  }

  /** Within a transaction. @returns whether nothing is left that waits for central's answer, and whether there was anything */
  private forget(context: LogContext): { isClean: boolean; isTouched: boolean } {
    const { mirror, now } = context;
    const leaves = this.waiting(context);
    for (const { idx, isOrdered } of leaves) {
      if (isOrdered) continue;
      const why = 'it erases somebody, and no device had ordered that';
      recordFinding(mirror, 'leaf-invalid', String(idx), { index: idx, why }, now());
    }
    const ordered = leaves.filter(({ isOrdered }) => isOrdered);
    for (const leaf of ordered) this.meet(context, leaf);
    let isTouched = this.known.size > 0;
    for (const { gone, idx } of ordered)
      for (const [, ...digests] of gone)
        for (const digest of digests) if (eraseDisclosure(context, digest, idx)) isTouched = true;
    let isClean = true;
    for (const subject of this.known.values()) {
      forgetDisclosures(context, subject);
      if (!forgetCommands(context, subject)) isClean = false;
      forgetWords(context, subject);
    }
    return { isClean, isTouched };
  }

  private meet(context: LogContext, { cmd, obj, idx }: ErasureLeaf): void {
    if (cmd === undefined || obj === undefined) return;
    const subject = this.known.get(cmd) ?? { object: obj.id, idx, command: cmd, names: new Set<string>() };
    this.known.set(cmd, subject);
    for (const name of namesHere(context, obj.id)) subject.names.add(name);
  }
}

function knownErasures({ mirror }: LogContext): number {
  return Number(mirror.meta('erasures') ?? 0);
}

/** What this device knows a person was called: by their row, by what it made of it, and by what is disclosed of entries about them. */
function namesHere({ mirror }: LogContext, person: string): string[] {
  const { people } = mirror.system;
  const versions: Record<string, unknown>[] = [];
  const row = mirror.tables.has(people.table)
    ? mirror.first(query.selectFrom('latchkey_person').select(['name', 'email']).where('id', '=', person))
    : undefined;
  const set = mirror
    .all(
      query
        .selectFrom('latchkey_confirmed')
        .select('row')
        .where('table_name', '=', people.table)
        .where('row_key', '=', person),
    )
    .map(({ row }) => parsedJson(row ?? 'null'));
  versions.push(...set.map(asRecord));
  for (const change of changesOf(mirror, person)) {
    const before = asRecord(change.base ?? change.before);
    const after = asRecord(change.set ?? change.after);
    versions.push(before, after, { ...before, ...after });
  }
  const names = versions.flatMap((version) => [
    version[people.email],
    people.name
      .map((column) => version[column])
      .filter((part) => typeof part === 'string')
      .join(' '),
  ]);
  return [...names, row?.name, row?.email]
    .filter((name) => typeof name === 'string')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name.length > 2 && !isPlaceholder(name));
}

/** What an erasure puts in place of a name and an address. */
function isPlaceholder(name: string): boolean {
  return name === 'erased person' || name.endsWith('@erased.invalid');
}

/** Changes of a person's row, by this device's commands and by entries. */
function changesOf(mirror: LogContext['mirror'], person: string): Record<string, unknown>[] {
  const { table } = mirror.system.people;
  const commands = mirror
    .all(query.selectFrom('latchkey_outbox').select('changes').where('changes', 'like', `%${person}%`))
    .map(({ changes }) => asRecord(parsedJson(changes)).changes);
  const disclosed = disclosuresAbout(mirror, person).flatMap(({ name, value }) => (name === 'changes' ? [value] : []));
  return [...commands, ...disclosed]
    .flatMap((list) => (Array.isArray(list) ? list.map(asRecord) : []))
    .filter((change) => change.table === table && [change.key].flat().map(String).join() === person);
}

interface Disclosed {
  digest: string;
  name: string;
  value: Json;
}

/** What is disclosed of the entries about a person. */
function disclosuresAbout(mirror: LogContext['mirror'], person: string): Disclosed[] {
  const logged = mirror
    .all(query.selectFrom('latchkey_log').select('entry').where('object', '=', person))
    .map(({ entry }) => entry);
  const lost = mirror.all(query.selectFrom('latchkey_lost_leaf').select('entry').where('entry', 'like', `%${person}%`));
  const texts = [...logged, ...lost.map(({ entry }) => entry), ...unsentEntries(mirror)];
  const digests = texts
    .map((text) => asRecord(parsedJson(text)) as Entry)
    .filter(({ obj, act }) => obj?.id === person && !isKept(act))
    .flatMap(({ _sd }) => _sd ?? []);
  const find = mirror.database.prepare<[string], { disclosure: string }>(
    'SELECT disclosure FROM latchkey_disclosure WHERE digest = ?',
  );
  return digests.flatMap((digest) => {
    const found = find.get(digest);
    return found ? [{ digest, ...readDisclosure(found.disclosure) }] : [];
  });
}

interface Entry {
  act?: string;
  obj?: { id?: string };
  _sd?: string[];
}

/** Entries that say that there was an erasure: they name nobody. */
function isKept(act: string | undefined): boolean {
  return act === 'person.erase' || act === 'erasure.acknowledge';
}

function unsentEntries(mirror: LogContext['mirror']): string[] {
  return mirror
    .all(query.selectFrom('latchkey_entry').select('bytes').where('sent', '=', 0))
    .map(({ bytes }) => Buffer.from(bytes).toString('utf8'));
}

/** @returns whether it was here */
function eraseDisclosure({ mirror }: LogContext, digest: string, idx: number): boolean {
  const { changes } = mirror.database.prepare('DELETE FROM latchkey_disclosure WHERE digest = ?').run(digest);
  mirror.database.prepare('INSERT INTO latchkey_erased VALUES (?, ?) ON CONFLICT DO NOTHING').run(digest, idx);
  return changes > 0;
}

/** What this device knows beyond what central took away: entries that it has not sent, leaves that central lost, words that differ. */
function forgetDisclosures(context: LogContext, { object, idx, names }: Subject): void {
  const { mirror } = context;
  for (const { digest, name, value } of disclosuresAbout(mirror, object))
    if (name !== 'actor' || asRecord(value).id === object) eraseDisclosure(context, digest, idx);
  const all = mirror.database.prepare<[], { digest: string; disclosure: string }>(
    'SELECT digest, disclosure FROM latchkey_disclosure',
  );
  const naming: string[] = [];
  for (const { digest, disclosure } of all.iterate()) {
    const text = Buffer.from(disclosure, 'base64url').toString('utf8');
    if (mentions(text, names) || (text.includes('"actor"') && text.includes(`"id":"${object}"`))) naming.push(digest);
  }
  for (const digest of naming) eraseDisclosure(context, digest, idx);
}

const unanswered: OutboxRow['state'][] = ['accepted', 'quarantined'];

/**
 * Commands that are about the person or name them: what was not offered yet is taken back, what is settled loses its words. What waits for
 * central's answer keeps them until it is there, because central knows it by them.
 */
function forgetCommands(context: LogContext, subject: Subject): boolean {
  const { mirror, actor, now } = context;
  const { table } = mirror.system.people;
  const hit = mirror
    .all(query.selectFrom('latchkey_outbox').selectAll().where('command', '<>', subject.command))
    .filter(
      (row) =>
        (row.name !== 'person.erase' && row.subject_table === table && row.subject_key === subject.object) ||
        changesRow(row.changes, table, subject.object) ||
        [row.changes, row.summary, row.reason, row.note].some((text) => text !== null && mentions(text, subject.names)),
    );
  let isClean = true;
  for (const row of hit) {
    if (row.name === 'person.erase' && row.state !== 'undone' && !mentions(row.changes, subject.names)) continue;
    const isQueued = row.state === 'queued' || row.state === 'local';
    if (unanswered.includes(row.state) || (isQueued && row.sent_at !== null)) {
      isClean = false;
      continue;
    }
    leavePending(mirror, [row.command]);
    mirror.database
      .prepare(
        'UPDATE latchkey_outbox SET state = ?, changes = ?, summary = ?, reason = NULL, note = ? WHERE command = ?',
      )
      .run(isQueued ? 'undone' : row.state, withoutWords(row), `${row.name} (erased)`, erasedNote, row.command);
    mirror.database
      .prepare(
        `UPDATE latchkey_conflict SET fields = '[]', message = NULL, resolved_at = coalesce(resolved_at, made_at),
           resolution = coalesce(resolution, 'theirs'), state = 'resolved' WHERE command = ?`,
      )
      .run(row.command);
    if (isQueued)
      appendEntry(mirror, actor, {
        action: 'command.undone',
        command: row.command,
        changes: null,
        subject: { table: row.subject_table, key: row.subject_key },
        now: now(),
        disclosed: { reason: erasedNote },
      });
  }
  return isClean;
}

const erasedNote = 'Somebody whom it is about was erased.';

function changesRow(changes: string, table: string, key: string): boolean {
  const list = asRecord(parsedJson(changes)).changes;
  return (
    Array.isArray(list) &&
    list.map(asRecord).some((change) => change.table === table && [change.key].flat().map(String).join() === key)
  );
}

function withoutWords({ subject_table, subject_key }: OutboxRow): string {
  return JSON.stringify({ changes: [], reason: null, salt: '', subject: { table: subject_table, key: subject_key } });
}

/** Words of errors and findings. */
function forgetWords({ mirror }: LogContext, { names }: Subject): void {
  const errors = mirror.meta('last_errors');
  if (errors !== null && mentions(errors, names)) mirror.setMeta('last_errors', '[]');
  for (const { finding, details } of mirror.all(query.selectFrom('latchkey_finding').select(['finding', 'details'])))
    if (mentions(details, names))
      mirror.database.prepare(`UPDATE latchkey_finding SET details = '{}' WHERE finding = ?`).run(finding);
  for (const { conflict, fields, message } of mirror.all(
    query.selectFrom('latchkey_conflict').select(['conflict', 'fields', 'message']),
  ))
    if (mentions(fields, names) || (message !== null && mentions(message, names)))
      mirror.database
        .prepare(`UPDATE latchkey_conflict SET fields = '[]', message = NULL WHERE conflict = ?`)
        .run(conflict);
}

/**
 * Writes the whole file anew, so that no free page and no part of the full text's index holds what was deleted, and empties the WAL.
 * @returns false where a reader stood in the way
 */
function compact({ mirror }: LogContext): boolean {
  const { database } = mirror;
  for (const { table_name } of mirror.all(query.selectFrom('latchkey_text').select('table_name'))) {
    const index = quoteName(textIndexName(table_name));
    mirror.transaction(() => database.exec(`INSERT INTO ${index} (${index}) VALUES ('optimize')`));
  }
  database.exec('VACUUM');
  const [{ busy }] = database.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
  return busy === 0;
}

/** Whether a text, which may be JSON, holds one of these names: whole words of it, whatever their case. */
export function mentions(text: string, names: Iterable<string>): boolean {
  const lower = text.toLowerCase();
  for (const name of names) {
    const written = JSON.stringify(name).slice(1, -1);
    if (!lower.includes(written)) continue;
    const literal = written.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    if (new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'u').test(lower)) return true;
  }
  return false;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
