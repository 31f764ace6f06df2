import type { ReactNode } from 'react';
import classes from './EmptyState.module.css';
import { Icon, type IconName } from './icons/Icon.tsx';

/** Says why there is nothing to see, which is never the same reason twice, and what can be done about it. */
export function EmptyState(props: { icon: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <Icon name={props.icon} size={22} />
      <p className={classes.title}>{props.title}</p>
      {props.children ? <div className={classes.words}>{props.children}</div> : null}
      {props.action}
    </div>
  );
}
