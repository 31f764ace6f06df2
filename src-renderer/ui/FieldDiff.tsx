import type { FieldChange } from '../../src-main/contract/values.ts';
import { utcWords } from '../words/moments.ts';
import { columnWords, isAbsent, momentIn, valueWords } from '../words/values.ts';
import classes from './FieldDiff.module.css';

/** Every changed field, before and after. */
export function FieldDiff({ changes }: { changes: FieldChange[] }) {
  return (
    <table className={classes.diff}>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => (
          <tr key={`${change.table} ${change.key} ${change.column}`}>
            <th scope="row" title={`${change.table}, ${change.key}`}>
              {columnWords(change.column)}
            </th>
            <td className={classes.before}>
              <Value value={change.before} />
            </td>
            <td className={classes.after}>
              <Value value={change.after} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A stored value; what stands for the lack of one is set apart from text of the same letters. Moments are written out. */
export function Value({ value }: { value: unknown }) {
  const at = momentIn(value);
  return (
    <span data-absent={isAbsent(value)} className={classes.value} title={at === null ? undefined : String(value)}>
      {at === null ? valueWords(value) : utcWords(at)}
    </span>
  );
}
