import { useEffect, useState } from 'react'

/** Starts something once and keeps its result or what went wrong. */
export function useStart<T>(start: () => Promise<T>): { value: T | undefined; problem: unknown } {
  const [state, setState] = useState<{ value: T | undefined; problem: unknown }>({ value: undefined, problem: undefined })
  useEffect(() => {
    let here = true
    start().then(
      (value) => here && setState({ value, problem: undefined }),
      (problem: unknown) => here && setState({ value: undefined, problem }),
    )
    return () => {
      here = false
    }
    // Once: what is started belongs to the page, not to a render.
  }, [])
  return state
}
