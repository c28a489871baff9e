/** Training: started, watched, stopped; the versions that came of it, and the way back to an earlier one. */

import { address } from "./client.js";
import { ask } from "./ask.js";
import { chart } from "./chart.js";
import { el, fill, refill } from "./dom.js";
import { number, t, when } from "./i18n.js";
import { every } from "./timer.js";
import { duration, isActive, share, trainingLine } from "./training_line.js";

const SECONDS_ACTIVE = 2;
const SECONDS_IDLE = 10;
/** What a request may choose; the first two stand open. */
const OPTIONS = {
  minutes: { min: 0, step: "any" },
  max_epochs: { min: 1, step: 1 },
  batch_size: { min: 1, step: 1 },
  learning_rate: { min: 0, step: "any" },
  val_fraction: { min: 0, max: 1, step: "any" },
  patience: { min: 0, step: 1 },
  seed: { min: 0, step: 1 },
  device: { text: true },
};
const OPEN = ["minutes", "max_epochs"];

export async function show(root, params, context) {
  const info = await context.client.get("/info/");
  const protocols = Object.values(info.protocols);
  const chosen = protocols.find((protocol) => protocol.name === params.protocol) ?? protocols[0];
  const page = new TrainPage(chosen, info, context);
  const choice = el(
    "select",
    { "aria-label": t("protocol"), onchange: (event) => context.go(`#/train?${new URLSearchParams({ protocol: event.target.value })}`) },
    protocols.map((protocol) => el("option", { value: protocol.name, selected: protocol === chosen }, protocol.title)),
  );
  root.append(
    el("div.row.between", {}, el("h1", {}, t("nav.train")), protocols.length > 1 ? choice : el("p.muted", {}, chosen.title)),
    el("div.train", {}, page.options, el("div.stack", {}, page.course, page.list)),
  );
  page.draw(info);
  await Promise.all([page.loadHistory(), page.loadVersions()]);
  const stop = every(() => (isActive(page.stats) ? SECONDS_ACTIVE : SECONDS_IDLE), () => page.refresh());
  return stop;
}

/** A value that the browser refuses is in sight, so that it can say why. */
function showOption({ target }) {
  target.closest("details")?.toggleAttribute("open", true);
}

class TrainPage {
  #history = [];
  #shownVersion = null;
  #versions = null;
  #stopping = false;

  constructor(protocol, info, context) {
    Object.assign(this, { protocol, client: context.client, message: context.message });
    this.options = el("section.card", { "aria-labelledby": "options-title" });
    this.course = el("section.card", { "aria-labelledby": "course-title" });
    this.list = el("section.card", { "aria-labelledby": "versions-title" });
    this.labels = el("p.muted");
    this.live = el("p.hidden", { role: "status" });
    this.#buildOptions(info);
  }

  get stats() {
    return this.info.train_stats[this.protocol.name] ?? { status: "never" };
  }

