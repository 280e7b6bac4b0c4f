/** Which exhibits of which card were opened; goes into the review. */
const opened = new Map<string, Set<number>>();

export function markOpened(digest: string, index: number): void {
  const set = opened.get(digest) ?? new Set<number>();
  set.add(index);
  opened.set(digest, set);
}

export const openedOf = (digest: string): number[] => [...(opened.get(digest) ?? [])].sort((a, b) => a - b);
