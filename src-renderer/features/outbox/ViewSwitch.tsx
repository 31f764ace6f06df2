import { useStatus } from '../../calls/use-device.ts';
import { href } from '../../navigation/route.ts';
import { count } from '../../words/quantities.ts';
import classes from './Outbox.module.css';

/** The two sides of the outbox: all commands, and the conflicts among them. */
export function ViewSwitch({ view }: { view: 'commands' | 'conflicts' }) {
  const conflicts = useStatus()?.conflicts ?? 0;
  return (
    <nav className={classes.views} aria-label="Outbox views">
      <a className={classes.view} href={href('outbox')} aria-current={view === 'commands'}>
        Commands
      </a>
      <a
        className={classes.view}
        href={href('outbox', null, { show: 'conflicts' })}
        aria-current={view === 'conflicts'}
      >
        Conflicts {conflicts > 0 ? <span className={classes.conflictNumber}>{count(conflicts)}</span> : null}
      </a>
    </nav>
  );
}
