// SPDX-License-Identifier: MIT
// All nodes, read page by page, round after round, at a bounded rate: a page
// has at most PAGE of them, and the next one is asked for FIRST_MS after the
// last while the first round is not complete, later MORE_MS, or ALONE_MS where
// one page has them all.
const Nodes = (() => {
  const PAGE = 300;
  const FIRST_MS = 250;
  const MORE_MS = 1000;
  const ALONE_MS = 2000;

  const all = new Map();
  let cursor = null, round = 1, began = 0, took = 0, pages = 0, complete = false, changed = () => {};

  // So that n9 comes before n10.
  function nameKey(id) {
    return id.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
  }

  function take(row, at) {
    const seen = Shapes.node(row, at);
    const known = all.get(seen.id);

    if (known)
      Object.assign(known, seen, {round});
    else
      all.set(seen.id, Object.assign(seen, {round, key: nameKey(seen.id)}));
  }

  async function turn() {
    if (!Overview.reachable())
      return;
    if (cursor === null) {
      began = States.now();
      pages = 0;
    }
    const mine = round;
    const page = await Api.get("clients?limit=" + PAGE + (cursor === null ? "" : "&cursor=" + cursor));

    if (round !== mine) // a restart came between: the cursor was of before
      return;
    const at = States.now();

    for (const row of page.clients)
      take(row, at);
    pages++;
    cursor = page.next === undefined ? null : page.next;
    if (cursor === null) {
      took = at - began;
      for (const [id, node] of all)
        if (node.round !== round)
          all.delete(id);
      round++;
      complete = true;
    }
    changed();
  }

  // Another process numbers its nodes anew.
  function restart() {
    cursor = null;
    round++;
    complete = false;
  }

  function start(onChange) {
    changed = onChange;
    Api.every(() => !complete ? FIRST_MS : pages > 1 || cursor !== null ? MORE_MS : ALONE_MS, turn);
  }

  return {all, start, restart, take, isComplete: () => complete, lasts: () => took};
})();
