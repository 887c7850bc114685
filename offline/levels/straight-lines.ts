/** Points with ascending x. */
export type Points = readonly (readonly [x: number, y: number])[];

/** y at x on straight lines between points; behind the last one, its own. */
export function valueAt(points: Points, x: number): number {
  let [beforeX, beforeY] = points[0] ?? [0, 0];
  for (const [atX, atY] of points.slice(1)) {
    if (x <= atX) return beforeY + ((atY - beforeY) * (x - beforeX)) / (atX - beforeX);
    [beforeX, beforeY] = [atX, atY];
  }
  return beforeY;
}
