import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Review.module.css';
import { Review } from './Review.tsx';

/** Review before anybody has unlocked anything. */
export function ReviewPage({ mark, onLeave }: { mark: ReactNode; onLeave(): void }) {
  return (
    <main className={classes.page}>
      <header className={classes.head}>
        {mark}
        <h1>Review an export</h1>
        <Button variant="default" onClick={onLeave}>
          Back
        </Button>
      </header>
      <Review />
    </main>
  );
}
