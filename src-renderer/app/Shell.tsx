import { type ReactNode, useEffect } from 'react';
import type { DeviceState } from '../../src-main/contract/device.ts';
import { AuditScreen } from '../features/audit/AuditScreen.tsx';
import { CentralScreen } from '../features/central/CentralScreen.tsx';
import { DataScreen } from '../features/data/DataScreen.tsx';
import { KeysScreen } from '../features/keys/KeysScreen.tsx';
import { OutboxScreen } from '../features/outbox/OutboxScreen.tsx';
import { PeopleScreen } from '../features/people/PeopleScreen.tsx';
import type { Place, Route } from '../navigation/route.ts';
import { useRoute } from '../navigation/use-route.ts';
import { NoticeStack } from '../notices/NoticeStack.tsx';
import { CheatSheet } from './keyboard/CheatSheet.tsx';
import { useWindowKeys } from './keyboard/use-window-keys.ts';
import { placeWords } from './place-words.ts';
import { Rail } from './Rail.tsx';
import classes from './Shell.module.css';
import { LostConnection } from './status/LostConnection.tsx';
import { ProblemStrip } from './status/ProblemStrip.tsx';
import { StatusBar } from './status/StatusBar.tsx';

const screens: Record<Place, (props: { route: Route }) => ReactNode> = {
  people: PeopleScreen,
  keys: KeysScreen,
  outbox: OutboxScreen,
  audit: AuditScreen,
  data: DataScreen,
  central: CentralScreen,
};

/** The window once it is open: places on the left, one of them in the middle, how things stand below. */
export function Shell({ device }: { device: DeviceState }) {
  const route = useRoute();
  const ScreenOfPlace = screens[route.place];
  const organization = device.organization?.name ?? 'Latchkey';
  useWindowKeys();
  useEffect(() => {
    document.title = `${placeWords[route.place]} · ${organization}`;
  }, [route.place, organization]);
  return (
    <div className={classes.shell}>
      <Rail device={device} place={route.place} />
      <main className={classes.main}>
        <LostConnection />
        <ScreenOfPlace key={route.place} route={route} />
      </main>
      <footer className={classes.foot}>
        <ProblemStrip />
        <StatusBar />
      </footer>
      <NoticeStack />
      <CheatSheet />
    </div>
  );
}
