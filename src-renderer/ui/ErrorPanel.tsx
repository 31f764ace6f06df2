import { Button } from '@mantine/core';
import type { LatchkeyError } from '../../src-main/contract/errors.ts';
import classes from './ErrorPanel.module.css';
import { Icon } from './icons/Icon.tsx';

/** An error in its own words, which say what happened, what was kept and what to do; and its code, to ask about. */
export function ErrorPanel({ error, onRetry }: { error: LatchkeyError; onRetry?: () => void }) {
  return (
    <div className={classes.panel} role="alert">
      <Icon name="alarm" />
      <div className={classes.body}>
        <p>{error.message}</p>
        <p className={classes.code}>{error.code}</p>
      </div>
      {onRetry ? (
        <Button variant="default" size="compact-xs" onClick={onRetry}>
          Try again
        </Button>
      ) : null}
    </div>
  );
}
