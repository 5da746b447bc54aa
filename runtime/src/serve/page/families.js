// Every family: what it is, its present value, five minutes of it; or how many series it has.

import {Spark, fromZero, logarithmic, ownRange, whenInWindow} from './charts.js';
import {button, byId, element, setAttribute, setChildren, setMarked, setText, svg} from './dom.js';
import {age, inUnit, labelValue, number, perSecond, share, visible} from './units.js';
import {FamilyDetails} from './family.js';
import {Table} from './tables.js';
import {queries} from './queries.js';

/** More rows than this are made on request only. */
const MOST = 300;

const COLUMNS = [
  {key: 'name', title: 'Name', by: family => family.name},
  {key: 'type', title: 'Type', width: '80px', kind: 'minor', by: family => family.type},
  {
    key: 'count', title: 'Series', width: '70px', kind: 'minor',
    isNumber: true, by: family => family.count,
  },
  {key: 'now', title: 'Now', width: '96px', isNumber: true, by: family => family.now},
  {title: 'p50, p99', width: '132px', kind: 'minor', isNumber: true},
  {title: '5 min', width: '14%'},
  {title: 'Help', width: '24%', kind: 'help'},
  {title: 'Copy query', width: '108px', kind: 'minor acts', isHidden: true},
];

const CARDINALITY = [
  {key: 'name', title: 'Name', by: family => family.name},
  {key: 'count', title: 'Series', width: '90px', isNumber: true, by: family => family.count},
  {title: 'Share', width: '30%'},
  {title: 'Values of each label', width: '40%', kind: 'minor'},
];

const VIEWS = [['values', 'Values'], ['cardinality', 'Cardinality']];
const tables = {};
const rows = new Map();
let limit = MOST;
let more;

export const isTime = family =>
  family.type === 'gauge' && /(timestamp|start_time)_seconds$/.test(family.name);

/** How the values of a family are drawn. */
export function chartOf(family) {
  if (family.type === 'histogram') {
    return {lines: Object.values(family.lines), range: logarithmic, hasArea: false};
  }
  const range = family.counts ? fromZero : ownRange;
  return {lines: [family.line], range, hasArea: family.counts};
}

/** The present value in few words. */
export function presentValue(family, now) {
  const all = [...family.series.values()];
  const [first] = all;
  if (!first) return '\u2013';
  switch (family.type) {
    case 'counter':
      return perSecond(family.unit)(family.now);
    case 'histogram':
    case 'summary':
      return number(family.now) + '/s';
    case 'info':
      return all.length === 1 ? labelValue(first.labels[0]?.[1] ?? '') : `${all.length} variants`;
    case 'stateset': {
      const held = all.find(series => series.value === 1);
      return held ? labelValue(held.label(family.name) ?? held.labels.at(-1)?.[1] ?? '') : '\u2013';
    }
    default:
      if (isTime(family)) return all.length === 1 ? age(now - first.value) + ' ago' : '\u2013';
      return (all.length > 1 ? '\u03a3 ' : '') + inUnit(family.unit)(family.now);
  }
}

function newRow(table, family, context) {
  const row = table.newRow();
  row.name = element('bdi', {class: 'mono'});
  const arrow = svg('svg', {class: 'arrow', viewBox: '0 0 10 10', 'aria-hidden': 'true'});
  arrow.append(svg('path', {d: 'M3 1L7 5L3 9'}));
  row.fold = button('', () => context.fold(family.name), {class: 'fold'});
  row.fold.append(arrow, row.name);
  row.cells[0].append(row.fold);
  row.spark = new Spark([140, 20]);
  row.cells[5].append(row.spark.node);
  const copy = () => context.copy(queries(row.family)[0][1]);
  row.cells[7].append(button('Copy query', copy, {class: 'flat'}));
  whenInWindow(row.node, () => row.write());
  return row;
}

