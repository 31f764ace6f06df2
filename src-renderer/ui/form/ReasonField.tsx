import { Textarea } from '@mantine/core';
import type { ComponentProps } from 'react';

type ReasonFieldProps = ComponentProps<typeof Textarea> & { required?: boolean; autoFocus?: boolean };

/** Why something is done. It stands in the audit entry for good. */
export function ReasonField({ required = false, autoFocus = false, ...text }: ReasonFieldProps) {
  return (
    <Textarea
      label="Reason"
      description={
        required
          ? 'Stays in the audit log. Write no secret here.'
          : 'Optional. Stays in the audit log. Write no secret here.'
      }
      autosize
      minRows={2}
      maxRows={6}
      maxLength={500}
      data-autofocus={autoFocus || undefined}
      {...text}
    />
  );
}
