import { useMayAssignRoles, useStatus } from '../../calls/use-device.ts';
import { href } from '../../navigation/route.ts';
import { count } from '../../words/quantities.ts';
import classes from './Outbox.module.css';

/** The sides of the outbox: all commands, the conflicts among them, and for administrators what waits for them at central. */
export function ViewSwitch({ view }: { view: 'commands' | 'conflicts' | 'quarantine' }) {
  const status = useStatus();
  const conflicts = status?.conflicts ?? 0;
  const inQuarantine = status?.inQuarantine ?? 0;
  const mayDecide = useMayAssignRoles();
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
      {mayDecide ? (
        <a
          className={classes.view}
          href={href('outbox', null, { show: 'quarantine' })}
          aria-current={view === 'quarantine'}
        >
          Quarantine {inQuarantine > 0 ? <span className={classes.conflictNumber}>{count(inQuarantine)}</span> : null}
        </a>
      ) : null}
    </nav>
  );
}
