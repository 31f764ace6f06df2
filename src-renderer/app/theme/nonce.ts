/** The nonce that this page's policy lets its style elements carry; the host writes it into the page that it serves. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
}
