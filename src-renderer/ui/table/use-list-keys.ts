import { useEffect, useEffectEvent } from 'react';
import { isModalOpen, isTyping } from '../focus.ts';
import { walk, walksFromAnywhere } from './walk.ts';

interface ListKeys {
  active: number;
  total: number;
  rowsPerPage: number;
  onMove(index: number): void;
  onOpen(index: number): void;
}

/** Walks a list with the keyboard: `j` and `k` from anywhere, arrows and Enter while the list has the focus. */
export function useListKeys(list: HTMLElement | null, keys: ListKeys): void {
  const pressed = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || isModalOpen()) return;
    const inList = event.target === list || event.target === document.body;
    if (!inList && !walksFromAnywhere.includes(event.key)) return;
    if (event.key === 'Enter') {
      if (keys.active < 0) return;
      event.preventDefault();
      keys.onOpen(keys.active);
      return;
    }
    const to = walk(event.key, keys.active, keys.total, keys.rowsPerPage);
    if (to === null) return;
    event.preventDefault();
    keys.onMove(to);
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => pressed(event);
    window.addEventListener('keydown', listener);
    return () => window.removeEventListener('keydown', listener);
  }, []);
}
