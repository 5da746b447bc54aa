// Five minutes of numbers, by the clock of whoever answers. What is not known is NaN.

export const POINTS = 151;
/** Seconds that a chart shows. */
export const SPAN = 300;
/** Two points further apart than this many seconds are not joined. */
const GAP = 9;

export const newLine = () => new Float64Array(POINTS).fill(NaN);

/** The times of all points. Lines have their values at the same places. */
export class Clock {
  times = newLine();
  /** Where the newest point is. */
  head = 0;

  get now() {
    return this.times[this.head];
  }

  advance(now) {
    this.head = (this.head + 1) % POINTS;
    this.times[this.head] = now;
  }

  /** The place of the point that is `back` points old. */
  place(back) {
    return (this.head - back + POINTS) % POINTS;
  }

  /** The points of a line, from the oldest: age in seconds, value, whether it is joined. */
  *points(line, step = 1) {
    let before = NaN;
    for (let back = POINTS - 1 - ((POINTS - 1) % step); back >= 0; back -= step) {
      const place = this.place(back);
      const value = line[place];
      const old = this.now - this.times[place];
      if (!(old <= SPAN) || !Number.isFinite(value)) {
        before = NaN;
        continue;
      }
      yield [old, value, before - old <= GAP * step];
      before = old;
    }
  }
}

/** The least and the greatest value of lines. */
export function extent(lines) {
  let [least, most] = [Infinity, -Infinity];
  for (const line of lines) {
    for (const value of line) {
      if (!Number.isFinite(value)) continue;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  return [least, most];
}
