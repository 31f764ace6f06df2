import type { Route } from '../../navigation/route.ts';
import { ExplorerView } from './ExplorerView.tsx';

/** What happened: found by words and by what it has in common, as the life of one thing. */
export function AuditScreen({ route }: { route: Route }) {
  return <ExplorerView route={route} />;
}
