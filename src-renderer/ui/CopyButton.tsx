import { Button } from '@mantine/core';
import { useState } from 'react';
import { copyText } from './clipboard.ts';
import { Icon } from './icons/Icon.tsx';

/** Copies a text as it is, and says whether it could. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [told, setTold] = useState<string | null>(null);
  async function copy(): Promise<void> {
    setTold((await copyText(text)) ? 'Copied' : 'This window may not copy. Select the text instead.');
  }
  return (
    <Button
      variant="subtle"
      size="compact-xs"
      leftSection={<Icon name="copy" size={12} />}
      aria-label={told ? undefined : label}
      aria-live="polite"
      onClick={() => void copy()}
    >
      {told ?? 'Copy'}
    </Button>
  );
}
