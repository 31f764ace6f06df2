import type { Conflict, ConflictField } from '../../../src-main/contract/outbox.ts';
import { Value } from '../../ui/FieldDiff.tsx';
import { columnWords } from '../../words/values.ts';
import classes from './Outbox.module.css';
import type { Choices, Side } from './resolution.ts';

interface MergeTableProps {
  conflict: Conflict;
  choices: Choices;
  /** Left out where there is nothing to choose any more. */
  onChoose: ((column: string, side: Side) => void) | undefined;
}

/** What each field was, what this device made of it, and what central has now. */
export function MergeTable({ conflict, choices, onChoose }: MergeTableProps) {
  return (
    <table className={classes.merge}>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">
            <strong>Base</strong>as both had it
          </th>
          <th scope="col">
            <strong>Mine</strong>from this device
          </th>
          <th scope="col">
            <strong>Theirs</strong>central has it now
          </th>
        </tr>
      </thead>
      <tbody>
        {conflict.fields.map((field) => (
          <tr key={field.column}>
            <th scope="row">{columnWords(field.column)}</th>
            <td>
              <Value value={field.base} />
            </td>
            {(['mine', 'theirs'] as const).map((side) => (
              <td key={side} data-chosen={choices[field.column] === side}>
                {onChoose && conflict.fields.length > 1 ? (
                  <Choice
                    group={`${conflict.conflict} ${field.column}`}
                    field={field}
                    side={side}
                    chosen={choices[field.column] === side}
                    onChoose={() => onChoose(field.column, side)}
                  />
                ) : (
                  <Value value={field[side]} />
                )}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ChoiceProps {
  group: string;
  field: ConflictField;
  side: Side;
  chosen: boolean;
  onChoose(): void;
}

function Choice({ group, field, side, chosen, onChoose }: ChoiceProps) {
  return (
    <label className={classes.choice}>
      <input
        type="radio"
        name={group}
        checked={chosen}
        onChange={onChoose}
        aria-label={`Take ${side} for ${columnWords(field.column)}`}
      />
      <Value value={field[side]} />
    </label>
  );
}
