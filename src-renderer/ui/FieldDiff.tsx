import type { FieldChange } from '../../src-main/contract/values.ts';
import { columnWords, isAbsent, readableWords, valueWords } from '../words/values.ts';
import { changedRows } from './changed-rows.ts';
import classes from './FieldDiff.module.css';

/** Every changed field, before and after, row by row. A row that is new has no before. */
export function FieldDiff({ changes }: { changes: FieldChange[] }) {
  const rows = changedRows(changes);
  return (
    <div className={classes.rows}>
      {rows.map((row) => (
        <table key={`${row.table} ${row.key}`} className={classes.diff}>
          {rows.length > 1 ? (
            <caption>
              {row.table} <code>{row.key}</code>
            </caption>
          ) : null}
          <thead>
            <tr>
              <th scope="col">Field</th>
              {row.isNew ? null : <th scope="col">Before</th>}
              <th scope="col">{row.isNew ? 'New' : 'After'}</th>
            </tr>
          </thead>
          <tbody>
            {row.changes.map((change) => (
              <tr key={change.column}>
                <th scope="row">{columnWords(change.column)}</th>
                {row.isNew ? null : (
                  <td className={classes.before}>
                    <Value value={change.before} />
                  </td>
                )}
                <td className={row.isNew ? undefined : classes.after}>
                  <Value value={change.after} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
    </div>
  );
}

/** A stored value, written out; as stored when pointed at. What stands for the lack of one is set apart from text. */
export function Value({ value }: { value: unknown }) {
  const words = readableWords(value);
  const stored = valueWords(value);
  return (
    <span data-absent={isAbsent(value)} className={classes.value} title={words === stored ? undefined : stored}>
      {words}
    </span>
  );
}
