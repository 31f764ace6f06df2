import { ActionIcon } from '@mantine/core';
import { type ReactNode, useEffect, useEffectEvent, useId, useRef, useState } from 'react';
import classes from './Drawer.module.css';
import { isModalOpen } from './focus.ts';
import { Icon } from './icons/Icon.tsx';

interface DrawerProps {
  title: string;
  /** Beside the title: a state, mostly. */
  mark?: ReactNode;
  subtitle?: ReactNode;
  /** Buttons for what may be done with what is shown. */
  actions?: ReactNode;
  onClose(): void;
  children: ReactNode;
}

/** What is open, beside the list it came from, which stays in use. Escape closes; the focus goes back to where it was. */
export function Drawer(props: DrawerProps) {
  const titleId = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  const close = useEffectEvent(props.onClose);
  const [before] = useState(() => document.activeElement);

  useEffect(() => {
    // A form within has taken the focus to its first field already.
    const inside = heading.current?.closest('dialog')?.contains(document.activeElement);
    if (!inside) heading.current?.focus({ preventScroll: true });
    return () => {
      // The row that was opened may be gone from the screen; its list is not.
      const there = before instanceof HTMLElement && before !== document.body && before.isConnected;
      const back = there ? before : document.querySelector<HTMLElement>('[data-list]');
      back?.focus({ preventScroll: true });
    };
  }, [before]);

  useEffect(() => {
    function onEscape(event: KeyboardEvent): void {
      if (event.key !== 'Escape' || event.defaultPrevented || isModalOpen()) return;
      event.preventDefault();
      close();
    }
    window.addEventListener('keydown', onEscape);
    return () => window.removeEventListener('keydown', onEscape);
  }, []);

  return (
    <dialog open className={classes.drawer} aria-labelledby={titleId}>
      <header className={classes.head}>
        <div className={classes.titles}>
          <div className={classes.title}>
            <h2 id={titleId} ref={heading} tabIndex={-1}>
              {props.title}
            </h2>
            {props.mark}
          </div>
          {props.subtitle ? <div className={classes.subtitle}>{props.subtitle}</div> : null}
        </div>
        <ActionIcon variant="subtle" color="gray" aria-label="Close" title="Close (Esc)" onClick={props.onClose}>
          <Icon name="close" />
        </ActionIcon>
      </header>
      {props.actions ? <div className={classes.actions}>{props.actions}</div> : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reachable from the keyboard */}
      <div className={classes.body} tabIndex={0}>
        {props.children}
      </div>
    </dialog>
  );
}
