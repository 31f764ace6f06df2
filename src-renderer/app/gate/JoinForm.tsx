import { Button, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { takeDevice } from '../../calls/follow-events.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { useCommandForm } from '../../ui/form/use-command-form.ts';
import classes from './Door.module.css';
import { Door } from './Door.tsx';
import { EnrollmentField } from './EnrollmentField.tsx';
import { ReviewDoor } from './ReviewDoor.tsx';

/** The first door: a file from whoever runs central, and a passphrase of one's own. */
export function JoinForm({ onReview }: { onReview(): void }) {
  const cache = useQueryClient();
  const form = useCommandForm({
    call: 'device.join',
    initial: { enrollment: '', fileName: '', passphrase: '', repeated: '' },
    toInput: ({ enrollment, passphrase }) => ({ enrollment, passphrase }),
    check: (values) => ({
      ...(values.enrollment === '' ? { enrollment: 'Choose the enrollment file that you were given.' } : {}),
      ...(values.repeated === values.passphrase ? {} : { repeated: 'This is not the same passphrase.' }),
    }),
    onDone: (device) => takeDevice(cache, device),
  });
  return (
    <Door title="Join an organization">
      <p className={classes.soft}>
        Whoever runs the central database gives you an enrollment file, which works once. This device then copies what
        it may see, encrypted with a key that your passphrase opens.
      </p>
      <form className={classes.form} {...form.properties}>
        <EnrollmentField
          fileName={form.values.fileName}
          error={form.text('enrollment').error}
          onFile={(name, text) => {
            form.set('fileName', name);
            form.set('enrollment', text);
          }}
        />
        <PasswordInput
          size="md"
          label="New passphrase"
          description="At least 12 characters. Nobody can recover it for you."
          autoComplete="new-password"
          {...form.text('passphrase')}
        />
        <PasswordInput size="md" label="Repeat the passphrase" autoComplete="new-password" {...form.text('repeated')} />
        {form.failure ? <ErrorPanel error={form.failure} /> : null}
        <Button type="submit" size="md" loading={form.busy}>
          Join
        </Button>
      </form>
      <ReviewDoor onReview={onReview} />
    </Door>
  );
}
