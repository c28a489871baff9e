import { el, fill } from "./dom.js";

export async function show(root, params, { t }) {
  fill(root, el("h1", {}, t("nav.list")));
}
