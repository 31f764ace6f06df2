import type { Route } from '../../navigation/route.ts';
import { TablesView } from './TablesView.tsx';
import { TableView } from './TableView.tsx';

/** Every mirrored table, as it is. */
export function DataScreen({ route }: { route: Route }) {
  return route.open === null ? (
    <TablesView route={route} />
  ) : (
    <TableView key={route.open} table={route.open} route={route} />
  );
}
