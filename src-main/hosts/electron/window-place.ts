import { readFileSync, writeFileSync } from 'node:fs';
import type { BrowserWindow, Rectangle } from 'electron';

/** Where the window stood when it was last closed. */
export interface WindowPlace {
  bounds: Rectangle;
  maximized: boolean;
}

const smallestPixels = 200;

/** Null where nothing is remembered, or where what is remembered is on a screen that is no longer there. */
export function readPlace(file: string, screens: Rectangle[]): WindowPlace | null {
  let place: WindowPlace;
  try {
    place = JSON.parse(readFileSync(file, 'utf8')) as WindowPlace;
    if (!isRectangle(place.bounds)) return null;
  } catch {
    return null;
  }
  if (!screens.some((screen) => overlap(screen, place.bounds))) return null;
  return { bounds: place.bounds, maximized: place.maximized === true };
}

export function rememberPlace(window: BrowserWindow, file: string): void {
  window.on('close', () => {
    const place: WindowPlace = { bounds: window.getNormalBounds(), maximized: window.isMaximized() };
    try {
      writeFileSync(file, JSON.stringify(place), { mode: 0o600 });
    } catch {
      // A window that opens in the middle next time is no reason to trouble anybody now.
    }
  });
}

function isRectangle(value: unknown): value is Rectangle {
  if (typeof value !== 'object' || value === null) return false;
  const { x, y, width, height } = value as Rectangle;
  return [x, y, width, height].every(Number.isInteger) && width >= smallestPixels && height >= smallestPixels;
}

/** Enough of it must be visible to be caught with the mouse. */
function overlap(screen: Rectangle, bounds: Rectangle): boolean {
  const width = Math.min(screen.x + screen.width, bounds.x + bounds.width) - Math.max(screen.x, bounds.x);
  const height = Math.min(screen.y + screen.height, bounds.y + bounds.height) - Math.max(screen.y, bounds.y);
  return width >= smallestPixels && height >= smallestPixels;
}
