/** Starts the pages: texts, client, navigation, messages. */

import { Client } from "./client.js";
import { el, fill } from "./dom.js";
import { LANGUAGES, keepLanguage, language, loadTexts, t } from "./i18n.js";
import { PAGES, Router } from "./router.js";
import { askToken } from "./signin.js";

const MESSAGE_SECONDS = 6;

const find = (id) => document.getElementById(id);

/** Shows a sentence for a few seconds; one of kind "error" stays until it is closed. What is said again stands once. */
function message(text, kind = "info") {
  for (const box of [...find("messages").children]) if (box.firstChild.textContent === text) box.remove();
  const close = el("button.close", { type: "button", "aria-label": t("close") }, "×");
  const box = el(`div.message.${kind}`, { role: kind === "error" ? "alert" : "status" }, el("span", {}, text), close);
  close.addEventListener("click", () => box.remove());
  find("messages").append(box);
  if (kind !== "error") setTimeout(() => box.remove(), MESSAGE_SECONDS * 1000);
}

/** Goes to a page, for instance `#/list`. */
function go(hash) {
  location.hash = hash;
}

function showLink(answers) {
  const state = find("link-state");
  const text = answers ? "" : t("unreachable.short");
  if (state.textContent !== text) state.textContent = text;
}

function showNavigation(shown) {
  const links = Object.entries(PAGES).map(([name, page]) =>
    el("a", { href: `#/${name}`, "aria-current": name === shown && "page" }, t(page.title)),
  );
  fill(find("nav"), ...links);
}

function showLanguages() {
  const choice = find("language");
  fill(choice, ...Object.entries(LANGUAGES).map(([name, title]) => el("option", { value: name, selected: name === language }, title)));
  choice.addEventListener("change", () => {
    keepLanguage(choice.value);
    location.reload();
  });
}

async function start() {
  document.documentElement.lang = language;
  await loadTexts();
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  find("nav").setAttribute("aria-label", t("nav"));
  const client = new Client({
    askToken: (refusal) => askToken(find("signin"), refusal),
    onLink: showLink,
    unreachable: () => t("unreachable"),
  });
  showLanguages();
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the hash names the page
    find("main").focus();
  });
  const router = new Router(find("main"), { client, t, go, message }, showNavigation);
  await router.start();
}

start();
