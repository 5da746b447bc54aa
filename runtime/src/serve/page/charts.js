// Lines of five minutes: small ones in rows, and one that can be read.

import {SPAN, extent} from './history.js';
import {setAttribute, svg} from './dom.js';

/** From 0, for rates. */
export function fromZero(lines) {
  const [, most] = extent(lines);
  return {low: 0, high: most > 0 ? most * 1.06 : 1};
}

/** The values' own range, for gauges. */
export function ownRange(lines) {
  const [least, most] = extent(lines);
  if (!(most >= least)) return {low: 0, high: 1};
  const half = Math.max((most - least) * 0.55, Math.abs(most + least) * 0.04 || 0.5);
  return {low: (least + most) / 2 - half, high: (least + most) / 2 + half};
}

/** Quantiles lie decades apart. */
export function logarithmic(lines) {
  const positive = lines.map(line => line.filter(value => value > 0));
  const [least, most] = extent(positive);
  if (!(most >= least)) return {low: 0, high: 1};
  return {low: Math.log(least) - 0.3, high: Math.log(most) + 0.15, isLog: true};
}

/** The value at a height from 0 (top) to 1. */
export function valueAt({low, high, isLog}, height) {
  const value = high - (high - low) * height;
  return isLog ? Math.exp(value) : value;
}

const rounded = x => Math.round(x * 10) / 10;

/** The path of a line, or of the area below it. A gap in what is known is a gap in the path. */
function path(clock, line, range, [width, height], isArea, step) {
  const parts = [];
  let [begin, x] = [NaN, NaN];
  const close = () => {
    if (isArea && !Number.isNaN(begin)) parts.push(`V${height}H${begin}Z`);
  };
  for (const [old, value, isJoined] of clock.points(line, step)) {
    const measured = range.isLog ? Math.log(value) : value;
    const y = rounded((1 - (measured - range.low) / (range.high - range.low)) * height);
    if (!Number.isFinite(y)) continue;
    x = rounded((1 - old / SPAN) * width);
    if (isJoined && parts.length > 0) {
      parts.push(`L${x} ${y}`);
    } else {
      close();
      begin = x;
      parts.push(isArea ? `M${x} ${height}V${y}` : `M${x} ${y}`);
    }
  }
  close();
  return parts.join('');
}

/** A small chart, which says nothing to those who can't see it: the numbers are beside it. */
export class Spark {
  constructor(size = [100, 20]) {
    this.size = size;
    this.area = svg('path', {class: 'area'});
    this.paths = [];
    const box = `0 0 ${size[0]} ${size[1]}`;
    const attributes = {class: 'spark', viewBox: box, preserveAspectRatio: 'none'};
    this.node = svg('svg', {...attributes, 'aria-hidden': 'true'}, this.area);
  }

  draw(clock, lines, range, hasArea) {
    const step = this.size[1] > 20 ? 1 : 2;
    const area = hasArea ? path(clock, lines[0], range, this.size, true, step) : '';
    setAttribute(this.area, 'd', area);
    for (const [at, line] of lines.entries()) {
      if (!this.paths[at]) {
        this.paths[at] = svg('path', {class: 'line' + at});
        this.node.append(this.paths[at]);
      }
      setAttribute(this.paths[at], 'd', path(clock, line, range, this.size, false, step));
    }
  }
}

/** Draws what is in the window, and what comes into it. */
const observer = new IntersectionObserver(
  entries => {
    for (const {target, isIntersecting} of entries) {
      target.isInWindow = isIntersecting;
      if (isIntersecting) target.redraw?.();
    }
  },
  {rootMargin: '100px'},
);

export function whenInWindow(node, redraw) {
  node.redraw = redraw;
  observer.observe(node);
}
