// SPDX-License-Identifier: MIT
// What state a node is in, as an operator thinks of it. Times are seconds of
// this page's clock, States.now().
const States = (() => {
  const now = () => performance.now() / 1000;

  // In the order in which they are worth looking at.
  const KINDS = ["overdue", "awake", "active", "asleep", "gone"];
  const NAMES = {overdue: "Overdue", awake: "Awake", active: "Active", asleep: "Asleep", gone: "Signed off"};

  // The gateway waits a tolerance longer than a node promised before it calls
  // it lost. Within it the node is late, which whoever looks for a silent one
  // wants to know - but not of one that is late by what a datagram takes, and
  // only as of when it was read: what it did since is not known yet.
  function isLate(node) {
    return node.due !== null && node.read > node.due + Math.max(2, node.duration / 20);
  }

  function kind(node) {
    switch (node.state) {
    case "lost":
      return "overdue";
    case "active":
    case "asleep":
      return isLate(node) ? "overdue" : node.state;
    case "awake":
      return "awake";
    case "connecting":
      return "active";
    default:
      return "gone";
    }
  }

  function sentence(node, at) {
    const silent = Words.span(at - node.heard);

    switch (node.state) {
    case "lost":
      return "silent for " + silent + ", overdue";
    case "active":
      return isLate(node) ? "active, " + Words.span(at - node.due) + " late" : "active";
    case "asleep":
      return isLate(node) ? "asleep, " + Words.span(at - node.due) + " late" :
        node.due === null ? "asleep" :
        node.due <= at ? "asleep, due now" : "asleep, due in " + Words.span(node.due - at);
    case "awake":
      return "awake, taking its messages";
    case "connecting":
      return "connecting";
    default:
      return "signed off";
    }
  }

  // When it has to be heard of again.
  function due(node, at) {
    if (node.due === null)
      return "–";
    const left = node.due - at;

    return isLate(node) ? Words.span(-left) + " ago" : left < 1 ? "now" : "in " + Words.span(left);
  }

  return {now, KINDS, NAMES, kind, sentence, due};
})();
