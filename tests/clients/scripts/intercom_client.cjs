// Says the ids of records as intercom-client reads them. Run with a JSON text: token.
const { IntercomClient } = require('intercom-client');

const asked = JSON.parse(process.argv[2]);

async function ids(pages) {
  const found = [];
  for await (const one of await pages) found.push(one.id);
  return found;
}

async function read() {
  const client = new IntercomClient({ token: asked.token });
  const conversations = [];
  let startingAfter;
  do {
    const page = await client.conversations.search({
      query: { field: 'updated_at', operator: '>', value: 0 },
      pagination: { per_page: 20, starting_after: startingAfter },
    });
    conversations.push(...page.response.conversations.map((one) => one.id));
    startingAfter = page.response.pages.next && page.response.pages.next.starting_after;
  } while (startingAfter);
  process.stdout.write(
    JSON.stringify({
      conversations,
      contacts: await ids(client.contacts.list({ per_page: 50 })),
      companies: await ids(client.companies.list({ per_page: 15 })),
      admins: (await client.admins.list()).admins.map((one) => one.id),
    }),
  );
}

read();
