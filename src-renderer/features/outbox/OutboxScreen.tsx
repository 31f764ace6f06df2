import type { Route } from '../../navigation/route.ts';
import { CommandsView } from './CommandsView.tsx';
import { ConflictsView } from './ConflictsView.tsx';
import { QuarantineView } from './QuarantineView.tsx';

/** Every command from this device, and those that wait for a person: here, or from other devices. */
export function OutboxScreen({ route }: { route: Route }) {
  switch (route.filters.show) {
    case 'conflicts':
      return <ConflictsView route={route} />;
    case 'quarantine':
      return <QuarantineView />;
    default:
      return <CommandsView route={route} />;
  }
}
