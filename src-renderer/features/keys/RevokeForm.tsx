import { Checkbox } from '@mantine/core';
import type { KeyDetail } from '../../../src-main/contract/keys.ts';
import { useDevice, useLacks } from '../../calls/use-device.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { useCommandForm } from '../../ui/form/use-command-form.ts';
import { Moment } from '../../ui/Moment.tsx';
import { keyName } from './key-words.ts';

export function RevokeForm({ of: key, onDone }: { of: KeyDetail; onDone(): void }) {
  const notify = useReceiptNotice();
  const lacks = useLacks();
  const delay = useDevice()?.system?.delay;
  const form = useCommandForm({
    call: 'keys.revoke',
    initial: { reason: '', compromised: false },
    toInput: ({ reason, compromised }) => ({ key: key.id, reason, compromised }),
    onDone: (receipt) => {
      notify(`Revoked ${keyName(key)}`, receipt);
      onDone();
    },
  });
  return (
    <CommandForm
      label={`Revoke ${keyName(key)}`}
      form={form}
      submit="Revoke"
      danger
      onCancel={onDone}
      consequence={
        <>
          Whatever uses this key fails, for good: a revoked key never returns. It was last used{' '}
          <Moment at={key.lastUsedAt} none="at a time that is not known" />. Not in force until it is synced: until then
          central still accepts the key. {delay}
        </>
      }
    >
      <ReasonField required {...form.text('reason')} />
      {lacks('keys.compromised') ? null : (
        <Checkbox
          label="Compromised: somebody may know its secret"
          checked={form.values.compromised}
          onChange={(event) => form.set('compromised', event.currentTarget.checked)}
        />
      )}
    </CommandForm>
  );
}
