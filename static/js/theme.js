// Loaded in <head> before anything is drawn, so that a remembered theme never flashes the other one.
(() => {
  const KEY = "theme";
  const ORDER = ["auto", "light", "dark"];
  const root = document.documentElement;

  const remembered = () => {
    try { return localStorage.getItem(KEY) || "auto"; } catch { return "auto"; }
  };

  const apply = (theme) => {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.dataset.theme = theme;
  };

  const describe = (button, theme) => {
    button.setAttribute("aria-label", button.dataset[theme]);
    button.title = button.dataset[theme];
  };

  apply(remembered());

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      describe(button, remembered());
      button.addEventListener("click", () => {
        const theme = ORDER[(ORDER.indexOf(remembered()) + 1) % ORDER.length];
        try { localStorage.setItem(KEY, theme); } catch { /* private mode: it lasts for this page */ }
        apply(theme);
        describe(button, theme);
      });
    }
  });
})();
