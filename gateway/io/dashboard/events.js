// SPDX-License-Identifier: MIT
// What happened lately, in sentences; the newest first.
const Events = (() => {
  const {at, put, make} = Dom;
  const EACH_MS = 4000;
  const SHOWN = 60;
  const KEPT = 500;
  const NAME_MAX = 64; // octets of a name in an event

  const ORDINARY = new Set(["connected", "disconnected", "asleep", "client_moved", "will_published"]);

  // Event: its shape, and what there is to say; % stands for the node.
  const WORDS = {
    connected: ["active", "% connected"],
    disconnected: ["gone", "% signed off"],
    asleep: ["asleep", "% went to sleep"],
    client_lost: ["overdue", "% fell silent and was taken for lost"],
    session_expired: ["gone", "% was forgotten, away for too long"],
    client_moved: ["active", "% has a new address"],
    takeover_refused: ["bad", "another node wanted the name of %, which is there; it was refused"],
    connect_refused: ["bad", "% was not let in"],
    queue_drop: ["overdue", "a message for % was dropped"],
    too_large: ["overdue", "a message for % does not fit into its datagrams"],
    table_full: ["bad", "a limit of the gateway was reached by %"],
    register_timeout: ["overdue", "% did not answer when it was told a topic id"],
    unresponsive: ["overdue", "% woke up, but acknowledged nothing"],
    will_published: ["gone", "the will of % was published"],
    will_qos_invalid: ["overdue", "% has a will of an impossible QoS, taken as 0"],
    upstream_rejected: ["bad", "the broker refused what % asked for"],
    uplink_drop: ["bad", "a message of % that had been accepted was given up"],
    store_failed: ["bad", "the store could not keep a record"],
    client_kicked: ["gone", "the connection of % was ended by an operator"],
    queue_purged: ["gone", "what waited for % was discarded by an operator"],
    overlap_rule: ["gone", "it is known how the broker treats overlapping subscriptions"],
    other_gateway: ["gone", "another gateway was seen"],
    upstream_connected: ["active", "the broker is connected"],
    upstream_lost: ["bad", "the connection to the broker was lost"],
    upstream_unreachable: ["bad", "the broker cannot be reached"],
    upstream_denied: ["bad", "the broker refuses the gateway"],
    reloaded: ["active", "the configuration was read again"],
    reload_failed: ["bad", "the configuration was to be read again, and is wrong"],
  };

  let kept = [], cursor = 0, ordinary = false, drawn = "";

  function subject(e) {
    if (e.client)
      return make("a", {href: "#node=" + encodeURIComponent(e.client)}, make("bdi", {}, Dom.visible(e.client)));
    return e.address ? "a node at " + Dom.visible(e.address) : "a node";
  }

  function sentence(e) {
    const [kind, text] = WORDS[e.event] || ["gone", e.event.replace(/_/g, " ") + (e.client ? ": %" : "")];
    const parts = text.split("%");
    const more = [e.topic && "topic " + Dom.visible(e.topic), e.reason && Dom.visible(e.reason.replace(/_/g, " ").replace("keepalive", "keep-alive")),
      e.event === "asleep" && e.duration_s && "for " + Words.span(e.duration_s),
      e.suppressed && Words.many(e.suppressed, "more", "more") + " like it"].filter(Boolean).join(", ");
    const said = make("span", {}, Dom.mark(kind));

    if (parts[0])
      said.append(parts[0]);
    if (parts.length > 1)
      said.append(subject(e), parts[1]);
    const first = said.childNodes[1];

    if (first.nodeType === Node.TEXT_NODE) // a name stays as it is
      first.data = first.data.charAt(0).toUpperCase() + first.data.slice(1);
    if (more)
      said.append(make("span", {class: "quiet"}, " (" + more + ")"));
    return said;
  }

  function draw() {
    const list = at("events");
    const seen = kept.filter((e) => ordinary || !ORDINARY.has(e.event)).slice(-SHOWN).reverse();
    const now = States.now();
    const key = ordinary + ":" + seen.map((e) => e.number).join();

    if (key !== drawn) {
      drawn = key;
      list.replaceChildren(...seen.map((e) => make("li", {}, make("time"), sentence(e))));
      if (!seen.length)
        list.append(make("li", {}, make("span", {class: "quiet"}, ordinary ?
          "Nothing has happened since the gateway began." : "Nothing out of the ordinary.")));
    }
    seen.forEach((e, i) => put(list.children[i].firstChild, Words.ago(now - e.at)));
  }

  async function turn() {
    if (!Overview.reachable())
      return;
    const known = kept;
    const answer = await Api.get("events?limit=" + KEPT + "&cursor=" + cursor);

    if (kept !== known) // a restart came between: the cursor was of before
      return;
    kept = kept.concat(Shapes.events(answer, States.now())).slice(-KEPT);
    cursor = answer.next;
    draw();
  }

  // Nodes that were lost and, with a clean session, forgotten by that: they are
  // in no table. The latest comes last. A name that may have been cut is none.
  function forgotten() {
    const latest = new Map();

    for (const e of kept)
      if (e.client && (e.event === "connected" || e.event === "client_lost"))
        latest.set(e.client, e);
    return [...latest.values()].filter((e) => e.event === "client_lost" && !Nodes.all.has(e.client) &&
      new TextEncoder().encode(e.client).length < NAME_MAX).sort((a, b) => a.number - b.number);
  }

  function restart() {
    kept = [];
    cursor = 0;
  }

  function start() {
    at("ordinary").addEventListener("change", () => {
      ordinary = at("ordinary").checked;
      draw();
    });
    Api.every(() => EACH_MS, turn);
  }

  return {start, draw, restart, forgotten};
})();
