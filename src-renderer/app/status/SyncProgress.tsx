import { Progress as Bar, Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import type { Progress } from '../../../src-main/contract/device.ts';
import { useCommand } from '../../calls/use-command.ts';
import { useNotices } from '../../notices/notices.ts';
import { progressPercent, progressWords } from '../../words/progress.ts';
import classes from './StatusBar.module.css';

export function SyncProgress({ progress }: { progress: Progress }) {
  const cache = useQueryClient();
  const show = useNotices((notices) => notices.show);
  const cancel = useCommand('sync.cancel');
  const percent = progressPercent(progress);
  return (
    <div className={classes.progress}>
      <Bar value={percent ?? 100} animated={percent === null} size="sm" w={96} aria-label={progress.step} />
      <span>{progressWords(progress)}</span>
      <Button
        variant="default"
        size="compact-xs"
        title="What has arrived is kept"
        loading={cancel.isPending}
        onClick={() =>
          cancel.mutate(
            {},
            {
              onSuccess: (status) => cache.setQueryData(['status.get', {}], status),
              onError: (error) => show({ text: error.message, tone: 'bad' }),
            },
          )
        }
      >
        Stop
      </Button>
    </div>
  );
}
