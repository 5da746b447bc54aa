// One family unfolded: a chart that can be read, buckets, queries, series.

import {SPAN, extent} from './history.js';
import {Spark, fromZero, ownRange, valueAt} from './charts.js';
import {button, element, setAttribute, setChildren, setMarked, setText} from './dom.js';
import {age, inUnit, labelValue, number, perSecond, share, visible} from './units.js';
import {chartOf, isTime} from './families.js';
import {queries} from './queries.js';

/** As many series are listed at first, and more at each request. */
const FEW = 12;
const MORE = 100;

/** A chart with a scale, whose points the pointer and the arrow keys read. */
class Chart {
  constructor(names) {
    this.names = names;
    this.back = null;
    this.spark = new Spark([600, 150]);
    this.marks = [0.05, 0.5, 0.95].map(height => {
      const mark = element('div', {class: 'mark'}, element('span'));
      mark.style.top = height * 100 + '%';
      return mark;
    });
    this.pointer = element('div', {class: 'pointer', hidden: ''});
    const role = {class: 'chart', tabindex: 0, role: 'img'};
    this.box = element('div', role, ...this.marks, this.spark.node, this.pointer);
    this.values = names.map(() => element('span'));
    this.when = element('span', {class: 'dim'});
    this.legend = element(
      'div',
      {class: 'legend'},
      ...names.map((name, at) => {
        const line = element('i', {class: 'key line' + at});
        return element('span', {}, line, name ? name + ' ' : '', this.values[at]);
      }),
      this.when,
    );
    const axis = [element('span', {}, '5 min ago'), element('span', {}, 'now')];
    this.node = element('div', {}, this.legend, this.box, element('div', {class: 'axis'}, ...axis));
    this.listen();
  }

  listen() {
    const read = back => {
      this.back = back;
      this.write?.();
    };
    this.box.addEventListener('pointermove', event => {
      const {left, width} = this.box.getBoundingClientRect();
      read(this.nearest(SPAN * (1 - (event.clientX - left) / width)));
    });
    this.box.addEventListener('pointerleave', () => read(null));
    this.box.addEventListener('blur', () => read(null));
    this.box.addEventListener('keydown', event => {
      const step = {ArrowLeft: 1, ArrowRight: -1}[event.key];
      if (!step) return;
      event.preventDefault();
      read(Math.max(0, Math.min(149, (this.back ?? 0) + step)));
    });
  }

  /** The point whose age comes nearest. */
  nearest(old) {
    const distance = back => Math.abs(this.clock.now - this.clock.times[this.clock.place(back)] - old);
    let best = 0;
    for (let back = 1; back < 150; back += 1) {
      if (distance(back) < distance(best)) best = back;
    }
    return best;
  }

  show(name, clock, {lines, range, hasArea}, unit) {
    this.clock = clock;
    const scale = range(lines);
    this.spark.draw(clock, lines, scale, hasArea);
    for (const [at, height] of [0.05, 0.5, 0.95].entries()) {
      setText(this.marks[at].firstChild, unit(valueAt(scale, height)));
    }
    this.write = () => {
      const place = clock.place(this.back ?? 0);
      const old = clock.now - clock.times[place];
      this.pointer.hidden = this.back === null || Number.isNaN(old);
      this.pointer.style.left = `${(1 - old / SPAN) * 100}%`;
      for (const [at, line] of lines.entries()) setText(this.values[at], unit(line[place]));
      setText(this.when, this.back === null ? 'now' : `${age(old)} ago`);
    };
    this.write();
    const [least, most] = extent(lines.slice(0, 1));
    const values = `now ${unit(lines[0]?.[clock.head])}, least ${unit(least)}, most ${unit(most)}`;
    const label = `${visible(name)}, last 5 minutes: ${values}. Arrow keys read values.`;
    setAttribute(this.box, 'aria-label', label);
  }
}

/** What each bucket of a histogram has counted in 30 seconds. */
class Bars {
  constructor() {
    this.text = element('div', {class: 'legend'});
    this.bars = element('div', {class: 'bars'});
    this.node = element('div', {}, this.text, this.bars);
  }

