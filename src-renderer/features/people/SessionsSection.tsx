import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { Moment } from '../../ui/Moment.tsx';
import { Nothing, Section } from '../../ui/Section.tsx';
import { useNow } from '../../ui/use-now.ts';
import { counted } from '../../words/quantities.ts';
import { openSessions } from './open-sessions.ts';
import classes from './People.module.css';

export function SessionsSection({ sessions }: { sessions: PersonDetail['sessions'] }) {
  const open = new Set(openSessions(sessions, useNow()));
  return (
    <Section title="Sessions" aside={sessions.length > 0 ? `${open.size} open of ${sessions.length}` : null}>
      {sessions.length === 0 ? <Nothing>No sessions.</Nothing> : null}
      <ul className={classes.rows} aria-label={counted(sessions.length, 'session')}>
        {sessions.map((session) => (
          <li key={session.id} className={open.has(session) ? undefined : classes.ended}>
            <span>
              {session.address ?? 'unknown address'}
              <span className={classes.agent}>{session.agent ?? 'unknown device'}</span>
            </span>
            <span>
              {open.has(session) ? 'since ' : 'ended '}
              <Moment at={open.has(session) ? session.createdAt : session.expiresAt} none="unknown" />
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
