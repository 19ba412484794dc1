// Updates the page in place. Without it the page asks for itself again, by a meta element.
"use strict";
(() => {
  const seconds = Number(document.body.dataset.refresh);
  if (!(seconds > 0)) return;
  let under = false;

  const selecting = () => {
    const s = window.getSelection();
    return s !== null && !s.isCollapsed;
  };

  async function update() {
    if (under || document.hidden || selecting()) return;
    under = true;
    const main = document.getElementById("main");
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(answer.statusText);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
      if (fresh === null) throw new Error("no page");
      if (!selecting()) {
        const at = document.activeElement, index = main.contains(at) && at.tagName === "A" ? [...main.querySelectorAll("a")].indexOf(at) : -1;
        main.replaceWith(document.importNode(fresh, true));
        if (index >= 0) document.getElementById("main").querySelectorAll("a")[index]?.focus({ preventScroll: true });
      }
    } catch {
      main.querySelector(".lost")?.removeAttribute("hidden");
    } finally {
      under = false;
    }
  }
  setInterval(update, 1000 * seconds);
})();