  show(family) {
    const counts = family.recent ?? [];
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (!(total > 0)) {
      setText(this.text, 'No values in the last 30 s.');
      this.bars.replaceChildren();
      return;
    }
    const unit = inUnit(family.unit);
    const interval = found => `${unit(found.value)} (${unit(found.least)} to ${unit(found.most)})`;
    const {p50, p99} = family.quantiles;
    const words = `p50 ${interval(p50)}, p99 ${interval(p99)}`;
    setText(this.text, `${number(total)} values in 30 s: ${words}`);
    const first = counts.findIndex(count => count > 0);
    const last = counts.findLastIndex(count => count > 0);
    const most = Math.max(...counts);
    const wanted = last - first + 1;
    while (this.bars.children.length > wanted) this.bars.lastChild.remove();
    while (this.bars.children.length < wanted) {
      this.bars.append(element('div', {}, element('i'), element('span', {class: 'dim'})));
    }
    const labelled = Math.ceil(wanted / 8);
    for (let at = first; at <= last; at += 1) {
      const bar = this.bars.children[at - first];
      const height = counts[at] > 0 ? Math.max(2, (counts[at] / most) * 100) : 0;
      bar.firstChild.style.height = `${height.toFixed(1)}%`;
      const bound = unit(family.bounds[at]);
      setText(bar.lastChild, (at - first) % labelled === 0 ? bound : '');
      const part = share(counts[at] / total);
      setAttribute(bar, 'title', `up to ${bound}: ${number(counts[at])} (${part})`);
    }
  }
}

const COLUMNS = {
  counter: ['Labels', 'Total', 'Rate', '5 min'],
  summary: ['Labels', 'Number', 'Rate', '5 min'],
  histogram: ['Labels', 'Rate', 'p50', 'p99', '5 min'],
  info: ['Labels'],
};

class SeriesTable {
  constructor(family) {
    this.columns = COLUMNS[family.type] ?? ['Labels', 'Value', '5 min'];
    this.limit = FEW;
    this.rows = new Map();
    const heads = this.columns.map((title, at) => {
      const isNumber = at > 0 && title !== '5 min';
      return element('th', {scope: 'col', class: isNumber ? 'dim number' : 'dim'}, title);
    });
    this.body = element('tbody');
    const table = element(
      'table',
      {},
      element('caption', {class: 'unseen'}, `Series of ${visible(family.name)}`),
      element('thead', {}, element('tr', {}, ...heads)),
      this.body,
    );
    const unfold = () => {
      this.limit += MORE;
      this.again?.();
    };
    this.more = button('', unfold, {class: 'flat'});
    const region = {class: 'series', tabindex: 0, role: 'region', 'aria-label': 'Series'};
    this.node = element('div', {class: 'whole'}, element('div', region, table), this.more);
  }

  newRow(series, words) {
    const head = element('th', {scope: 'row', class: 'mono'});
    const values = series.labels.map(([name, value]) => {
      const text = element('bdi', {title: visible(JSON.stringify(value))});
      setMarked(text, labelValue(value), words);
      const label = element('bdi', {class: 'dim'}, visible(name));
      return element('span', {class: 'label'}, label, '=', text);
    });
    head.append(...values);
    if (values.length === 0) head.append(element('span', {class: 'dim'}, 'no labels'));
    const row = {node: element('tr', {}, head), cells: []};
    for (const title of this.columns.slice(1)) {
      const cell = element('td', {class: title === '5 min' ? 'small-chart' : 'number'});
      if (title === '5 min') {
        row.spark = new Spark([140, 20]);
        cell.append(row.spark.node);
      }
      row.cells.push(cell);
    }
    row.node.append(...row.cells);
    return row;
  }

