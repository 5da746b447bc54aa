// The table of annotated functions: what the program does.

import {Spark, fromZero, whenInWindow} from './charts.js';
import {byId, element, setAttribute, setChildren, setMarked, setText} from './dom.js';
import {duration, number, share, visible} from './units.js';
import {Table} from './tables.js';

const COLUMNS = [
  {key: 'name', title: 'Function', by: row => row.name},
  {key: 'rate', title: 'Calls/s', isNumber: true, width: '72px', by: row => row.rate},
  {title: '5 min', width: '80px'},
  {key: 'failing', title: 'Errors', isNumber: true, width: '66px', by: row => row.failing},
  {
    key: 'p50', title: 'p50', hint: 'Median of the last 30 s',
    isNumber: true, width: '72px', by: row => row.p50?.value,
  },
  {
    key: 'p99', title: 'p99', hint: '99 of 100 calls of the last 30 s were faster',
    isNumber: true, width: '72px', by: row => row.p99?.value,
  },
  {
    key: 'running', title: 'Now', hint: 'Calls in progress',
    isNumber: true, width: '52px', by: row => row.running,
  },
];

let table;
let nothing;
const rows = new Map();

function interval(found) {
  if (!found) return null;
  return `${duration(found.least)} to ${duration(found.most)}, of ${number(found.total)} calls`;
}

function show(row, {state, words}) {
  let known = rows.get(row.id);
  if (!known) {
    known = table.newRow();
    known.name = element('bdi', {class: 'mono'});
    known.module = element('bdi', {class: 'mono dim'});
    known.cells[0].append(known.name, ' ', known.module);
    known.spark = new Spark();
    known.cells[2].append(known.spark.node);
    whenInWindow(known.spark.node, () => known.draw());
    rows.set(row.id, known);
  }
  known.draw = () => {
    const line = (row.calls ?? row.durations)?.line;
    if (line) known.spark.draw(state.clock, [line], fromZero([line]), true);
  };
  const {cells} = known;
  setMarked(known.name, visible(row.name), words);
  setMarked(known.module, visible(row.module), words);
  setAttribute(cells[0], 'title', visible(`${row.name} in ${row.module}`));
  setText(cells[1], number(row.rate));
  setText(cells[3], share(row.failing));
  cells[3].classList.toggle('error', row.failing >= 0.01);
  setText(cells[4], duration(row.p50?.value));
  setText(cells[5], (row.p99?.isAbove ? '>' : '') + duration(row.p99?.value));
  setAttribute(cells[4], 'title', interval(row.p50));
  setAttribute(cells[5], 'title', interval(row.p99));
  setText(cells[6], number(row.running));
  if (known.spark.node.isInWindow) known.draw();
  return known.node;
}

export function showFunctions(context) {
  const {state, words, render} = context;
  const section = byId('functions');
  section.hidden = state.functions.length === 0;
  if (section.hidden) return;
  const box = section.querySelector('.scroll');
  table ??= new Table(box, 'Annotated functions', COLUMNS, ['rate', -1], render);
  for (const row of state.functions) row.id = row.key;
  const found = state.functions.filter(row => words.every(word => row.text.includes(word)));
  const all = number(state.functions.length);
  const count = words.length > 0 ? `${found.length} of ${all}` : all;
  setText(section.querySelector('[data-count]'), count);
  const nodes = table.sorted(found).map(row => show(row, context));
  nothing ??= table.note('No function matches.');
  setChildren(table.body, nodes.length > 0 ? nodes : [nothing]);
  for (const id of rows.keys()) if (!table.order.has(id) && words.length === 0) rows.delete(id);
}
