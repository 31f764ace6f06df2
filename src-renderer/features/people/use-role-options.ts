import { useCall } from '../../calls/use-call.ts';

/** The roles that the system offers, and the one that somebody has although it offers it no more. */
export function useRoleOptions(current: string | null): { value: string; label: string }[] {
  const roles = useCall('people.roles', {}).data?.items.map((role) => role.name) ?? [];
  const names = current !== null && !roles.includes(current) ? [...roles, current] : roles;
  const choices = names.map((name) => ({ value: name, label: name }));
  return current === null ? [{ value: '', label: 'Choose a role' }, ...choices] : choices;
}
