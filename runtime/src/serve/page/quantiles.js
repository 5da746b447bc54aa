// Quantiles of what histograms counted between two points in time.

/** What each bucket has counted since then. A bucket that fell gives nothing: a restart. */
export function increase(now, before) {
  return now.map((count, at) => Math.max(0, count - (before?.[at] ?? 0)));
}

export function addUp(target, counts) {
  if (!target) return counts.slice();
  for (const [at, count] of counts.entries()) target[at] = (target[at] ?? 0) + count;
  return target;
}

/**
 * A quantile, and the interval in which it lies: buckets are coarse, and values few. It reaches over
 * the buckets of all ranks within 1.96 standard deviations.
 */
export function quantile(bounds, counts, q) {
  let total = 0;
  for (const count of counts) total += count;
  if (!(total > 0)) return null;
  const bucketOf = rank => {
    let below = 0;
    for (const [at, count] of counts.entries()) {
      if (count > 0 && below + count >= rank) return [at, (rank - below) / count];
      below += count;
    }
    return [counts.length - 1, 1];
  };
  const low = at => (at > 0 ? bounds[at - 1] : Math.min(0, bounds[0]));
  const rank = Math.max(total * q, 1e-9);
  const spread = 1.96 * Math.sqrt(total * q * (1 - q));
  const [at, part] = bucketOf(rank);
  const isAbove = bounds[at] === Infinity;
  return {
    // Prometheus also shows the greatest finite bound for what is above it.
    value: isAbove ? low(at) : low(at) + (bounds[at] - low(at)) * part,
    isAbove,
    least: low(bucketOf(Math.max(1e-9, rank - spread))[0]),
    most: bounds[bucketOf(Math.min(total, rank + spread))[0]],
    total,
  };
}
