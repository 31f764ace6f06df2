import type { Route } from '../../navigation/route.ts';
import { ExplorerView } from './ExplorerView.tsx';
import { LifeView } from './LifeView.tsx';

/** What happened: found by words and by what it has in common, or as the life of one person or key. */
export function AuditScreen({ route }: { route: Route }) {
  switch (route.filters.show) {
    case 'life':
      return <LifeView route={route} />;
    default:
      return <ExplorerView route={route} />;
  }
}
