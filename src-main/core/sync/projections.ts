import { sha256Hex } from '../audit/canonical.ts';
import { erasureLeaves } from '../audit/erasures.ts';
import { recordFinding } from '../audit/findings.ts';
import { query } from '../mirror/readable.ts';
import type { WritableMirror } from '../mirror/writable.ts';
import type { Hello } from './hello.ts';

interface ResultLeaf {
  ts: string;
  out: string;
  prj?: { t: string; h: string };
}

/**
 * Holds what the host's audit table tells of commands against the hashes that central's log keeps of it. What was not written with a command
 * of this organization's log, or was edited or deleted since, is a finding; sync goes on. Where somebody was erased, the last leaf of an erasure
 * says what is told since.
 */
export function proveProjections(mirror: WritableMirror, { today }: Pick<Hello, 'today'>, now: number): void {
  const waiting = mirror.all(query.selectFrom('latchkey_unproved').selectAll());
  if (waiting.length === 0) return;
  const { activity } = mirror.system;
  const days = activity ? mirror.tables.get(activity.table)?.window?.days : undefined;
  const oldest = days === undefined ? '' : new Date(Date.parse(`${today}T00:00:00Z`) - days * 86_400_000).toISOString();
  const redacted = new Map(
    erasureLeaves(mirror)
      .filter(({ isOrdered }) => isOrdered)
      .flatMap(({ prj }) => prj),
  );
  const hashOf = (command: string, { prj }: ResultLeaf) => redacted.get(command) ?? prj?.h;
  mirror.transaction(() => {
    const done = mirror.database.prepare('DELETE FROM latchkey_unproved WHERE command = ?');
    for (const { command, told } of waiting) {
      const result = resultOf(mirror, command);
      const isAged = told === null && result !== null && result.ts < oldest;
      const isTrue = told !== null && result?.prj !== undefined && hashOf(command, result) === sha256Hex(told);
      if (!isAged && !isTrue) {
        const what = told === null ? 'deleted' : result?.prj ? 'edited' : 'invented';
        recordFinding(mirror, 'projection-differs', command, { command, what, table: activity?.table ?? null }, now);
      }
      done.run(command);
    }
  });
}

/** The leaf that says that the command was applied. */
function resultOf(mirror: WritableMirror, command: string): ResultLeaf | null {
  const leaves = mirror.all(
    query
      .selectFrom('latchkey_log')
      .select('entry')
      .where('command', '=', command)
      .where('act', '=', 'command.result')
      .where('device', '=', 'central'),
  );
  const results = leaves.map(({ entry }) => JSON.parse(entry) as ResultLeaf);
  return results.find(({ out }) => out === 'applied' || out === 'merged') ?? null;
}
