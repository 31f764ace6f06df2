import type { ReactNode } from 'react';
import classes from './Screen.module.css';

interface ScreenProps {
  title: string;
  /** How many the list below holds, in words. */
  count?: string | undefined;
  tools?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
  drawer?: ReactNode;
}

/** A place of the window: its name and tools, its list, and what is open beside it. */
export function Screen(props: ScreenProps) {
  return (
    <div className={classes.screen}>
      <div className={classes.main}>
        <header className={classes.head}>
          <div className={classes.name}>
            <h1>{props.title}</h1>
            {props.count === undefined ? null : <span className={classes.count}>{props.count}</span>}
          </div>
          <div className={classes.tools}>{props.tools}</div>
          {props.action}
        </header>
        {props.children}
      </div>
      {props.drawer}
    </div>
  );
}
