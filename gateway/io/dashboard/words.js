// SPDX-License-Identifier: MIT
// How things are said: pure functions from numbers and states to words.
const Words = (() => {
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

  // A length of time by its greatest unit, with the next one where that is
  // one: "45 s", "11 min", "1 h 20 min", "3 d".
  function span(seconds) {
    let s = Math.max(0, Math.round(seconds));

    for (let i = 0; i < UNITS.length; i++) {
      const [size, unit] = UNITS[i];

      if (s < size)
        continue;
      const whole = Math.floor(s / size);
      const next = UNITS[i + 1];
      const rest = next ? Math.floor((s % size) / next[0]) : 0;

      return whole + " " + unit + (whole === 1 && rest > 0 ? " " + rest + " " + next[1] : "");
    }
    return "0 s";
  }

  function ago(seconds) {
    return seconds < 2 ? "just now" : span(seconds) + " ago";
  }

  // With thin spaces between thousands.
  function count(n) {
    return Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u2009");
  }

  function rate(perSecond) {
    return perSecond === 0 ? "0" : perSecond >= 100 ? count(perSecond) : perSecond.toFixed(perSecond >= 10 ? 0 : 1);
  }

  function size(octets) {
    if (octets < 1024)
      return octets + " B";
    if (octets < 1048576)
      return (octets / 1024).toFixed(octets < 10240 ? 1 : 0) + " KiB";
    return (octets / 1048576).toFixed(octets < 10485760 ? 1 : 0) + " MiB";
  }

  function many(n, one, more) {
    return count(n) + " " + (n === 1 ? one : more || one + "s");
  }

  function clock(date) {
    return date.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false});
  }

  return {span, ago, count, rate, size, many, clock};
})();
