import { Progress as Bar } from '@mantine/core';
import type { Progress } from '../../src-main/contract/device.ts';
import { progressPercent, progressWords } from '../words/progress.ts';
import classes from './ProgressWords.module.css';

/** What long work is at, and how far. */
export function ProgressWords({ progress }: { progress: Progress }) {
  const percent = progressPercent(progress);
  return (
    <div className={classes.progress}>
      <p>{progressWords(progress)}</p>
      <Bar value={percent ?? 100} animated={percent === null} aria-label={progress.step} size="sm" />
    </div>
  );
}
