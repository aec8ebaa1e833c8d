// SPDX-License-Identifier: MIT
// The table of nodes: one page of what the filters leave, in order. Only rows
// that are seen are in the document.
const Table = (() => {
  const {at, put, show, make, mark, turn} = Dom;
  const ROWS = 30;

  // key, title, class, what it is sorted by, what it says. Nodes without a
  // value (null) come last either way.
  const COLUMNS = [
    ["name", "Node", "", (n) => n.key, null],
    ["state", "State", "", (n) => n.rank, null],
    ["address", "Address", "wide", (n) => n.address, (n) => n.address || "–"],
    ["heard", "Last heard", "middle", (n) => -n.heard, (n, now) => Words.ago(now - n.heard)],
    ["due", "Next due", "middle", (n) => n.due, (n, now) => States.due(n, now)],
    ["waiting", "Waiting", "number", (n) => n.waiting, (n) => n.waiting ? Words.count(n.waiting) : "–"],
    ["oldest", "Oldest", "number middle", (n, now) => n.since === null ? null : now - n.since,
      (n, now) => n.since === null ? "–" : Words.span(now - n.since)],
    ["topics", "Topics", "number wide", (n) => n.topics, (n) => Words.count(n.topics)],
  ];

  const rows = new Map(); // of the page that is seen, by client id
  let sortBy = "state", downwards = false, only = "all", words = "", page = 0;
  let shown = [];

  function compare(value, now) {
    const sign = downwards ? -1 : 1;
    const keys = new Map();

    for (const node of shown)
      keys.set(node, value(node, now));
    return (a, b) => {
      const x = keys.get(a), y = keys.get(b);

      if (x === null || y === null)
        return (x === null) - (y === null) || (a.key < b.key ? -1 : 1);
      return x < y ? -sign : x > y ? sign : a.key < b.key ? -1 : 1;
    };
  }

  // ---- filters -------------------------------------------------------------

  const FILTERS = [["all", "All"], ...States.KINDS.map((kind) => [kind, States.NAMES[kind]]), ["waiting", "Messages wait"]];

  function judge(now) {
    const counts = {all: 0, waiting: 0};
    const wanted = words.toLowerCase();

    for (const kind of States.KINDS)
      counts[kind] = 0;
    shown = [];
    for (const node of Nodes.all.values()) {
      node.kind = States.kind(node);
      // The longest silent first, among the overdue; others by name.
      node.rank = States.KINDS.indexOf(node.kind) + (node.kind === "overdue" ? node.heard / 1e9 : 0.5);
      counts.all++;
      counts[node.kind]++;
      counts.waiting += node.waiting > 0;
      if ((only === "all" || only === node.kind || only === "waiting" && node.waiting > 0) &&
          (!wanted || node.id.toLowerCase().includes(wanted) || node.address.includes(wanted)))
        shown.push(node);
    }
    shown.sort(compare(COLUMNS.find(([key]) => key === sortBy)[3], now));
    return counts;
  }

  function drawChips(counts) {
    const chips = at("chips");

    if (!chips.children.length)
      for (const [key, title] of FILTERS) {
        const chip = make("button", {type: "button", "data-key": key});

        if (States.KINDS.includes(key))
          chip.append(mark(key));
        chip.append(title, " ", make("b"));
        chip.addEventListener("click", () => choose(key));
        chips.append(chip);
      }
    for (const chip of chips.children) {
      put(chip.lastChild, Words.count(counts[chip.dataset.key]));
      chip.setAttribute("aria-pressed", chip.dataset.key === only);
    }
  }

  function choose(key) {
    only = key;
    page = 0;
    draw();
  }

  // ---- rows ----------------------------------------------------------------

  function makeRow(node) {
    const link = make("a", {href: "#node=" + encodeURIComponent(node.id)}, make("bdi", {}, Dom.visible(node.id)));
    const row = make("tr", {}, make("th", {scope: "row"}, link),
      make("td", {}, mark(node.kind), make("span")));

    for (const [, , style] of COLUMNS.slice(2))
      row.append(make("td", {class: style}));
    row.dataset.id = node.id;
    return row;
  }

  function fill(row, node, now) {
    const state = row.children[1];

    turn(state.firstChild, node.kind);
    put(state.lastChild, States.sentence(node, now));
    COLUMNS.forEach(([, , , , say], i) => {
      if (say)
        put(row.children[i], say(node, now));
    });
  }

  function drawRows(now) {
    const body = at("rows");
    const seen = shown.slice(page * ROWS, (page + 1) * ROWS);
    const ids = new Set(seen.map((node) => node.id));
    const focused = body.contains(document.activeElement) ? document.activeElement : null;

    for (const [id, row] of rows)
      if (!ids.has(id)) {
        row.remove();
        rows.delete(id);
      }
    seen.forEach((node, i) => {
      let row = rows.get(node.id);

      if (!row)
        rows.set(node.id, row = makeRow(node));
      fill(row, node, now);
      if (body.children[i] !== row)
        body.insertBefore(row, body.children[i] || null);
    });
    // A row that moves loses the focus.
    if (focused && document.activeElement !== focused && body.contains(focused))
      focused.focus({preventScroll: true});
  }

  function drawHead() {
    const head = at("head"), order = at("order");

    if (!head.children.length)
      for (const [key, title, style] of COLUMNS) {
        const button = make("button", {type: "button"}, title);

        button.addEventListener("click", () => {
          downwards = sortBy === key && !downwards;
          sortBy = key;
          page = 0;
          draw();
        });
        head.append(make("th", {scope: "col", class: style, "data-key": key}, button));
        order.append(make("option", {value: key}, title));
      }
    for (const cell of head.children)
      if (cell.dataset.key === sortBy)
        cell.setAttribute("aria-sort", downwards ? "descending" : "ascending");
      else
        cell.removeAttribute("aria-sort");
    order.value = sortBy;
  }

  function drawPages() {
    const last = Math.max(0, Math.ceil(shown.length / ROWS) - 1);
    const from = page * ROWS;
    const reading = !Nodes.isComplete() ? ", still reading" :
      Nodes.lasts() > 5 ? ", each read once in " + Words.span(Nodes.lasts()) : "";

    put(at("where"), shown.length ? Words.count(from + 1) + "–" + Words.count(Math.min(from + ROWS, shown.length)) +
        " of " + Words.count(shown.length) + reading : "");
    at("previous").disabled = page === 0;
    at("next").disabled = page >= last;
    show(at("none"), !shown.length);
    put(at("none"), !Nodes.isComplete() ? "The list of nodes is being read." :
        Nodes.all.size ? "No node is like that." : "No node has connected yet.");
  }

  function overdue(n, now) {
    let longest = null;

    for (const node of Nodes.all.values())
      if (node.kind === "overdue" && (!longest || node.heard < longest.heard))
        longest = node;
    return (n === 1 ? "One node is overdue: " : Words.count(n) + " nodes are overdue. Silent the longest: ") +
      Dom.visible(longest.id) + ", " + (n === 1 ? "silent for " : "for ") + Words.span(now - longest.heard) + ". ";
  }

  // Those with a clean session are in no table any more.
  function forgotten(gone, now) {
    const last = gone[gone.length - 1];

    return Dom.visible(last.client) + " fell silent " + Words.ago(now - last.at) +
      (gone.length === 1 ? " and was forgotten, for its session was clean." :
      ", and " + Words.many(gone.length - 1, "other", "others") + "; they were forgotten, for their sessions were clean.");
  }

  // Whether any node is silent, before anything else.
  function verdict(counts, now) {
    const box = at("verdict");
    const n = counts.overdue, gone = Events.forgotten();

    show(box, Nodes.isComplete() && (counts.all > 0 || gone.length > 0));
    if (box.hidden)
      return;
    if (!box.children.length) {
      const button = make("button", {type: "button"}, "Show them");

      button.addEventListener("click", () => {
        sortBy = "state";
        downwards = false;
        choose("overdue");
        at("nodes").focus();
      });
      box.append(mark("active"), make("span"), button);
    }
    box.classList.toggle("overdue", n + gone.length > 0);
    turn(box.children[0], n + gone.length ? "overdue" : "active");
    show(box.children[2], n > 0);
    put(box.children[1], n + gone.length === 0 ? (Overview.reachable() ? "No node is overdue." : "No node was overdue.") :
        (n ? overdue(n, now) : "") + (gone.length ? forgotten(gone, now) : ""));
    put(box.children[2], n === 1 ? "Show it" : "Show them");
  }

  function draw() {
    const now = States.now();
    const counts = judge(now);

    page = Math.min(page, Math.max(0, Math.ceil(shown.length / ROWS) - 1));
    drawChips(counts);
    drawHead();
    drawRows(now);
    drawPages();
    verdict(counts, now);
  }

  function leaf(step) {
    page += step;
    draw();
  }

  function start() {
    at("previous").addEventListener("click", () => leaf(-1));
    at("next").addEventListener("click", () => leaf(1));
    at("find").addEventListener("input", () => {
      words = at("find").value.trim();
      page = 0;
      draw();
    });
    at("order").addEventListener("change", () => {
      sortBy = at("order").value;
      downwards = false;
      page = 0;
      draw();
    });
    draw();
  }

  return {start, draw};
})();
