// The chat page and the citation viewer. Asking, stopping and opening a source are forms and links
// that work alone; this makes them pleasant.
(() => {
  const WIDE = window.matchMedia("(min-width: 48rem)");
  const SIDEBAR = window.matchMedia("(min-width: 62rem)");
  const scroller = document.getElementById("thread-scroll");
  const composer = document.getElementById("composer");
  const viewer = document.getElementById("viewer");
  let opener = null; // the link that opened the viewer; focus goes back to it

  // --- composer ---------------------------------------------------------------------------

  const question = document.getElementById("question");

  const live = () => document.querySelector("[data-live]");

  // Send becomes Stop while an answer is made. Stop belongs to the form of that answer.
  const showState = () => {
    if (!composer) return;
    const answer = live();
    const send = composer.querySelector(".send");
    const stop = composer.querySelector(".stop");
    const hadFocus = [send, stop].includes(document.activeElement);
    send.hidden = Boolean(answer);
    stop.hidden = !answer;
    if (answer) stop.setAttribute("form", answer.querySelector(".stop-form").id);
    else stop.removeAttribute("form");
    if (hadFocus) question.focus();
  };

  const grow = () => {
    if (CSS.supports("field-sizing", "content")) return;
    question.style.height = "auto";
    question.style.height = `${question.scrollHeight}px`;
  };

  const showChosen = () => {
    const label = composer.querySelector("[data-chosen]");
    if (!label) return;
    const chosen = [...composer.querySelectorAll("[name=knowledge_bases]:checked")];
    if (chosen.length === 0) label.textContent = label.dataset.none;
    else if (chosen.length === 1) label.textContent = chosen[0].closest("label").textContent.trim();
    else label.textContent = label.dataset.many.replace("{n}", chosen.length);
  };

  if (composer) {
    question.addEventListener("input", grow);
    question.addEventListener("keydown", (event) => {
      // isComposing: Enter that only confirms what an input method proposes (Chinese, Japanese).
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      if (!live() && question.value.trim()) composer.requestSubmit(composer.querySelector(".send"));
    });
    composer.addEventListener("change", showChosen);
    showChosen();
    composer.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.elt !== composer || !event.detail.successful) return;
      document.getElementById("messages").replaceChildren();
      question.value = "";
      grow();
      question.focus();
    });
  }

  // --- thread -----------------------------------------------------------------------------

  const nearEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 120;
  const toEnd = () => { scroller.scrollTop = scroller.scrollHeight; };

  if (scroller) {
    let following = true;
    scroller.addEventListener("scroll", () => { following = nearEnd(); }, { passive: true });
    new MutationObserver(() => {
      showState();
      if (following && live()) toEnd(); // the whole answer stays where it was read
    }).observe(document.getElementById("thread"), { childList: true, subtree: true, characterData: true });

    document.body.addEventListener("htmx:afterSwap", (event) => {
      if (event.detail.requestConfig?.path === composer.getAttribute("hx-post")) {
        following = true;
        toEnd();
        document.title = document.title.replace(/^.* · /, `${document.getElementById("conversation-title").textContent} · `);
      }
    });

    // The whole answer takes the place of the streamed one: said once.
    document.body.addEventListener("htmx:load", (event) => {
      const text = event.detail.elt.dataset?.announce;
      if (text) window.announce(text);
    });

    if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
    else toEnd();
    showState();
  }

  // --- conversations ----------------------------------------------------------------------

  const conversations = document.querySelector(".conversations");
  if (conversations) {
    const fit = () => { conversations.open = SIDEBAR.matches; };
    SIDEBAR.addEventListener("change", fit);
    fit();
  }

  // --- viewer -----------------------------------------------------------------------------

  const showMark = () => {
    const mark = document.getElementById("mark") || document.querySelector(".page-marks rect");
    mark?.scrollIntoView({ block: "center", inline: "nearest" });
  };

  const markOpen = (path) => {
    for (const link of document.querySelectorAll(".source a, a.cite")) {
      (link.closest(".source") ?? link).classList.toggle("open", link.pathname === path);
    }
  };

  const close = () => {
    if (!viewer || viewer.hidden) return;
    viewer.hidden = true;
    viewer.replaceChildren();
    markOpen(null);
    opener?.isConnected ? opener.focus() : question?.focus();
  };

  const open = async (link) => {
    if (!viewer.contains(link)) opener = link;
    await htmx.ajax("GET", link.href, { target: viewer, swap: "innerHTML" });
    viewer.hidden = false;
    markOpen(link.pathname);
    const image = viewer.querySelector(".page-canvas img");
    if (image && !image.complete) image.addEventListener("load", showMark, { once: true });
    showMark();
    viewer.focus({ preventScroll: true });
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-viewer]")) close();
    const link = event.target.closest("a[data-citation], a.cite");
    if (!link || !viewer || !WIDE.matches) return;
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("details.menu[open], details.popover[open]")) close();
  });

  if (!viewer && document.querySelector(".citation-view")) {
    const image = document.querySelector(".page-canvas img");
    if (image && !image.complete) image.addEventListener("load", showMark, { once: true });
    else showMark();
  }
})();
