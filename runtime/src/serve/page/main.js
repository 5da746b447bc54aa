// Asks for the state every two seconds, and shows it. What is searched, unfolded and chosen is in
// the address, so that it can be sent to somebody.

import {State} from './state.js';
import {age, duration, visible} from './units.js';
import {button, byId, element, icon, setAttribute, setText} from './dom.js';
import {isOfProcesses, showProcesses} from './processes.js';
import {queries} from './queries.js';
import {showFamilies} from './families.js';
import {showFunctions} from './functions.js';
import {showOverview} from './overview.js';
import {showProblems} from './problems.js';

const PAUSE = 2000;
/** How long an answer may take. */
const PATIENCE = 5000;
/** Seconds between two attempts, when there is no answer. */
const RETRIES = [2, 4, 8, 15];

const address = new URLSearchParams(location.search);
const choice = {
  query: address.get('q') ?? '',
  view: address.get('view') === 'cardinality' ? 'cardinality' : 'values',
  process: address.get('process'),
  open: new Set(address.getAll('open')),
  isPaused: false,
};
let state = new State();
let failure = null;
let failures = 0;
let answered = 0;
let timer = 0;
let asking = null;

function remember() {
  const parameters = new URLSearchParams();
  if (choice.query) parameters.set('q', choice.query);
  if (choice.view === 'cardinality') parameters.set('view', 'cardinality');
  if (choice.process) parameters.set('process', choice.process);
  for (const name of choice.open) parameters.append('open', name);
  const text = parameters.toString();
  history.replaceState(null, '', text ? '?' + text : location.pathname);
}

// ---- What is shown.

function context() {
  const all = choice.query.toLowerCase().split(/\s+/).filter(Boolean);
  return {
    state,
    words: all.filter(word => !isOfProcesses(word)),
    processWords: all.filter(isOfProcesses),
    open: choice.open,
    shownView: choice.view,
    render,
    copy,
    fold,
    view,
    only: process => only(process.instance),
  };
}

function render() {
  if (!state.reply) return;
  const shown = context();
  byId('main').classList.toggle('is-searching', shown.words.length > 0);
  showProblems(shown);
  showOverview(shown);
  showFunctions(shown);
  showProcesses(shown);
  showFamilies(shown);
  showFrame();
}

function showFrame() {
  const {reply} = state;
  setText(byId('directory'), visible(reply.directory));
  setAttribute(byId('metrics'), 'href', reply.metrics.slice(1));
  const banner = byId('only');
  banner.hidden = !choice.process;
  if (choice.process) {
    const pid = state.processes.get(choice.process)?.pid;
    const who = pid === undefined ? 'a process whose segment is gone' : `process ${pid}`;
    setText(banner.firstElementChild, `Functions and families show only what ${who} has counted.`);
    if (!banner.querySelector('button')) {
      banner.append(button('Show all processes', () => only(null)));
    }
  }
  const made = `headcount ${reply.version}, exporter pid ${reply.pid}`;
  setText(byId('about'), `${made}, collected in ${duration(reply.took)}`);
}

function showPulse() {
  const pulse = byId('pulse');
  const old = (performance.now() - answered) / 1000;
  const mood = failure ? 'gone' : choice.isPaused ? 'paused' : state.reply ? 'live' : 'waiting';
  if (pulse.mood !== mood) {
    pulse.mood = mood;
    const [picture, word] = {
      gone: ['error', 'Gone'],
      paused: ['stopped', 'Paused'],
      live: ['live', 'Live'],
      waiting: ['dead', 'Waiting'],
    }[mood];
    pulse.className = 'pulse ' + mood;
    pulse.replaceChildren(icon(picture), word + ' ', element('span', {class: 'dim'}));
  }
  setText(pulse.lastChild, state.reply ? age(old) + ' old' : '');
  const box = byId('failure');
  box.hidden = !failure;
  byId('main').classList.toggle('is-old', Boolean(failure));
  const errors = state.reply?.problems.list.filter(({level}) => level !== 'note').length ?? 0;
  const prefix = failure ? '\u2715 ' : errors > 0 ? `(${errors}) ` : '';
  document.title = prefix + 'headcount';
  if (!failure) return;
  if (!box.firstChild) {
    const title = element('b', {}, 'The exporter does not answer.');
    box.append(icon('error'), title, element('span'), button('Try now', () => poll(true)));
  }
  const shown = state.reply ? `What is shown is ${age(old)} old. ` : '';
  setText(box.children[2], `${shown}${failure} The processes go on counting.`);
}

