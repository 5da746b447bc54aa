// What is known: the last reply, and what the replies of five minutes say together.

import {Clock, newLine} from './history.js';
import {joined, nativeIncrease, withoutGaps} from './native.js';
import {addUp, increase, quantile} from './quantiles.js';
import {parsed, visible} from './units.js';

/** Quantiles are those of the last this many polls: 30 seconds. */
const WINDOW = 15;
const QUANTILES = [['p50', 0.5], ['p90', 0.9], ['p99', 0.99]];

/** The families that all annotated functions share; a collector may put a prefix before. */
const FUNCTION_FAMILIES = {
  calls: ['counter', 'function_calls_total'],
  errors: ['counter', 'function_exceptions_total'],
  durations: ['histogram', 'function_calls_duration_seconds'],
  progress: ['gauge', 'function_calls_concurrent'],
};

class Series {
  constructor(family, labels) {
    this.family = family;
    this.labels = [];
    for (let at = 0; at < labels.length; at += 2) this.labels.push([labels[at], labels[at + 1]]);
    this.text = this.labels.map(([name, value]) => `${name}=${value}`).join(' ').toLowerCase();
    this.value = NaN;
    this.rate = NaN;
    this.line = newLine();
    this.earlier = [];
  }

  label(name) {
    return this.labels.find(([known]) => known === name)?.[1];
  }

  take(value, elapsed, clock) {
    if (this.buckets) {
      this.earlier.push([this.buckets, this.native]);
      if (this.earlier.length > WINDOW) this.earlier.shift();
    }
    const before = this.value;
    if (Array.isArray(value)) {
      [this.value, this.sum, this.buckets] = [value[0], parsed(value[1]), value[2]];
      this.bounds = value[3]?.map(parsed) ?? this.family.bounds;
      this.native = value[4];
    } else {
      this.value = parsed(value);
    }
    if (this.family.counts) {
      const rate = (this.value - before) / elapsed;
      // A counter that fell was started anew: nobody knows what it counted.
      this.rate = rate >= 0 ? rate : NaN;
    }
    this.line[clock.head] = this.family.counts ? this.rate : this.value;
  }

  /** What each bucket has counted in the window. */
  get recent() {
    const before = this.earlier[0];
    return this.buckets && before ? increase(this.buckets, before[0]) : null;
  }

  /** The same of native buckets; null if it has none. */
  get recentNative() {
    return nativeIncrease(this.native, this.earlier[0]?.[1]);
  }

  quantile(q) {
    const native = this.recentNative;
    if (native) return quantile(...withoutGaps(native), q);
    const recent = this.recent;
    return recent && quantile(this.bounds, recent, q);
  }
}

class Family {
  series = new Map();
  line = newLine();
  lines = {};
  quantiles = {};

  constructor(name) {
    this.name = name;
  }

  take(reply, elapsed, clock) {
    const {type, help, unit, count} = reply;
    Object.assign(this, {type, help, unit, count});
    this.bounds = reply.bounds?.map(parsed);
    this.counts = ['counter', 'histogram', 'summary'].includes(type);
    const earlier = this.series;
    this.series = new Map();
    const names = new Set();
    for (const [labels, value] of reply.series) {
      const key = JSON.stringify(labels);
      const series = earlier.get(key) ?? new Series(this, labels);
      this.series.set(key, series);
      series.take(value, elapsed, clock);
      for (const [name] of series.labels) names.add(name);
    }
    this.labelNames = [...names];
    const words = this.labelNames.map(name => 'label:' + name).join(' ');
    this.text = `${this.name} ${help} type:${type} ${words}`.toLowerCase();
    this.addUp(clock);
  }

