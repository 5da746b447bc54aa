// Six numbers of the whole program.

import {Spark, fromZero, logarithmic, ownRange} from './charts.js';
import {byId, element, setText} from './dom.js';
import {duration, number, share, visible} from './units.js';
import {extent} from './history.js';

class Tile {
  constructor(title) {
    this.value = element('span', {class: 'value'});
    this.unit = element('small');
    this.below = element('div', {class: 'below dim one-line'});
    this.spark = new Spark([100, 36]);
    const numbers = element('div', {}, this.value, this.unit);
    const head = element('div', {class: 'dim'}, title);
    this.node = element('div', {class: 'tile'}, head, numbers, this.below, this.spark.node);
  }

  show(value, unit, below, clock, lines, range, hasArea = true) {
    setText(this.value, value);
    setText(this.unit, unit);
    setText(this.below, below);
    this.spark.draw(clock, lines, range(lines), hasArea);
  }
}

const tiles = {
  live: new Tile('Processes'),
  calls: new Tile('Calls'),
  failing: new Tile('Errors'),
  latency: new Tile('Latency, last 30 s'),
  running: new Tile('In progress'),
  load: new Tile('CPU'),
};

function span(line, write) {
  const [least, most] = extent([line]);
  if (!(most >= least)) return 'not known yet';
  return `${write(least)} to ${write(most)} in 5 min`;
}

export function showOverview({state}) {
  const box = byId('overview');
  if (!box.firstChild) box.append(...Object.values(tiles).map(tile => tile.node));
  const {clock, lines} = state;
  const {states} = state.reply.processes;
  const others = Object.entries(states).filter(([name]) => name !== 'live');
  const below = others.map(([name, count]) => `${number(count)} ${name}`).join(', ');
  const [live] = [number(state.now('live'))];
  tiles.live.show(live, ' live', below || 'none dead', clock, [lines.live], fromZero);

  const calls = number(state.now('calls'));
  tiles.calls.show(calls, ' /s', span(lines.calls, number), clock, [lines.calls], fromZero);

  const failing = state.functions.filter(row => row.errors?.rate > 0);
  const [worst] = failing.sort((a, b) => b.errors.rate - a.errors.rate);
  const most = worst ? `most: ${visible(worst.name)} ${share(worst.failing)}` : 'none';
  tiles.failing.show(share(state.now('failing')), '', most, clock, [lines.failing], fromZero);

  const durations = state.familyOf('durations');
  const at = name => durations?.quantiles[name]?.value;
  const quantiles = ['p50', 'p90', 'p99'].map(name => durations?.lines[name]).filter(Boolean);
  const upper = `p90 ${duration(at('p90'))}, p99 ${duration(at('p99'))}`;
  tiles.latency.show(duration(at('p50')), ' p50', upper, clock, quantiles, logarithmic, false);

  const running = number(state.now('running'));
  const range = span(lines.running, number);
  tiles.running.show(running, ' calls', range, clock, [lines.running], ownRange, false);

  const load = state.now('load');
  const text = number(Number.isNaN(load) ? NaN : Math.round(load * 100) / 100);
  tiles.load.show(text, ' cores', span(lines.load, number), clock, [lines.load], fromZero);
}
