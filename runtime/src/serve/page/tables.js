// Tables whose heads sort. The order holds still while somebody points at a row or is in one.

import {button, element, setAttribute} from './dom.js';

const isNothing = x => x == null || Number.isNaN(x);

function compare(a, b, direction) {
  if (isNothing(a) || isNothing(b)) return isNothing(a) - isNothing(b);
  return (a < b ? -1 : a > b ? 1 : 0) * direction;
}

export class Table {
  /**
   * A column has a `title`, and if it sorts a `key`; `by` is what a row is sorted by. `isNumber`
   * aligns it to the right, and sorts the greatest first.
   */
  constructor(box, caption, columns, [key, direction], changed) {
    this.columns = columns;
    this.sort = [key, direction];
    this.order = new Map();
    this.body = element('tbody');
    this.heads = columns.map(column => this.head(column, changed));
    const widths = columns.map(({width, kind}) => {
      const col = element('col', {class: kind});
      if (width) col.style.width = width;
      return col;
    });
    this.node = element(
      'table',
      {},
      element('caption', {class: 'unseen'}, caption),
      element('colgroup', {}, ...widths),
      element('thead', {}, element('tr', {}, ...this.heads)),
      this.body,
    );
    box.replaceChildren(this.node);
  }

  head(column, changed) {
    const {key, title, hint, isNumber, isHidden, kind} = column;
    const classes = [isNumber && 'number', kind].filter(Boolean).join(' ');
    const text = element('span', {class: isHidden ? 'unseen' : null}, title);
    const head = element('th', {scope: 'col', class: classes || null, title: hint}, text);
    if (key) {
      const sort = () => {
        const [known, direction] = this.sort;
        this.sort = known === key ? [key, -direction] : [key, isNumber ? -1 : 1];
        this.isForced = true;
        changed();
      };
      head.replaceChildren(button(title, sort, {title: hint}));
    }
    return head;
  }

  /** Sorts rows. Each has an `id`. */
  sorted(rows) {
    const [key, direction] = this.sort;
    for (const [at, head] of this.heads.entries()) {
      const isIt = this.columns[at].key === key;
      const order = direction < 0 ? 'descending' : 'ascending';
      setAttribute(head, 'aria-sort', isIt ? order : null);
    }
    const isBusy = this.body.matches(':hover') || this.body.contains(document.activeElement);
    const holds = isBusy && !this.isForced;
    this.isForced = false;
    const {by} = this.columns.find(column => column.key === key);
    const place = row => this.order.get(row.id) ?? Infinity;
    if (holds) rows.sort((a, b) => compare(place(a), place(b), 1));
    else rows.sort((a, b) => compare(by(a), by(b), direction) || compare(a.id, b.id, 1));
    this.order = new Map(rows.map((row, at) => [row.id, at]));
    return rows;
  }

  /** A row with as many cells as there are columns; the first one is its head. */
  newRow() {
    const cells = this.columns.map(({isNumber, kind}, at) => {
      const classes = [isNumber && 'number', kind].filter(Boolean).join(' ') || null;
      return at === 0 ? element('th', {scope: 'row'}) : element('td', {class: classes});
    });
    return {node: element('tr', {}, ...cells), cells};
  }

  /** A row that says something in place of all others. */
  note(text) {
    return element('tr', {}, element('td', {colspan: this.columns.length, class: 'dim'}, text));
  }
}
