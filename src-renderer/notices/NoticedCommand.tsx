import { Button } from '@mantine/core';
import { useCall } from '../calls/use-call.ts';
import { useCommand } from '../calls/use-command.ts';
import { href } from '../navigation/route.ts';
import { StateBadge } from '../ui/StateBadge.tsx';
import { StopsBy } from '../ui/StopsBy.tsx';
import { commandStateWords } from '../words/states.ts';
import classes from './NoticeStack.module.css';
import { useNotices } from './notices.ts';

/** What a notice tells of is among the newest commands. */
const newest = { limit: 20 };

/** How far the command of a notice has come by now, and the way back for as long as there is one. */
export function NoticedCommand({ command, notice }: { command: string; notice: number }) {
  const { show, dismiss } = useNotices();
  const undo = useCommand('outbox.undo');
  const item = useCall('outbox.list', newest).data?.items.find((candidate) => candidate.command === command);

  function takeBack(): void {
    undo.mutate(
      { command },
      {
        onSuccess: () => show({ text: 'Taken back; nothing of it was sent.', tone: 'plain' }),
        onError: (error) => show({ text: error.message, tone: 'bad' }),
        onSettled: () => dismiss(notice),
      },
    );
  }
  return (
    <div className={classes.actions}>
      {item ? <StateBadge state={commandStateWords[item.state]} /> : null}
      <StopsBy at={item?.stopsBy ?? null} />
      {item?.undoable ? (
        <Button variant="default" size="compact-xs" loading={undo.isPending} onClick={takeBack}>
          Undo
        </Button>
      ) : null}
      <a href={href('outbox', command)}>Open in Outbox</a>
    </div>
  );
}
