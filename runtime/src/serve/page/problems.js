// What is wrong, first.

import {button, byId, element, icon} from './dom.js';
import {age, visible} from './units.js';

const WORDS = {
  error: ['Error', 'error', 'errors'],
  warning: ['Warning', 'warning', 'warnings'],
  note: ['Note', 'note', 'notes'],
};
/** As many are shown at first. */
const FEW = 4;

let showsAll = false;
let shown = '';

function problemRow(problem, now, copy) {
  const line = (text, kind) => element('div', {class: kind, title: visible(text)}, visible(text));
  const level = element('div', {class: 'level'}, icon(problem.level), WORDS[problem.level][0]);
  const acts = element('div', {class: 'acts'});
  if (problem.command) {
    acts.append(button('Copy command', () => copy(problem.command), {title: problem.command}));
  }
  return element(
    'li',
    {class: 'problem ' + problem.level},
    element('div', {}, level, element('div', {class: 'dim'}, age(now - problem.since))),
    element(
      'div',
      {},
      element('b', {}, visible(problem.title)),
      ' ',
      element('bdi', {class: 'mono'}, visible(problem.where)),
      line(problem.detail, 'dim one-line'),
    ),
    element(
      'div',
      {class: 'remedy'},
      line(problem.remedy, 'one-line'),
      problem.command ? line(problem.command, 'mono dim one-line') : null,
    ),
    acts,
  );
}

export function showProblems({state, copy}) {
  const section = byId('problems');
  const {list, left_out: leftOut} = state.reply.problems;
  // The list is only made anew when it says something else; ages are in minutes.
  const now = state.clock.now;
  const key = JSON.stringify([list, leftOut, showsAll, Math.floor(now / 30)]);
  if (key === shown) return;
  shown = key;
  const head = section.querySelector('.head');
  const items = section.querySelector('ul');
  section.classList.toggle('calm', list.length === 0);
  if (list.length === 0) {
    const checked = 'All files are read, all series have space, no declarations contradict.';
    head.replaceChildren(
      icon('ok'),
      element('h2', {}, 'No problems'),
      element('span', {class: 'dim'}, checked),
    );
    items.replaceChildren();
    return;
  }
  const all = list.length + leftOut;
  const counts = Object.entries(WORDS).map(([level, [, one, many]]) => {
    const count = list.filter(problem => problem.level === level).length;
    if (count === 0) return null;
    const words = `${count} ${count === 1 ? one : many}`;
    return element('span', {class: 'state ' + level}, icon(level), words);
  });
  const title = all === 1 ? '1 problem' : `${all} problems`;
  head.replaceChildren(element('h2', {}, title), ...counts.filter(Boolean));
  const isLong = !showsAll && list.length > FEW + 1;
  const rows = (isLong ? list.slice(0, FEW) : list).map(one => problemRow(one, now, copy));
  if (isLong) {
    const unfold = () => {
      showsAll = true;
      showProblems({state, copy});
      items.children[FEW]?.querySelector('button')?.focus();
    };
    const more = button(`Show ${list.length - FEW} more`, unfold, {class: 'flat'});
    rows.push(element('li', {class: 'more'}, more));
  } else if (leftOut > 0) {
    rows.push(element('li', {class: 'more dim'}, `${leftOut} more are not listed`));
  }
  items.replaceChildren(...rows);
}
