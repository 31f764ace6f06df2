/** False where this window may not write to the clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Empties the clipboard as soon as this window may: while another one has the focus, no page may touch it. */
export function clearClipboardSoon(): void {
  if (document.hasFocus()) void copyText('');
  else window.addEventListener('focus', () => void copyText(''), { once: true });
}
