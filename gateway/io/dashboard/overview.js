// SPDX-License-Identifier: MIT
// The cards at the top: what the gateway and its broker do now, and whether
// what is shown is of now.
const Overview = (() => {
  const {at, put, show, facts} = Dom;
  const EACH_MS = 2000;
  const OLD_S = 8;
  const RATE_S = 10;     // rates are over so long
  const SAMPLES = 61;    // of EACH_MS: the line goes back two minutes

  let samples = [];      // {at, up, down, in, out, again, dropped}
  let status = null, heard = null, lastWord = null, trouble = "", silentSince = null, locked = false;
  let changed = () => {}, again = () => {};

  const reachable = () => heard !== null && trouble === "";

  // ---- rates ---------------------------------------------------------------

  const sum = (counters, names) => names.reduce((total, name) => total + (counters[name] || 0), 0);

  function sample(s, now) {
    const c = s.counters;
    const drops = Object.keys(c).filter((name) => name.startsWith("drop_"));

    samples.push({
      at: now, up: c.up_publishes, down: c.down_delivered, in: c.rx_datagrams, out: c.tx_datagrams,
      again: c.tx_retransmissions, dropped: sum(c, drops),
      refused: sum(c, ["up_refused_topic", "up_unknown_topic", "up_congestion", "up_rejected", "up_qos0_dropped",
        "up_drop_full", "up_drop_expired", "up_drop_rejected"]),
    });
    samples = samples.slice(-SAMPLES);
  }

  function rate(name) {
    const last = samples[samples.length - 1];
    const first = samples.find((s) => s.at >= last.at - RATE_S - 1);

    return last.at - first.at < 1 ? null : (last[name] - first[name]) / (last.at - first.at);
  }

  function risen(name) {
    return samples[samples.length - 1][name] - samples[0][name];
  }

  const perSecond = (value) => value === null ? "–" : Words.rate(value) + " a second";

  function line(id, name, title) {
    const rates = samples.slice(1).map((s, i) => (s[name] - samples[i][name]) / Math.max(0.5, s.at - samples[i].at));
    const top = Math.max(1, ...rates);
    const points = rates.map((value, i) => (120 - 2 * (rates.length - 1 - i)) + "," + (27 - 25 * value / top).toFixed(1));

    at(id).firstElementChild.setAttribute("points", points.join(" "));
    at(id).setAttribute("aria-label", title + " in the last two minutes; at most " + Words.rate(Math.max(0, ...rates)) + " a second");
  }

  function big(id, value) {
    const box = at(id);

    if (!box.children.length)
      box.append("", Dom.make("small"));
    if (box.firstChild.data !== value[0])
      box.firstChild.data = value[0];
    put(box.lastChild, value[1]);
  }

  // ---- cards ---------------------------------------------------------------

  function broker(b) {
    const box = at("broker");
    const [kind, text] = {
      up: ["active", "Connected"],
      down: ["overdue", "Not connected"],
      denied: ["bad", "Refused by the broker"],
    }[b.state] || ["gone", "Connecting"];

    if (box.children.length !== 2)
      box.replaceChildren(Dom.mark(kind), Dom.make("span"));
    Dom.turn(box.firstChild, kind);
    put(box.lastChild, text);
    facts(at("broker-facts"), b.facts(States.now(), heard));
  }

  function draw() {
    const now = States.now();

    lamp(now);
    if (!status)
      return;
    const s = status;
    const up = rate("up"), down = rate("down");

    document.title = s.name + " – MQTT-SN gateway";
    put(at("name"), Dom.visible(s.name));
    put(at("version"), "mqttsn-gateway " + s.version);
    broker(s.broker);
    big("up-rate", up === null ? ["–", ""] : [Words.rate(up), " messages a second"]);
    line("up-line", "up", "Messages from nodes");
    facts(at("up-facts"), [
      ["Datagrams received", perSecond(rate("in"))],
      ["Wait for the broker", Words.count(s.uplink)],
      ["Refused in these 2 min", Words.count(risen("refused"))],
    ]);
    big("down-rate", down === null ? ["–", ""] : [Words.rate(down), " messages a second"]);
    line("down-line", "down", "Messages to nodes");
    facts(at("down-facts"), [
      ["Wait for nodes", Words.count(s.queued) + (s.queued ? " in " + Words.size(s.queuedBytes) : "")],
      ["Sent again", perSecond(rate("again"))],
      ["Dropped in these 2 min", Words.count(risen("dropped"))],
    ]);
    put(at("uptime"), "Up for " + Words.span(s.uptime + now - heard));
    facts(at("gateway-facts"), s.facts);
  }

  // Says whether what is shown is of now, and why not.
  function lamp(now) {
    const live = at("live");
    const age = heard === null ? null : now - heard;
    const old = trouble !== "" || age !== null && age > OLD_S;

    live.classList.toggle("old", old);
    put(live, heard === null && !trouble ? "Asking the gateway" : old ? "Old data" : "Live");
    show(at("alarm"), trouble !== "");
    // As of minutes: whoever hears it read out is told once.
    if (locked)
      put(at("alarm"), trouble);
    else if (trouble)
      put(at("alarm"), "The gateway cannot be reached: " + trouble + ", since " + Words.clock(silentSince) + ". " +
          (lastWord ? "What is shown here is as it was at " + Words.clock(lastWord) + "." : "Nothing is known of it yet.") +
          " It is asked again and again.");
  }

  // Whether another process answers now: one that cannot have started before
  // the one that was known had. When it did start is known as well as an answer
  // takes, and to the second that it tells.
  function isAnother(known, now, asked) {
    return now.uptime < known.uptime || asked - now.uptime - 1 > known.started;
  }

  async function turn() {
    try {
      const asked = States.now();
      const answer = await Api.get("status");
      const before = status;

      heard = States.now();
      lastWord = new Date();
      status = Shapes.status(answer, heard);
      if (before && isAnother(before, status, asked)) {
        samples = [];
        Nodes.restart();
        Events.restart();
      }
      trouble = "";
      locked = false;
      silentSince = null;
      sample(status, heard);
    } catch (error) {
      if (!(error instanceof Api.Failure))
        throw error;
      silentSince = silentSince || new Date();
      trouble = error.message;
      locked = error.status === 401;
      if (locked) {
        trouble = "The gateway shows itself only to who has one of its tokens." + (Api.token.get() === null ?
          " Unlock it, at the top." : " The one that was entered is none of them.");
        Api.token.set("");
      }
      draw();
      changed();
      throw error;
    }
    draw();
    changed();
  }

  function start(onChange) {
    changed = onChange;
    again = Api.every(() => EACH_MS, turn);
  }

  return {start, draw, reachable, again: () => again(), isLocked: () => locked};
})();
