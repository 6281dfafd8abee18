/** The mark: two leaves of a hinge on their pin. Cardea is the goddess of the door hinge. */
export function Mark({ size = 32 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <path className="fill-accent" d="M6.5 5H13v22H6.500A2.500 2.500 0 0 1 4 24.500V7.500A2.500 2.500 0 0 1 6.500 5z" />
      <path className="fill-accent opacity-60" d="M19 5h6.500A2.500 2.500 0 0 1 28 7.500v17a2.500 2.500 0 0 1-2.500 2.500H19z" />
      <path className="fill-brass" d="M14 3.500a1.500 1.500 0 0 1 1.500-1.500h1A1.500 1.500 0 0 1 18 3.500V10h-4zM14 12h4v8h-4zM14 22h4v6.500a1.500 1.500 0 0 1-1.500 1.500h-1a1.500 1.500 0 0 1-1.500-1.500z" />
    </svg>
  )
}

/** A turning ring: something is under way. Whoever shows it says in words what. */
export function Spinner({ size = 18 }: { size?: number }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} className="animate-spin" aria-hidden="true">
      <circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" strokeWidth="2.5" opacity="0.25" />
      <path d="M21 12a9 9 0 0 0-9-9" fill="none" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />
    </svg>
  )
}
