import { useSyncExternalStore } from 'react';

/** How often relative times on the screen are written again, in milliseconds. */
const beat = 15_000;

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, beat);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

/** One clock for all relative times of the window, so that they never disagree with one another. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