  write(row, series, family, clock) {
    const unit = inUnit(family.unit);
    const texts = {
      counter: () => [unit(series.value), perSecond(family.unit)(series.rate)],
      summary: () => [number(series.value), number(series.rate) + '/s'],
      histogram: () => {
        const [p50, p99] = [series.quantile(0.5), series.quantile(0.99)];
        const above = p99?.isAbove ? '>' : '';
        return [number(series.rate) + '/s', unit(p50?.value), above + unit(p99?.value)];
      },
      info: () => [],
      stateset: () => [series.value === 1 ? 'holds' : '\u2013'],
    };
    const value = Number.isNaN(series.value) ? 'NaN' : unit(series.value);
    const other = () => [isTime(family) ? age(clock.now - series.value) + ' ago' : value];
    for (const [at, text] of (texts[family.type] ?? other)().entries()) {
      setText(row.cells[at], text);
    }
    const range = family.counts ? fromZero : ownRange;
    row.spark?.draw(clock, [series.line], range([series.line]), family.counts);
  }

  show(family, {state, words}) {
    this.again = () => this.show(family, {state, words});
    const isHit = text => words.every(word => text.includes(word));
    const all = [...family.series].filter(([, series]) => {
      return isHit(family.text) || isHit(family.text + ' ' + series.text);
    });
    const size = ([, series]) => {
      const value = family.counts ? series.rate : series.value;
      return Number.isNaN(value) ? -Infinity : value;
    };
    const isBusy = this.body.matches(':hover') || this.body.contains(document.activeElement);
    if (isBusy) {
      const place = ([key]) => this.order?.get(key) ?? Infinity;
      all.sort((a, b) => place(a) - place(b) || 0);
    } else {
      all.sort((a, b) => size(b) - size(a) || (a[0] < b[0] ? -1 : 1));
    }
    this.order = new Map(all.map(([key], at) => [key, at]));
    const nodes = all.slice(0, this.limit).map(([key, series]) => {
      if (!this.rows.has(key)) this.rows.set(key, this.newRow(series, words));
      const row = this.rows.get(key);
      this.write(row, series, family, state.clock);
      return row.node;
    });
    for (const key of this.rows.keys()) if (!family.series.has(key)) this.rows.delete(key);
    setChildren(this.body, nodes);
    this.more.hidden = all.length <= this.limit;
    const next = Math.min(MORE, all.length - this.limit);
    setText(this.more, `Show ${number(next)} more of ${number(all.length)}`);
  }
}

/** The row below a family's. */
export class FamilyDetails {
  constructor(family, columns) {
    const panel = element('div', {class: 'panel'});
    const cell = element('td', {colspan: columns}, panel);
    this.node = element('tr', {class: 'details'}, cell);
    const isDrawn = !['info', 'stateset'].includes(family.type) && !isTime(family);
    const isHistogram = family.type === 'histogram';
    if (isDrawn) {
      const names = isHistogram ? ['p50', 'p90', 'p99'] : [family.counts ? 'rate' : 'value'];
      this.chart = new Chart(names);
      panel.append(this.chart.node);
    }
    if (isHistogram) {
      this.bars = new Bars();
      panel.append(this.bars.node);
    }
    this.about = element('p', {class: 'dim'});
    this.help = element('p');
    this.queries = element('div', {class: 'queries'});
    const texts = element('div', {class: isHistogram ? 'whole' : ''}, this.help, this.about);
    texts.append(this.queries);
    panel.append(texts);
    this.series = new SeriesTable(family);
    panel.append(this.series.node);
  }

  showQueries(family, copy) {
    const all = queries(family);
    const key = JSON.stringify(all);
    if (this.shownQueries === key) return;
    this.shownQueries = key;
    this.queries.replaceChildren(
      ...all.map(([title, query]) => {
        const code = element('code', {title: query}, query);
        const act = button(`Copy ${title}`, () => copy(query));
        return element('div', {class: 'query'}, code, act);
      }),
    );
  }

  show(family, context) {
    const {state, copy} = context;
    setText(this.help, visible(family.help));
    const unit = family.unit && `unit ${visible(family.unit)}`;
    const bounds = family.bounds && `${family.bounds.length} buckets`;
    setText(this.about, [family.type, unit, bounds].filter(Boolean).join(', '));
    this.showQueries(family, copy);
    const isRate = family.counts && family.type !== 'histogram';
    const write = isRate
      ? perSecond(family.type === 'counter' ? family.unit : '')
      : inUnit(family.unit);
    this.chart?.show(family.name, state.clock, chartOf(family), write);
    this.bars?.show(family);
    this.series.show(family, context);
  }
}
