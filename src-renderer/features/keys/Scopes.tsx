import classes from './Keys.module.css';

/** What a key may do, one chip each; those that find no room are counted. */
export function Scopes({ scopes, most = Number.POSITIVE_INFINITY }: { scopes: string[]; most?: number }) {
  if (scopes.length === 0) return <span className={classes.soft}>none</span>;
  const hidden = scopes.slice(most);
  return (
    <span className={classes.scopes}>
      {scopes.slice(0, most).map((scope) => (
        <code key={scope} className={classes.scope}>
          {scope}
        </code>
      ))}
      {hidden.length > 0 ? (
        <span className={classes.soft} title={hidden.join(', ')}>
          +{hidden.length}
        </span>
      ) : null}
    </span>
  );
}
