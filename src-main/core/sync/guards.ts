import { recordFinding } from '../audit/findings.ts';
import type { Actor } from '../command/actor.ts';
import { compareTables } from './check.ts';
import type { Hello } from './hello.ts';
import { checkLeaves, type LogContext } from './organization-log.ts';
import { caughtUp, type PullContext } from './pull.ts';

const ofTheLog = 'latchkey.audit_leaf';

/**
 * Whoever switches a trigger off, changes rows and switches it on again leaves no change in the log, and another mark on the trigger. Then
 * everything is compared that it had guarded: what differs is brought here, and found.
 */
export async function followGuards(context: PullContext & LogContext & { actor: Actor }, answer: Hello): Promise<void> {
  const { client, mirror, now } = context;
  if (mirror.meta('guards') === answer.guards) return;
  const { rows } = await client.query<{ marks: string }>(`SELECT latchkey.guard_marks()::TEXT AS marks`);
  const marks = JSON.parse(rows[0]!.marks) as Record<string, string>;
  const stored = mirror.meta('guard_marks');
  const known = stored === null ? {} : (JSON.parse(stored) as Record<string, string>);
  // A partition that is new, or a first mirror, was not guarded before: it was copied whole.
  const interrupted = Object.keys(marks).filter((place) => known[place] !== undefined && known[place] !== marks[place]);
  const names = new Set(interrupted.map((place) => place.slice(0, place.lastIndexOf(' '))));
  if (names.delete(ofTheLog)) await checkLeaves(context);
  const suspects = [...mirror.tables.values()].filter(({ name }) => names.has(name));
  if (suspects.length > 0) {
    const compared = await caughtUp(context, ({ snapshot }) =>
      compareTables(context, { ...context, repair: true }, suspects, snapshot),
    );
    mirror.transaction(() => {
      for (const { table, equal, differences } of compared)
        if (!equal) recordFinding(mirror, 'tracking-interrupted', table, { table, differences }, now());
    });
  }
  mirror.transaction(() => {
    mirror.setMeta('guards', answer.guards);
    mirror.setMeta('guard_marks', JSON.stringify(marks));
  });
}
