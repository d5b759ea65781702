// Pointing at a chunk lights its place on the page, and the other way round.
// Without this file a click on a chunk does the same by its link.
(() => {
  const light = (event, on) => {
    const id = event.target.closest?.("#reader [data-chunk]")?.dataset.chunk;
    if (!id) return;
    for (const element of document.querySelectorAll(`#reader [data-chunk="${CSS.escape(id)}"]`)) {
      element.classList.toggle("lit", on);
    }
  };
  document.addEventListener("pointerover", (event) => light(event, true));
  document.addEventListener("pointerout", (event) => light(event, false));
  document.addEventListener("focusin", (event) => light(event, true));
  document.addEventListener("focusout", (event) => light(event, false));

  // The marked passage is brought into view in its own pane, without moving the page around it.
  const showMarked = () => {
    const pane = document.querySelector(".reader-page");
    const marked = pane?.querySelector("mark, .region.marked");
    if (!marked) return;
    const { top, height } = marked.getBoundingClientRect();
    // On a narrow screen the page stands above the chunks: go to it, not to the chunk in the address.
    if (window.matchMedia("(max-width: 62rem)").matches) pane.scrollIntoView({ block: "start" });
    pane.scrollTop += top - pane.getBoundingClientRect().top - Math.max((pane.clientHeight - height) / 3, 16);
  };
  window.addEventListener("load", showMarked);
  document.addEventListener("htmx:afterSettle", showMarked);

  // A click on marked-up text leads to its chunk; regions of an image are links already.
  document.addEventListener("click", (event) => {
    const place = event.target.closest?.(".page-text [data-chunk]");
    if (place && window.getSelection().isCollapsed) document.querySelector(`#chunk-${CSS.escape(place.dataset.chunk)} a`)?.click();
  });
})();
