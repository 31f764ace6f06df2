import type { ReactNode } from 'react';
import { Mark } from '../Mark.tsx';
import classes from './Door.module.css';

/** The page before the window: one thing to do, in the middle. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className={classes.page}>
      <div className={classes.door}>
        <div className={classes.head}>
          <Mark size={28} />
          <h1>{title}</h1>
        </div>
        {children}
      </div>
    </main>
  );
}
