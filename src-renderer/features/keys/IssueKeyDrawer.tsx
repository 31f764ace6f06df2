import { NativeSelect, TextInput } from '@mantine/core';
import type { IssuedKey } from '../../../src-main/contract/keys.ts';
import { useCaveats, useLacks } from '../../calls/use-device.ts';
import { useReceiptNotice } from '../../notices/use-receipt-notice.ts';
import { Drawer } from '../../ui/Drawer.tsx';
import { CommandForm } from '../../ui/form/CommandForm.tsx';
import { ReasonField } from '../../ui/form/ReasonField.tsx';
import { optional, useCommandForm } from '../../ui/form/use-command-form.ts';
import { scopesOf } from './key-words.ts';

const validities = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '180', label: '180 days' },
  { value: '365', label: '1 year' },
  { value: 'never', label: 'Does not expire' },
];

export function IssueKeyDrawer({ onClose, onIssued }: { onClose(): void; onIssued(key: IssuedKey): void }) {
  const notify = useReceiptNotice();
  const lacks = useLacks();
  const noExpiry = lacks('keys.expiry');
  const caveat = useCaveats()('keys.expiry');
  const form = useCommandForm({
    call: 'keys.issue',
    initial: { label: '', scopes: '', expiresInDays: noExpiry === null ? '90' : 'never', reason: '' },
    toInput: ({ label, scopes, expiresInDays, reason }) => ({
      label,
      scopes: scopesOf(scopes),
      expiresInDays: expiresInDays === 'never' ? null : Number(expiresInDays),
      reason: optional(reason),
    }),
    onDone: (issued, { label }) => {
      notify(`Issued ${label.trim()}`, issued);
      onIssued(issued);
    },
  });
  return (
    <Drawer title="Issue key" onClose={onClose}>
      <CommandForm
        label="Issue key"
        form={form}
        submit="Issue"
        onCancel={onClose}
        consequence={`The secret is shown once, here, and kept nowhere. It is dormant until the sync that brings it to central. ${noExpiry ?? (form.values.expiresInDays === 'never' ? '' : (caveat ?? ''))}`}
      >
        <TextInput label="Label" description="What uses it, and where." maxLength={255} {...form.text('label')} />
        {lacks('keys.scopes') ? null : (
          <TextInput
            label="Scopes"
            description="What it may do, separated by commas or spaces."
            {...form.text('scopes')}
          />
        )}
        {noExpiry === null ? <NativeSelect label="Validity" data={validities} {...form.text('expiresInDays')} /> : null}
        <ReasonField {...form.text('reason')} />
      </CommandForm>
    </Drawer>
  );
}
