/** Texts in the language of the reader. A language is one JSON file per part, `lang/<part>.<language>.json`. */

export const LANGUAGES = { en: "English", de: "Deutsch" };
const STORED = "landmarks.language";
const DAY = { dateStyle: "medium", timeStyle: "short" };
const texts = {};
const loaded = new Map();

/** The language that is shown: chosen by the reader, else the browser's, else English. */
export const language = choose();

function choose() {
  const wished = [read(), ...navigator.languages.map((name) => name.slice(0, 2).toLowerCase())];
  return wished.find((name) => name in LANGUAGES) ?? "en";
}

/** The language as it is written where the reader lives. */
function locale() {
  return navigator.languages.find((name) => name.slice(0, 2).toLowerCase() === language) ?? language;
}

function read() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // storage is switched off
  }
}

/** Keeps the reader's choice; the page has to be loaded again. */
export function keepLanguage(name) {
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // it holds for no longer than this page then
  }
}

/** Loads the texts of a part: "" for what all pages share, "annotator" for the annotator. */
export function loadTexts(part = "") {
  if (!loaded.has(part)) loaded.set(part, readPart(part));
  return loaded.get(part);
}

async function readPart(part) {
  const prefix = part ? `${part}.` : "";
  const names = language === "en" ? ["en"] : ["en", language];
  const files = await Promise.all(names.map((name) => readFile(`web/lang/${prefix}${name}.json`)));
  Object.assign(texts, ...files);
}

async function readFile(path) {
  const answer = await fetch(new URL(path, document.baseURI), { credentials: "omit" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/**
 * The text of a key. `{name}` in it stands for a value; a value `count` of 1 chooses the key `<key>.one` if there is one.
 */
export function t(key, values = {}) {
  const text = (values.count === 1 ? texts[`${key}.one`] : undefined) ?? texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** A number as the language writes it. */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** A date and time (ISO text or seconds since 1970) as the language writes it; "" for none. */
export function when(value) {
  if (value === null || value === undefined || value === "") return "";
  const date = new Date(typeof value === "number" ? value * 1000 : value);
  if (Number.isNaN(date.getTime())) return String(value);
  return new Intl.DateTimeFormat(locale(), DAY).format(date);
}
