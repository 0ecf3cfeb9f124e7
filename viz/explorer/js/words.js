// What the picture says. Set as text, never as HTML: tokens come from strangers.

/** 51 %, and with more decimals the smaller it is: 8.7 %, 0.87 %, 0.087 %. */
export function percent(weight) {
  if (weight < 0.00001) return weight > 0 ? "<\u20090.001\u00a0%" : "0\u00a0%";
  const decimals = [0.0995, 0.00995, 0.000995].filter((limit) => weight < limit).length;
  return `${(100 * weight).toFixed(decimals)}\u00a0%`;
}

/** A token that reads from right to left, so that it does not carry the numbers beside it along. */
const isolated = (token) => (/[\p{Script=Hebrew}\p{Script=Arabic}]/u.test(token) ? `\u2068${token}\u2069` : token);

/** “it”, [CLS], patch (11, 15). */
export function nameOf(header, token) {
  const text = isolated(header.tokens[token]);
  if (token >= header.prefix && header.grid) return `patch ${text}`;
  return header.special[token] && /^[[<]/.test(text) ? text : `“${text}”`;
}

/** The largest weights as [token, weight], special tokens left out on demand. */
export function strongest(header, weights, count, leaveOutSpecial) {
  const order = [...weights.keys()].filter((token) => !(leaveOutSpecial && header.special[token]));
  return order.sort((a, b) => weights[b] - weights[a] || a - b).slice(0, count).map((token) => [token, weights[token]]);
}

/** Layer 3, head 1: what “it” looks at */
export function title(header, view, token) {
  const name = nameOf(header, token);
  return `${who(view)}: ${view.direction === "at" ? `what ${name} looks at` : `who looks at ${name}`}`;
}

/** Which heads are looked through. */
export function who({ of, layer, head }) {
  return {
    head: `Layer ${layer}, head ${head}`,
    "layer-mean": `Layer ${layer}, mean of all heads`,
    "layer-max": `Layer ${layer}, maximum of all heads`,
    "all-mean": "All layers, mean of all heads",
    "all-max": "All layers, maximum of all heads",
  }[of];
}

/** trophy 51 %, suitcase 33 %: the strongest, and what comes near it. */
export function targets(header, weights) {
  const best = strongest(header, weights, 3, true);
  const near = best.filter(([, weight], place) => place === 0 || weight >= 0.2 * best[0][1]);
  const prefix = header.grid ? "patch " : "";
  return near.map(([token, weight]) => `${prefix}${isolated(header.tokens[token])} ${percent(weight)}`).join(", ");
}

/** 61 % to [SEP], 2.0 % to [CLS], and together how much. */
export function specialShare(header, weights, direction) {
  const shares = new Map();
  let together = 0;
  header.special.forEach((is, token) => {
    if (!is) return;
    shares.set(header.tokens[token], (shares.get(header.tokens[token]) ?? 0) + weights[token]);
    together += weights[token];
  });
  const ordered = [...shares].sort((a, b) => b[1] - a[1]).slice(0, 3); // of a text before a photo there are many
  const word = direction === "at" ? "to" : "from";
  return { text: ordered.map(([name, weight]) => `${percent(weight)} ${word} ${name}`).join(", "), together };
}
