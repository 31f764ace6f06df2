import { useConnected } from '../../calls/use-connection.ts';
import { Icon } from '../../ui/icons/Icon.tsx';
import classes from './StatusBar.module.css';

/** Said while this window does not reach Latchkey itself, when nothing on the screen can be trusted to be current. */
export function LostConnection() {
  if (useConnected()) return null;
  return (
    <div className={classes.strip} role="alert">
      <Icon name="alarm" />
      <p>
        This window has lost its connection to Latchkey and is trying again. What you see may be out of date; what you
        had saved is kept.
      </p>
    </div>
  );
}
