// An OIDC issuer for the tests: oauth2-mock-server, whose module is the first argument. It prints its address, and signs as
// an access token whatever claims a form names as JSON in `claims`.
const { OAuth2Server } = await import(process.argv[2]);

const server = new OAuth2Server();
await server.issuer.keys.generate("RS256");
server.service.on("beforeTokenSigning", (token, request) => {
  token.payload = { iss: token.payload.iss, ...JSON.parse(request.body.claims) };
});
await server.start(0, "127.0.0.1");
console.log(server.issuer.url);
