import { isAbsent, valueWords } from '../../words/values.ts';
import classes from './Data.module.css';

/** A stored value on one line; what stands for the lack of one is set apart. */
export function Cell({ value }: { value: unknown }) {
  return isAbsent(value) ? <em className={classes.soft}>{value === '' ? 'empty' : 'null'}</em> : valueWords(value);
}
