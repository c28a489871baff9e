/** The start page: what is served, how far the images are, how good the network is, how 3D Slicer joins. */

import { address } from "./client.js";
import { el, fill, refill } from "./dom.js";
import { number, t, when } from "./i18n.js";
import { STATES, annotate, sign } from "./states.js";
import { Thumbnails } from "./thumbnails.js";
import { every } from "./timer.js";
import { isActive, trainingLine } from "./training_line.js";

const SHOWN = 5;
const REFRESH_SECONDS = 5;

export async function show(root, params, { client, message }) {
  const thumbnails = new Thumbnails(client, 160);
  const [info, ...pages] = await Promise.all([client.get("/info/"), ...STATES.map((state) => firstImages(client, state))]);
  const protocols = Object.values(info.protocols);
  const [head, pictures, networks] = [el("div.row.between.start-head"), el("section.card", { "aria-labelledby": "images-title" }), el("div.stack")];
  let drawn = "";
  const drawImages = (now, found) => {
    drawn = JSON.stringify(now.datastore);
    thumbnails.drop(pictures);
    refill(head, heading(protocols, found[0].states));
    refill(pictures, images(found, thumbnails));
  };
  const drawNetworks = (now) => refill(networks, protocols.map((protocol) => network(protocol, now)));
  drawImages(info, pages);
  drawNetworks(info);
  fill(
    root,
    head,
    Object.values(info.problems).map((problem) => el("p.notice.bad", { role: "alert" }, problem)),
    el(
      "div.start",
      {},
      pictures,
      el("div.stack.side", {}, networks, slicer(message)),
    ),
  );
  const stop = every(REFRESH_SECONDS, async () => {
    const now = await client.get("/info/");
    drawNetworks(now);
    if (JSON.stringify(now.datastore) !== drawn) drawImages(now, await Promise.all(STATES.map((state) => firstImages(client, state))));
  });
  return () => {
    stop();
    thumbnails.close();
  };
}

function firstImages(client, state) {
  return client.get(address("/datastore/images", { state, limit: SHOWN }));
}

function heading(protocols, states) {
  const left = states.unlabeled + states.draft;
  const single = protocols.length === 1;
  const next = protocols.map((protocol, index) =>
    el(index ? "a.button" : "a.button.primary", { href: single ? "#/annotate" : `#/annotate?${new URLSearchParams({ protocol: protocol.name })}` },
      single ? t("start.annotate") : t("start.annotate_protocol", { title: protocol.title })),
  );
  return [
    el(
      "div.lead",
      {},
      el("h1", {}, single ? protocols[0].title : t("start.title")),
      el("p.muted", {}, single ? protocols[0].description : t("start.several", { count: protocols.length })),
    ),
    left ? el("div.row", {}, next) : null,
  ];
}

function images(pages, thumbnails) {
  const { total, states, flagged } = pages[0];
  if (!total) return [el("h2", { id: "images-title" }, t("start.images")), el("p", {}, t("start.no_images"))];
  const bar = el("div.bar", { role: "img", "aria-label": STATES.map((state) => `${t(`state.${state}`)}: ${states[state]}`).join(", ") });
  for (const state of [...STATES].reverse()) {
    if (!states[state]) continue;
    const part = el(`span.${state}`);
    part.style.flexGrow = states[state];
    bar.append(part);
  }
  return [
    el(
      "div.row.between",
      {},
      el("h2", { id: "images-title" }, t("start.images_total", { count: total })),
      flagged ? el("a", { href: "#/review" }, t("start.flagged", { count: flagged })) : null,
    ),
    bar,
    STATES.map((state, index) => strip(state, pages[index], states[state], thumbnails)),
  ];
}

function strip(state, page, count, thumbnails) {
  return el(
    "div.strip",
    {},
    el("a.strip-title", { href: `#/list?${new URLSearchParams({ state })}` }, sign(state), t(`state.${state}`), el("b", {}, number(count))),
    count
      ? el("ul.thumbs", {}, page.images.map(({ id }) => el("li", {}, el("a.thumb-link", { href: annotate(id), title: id, "aria-label": t("open", { id }) }, thumbnails.of(id)))))
      : el("p.muted", {}, t(`start.none.${state}`)),
  );
}

function network(protocol, info) {
  const model = info.models[protocol.name];
  const stats = info.train_stats[protocol.name] ?? { status: "never" };
  const rows = info.agreement[protocol.name] ?? [];
  return el(
    "section.card",
    {},
    el("div.row.between", {}, el("h2", {}, Object.keys(info.protocols).length > 1 ? protocol.title : t("start.network")), el("a", { href: `#/train?${new URLSearchParams({ protocol: protocol.name })}` }, t("nav.train"))),
    model ? facts(model) : el("p", {}, t("start.no_network")),
    model?.message ? el("p.muted", {}, model.message) : null,
    isActive(stats) || stats.status !== "never" ? trainingLine(stats) : null,
    el("h3", {}, t("start.agreement")),
    rows.length ? agreement(rows) : el("p.muted", {}, t("start.no_agreement")),
  );
}

function facts(model) {
  const known = model.training ?? {};
  const entries = [
    [t("version"), model.model_version],
    [t("val_error"), known.val_error === undefined || known.val_error === null ? null : `${number(known.val_error, 2)} ${known.unit}`],
    [t("labels_used"), known.labels_used],
    [t("date"), when(known.date)],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl.facts", {}, entries.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function agreement(rows) {
  return el(
    "div.scroll",
    {},
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("version")), el("th.number", { scope: "col" }, t("start.images_short")), el("th.number", { scope: "col" }, t("start.moved_mean")), el("th.number", { scope: "col" }, t("start.untouched")))),
      el(
        "tbody",
        {},
        rows.slice(-4).map((row) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, row.model_version),
            el("td.number", {}, number(row.labels)),
            el("td.number", {}, row.mean === null ? "–" : `${number(row.mean, 1)} ${row.unit}`),
            el("td.number", {}, row.untouched === null ? "–" : `${number(100 * row.untouched)} %`),
          ),
        ),
      ),
    ),
  );
}

function slicer(message) {
  const url = new URL(document.baseURI).origin;
  const field = el("input.mono", { readonly: true, value: url, "aria-label": t("slicer.address"), onfocus: () => field.select() });
  const copy = async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(url);
      message(t("slicer.copied"), "good");
    } catch {
      message(t("slicer.copy_by_hand")); // not allowed outside https and this machine
    }
  };
  return el(
    "section.card",
    {},
    el("h2", {}, t("slicer.title")),
    el("p", {}, t("slicer.how")),
    el("div.row.copy", {}, field, el("button", { type: "button", onclick: copy }, t("slicer.copy"))),
  );
}
