import { Button, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { takeDevice } from '../../calls/follow-events.ts';
import { useCommand } from '../../calls/use-command.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import classes from './Door.module.css';
import { Door } from './Door.tsx';
import { ReviewDoor } from './ReviewDoor.tsx';

export function UnlockForm({ onReview }: { onReview(): void }) {
  const cache = useQueryClient();
  const unlock = useCommand('device.unlock');
  const [passphrase, setPassphrase] = useState('');
  const wrong = unlock.error?.code === 'wrong-passphrase' || unlock.error?.field === 'passphrase';

  function submit(event: SubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    const field = event.currentTarget.querySelector('input');
    if (passphrase === '') {
      field?.focus();
      return;
    }
    unlock.mutate(
      { passphrase },
      {
        onSuccess: (device) => takeDevice(cache, device),
        onError: () => requestAnimationFrame(() => field?.select()),
      },
    );
  }

  return (
    <Door title="Unlock Latchkey">
      <form className={classes.form} onSubmit={submit}>
        <PasswordInput
          size="md"
          label="Passphrase"
          description="What this device holds is encrypted, and opens with nothing else."
          autoComplete="current-password"
          autoFocus
          value={passphrase}
          error={wrong ? unlock.error?.message : undefined}
          onChange={(event) => {
            setPassphrase(event.currentTarget.value);
            if (unlock.error) unlock.reset();
          }}
        />
        {unlock.error && !wrong ? <ErrorPanel error={unlock.error} /> : null}
        <Button type="submit" size="md" loading={unlock.isPending}>
          Unlock
        </Button>
      </form>
      <ReviewDoor onReview={onReview} />
    </Door>
  );
}
