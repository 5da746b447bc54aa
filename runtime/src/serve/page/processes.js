// The table of processes. Only the rows in its window exist, so that 2,000 cost what 20 do.

import {button, byId, element, icon, setAttribute, setChildren, setMarked, setText} from './dom.js';
import {age, bytes, number, share, visible} from './units.js';
import {Table} from './tables.js';

/** In pixels, as in the style. */
const ROW = 28;
const AROUND = 4;
/** In the order of the table: what needs a look comes first. */
const STATES = ['unreadable', 'stopped', 'unknown', 'copy', 'live', 'dead', 'archived'];
const LEVELS = {live: 'ok', stopped: 'warning', unknown: 'warning', unreadable: 'error'};
const ICONS = {live: 'live', stopped: 'stopped', unknown: 'unknown', unreadable: 'error'};

const COLUMNS = [
  {key: 'pid', title: 'pid', width: '74px', by: one => one.pid},
  {key: 'state', title: 'State', width: '92px', by: one => STATES.indexOf(one.state)},
  {
    key: 'age', title: 'Since', hint: 'For how long it has been counting',
    isNumber: true, width: '84px', by: one => -one.since,
  },
  {
    key: 'load', title: 'CPU', hint: 'Share of one core',
    isNumber: true, width: '56px', by: one => one.load,
  },
  {key: 'memory', title: 'Memory', isNumber: true, width: '74px', by: one => one.memory},
  {key: 'threads', title: 'Threads', isNumber: true, width: '60px', by: one => one.threads},
  {key: 'series', title: 'Series', isNumber: true, width: '52px', by: one => one.series},
  {
    key: 'bytes', title: 'Segment', hint: 'What its file takes',
    isNumber: true, width: '70px', by: one => one.bytes,
  },
  {
    key: 'drops', title: 'Drops', hint: 'Operations that were not recorded',
    isNumber: true, width: '50px', by: one => one.drops,
  },
  {title: 'Show only this one', isHidden: true, width: '56px', kind: 'acts'},
];

let table;
let shown = [];
let context;
let chosen = 'all';
let choices = '';
const pool = [];
const spacers = [0, 1].map(() => {
  const cell = element('td', {colspan: COLUMNS.length});
  return element('tr', {class: 'spacer', 'aria-hidden': 'true'}, cell);
});

function newRow() {
  const row = table.newRow();
  row.state = element('span', {class: 'state'});
  row.cells[1].append(row.state);
  row.only = button('Only', () => context.only(row.process), {class: 'flat'});
  row.cells[9].append(row.only);
  return row;
}

function fill(row, process, place) {
  row.process = process;
  const {cells} = row;
  const {state} = process;
  setAttribute(row.node, 'aria-rowindex', place + 2);
  const words = context.processWords.map(word => word.replace('pid:', '')).filter(Boolean);
  setMarked(cells[0], process.pid === undefined ? '\u2013' : String(process.pid), words);
  setAttribute(cells[0], 'title', visible(process.instance));
  if (row.shownState !== state) {
    row.shownState = state;
    row.state.replaceChildren(icon(ICONS[state] ?? 'dead'), state);
    row.state.className = 'state ' + (LEVELS[state] ?? 'dim');
  }
  setAttribute(cells[1], 'title', visible(process.why));
  const now = context.state.clock.now;
  const isOver = process.ended !== undefined;
  setText(cells[2], isOver ? age(now - process.ended) + ' ago' : age(now - process.since));
  setText(cells[3], share(process.load));
  setText(cells[4], bytes(process.memory));
  setText(cells[5], number(process.threads));
  setText(cells[6], number(process.series));
  setText(cells[7], bytes(process.bytes));
  setText(cells[8], number(process.drops));
  cells[8].classList.toggle('warning', process.drops > 0);
  setAttribute(row.only, 'aria-label', `Show only process ${process.pid}`);
}

function showWindow() {
  const fits = Math.ceil((table.height || 330) / ROW);
  const top = Math.min(Math.floor((table.top || 0) / ROW), shown.length - fits);
  const from = Math.max(0, top - AROUND);
  const to = Math.min(shown.length, from + fits + 2 * AROUND);
  spacers[0].firstChild.style.height = from * ROW + 'px';
  spacers[1].firstChild.style.height = (shown.length - to) * ROW + 'px';
  const nodes = [];
  for (let place = from; place < to; place += 1) {
    const row = (pool[place - from] ??= newRow());
    fill(row, shown[place], place);
    nodes.push(row.node);
  }
  if (nodes.length === 0) nodes.push((table.nothing ??= table.note('No process matches.')));
  setChildren(table.body, [spacers[0], ...nodes, spacers[1]]);
}

function makeTable(box) {
  table = new Table(box, 'Processes', COLUMNS, ['state', 1], () => context.render());
  box.addEventListener('scroll', () => {
    table.top = box.scrollTop;
    requestAnimationFrame(() => showWindow());
  });
  // Reading the height here forces no layout.
  new ResizeObserver(([entry]) => {
    table.height = entry.contentRect.height;
    showWindow();
  }).observe(box);
}

function showChoices(section, all) {
  const counts = {all: all.length};
  for (const {state} of all) counts[state] = (counts[state] ?? 0) + 1;
  const key = JSON.stringify([counts, chosen]);
  if (key === choices) return;
  choices = key;
  const box = section.querySelector('.choice');
  const hadFocus = box.contains(document.activeElement);
  const buttons = ['all', ...STATES].filter(state => counts[state] || state === chosen);
  box.replaceChildren(
    ...buttons.map(state => {
      const choose = () => {
        chosen = state;
        section.querySelector('.scroll').scrollTop = 0;
        context.render();
      };
      const title = state[0].toUpperCase() + state.slice(1);
      const pressed = {'aria-pressed': String(state === chosen)};
      return button(`${title} ${number(counts[state] ?? 0)}`, choose, pressed);
    }),
  );
  if (hadFocus) box.querySelector('[aria-pressed=true]')?.focus();
}

export function showProcesses(now) {
  context = now;
  const section = byId('processes');
  if (!table) makeTable(section.querySelector('.scroll'));
  const all = [...now.state.processes.values()];
  showChoices(section, all);
  const {left_out: leftOut} = now.state.reply.processes;
  const missing = leftOut > 0 ? `${number(leftOut)} more are not listed` : '';
  setText(section.querySelector('[data-count]'), missing);
  const isWanted = one => {
    const isChosen = chosen === 'all' || one.state === chosen;
    return isChosen && now.processWords.every(word => one.text.includes(word));
  };
  for (const process of all) process.id = process.instance;
  shown = table.sorted(all.filter(isWanted));
  setAttribute(table.node, 'aria-rowcount', shown.length + 1);
  showWindow();
}

/** Whether a word of a search is one for processes. */
export const isOfProcesses = word => /^(pid:\d*|\d{2,})$/.test(word) || STATES.includes(word);
