import { Button, Modal } from '@mantine/core';
import { useState } from 'react';
import type { IssuedKey } from '../../../src-main/contract/keys.ts';
import { Icon } from '../../ui/icons/Icon.tsx';
import { HoldToReveal } from './HoldToReveal.tsx';
import classes from './Keys.module.css';
import { useSecret } from './use-secret.ts';

/** The one time that a new key's secret is told. */
export function SecretDialog({ issued, onClose }: { issued: IssuedKey; onClose(): void }) {
  const shown = useSecret(issued.secret);
  const [warned, setWarned] = useState(false);
  const gone = shown.secret === null;

  function close(): void {
    if (!gone && !shown.used && !warned) {
      setWarned(true);
      return;
    }
    shown.forget();
    onClose();
  }

  return (
    <Modal
      opened
      onClose={close}
      title="The secret of the new key"
      size={520}
      centered
      lockScroll={false}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      <div className={classes.secretBox}>
        <p>Shown this once and kept nowhere. Dormant until sync: central accepts it when this change is in force.</p>
        <output className={classes.secret} aria-label="Secret">
          {secretText(shown.secret, shown.held, issued)}
        </output>
        {gone ? null : (
          <div className={classes.secretButtons}>
            <HoldToReveal onHold={shown.hold} onRelease={shown.release} />
            <Button
              variant="default"
              leftSection={<Icon name={shown.copied ? 'check' : 'copy'} size={14} />}
              onClick={() => void shown.copy()}
            >
              {shown.copied ? 'Copied' : 'Copy'}
            </Button>
            <span className={classes.countdown}>Gone in {shown.secondsLeft} s</span>
          </div>
        )}
        {shown.copied ? (
          <p className={classes.soft}>
            The clipboard is emptied when this closes or you come back to this window, so paste it first.
          </p>
        ) : null}
        {shown.copyFailed ? (
          <p className={classes.soft}>
            This window may not use the clipboard. Hold to reveal, and take it over by hand.
          </p>
        ) : null}
        <div className={classes.foot}>
          {warned && !gone && !shown.used ? (
            <p className={classes.warning} role="alert">
              Nobody has seen it yet. Closing loses it; the key would have to be rotated again.
            </p>
          ) : null}
          <Button variant="default" onClick={close}>
            {warned && !gone && !shown.used ? 'Close without it' : 'Done'}
          </Button>
        </div>
      </div>
    </Modal>
  );
}

function secretText(secret: string | null, held: boolean, { prefix, last4 }: IssuedKey): string {
  if (secret === null) return 'Gone from this window. If nobody has it, rotate the key again.';
  return held ? secret : `${prefix}${'•'.repeat(32)}${last4}`;
}