// ---- Asking.

async function ask(signal) {
  const query = choice.process ? '?process=' + encodeURIComponent(choice.process) : '';
  const answer = await fetch('api/state' + query, {signal, cache: 'no-store'});
  if (!answer.ok) throw new Error(visible((await answer.text()).trim().slice(0, 500)) + '.');
  return answer.json();
}

/** `isWanted`: now, and not when the time has come. */
async function poll(isWanted) {
  clearTimeout(timer);
  if (asking && !isWanted) return;
  if (!isWanted && (choice.isPaused || document.hidden)) return;
  asking?.abort();
  const mine = (asking = new AbortController());
  const cut = setTimeout(() => mine.abort(), PATIENCE);
  try {
    const reply = await ask(mine.signal);
    if (asking !== mine) return;
    const begin = performance.now();
    state.take(reply);
    [failure, failures, answered] = [null, 0, performance.now()];
    render();
    performance.measure('poll', {start: begin});
  } catch (error) {
    if (asking !== mine) return;
    if (error.name === 'AbortError') failure = 'There was no answer within 5 s.';
    else failure = error instanceof TypeError ? 'The connection is lost.' : String(error.message);
    failures += 1;
  } finally {
    clearTimeout(cut);
    if (asking === mine) {
      asking = null;
      showPulse();
      const retry = RETRIES[Math.min(failures, RETRIES.length) - 1];
      // Rates need two answers: the second one is asked for sooner.
      const isFirst = Number.isNaN(state.clock.times[state.clock.place(1)]);
      timer = setTimeout(poll, failure ? retry * 1000 : isFirst ? PAUSE / 2 : PAUSE);
    }
  }
}

// ---- What a person does.

function search(text) {
  choice.query = text;
  byId('query').value = text;
  remember();
  render();
}

function fold(name) {
  if (!choice.open.delete(name)) choice.open.add(name);
  remember();
  render();
}

function view(name) {
  choice.view = name;
  remember();
  render();
}

function only(instance) {
  choice.process = instance;
  remember();
  // The numbers of one process are no continuation of those of all.
  state = new State();
  poll(true);
}

function pause() {
  choice.isPaused = !choice.isPaused;
  const node = byId('pause');
  setAttribute(node, 'aria-pressed', String(choice.isPaused));
  setText(node, choice.isPaused ? 'Go on' : 'Pause');
  showPulse();
  if (!choice.isPaused) poll(true);
}

let hiding = 0;

function toast(text) {
  const node = byId('toast');
  node.hidden = false;
  setText(node, visible(text));
  clearTimeout(hiding);
  hiding = setTimeout(() => (node.hidden = true), 2500);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast('Copied: ' + text);
  } catch {
    // Without TLS browsers have no clipboard for pages of other machines.
    toast('Copy by hand: ' + text);
  }
}

const folds = () => [...document.querySelectorAll('#families .fold')];

function step(by) {
  const all = folds();
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by;
  all[(next + all.length) % all.length]?.focus();
}

function copyQuery() {
  const at = folds().indexOf(document.activeElement);
  const name = at >= 0 && document.activeElement.querySelector('bdi').textContent;
  for (const family of state.families.values()) {
    if (visible(family.name) === name) copy(queries(family)[0][1]);
  }
}

const KEYS = {
  '/': () => byId('query').select(),
  '?': () => byId('keys').showModal(),
  c: copyQuery,
  j: () => step(1),
  k: () => step(-1),
  p: pause,
  v: () => view(choice.view === 'values' ? 'cardinality' : 'values'),
};

function escape() {
  if (choice.query || document.activeElement === byId('query')) {
    search('');
    byId('query').blur();
  } else if (choice.process) {
    only(null);
  }
}

addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId('keys').open) return;
  const isTyping = event.target === byId('query');
  if (event.key === 'Escape') escape();
  else if (isTyping && ['Enter', 'ArrowDown'].includes(event.key)) folds()[0]?.focus();
  else if (!isTyping && KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

let typing = 0;
byId('query').addEventListener('input', event => {
  clearTimeout(typing);
  typing = setTimeout(() => search(event.target.value), 60);
});
byId('pause').addEventListener('click', pause);
byId('help').addEventListener('click', () => byId('keys').showModal());
document.addEventListener('visibilitychange', () => document.hidden || poll());

byId('query').value = choice.query;
setInterval(showPulse, 500);
showPulse();
poll();
