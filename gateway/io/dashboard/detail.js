// SPDX-License-Identifier: MIT
// One node: what is known of it, its topics, subscriptions and queue, and what
// can be done about it. The address of the page names it (#node=...).
const Detail = (() => {
  const {at, put, show, make, facts} = Dom;
  const EACH_MS = 3000;

  let id = null, node = null, missing = "", again = () => {};

  // ---- what it has ---------------------------------------------------------

  // A table in place of the one before, where something is different.
  function list(name, title, none, heads, rows, total) {
    const body = at("node-body");
    const text = JSON.stringify(rows);
    const empty = !rows.length;
    let part = body.querySelector("[data-part=" + name + "]");

    if (!part) {
      part = make("section", {"data-part": name, "aria-label": title}, make("h3", {}, title));
      body.append(part);
    }
    if (part.dataset.text === text)
      return;
    part.dataset.text = text;
    put(part.firstChild, empty ? title : title + " (" + Words.count(total) + (rows.length < total ? ", the first " + rows.length : "") + ")");
    part.replaceChildren(part.firstChild, empty ? make("p", {class: "quiet"}, none) :
      make("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": title},
        make("table", {},
          make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", {scope: "col"}, head)))),
          make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, make("bdi", {}, cell)))))))));
  }

  function describe(now) {
    const n = node;
    const promise = n.state === "asleep" || n.state === "awake" ? "It sleeps for" : "Its keep-alive is";

    facts(at("node-facts"), [
      ["Address", Dom.visible(n.address) || "none at present"],
      ["Listener", n.listener ? Dom.visible(n.listener) : null],
      ["Last heard", Words.ago(now - n.heard)],
      ["In this state for", Words.span(now - n.changed)],
      [promise, n.duration ? Words.span(n.duration) : "not set"],
      ["Next due", States.due(n, now)],
      [n.state === "lost" || n.state === "disconnected" ? "Forgotten" : "Taken for lost",
        n.ends === null ? null : n.ends > now ? "in " + Words.span(n.ends - now) : "now"],
      ["Waits for it", n.waiting ? Words.many(n.waiting, "message") + ", " + Words.size(n.bytes) +
        (n.since === null ? "" : ", the oldest for " + Words.span(now - n.since)) : "nothing"],
      ["Waits for the broker", n.uplink ? Words.many(n.uplink, "message") : "nothing"],
      ["Session", n.clean ? "ends with its connection (clean)" : "kept while it is away"],
      ["Will", n.will ? "yes, published when it is lost" : n.state === "connecting" ? "none so far" : "none"],
    ]);
  }

  function draw() {
    const now = States.now();

    if (id === null)
      return;
    put(at("node-title"), Dom.visible(id));
    show(at("node-body"), node !== null);
    show(at("control"), node !== null && Api.token.get() !== null);
    if (node === null) {
      put(at("node-state"), missing || "Reading…");
      return;
    }
    const state = at("node-state");

    node.kind = States.kind(node);
    if (state.children.length !== 2)
      state.replaceChildren(Dom.mark(node.kind), make("span"));
    Dom.turn(state.children[0], node.kind);
    put(state.children[1], States.sentence(node, now));
    if (!at("node-facts"))
      at("node-body").prepend(make("dl", {id: "node-facts"}));
    describe(now);
    at("kick").disabled = !["connecting", "active", "asleep", "awake"].includes(node.state);
    list("queue", "Waiting for it", "Nothing waits for it.", ["Topic", "QoS", "Size", "For", "Tried"], node.queue(now), node.waiting);
    list("subscriptions", "Subscriptions", "It has subscribed to nothing.", ["Filter", "QoS", "State"], node.filters, node.subscriptions);
    list("topics", "Topics", "It has no topic ids.", ["Id", "Topic", "State"], node.names, node.topics);
  }

  async function turn() {
    const wanted = id;

    if (wanted === null || !Overview.reachable())
      return;
    try {
      const row = await Api.get("clients/" + encodeURIComponent(wanted));

      if (wanted !== id)
        return;
      node = Shapes.detail(row, States.now());
      Nodes.take(row, States.now());
    } catch (error) {
      if (wanted !== id || !(error instanceof Api.Failure))
        throw error;
      if (error.status === 404) {
        node = null;
        missing = "The gateway has no session of this node: it ended, or was forgotten.";
      }
      draw();
      throw error;
    }
    draw();
  }

  // ---- what can be done about it -------------------------------------------

  const DEEDS = {
    kick: ["End the connection of %?",
      "Its will is published, and it is told; one that sleeps learns it when it wakes. It can connect again at once.",
      "Yes, end it"],
    purge: ["Discard what waits for %?",
      "The messages are lost for this node, but for one that is just on its way. Its session and its subscriptions stay.",
      "Yes, discard"],
  };
  let deed = null;

  function propose(which) {
    const [question, effect, yes] = DEEDS[which];

    deed = which;
    put(at("confirm-text"), question.replace("%", () => Dom.visible(id)) + " " + effect);
    put(at("confirm-yes"), yes);
    put(at("control-said"), "");
    show(at("confirm"), true);
    at("confirm-no").focus();
  }

  function leaveIt() {
    const from = deed;

    deed = null;
    show(at("confirm"), false);
    if (from)
      at(from).focus();
  }

  // The gateway discards a part at a time.
  async function purge(path) {
    let total = 0, answer;

    do {
      answer = await Api.post(path);
      total += answer.messages;
    } while (answer.messages > 0 && answer.left > 0);
    return Words.many(total, "message was", "messages were") + " discarded" +
      (answer.left > 0 ? "; " + Words.many(answer.left, "is", "are") + " left, on the way to it or to the store." : ".");
  }

  async function kick(path) {
    await Api.post(path);
    return "Its connection was ended.";
  }

  async function perform() {
    const path = "clients/" + encodeURIComponent(id) + "/" + deed;
    const act = deed === "kick" ? kick : purge;

    leaveIt();
    try {
      put(at("control-said"), await act(path));
    } catch (error) {
      if (!(error instanceof Api.Failure))
        throw error;
      put(at("control-said"), "It was not done: " + Dom.visible(error.message) + ".");
      return;
    }
    again();
  }

  // ---- open and close ------------------------------------------------------

  // The node that the address of the page names, or null.
  function named() {
    const match = /^#node=(.*)$/.exec(location.hash);

    try {
      return match && decodeURIComponent(match[1]);
    } catch {
      return null; // not an address that this page made
    }
  }

  function follow() {
    const wanted = named();

    if (wanted === id)
      return;
    id = wanted;
    node = null;
    missing = "";
    leaveIt();
    put(at("control-said"), "");
    if (id === null) {
      at("node").close();
      return;
    }
    at("node-body").replaceChildren();
    draw();
    if (!at("node").open)
      at("node").showModal();
    again();
  }

  function start() {
    at("node").addEventListener("close", () => {
      // The next one may have been chosen, and be open, before this is told.
      if (at("node").open)
        return;
      if (id !== null && named() === id)
        history.pushState(null, "", location.pathname + location.search);
      follow();
    });
    at("node-close").addEventListener("click", () => at("node").close());
    at("kick").addEventListener("click", () => propose("kick"));
    at("purge").addEventListener("click", () => propose("purge"));
    at("confirm-no").addEventListener("click", leaveIt);
    at("confirm-yes").addEventListener("click", perform);
    addEventListener("hashchange", follow);
    addEventListener("popstate", follow);
    again = Api.every(() => EACH_MS, turn);
    follow();
  }

  return {start, draw};
})();
