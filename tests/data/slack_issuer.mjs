// Slack's part in signing in, by oauth2-mock-server, whose module is the first argument, on the paths that Slack has. It
// prints its address. Claims of Slack's own are added, and `ok`, without which Slack answers nothing.
const { OAuth2Server } = await import(process.argv[2]);

const server = new OAuth2Server(undefined, undefined, {
  endpoints: { authorize: "/openid/connect/authorize", token: "/api/openid.connect.token", jwks: "/openid/connect/keys" },
});
await server.issuer.keys.generate("RS256");
server.service.on("beforeTokenSigning", (token) => {
  Object.assign(token.payload, { sub: "U01ALICE", "https://slack.com/team_id": "T01SHIPBELL", "https://slack.com/user_id": "U01ALICE" });
});
server.service.on("beforeResponse", (answer) => { answer.body.ok = true; });
await server.start(0, "127.0.0.1");
console.log(server.issuer.url);
