// What pages do beyond links and forms: fragments that renew themselves, dialogs that confirm, one press a button.
"use strict";

// A part of a page with data-refresh is fetched anew every data-every seconds while somebody looks; a part that could
// not be fetched is shown pale, with when it was true.
function renew(part) {
  const every = Number(part.dataset.every || 10) * 1000;
  const look = async () => {
    if (document.hidden || part.contains(document.activeElement)) return;
    try {
      const answer = await fetch(part.dataset.refresh, { headers: { "x-fragment": "1" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      part.replaceChildren(...fresh.body.childNodes);
      part.classList.remove("stale");
    } catch {
      part.classList.add("stale");
      part.setAttribute("aria-label", "not up to date");
    }
  };
  setInterval(look, every);
  document.addEventListener("visibilitychange", look);
}

// A button with data-dialog opens the dialog of that id; in a dialog with data-expect the deciding button waits until
// the expected word is typed.
function openDialog(button) {
  const dialog = document.getElementById(button.dataset.dialog);
  if (!dialog) return;
  const word = dialog.querySelector("[data-expect]");
  const decide = dialog.querySelector("button[type=submit]");
  if (word) {
    word.value = "";
    decide.disabled = true;
    word.oninput = () => { decide.disabled = word.value.trim() !== word.dataset.expect; };
  }
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) { event.preventDefault(); openDialog(opener); return; }
  const closer = event.target.closest("[data-close]");
  if (closer) { event.preventDefault(); closer.closest("dialog").close(); return; }
  const copier = event.target.closest("[data-copy]");
  if (copier) {
    navigator.clipboard.writeText(copier.dataset.copy).then(() => { copier.textContent = "Copied"; }, () => {});
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.method === "post") form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
});

document.addEventListener("change", (event) => {
  if (event.target.closest("[data-submit-on-change]")) event.target.form.requestSubmit();
});

// A field that only some choices need: a comment for a verdict, an argument for a kind of bulk action.
document.addEventListener("change", (event) => {
  const form = event.target.form;
  const comment = form && form.querySelector("[data-needed-for]");
  if (comment && event.target.name === "verdict") comment.required = event.target.value === comment.dataset.neededFor;
});
document.querySelectorAll("[data-for-kinds]").forEach((field) => {
  const kind = field.closest("form").elements.kind;
  const show = () => {
    field.hidden = !field.dataset.forKinds.split(" ").includes(kind.value);
    field.querySelector("input").required = !field.hidden;
    if (field.hidden) field.querySelector("input").value = "";
  };
  kind.addEventListener("change", show);
  show();
});

document.querySelectorAll("[data-refresh]").forEach(renew);
