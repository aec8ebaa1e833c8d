// SPDX-License-Identifier: MIT
// From what the API says (docs/api.md) to what the page works with. Times,
// which the gateway gives as seconds from its now, become times of this page.
const Shapes = (() => {
  const before = (at, age) => age === undefined ? null : at - age;
  const after = (at, left) => left === undefined ? null : at + left;

  function node(row, at) {
    return {
      id: row.client,
      state: row.state,
      address: (row.address || "") + (row.node_id ? " node " + row.node_id : ""),
      listener: row.listener || "",
      read: at,
      heard: at - row.heard_s,
      changed: at - row.state_s,
      duration: row.duration_s,
      due: after(at, row.due_s),
      ends: after(at, row.ends_s),
      waiting: row.queue_messages,
      bytes: row.queue_bytes,
      since: before(at, row.queue_oldest_s),
      uplink: row.uplink_waiting,
      topics: row.topics,
      subscriptions: row.subscriptions,
      clean: row.clean,
      will: row.will,
    };
  }

  function detail(row, at) {
    return Object.assign(node(row, at), {
      queue: (now) => row.queue_list.map((m) => [Dom.visible(m.topic), String(m.qos), Words.size(m.payload_bytes),
        Words.span(m.age_s + now - at), m.sent ? "yes" : "not yet"]),
      filters: row.subscription_list.map((s) => [Dom.visible(s.filter), String(s.qos),
        (s.granted ? "in force" : "the broker is being asked") + (s.fixed ? ", by the configuration" : "")]),
      names: row.topic_list.map((t) => [String(t.id), Dom.visible(t.topic),
        t.refused ? "refused by the node" : (t.known ? "known to the node" : "not told yet") +
        (t.type === "predefined" ? ", predefined" : "")]),
    });
  }

  const TRANSPORTS = {mqtt: "TCP", mqtts: "TLS", ws: "WebSocket", wss: "WebSocket with TLS"};

  // "mqtts://host:8883" as facts.
  function broker(url) {
    const [scheme, place] = (url || "").split("://");

    return place ? [["Address", Dom.visible(place)], ["Over", TRANSPORTS[scheme] || scheme]] : [["Address", "none answers"]];
  }

  function status(s, at) {
    const u = s.upstream;
    const times = (n) => n === 0 ? "never" : n === 1 ? "once" : Words.count(n) + " times";

    return {
      name: s.name, version: s.version, uptime: s.uptime_s, counters: s.counters,
      started: at - s.uptime_s, // at the latest
      uplink: s.uplink.backlog_messages + u.waiting, queued: s.queues.messages, queuedBytes: s.queues.bytes,
      storeFails: s.store.fails,
      broker: {
        state: u.state,
        facts: (now, at) => [
          ...broker(u.url),
          [u.connected ? "Connected for" : "Away for", Words.span(u.since_s + now - at)],
          ["Connection lost", times(u.losses)],
          ["Under way", Words.count(u.in_flight) + " of " + Words.count(u.window)],
        ],
      },
      facts: [
        ["Sessions", Words.count(s.tables.sessions.used) + " of " + Words.count(s.tables.sessions.max)],
        ["Mode", s.mode],
        ["Store", s.store.type + (s.store.durability ? ", " + s.store.durability : "") + (s.store.fails ? " – fails" : "")],
        ["Id", String(s.gateway_id)],
      ],
    };
  }

  const events = (answer, at) => answer.events.map((e) => Object.assign(e, {at: at - e.ago_s}));

  return {node, detail, status, events};
})();
