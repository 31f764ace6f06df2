import { useEffect, useEffectEvent, useRef } from 'react';
import { go } from '../../navigation/use-route.ts';
import { focusSearch, isModalOpen, isTyping } from '../../ui/focus.ts';
import { useCheatSheet } from './cheat-sheet-state.ts';
import { goKeys } from './shortcuts.ts';

/** How long `g` waits for the key that says where to, in milliseconds. */
const patience = 1_200;

/** Keys that work wherever the focus is, unless they are text. */
export function useWindowKeys(): void {
  const setSheet = useCheatSheet((sheet) => sheet.set);
  const wentAt = useRef(Number.NEGATIVE_INFINITY);

  const pressed = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || isModalOpen()) return;
    if (actOn(event)) event.preventDefault();
  });

  function actOn({ key, timeStamp }: KeyboardEvent): boolean {
    const place = timeStamp - wentAt.current < patience ? goKeys[key] : undefined;
    wentAt.current = key === 'g' ? timeStamp : Number.NEGATIVE_INFINITY;
    if (place) {
      go({ place, open: null, filters: {} });
      return true;
    }
    if (key === '/') return focusSearch();
    if (key === '?') {
      setSheet(true);
      return true;
    }
    return false;
  }

  useEffect(() => {
    const listener = (event: KeyboardEvent) => pressed(event);
    // Before lists hear of it: `k` after `g` is no step in a list.
    window.addEventListener('keydown', listener, { capture: true });
    return () => window.removeEventListener('keydown', listener, { capture: true });
  }, []);
}
