import { useCallback } from 'react';
import type { CommandReceipt } from '../../src-main/contract/values.ts';
import { href } from '../navigation/route.ts';
import { useNotices } from './notices.ts';

/** Tells that a command stands in the outbox, and offers to take it back. */
export function useReceiptNotice(): (done: string, receipt: CommandReceipt) => void {
  const show = useNotices((notices) => notices.show);
  return useCallback(
    (done, receipt) =>
      show({
        text: `${done}. ${receiptWords(receipt)}`,
        tone: 'good',
        undo: receipt.command,
        link: { words: 'Open in Outbox', href: href('outbox', receipt.command) },
      }),
    [show],
  );
}

function receiptWords(receipt: CommandReceipt): string {
  if (receipt.state === 'local') return 'Kept on this device until what it builds on is resolved.';
  if (receipt.state === 'queued') return 'Queued; it takes force when central accepts it.';
  return 'It is on its way to central.';
}
