import { blobSource, keysIn, reportText, type Source, verify } from '../../../src-main/verifier/verify.mjs';
import { type ReviewedEntry, reviewedEntry } from './reviewed-entry.ts';
import type { VerifyNews, VerifyRequest } from './verify-messages.ts';

/** So many entries travel at once. */
const batch = 500;

addEventListener('message', (event: MessageEvent<VerifyRequest>) => void answer(event.data));

/** Verifies beside the window, which goes on answering; nothing leaves this machine. */
async function answer({ file, trust, checkpoint }: VerifyRequest): Promise<void> {
  let waiting: ReviewedEntry[] = [];
  const flush = () => {
    if (waiting.length > 0) tell({ type: 'entries', entries: waiting });
    waiting = [];
  };
  try {
    const report = await verify(watched(blobSource(file)), {
      trust: keysIn(trust),
      checkpoint,
      onEntry: (...told) => {
        if (waiting.push(reviewedEntry(...told)) >= batch) flush();
      },
    });
    flush();
    tell({ type: 'report', report, text: reportText(report) });
  } catch (error) {
    tell({ type: 'refused', message: (error as Error).message });
  }
}

/** Tells how much of a file was read, in steps of a hundredth. */
function watched(source: Source): Source {
  let furthest = 0;
  return {
    size: source.size,
    read(offset, length) {
      const part = Math.min(1, (offset + length) / source.size);
      if (part < 1 && part > furthest + 0.01) {
        furthest = part;
        tell({ type: 'progress', part });
      }
      return source.read(offset, length);
    },
  };
}

function tell(news: VerifyNews): void {
  postMessage(news);
}
