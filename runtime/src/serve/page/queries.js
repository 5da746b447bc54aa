// What to ask Prometheus for a family.

const isPlain = name => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);

/** Pairs of a title and a query. */
export function queries(family) {
  const name = suffix => {
    const whole = family.name + suffix;
    return isPlain(whole) ? whole : `{${JSON.stringify(whole)}}`;
  };
  const labels = family.labelNames.filter(label => label !== 'pid');
  const by = more => {
    const all = [...labels, ...more].map(label => (isPlain(label) ? label : JSON.stringify(label)));
    return all.length > 0 ? ` by (${all.join(', ')})` : '';
  };
  const rate = suffix => `rate(${name(suffix)}[5m])`;
  const mean = `sum${by([])} (${rate('_sum')}) / sum${by([])} (${rate('_count')})`;
  const quantile = q => `histogram_quantile(${q}, sum${by(['le'])} (${rate('_bucket')}))`;
  switch (family.type) {
    case 'counter':
      return [
        ['Rate', `sum${by([])} (${rate('')})`],
        ['Increase', `sum${by([])} (increase(${name('')}[1h]))`],
      ];
    case 'histogram':
      return [['p99', quantile(0.99)], ['p50', quantile(0.5)], ['Mean', mean]];
    case 'summary':
      return [['Mean', mean]];
    case 'stateset':
      return [['State', `${name('')} == 1`]];
    default:
      return [['Value', name('')]];
  }
}
