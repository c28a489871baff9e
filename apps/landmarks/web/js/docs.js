/** The page `/docs`: all addresses of the server, as `/openapi.json` describes them. */

import { Client } from "./client.js";
import { el, fill } from "./dom.js";
import { loadTexts, t } from "./i18n.js";
import { askToken } from "./signin.js";

const METHODS = ["get", "head", "post", "put", "delete"];

async function start() {
  await loadTexts();
  const dialog = document.getElementById("signin");
  const client = new Client({ askToken: (refusal) => askToken(dialog, refusal), unreachable: () => t("unreachable") });
  const root = el("div.page.api");
  fill(document.getElementById("main"), root);
  try {
    const described = await client.get("/openapi.json");
    root.append(...parts(described));
    root.querySelector("#save").addEventListener("click", () => save(described));
    document.title = `${described.info.title} ${described.info.version}`;
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  } catch (error) {
    root.append(el("p.problem", { role: "alert" }, error.message));
  }
}

/** A link could not send the token. */
function save(described) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(described, null, 2)], { type: "application/json" }));
  el("a", { href: url, download: "openapi.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function parts(described) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(described.paths)) {
    for (const method of METHODS.filter((name) => name in methods)) {
      const tag = methods[method].tags?.[0] ?? "";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(described, path, method, methods[method]));
    }
  }
  return [
    el("div.lead", {}, el("h1", {}, `${described.info.title} ${described.info.version}`), el("p.muted", {}, plain(described.info.description))),
    described.security ? el("p.notice", {}, "Each request needs the header ", el("code", {}, "Authorization: Bearer TOKEN"), ".") : null,
    el("div", {}, el("button", { id: "save", type: "button" }, "Save openapi.json")),
    ...[...groups].map(([tag, operations]) => el("section.card", {}, el("h2", {}, tag), operations)),
  ].filter(Boolean);
}

function operation(described, path, method, said) {
  const body = said.requestBody?.content ?? {};
  const answers = Object.entries(said.responses).filter(([status]) => status < "400");
  const refusals = Object.entries(said.responses).filter(([status]) => status >= "400");
  return el(
    "details.operation",
    { id: said.operationId },
    el("summary", {}, el(`code.method.${method}`, {}, method.toUpperCase()), el("code.path", {}, path), el("span.muted", {}, said.summary ?? "")),
    said.parameters?.length
      ? table(["Parameter", "In", "Kind", "Meaning"], said.parameters.map((each) => [
          el("code", {}, each.name, each.required ? " *" : ""),
          each.in,
          kind(described, each.schema),
          plain(each.description ?? each.schema?.description ?? ""),
        ]))
      : null,
    Object.entries(body).map(([type, { schema }]) => [el("h3", {}, `Body: ${type}`), fields(described, schema)]),
    el("h3", {}, "Answers"),
    table(["Status", "Kind", "Meaning"], answers.map(([status, answer]) => [status, Object.keys(answer.content ?? {}).join(", "), plain(answer.description)])),
    el("details", {}, el("summary", {}, "Refusals"), table(["Status", "Meaning"], refusals.map(([status, answer]) => [status, plain(answer.description)]))),
  );
}

function fields(described, schema) {
  const whole = resolve(described, schema);
  const object = whole.properties ? whole : (whole.anyOf ?? []).map((each) => resolve(described, each)).find((each) => each.properties);
  if (!object) return el("p", {}, kind(described, schema));
  const required = object.required ?? [];
  return table(["Field", "Kind", "Meaning"], Object.entries(object.properties).map(([name, field]) => [
    el("code", {}, name, required.includes(name) ? " *" : ""),
    kind(described, field),
    plain(resolve(described, field).description ?? ""),
  ]));
}

/** A type in words: with its limits, choices and default. */
function kind(described, schema) {
  if (!schema) return "";
  const whole = resolve(described, schema);
  if (whole.anyOf) return whole.anyOf.map((each) => kind(described, each)).join(" or ") + standard(whole);
  if (whole.enum) return whole.enum.map((value) => JSON.stringify(value)).join(" | ") + standard(whole);
  if (whole.const !== undefined) return JSON.stringify(whole.const);
  if (whole.type === "array") return `list of ${kind(described, whole.items)}`;
  const limits = [
    whole.minimum !== undefined && `from ${whole.minimum}`,
    whole.exclusiveMinimum !== undefined && `above ${whole.exclusiveMinimum}`,
    whole.maximum !== undefined && `up to ${whole.maximum}`,
    whole.pattern && `like ${whole.pattern}`,
    whole.maxLength !== undefined && `up to ${whole.maxLength} characters`,
  ].filter(Boolean);
  const type = whole.format === "binary" || whole.contentMediaType ? "file" : (whole.type ?? "any JSON");
  return [type, ...limits].join(", ") + standard(whole);
}

function standard({ default: value }) {
  return value === undefined || value === null || value === "" ? "" : `, default ${JSON.stringify(value)}`;
}

function resolve(described, schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? described.components.schemas[name] : (schema ?? {});
}

function plain(text) {
  return String(text ?? "").replaceAll("`", "");
}

function table(heads, rows) {
  if (!rows.length) return null;
  return el("div.scroll", {}, el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))));
}

start();
