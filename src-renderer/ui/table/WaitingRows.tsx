import classes from './DataTable.module.css';

const rows = Array.from({ length: 12 }, (_, at) => `waiting-${at}`);

/** The shape of a list whose first answer is on its way. */
export function WaitingRows() {
  return (
    <div className={classes.waitingList} aria-hidden="true">
      {rows.map((key) => (
        <span key={key} className={classes.waiting} />
      ))}
    </div>
  );
}
