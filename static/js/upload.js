// Sends chosen or dropped files one by one, three at a time, with the progress of each.
// Without this file the form still works: it sends all of them at once.
(() => {
  const form = document.getElementById("upload");
  const input = form.querySelector("input[type=file]");
  const zone = form.querySelector(".dropzone");
  const list = document.getElementById("uploads");
  const row = document.getElementById("upload-template").content.firstElementChild;
  const words = document.getElementById("upload-words").dataset;
  const maxBytes = Number(form.dataset.maxBytes);
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const AT_ONCE = 3;
  const waiting = [];
  let running = 0;
  const outcomes = { taken: 0, refused: 0 };

  form.querySelector("[data-without-script]").hidden = true;
  input.required = false;
  list.classList.add("bounded");
  input.classList.add("visually-hidden"); // the zone around it is its label, and shows its focus

  function add(files) {
    for (const file of files) {
      const item = row.cloneNode(true);
      item.querySelector("[data-name]").textContent = file.name;
      list.prepend(item);
      const upload = { file, item, request: null };
      item.querySelector("[data-cancel]").addEventListener("click", () => cancel(upload));
      item.querySelector("[data-again]").addEventListener("click", () => enqueue(upload));
      item.querySelector("[data-dismiss]").addEventListener("click", () => cancel(upload));
      // Said at once, without sending 300 MB first; the server judges for itself in any case.
      const reason = file.size > maxBytes ? words.tooLarge : file.size === 0 ? words.empty : "";
      if (reason) { refuse(upload, reason); count("refused"); } else enqueue(upload);
    }
  }

  function enqueue(upload) {
    upload.item.classList.remove("refused");
    show(upload, { again: false, cancel: true, bar: true });
    waiting.push(upload);
    next();
  }

  function next() {
    while (running < AT_ONCE && waiting.length) send(waiting.shift());
  }

  function send(upload) {
    running += 1;
    const body = new FormData();
    body.append("files", upload.file, upload.file.name);
    const request = new XMLHttpRequest();
    upload.request = request;
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      const share = event.loaded / event.total;
      upload.item.querySelector("progress").value = share;
      upload.item.querySelector("[data-state]").textContent = share < 1 ? `${Math.floor(share * 100)} %` : words.sent;
    });
    request.addEventListener("load", () => answered(upload, request));
    request.addEventListener("error", () => lost(upload, words.lost));
    request.addEventListener("loadend", () => { running -= 1; upload.request = null; next(); settle(); });
    request.open("POST", form.action);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("HX-Request", "true");
    request.send(body);
  }

  function answered(upload, request) {
    if (new URL(request.responseURL).pathname !== new URL(form.action).pathname) return lost(upload, words.loggedOut);
    if (request.status !== 200) return lost(upload, words.refused);
    const receipt = document.createElement("template");
    receipt.innerHTML = request.responseText;
    const item = receipt.content.querySelector("li");
    if (!item) return lost(upload, words.unreadable);
    const dismiss = upload.item.querySelector("[data-dismiss]");
    upload.item.replaceWith(item);
    upload.item = item;
    if (item.dataset.outcome === "refused") {
      item.querySelector(".badge").before(dismiss);
      dismiss.hidden = false;
    }
    count(item.dataset.outcome);
  }

  // In words for everybody; what was taken stands in the table below and need not stay here.
  function count(outcome) {
    outcomes[outcome] += 1;
    const parts = [];
    for (const [word, number, kind] of [[words.taken, outcomes.taken, "success"], [words.notTaken, outcomes.refused, "danger"]]) {
      if (!number) continue;
      const badge = document.createElement("span");
      badge.className = `badge ${kind}`;
      badge.textContent = `${word} ${number}`;
      parts.push(badge);
    }
    document.getElementById("upload-summary").replaceChildren(...parts);
  }

  function cancel(upload) {
    const place = waiting.indexOf(upload);
    if (place >= 0) waiting.splice(place, 1);
    upload.request?.abort();
    upload.item.remove();
    input.focus();
  }

  function refuse(upload, reason) {
    upload.item.classList.add("refused");
    show(upload, { again: false, cancel: false, bar: false, dismiss: true });
    const state = upload.item.querySelector("[data-state]");
    state.textContent = reason;
    state.classList.remove("muted");
  }

  function lost(upload, reason) {
    refuse(upload, reason);
    show(upload, { again: true, cancel: false, bar: false, dismiss: true });
  }

  function show(upload, { again, cancel, bar, dismiss = false }) {
    upload.item.querySelector("[data-dismiss]").hidden = !dismiss;
    upload.item.querySelector("[data-again]").hidden = !again;
    upload.item.querySelector("[data-cancel]").hidden = !cancel;
    upload.item.querySelector("progress").hidden = !bar;
  }

  // The table is drawn again once the uploads pause, not once for each of 200 files. The filter asks
  // for it: unlike the table it is never replaced, so a second refresh waits for the first and is not lost.
  let timer = 0;
  function settle() {
    clearTimeout(timer);
    const refresh = () => {
      window.htmx?.trigger("#filter", "refresh");
      for (const item of list.querySelectorAll('[data-outcome="taken"]')) item.remove();
    };
    if (running === 0) refresh();
    else timer = setTimeout(refresh, 1500);
  }

  input.addEventListener("change", () => { add([...input.files]); input.value = ""; });
  form.addEventListener("submit", (event) => { event.preventDefault(); input.click(); });

  // A file dropped beside the zone must not make the browser leave the page.
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
  for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, () => zone.classList.add("over"));
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    // The entries must be taken before the first await: the browser empties the list after it.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    add(entries.length ? (await Promise.all(entries.map(filesOf))).flat() : [...event.dataTransfer.files]);
  });

  async function filesOf(entry) {
    if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
    const reader = entry.createReader();
    const found = [];
    for (;;) { // a folder is read in batches of about a hundred, until an empty one
      const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!batch.length) break;
      found.push(...batch);
    }
    return (await Promise.all(found.map(filesOf))).flat();
  }

  window.addEventListener("beforeunload", (event) => {
    if (running || waiting.length) { event.preventDefault(); event.returnValue = words.leave; }
  });
})();
