// SPDX-License-Identifier: MIT
// Puts the parts together.
const App = (() => {
  const {at, put, show} = Dom;

  // ---- colours -------------------------------------------------------------

  function paint(theme) {
    if (theme)
      document.documentElement.dataset.theme = theme;
    else
      delete document.documentElement.dataset.theme;
    at("theme").value = theme;
  }

  function startTheme() {
    paint(localStorage.getItem("mqttsn-theme") || "");
    at("theme").addEventListener("change", () => {
      localStorage.setItem("mqttsn-theme", at("theme").value);
      paint(at("theme").value);
    });
  }

  // ---- control -------------------------------------------------------------

  function drawLock() {
    show(at("unlock"), Overview.isLocked() || Api.token.get() !== null);
    put(at("unlock"), Api.token.get() === null ? "Unlock" : "Lock");
    Detail.draw();
  }

  function startLock() {
    at("unlock").addEventListener("click", () => {
      if (Api.token.get() === null) {
        at("token").value = "";
        at("lock").showModal();
        return;
      }
      Api.token.set("");
      drawLock();
      Overview.again();
    });
    at("lock-cancel").addEventListener("click", () => at("lock").close());
    at("lock-form").addEventListener("submit", (event) => {
      event.preventDefault();
      Api.token.set(at("token").value.trim());
      at("token").value = "";
      at("lock").close();
      drawLock();
      Overview.again();
    });
  }

  // ---- time ----------------------------------------------------------------

  // Words of time change without anything having come.
  function tick() {
    if (document.hidden)
      return;
    Overview.draw();
    Table.draw();
    Events.draw();
    Detail.draw();
  }

  function start() {
    startTheme();
    startLock();
    Table.start();
    Overview.start(drawLock);
    Nodes.start(Table.draw);
    Events.start();
    Detail.start();
    setInterval(tick, 1000);
  }

  return {start, drawLock};
})();

App.start();
