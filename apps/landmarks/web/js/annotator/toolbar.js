/** The bar above the image: which image, what is done with it, and the sentence that is told. */

import { el, fill } from "../dom.js";
import { keyOf } from "./keys.js";

export class Toolbar {
  #shownNotice = null;
  #shownText = null;

  constructor(bench, deeds) {
    this.bench = bench;
    const { t } = bench;
    this.buttons = {};
    const button = (deed, style = "", label = t(`deed.${deed}`)) =>
      (this.buttons[deed] = el(
        `button${style}`,
        { type: "button", onclick: afterClick(deeds[deed]), title: `${t(`tip.${deed}`)} (${keyOf(deed)})`, "aria-keyshortcuts": keyOf(deed) },
        label,
      ));
    this.name = el("h1.opened");
    this.state = el("span.tag");
    this.zoom = el("button.plain.zoom", { type: "button", onclick: afterClick(deeds.actualSize), title: `${t("tip.actualSize")} (1)` });
    this.element = el(
      "div.tools",
      { role: "toolbar", "aria-label": t("toolbar") },
      el("div.group.title", {}, this.name, this.state),
      el("div.group", {}, button("nextImage"), button("detect"), button("undo", ".sign", "↶"), button("redo", ".sign", "↷")),
      el(
        "div.group",
        {},
        button("zoomOut", ".sign", "−"), this.zoom, button("zoomIn", ".sign", "+"), button("fit"), button("names"),
      ),
      el("div.group.end", {}, button("help", ".sign", "?"), button("saveDraft"), button("submit"), button("finish", ".primary")),
    );
    for (const deed of ["undo", "redo", "zoomIn", "zoomOut", "help"]) {
      this.buttons[deed].setAttribute("aria-label", t(`tip.${deed}`));
    }
    this.polite = el("div.told", { role: "status", "aria-live": "polite" });
    this.urgent = el("div.told", { role: "alert" });
    this.noticeBar = el("div.notices", {}, this.polite, this.urgent);
    bench.listen(() => this.show());
  }

  show() {
    const { bench, buttons } = this;
    const { work, image, busy, view, t } = bench;
    const title = image?.id ?? t("no_image");
    if (title !== this.#shownText) {
      this.#shownText = title;
      this.name.textContent = title;
      this.name.title = title;
    }
    this.#showState();
    this.zoom.textContent = image === null ? "–" : `${Math.round(100 * view.zoom)} %`;
    const idle = work !== null && !busy.has("submit");
    buttons.nextImage.disabled = busy.has("next") || busy.has("open");
    buttons.detect.disabled = work === null || busy.has("detect");
    this.#showStep(buttons.undo, "undo", work?.undoStep);
    this.#showStep(buttons.redo, "redo", work?.redoStep);
    for (const deed of ["saveDraft", "submit", "finish"]) buttons[deed].disabled = !idle;
    this.#showNotice();
  }

  #showState() {
    const { work, image, t } = this.bench;
    const tag = work?.savedTag ?? (image === null ? "" : "unlabeled");
    const unsent = work?.dirty === true;
    this.state.hidden = image === null;
    this.state.className = `tag ${tag}`;
    this.state.textContent = unsent ? t("state.unsent") : tag && t(`state.${tag}`);
  }

  #showStep(button, word, step) {
    const { t, task } = this.bench;
    button.disabled = !step;
    const name = step?.index === undefined ? "" : task.landmarks[step.index].title;
    const text = step ? `${t(`tip.${word}`)}: ${t(`step.${step.deed}`, { name })} (${keyOf(word)})` : `${t(`tip.${word}`)} (${keyOf(word)})`;
    if (button.title !== text) button.title = text;
  }

  #showNotice() {
    const { notice } = this.bench;
    if (notice === this.#shownNotice) return;
    this.#shownNotice = notice;
    const [shown, other] = notice?.kind === "error" ? [this.urgent, this.polite] : [this.polite, this.urgent];
    fill(other);
    if (notice === null) return void fill(shown);
    const actions = notice.actions.map(({ label, act }) => el("button", { type: "button", onclick: act }, label));
    const close = el("button.plain.close", { type: "button", "aria-label": this.bench.t("close"), onclick: () => this.bench.say("") }, "×");
    fill(shown, el(`div.notice.${notice.kind}`, {}, el("span", {}, notice.text), actions, close));
  }
}

/** After a click with the pointer the keys are the image's again; who came by Tab stays. */
export function afterClick(act) {
  return (event) => {
    if (event.detail > 0) document.querySelector(".stage")?.focus({ preventScroll: true });
    act();
  };
}
