/**
 * The protocols that a server offers, those that can find landmarks first: by a network, or by the first labels.
 *
 * @param {{protocols: Object<string, object>, models: Object<string, object>}} info of the server.
 */
export function offered({ protocols, models }) {
  return Object.values(protocols).sort((a, b) => (b.name in models) - (a.name in models));
}
