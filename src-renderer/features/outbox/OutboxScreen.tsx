import type { Route } from '../../navigation/route.ts';
import { CommandsView } from './CommandsView.tsx';
import { ConflictsView } from './ConflictsView.tsx';

/** Every command from this device, and those that wait for a person. */
export function OutboxScreen({ route }: { route: Route }) {
  return route.filters.show === 'conflicts' ? <ConflictsView route={route} /> : <CommandsView route={route} />;
}
