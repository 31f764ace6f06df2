import { ActionIcon, Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useCommand } from '../calls/use-command.ts';
import { Icon } from '../ui/icons/Icon.tsx';
import classes from './NoticeStack.module.css';
import { type Notice, useNotices } from './notices.ts';

/** How long a notice stays, in milliseconds; longer while it is pointed at or has the focus. */
const stay = 9_000;

/** What was just done, said in passing. Nothing is said here alone: the outbox has it too. */
export function NoticeStack() {
  const shown = useNotices((notices) => notices.shown);
  return (
    <section className={classes.stack} aria-label="Notices" aria-live="polite">
      {shown.map((notice) => (
        <NoticeCard key={notice.id} notice={notice} />
      ))}
    </section>
  );
}

function NoticeCard({ notice }: { notice: Notice }) {
  const { show, dismiss } = useNotices();
  const undo = useCommand('outbox.undo');
  const [held, setHeld] = useState(false);

  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => dismiss(notice.id), stay);
    return () => clearTimeout(timer);
  }, [held, notice.id, dismiss]);

  function takeBack(command: string): void {
    undo.mutate(
      { command },
      {
        onSuccess: () => show({ text: 'Taken back; nothing of it was sent.', tone: 'plain' }),
        onError: (error) => show({ text: error.message, tone: 'bad' }),
        onSettled: () => dismiss(notice.id),
      },
    );
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a notice that is being read is not taken away
    <div
      className={classes.card}
      data-tone={notice.tone}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <Icon name={notice.tone === 'bad' ? 'alarm' : 'check'} />
      <p>{notice.text}</p>
      <div className={classes.actions}>
        {notice.undo ? (
          <Button
            variant="default"
            size="compact-xs"
            loading={undo.isPending}
            onClick={() => takeBack(notice.undo ?? '')}
          >
            Undo
          </Button>
        ) : null}
        {notice.link ? <a href={notice.link.href}>{notice.link.words}</a> : null}
      </div>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label="Dismiss this notice"
        onClick={() => dismiss(notice.id)}
      >
        <Icon name="close" size={12} />
      </ActionIcon>
    </div>
  );
}
