import { href } from '../../navigation/route.ts';
import { Section } from '../../ui/Section.tsx';
import { dayWords } from '../../words/moments.ts';
import classes from './Audit.module.css';
import type { AuditEntry } from './AuditDrawer.tsx';

interface Pivot {
  words: string;
  href: string;
}

/** Where an entry leads: what else its people, things, sessions and days have seen. */
export function Pivots({ entry }: { entry: AuditEntry }) {
  return (
    <Section title="From here">
      <ul className={classes.lines}>
        {pivotsOf(entry).map((pivot) => (
          <li key={pivot.words}>
            <a href={pivot.href}>{pivot.words}</a>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function pivotsOf({ actor, object, about, at, sessions }: AuditEntry): Pivot[] {
  const day = /^\d{4}-\d{2}-\d{2}T/.test(at) ? at.slice(0, 10) : null;
  const acting = actor && (actor.name ?? actor.id);
  const told = object && (object.name ?? object.key);
  return [
    ...(actor && day
      ? [
          {
            words: `What ${acting} did on ${dayWords(day)}`,
            href: href('audit', null, { actor: actor.id, from: day, to: day }),
          },
        ]
      : []),
    ...(actor?.name ? [{ words: `${acting} in People`, href: href('people', actor.id) }] : []),
    ...(object && about ? [{ words: `The life of ${told}`, href: lifeHref(about, object.key) }] : []),
    ...(object?.name && about
      ? [
          about === 'person'
            ? { words: `${told} in People`, href: href('people', object.key) }
            : { words: `${told} in Keys`, href: href('keys', object.key) },
        ]
      : []),
    ...sessions.map((session) => ({
      words: `The session from ${session.address ?? 'an unknown address'}${session.agent ? `, ${session.agent}` : ''}`,
      href: href('audit', null, {
        actor: actor?.id ?? '',
        from: session.createdAt?.slice(0, 10) ?? '',
        to: session.expiresAt?.slice(0, 10) ?? '',
      }),
    })),
    ...(day ? [{ words: `All of ${dayWords(day)}`, href: href('audit', null, { from: day, to: day }) }] : []),
  ];
}

/** Everything that became of one person or key. */
export function lifeHref(about: 'person' | 'key', id: string): string {
  return href('audit', null, { show: 'life', [about]: id });
}
