import { useCall } from '../../calls/use-call.ts';
import { href } from '../../navigation/route.ts';
import { Section } from '../../ui/Section.tsx';
import { auditSentence } from '../../words/actions.ts';
import classes from './Audit.module.css';
import type { AuditEntry } from './AuditDrawer.tsx';
import { Stamp } from './Stamp.tsx';

/** The command that an entry came from, and what else is recorded of it. */
export function CauseSection({ entry, command }: { entry: AuditEntry; command: { id: string; own: boolean } }) {
  // Central's events name their command among their values.
  const others = useCall('audit.list', { search: command.id, limit: 20 }).data?.items ?? [];
  const further = others.filter(({ id }) => id !== entry.id);
  return (
    <Section title="Cause">
      <p>
        Command{' '}
        {command.own ? (
          <a href={href('outbox', command.id)}>
            <code>{command.id}</code>
          </a>
        ) : (
          <code>{command.id}</code>
        )}
        {command.own ? ', made on this device.' : ', made on another device.'}
      </p>
      {further.length > 0 ? (
        <ul className={classes.lines} aria-label="Other entries of the command">
          {further.map((other) => (
            <li key={other.id}>
              <a href={href('audit', other.id)}>{auditSentence(other)}</a>
              <span className={classes.stamp}>
                <Stamp at={other.at} />
              </span>
            </li>
          ))}
        </ul>
      ) : null}
    </Section>
  );
}
