// Behaviour that every page shares. All of it improves what already works without it.

const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open], details.popover[open]")) {
    if (menu !== except && !menu.contains(except)) menu.open = false;
  }
};

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details.menu, details.popover"));

  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (dialog?.showModal) { event.preventDefault(); dialog.showModal(); }
  }
  if (event.target.closest("[data-close-dialog]")) event.target.closest("dialog")?.close();

  const copier = event.target.closest("[data-copy]");
  if (copier) copy(copier);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details.menu[open], details.popover[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
});

// data-confirm asks before a form is sent; without JavaScript the form is simply sent.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !event.target.hasAttribute("hx-confirm") && !window.confirm(question)) event.preventDefault();
});

// data-submit sends its form when the value changes (language, filters).
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  announce(button.dataset.copied);
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1600);
}

// Said once by screen readers, never seen.
function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}
window.announce = announce;

// A request that htmx could not complete is said in words, not swallowed.
document.addEventListener("htmx:responseError", (event) => notify(event.detail.xhr.responseText));
document.addEventListener("htmx:sendError", () => notify(""));

function notify(html) {
  const text = html.startsWith("<") ? "" : html;
  const template = document.getElementById("request-failed");
  const notice = template.content.firstElementChild.cloneNode(true);
  if (text && text.length < 300) notice.querySelector("[data-text]").textContent = text;
  document.getElementById("messages").replaceChildren(notice);
}
