import { useCallback } from 'react';
import type { CommandReceipt } from '../../src-main/contract/values.ts';
import { useNotices } from './notices.ts';

/** Tells that a command stands in the outbox, how far it comes, and offers to take it back. */
export function useReceiptNotice(): (done: string, receipt: CommandReceipt) => void {
  const show = useNotices((notices) => notices.show);
  return useCallback((done, receipt) => show({ text: done, tone: 'good', command: receipt.command }), [show]);
}
