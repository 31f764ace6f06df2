import { useEffect, useEffectEvent, useState } from 'react';
import { clearClipboardSoon, copyText } from '../../ui/clipboard.ts';

/** How long a secret may stand on the screen, in seconds. */
export const secretSeconds = 60;

export interface ShownSecret {
  /** Null once it is gone. */
  secret: string | null;
  secondsLeft: number;
  held: boolean;
  /** True once it was seen or copied: from then on, leaving the window takes it away. */
  used: boolean;
  copied: boolean;
  copyFailed: boolean;
  hold(): void;
  release(): void;
  copy(): Promise<void>;
  forget(): void;
}

/**
 * A secret's only minute in this window. It is concealed unless held, and gone after the time, on closing, and on leaving
 * the window once it was used. One that nobody has seen or copied survives a stray loss of focus, concealed: it would
 * otherwise be lost to everybody.
 */
export function useSecret(given: string): ShownSecret {
  const [secret, setSecret] = useState<string | null>(given);
  const [secondsLeft, setSecondsLeft] = useState(secretSeconds);
  const [held, setHeld] = useState(false);
  const [used, setUsed] = useState(false);
  const [copied, setCopied] = useState(false);
  const [copyFailed, setCopyFailed] = useState(false);

  function forget(): void {
    setSecret(null);
    setHeld(false);
    if (copied) clearClipboardSoon();
  }

  const tick = useEffectEvent(() => {
    if (secret === null) return;
    setSecondsLeft(secondsLeft - 1);
    if (secondsLeft <= 1) forget();
  });
  const left = useEffectEvent(() => {
    setHeld(false);
    if (used) forget();
  });
  useEffect(() => {
    const timer = setInterval(() => tick(), 1000);
    const blurred = () => left();
    window.addEventListener('blur', blurred);
    return () => {
      clearInterval(timer);
      window.removeEventListener('blur', blurred);
    };
  }, []);

  return {
    secret,
    secondsLeft,
    held,
    used,
    copied,
    copyFailed,
    hold() {
      setHeld(true);
      setUsed(true);
    },
    release: () => setHeld(false),
    async copy() {
      if (secret === null) return;
      const done = await copyText(secret);
      setCopied(done);
      setCopyFailed(!done);
      if (done) setUsed(true);
    },
    forget,
  };
}
