import { useStatus } from '../../calls/use-device.ts';
import { href } from '../../navigation/route.ts';
import { Moment } from '../../ui/Moment.tsx';
import { bytes, count, counted } from '../../words/quantities.ts';
import { LockButton } from './LockButton.tsx';
import { ModeIndicator } from './ModeIndicator.tsx';
import { OfflineSwitch } from './OfflineSwitch.tsx';
import classes from './StatusBar.module.css';
import { SyncButton } from './SyncButton.tsx';
import { SyncProgress } from './SyncProgress.tsx';

/** How this mirror and central stand, always in sight. Every number opens the list behind it. */
export function StatusBar() {
  const status = useStatus();
  if (!status) return <div className={classes.bar} />;
  const { pending, conflicts, inQuarantine, oldestPending, lastSync, mirror, progress, workOffline, problem, mode } =
    status;
  return (
    <div className={classes.bar}>
      <div className={classes.facts} role="status" aria-label="Mirror status">
        <ModeIndicator status={status} />
        <a
          className={classes.number}
          href={href('outbox')}
          data-tone={oldestPending?.overdue ? 'bad' : pending > 0 ? 'wait' : undefined}
          title={oldestPending ? `${oldestPending.summary}: ${oldestPending.why}` : undefined}
        >
          Pending {count(pending)}
        </a>
        <a
          className={classes.number}
          href={href('outbox', null, { show: 'conflicts' })}
          data-tone={conflicts > 0 ? 'bad' : undefined}
        >
          Conflicts {count(conflicts)}
        </a>
        {inQuarantine > 0 ? (
          <a className={classes.number} href={href('outbox', null, { show: 'quarantine' })} data-tone="bad">
            Quarantine {count(inQuarantine)}
          </a>
        ) : null}
      </div>
      <span className={classes.soft}>
        Last sync <Moment at={lastSync} />
      </span>
      <span className={classes.mirror} title={`${counted(mirror.rows, 'row')} in ${counted(mirror.tables, 'table')}`}>
        Mirror {bytes(mirror.bytes)}
      </span>
      {progress ? <SyncProgress progress={progress} /> : null}
      {problem && mode !== 'attention' && !progress ? (
        <span className={classes.problem} title={problem.message}>
          {problem.message}
        </span>
      ) : null}
      <div className={classes.controls}>
        <OfflineSwitch workOffline={workOffline} />
        <SyncButton workOffline={workOffline} />
        <LockButton />
      </div>
    </div>
  );
}
