import { Button } from '@mantine/core';
import type { MouseEvent } from 'react';
import type { OutboxItem } from '../../../src-main/contract/outbox.ts';
import { useCommand } from '../../calls/use-command.ts';
import { useMayWrite } from '../../calls/use-device.ts';
import { useNotices } from '../../notices/notices.ts';

/** Takes a command back as long as it has not been sent. */
export function UndoButton({ item }: { item: OutboxItem }) {
  const show = useNotices((notices) => notices.show);
  const undo = useCommand('outbox.undo');
  const mayWrite = useMayWrite();
  if (!mayWrite) return null;

  function takeBack(event: MouseEvent): void {
    event.stopPropagation();
    undo.mutate(
      { command: item.command },
      {
        onSuccess: () => show({ text: `Taken back: ${item.summary}. Nothing of it was sent.`, tone: 'plain' }),
        onError: (error) => show({ text: error.message, tone: 'bad' }),
      },
    );
  }
  return (
    <Button variant="default" size="compact-xs" loading={undo.isPending} onClick={takeBack}>
      Undo
    </Button>
  );
}