  addUp(clock) {
    let now = NaN;
    for (const {line} of this.series.values()) {
      const value = line[clock.head];
      if (!Number.isNaN(value)) now = (Number.isNaN(now) ? 0 : now) + value;
    }
    this.now = this.line[clock.head] = now;
    if (this.type !== 'histogram') return;
    this.recent = null;
    // Native buckets of all series, as long as each that has any values has them.
    let native = [];
    for (const series of this.series.values()) {
      const recent = series.bounds === this.bounds ? series.recent : null;
      if (!recent) continue;
      this.recent = addUp(this.recent, recent);
      const more = native && series.recentNative;
      native = more ? joined([...native, ...more]) : null;
    }
    const found = this.recent && (native ? withoutGaps(native) : [this.bounds, this.recent]);
    for (const [name, q] of QUANTILES) {
      this.quantiles[name] = found && quantile(...found, q);
      this.lines[name] ??= newLine();
      this.lines[name][clock.head] = this.quantiles[name]?.value ?? NaN;
    }
  }
}

export class State {
  clock = new Clock();
  families = new Map();
  processes = new Map();
  functions = [];
  lines = {};

  take(reply) {
    if (reply.v !== 1) throw new Error('The page is of another version: reload it.');
    this.reply = reply;
    const elapsed = reply.now - this.clock.now;
    // Two pages got one answer, or the clock was set back.
    if (elapsed <= 0) return;
    this.clock.advance(reply.now);
    const earlier = this.families;
    this.families = new Map();
    for (const family of reply.families) {
      const known = earlier.get(family.name);
      const kept = known?.type === family.type ? known : new Family(family.name);
      kept.take(family, elapsed, this.clock);
      this.families.set(family.name, kept);
    }
    this.takeProcesses(reply.processes.list, elapsed);
    this.joinFunctions();
    this.addUp();
  }

  takeProcesses(list, elapsed) {
    const earlier = this.processes;
    this.processes = new Map();
    for (const process of list) {
      const before = earlier.get(process.instance);
      const load = (process.cpu - before?.cpu) / elapsed;
      process.load = load >= 0 ? load : NaN;
      if (process.stopped) process.state = 'stopped';
      process.text = `pid:${process.pid} ${process.state}`;
      // When this page saw it end: nobody wrote down the time itself.
      process.ended = before?.ended;
      if (process.state === 'dead' && before?.state === 'live') process.ended = this.clock.now;
      this.processes.set(process.instance, process);
    }
  }

  familyOf(role) {
    const [type, name] = FUNCTION_FAMILIES[role];
    for (const family of this.families.values()) {
      const isIt = family.name === name || family.name.endsWith('_' + name);
      if (isIt && family.type === type) return family;
    }
    return undefined;
  }

  /** One row for each annotated function: the series of four families, joined by their labels. */
  joinFunctions() {
    const rows = new Map();
    for (const role of Object.keys(FUNCTION_FAMILIES)) {
      for (const series of this.familyOf(role)?.series.values() ?? []) {
        const name = series.label('function');
        if (name === undefined) continue;
        const module = series.label('module') ?? '';
        const key = module + '\0' + name;
        if (!rows.has(key)) {
          const text = `${visible(name)} ${visible(module)}`.toLowerCase();
          rows.set(key, {key, name, module, text});
        }
        rows.get(key)[role] ??= series;
      }
    }
    for (const row of rows.values()) {
      row.rate = row.calls?.rate ?? row.durations?.rate;
      row.failing = row.errors && (row.rate > 0 ? row.errors.rate / row.rate : 0);
      row.running = row.progress?.value;
      row.p50 = row.durations?.quantile(0.5);
      row.p99 = row.durations?.quantile(0.99);
    }
    this.functions = [...rows.values()];
  }

  addUp() {
    const calls = this.familyOf('calls')?.now ?? this.familyOf('durations')?.now;
    const errors = this.familyOf('errors')?.now;
    let load = NaN;
    for (const process of this.processes.values()) {
      if (!Number.isNaN(process.load)) load = (Number.isNaN(load) ? 0 : load) + process.load;
    }
    let series = 0;
    for (const family of this.families.values()) series += family.count;
    const values = {
      live: this.reply.processes.states.live ?? 0,
      calls,
      failing: calls > 0 ? errors / calls : NaN,
      running: this.familyOf('progress')?.now,
      load,
      series,
    };
    for (const [name, value] of Object.entries(values)) {
      this.lines[name] ??= newLine();
      this.lines[name][this.clock.head] = value ?? NaN;
    }
  }

  now(line) {
    return this.lines[line]?.[this.clock.head];
  }
}
