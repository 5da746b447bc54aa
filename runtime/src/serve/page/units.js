// Numbers and text as people read them.

const THIN = '\u2009';
const DASH = '\u2013';
const whole = new Intl.NumberFormat('en');
const LARGE = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

const isUnknown = x => x == null || Number.isNaN(x);

/** Three significant digits, without an exponent where people can do without. */
function digits(x) {
  const size = Math.abs(x);
  if (size >= 1000) return whole.format(Math.round(x));
  if (size >= 100) return x.toFixed(0);
  if (size >= 10) return x.toFixed(1);
  if (size >= 1) return x.toFixed(2);
  if (size === 0) return '0';
  return size >= 0.001 ? String(Number(x.toPrecision(2))) : x.toExponential(1);
}

const endless = x => (x > 0 ? '+Inf' : '\u2212Inf');

export function number(x) {
  if (isUnknown(x)) return DASH;
  if (!Number.isFinite(x)) return endless(x);
  if (Math.abs(x) >= 1e5) {
    const [size, letter] = LARGE.find(([size]) => Math.abs(x) >= size);
    return digits(x / size) + THIN + letter;
  }
  return Number.isInteger(x) ? whole.format(x) : digits(x);
}

export function bytes(x) {
  if (isUnknown(x)) return DASH;
  if (!Number.isFinite(x)) return endless(x);
  let unit = 0;
  while (Math.abs(x) >= 1024 && unit < BINARY.length - 1) {
    x /= 1024;
    unit += 1;
  }
  return digits(x) + THIN + BINARY[unit];
}

export function duration(x) {
  if (isUnknown(x)) return DASH;
  if (!Number.isFinite(x)) return endless(x);
  const size = Math.abs(x);
  if (size === 0) return '0' + THIN + 's';
  if (size < 1e-6) return digits(x * 1e9) + THIN + 'ns';
  if (size < 1e-3) return digits(x * 1e6) + THIN + '\u00b5s';
  if (size < 1) return digits(x * 1e3) + THIN + 'ms';
  if (size < 120) return digits(x) + THIN + 's';
  return age(x);
}

/** Whole seconds, minutes, hours or days. */
export function age(x) {
  if (isUnknown(x)) return DASH;
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min']];
  for (const [at, [size, unit]] of parts.entries()) {
    if (x < size) continue;
    const [smaller, name] = parts[at + 1] ?? [1, 's'];
    const rest = Math.floor((x % size) / smaller);
    return Math.floor(x / size) + THIN + unit + (rest > 0 ? ` ${rest}${THIN}${name}` : '');
  }
  return Math.max(0, Math.floor(x)) + THIN + 's';
}

export function share(x) {
  if (isUnknown(x)) return DASH;
  if (x === 0) return '0' + THIN + '%';
  return x < 0.0001 ? '<0.01' + THIN + '%' : digits(x * 100) + THIN + '%';
}

/** How values of a unit are written. */
export function inUnit(unit) {
  return {seconds: duration, bytes, ratio: share}[unit] ?? number;
}

/** How the increase of such a value in a second is written. */
export function perSecond(unit) {
  if (unit === 'seconds') return x => number(x) + THIN + 's/s';
  return x => inUnit(unit)(x) + '/s';
}

// Characters that are invisible, or change how those around them are shown.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Text of a stranger, with everything that could mislead the reader made visible. */
export function visible(text) {
  return text.replace(HIDDEN, c => {
    return c === '\n' ? '\\n' : '\\u{' + c.codePointAt(0).toString(16) + '}';
  });
}

/** A label's value, short enough for a row. */
export function labelValue(text) {
  if (text === '') return '""';
  const shown = visible(text);
  return shown.length > 80 ? shown.slice(0, 79) + '\u2026' : shown;
}

/** JSON has no numbers that are not finite: they are words. */
export function parsed(x) {
  if (typeof x !== 'string') return x;
  return {'+Inf': Infinity, '-Inf': -Infinity}[x] ?? NaN;
}
