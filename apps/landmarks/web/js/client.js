/** Requests to the server. The token lives in this object alone: no address, no storage, no log ever holds it. */

/** Why a request was not answered: the server's sentence, and its HTTP status (0 where nothing answered). */
export class Refusal extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.name = "Refusal";
    this.status = status;
  }
}

export class Client {
  #token = null;
  #signingIn = null;

  /**
   * @param {object} hooks
   * @param {(sentence: string) => Promise<string>} hooks.askToken - asks the person for the token.
   * @param {(answers: boolean) => void} [hooks.onLink] - told whether the server answers.
   * @param {() => string} [hooks.unreachable] - the sentence for a server that does not answer.
   */
  constructor({ askToken, onLink = () => {}, unreachable = () => "The server does not answer." }) {
    this.askToken = askToken;
    this.onLink = onLink;
    this.unreachable = unreachable;
  }

  /** The JSON of an address. `options.signal` aborts. */
  async get(path, options = {}) {
    return (await this.fetch(path, options)).json();
  }

  /** Sends JSON (nothing where `body` is undefined) and gives the JSON that answers. */
  async json(method, path, body, options = {}) {
    const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    const answer = await this.fetch(path, { ...options, method, ...content });
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  }

  /** The bytes of an address, for instance a picture; an `<img>` itself could not send the token. */
  async blob(path, options = {}) {
    return (await this.fetch(path, options)).blob();
  }

  /** Sends a form, as `PUT /datastore/label` takes it, and gives the JSON that answers. */
  async put(path, form, options = {}) {
    return (await this.fetch(path, { ...options, method: "PUT", body: form })).json();
  }

  /**
   * A response with a good status; asks for the token where the server does, and sends the request again.
   *
   * @throws {Refusal} any other refusal, and a server that does not answer.
   */
  async fetch(path, options = {}) {
    for (;;) {
      const sent = this.#token;
      const headers = { ...options.headers, ...(sent === null ? {} : { Authorization: `Bearer ${sent}` }) };
      const response = await this.#send(path, { ...options, headers });
      if (response.ok) return response;
      const refusal = await refused(response);
      if (response.status !== 401) throw refusal;
      if (sent === this.#token) await this.#signIn(sent === null ? "" : refusal.message);
    }
  }

  async #send(path, options) {
    let response;
    try {
      response = await fetch(new URL(path.replace(/^\//, ""), document.baseURI), {
        ...options,
        credentials: "omit",
        redirect: "error",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      this.onLink(false);
      throw new Refusal(this.unreachable(), 0);
    }
    this.onLink(true);
    return response;
  }

  /** Asks once, however many requests wait for it. */
  async #signIn(sentence) {
    this.#signingIn ??= Promise.resolve(this.askToken(sentence)).finally(() => {
      this.#signingIn = null;
    });
    this.#token = await this.#signingIn;
  }
}

async function refused(response) {
  let sentence = `${response.status} ${response.statusText}`;
  try {
    sentence = (await response.json()).detail ?? sentence;
  } catch {
    // no JSON: a proxy between answers for itself
  }
  return new Refusal(String(sentence), response.status);
}

/** An address with its query; values that are null, undefined or "" are left out. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}
