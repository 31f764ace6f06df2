import type { PersonDetail } from '../../../src-main/contract/people.ts';
import { href } from '../../navigation/route.ts';
import { Moment } from '../../ui/Moment.tsx';
import { Nothing, Section } from '../../ui/Section.tsx';
import { actionWords } from '../../words/actions.ts';
import classes from './People.module.css';

export function ActivitySection({ person }: { person: PersonDetail }) {
  return (
    <Section title="Activity" aside={<a href={href('audit', null, { actor: person.id })}>All in Audit</a>}>
      {person.activity.length === 0 ? <Nothing>Nothing recorded.</Nothing> : null}
      <ul className={classes.rows}>
        {person.activity.map((event) => (
          <li key={event.id}>
            <a href={href('audit', event.id)}>{actionWords(event.action)}</a>
            <Moment at={event.at} />
          </li>
        ))}
      </ul>
    </Section>
  );
}
