import type { Route } from '../../navigation/route.ts';
import { DevicesView } from './DevicesView.tsx';
import { ExplorerView } from './ExplorerView.tsx';
import { IntegrityView } from './IntegrityView.tsx';
import { LifeView } from './LifeView.tsx';
import { RegistersView } from './RegistersView.tsx';
import { ReviewView } from './ReviewView.tsx';

/** What happened: found by words and by what it has in common, as the life of one person or key, and how far it is to be believed. */
export function AuditScreen({ route }: { route: Route }) {
  switch (route.filters.show) {
    case 'life':
      return <LifeView route={route} />;
    case 'devices':
      return <DevicesView />;
    case 'registers':
      return <RegistersView />;
    case 'review':
      return <ReviewView />;
    case 'integrity':
      return <IntegrityView />;
    default:
      return <ExplorerView route={route} />;
  }
}
