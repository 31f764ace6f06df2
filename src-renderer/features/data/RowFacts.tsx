import { Cell } from './Cell.tsx';
import classes from './Data.module.css';

/** Every column of a row, in full. */
export function RowFacts({ row, names }: { row: Record<string, unknown>; names: string[] }) {
  return (
    <dl className={classes.facts}>
      {names.map((name) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {isStructured(row[name]) ? <pre>{JSON.stringify(row[name], null, 2)}</pre> : <Cell value={row[name]} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function isStructured(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
