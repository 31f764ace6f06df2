import { useCallback, useEffect, useRef, useState } from 'react';
import type { Report } from '../../../src-main/verifier/verify.mjs';
import type { ReviewedEntry } from './reviewed-entry.ts';
import type { VerifyNews, VerifyRequest } from './verify-messages.ts';

/** So many entries are kept to look at, the newest; all of them are verified. */
export const mostKept = 200_000;

export interface Review {
  file: File;
  /** From 0 to 1 while the file is read; null when it is done. */
  progress: number | null;
  /** Oldest first. */
  entries: readonly ReviewedEntry[];
  /** How many there were before those that are kept. */
  dropped: number;
  report: Report | null;
  /** The report in words, as the verifier on the command line prints it. */
  text: string;
  /** Why nothing was verified. */
  refusal: string | null;
}

/** Verifies a bundle in a worker of its own, which a new file or the end of the page stops. */
export function useReview(): { review: Review | null; start(request: VerifyRequest): void } {
  const [review, setReview] = useState<Review | null>(null);
  const worker = useRef<Worker | null>(null);
  useEffect(() => () => worker.current?.terminate(), []);

  const start = useCallback((request: VerifyRequest) => {
    worker.current?.terminate();
    const started = new Worker(new URL('./verify-worker.ts', import.meta.url), { type: 'module' });
    worker.current = started;
    const entries: ReviewedEntry[] = [];
    let dropped = 0;
    const fresh = { file: request.file, entries, dropped, report: null, text: '', refusal: null };
    setReview({ ...fresh, progress: 0 });
    started.onmessage = ({ data }: MessageEvent<VerifyNews>) => {
      switch (data.type) {
        case 'progress':
          setReview({ ...fresh, progress: data.part });
          break;
        case 'entries':
          entries.push(...data.entries);
          if (entries.length > 2 * mostKept) dropped += entries.splice(0, entries.length - mostKept).length;
          break;
        case 'report':
          dropped += entries.splice(0, Math.max(0, entries.length - mostKept)).length;
          setReview({ ...fresh, entries, dropped, report: data.report, text: data.text, progress: null });
          started.terminate();
          break;
        case 'refused':
          setReview({ ...fresh, refusal: data.message, progress: null });
          started.terminate();
          break;
      }
    };
    started.onerror = (event) => {
      event.preventDefault();
      setReview({ ...fresh, refusal: 'The verifier could not be started in this window.', progress: null });
    };
    started.postMessage(request);
  }, []);
  return { review, start };
}
