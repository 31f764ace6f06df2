import type { Integrity } from '../../../src-main/contract/integrity.ts';
import { useCall } from '../../calls/use-call.ts';
import { useDevice } from '../../calls/use-device.ts';
import { Moment } from '../../ui/Moment.tsx';
import { count } from '../../words/quantities.ts';
import { deviceWords } from './audit-words.ts';
import classes from './Integrity.module.css';

/** The devices of the organization: what each one signed of its own entries, and how far it vouches for all of the log. */
export function Signatures({ integrity }: { integrity: Integrity }) {
  const lanes = useCall('audit.lanes', { limit: 1 }).data?.lanes ?? [];
  const own = useDevice()?.device?.id;
  const size = integrity.log?.size ?? 0;
  if (integrity.devices.length === 0) return null;
  return (
    <section aria-label="Signatures of devices">
      <h2 className={classes.head}>Signatures of devices</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too. */}
      <section className={classes.scroll} tabIndex={0} aria-label="Signatures of devices, as a table">
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Device</th>
              <th scope="col">Joined at</th>
              <th scope="col">Its entries</th>
              <th scope="col">Signed by it</th>
              <th scope="col">Vouches for the log up to</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {integrity.devices.map((row) => {
              const name = lanes.find(({ device }) => device.id === row.device)?.device.name ?? null;
              const { checkpoint } = row;
              return (
                <tr key={row.device}>
                  <th scope="row" title={row.keys.checkpoint}>
                    {deviceWords({ id: row.device, name })}
                    {row.device === own ? ' (this one)' : ''}
                    {row.revoked === null ? '' : `, revoked at #${count(row.revoked)}`}
                  </th>
                  <td>#{count(row.joined)}</td>
                  <td>{count(row.entries)}</td>
                  <td data-tone={row.signed < row.entries ? 'bad' : undefined}>
                    {row.signed < row.entries
                      ? `${count(row.signed)}: ${count(row.entries - row.signed)} are not`
                      : 'all'}
                  </td>
                  <td>
                    {checkpoint === null
                      ? 'nothing yet'
                      : checkpoint.size === size
                        ? 'all of it'
                        : `${count(checkpoint.size)} of ${count(size)}`}
                  </td>
                  <td>{checkpoint ? <Moment at={checkpoint.at} /> : null}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </section>
  );
}
