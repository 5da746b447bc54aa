// The buckets of native histograms. Bucket `i` of schema `s` holds what is above 2^((i-1) / 2^s)
// and up to 2^(i / 2^s). Schemas get coarser while a page looks, and differ between series. So
// buckets are compared as intervals, `[low, high, count]`: of two, one contains the other, or they
// have no value in common.

/** The intervals of what the reply has. */
export function intervals([schema, bound, zero, , positive, negative]) {
  const found = [[-bound, bound, zero]];
  const end = index => 2 ** (index / 2 ** schema);
  for (let at = 0; at < positive.length; at += 2) {
    found.push([end(positive[at] - 1), end(positive[at]), positive[at + 1]]);
  }
  for (let at = 0; at < negative.length; at += 2) {
    found.push([-end(negative[at]), -end(negative[at] - 1), negative[at + 1]]);
  }
  return found;
}

/** Adds up, in ascending order: an interval within another one is part of it. */
export function joined(all) {
  const found = [];
  for (const one of all.toSorted((a, b) => a[0] - b[0] || b[1] - a[1])) {
    const last = found.at(-1);
    if (last && one[1] <= last[1]) last[2] += one[2];
    else found.push(one.slice());
  }
  return found;
}

/** What has come since; null if some of it has no bucket. */
export function nativeIncrease(now, before) {
  if (!now || !before || now[3] !== before[3]) return null;
  const gone = intervals(before).map(([low, high, count]) => [low, high, -count]);
  // As of classic buckets: one that fell gives nothing.
  return joined([...intervals(now), ...gone]).filter(([, , count]) => count > 0);
}

/** The same as bounds and counts, with empty buckets in the gaps. */
export function withoutGaps(buckets) {
  const [bounds, counts] = [[], []];
  for (const [low, high, count] of buckets) {
    if (bounds.at(-1) !== low) {
      bounds.push(low);
      counts.push(0);
    }
    bounds.push(high);
    counts.push(count);
  }
  return [bounds, counts];
}
