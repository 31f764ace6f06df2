import type { CentralHealth } from '../../../src-main/contract/central.ts';
import { Moment } from '../../ui/Moment.tsx';
import { bytes, count } from '../../words/quantities.ts';
import classes from './Central.module.css';

/** The tables that devices mirror, the largest first. */
export function TablesOfCentral({ tables }: { tables: CentralHealth['tables'] }) {
  const largestFirst = [...tables].sort((one, other) => other.bytes - one.bytes);
  return (
    <section>
      <h2 className={classes.head}>Tables</h2>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Table</th>
              <th scope="col">Size</th>
              <th scope="col">Rows, about</th>
              <th scope="col">Dead</th>
              <th scope="col">Grown</th>
              <th scope="col">Vacuumed</th>
              <th scope="col">Unused indexes</th>
            </tr>
          </thead>
          <tbody>
            {largestFirst.map((table) => (
              <tr key={table.name}>
                <th scope="row">{table.name}</th>
                <td>{bytes(table.bytes)}</td>
                <td>{count(table.rows)}</td>
                <td>{count(table.deadRows)}</td>
                <td>
                  {table.grown ? `${bytes(Math.abs(table.grown.bytes))} in ${count(table.grown.days)} days` : '–'}
                </td>
                <td>
                  <Moment at={table.vacuumedAt} />
                </td>
                <td>{count(table.unusedIndexes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
