import type { ReactNode } from 'react';
import classes from './Section.module.css';

/** A titled part of a drawer. */
export function Section(props: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.section}>
      <div className={classes.head}>
        <h3>{props.title}</h3>
        {props.aside ? <div className={classes.aside}>{props.aside}</div> : null}
      </div>
      {props.children}
    </section>
  );
}

/** One line about a part that holds nothing. */
export function Nothing({ children }: { children: ReactNode }) {
  return <p className={classes.nothing}>{children}</p>;
}