function show(table, family, context) {
  let row = rows.get(family.name);
  const isNew = !row;
  if (isNew) {
    row = newRow(table, family, context);
    rows.set(family.name, row);
  }
  row.family = family;
  const {cells} = row;
  row.write = () => {
    const {state, words} = context;
    setMarked(row.name, visible(family.name), words);
    setAttribute(row.fold, 'title', visible(family.name));
    setText(cells[1], family.type);
    setText(cells[2], number(family.count));
    setText(cells[3], presentValue(family, state.clock.now));
    const unit = inUnit(family.unit);
    const {p50, p99} = family.quantiles;
    const above = p99?.isAbove ? '>' : '';
    setText(cells[4], p50 ? `${unit(p50.value)}, ${above}${unit(p99.value)}` : '');
    setMarked(cells[6], visible(family.help), words);
    setAttribute(cells[6], 'title', visible(family.help));
    const isDrawn = !['info', 'stateset'].includes(family.type) && !isTime(family);
    if (isDrawn) {
      const {lines, range, hasArea} = chartOf(family);
      row.spark.draw(state.clock, lines, range(lines), hasArea);
    }
  };
  // A row out of sight is not kept up to date, but has text that the browser can search.
  if (isNew || row.node.isInWindow) row.write();
  else setMarked(row.name, visible(family.name), context.words);
  const isOpen = context.open.has(family.name);
  setAttribute(row.fold, 'aria-expanded', String(isOpen));
  row.node.classList.toggle('is-open', isOpen);
  if (!isOpen) {
    row.details = null;
    return [row.node];
  }
  row.details ??= new FamilyDetails(family, COLUMNS.length);
  row.details.show(family, context);
  return [row.node, row.details.node];
}

function showCardinality(table, family, total) {
  const key = 'cardinality ' + family.name;
  let row = rows.get(key);
  if (!row) {
    row = table.newRow();
    row.bar = element('i');
    row.text = element('span');
    row.cells[2].append(element('div', {class: 'share'}, row.bar, row.text));
    rows.set(key, row);
  }
  const {cells} = row;
  setText(cells[0], visible(family.name));
  cells[0].className = 'mono';
  setText(cells[1], number(family.count));
  const part = total > 0 ? family.count / total : 0;
  row.bar.style.width = `${(part * 80).toFixed(2)}%`;
  setText(row.text, share(part));
  const values = new Map(family.labelNames.map(name => [name, new Set()]));
  for (const {labels} of family.series.values()) {
    for (const [name, value] of labels) values.get(name).add(value);
  }
  const counts = [...values].sort((a, b) => b[1].size - a[1].size);
  const text = counts.map(([name, set]) => `${visible(name)} ${number(set.size)}`).join(', ');
  setText(cells[3], text);
  return row.node;
}

function showViews(section, context) {
  const box = section.querySelector('.choice');
  if (!box.firstChild) {
    for (const [name, title] of VIEWS) box.append(button(title, () => context.view(name)));
  }
  for (const [at, [name]] of VIEWS.entries()) {
    setAttribute(box.children[at], 'aria-pressed', String(context.shownView === name));
  }
}

function tableOf(view, box, render) {
  const isValues = view === 'values';
  const columns = isValues ? COLUMNS : CARDINALITY;
  const sort = isValues ? ['name', 1] : ['count', -1];
  const title = isValues ? 'Metric families' : 'Series of each family';
  tables[view] ??= new Table(element('div'), title, columns, sort, render);
  if (box.firstChild !== tables[view].node) box.replaceChildren(tables[view].node);
  return tables[view];
}

export function matches(family, words) {
  const isHit = text => words.every(word => text.includes(word));
  if (isHit(family.text)) return true;
  for (const series of family.series.values()) {
    if (isHit(family.text + ' ' + series.text)) return true;
  }
  return false;
}

export function showFamilies(context) {
  const {state, words, shownView, render} = context;
  const section = byId('families');
  showViews(section, context);
  const all = [...state.families.values()];
  const found = words.length > 0 ? all.filter(family => matches(family, words)) : all;
  let series = 0;
  for (const family of all) series += family.count;
  const part = words.length > 0 ? `${number(found.length)} of ` : '';
  const {left_out: leftOut} = state.reply;
  const missing = leftOut.series > 0 ? `, ${number(leftOut.series)} of them are not listed` : '';
  const count = `${part}${number(all.length)}, ${number(series)} series${missing}`;
  setText(section.querySelector('[data-count]'), count);
  const table = tableOf(shownView, section.querySelector('.wide'), render);
  for (const family of found) family.id = family.name;
  const sorted = table.sorted(found);
  const shown = sorted.slice(0, limit);
  const nodes = shown.flatMap(family => {
    if (shownView === 'values') return show(table, family, context);
    return [showCardinality(table, family, series)];
  });
  if (nodes.length === 0) nodes.push((table.nothing ??= table.note('No family matches.')));
  if (sorted.length > limit) {
    const unfold = () => {
      limit += MOST;
      render();
    };
    more ??= button('Show more', unfold, {class: 'flat'});
    table.more ??= table.note('');
    table.more.firstChild.append(more);
    nodes.push(table.more);
  }
  setChildren(table.body, nodes);
  for (const [name, row] of rows) {
    if (row.family && !state.families.has(name)) rows.delete(name);
  }
}
