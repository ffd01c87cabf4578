// A certified OpenID provider that is not ours: npm's oidc-provider, with one client and its own login form.
// Its argument is the address to which a login leads back. It prints its port.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{ client_id: "tocsin", client_secret: "made-up-secret", redirect_uris: [process.argv[2]] }],
    cookies: { keys: ["made-up"] },
    pkce: { required: () => true },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  server.on("request", provider.callback());
  console.log(port);
});
