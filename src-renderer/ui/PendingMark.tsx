import { counted } from '../words/quantities.ts';
import { Icon } from './icons/Icon.tsx';
import classes from './PendingMark.module.css';

/** Says that a row shows changes which are not in force yet. */
export function PendingMark({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <span className={classes.mark} title={`${counted(count, 'change')} not in force yet`}>
      <Icon name="clock" size={12} />
      {count} pending
    </span>
  );
}