  get #path() {
    return `/train/${encodeURIComponent(this.protocol.name)}`;
  }

  async refresh() {
    const before = this.info && this.stats;
    const info = await this.client.get("/info/");
    this.draw(info);
    const now = this.stats;
    if (isActive(now) || before.status !== now.status) await this.loadHistory();
    if (before.status !== now.status || before.model_version !== now.model_version) await this.loadVersions();
  }

  draw(info) {
    this.info = info;
    const { stats } = this;
    if (!isActive(stats)) this.#stopping = false;
    this.labels.textContent = t("train.labels", { count: info.final_labels[this.protocol.name] });
    const said = t(`training.${stats.status}`);
    if (this.live.textContent !== said) this.live.textContent = said;
    this.start.disabled = isActive(stats);
    this.stop.disabled = !isActive(stats) || this.#stopping;
    this.stop.textContent = t(this.#stopping ? "train.stopping" : "train.stop");
    this.#drawCourse();
  }

  // Options

  #buildOptions(info) {
    const defaults = info.trainers[this.protocol.name]?.config ?? {};
    this.fields = Object.fromEntries(
      Object.entries(OPTIONS).map(([name, { text, ...limits }]) => [
        name,
        el("input", { id: `option-${name}`, name, type: text ? "text" : "number", inputmode: text ? null : "decimal", placeholder: defaults[name] ?? t(name === "minutes" ? "train.no_limit" : "train.by_recipe"), oninvalid: showOption, ...limits }),
      ]),
    );
    const field = (name) => el("div.field", {}, el("label", { for: `option-${name}` }, t(`option.${name}`)), this.fields[name]);
    this.start = el("button.primary", { type: "submit" }, t("train.start"));
    this.stop = el("button.danger", { type: "button", onclick: () => this.#stop() }, t("train.stop"));
    fill(
      this.options,
      el("h2", { id: "options-title" }, t("train.new")),
      this.labels,
      el(
        "form.stack",
        {
          onsubmit: (event) => {
            event.preventDefault();
            this.#start();
          },
        },
        el("div.options", {}, OPEN.map(field)),
        el("details", {}, el("summary", {}, t("train.more")), el("div.options", {}, Object.keys(OPTIONS).filter((name) => !OPEN.includes(name)).map(field))),
        el("div.row", {}, this.start, this.stop),
      ),
      el("p.muted", {}, t("train.help")),
      this.live,
    );
  }

  async #start() {
    const chosen = Object.entries(this.fields)
      .map(([name, input]) => [name, input.value.trim()])
      .filter(([, value]) => value !== "")
      .map(([name, value]) => [name, OPTIONS[name].text ? value : Number(value)]);
    this.start.disabled = true;
    try {
      await this.client.json("POST", this.#path, Object.fromEntries(chosen));
      this.#history = [];
      this.#shownVersion = null;
    } catch (error) {
      this.message(error.message, "error");
    }
    await this.#quietly(() => this.refresh());
  }

  async #stop() {
    this.#stopping = true;
    this.draw(this.info);
    try {
      await this.client.json("DELETE", this.#path);
    } catch (error) {
      this.message(error.message, "error");
    }
    this.#stopping = false;
    await this.#quietly(() => this.refresh());
  }

  async #quietly(work) {
    try {
      await work();
    } catch (error) {
      this.message(error.message, "error");
    }
  }

  // Course

  async loadHistory(version = this.#shownVersion) {
    try {
      this.#history = (await this.client.get(address(`${this.#path}/history`, { version }))).history;
      this.#shownVersion = version;
    } catch (error) {
      if (error.status !== 404) throw error;
      this.message(error.message, "error");
    }
    this.#drawCourse();
  }

  #drawCourse() {
    const { stats } = this;
    const version = this.#shownVersion;
    const title = version ? t("train.course_of", { version }) : t(isActive(stats) ? "train.course_now" : "train.course");
    const back = version ? el("button.plain", { type: "button", onclick: () => this.#quietly(() => this.loadHistory(null)) }, t("train.course_last")) : null;
    refill(
      this.course,
      el("div.row.between", {}, el("h2", { id: "course-title" }, title), back),
      version ? null : trainingLine(stats),
      version ? null : this.#now(stats),
      el("div.charts", {}, this.#curve("loss", version ? null : stats), this.#curve("error", version ? null : stats)),
    );
  }

  #now(stats) {
    if (stats.status === "never" || stats.status === "queued") return null;
    const length = (value) => (value === null || value === undefined ? null : `${number(value, 2)} ${stats.unit ?? ""}`);
    const facts = [
      ["train.epoch", stats.max_epochs ? `${stats.epoch} / ${stats.max_epochs}` : stats.epoch],
      ["train.loss", stats.loss === null || stats.loss === undefined ? null : number(stats.loss, 4)],
      ["val_error", length(stats.val_error)],
      ["train.best", length(stats.best)],
      ["train.images", stats.train_images && `${stats.train_images} + ${stats.val_images}`],
      ["train.elapsed", duration(stats.seconds ?? stats.total_time)],
      ["option.device", stats.device],
    ].filter(([, value]) => value !== null && value !== undefined && value !== "");
    return el("dl.now", {}, facts.map(([key, value]) => el("div", {}, el("dt", {}, t(key)), el("dd", {}, value))));
  }

  #curve(kind, stats) {
    const key = kind === "loss" ? "loss" : "val_error";
    const points = this.#history.filter((entry) => Number.isFinite(entry[key])).map((entry) => ({ x: entry.epoch, y: entry[key] }));
    const runs = stats?.status === "running";
    const at = runs && kind === "loss" && Number.isFinite(stats.loss) ? share(stats) * stats.max_epochs : null;
    return chart({
      title: t(kind === "loss" ? "train.loss" : "val_error"),
      kind,
      points,
      live: at === null ? null : { x: at, y: stats.loss },
      unit: kind === "error" ? (stats?.unit ?? this.#unit()) : "",
      epochs: runs ? stats.max_epochs : 0,
    });
  }

  #unit() {
    return this.#versions?.find((version) => version.unit)?.unit ?? "";
  }

  // Versions

  async loadVersions() {
    const answer = await this.client.get(`${this.#path}/versions`);
    this.#showVersions(answer);
  }

  #showVersions({ versions, rollbacks }) {
    this.#versions = versions;
    const moved = Object.fromEntries((this.info.agreement[this.protocol.name] ?? []).map((row) => [row.model_version, row]));
    const heads = ["version", "date", "labels_used", "val_error", "train.moved", ""];
    const last = rollbacks.at(-1);
    refill(
      this.list,
      el("h2", { id: "versions-title" }, t("train.versions")),
      versions.length
        ? el(
            "div.scroll",
            {},
            el(
              "table",
              {},
              el("thead", {}, el("tr", {}, heads.map((key, index) => el(index >= 2 && index <= 4 ? "th.number" : "th", { scope: "col" }, key ? t(key) : el("span.hidden", {}, t("actions")))))),
              el("tbody", {}, versions.map((version) => this.#row(version, moved[version.version]))),
            ),
          )
        : el("p.muted", {}, t("train.no_versions")),
      last ? el("p.muted", {}, t("train.last_rollback", { from: last.from ?? "–", to: last.to, time: when(last.time), by: last.by ?? "–" })) : null,
    );
  }

  #row(version, moved) {
    const published = version.kind === "published";
    return el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        el("span.row", {}, published ? version.version : `${version.version} (${t("train.shipped")})`, version.current ? el("span.tag.final", {}, t("train.current")) : null),
      ),
      el("td", {}, when(version.date)),
      el("td.number", {}, version.labels_used ?? "–"),
      el("td.number", {}, Number.isFinite(version.val_error) ? `${number(version.val_error, 2)} ${version.unit}` : "–"),
      el("td.number", {}, moved && moved.mean !== null ? t("train.moved_by", { distance: `${number(moved.mean, 1)} ${moved.unit}`, count: moved.labels }) : "–"),
      el(
        "td",
        {},
        version.problem
          ? el("span.problem", {}, version.problem)
          : el(
              "span.actions",
              {},
              published ? el("button.plain", { type: "button", "aria-label": t("train.curves_of", { version: version.version }), onclick: () => this.#quietly(() => this.loadHistory(version.version)) }, t("train.curves")) : null,
              version.current ? null : el("button", { type: "button", "aria-label": t("train.use_version", { version: version.version }), onclick: () => this.#rollBack(version) }, t("train.use")),
            ),
      ),
    );
  }

  async #rollBack(version) {
    const agreed = await ask(t("train.use_version", { version: version.version }), t("train.use_explained"), t("train.use"));
    if (!agreed) return;
    try {
      this.#showVersions(await this.client.json("POST", `${this.#path}/rollback`, { to: version.name }));
      this.message(t("train.used", { version: version.version }), "good");
      await this.refresh();
    } catch (error) {
      this.message(error.message, "error");
    }
  }
}
