import { Progress as Bar } from '@mantine/core';
import type { Progress } from '../../../src-main/contract/device.ts';
import { progressPercent, progressWords } from '../../words/progress.ts';
import classes from './StatusBar.module.css';

export function SyncProgress({ progress }: { progress: Progress }) {
  const percent = progressPercent(progress);
  return (
    <div className={classes.progress}>
      <Bar value={percent ?? 100} animated={percent === null} size="sm" w={96} aria-label={progress.step} />
      <span>{progressWords(progress)}</span>
    </div>
  );
}
