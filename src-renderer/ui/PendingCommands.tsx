import { href } from '../navigation/route.ts';
import { actionWords } from '../words/actions.ts';
import { commandStateOf } from '../words/states.ts';
import { Moment } from './Moment.tsx';
import classes from './PendingCommands.module.css';
import { StateBadge } from './StateBadge.tsx';

interface Pending {
  command: string;
  name: string;
  state: string;
  madeAt: string;
}

/** What was asked of this row and is not in force: what stands on the screen and what central does may differ. */
export function PendingCommands({ commands }: { commands: Pending[] }) {
  if (commands.length === 0) return null;
  return (
    <section className={classes.pending} aria-label="Not in force yet">
      <h3>Not in force yet</h3>
      <ul>
        {commands.map((pending) => (
          <li key={pending.command}>
            <a href={href('outbox', pending.command)}>{actionWords(pending.name)}</a>
            <span className={classes.when}>
              <Moment at={pending.madeAt} />
            </span>
            <StateBadge state={commandStateOf(pending.state)} />
          </li>
        ))}
      </ul>
    </section>
  );
}
