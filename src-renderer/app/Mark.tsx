/** Latchkey's mark: a keyhole in a latch. */
export function Mark({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <rect width="20" height="20" rx="5" fill="#3d50c9" />
      <path d="M10 4.5a3.2 3.2 0 0 0-1.5 6L7.7 15.5h4.6l-.8-5a3.2 3.2 0 0 0-1.5-6z" fill="#fff" />
    </svg>
  );
}
