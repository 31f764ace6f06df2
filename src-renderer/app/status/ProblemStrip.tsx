import { useStatus } from '../../calls/use-device.ts';
import { Icon } from '../../ui/icons/Icon.tsx';
import classes from './StatusBar.module.css';

/** What stands between this mirror and central and does not go away by itself. */
export function ProblemStrip() {
  const status = useStatus();
  if (status?.mode !== 'attention' || !status.problem) return null;
  return (
    <div className={classes.strip} role="alert">
      <Icon name="alarm" />
      <p>{status.problem.message}</p>
      <code>{status.problem.code}</code>
    </div>
  );
}
