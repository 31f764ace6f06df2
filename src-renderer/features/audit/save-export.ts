import type { Client } from '../../client/client.ts';

/** Fetches a bundle that was made, part by part, and lets go of it at the host: there it lies in the clear. */
export async function fetchExport(
  client: Client,
  made: { export: string; bytes: number },
  onPart: (fetched: number) => void,
): Promise<Blob> {
  const parts: Blob[] = [];
  try {
    for (let offset: number | null = 0; offset !== null; ) {
      const part: { data: string; next: number | null } = await client.call('audit.export-part', {
        export: made.export,
        offset,
      });
      parts.push(new Blob([bytesOf(part.data)]));
      offset = part.next;
      onPart(Math.min(made.bytes, offset ?? made.bytes));
    }
  } finally {
    await client.call('audit.export-end', { export: made.export }).catch(() => undefined);
  }
  return new Blob(parts, { type: 'application/zip' });
}

/** Offers a file to the operator, who says where it goes. */
export function saveAs(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The browser has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** `nordhaven-energie-2026-11-21.lkx.zip` */
export function exportName(organization: string, now: number): string {
  const plain = organization
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .toLowerCase();
  return `${plain || 'audit'}-${new Date(now).toISOString().slice(0, 10)}.lkx.zip`;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
