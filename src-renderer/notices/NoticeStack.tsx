import { ActionIcon } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Icon } from '../ui/icons/Icon.tsx';
import { NoticedCommand } from './NoticedCommand.tsx';
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
  const dismiss = useNotices((notices) => notices.dismiss);
  const [held, setHeld] = useState(false);

  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => dismiss(notice.id), stay);
    return () => clearTimeout(timer);
  }, [held, notice.id, dismiss]);

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
      {notice.command ? <NoticedCommand command={notice.command} notice={notice.id} /> : null}
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
