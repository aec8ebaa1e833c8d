// SPDX-License-Identifier: MIT
// Asks the gateway, at a bounded rate, and not at all while nobody looks.
const Api = (() => {
  const PATIENCE_MS = 8000;
  const PAUSE_MAX_MS = 15000;
  const KEY = "mqttsn-token";

  // An answer that is none: 'status' is 0 when nothing came.
  class Failure extends Error {
    constructor(status, text) {
      super(text);
      this.status = status;
    }
  }

  const token = {
    get: () => sessionStorage.getItem(KEY),
    set: (text) => text ? sessionStorage.setItem(KEY, text) : sessionStorage.removeItem(KEY),
  };

  async function ask(path, method) {
    const headers = token.get() ? {Authorization: "Bearer " + token.get()} : {};
    let answer, body;

    try {
      answer = await fetch("api/v1/" + path, {
        method, headers, cache: "no-store", credentials: "omit", redirect: "error",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      body = await answer.json();
    } catch (error) {
      if (!answer)
        throw new Failure(0, "it does not answer");
      if (answer.ok)
        throw new Failure(0, "its answer broke off");
    }
    if (!answer.ok)
      throw new Failure(answer.status, body && body.error || "it answers with status " + answer.status);
    return body;
  }

  const get = (path) => ask(path, "GET");
  const post = (path) => ask(path, "POST");

  // Does 'task' now and 'pause()' milliseconds after each end of it, later and
  // later while it fails; rests while the page is hidden. Returns what makes it
  // be done at once.
  function every(pause, task) {
    let timer = 0, busy = false, hurry = false, failures = 0;

    async function turn() {
      clearTimeout(timer);
      hurry = busy;
      if (busy || document.hidden)
        return;
      busy = true;
      try {
        await task();
        failures = 0;
      } catch (error) {
        failures++;
        if (!(error instanceof Failure))
          throw error;
      } finally {
        busy = false;
        timer = setTimeout(turn, hurry ? 0 : Math.min(pause() * 2 ** Math.min(failures, 5), PAUSE_MAX_MS));
      }
    }

    document.addEventListener("visibilitychange", turn);
    turn();
    return turn;
  }

  return {Failure, token, get, post, every};
})();
